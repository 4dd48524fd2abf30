//! Bodies that S3 clients send in chunks, with a signature for each chunk or trailers after the
//! last.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>
//!
//! ```text
//! 400;chunk-signature=<hex>\r\n<1024 bytes>\r\n
//! 0;chunk-signature=<hex>\r\n
//! x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:<hex>\r\n\r\n
//! ```
//!
//! # Guarantees
//!
//! The body ends well only after its final chunk, with exactly the bytes that its head declares.
//! Bytes are returned before the signature of their chunk is checked, so nothing may come of them
//! until [`ChunkDecoder::finish`] has succeeded. Memory is bounded.
//!
//! # Not covered
//!
//! The least size of a chunk.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tencent::sign::aws4::Signer;

use crate::cos::error::{self, CosError};

/// The signatures of a body's chunks: each is over the one before it.
pub(crate) struct ChunkSignatures {
    pub(crate) signer: Signer,
    /// That of the head, then of each chunk.
    pub(crate) previous: String,
}

/// Reads a body in chunks.
pub(crate) struct ChunkDecoder {
    signatures: Option<ChunkSignatures>,
    /// The names that the head declares; `None` without trailers.
    declared: Option<Vec<String>>,
    /// How many bytes of the object are still to come.
    left: u64,
    state: State,
    line: Vec<u8>,
    trailers: Vec<(String, String)>,
}

enum State {
    Size,
    Data { left: u64, hash: Sha256, signature: String },
    DataEnd,
    Trailers,
    End,
}

impl ChunkDecoder {
    /// For an object of `length` bytes. `declared` are the names of its trailers.
    pub(crate) fn new(
        length: u64,
        signatures: Option<ChunkSignatures>,
        declared: Option<Vec<String>>,
    ) -> Self {
        let (line, trailers) = (Vec::new(), Vec::new());
        Self { signatures, declared, left: length, state: State::Size, line, trailers }
    }

    /// The next bytes of the object that `received` contains; `None` once more has to be received.
    pub(crate) fn next(&mut self, received: &mut Bytes) -> Result<Option<Bytes>, CosError> {
        loop {
            if let State::Data { left, hash, .. } = &mut self.state {
                if received.is_empty() {
                    return Ok(None);
                }
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
                let bytes = received.split_to(length);
                hash.update(&bytes);
                *left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.end_chunk()?;
                }
                return Ok(Some(bytes));
            }
            if matches!(self.state, State::End) {
                return match received.is_empty() {
                    true => Ok(None),
                    false => Err(malformed("nothing may follow the end of the chunks")),
                };
            }
            let Some(line) = self.line(received)? else {
                return Ok(None);
            };
            match self.state {
                State::Size => self.begin_chunk(&line)?,
                State::DataEnd if line.is_empty() => self.state = State::Size,
                State::DataEnd => return Err(malformed("a chunk must end with a line break")),
                State::Trailers => self.trailer(&line)?,
                State::Data { .. } | State::End => {}
            }
        }
    }

    /// The trailers, once the body has ended.
    pub(crate) fn finish(self) -> Result<Vec<(String, String)>, CosError> {
        match self.state {
            State::End => Ok(self.trailers),
            _ => Err(malformed("the body must end with a chunk of size 0 and an empty line")),
        }
    }

    /// A line without its end; `None` until it is complete.
    fn line(&mut self, received: &mut Bytes) -> Result<Option<String>, CosError> {
        let end = received.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(received.len(), |end| end.saturating_add(1));
        if self.line.len().saturating_add(length) > MAX_LINE_BYTES {
            return Err(malformed("a line between chunks is too long"));
        }
        self.line.extend_from_slice(&received.split_to(length));
        if end.is_none() {
            return Ok(None);
        }
        let line = String::from_utf8(std::mem::take(&mut self.line)).ok();
        let line = line.and_then(|line| Some(line.strip_suffix("\r\n")?.to_owned()));
        line.map(Some).ok_or_else(|| malformed("a line between chunks must be text"))
    }

    fn begin_chunk(&mut self, line: &str) -> Result<(), CosError> {
        let (size, signature) = match (&self.signatures, line.split_once(SIGNATURE)) {
            (Some(_), Some((size, signature))) => (size, signature),
            (Some(_), None) => return Err(malformed("each chunk must have a chunk-signature")),
            (None, _) => (line, ""),
        };
        let is_hex = (1..=16).contains(&size.len()) && size.bytes().all(|c| c.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| is_hex);
        let size = size.ok_or_else(|| malformed("a chunk must begin with its size in hex"))?;
        self.left = self
            .left
            .checked_sub(size)
            .ok_or_else(|| malformed("the chunks are longer than x-amz-decoded-content-length"))?;
        let (hash, signature) = (Sha256::new(), signature.to_owned());
        self.state = State::Data { left: size, hash, signature };
        if size > 0 {
            return Ok(());
        }
        if self.left > 0 {
            return Err(malformed("the chunks are shorter than x-amz-decoded-content-length"));
        }
        self.end_chunk()?;
        self.state = State::Trailers;
        Ok(())
    }

    /// Checks the signature of a complete chunk.
    fn end_chunk(&mut self) -> Result<(), CosError> {
        let ended = std::mem::replace(&mut self.state, State::DataEnd);
        if let (Some(signatures), State::Data { hash, signature, .. }) =
            (&mut self.signatures, ended)
        {
            let hashed = hex::encode(hash.finalize());
            let text = signatures.signer.chunk_string_to_sign(&signatures.previous, &hashed);
            signatures.check(&text, &signature, "a chunk")?;
        }
        Ok(())
    }

    fn trailer(&mut self, line: &str) -> Result<(), CosError> {
        if line.is_empty() {
            return self.end_trailers();
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| malformed("a trailer must be `name:value`"))?;
        let name = name.trim().to_ascii_lowercase();
        let is_declared = self.declared.as_ref().is_some_and(|names| names.contains(&name));
        let is_signature = self.declared.is_some() && name == TRAILER_SIGNATURE;
        if !(is_declared || is_signature) || self.trailers.iter().any(|(seen, _)| *seen == name) {
            return Err(malformed(&format!(
                "the trailer `{name}`: must be declared, and sent once"
            )));
        }
        self.trailers.push((name, value.trim().to_owned()));
        Ok(())
    }

    fn end_trailers(&mut self) -> Result<(), CosError> {
        let position = self.trailers.iter().position(|(name, _)| name == TRAILER_SIGNATURE);
        let signature = position.map(|position| self.trailers.remove(position).1);
        if self.trailers.len() < self.declared.as_ref().map_or(0, Vec::len) {
            return Err(malformed("a trailer that x-amz-trailer declares is missing"));
        }
        if let (Some(signatures), Some(_)) = (&mut self.signatures, &self.declared) {
            let lines = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n"));
            let lines: String = lines.collect();
            let text = signatures.signer.trailer_string_to_sign(&signatures.previous, &lines);
            signatures.check(&text, &signature.unwrap_or_default(), "the trailers")?;
        }
        self.state = State::End;
        Ok(())
    }
}

impl ChunkSignatures {
    fn check(&mut self, text: &str, sent: &str, what: &str) -> Result<(), CosError> {
        let signature = self.signer.sign(text);
        if !bool::from(signature.as_bytes().ct_eq(sent.as_bytes())) {
            return Err(error::signature_does_not_match().with("StringToSign", text).because(format!(
                "the signature of {what} is not the one of this key over it and the signature before it"
            )));
        }
        self.previous = signature;
        Ok(())
    }
}

fn malformed(reason: &str) -> CosError {
    error::incomplete_body().because(reason)
}

const SIGNATURE: &str = ";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// A size and a signature have 98, a trailer less.
const MAX_LINE_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use tencent::secret::Secret;
    use tencent::sign::aws4::Signer;
    use tencent::sign::digest::sha256_hex;

    use super::{ChunkDecoder, ChunkSignatures};

    const SEED: &str = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    const TRAILER: &str = "x-amz-checksum-crc32c";

    fn signer(secret: &str) -> Signer {
        let secret = Secret::new(secret.to_owned()).unwrap();
        Signer::new(&secret, "20130524T000000Z", "20130524", "us-east-1")
    }

    /// `chunks` as they are sent, with the trailer unless it is empty.
    fn signed(chunks: &[&str], trailer: &str) -> String {
        let (signer, mut previous) = (signer("secret"), SEED.to_owned());
        let mut body = String::new();
        for chunk in chunks.iter().chain([&""]) {
            let hashed = sha256_hex(chunk.as_bytes());
            previous = signer.sign(&signer.chunk_string_to_sign(&previous, &hashed));
            let end = if chunk.is_empty() { "" } else { "\r\n" };
            body += &format!("{:x};chunk-signature={previous}\r\n{chunk}{end}", chunk.len());
        }
        if !trailer.is_empty() {
            let text = signer.trailer_string_to_sign(&previous, &format!("{trailer}\n"));
            let signature = signer.sign(&text);
            body += &format!("{trailer}\r\nx-amz-trailer-signature:{signature}\r\n");
        }
        body + "\r\n"
    }

    fn decoder(length: u64, is_signed: bool, has_trailer: bool) -> ChunkDecoder {
        let signatures = ChunkSignatures { signer: signer("secret"), previous: SEED.to_owned() };
        let declared = has_trailer.then(|| vec![TRAILER.to_owned()]);
        ChunkDecoder::new(length, is_signed.then_some(signatures), declared)
    }

    type Decoded = (Vec<u8>, Vec<(String, String)>);

    /// The object and its trailers in a body that arrives in pieces; else the error's code.
    fn decoded(
        mut decoder: ChunkDecoder,
        body: &[u8],
        piece: usize,
    ) -> Result<Decoded, &'static str> {
        let mut object = Vec::new();
        for piece in body.chunks(piece) {
            let mut received = Bytes::copy_from_slice(piece);
            while let Some(bytes) = decoder.next(&mut received).map_err(|error| error.code)? {
                object.extend_from_slice(&bytes);
            }
        }
        Ok((object, decoder.finish().map_err(|error| error.code)?))
    }

    #[test]
    fn chunks_become_the_object_however_they_arrive() {
        let crc = (TRAILER.to_owned(), "sOO8/Q==".to_owned());
        for piece in [1, 2, 3, 7, 64, 100, 1000] {
            let plain = signed(&["hello", ", ", "world"], "");
            let found = decoded(decoder(12, true, false), plain.as_bytes(), piece).unwrap();
            assert_eq!(found, (b"hello, world".to_vec(), Vec::new()));
            let trailer = signed(&["hello\r\n0"], "x-amz-checksum-crc32c:sOO8/Q==");
            let found = decoded(decoder(8, true, true), trailer.as_bytes(), piece).unwrap();
            assert_eq!(found, (b"hello\r\n0".to_vec(), vec![crc.clone()]));
            let unsigned = b"5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32c: sOO8/Q==\r\n\r\n";
            let found = decoded(decoder(5, false, true), unsigned, piece).unwrap();
            assert_eq!(found, (b"hello".to_vec(), vec![crc.clone()]));
            let empty = signed(&[], "");
            let found = decoded(decoder(0, true, false), empty.as_bytes(), piece).unwrap();
            assert_eq!(found, (Vec::new(), Vec::new()));
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn a_changed_body_is_rejected() {
        let plain = signed(&["hello", "world"], "");
        let chunks: Vec<&str> = plain.split_inclusive("\r\n").collect();
        let swapped = [&chunks[2..4], &chunks[..2], &chunks[4..]].concat().concat();
        let signed_with = signed(&["hello", "world"], "x-amz-checksum-crc32c:sOO8/Q==");
        let unsigned = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n";
        let (mismatch, incomplete) = ("SignatureDoesNotMatch", "IncompleteBody");
        let (_, signature) = plain.split_once('=').unwrap();
        let signature = signature.split_at(4).0;
        for (name, length, is_signed, has_trailer, body, code) in [
            ("bytes", 10, true, false, plain.replace("world", "World"), mismatch),
            ("signature", 10, true, false, plain.replacen(signature, "0000", 1), mismatch),
            ("short signature", 10, true, false, plain.replacen(signature, "", 1), mismatch),
            ("order", 10, true, false, swapped, mismatch),
            ("chunk left out", 10, true, false, chunks[2..].concat(), mismatch),
            (
                "last chunk left out",
                5,
                true,
                false,
                [&chunks[..2], &chunks[4..]].concat().concat(),
                mismatch,
            ),
            (
                "final chunk",
                10,
                true,
                false,
                plain.replacen("\r\n0;chunk-signature=", "\r\n0;chunk-signature=0", 1),
                mismatch,
            ),
            (
                "no signature",
                10,
                true,
                false,
                "a\r\nhelloworld\r\n0\r\n\r\n".to_owned(),
                incomplete,
            ),
            ("cut off", 10, true, false, chunks[..4].concat(), incomplete),
            ("no final line", 10, true, false, chunks[..5].concat(), incomplete),
            ("in a chunk", 10, true, false, plain.split_at(90).0.to_owned(), incomplete),
            ("nothing", 10, true, false, String::new(), incomplete),
            ("longer", 9, true, false, plain.clone(), incomplete),
            ("shorter", 11, true, false, plain.clone(), incomplete),
            ("more", 10, true, false, format!("{plain}x"), incomplete),
            (
                "line break",
                10,
                true,
                false,
                plain.replacen("hello\r\n", "hello\n\n", 1),
                incomplete,
            ),
            ("size", 10, true, false, plain.replacen('5', "+5", 1), incomplete),
            ("huge size", 10, true, false, plain.replacen('5', "ffffffffffffffff", 1), incomplete),
            ("long size", 10, true, false, "0".repeat(600), incomplete),
            ("no size", 10, true, false, plain.replacen('5', "", 1), incomplete),
            ("not a body", 10, true, false, "helloworld".to_owned(), incomplete),
            ("trailer not declared", 10, true, false, signed_with.clone(), incomplete),
            ("trailer", 10, true, true, signed_with.replace("sOO8", "sOO9"), mismatch),
            (
                "trailer signature",
                10,
                true,
                true,
                signed_with.replace("trailer-signature:", "trailer-signature:0"),
                mismatch,
            ),
            (
                "trailer not signed",
                10,
                true,
                true,
                plain.replacen("\r\n\r\n", "\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", 1),
                mismatch,
            ),
            ("trailer left out", 10, true, true, plain.clone(), incomplete),
            ("other trailer", 5, false, true, unsigned.replace("crc32c", "sha256"), incomplete),
            (
                "trailer twice",
                5,
                false,
                true,
                unsigned.replace("\r\n\r\n", "\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"),
                incomplete,
            ),
            (
                "not a trailer",
                5,
                false,
                true,
                unsigned.replace("\r\n\r\n", "\r\nx\r\n\r\n"),
                incomplete,
            ),
            ("unsigned cut off", 5, false, true, unsigned.split_at(12).0.to_owned(), incomplete),
            (
                "unsigned with a signature",
                5,
                false,
                true,
                unsigned.replacen('5', "5;chunk-signature=0", 1),
                incomplete,
            ),
        ] {
            for piece in [1, 50, 5000] {
                let found =
                    decoded(decoder(length, is_signed, has_trailer), body.as_bytes(), piece);
                assert_eq!(found.map(|_| ()), Err(code), "{name}");
            }
        }
    }

    proptest! {
        /// No bytes are taken for a signed body, and an unsigned one has the declared length.
        #[test]
        fn any_bytes_are_read_or_rejected(
            body in proptest::collection::vec(prop_oneof!["\r\n", "[0-9a-f]{1,3}", "[a-z:;=]{0,9}", ".{0,9}"], 0..12),
            length in 0_u64..20,
            piece in 1_usize..9,
        ) {
            let body = body.concat();
            prop_assert!(decoded(decoder(length, true, false), body.as_bytes(), piece).is_err());
            if let Ok((object, _)) = decoded(decoder(length, false, false), body.as_bytes(), piece) {
                prop_assert_eq!(u64::try_from(object.len()).unwrap(), length);
            }
        }
    }
}
