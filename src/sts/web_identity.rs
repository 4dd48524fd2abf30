//! An identity without a key: a token of an OIDC provider, which the platform keeps fresh in a
//! file.
//!
//! # Guarantees
//! The token is read from its file for each call and never kept.
//!
//! # Not covered
//! The call (`exchange`).

use std::io;

use crate::grant::{Role, RoleArn};
use tencent::names::Region;
use tencent::secret::Secret;

/// How a workload without a key calls STS. The variables are those of the vendor's SDKs,
/// <https://github.com/TencentCloud/tencentcloud-sdk-go/blob/master/tencentcloud/common/oidc_role_arn_provider.go>.
#[expect(missing_debug_implementations, reason = "it may contain an external id")]
pub struct WebIdentity {
    /// The region of its calls (`TKE_REGION`).
    pub region: Region,
    /// The OIDC provider in CAM (`TKE_PROVIDER_ID`).
    pub provider_id: String,
    /// The file of the token (`TKE_WEB_IDENTITY_TOKEN_FILE`).
    pub token_file: String,
    /// The role of the workload (`TKE_ROLE_ARN`).
    pub workload_role: RoleArn,
    /// The role that is assumed with the workload's key (`ROLE_ARN`).
    pub role: Role,
}

impl WebIdentity {
    /// The token, as its file has it now.
    ///
    /// # Errors
    /// [`TokenFileError`].
    pub fn token(
        &self,
        read_file: impl FnOnce(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Secret, TokenFileError> {
        token(read_file(&self.token_file)?)
    }
}

/// The token in the bytes of its file.
fn token(bytes: Vec<u8>) -> Result<Secret, TokenFileError> {
    let is_long = bytes.len() > MAX_TOKEN_BYTES;
    let written = Secret::new(String::from_utf8(bytes).map_err(|_| TokenFileError::Form)?);
    let written = written.ok_or(TokenFileError::Empty)?;
    let text = written.expose().trim_ascii();
    if is_long || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenFileError::Form);
    }
    Secret::new(text.to_owned()).ok_or(TokenFileError::Empty)
}

/// Why there is no token. It contains nothing of the file.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file has nothing.
    #[error("must be a file that contains a token; it is empty")]
    Empty,
    /// The file has something else.
    #[error("must be a file that contains one token, without spaces and line breaks")]
    Form,
    /// The file cannot be read.
    #[error("must be the path of a readable file: {0}")]
    Unreadable(#[from] io::Error),
}

/// Tokens have 1 to 2 KB.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::io;

    use super::{MAX_TOKEN_BYTES, TokenFileError, token};

    #[test]
    fn a_file_contains_one_token() {
        for text in ["a.b.c", "a.b.c\n", " a.b.c \r\n"] {
            assert_eq!(token(text.into()).ok().unwrap().expose(), "a.b.c", "{text:?}");
        }
        for text in ["", "\n", "  "] {
            assert!(matches!(token(text.into()), Err(TokenFileError::Empty)), "{text:?}");
        }
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for bytes in
            [b"a b".to_vec(), b"a\nb".to_vec(), "tok\u{e9}n".into(), vec![0xff], long.into()]
        {
            assert!(matches!(token(bytes), Err(TokenFileError::Form)));
        }
        let missing = TokenFileError::from(io::Error::from(io::ErrorKind::NotFound));
        assert!(missing.to_string().starts_with("must be the path of a readable file"));
    }
}
