//! As much of HTTP/1.1 as a message with a `Content-Length` needs.

use cos_issuer_bench_sts::fault::Fault;

/// How many bytes a message lacks; at least one while its head is not complete.
pub(crate) fn missing_bytes(message: &[u8]) -> Result<usize, Fault> {
    let Some(end) = message.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(1);
    };
    let (head, rest) = message.split_at(end);
    let lines = head.split(|byte| *byte == b'\n');
    let length = lines.filter_map(content_length).next().unwrap_or(Ok(0))?;
    // The blank line is in the rest.
    Ok(length.saturating_add(4).saturating_sub(rest.len()))
}

fn content_length(line: &[u8]) -> Option<Result<usize, Fault>> {
    let (name, value) = line.split_at_checked(NAME.len())?;
    let value = || Ok(std::str::from_utf8(value)?.trim().parse()?);
    name.eq_ignore_ascii_case(NAME).then(value)
}

const NAME: &[u8] = b"content-length:";

#[cfg(test)]
mod tests {
    use super::missing_bytes;

    #[test]
    fn a_message_is_complete_with_its_body() {
        for (message, missing) in [
            ("", 1),
            ("GET / HTTP/1.1\r\n", 1),
            ("GET / HTTP/1.1\r\n\r\n", 0),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", 3),
            ("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length:3\r\n\r\nab", 1),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 0),
        ] {
            assert_eq!(missing_bytes(message.as_bytes()).unwrap(), missing, "{message}");
        }
        assert!(missing_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
    }
}
