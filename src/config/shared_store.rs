//! The store that instances share: `SHARED_STORE`, `SHARED_STORE_CA_FILE`,
//! `SHARED_STORE_PREFIX`.

use rustls::pki_types::CertificateDer;

use super::reader::Reader;
use crate::http_client::parse_certificates;
use crate::shared_store::StoreUrl;

/// The store that instances share.
#[expect(missing_debug_implementations, reason = "its URL may contain a password")]
pub struct SharedStoreSettings {
    /// Where it is (`SHARED_STORE`).
    pub url: StoreUrl,
    /// Certificates to trust in addition to the compiled-in roots (`SHARED_STORE_CA_FILE`).
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How its keys begin (`SHARED_STORE_PREFIX`).
    pub prefix: String,
}

/// `None` inside when nothing is shared.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Option<SharedStoreSettings>> {
    if !reader.is_set("SHARED_STORE") {
        for variable in ["SHARED_STORE_CA_FILE", "SHARED_STORE_PREFIX"] {
            if reader.is_set(variable) {
                reader.error(variable, "has no effect: set SHARED_STORE, or remove it");
            }
        }
        return Some(None);
    }
    let url = reader.parsed("SHARED_STORE", StoreUrl::parse);
    let prefix = reader.parsed_or("SHARED_STORE_PREFIX", PREFIX.to_owned(), |text| {
        let is_prefix = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
        let form = "must be at most 64 visible ASCII characters, for example `cos-issuer:`";
        is_prefix.then(|| text.to_owned()).ok_or(form)
    });
    let extra_roots = match reader.optional("SHARED_STORE_CA_FILE") {
        None => Some(Vec::new()),
        Some(path) => {
            let parsed = reader
                .file(path)
                .and_then(|pem| parse_certificates(&pem).map_err(|error| error.to_string()));
            parsed.map_err(|text| reader.error("SHARED_STORE_CA_FILE", text)).ok()
        }
    };
    let url = url?;
    if url.exposes_password() {
        reader.warn(PASSWORD_IN_PLAIN_TEXT);
    }
    Some(Some(SharedStoreSettings { url, extra_roots: extra_roots?, prefix: prefix? }))
}

const PREFIX: &str = "cos-issuer:";

const PASSWORD_IN_PLAIN_TEXT: &str = "SHARED_STORE sends its password in plain text over a network \
     that is not private: use `rediss://`";
