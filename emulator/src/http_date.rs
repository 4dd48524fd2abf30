//! Dates of HTTP headers, the only reader and writer of them.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use tencent::time::Timestamp;

/// `Fri, 10 Apr 2020 18:21:55 GMT`.
pub(crate) fn text(moment: Timestamp) -> String {
    let seconds = u64::try_from(moment.unix_seconds()).unwrap_or(0);
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    httpdate::fmt_http_date(time.unwrap_or(UNIX_EPOCH))
}

/// The value of a header such as `Date`.
pub(crate) fn header_value(moment: Timestamp) -> Option<HeaderValue> {
    HeaderValue::from_str(&text(moment)).ok()
}

/// The moment that a header names; `None` when the text is not a date since 1970.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let since_1970 = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_unix_seconds(i64::try_from(since_1970.as_secs()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, parse, text};

    #[test]
    fn dates_there_and_back() {
        let moment = Timestamp::from_unix_seconds(1_586_542_915).unwrap();
        assert_eq!(text(moment), "Fri, 10 Apr 2020 18:21:55 GMT");
        assert_eq!(parse("Fri, 10 Apr 2020 18:21:55 GMT"), Some(moment));
        for wrong in ["", "yesterday", "2020-04-10", "Fri, 10 Apr 1969 18:21:55 GMT"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
