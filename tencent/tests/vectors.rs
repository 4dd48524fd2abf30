//! The vendor's signature vectors, step by step.
//!
//! Each folder below `vectors/` is one published request: `request.json` and `body` go in, and each
//! numbered file is what one step must bring out. A step that goes wrong is named by its folder and
//! file. `source.md` names where the numbers are from.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a vector that cannot be read must fail its test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tencent::secret::Secret;
use tencent::sign::q_sign::{self, CosRequest, SignKey};
use tencent::sign::v1::{self, SignatureMethod};
use tencent::sign::{
    digest,
    tc3::{self, CanonicalRequest, DerivedKey},
};
use tencent::time::Timestamp;

#[test]
fn tc3_vectors() {
    for case in cases("tc3", 5) {
        let (request, body) = (json(&case, "request.json"), text(&case, "body"));
        let secret_key = secret(&request);
        let timestamp =
            request["timestamp"].as_i64().and_then(Timestamp::from_unix_seconds).expect("a time");
        let service = field(&request, "service");
        let headers = pairs(&request, "headers");

        let hashed_payload = digest::sha256_hex(body.as_bytes());
        step(&case, "1-hashed-payload", &hashed_payload);
        let canonical_request = CanonicalRequest {
            method: field(&request, "method"),
            query: field(&request, "query"),
            headers: &headers,
            hashed_payload: &hashed_payload,
        };
        step(&case, "2-canonical-request", &canonical_request.to_text());
        let string_to_sign = tc3::string_to_sign(timestamp, service, &canonical_request.to_text());
        step(&case, "3-string-to-sign", &string_to_sign);
        let secret_date = DerivedKey::date(&secret_key, &timestamp.date());
        step(&case, "4-secret-date", &secret_date.to_hex());
        let secret_service = secret_date.derive(service);
        step(&case, "5-secret-service", &secret_service.to_hex());
        let secret_signing = secret_service.derive(tc3::TERMINATOR);
        step(&case, "6-secret-signing", &secret_signing.to_hex());
        step(&case, "7-signature", &secret_signing.sign(&string_to_sign));
        let authorization = tc3::authorization(
            &canonical_request,
            service,
            timestamp,
            field(&request, "secret_id"),
            &secret_key,
        );
        step(&case, "8-authorization", &authorization);
    }
}

#[test]
fn v1_vectors() {
    for case in cases("v1", 6) {
        let request = json(&case, "request.json");
        let parameters = request["parameters"].as_object().expect("parameters").iter();
        let parameters =
            parameters.map(|(name, value)| (name.as_str(), value.as_str().expect("a text")));
        let string_to_sign =
            v1::string_to_sign(field(&request, "method"), field(&request, "endpoint"), parameters);
        step(&case, "1-string-to-sign", &string_to_sign);
        let method = SignatureMethod::from_parameter(request["signature_method"].as_str())
            .expect("a method");
        step(&case, "2-signature", &v1::sign(method, &secret(&request), &string_to_sign));
    }
}

#[test]
fn cos_vectors() {
    for case in cases("cos", 4) {
        let request = json(&case, "request.json");
        let (secret_key, key_time) = (secret(&request), field(&request, "key_time"));
        let sign_key = SignKey::new(&secret_key, key_time);
        step(&case, "1-sign-key", &sign_key.to_hex());
        let (parameters, headers) = (pairs(&request, "parameters"), pairs(&request, "headers"));
        let signed = CosRequest {
            method: field(&request, "method"),
            path: field(&request, "path"),
            parameters: &parameters,
            headers: &headers,
        };
        step(&case, "2-parameter-list", &signed.parameter_list());
        step(&case, "3-header-list", &signed.header_list());
        step(&case, "4-http-string", &signed.http_string());
        let string_to_sign = q_sign::string_to_sign(key_time, &signed.http_string());
        step(&case, "5-string-to-sign", &string_to_sign);
        step(&case, "6-signature", &sign_key.sign(&string_to_sign));
        let secret_id = field(&request, "secret_id");
        let authorization = q_sign::authorization(&signed, key_time, secret_id, &secret_key);
        step(&case, "7-authorization", &authorization);
    }
}

#[test]
fn cos_form_vectors() {
    for case in cases("cos-form", 1) {
        let (request, policy) = (json(&case, "request.json"), text(&case, "policy"));
        let sign_key = SignKey::new(&secret(&request), field(&request, "key_time"));
        step(&case, "1-sign-key", &sign_key.to_hex());
        let string_to_sign = q_sign::policy_string_to_sign(&policy);
        step(&case, "2-string-to-sign", &string_to_sign);
        step(&case, "3-signature", &sign_key.sign(&string_to_sign));
    }
}

#[test]
fn a_signature_is_not_part_of_what_it_signs() {
    let signed = v1::string_to_sign("GET", "host/", [("B", "2"), ("Signature", "x"), ("A", "1")]);
    assert_eq!(signed, "GEThost/?A=1&B=2");
}

#[test]
fn an_unknown_signature_method_is_refused() {
    for text in ["HmacMD5", "hmacsha1", "HMACSHA256", "none"] {
        assert_eq!(SignatureMethod::from_parameter(Some(text)), None, "{text}");
    }
    assert_eq!(SignatureMethod::from_parameter(None), Some(SignatureMethod::HmacSha1));
}

/// All folders of one kind; fewer than expected means that some were lost.
fn cases(kind: &str, count: usize) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(kind);
    let entries = fs::read_dir(folder).expect("the vectors");
    let cases: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(cases.len(), count, "vectors of {kind}");
    cases
}

#[track_caller]
fn step(case: &Path, file: &str, computed: &str) {
    let name = case.file_name().unwrap_or_default().to_string_lossy();
    assert_eq!(computed, text(case, file), "step {file} of {name}");
}

fn text(case: &Path, file: &str) -> String {
    fs::read_to_string(case.join(file))
        .unwrap_or_else(|error| panic!("{}/{file}: {error}", case.display()))
}

fn json(case: &Path, file: &str) -> Value {
    serde_json::from_str(&text(case, file)).expect("JSON")
}

fn field<'a>(request: &'a Value, name: &str) -> &'a str {
    request[name].as_str().unwrap_or_else(|| panic!("no `{name}`"))
}

fn pairs<'a>(request: &'a Value, name: &str) -> Vec<(&'a str, &'a str)> {
    let pairs = request[name].as_array().expect("pairs");
    pairs.iter().map(pair).collect()
}

fn pair(header: &Value) -> (&str, &str) {
    (header[0].as_str().expect("a name"), header[1].as_str().expect("a value"))
}

fn secret(request: &Value) -> Secret {
    Secret::new(field(request, "secret_key").to_owned()).expect("a key")
}
