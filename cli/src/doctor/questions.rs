//! What the operator wants to know, beyond what every deployment is asked.

use tencent::names::{Bucket, Region};

use super::scf_files::ScfFiles;

/// The options of a run.
pub(crate) struct Questions {
    /// A page that has to be able to read answers.
    pub(crate) origin: Option<String>,
    /// Where the caller is granted something.
    pub(crate) place: Option<Place>,
    /// An extension for which the deployment generates keys.
    pub(crate) extension: String,
    /// Whether an object may be written.
    pub(crate) writes: bool,
    /// How long the program waits for a credential to expire.
    pub(crate) expire_seconds: Option<u32>,
    pub(crate) max_lifetime_seconds: u32,
    /// What is known about the function on SCF.
    pub(crate) scf: Option<ScfFiles>,
}

/// A granted prefix.
pub(crate) struct Place {
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
    /// Without a leading `/`; empty for the whole bucket.
    pub(crate) prefix: String,
}

impl Questions {
    pub(super) fn bucket_and_region(&self) -> Option<(String, String)> {
        let place = self.place.as_ref()?;
        Some((place.bucket.as_str().to_owned(), place.region.as_str().to_owned()))
    }

    /// A bucket that nobody grants: of another account, or of the same one.
    pub(super) fn other_bucket(&self) -> Option<(String, String)> {
        Some(match &self.place {
            Some(place) => (
                format!("cos-issuer-doctor-{}", place.bucket.appid()),
                place.region.as_str().to_owned(),
            ),
            None => ("cos-issuer-doctor-1250000000".to_owned(), "ap-guangzhou".to_owned()),
        })
    }

    /// The object that is written, always the same, so that runs leave at most one.
    pub(super) fn written_key(&self) -> Option<String> {
        let place = self.place.as_ref().filter(|_| self.writes)?;
        Some(format!("{}{OBJECT}", place.prefix))
    }

    /// A key that does not begin with the prefix; none if every key does.
    pub(super) fn outside_key(&self) -> Option<String> {
        let place = self.place.as_ref().filter(|place| !place.prefix.is_empty())?;
        // No prefix that ends in `/` contains both.
        let outside = format!("cos-issuer-doctor/{OBJECT}");
        let other = format!("cos-issuer-doctor-outside/{OBJECT}");
        Some(if outside.starts_with(&place.prefix) { other } else { outside })
    }
}

const OBJECT: &str = "cos-issuer-doctor.txt";
