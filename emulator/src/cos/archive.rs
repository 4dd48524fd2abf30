//! Archived objects: they can be read once they are restored, for some days.
//! <https://www.tencentcloud.com/document/product/436/12633>
//!
//! Inferred: a restoration takes the longest time that the page states for its mode, and the days
//! begin when it ends.

use serde::{Deserialize, Serialize};
use tencent::time::Timestamp;

use super::error::{self, CosError};
use crate::cos::http::xml;
use crate::http_date;

/// A request to restore an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestoreRequest {
    days: u32,
    tier: Tier,
}

/// How fast an object is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Tier {
    Expedited,
    Standard,
    Bulk,
}

/// The restoration of an object, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restoration {
    tier: Tier,
    requested: i64,
    ready: i64,
    expires: i64,
}

/// Where a restoration is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Ongoing,
    Readable,
    Over,
}

/// Whether objects of this storage class are archived.
pub(crate) fn is_archive(class: &str) -> bool {
    ARCHIVES.contains(&class)
}

/// Checks that the bytes of an object can be read now.
pub(crate) fn check_readable(
    class: &str,
    restoration: Option<&Restoration>,
    now: Timestamp,
) -> Result<(), CosError> {
    let is_readable =
        restoration.is_some_and(|restoration| restoration.progress(now) == Progress::Readable);
    if !is_archive(class) || is_readable {
        return Ok(());
    }
    Err(error::invalid_object_state()
        .with_header("x-cos-storage-class", class)
        .because(format!("an object of the class {class} must be restored first")))
}

impl RestoreRequest {
    /// Parses a request.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, CosError> {
        let root = xml::parse(body)
            .filter(|root| root.name == "RestoreRequest")
            .ok_or_else(|| error::malformed_xml("root: must be RestoreRequest"))?;
        let days = root.text_of("Days").and_then(|days| days.trim().parse().ok());
        let days = days
            .filter(|days| (1..=MAX_DAYS).contains(days))
            .ok_or_else(|| error::malformed_xml("Days: must be 1 to 365"))?;
        let job = root.child("CASJobParameters");
        let tier = match job.and_then(|job| job.text_of("Tier")).map(str::trim) {
            Some("Expedited") => Tier::Expedited,
            Some("Standard") => Tier::Standard,
            Some("Bulk") => Tier::Bulk,
            _ => {
                return Err(error::malformed_xml("Tier: must be Expedited, Standard or Bulk"));
            }
        };
        Ok(Self { days, tier })
    }

    /// The restoration of an object of this class, which has this one so far.
    pub(crate) fn begin(
        &self,
        class: &str,
        current: Option<&Restoration>,
        now: Timestamp,
    ) -> Result<Restoration, CosError> {
        if !is_archive(class) {
            return Err(error::restore_non_archive_object());
        }
        let requested = now.unix_seconds();
        let ready = match current.map(|current| (current, current.progress(now))) {
            Some((_, Progress::Ongoing)) => return Err(error::restore_already_in_progress()),
            // The copy is there: its days begin again.
            Some((current, Progress::Readable)) => {
                let expires = requested.saturating_add(self.seconds());
                return Ok(Restoration { expires, ..*current });
            }
            Some((_, Progress::Over)) | None => requested.saturating_add(self.tier.seconds(class)?),
        };
        let expires = ready.saturating_add(self.seconds());
        Ok(Restoration { tier: self.tier, requested, ready, expires })
    }

    fn seconds(&self) -> i64 {
        i64::from(self.days).saturating_mul(24 * 60 * 60)
    }
}

impl Restoration {
    fn progress(&self, now: Timestamp) -> Progress {
        match now.unix_seconds() {
            now if now < self.ready => Progress::Ongoing,
            now if now < self.expires => Progress::Readable,
            _ => Progress::Over,
        }
    }

    /// `x-cos-restore` and `x-cos-restore-status`, as long as they mean something.
    pub(crate) fn headers(&self, now: Timestamp) -> (Option<String>, Option<String>) {
        let date = |seconds| Timestamp::from_unix_seconds(seconds).map(http_date::text);
        match self.progress(now) {
            Progress::Ongoing => {
                let tier = match self.tier {
                    Tier::Expedited => "expedited",
                    Tier::Standard => "standard",
                    Tier::Bulk => "bulk",
                };
                let status = date(self.requested)
                    .map(|date| format!("tier=\"{tier}\"; request-date=\"{date}\""));
                (Some("ongoing-request=\"true\"".to_owned()), status)
            }
            Progress::Readable => {
                let restore = date(self.expires)
                    .map(|date| format!("ongoing-request=\"false\", expiry-date=\"{date}\""));
                (restore, None)
            }
            Progress::Over => (None, None),
        }
    }
}

impl Tier {
    /// The longest time that the page states.
    fn seconds(self, class: &str) -> Result<i64, CosError> {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        match (class, self) {
            (DEEP_ARCHIVE, Self::Expedited) => Err(error::invalid_argument(
                "The restoration mode Expedited is not available for this storage class.",
            )),
            (DEEP_ARCHIVE, Self::Standard) => Ok(24 * HOUR),
            (DEEP_ARCHIVE, Self::Bulk) => Ok(48 * HOUR),
            (_, Self::Expedited) => Ok(5 * MINUTE),
            (_, Self::Standard) => Ok(5 * HOUR),
            (_, Self::Bulk) => Ok(12 * HOUR),
        }
    }
}

const DEEP_ARCHIVE: &str = "DEEP_ARCHIVE";

/// <https://www.tencentcloud.com/document/product/436/30925>
const ARCHIVES: [&str; 3] = ["ARCHIVE", DEEP_ARCHIVE, "MAZ_ARCHIVE"];

const MAX_DAYS: u32 = 365;

#[cfg(test)]
mod tests {
    use tencent::time::Timestamp;

    use super::{RestoreRequest, check_readable};

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_unix_seconds(1_700_000_000).unwrap().plus_seconds(seconds)
    }

    fn request(tier: &str) -> RestoreRequest {
        let text = format!(
            "<RestoreRequest><Days>1</Days><CASJobParameters><Tier>{tier}</Tier>\
             </CASJobParameters></RestoreRequest>"
        );
        RestoreRequest::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_object_is_readable_between_the_end_of_its_restoration_and_its_expiry() {
        for (class, tier, seconds) in [
            ("ARCHIVE", "Expedited", 300),
            ("ARCHIVE", "Standard", 5 * 3600),
            ("ARCHIVE", "Bulk", 12 * 3600),
            ("DEEP_ARCHIVE", "Standard", 24 * 3600),
            ("DEEP_ARCHIVE", "Bulk", 48 * 3600),
        ] {
            let restoration = request(tier).begin(class, None, at(0)).unwrap();
            for (time, is_readable) in [
                (0, false),
                (seconds - 1, false),
                (seconds, true),
                (seconds + 86_399, true),
                (seconds + 86_400, false),
            ] {
                let readable = check_readable(class, Some(&restoration), at(time)).is_ok();
                assert_eq!(readable, is_readable, "{class} {tier} {time}");
            }
            let error = request("Bulk").begin(class, Some(&restoration), at(1)).unwrap_err();
            assert_eq!(error.code, "RestoreAlreadyInProgress");
            // Asked for again, the copy stays longer, and is restored anew once it is gone.
            let longer =
                request("Bulk").begin(class, Some(&restoration), at(seconds + 80_000)).unwrap();
            assert!(check_readable(class, Some(&longer), at(seconds + 90_000)).is_ok());
            let anew =
                request(tier).begin(class, Some(&restoration), at(seconds + 90_000)).unwrap();
            assert!(check_readable(class, Some(&anew), at(seconds + 90_001)).is_err());
        }
        assert!(check_readable("STANDARD", None, at(0)).is_ok());
        assert!(check_readable("ARCHIVE", None, at(0)).is_err());
    }

    #[test]
    fn refusals() {
        let error = request("Standard").begin("STANDARD_IA", None, at(0)).unwrap_err();
        assert_eq!(error.code, "RestoreNonArchiveObject");
        let error = request("Expedited").begin("DEEP_ARCHIVE", None, at(0)).unwrap_err();
        assert_eq!(error.code, "InvalidArgument");
        for body in [
            "",
            "<RestoreRequest/>",
            "<RestoreRequest><Days>1</Days></RestoreRequest>",
            "<RestoreRequest><Days>0</Days><CASJobParameters><Tier>Bulk</Tier></CASJobParameters></RestoreRequest>",
            "<RestoreRequest><Days>1</Days><CASJobParameters><Tier>bulk</Tier></CASJobParameters></RestoreRequest>",
            "<Restore><Days>1</Days><CASJobParameters><Tier>Bulk</Tier></CASJobParameters></Restore>",
        ] {
            let error = RestoreRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code, "MalformedXML", "{body}");
        }
    }
}
