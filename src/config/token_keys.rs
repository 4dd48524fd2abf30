//! Where the keys of a token issuer come from, and which algorithms they are for.
//!
//! # Guarantees
//! The algorithms are pinned: a shared secret is for `HS256` only, a public key never is.
//!
//! # Not covered
//! Fetching the JWKS at start: an issuer that is down must not keep the function from starting.

use url::{Host, Url};

use super::weak_secret::{WEAK, is_weak};
use crate::auth::{Algorithm, KeySet};
use crate::http_client::PlaintextHttp;

/// The keys that verify tokens.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub enum JwtKeys {
    /// Keys in the settings.
    Fixed(KeySet),
    /// Keys that the issuer publishes.
    Jwks {
        /// The URL of the JWKS.
        url: String,
        /// Whether the URL begins with `http://`.
        plaintext_http: PlaintextHttp,
    },
}

/// Where keys come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySourceKind {
    HsSecret,
    JwksFile,
    JwksUrl,
    PublicKey,
    PublicKeyFile,
}

impl KeySourceKind {
    pub(super) const ALL: [Self; 5] =
        [Self::JwksUrl, Self::JwksFile, Self::PublicKey, Self::PublicKeyFile, Self::HsSecret];

    /// The variable that names them.
    pub(super) const fn variable(self) -> &'static str {
        match self {
            Self::HsSecret => "JWT_HS_SECRET",
            Self::JwksFile => "JWT_JWKS_FILE",
            Self::JwksUrl => "JWT_JWKS_URL",
            Self::PublicKey => "JWT_PUBLIC_KEY",
            Self::PublicKeyFile => "JWT_PUBLIC_KEY_FILE",
        }
    }

    /// The key of an `[[issuer]]` that names them. A file must not contain a secret.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::HsSecret => "secret_env",
            Self::JwksFile => "jwks_file",
            Self::JwksUrl => "jwks_url",
            Self::PublicKey => "public_key",
            Self::PublicKeyFile => "public_key_file",
        }
    }

    /// What the issuer can sign with when the settings do not name it.
    pub(super) fn default_algorithms(self) -> Vec<Algorithm> {
        let all = Algorithm::ALL.into_iter();
        match self {
            Self::HsSecret => vec![Algorithm::Hs256],
            Self::JwksFile | Self::JwksUrl => vec![Algorithm::Rs256],
            // The one key has only one algorithm.
            Self::PublicKey | Self::PublicKeyFile => {
                all.filter(|algorithm| *algorithm != Algorithm::Hs256).collect()
            }
        }
    }

    /// `HS256` excludes the others: with both, anyone could sign `HS256` tokens with the public
    /// key.
    pub(super) fn algorithms<'n>(
        self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<Algorithm>, &'static str> {
        let find = |name| Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let named: Option<Vec<Algorithm>> = names.map(find).collect();
        let named = named.filter(|named| !named.is_empty());
        let named = named.ok_or(
            "must be a list of `RS256`, `ES256`, `EdDSA`, for example `RS256,ES256`; or only \
             `HS256`",
        )?;
        let is_secret = self == Self::HsSecret;
        if named.contains(&Algorithm::Hs256) != is_secret || (is_secret && named.len() > 1) {
            return Err("must be `HS256` with a shared secret, and must not contain it otherwise");
        }
        Ok(named)
    }

    /// The keys in `text`: a URL, a secret, or the content of a file.
    pub(super) fn keys(self, text: &[u8], algorithms: &[Algorithm]) -> Result<JwtKeys, String> {
        let keys = match self {
            Self::JwksUrl => return jwks_url(text).map_err(str::to_owned),
            Self::HsSecret if std::str::from_utf8(text).is_ok_and(is_weak) => {
                return Err(WEAK.to_owned());
            }
            Self::HsSecret => KeySet::of_secret(text),
            Self::JwksFile => KeySet::of_jwks(text, algorithms),
            Self::PublicKey | Self::PublicKeyFile => KeySet::of_pem(text, algorithms),
        };
        keys.map(JwtKeys::Fixed).map_err(|error| error.to_string())
    }
}

fn jwks_url(text: &[u8]) -> Result<JwtKeys, &'static str> {
    let form = "must be an `https://` URL without user and fragment, for example \
         `https://login.example.com/keys`; `http://` is for loopback addresses only";
    let text = std::str::from_utf8(text).map_err(|_| form)?;
    let url = Url::parse(text).map_err(|_| form)?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(form),
    };
    let plaintext_http = match url.scheme() {
        "https" => PlaintextHttp::Never,
        "http" if is_loopback => PlaintextHttp::Loopback,
        _ => return Err(form),
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(form);
    }
    Ok(JwtKeys::Jwks { url: url.into(), plaintext_http })
}
