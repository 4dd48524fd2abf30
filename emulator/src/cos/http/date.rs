//! Dates in XML.

use tencent::time::Timestamp;

/// As in lists: `2020-12-10T03:37:30.000Z`.
pub(crate) fn with_milliseconds(moment: Timestamp) -> String {
    let text = moment.iso_8601();
    format!("{}.000Z", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, with_milliseconds};

    #[test]
    fn moments_have_milliseconds() {
        let moment = Timestamp::from_unix_seconds(1_586_542_915).unwrap();
        assert_eq!(with_milliseconds(moment), "2020-04-10T18:21:55.000Z");
    }
}
