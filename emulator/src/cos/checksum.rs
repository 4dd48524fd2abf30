//! The two checksums of COS, computed while bytes stream: MD5 for ETags, CRC-64/XZ for
//! `x-cos-hash-crc64ecma`.
//! <https://www.tencentcloud.com/document/product/436/34078>

use crc_fast::CrcAlgorithm::Crc64Xz;
use md5::{Digest as _, Md5};

/// Computes both checksums.
pub(crate) struct Hasher {
    md5: Md5,
    crc64: crc_fast::Digest,
    length: u64,
}

/// Both checksums, and the number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksums {
    pub(crate) md5: [u8; 16],
    pub(crate) crc64: u64,
    pub(crate) length: u64,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self { md5: Md5::new(), crc64: crc_fast::Digest::new(Crc64Xz), length: 0 }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc64.update(bytes);
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    pub(crate) fn finish(self) -> Checksums {
        Checksums {
            md5: self.md5.finalize().into(),
            crc64: self.crc64.finalize(),
            length: self.length,
        }
    }
}

impl Checksums {
    /// The checksums of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The ETag of an object that was sent in one piece, without its quotes.
    pub(crate) fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

/// The CRC of `bytes`.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(Crc64Xz, bytes)
}

/// The CRC of two concatenated pieces.
pub(crate) fn combined_crc64(first: u64, second: u64, second_length: u64) -> u64 {
    crc_fast::checksum_combine(Crc64Xz, first, second, second_length)
}

/// The ETag of an object in `pieces`, without its quotes. Inferred: COS documents 32 digits and the
/// count, and its sample is not an MD5 of the pieces' digests; any opaque text of this form works.
pub(crate) fn etag_of_pieces<'a>(etags: impl Iterator<Item = &'a str>, pieces: usize) -> String {
    let mut digest = Md5::new();
    for etag in etags {
        digest.update(etag.as_bytes());
    }
    let digest: [u8; 16] = digest.finalize().into();
    format!("{}-{pieces}", hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{Checksums, combined_crc64};

    /// The documents' sample bodies.
    #[test]
    fn the_documents_own_samples() {
        let first = Checksums::of(b"[Object Content]");
        assert_eq!(first.etag(), "ee8de918d05640145b18f70f4c3aa602");
        assert_eq!(STANDARD.encode(first.md5), "7o3pGNBWQBRbGPcPTDqmAg==");
        assert_eq!(first.crc64, 16_749_565_679_157_681_890);
        let second = Checksums::of(b"[Object Content Version 2]");
        assert_eq!(second.etag(), "22e024392de860289f0baa7d6cf8a549");
        assert_eq!(second.crc64, 11_596_229_263_574_363_878);
        assert_eq!(Checksums::of(b"123456789").crc64, 11_051_210_869_376_104_954);
    }

    #[test]
    fn the_crc_of_a_whole_from_its_pieces() {
        let (first, second) = (Checksums::of(b"1234"), Checksums::of(b"56789"));
        assert_eq!(
            combined_crc64(first.crc64, second.crc64, second.length),
            11_051_210_869_376_104_954
        );
        let nothing = Checksums::of(b"");
        assert_eq!(combined_crc64(nothing.crc64, second.crc64, 5), second.crc64);
        assert_eq!(combined_crc64(second.crc64, nothing.crc64, 0), second.crc64);
    }
}
