//! POST Object: signed by its policy or, as mini-programs do, by method and path.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use tencent::secret::Secret;
use tencent::sign::q_sign::{SignKey, policy_string_to_sign};

use super::{BUCKET, Credential, Draft, NOW, World, allow};
use crate::cos::auth::access::AuthContext;
use crate::cos::error::CosError;
use crate::cos::http::post_form::Form as Read;

const KEY: &str = "a/photo.jpg";

/// The fields of a form, each of which a test can change.
#[derive(Clone)]
struct Form {
    fields: Vec<(String, String)>,
    conditions: String,
    expiration: String,
    key_time: String,
}

impl Form {
    fn new() -> Self {
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            fields: [("key", KEY), ("Content-Type", "image/jpeg")].map(text).to_vec(),
            conditions: format!(r#",{{"bucket":"{BUCKET}"}},["starts-with","$key","a/"]"#),
            expiration: "2023-11-14T23:00:00.000Z".to_owned(),
            key_time: format!("{};{}", NOW - 60, NOW + 600),
        }
    }

    fn conditions(mut self, more: &str) -> Self {
        self.conditions.push_str(more);
        self
    }

    fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn policy(&self, by: &Credential) -> String {
        let Self { expiration, conditions, key_time, .. } = self;
        let secret_id = &by.pair.secret_id;
        format!(
            r#"{{"expiration":"{expiration}","conditions":[{{"q-sign-algorithm":"sha1"}},{{"q-ak":"{secret_id}"}},{{"q-sign-time":"{key_time}"}}{conditions}]}}"#
        )
    }

    fn signed(self, by: &Credential) -> Self {
        let policy = self.policy(by);
        self.signed_over(by, &policy)
    }

    fn signed_over(self, by: &Credential, policy: &str) -> Self {
        let secret = Secret::new(by.pair.secret_key.clone()).unwrap();
        let key_time = self.key_time.clone();
        let signature = SignKey::new(&secret, &key_time).sign(&policy_string_to_sign(policy));
        let form = self
            .field("policy", &STANDARD.encode(policy))
            .field("q-sign-algorithm", "sha1")
            .field("q-ak", &by.pair.secret_id)
            .field("q-key-time", &key_time)
            .field("q-signature", &signature);
        match &by.token {
            Some(token) => form.field("x-cos-security-token", token),
            None => form,
        }
    }

    fn send(&self, world: &World) -> Result<AuthContext, CosError> {
        let draft = Draft::new("POST", "/", "").header("content-length", "1000");
        world.authorize_form(&draft.request(), &self.read())
    }

    /// The parsed form.
    fn read(&self) -> Read {
        let key = self.fields.iter().find(|(name, _)| name == "key");
        Read {
            key: key.map(|(_, key)| key.clone()).unwrap_or_default(),
            fields: self.fields.clone(),
        }
    }

    #[track_caller]
    fn refused(&self, world: &World, code: &str) -> CosError {
        let error = self.send(world).expect_err("it has to be refused");
        assert_eq!(error.code, code, "{:?}", error.reason);
        error
    }
}

#[test]
fn a_signed_policy_lets_in_what_it_asks_for() {
    let world = World::new();
    let session = world.session(&allow("PostObject", "a/*", ""));
    for by in [&world.root, &world.user, &session] {
        let context = Form::new().signed(by).send(&world).unwrap();
        assert_eq!(context.file_bytes, None);
    }
    let limited = Form::new().conditions(r#",["content-length-range",1,500]"#);
    let context = limited.signed(&session).send(&world).unwrap();
    assert_eq!(context.file_bytes, Some((1, 500)));
}

#[test]
fn mini_programs_sign_method_and_path() {
    let world = World::new();
    let session = world.session(&allow("PostObject", "a/*", ""));
    let signature = Draft::new("POST", "/", "").authorization(&session);
    let form = |signature: &str| {
        let form = Form::new().field("Signature", signature);
        form.field("x-cos-security-token", session.token.as_deref().unwrap())
    };
    form(&signature).send(&world).unwrap();
    let other = Draft::new("PUT", "/", "").authorization(&session);
    form(&other).refused(&world, "SignatureDoesNotMatch");
    let other = Draft::new("POST", "/a", "").authorization(&session);
    form(&other).refused(&world, "SignatureDoesNotMatch");
    // As the SDK sends it: once more, as a header.
    let with_header = |value: &str| {
        let draft = Draft::new("POST", "/", "").header("authorization", value);
        world.authorize_form(&draft.request(), &form(&signature).read())
    };
    with_header(&signature).unwrap();
    // An empty header counts as none.
    with_header("").unwrap();
    for another in ["x", other.as_str()] {
        let outcome = with_header(another);
        assert_eq!(outcome.unwrap_err().code, "AccessDenied", "{another}");
    }
    form("x").refused(&world, "AccessDenied");
    form("").refused(&world, "AccessDenied");
    let sibling = form(&signature).field("key", "ab/photo.jpg");
    sibling.refused(&world, "AccessDenied");
    let other_token = form(&signature).field("x-cos-security-token", "other");
    other_token.refused(&world, "InvalidAccessKeyId");
    let both = form(&signature).signed(&session);
    both.refused(&world, "AccessDenied");
}

#[test]
fn a_form_that_is_not_signed_right() {
    let world = World::new();
    world.set_bucket_acl("x-cos-acl", "public-read-write");
    let session = world.session(&allow("PostObject", "a/*", ""));
    let right = Form::new().signed(&session);
    right.send(&world).unwrap();
    for (name, value, code) in [
        ("q-sign-algorithm", "sha256", "AccessDenied"),
        ("q-ak", "", "AccessDenied"),
        ("q-ak", "AKIDEMUnobody", "InvalidAccessKeyId"),
        ("q-ak", world.user.pair.secret_id.as_str(), "InvalidAccessKeyId"),
        ("q-key-time", "1;2", "AccessDenied"),
        ("q-key-time", "x", "AccessDenied"),
        ("q-signature", "x", "AccessDenied"),
        ("q-signature", "0123456789abcdef0123456789abcdef01234567", "SignatureDoesNotMatch"),
        ("x-cos-security-token", "other", "InvalidAccessKeyId"),
        ("x-cos-security-token", "", "InvalidAccessKeyId"),
        ("policy", "!", "InvalidPolicyDocument"),
        ("policy", "e30=", "SignatureDoesNotMatch"),
        ("q-sign-time", "1;2", "AccessDenied"),
        ("POLICY", "e30=", "MalformedPOSTRequest"),
        ("Key", "a/other", "MalformedPOSTRequest"),
    ] {
        let error = right.clone().field(name, value).refused(&world, code);
        assert!(error.reason.is_some(), "{name}={value}");
    }
    for missing in ["q-sign-algorithm", "q-ak", "q-key-time", "q-signature"] {
        let mut form = right.clone();
        form.fields.retain(|(name, _)| name != missing);
        form.refused(&world, "AccessDenied");
    }
    let longer = Form { key_time: format!("{};{}", NOW - 60, NOW + 601), ..right.clone() };
    let longer = longer.clone().field("q-key-time", &longer.key_time);
    longer.refused(&world, "SignatureDoesNotMatch");
    let header = Draft::new("POST", "/", "").signed(&session);
    let outcome = world.authorize_form(&header.request(), &right.read());
    assert_eq!(outcome.unwrap_err().code, "AccessDenied");
}

#[test]
fn a_form_that_is_not_signed_is_decided_by_acls() {
    let world = World::new();
    Form::new().refused(&world, "AccessDenied");
    world.set_bucket_acl("x-cos-acl", "public-read");
    Form::new().refused(&world, "AccessDenied");
    world.set_bucket_acl("x-cos-acl", "public-read-write");
    assert!(Form::new().send(&world).unwrap().anonymous);
    // More than to write is not in the ACL, and a part of a signature is not anonymous.
    for (name, value) in [
        ("x-cos-tagging", "a=b"),
        ("q-ak", "AKIDEMUnobody"),
        ("q-signature", "x"),
        ("Signature", ""),
        ("x-cos-security-token", "token"),
    ] {
        let outcome = Form::new().field(name, value).send(&world);
        assert_eq!(outcome.map_err(|error| error.code), Err("AccessDenied"), "{name}");
    }
    let header = Draft::new("POST", "/", "").header("authorization", "x");
    let outcome = world.authorize_form(&header.request(), &Form::new().read());
    assert_eq!(outcome.unwrap_err().code, "AccessDenied");
}

#[test]
fn what_the_policy_asks_for_has_to_be_there() {
    let world = World::new();
    let by = &world.user;
    for (condition, name) in [
        (r#",{"bucket":"other-1250000000"}"#, "bucket"),
        (r#",{"key":"a/other.jpg"}"#, "key"),
        (r#",["starts-with","$key","b/"]"#, "key"),
        (r#",["starts-with","$Content-Type","text/"]"#, "content-type"),
        (r#",["eq","$acl","private"]"#, "acl"),
        (r#",["eq","$x-cos-meta-a",""]"#, "x-cos-meta-a"),
        (r#",{"q-sign-time":"1;2"}"#, "q-sign-time"),
        (r#",{"q-ak":"AKIDEMUother"}"#, "q-ak"),
    ] {
        let error = Form::new().conditions(condition).signed(by);
        let error = error.refused(&world, "AccessDenied");
        let text = format!("Condition key {name} doesn't match the value ");
        assert!(error.message.starts_with(&text), "{}", error.message);
    }
    let over = Form { expiration: "2023-11-14T22:13:20Z".to_owned(), ..Form::new() };
    let error = over.signed(by).refused(&world, "AccessDenied");
    assert_eq!(
        error.message,
        "You post object request has been expired, expiration time: 1700000000 but the time now : 1700000000"
    );
    let empty = r#"{"expiration":"2023-11-14T23:00:00Z","conditions":[]}"#;
    let error = Form::new().signed_over(by, empty);
    let error = error.refused(&world, "InvalidPolicyDocument");
    assert_eq!(
        error.message,
        "You must provide condition if you specify a policy in post object request."
    );
}

#[test]
fn conditions_see_the_fields_of_a_form() {
    let world = World::new();
    let limit = |condition: &str| {
        let condition = format!(r#","condition":{condition}"#);
        world.session(&allow("PostObject", "a/*", &condition))
    };
    let jpeg = limit(r#"{"string_equal":{"cos:content-type":"image/jpeg"}}"#);
    Form::new().signed(&jpeg).send(&world).unwrap();
    let text = Form::new().field("Content-Type", "text/html");
    text.signed(&jpeg).refused(&world, "AccessDenied");
    let mut without = Form::new();
    without.fields.retain(|(name, _)| name != "Content-Type");
    without.signed(&jpeg).refused(&world, "AccessDenied");
    let private = limit(r#"{"string_equal":{"cos:x-cos-acl":"private"}}"#);
    Form::new().signed(&private).refused(&world, "AccessDenied");
    let acl = Form::new().field("acl", "private");
    acl.signed(&private).send(&world).unwrap();
    let acl = Form::new().field("acl", "public-read");
    acl.signed(&private).refused(&world, "AccessDenied");
    // The whole request has 1000 bytes.
    let small = limit(r#"{"numeric_less_than_equal":{"cos:content-length":999}}"#);
    Form::new().signed(&small).refused(&world, "AccessDenied");
    let fits = limit(r#"{"numeric_less_than_equal":{"cos:content-length":1000}}"#);
    let form = Form::new().signed(&fits);
    form.send(&world).unwrap();
    let chunked = Draft::new("POST", "/", "").header("transfer-encoding", "chunked");
    let outcome = world.authorize_form(&chunked.request(), &form.read());
    let error = outcome.unwrap_err();
    assert!(error.reason.unwrap().contains("lacks this key"));
}

/// One condition: operator (whether it is starts-with), field, value.
type Asked = (bool, &'static str, String);

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conditions_are_met_as_a_naive_reader_decides(
        asked in prop::collection::vec((any::<bool>(), prop::sample::select(vec!["key", "acl", "Cache-Control"]), "[ab]{0,2}"), 0..4),
        key in "[ab]{1,2}",
        acl in prop::option::of("[ab]{0,2}"),
        cache in prop::option::of("[ab]{0,2}"),
    ) {
        let world = World::new();
        let mut form = Form { conditions: String::new(), ..Form::new() };
        form = form.field("key", &key);
        for (name, value) in [("acl", &acl), ("cache-control", &cache)] {
            if let Some(value) = value {
                form = form.field(name, value);
            }
        }
        for (starts, name, value) in &asked {
            let operator = if *starts { "starts-with" } else { "eq" };
            form = form.conditions(&format!(r#",["{operator}","${name}","{value}"]"#));
        }
        let naive = asked.iter().all(|(starts, name, value): &Asked| {
            let has = match *name {
                "key" => Some(&key),
                "acl" => acl.as_ref(),
                _ => cache.as_ref(),
            };
            has.is_some_and(|has| if *starts { has.starts_with(value) } else { has == value })
        });
        prop_assert_eq!(form.signed(&world.root).send(&world).is_ok(), naive);
    }
}
