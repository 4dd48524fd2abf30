//! Mutilated answers: each model of a client refuses what its source refuses, and takes what its
//! source takes.
//!
//! Real answers of the deployed binary with one member missing or of another type. A model that
//! accepts anything, or reads a member that its source does not read, fails.
//!
//! # Not covered
//!
//! Whole answers (`client_shapes.rs`).
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::Platform;
use cos_issuer_e2e::models::{
    Model, android, coscli, flutter, go, harmonyos, ios, java, react_native,
};
use cos_issuer_e2e::{Answer, read, send_as_written, start};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

/// What is done to an answer on its way.
#[derive(Clone, Copy, Debug)]
enum To {
    Missing,
    Null,
    /// A number where there was none.
    Number,
    /// A number as a text.
    Text,
    /// A text that is not a number.
    Word,
}

/// What the client does with it then.
#[derive(Clone, Copy)]
enum Then {
    Complains(&'static str),
    Signs,
    /// It keeps values that cannot sign a request, and reports nothing.
    Useless,
}

use Then::{Complains, Signs, Useless};
use To::{Missing, Null, Number, Text, Word};

const NULL_CONTENT: Then = Complains("fetch credential response content is null");
const NO_LIFE: Then = Complains("beginTime must be less than expiredTime");
const NO_STRING: Then = Complains("not a subtype of type 'String'");
const NO_INT: Then = Complains("not a subtype of type 'int'");
const NO_UNMARSHAL: Then = Complains("json: cannot unmarshal");
const NO_SELECTOR: Then = Complains("unrecognized selector");
const OF_UNDEFINED: Then = Complains("Cannot read property 'tmpSecretId' of undefined");

type Changes = &'static [(&'static str, To, Then)];

#[rustfmt::skip]
const CHANGED: [(&str, Model, Changes); 15] = [
    ("GET /sts", android::session_credential_provider, &[
        ("/data/credentials", Missing, NULL_CONTENT), ("/data/credentials", Number, NULL_CONTENT),
        ("/data/credentials/tmpSecretId", Missing, Useless), ("/data/credentials/tmpSecretKey", Missing, Useless),
        ("/data/credentials/sessionToken", Missing, Useless), ("/data/expiredTime", Missing, NO_LIFE),
        ("/data/expiredTime", Word, NO_LIFE), ("/data/expiredTime", Text, Signs), ("/data/startTime", Missing, Signs),
        ("/data", Missing, Signs), ("/credentials", Missing, Signs),
    ]),
    ("GET /sts?format=sts", android::sts_3, &[
        ("/Response", Missing, NULL_CONTENT), ("/Response/Credentials", Missing, NULL_CONTENT),
        ("/Response/Credentials/TmpSecretId", Missing, Useless), ("/Response/Credentials/TmpSecretKey", Missing, Useless),
        ("/Response/Credentials/Token", Missing, Useless), ("/Response/ExpiredTime", Missing, NO_LIFE),
        ("/Response/ExpiredTime", Text, Signs),
    ]),
    ("GET /sts", android::transfer_demo, &[
        ("/credentials", Missing, Complains("No value for credentials")), ("/credentials", Number, Complains("cannot be converted to JSONObject")),
        ("/credentials/tmpSecretId", Missing, Complains("No value for tmpSecretId")),
        ("/credentials/tmpSecretKey", Missing, Complains("No value for tmpSecretKey")),
        ("/credentials/sessionToken", Missing, Complains("No value for sessionToken")),
        ("/startTime", Missing, Complains("No value for startTime")), ("/expiredTime", Missing, Complains("No value for expiredTime")),
        ("/expiredTime", Word, Complains("cannot be converted to long")), ("/expiredTime", Text, Signs), ("/data", Missing, Signs),
    ]),
    ("GET /sts", ios::documented, &[
        ("/data", Missing, Useless), ("/data/credentials", Missing, Useless), ("/data/credentials/tmpSecretId", Missing, Useless),
        ("/data/credentials/tmpSecretKey", Missing, Useless), ("/data/credentials/sessionToken", Missing, Useless),
        ("/data/expiredTime", Missing, Useless), ("/data/expiredTime", Null, NO_SELECTOR), ("/data/startTime", Missing, Signs),
        ("/credentials", Missing, Signs),
    ]),
    ("POST /sts", ios::scope_sample, &[
        ("/credentials", Missing, Useless), ("/credentials", Number, NO_SELECTOR), ("/credentials/tmpSecretId", Missing, Useless),
        ("/credentials/sessionToken", Missing, Useless), ("/expiredTime", Missing, Useless), ("/expiredTime", Word, Useless),
        ("/expiredTime", Text, Signs), ("/expiredTime", Null, NO_SELECTOR), ("/data", Missing, Signs),
    ]),
    ("GET /sts", flutter::fetch_credentials, &[
        ("/credentials", Missing, Complains("'[]' was called on null")), ("/credentials/tmpSecretId", Missing, NO_STRING),
        ("/credentials/tmpSecretKey", Missing, NO_STRING), ("/credentials/sessionToken", Missing, NO_STRING),
        ("/credentials/sessionToken", Number, NO_STRING), ("/expiredTime", Missing, NO_INT), ("/expiredTime", Text, NO_INT),
        ("/startTime", Text, NO_INT), ("/startTime", Missing, Signs), ("/startTime", Null, Signs), ("/data", Missing, Signs),
    ]),
    ("GET /sts", react_native::on_android, &[
        ("/credentials", Missing, OF_UNDEFINED), ("/credentials/tmpSecretId", Missing, Complains("secretId cannot be null")),
        ("/credentials/tmpSecretKey", Missing, Complains("secretKey cannot be null")),
        ("/credentials/sessionToken", Missing, Complains("token cannot be null")),
        ("/credentials/sessionToken", Number, Complains("cannot be cast to java.lang.String")),
        ("/expiredTime", Missing, Complains("NoSuchKeyException")), ("/expiredTime", Text, Complains("cannot be cast to java.lang.Double")),
        ("/startTime", Text, Complains("cannot be cast to java.lang.Double")), ("/startTime", Missing, Signs),
    ]),
    ("GET /sts", react_native::on_ios, &[
        ("/credentials", Missing, OF_UNDEFINED), ("/credentials/tmpSecretId", Missing, Useless),
        ("/credentials/tmpSecretKey", Missing, Useless), ("/credentials/sessionToken", Missing, Useless),
        ("/expiredTime", Word, Useless), ("/expiredTime", Null, NO_SELECTOR), ("/expiredTime", Text, Signs),
        // A key without an end is valid for ever.
        ("/expiredTime", Missing, Signs),
    ]),
    ("GET /sts", harmonyos::documented, &[
        ("/credentials", Missing, OF_UNDEFINED), ("/credentials", Null, OF_UNDEFINED), ("/credentials/tmpSecretId", Missing, Useless),
        ("/credentials/tmpSecretKey", Missing, Useless), ("/credentials/sessionToken", Missing, Useless),
        ("/expiredTime", Missing, Useless), ("/expiredTime", Word, Useless), ("/expiredTime", Text, Signs), ("/startTime", Missing, Signs),
    ]),
    ("GET /sts?format=cvm", java::instance_credentials_fetcher, &[
        ("/TmpSecretId", Missing, Complains("Access key cannot be null")), ("/TmpSecretKey", Missing, Complains("Secret key cannot be null")),
        ("/Token", Missing, Complains("Session Token cannot be null")), ("/ExpiredTime", Missing, Useless), ("/ExpiredTime", Text, Signs),
        ("/ExpiredTime", Word, Complains("Parse the instance credentials response failed")), ("/Code", Missing, Signs),
    ]),
    ("GET /sts?format=sts", go::complete_result, &[
        ("/Response", Missing, Complains("GetCredential failed")), ("/Response/Credentials", Missing, Complains("GetCredential failed")),
        ("/Response/Credentials/TmpSecretId", Missing, Useless), ("/Response/Credentials/TmpSecretKey", Missing, Useless),
        ("/Response/Credentials/Token", Missing, Useless), ("/Response/Credentials/Token", Number, NO_UNMARSHAL),
        ("/Response/Credentials", Number, NO_UNMARSHAL), ("/Response/ExpiredTime", Text, NO_UNMARSHAL), ("/Response/ExpiredTime", Missing, Useless),
    ]),
    ("GET /sts?format=cvm", go::cvm_security_credentials, CVM_IN_GO),
    ("GET /sts?format=cvm", go::cvm_security_credentials, &[("/Code", Missing, Complains("credentials failed, Code:"))]),
    ("GET /sts?format=cvm", coscli::cam_auth, CVM_IN_GO),
    ("GET /sts?format=cvm", coscli::cam_auth, &[("/Code", Missing, Complains("auth error : response error"))]),
];

#[rustfmt::skip]
const CVM_IN_GO: Changes = &[
    ("/Code", Number, NO_UNMARSHAL), ("/TmpSecretId", Missing, Useless), ("/TmpSecretKey", Missing, Useless),
    ("/Token", Missing, Useless), ("/Token", Number, NO_UNMARSHAL), ("/ExpiredTime", Text, NO_UNMARSHAL), ("/ExpiredTime", Missing, Useless),
    ("/Expiration", Number, NO_UNMARSHAL), ("/Expiration", Missing, Signs),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_mutilated_answer_is_refused_as_the_source_refuses_it() {
    let (_cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for (request, model, changes) in CHANGED {
        let whole = send_as_written(&browser, request).await.unwrap();
        assert_eq!(whole.status, 200, "{request}");
        for (pointer, to, then) in changes {
            let answer = changed(&whole, pointer, *to);
            let case = format!("{request} with {pointer} {to:?}");
            match (read(model, &answer, now()), *then) {
                (Ok(key), Signs) => assert!(key.signs(now()), "{case}: useless"),
                (Ok(key), Useless) => assert!(!key.signs(now()), "{case}: signs"),
                (Ok(_), Complains(_)) => panic!("{case}: taken"),
                (Err(words), Complains(part)) => {
                    assert!(words.to_string().contains(part), "{case}: {words}")
                }
                (Err(words), Signs | Useless) => panic!("{case}: {words}"),
            }
        }
    }
}

/// Why the flat format has no `code` of ours: Go's names match in any case.
#[tokio::test(flavor = "multi_thread")]
async fn a_numeric_code_next_to_the_flat_members_would_break_go() {
    let (_cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let mut answer = send_as_written(&browser, "GET /sts?format=cvm").await.unwrap();
    for model in [go::cvm_security_credentials as Model, coscli::cam_auth] {
        assert!(read(model, &answer, now()).is_ok());
    }
    answer.body["code"] = json!(0);
    for model in [go::cvm_security_credentials as Model, coscli::cam_auth] {
        let words = read(model, &answer, now()).err().unwrap();
        assert!(words.to_string().contains("cannot unmarshal"), "{words}");
    }
}

fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

fn changed(answer: &Answer, pointer: &str, to: To) -> Answer {
    let mut answer = answer.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let members = answer.body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let old = members.remove(name).unwrap_or_else(|| panic!("there is no {pointer}"));
    let new = match to {
        Missing => return answer,
        Null => Value::Null,
        Number => json!(7),
        Text => json!(old.as_i64().unwrap().to_string()),
        Word => json!("soon"),
    };
    members.insert(name.to_owned(), new);
    answer
}
