//! Every change of one signed byte is rejected.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Draft, NOW, World};
use crate::cos::http::request::decoded;

#[derive(Clone, Copy, Debug)]
enum Part {
    Host,
    Key,
    Method,
    Path,
    Query,
    SignedHeader,
    Signature,
    Time,
    Token,
}

fn parts() -> impl Strategy<Value = Part> {
    prop::sample::select(vec![
        Part::Host,
        Part::Key,
        Part::Method,
        Part::Path,
        Part::Query,
        Part::SignedHeader,
        Part::Signature,
        Part::Time,
        Part::Token,
    ])
}

/// Another byte at one place, from the letters and digits.
fn changed(text: &str, place: Index, to: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let place = place.index(bytes.len());
    bytes[place] = to;
    String::from_utf8(bytes).unwrap_or_default()
}

fn value<'a>(draft: &'a mut Draft, name: &str) -> &'a mut String {
    let header = draft.headers.iter_mut().find(|(found, _)| found == name);
    &mut header.unwrap().1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_byte_of_what_is_signed_changes_the_answer(
        path in "[a-z0-9./_~+' -]{1,20}",
        names in prop::collection::btree_set("[a-z-]{3,8}", 1..4),
        text in "[ -~]{0,20}",
        part in parts(),
        place in any::<Index>(),
        to in prop::sample::select(b"abcXYZ019;=".to_vec()),
        in_query in any::<bool>(),
    ) {
        let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let world = World::new();
        let session = world.session(&super::allow("*", "*", ""));
        let query: Vec<String> = names.iter().map(|name| format!("p{}={}", encode(name), encode(&text))).collect();
        let mut draft = Draft::new("PUT", &format!("/{}k", encode(&path)), &query.join("&"));
        draft = draft.header("x-cos-meta-a", &format!("v{}", text.trim()));
        let unsigned_query = draft.query.clone();
        draft = if in_query { draft.presigned(&session) } else { draft.signed(&session) };
        let right = world.authorize_put(&draft.request());
        prop_assert!(right.is_ok(), "{:?}", right);

        let before = draft.request();
        // Names of parameters are signed in lower case (documented), so their case may change.
        let parameters = |request: &super::RequestHead| request.parameters().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect::<Vec<_>>();
        let meaning = |request: &super::RequestHead| (decoded(&request.path), parameters(request), format!("{:?}", request.headers), request.host.clone());
        match part {
            Part::Host => draft.host = changed(&draft.host, place, to).replace([';', '='], "x"),
            Part::Key => {
                let wrong = changed(&session.pair.secret_key, place, to);
                prop_assume!(wrong != session.pair.secret_key);
                let wrong = super::Credential { pair: crate::account::KeyPair { secret_key: wrong, ..session.pair.clone() }, ..session.clone() };
                draft = Draft { headers: draft.headers.iter().take(1).cloned().collect(), query: unsigned_query, ..draft };
                draft = if in_query { draft.presigned(&wrong) } else { draft.signed(&wrong) };
            }
            Part::Method => draft.method = "GET".parse().unwrap(),
            Part::Path => draft.path = format!("/{}", changed(draft.path.trim_start_matches('/'), place, to)),
            Part::Query => {
                let mutated = changed(&unsigned_query, place, to);
                draft.query = draft.query.replacen(&unsigned_query, &mutated, 1);
            }
            Part::SignedHeader => {
                let header = value(&mut draft, "x-cos-meta-a");
                *header = changed(header, place, to);
            }
            Part::Signature | Part::Time | Part::Token => {
                let target = if in_query { &mut draft.query } else {
                    let name = if matches!(part, Part::Token) { "x-cos-security-token" } else { "authorization" };
                    value(&mut draft, name)
                };
                let token = session.token.clone().unwrap();
                let old = match part {
                    Part::Signature => {
                        let (_, rest) = target.split_once("q-signature=").unwrap();
                        rest.split('&').next().unwrap().to_owned()
                    }
                    Part::Time => (NOW + 600).to_string(),
                    _ => token,
                };
                let new = changed(&old, place, to);
                *target = target.replace(&old, &new);
            }
        }
        // A malformed bucket is rejected earlier; an ineffective change is not a change.
        prop_assume!(draft.host.split_once(".cos.").is_none_or(|(bucket, rest)|
            tencent::names::Bucket::parse(bucket).is_ok() && rest.split_once('.').is_some_and(|(region, _)| tencent::names::Region::parse(region).is_ok())));
        let after = draft.request();
        prop_assume!(after.method != before.method || meaning(&after) != meaning(&before));
        prop_assert!(world.authorize_put(&after).is_err(), "{part:?}: {} {}", draft.path, draft.query);
    }

    #[test]
    fn nothing_makes_authorization_panic(authorization in "\\PC{0,200}", query in "[a-zA-Z0-9=&%;._~-]{0,200}", path in "/[ -~]{0,60}") {
        let world = World::new();
        let mut draft = Draft::new("PUT", &path, &query);
        if http::HeaderValue::from_bytes(authorization.as_bytes()).is_ok() {
            draft = draft.header("authorization", &authorization);
        }
        prop_assert!(world.authorize_put(&draft.request()).is_err());
    }
}
