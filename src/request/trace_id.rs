//! The trace that a request belongs to, as its headers name it.
//!
//! # Guarantees
//! An id is 32 hexadecimal digits. Whatever is not one counts as absent.
//!
//! # Not covered
//! Spans, sampling, and passing the trace on: the id is only for the log.

use http::HeaderMap;

/// The id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 32]);

impl TraceId {
    /// Whether a header of this name, in lower case, can contain one.
    pub fn is_in(name: &str) -> bool {
        matches!(name, TRACEPARENT | X_AMZN_TRACE_ID)
    }

    /// The id of W3C's `traceparent`, or else that of AWS's `X-Amzn-Trace-Id`.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let of = |name: &str, parse: fn(&str) -> Option<Self>| {
            let mut values = headers.get_all(name).iter();
            // Of two ids, neither can be trusted.
            let only = values.next().filter(|_| values.next().is_none())?;
            parse(only.to_str().ok()?)
        };
        of(TRACEPARENT, Self::of_w3c).or_else(|| of(X_AMZN_TRACE_ID, Self::of_aws))
    }

    /// <https://www.w3.org/TR/trace-context/#traceparent-header>
    fn of_w3c(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let (version, trace_id) = (parts.next()?, parts.next()?);
        let (parent_id, flags) = (parts.next()?, parts.next()?);
        let is_version = is_hex(version, 2) && version != "ff";
        // Only later versions may have more parts.
        let has_end = version != "00" || parts.next().is_none();
        let is_parent = is_hex(parent_id, 16) && parent_id.bytes().any(|digit| digit != b'0');
        let is_valid = is_version && has_end && is_parent && is_hex(flags, 2);
        is_valid.then(|| Self::of_digits(trace_id.as_bytes(), b""))?
    }

    /// `Root=1-<8 digits>-<24 digits>`, with the two parts of the id joined as X-Ray itself does.
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>
    fn of_aws(text: &str) -> Option<Self> {
        let root = text.split(';').find_map(|field| field.trim().strip_prefix("Root="))?;
        let (time, random) = root.strip_prefix("1-")?.split_once('-')?;
        (time.len() == 8).then(|| Self::of_digits(time.as_bytes(), random.as_bytes()))?
    }

    fn of_digits(first: &[u8], rest: &[u8]) -> Option<Self> {
        let mut id = [0; 32];
        let length = first.len().checked_add(rest.len())?;
        let digits = first.iter().chain(rest);
        id.iter_mut().zip(digits).for_each(|(place, digit)| *place = *digit);
        let is_id = length == id.len() && id.iter().all(is_digit) && id.iter().any(|d| *d != b'0');
        is_id.then_some(Self(id))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.as_bytes().iter().all(is_digit)
}

fn is_digit(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

const TRACEPARENT: &str = "traceparent";
const X_AMZN_TRACE_ID: &str = "x-amzn-trace-id";

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::TraceId;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(headers: &[(&'static str, &str)]) -> Option<String> {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().map(pair) {
            map.append(name, value);
        }
        TraceId::from_headers(&map).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn a_valid_header_names_a_trace() {
        for traceparent in [
            format!("00-{ID}-00f067aa0ba902b7-01"),
            format!("00-{ID}-00f067aa0ba902b7-ff"),
            format!("cc-{ID}-00f067aa0ba902b7-01"),
            format!("cc-{ID}-00f067aa0ba902b7-01-what-comes-later"),
        ] {
            assert_eq!(of(&[("traceparent", &traceparent)]).as_deref(), Some(ID), "{traceparent}");
        }
        let root = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736";
        for aws in
            [root.to_owned(), format!("Self=1-2-3; {root};Parent=53995c3f42cd8ad8;Sampled=1")]
        {
            assert_eq!(of(&[("x-amzn-trace-id", &aws)]).as_deref(), Some(ID), "{aws}");
        }
    }

    #[test]
    fn anything_else_counts_as_absent() {
        let zero = "0".repeat(32);
        for traceparent in [
            String::new(),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("0-{ID}-00f067aa0ba902b7-01"),
            format!("00-{zero}-00f067aa0ba902b7-01"),
            format!("00-{ID}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            format!("00-{ID}-00f067aa0ba902b7-01-more"),
            format!("00-{ID}-00f067aa0ba902b7-01-"),
            format!("00-{ID}-00f067aa0ba902b7-1"),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("cc-{ID}-00f067aa0ba902b7-01.more"),
            format!("00-{ID}0-00f067aa0ba902b7-01"),
            format!(" 00-{ID}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(of(&[("traceparent", &traceparent)]), None, "{traceparent}");
        }
        for aws in [
            "Root=1-4bf92f35-77b34da6a3ce929d0e0e473",
            "Root=1-4bf92f3-577b34da6a3ce929d0e0e4736",
            "Root=2-4bf92f35-77b34da6a3ce929d0e0e4736",
            "Root=1-4BF92F35-77b34da6a3ce929d0e0e4736",
            "Root=1-00000000-000000000000000000000000",
            "Parent=1-4bf92f35-77b34da6a3ce929d0e0e4736",
            "1-4bf92f35-77b34da6a3ce929d0e0e4736",
        ] {
            assert_eq!(of(&[("x-amzn-trace-id", aws)]), None, "{aws}");
        }
        let two = format!("00-{ID}-00f067aa0ba902b7-01");
        assert_eq!(of(&[("traceparent", &two), ("traceparent", &two)]), None);
    }
}
