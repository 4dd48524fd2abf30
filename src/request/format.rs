//! The representations that credentials are returned in.

use crate::error::{Error, ErrorCode};

/// A representation of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The CAM JSON of API 2.0, which the two samples returned.
    Cam,
    /// What a program of `credential_process` prints, for tools that use COS by its S3 interface:
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
    CredentialProcess,
    /// Flat, upper camel case, as a CVM's metadata service returns it: for the Java and Go SDKs and
    /// coscli.
    Cvm,
    /// Flat, upper camel case, with the object that the function named: the browser samples'
    /// `getKeyAndCredentials`.
    Flat,
    /// Lower camel case at the root and again under `data`: browser, mini-program, Node, mobile.
    Sdk,
    /// The answer of API 3.0: `Response.Credentials`.
    Sts,
}

impl Format {
    /// Reads a format's name.
    ///
    /// # Errors
    /// [`ErrorCode::Format`].
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "cam" => Ok(Self::Cam),
            "credential_process" => Ok(Self::CredentialProcess),
            "cvm" => Ok(Self::Cvm),
            "flat" => Ok(Self::Flat),
            "sdk" => Ok(Self::Sdk),
            "sts" => Ok(Self::Sts),
            _ => Err(Error::new(
                ErrorCode::Format,
                "format: must be `cam`, `credential_process`, `cvm`, `flat`, `sdk` or `sts`",
            )),
        }
    }
}
