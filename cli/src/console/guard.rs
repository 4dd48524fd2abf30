//! Access to the API: for this page and for programs that have the token.
//!
//! Checked before anything is read or done: an `Origin` is the console's own; the browser does not
//! report another site; the token is right; a body is JSON, which no form of a page can send
//! unasked. There are no CORS headers and no cookies.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Method, Response, StatusCode};
use tencent::secret::Secret;
use tencent::sign::digest::sha256_hex;

use crate::loopback::{Body, refusal, single};

pub(super) struct Guard {
    pub(super) token: Secret,
}

impl Guard {
    /// Why a request to the API is refused, if it is.
    pub(super) fn refusal(&self, head: &Parts) -> Option<Response<Body>> {
        let forbidden = |message| Some(refusal(StatusCode::FORBIDDEN, "OtherOrigin", message));
        if head.headers.contains_key(ORIGIN) {
            let own = single(head, HOST).map(|host| format!("http://{host}"));
            if single(head, ORIGIN) != own.as_deref() {
                return forbidden("only the console's own page may send this");
            }
        }
        let site = head.headers.get(SEC_FETCH_SITE);
        if !site.is_none_or(|site| site == "same-origin" || site == "none") {
            return forbidden("only the console's own page may send this");
        }
        let sent = single(head, AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        // Comparing hashes reveals nothing about the token by its time.
        let hash = |text: &str| sha256_hex(text.as_bytes());
        let is_known = sent.is_some_and(|sent| hash(sent) == hash(self.token.expose()));
        if !is_known {
            let text = "send `Authorization: Bearer <token>`; open the page by the link that \
                        `cos-issuer run` printed";
            return Some(refusal(StatusCode::UNAUTHORIZED, "Token", text));
        }
        if head.method == Method::POST && !is_json(head) {
            let text = "send the body with `Content-Type: application/json`";
            return Some(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "NotJson", text));
        }
        None
    }
}

fn is_json(head: &Parts) -> bool {
    let sent = single(head, CONTENT_TYPE).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
