//! What the body of a request must be, as an S3 client declares it: the hash that it signed, its
//! chunks, its checksums.
//!
//! # Guarantees
//!
//! A body that is not the declared one ends in an error, so nothing of it is stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::aws_chunked::ChunkDecoder;
use crate::cos::error::{self, CosError};

/// The declared body.
#[derive(Default)]
pub(crate) struct Payload {
    chunks: Option<ChunkDecoder>,
    sha256: Option<(Sha256, [u8; 32])>,
    checksums: Vec<Checksum>,
    received: Bytes,
}

impl Payload {
    /// A body that is sent in chunks.
    pub(crate) fn in_chunks(chunks: ChunkDecoder) -> Self {
        Self { chunks: Some(chunks), ..Self::default() }
    }

    /// A body with this hash.
    pub(crate) fn hashed(sha256: [u8; 32]) -> Self {
        Self { sha256: Some((Sha256::new(), sha256)), ..Self::default() }
    }

    /// With the checksums among `headers`, and those that the trailers `names` will contain.
    pub(crate) fn with_checksums(
        mut self,
        headers: &HeaderMap,
        names: &[String],
    ) -> Result<Self, CosError> {
        for (name, value) in headers {
            if name.as_str().starts_with(CHECKSUM) && !DESCRIBING.contains(&name.as_str()) {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                self.checksums.push(Checksum::new(name.as_str(), Some(value))?);
            }
        }
        for name in names {
            self.checksums.push(Checksum::new(name, None)?);
        }
        Ok(self)
    }

    /// Adds bytes as they were sent.
    pub(crate) fn receive(&mut self, bytes: Bytes) {
        self.received = bytes;
    }

    /// The next bytes of the object; `None` once more has to be received.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, CosError> {
        let bytes = match &mut self.chunks {
            Some(chunks) => chunks.next(&mut self.received)?,
            None => Some(std::mem::take(&mut self.received)).filter(|bytes| !bytes.is_empty()),
        };
        if let Some(bytes) = &bytes {
            if let Some((hash, _)) = &mut self.sha256 {
                hash.update(bytes);
            }
            for checksum in &mut self.checksums {
                checksum.sum.update(bytes);
            }
        }
        Ok(bytes)
    }

    /// Checks the whole body, once it has ended.
    pub(crate) fn finish(self) -> Result<(), CosError> {
        let trailers = self.chunks.map(ChunkDecoder::finish).transpose()?.unwrap_or_default();
        if let Some((hash, expected)) = self.sha256 {
            let found: [u8; 32] = hash.finalize().into();
            if !bool::from(found.ct_eq(&expected)) {
                return Err(error::content_sha256_mismatch().because(format!(
                    "x-amz-content-sha256: must be the hash of the body, {}",
                    hex::encode(found)
                )));
            }
        }
        for checksum in self.checksums {
            checksum.check(&trailers)?;
        }
        Ok(())
    }
}

struct Checksum {
    /// As in `x-amz-checksum-crc32`.
    name: String,
    sum: Sum,
    /// `None` until a trailer contains it.
    expected: Option<String>,
}

impl Checksum {
    fn new(name: &str, expected: Option<String>) -> Result<Self, CosError> {
        let crc = |algorithm, bytes| Sum::Crc { digest: crc_fast::Digest::new(algorithm), bytes };
        let sum = match name.strip_prefix(CHECKSUM).unwrap_or_default() {
            "crc32" => crc(CrcAlgorithm::Crc32IsoHdlc, 4),
            "crc32c" => crc(CrcAlgorithm::Crc32Iscsi, 4),
            "crc64nvme" => crc(CrcAlgorithm::Crc64Nvme, 8),
            "sha1" => Sum::Sha1(Sha1::new()),
            "sha256" => Sum::Sha256(Sha256::new()),
            _ => {
                return Err(error::not_implemented("A header")
                    .because(format!("{name}: must be omitted: this checksum is not supported")));
            }
        };
        Ok(Self { name: name.to_owned(), sum, expected })
    }

    fn check(self, trailers: &[(String, String)]) -> Result<(), CosError> {
        let trailer = trailers.iter().find(|(name, _)| *name == self.name);
        let expected = self.expected.or_else(|| trailer.map(|(_, value)| value.clone()));
        let found = self.sum.base64();
        if expected.as_deref() == Some(&found) {
            return Ok(());
        }
        Err(error::bad_digest()
            .because(format!("{}: must be that of the body, {found}", self.name)))
    }
}

enum Sum {
    Crc { digest: crc_fast::Digest, bytes: usize },
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Sum {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc { digest, .. } => digest.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    fn base64(self) -> String {
        match self {
            Self::Crc { digest, bytes } => {
                let sum = digest.finalize().to_be_bytes();
                STANDARD.encode(sum.get(sum.len().saturating_sub(bytes)..).unwrap_or_default())
            }
            Self::Sha1(hash) => STANDARD.encode(hash.finalize()),
            Self::Sha256(hash) => STANDARD.encode(hash.finalize()),
        }
    }
}

const CHECKSUM: &str = "x-amz-checksum-";

/// Headers that name an algorithm, and not a checksum of the body.
const DESCRIBING: [&str; 3] =
    ["x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"];
