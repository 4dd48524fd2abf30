//! Forms of POST Object: the multipart parser, the policy of a form, and its authorization.
//!
//! # Guarantees tested
//!
//! No input crashes or blocks the parser. A form is authorized only if a second verifier finds its
//! policy (or the field `Signature`) signed, in time, and every condition met. The allowed sizes of
//! the file are those of the policy. The chunks of a body make no difference.
//!
//! An input is a head, an empty line, the policy as JSON, a line `---`, and the body. In it
//! `{policy}` is the policy in base64 and `{signature}` the right signature over it, with the key
//! and the time of the fields.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cos_emulator::fuzzing::{AuthorizedForm, NOW};
use futures_util::task::noop_waker;
use serde_json::Value;

use crate::cos_auth::{fill, world};
use crate::http_head::http_head;
use oracle::q_sign::{self as qsign, Key};
use oracle::wire::Wire;

/// Tries one input. Returns whether it was authorized.
pub fn cos_form(bytes: &[u8]) -> bool {
    let Some(mut wire) = Wire::read(bytes) else {
        return false;
    };
    let (authorizer, keys) = world();
    fill(&mut wire, keys);
    sign(&mut wire, keys);
    let Some(head) = http_head(&wire) else {
        return false;
    };
    let whole = finished(authorizer.authorize_form(&head, &wire.body, usize::MAX));
    let torn = finished(authorizer.authorize_form(&head, &wire.body, 7));
    assert_eq!(format!("{whole:?}"), format!("{torn:?}"), "by the pieces");
    let Ok(form) = whole else {
        return false;
    };
    let caller = expected(&wire, &form, keys).expect("it was let in, and should not have been");
    let is_covered = caller.token.is_none() || form.key.starts_with("users/1/");
    assert!(is_covered, "outside of what the key may do");
    for (name, value) in &form.fields {
        let is_sent = value.is_empty()
            || wire.body.windows(value.len()).any(|window| window == value.as_bytes());
        assert!(is_sent, "a value of {name} that nobody sent");
    }
    form.length.is_ok()
}

/// Removes the policy from the body, and inserts it and its signature.
fn sign(wire: &mut Wire, keys: &[Key]) {
    let Some(at) = wire.body.windows(5).position(|window| window == b"\n---\n") else {
        return;
    };
    let policy = String::from_utf8_lossy(&wire.body[..at]).into_owned();
    wire.body.drain(..at + 5);
    wire.fill("{policy}", &STANDARD.encode(&policy));
    let text = String::from_utf8_lossy(&wire.body).into_owned();
    // The fields as they are usually written.
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("name=\"{name}\"\r\n\r\n"))?;
        rest.split("\r\n").next()
    };
    let key = keys.iter().find(|key| Some(key.id.as_str()) == field("q-ak"));
    if let (Some(key), Some(time)) = (key, field("q-key-time")) {
        wire.fill("{signature}", &signature(&key.secret, time, &policy));
    }
}

fn signature(secret: &str, time: &str, policy: &str) -> String {
    qsign::hmac(&qsign::hmac(secret, time), &qsign::sha1_hex(policy))
}

/// The key that signed a form, by the documents:
/// <https://www.tencentcloud.com/document/product/436/14690>.
fn expected<'k>(wire: &Wire, form: &AuthorizedForm, keys: &'k [Key]) -> Option<&'k Key> {
    let field = |name: &str| {
        let named = form.fields.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
        (values.len() == 1).then(|| values[0])
    };
    let token = field("x-cos-security-token").filter(|token| !token.is_empty());
    if !wire.header("authorization").is_empty() {
        return None;
    }
    let (encoded, signed) = match (field("policy"), field("signature")) {
        (Some(policy), None) => (policy, field("q-signature")?),
        (None, Some(text)) => {
            let fields = qsign::header_form(text)?;
            return qsign::proven(wire, &fields, token, keys, NOW);
        }
        _ => return None,
    };
    let time = field("q-key-time").filter(|time| qsign::is_now(time, NOW))?;
    let key = keys.iter().find(|key| Some(key.id.as_str()) == field("q-ak"))?;
    let policy = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let is_signed = signature(&key.secret, time, &policy) == signed;
    if !is_signed || key.token.as_deref() != token || field("q-sign-algorithm") != Some("sha1") {
        return None;
    }
    let policy: Value = serde_json::from_str(&policy).ok()?;
    if !is_later(policy["expiration"].as_str()?) {
        return None;
    }
    let host = qsign::only(&wire.header("host"))?.to_lowercase();
    let has = |name: &str| match name {
        "key" => Some(form.key.clone()),
        "q-sign-time" | "q-key-time" => Some(time.to_owned()),
        // The path's, the host's, or that of the account where neither names one.
        "bucket" => Some(if wire.path() != "/" {
            oracle::wire::decoded(wire.path())?.trim_matches('/').to_owned()
        } else if host.contains("-1250000000.") {
            host.split('.').next().unwrap_or_default().to_owned()
        } else {
            "examplebucket-1250000000".to_owned()
        }),
        name => field(name).map(str::to_owned),
    };
    let mut sizes: Option<(u64, u64)> = None;
    for condition in policy["conditions"].as_array()? {
        if !holds(condition, &has, &mut sizes)? {
            return None;
        }
    }
    (sizes == form.file_bytes).then_some(key)
}

/// Whether a condition is met; `None` for anything else.
fn holds(
    condition: &Value,
    has: &dyn Fn(&str) -> Option<String>,
    sizes: &mut Option<(u64, u64)>,
) -> Option<bool> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if let Value::Object(members) = condition {
        let met = |(name, value): (&String, &Value)| has(&name.to_ascii_lowercase()) == text(value);
        return Some(members.iter().all(met));
    }
    let [operator, first, second] = condition.as_array()?.as_slice() else {
        return None;
    };
    if operator == "content-length-range" {
        let number = |value: &Value| text(value)?.parse::<u64>().ok();
        let (least, most) = (number(first)?, number(second)?);
        let (below, above) = sizes.unwrap_or((0, u64::MAX));
        *sizes = Some((below.max(least), above.min(most)));
        return Some(least <= most);
    }
    let value = has(&first.as_str()?.strip_prefix('$')?.to_ascii_lowercase())?;
    match operator.as_str()? {
        "eq" => Some(value == text(second)?),
        "starts-with" => Some(value.starts_with(&text(second)?)),
        _ => None,
    }
}

/// Of the form `2023-11-14T22:13:20.000Z`, and after now.
fn is_later(expiration: &str) -> bool {
    const NOW_TEXT: &str = "2023-11-14T22:13:20";
    let shape = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let (moment, rest) = expiration.split_at_checked(NOW_TEXT.len()).unwrap_or_default();
    let is_moment =
        !moment.is_empty() && moment.bytes().enumerate().all(|(at, byte)| shape(at, byte));
    let fraction = rest.strip_suffix('Z').map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    let digits = fraction.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    is_moment && digits && moment > NOW_TEXT
}

/// Polls a future that wakes itself.
fn finished<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    for _ in 0..1_000_000 {
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("it waits for ever");
}
