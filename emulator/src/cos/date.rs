//! Dates as HTTP headers and as XML have them.

use std::time::{Duration, UNIX_EPOCH};

use tencent::time::Timestamp;

/// As in `Last-Modified`: `Fri, 10 Apr 2020 18:21:55 GMT`.
pub(crate) fn http(moment: Timestamp) -> String {
    let seconds = u64::try_from(moment.unix_seconds()).unwrap_or(0);
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    httpdate::fmt_http_date(time.unwrap_or(UNIX_EPOCH))
}

/// The moment that a header names; `None` when it is no date.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let since_1970 = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Timestamp::from_unix_seconds(i64::try_from(since_1970.as_secs()).ok()?)
}

/// As in lists: `2020-12-10T03:37:30.000Z`.
pub(crate) fn with_milliseconds(moment: Timestamp) -> String {
    let text = moment.iso_8601();
    format!("{}.000Z", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn dates_there_and_back() {
        let moment = Timestamp::from_unix_seconds(1_586_542_915).unwrap();
        assert_eq!(super::http(moment), "Fri, 10 Apr 2020 18:21:55 GMT");
        assert_eq!(super::parse("Fri, 10 Apr 2020 18:21:55 GMT"), Some(moment));
        assert_eq!(super::with_milliseconds(moment), "2020-04-10T18:21:55.000Z");
        for text in [
            "",
            "yesterday",
            "2020-04-10",
            "Fri, 10 Apr 1969 18:21:55 GMT",
        ] {
            assert_eq!(super::parse(text), None, "{text}");
        }
    }
}
