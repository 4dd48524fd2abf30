//! One answer of a service, read from a connection.

use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Complete, with status 200.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    /// Whether the service closes the connection.
    pub(crate) closes: bool,
}

impl Reply {
    /// Reads one answer; anything other than status 200 with a length is a fault.
    pub(crate) async fn read(stream: &mut TcpStream) -> Result<Self, Fault> {
        let mut bytes = Vec::with_capacity(READ_BYTES);
        loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err("it closed the connection before its answer was complete".into());
            }
            if let Some((head_length, reply_length, closes)) = parse_head(&bytes)?
                && bytes.len() >= reply_length
            {
                return Ok(Self { body: bytes.split_off(head_length), closes });
            }
        }
    }

    /// Whether it contains the credential that the STS issues: for each answer, since it is fast.
    pub(crate) fn has_credential(&self) -> bool {
        std::str::from_utf8(&self.body).is_ok_and(|text| text.contains(sts::TMP_SECRET_KEY))
    }

    /// Compares every member of the credential with the one that the STS issues; the fault of a
    /// wrong one never repeats a secret.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let answer: Value =
            serde_json::from_slice(&self.body).map_err(|_| "its answer is not JSON")?;
        for (pointer, issued) in [
            ("/data/credentials/tmpSecretId", sts::TMP_SECRET_ID),
            ("/data/credentials/tmpSecretKey", sts::TMP_SECRET_KEY),
            ("/data/credentials/sessionToken", sts::token()),
        ] {
            if answer.pointer(pointer).and_then(Value::as_str) != Some(issued) {
                return Err(format!("its {pointer} is not the one issued").into());
            }
        }
        match answer.pointer("/data/expiredTime").and_then(Value::as_i64) {
            Some(time) if time > clock::unix_seconds() => Ok(()),
            _ => Err("its /data/expiredTime is missing or past".into()),
        }
    }
}

const READ_BYTES: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;

/// The lengths of the head and of the whole answer, and whether the connection ends with it.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, usize, bool)>, Fault> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(head_length) = head.parse(bytes)? else { return Ok(None) };
    if head.code != Some(200) {
        return Err(format!("it answered with status {:?}", head.code).into());
    }
    let value = |name: &str| {
        let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let length: usize = value("content-length").ok_or("its answer has no length")?.parse()?;
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some((head_length, head_length.saturating_add(length), closes)))
}

#[cfg(test)]
mod tests {
    use super::{Reply, parse_head};
    use cos_issuer_bench_sts::sts;
    use serde_json::{Value, json};

    #[test]
    fn a_head_is_read_when_it_is_complete() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nConnection: close\r\n\r\n";
        assert_eq!(parse_head(head).unwrap(), Some((head.len(), head.len() + 3, true)));
        assert_eq!(parse_head(&head[..20]).unwrap(), None);
    }

    #[test]
    fn a_refusal_and_an_answer_without_a_length_are_faults() {
        for (head, named) in [
            (&b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"[..], "502"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "length"),
        ] {
            assert!(parse_head(head).unwrap_err().to_string().contains(named));
        }
    }

    #[test]
    fn each_member_of_the_credential_is_checked() {
        let right = json!({"data": {
            "credentials": {
                "tmpSecretId": sts::TMP_SECRET_ID, "tmpSecretKey": sts::TMP_SECRET_KEY, "sessionToken": sts::token(),
            },
            "expiredTime": i64::MAX,
        }});
        let reply = |answer: &Value| Reply { body: answer.to_string().into_bytes(), closes: false };
        reply(&right).check().unwrap();
        for pointer in [
            "/data/credentials/tmpSecretId",
            "/data/credentials/tmpSecretKey",
            "/data/credentials/sessionToken",
            "/data/expiredTime",
        ] {
            let mut wrong = right.clone();
            *wrong.pointer_mut(pointer).unwrap() = json!(1);
            let fault = reply(&wrong).check().unwrap_err().to_string();
            assert!(fault.contains(pointer) && !fault.contains(sts::TMP_SECRET_KEY), "{fault}");
        }
        assert!(!reply(&json!({"code": 500})).has_credential());
    }
}
