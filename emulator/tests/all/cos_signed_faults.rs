//! Faults on COS as a client with a right signature meets them: what it gets, what is stored, and
//! that the next call is well again.
//!
//! # Not covered
//! Faults that need no signature to be seen (`cos_faults.rs`), and how rules count (`faults.rs`).

use std::time::{Duration, UNIX_EPOCH};

use cos_emulator::{Cloud, Fault, FaultRule, Service, WhichKey};
use serde_json::Value;

use crate::cos_caller::{Caller, TARGET, TEXT, is, status_and_code};
use crate::support::{Tc3, client, code as code_of_sts, now, sts_only};

fn second_get(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Cos, fault).action("GetObject").nth(2)
}

/// The kinds of the faults that fired, in order.
fn fired(cloud: &Cloud) -> Vec<String> {
    let lines = cloud.trace().into_iter();
    let lines = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter_map(|line| Some(line["fault"].as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn a_key_that_expires_in_the_middle_stays_expired_and_others_do_not() {
    let cloud = sts_only().await;
    let (caller, other) = (Caller::of(&cloud).await, Caller::of(&cloud).await);
    assert_eq!(caller.put(&cloud).await, is(200, ""));
    cloud.faults().add(second_get(Fault::ExpiredNow)).unwrap();
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
    for _ in 0..2 {
        assert_eq!(caller.get(&cloud).await, is(400, "ExpiredToken"));
    }
    assert_eq!(caller.put(&cloud).await, is(400, "ExpiredToken"));
    assert_eq!(other.get(&cloud).await, is(200, TEXT));
    assert_eq!(fired(&cloud), ["expired-now"]);
}

#[tokio::test]
async fn a_key_that_is_revoked_in_the_middle_is_unknown_and_others_are_not() {
    let cloud = sts_only().await;
    let (caller, other) = (Caller::of(&cloud).await, Caller::of(&cloud).await);
    assert_eq!(caller.put(&cloud).await, is(200, ""));
    let rule = second_get(Fault::RevokeKey(WhichKey::Calling));
    cloud.faults().add(rule).unwrap();
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
    for _ in 0..2 {
        assert_eq!(caller.get(&cloud).await, is(403, "InvalidAccessKeyId"));
    }
    assert_eq!(caller.put(&cloud).await, is(403, "InvalidAccessKeyId"));
    assert_eq!(other.get(&cloud).await, is(200, TEXT));
    // The STS knows nothing of a key that is gone.
    let mut call =
        Tc3::new(&caller.pair, "GetCallerIdentity", &Value::Object(serde_json::Map::new()));
    call.token.clone_from(&caller.token);
    let refusal = call.send(cloud.sts()).await;
    assert_eq!(code_of_sts(&refusal), "AuthFailure.SecretIdNotFound");
}

#[tokio::test]
async fn a_wrong_clock_refuses_what_is_signed_now_and_shows_its_own_time() {
    let cloud = sts_only().await;
    let caller = Caller::of(&cloud).await;
    assert_eq!(caller.put(&cloud).await, is(200, ""));
    // The key lives for half an hour, the signature for ten minutes.
    for (seconds, expected) in [(900, "AccessDenied"), (-7200, "RequestTimeTooSkewed")] {
        let rule = second_get(Fault::WrongClock { seconds });
        let id = cloud.faults().add(rule).unwrap();
        assert_eq!(caller.get(&cloud).await, is(200, TEXT));
        let answer = caller.request(&cloud, "GET", TARGET).send().await.unwrap();
        let date = answer.headers()["date"].to_str().unwrap().to_owned();
        let date = httpdate::parse_http_date(&date).unwrap();
        let date = date.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let is_ahead = date > now().unix_seconds().unsigned_abs();
        assert_eq!(is_ahead, seconds > 0);
        let text = answer.text().await.unwrap();
        assert!(text.contains(&format!("<Code>{expected}</Code>")), "{text}");
        assert!(text.contains("<ServerTime>"), "{text}");
        assert_eq!(caller.get(&cloud).await, is(200, TEXT));
        cloud.faults().remove(id);
    }
}

#[tokio::test]
async fn a_slow_body_comes_in_pieces_and_whole() {
    let cloud = sts_only().await;
    let caller = Caller::of(&cloud).await;
    assert_eq!(caller.put(&cloud).await, is(200, ""));
    let pause = Duration::from_millis(100);
    cloud.faults().add(second_get(Fault::SlowBody { bytes: 4, pause })).unwrap();
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
    let mut answer = caller.request(&cloud, "GET", TARGET).send().await.unwrap();
    assert_eq!(answer.headers()["content-length"], TEXT.len().to_string().as_str());
    let (mut pieces, mut whole) = (0, Vec::new());
    while let Some(piece) = answer.chunk().await.unwrap() {
        pieces += 1;
        whole.extend_from_slice(&piece);
    }
    assert_eq!(whole, TEXT.as_bytes());
    assert!(pieces > 1, "it came at once");
    // A client with a short time limit disconnects; other calls are not affected.
    let pause = Duration::from_secs(20);
    let rule = FaultRule::new(Service::Cos, Fault::SlowBody { bytes: 4, pause });
    let id = cloud.faults().add(rule).unwrap();
    let answer = caller.request(&cloud, "GET", TARGET).timeout(Duration::from_millis(300));
    let broken = match answer.send().await {
        Ok(answer) => answer.bytes().await.err(),
        Err(error) => Some(error),
    };
    assert!(broken.unwrap().is_timeout());
    cloud.faults().remove(id);
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_announces_all_of_it() {
    let cloud = sts_only().await;
    let caller = Caller::of(&cloud).await;
    assert_eq!(caller.put(&cloud).await, is(200, ""));
    cloud.faults().add(second_get(Fault::CloseAfter { bytes: 5 })).unwrap();
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
    let mut answer = caller.request(&cloud, "GET", TARGET).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-length"], TEXT.len().to_string().as_str());
    let mut got = Vec::new();
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(piece)) => got.extend_from_slice(&piece),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "it ended as if it were whole");
    assert_eq!(got, &TEXT.as_bytes()[..5]);
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
}

#[tokio::test]
async fn an_untrusted_certificate_ends_one_connection_before_any_call() {
    let cloud = sts_only().await;
    let caller = Caller::of(&cloud).await;
    let rule = FaultRule::new(Service::Cos, Fault::TlsFailure).nth(1);
    cloud.faults().add(rule).unwrap();
    let url = format!("{}{TARGET}", cloud.cos().https_url());
    let put = || {
        let request = client(cloud.sts()).put(&url).body(TEXT);
        caller.signed(&cloud, request, "PUT", TARGET).send()
    };
    let before = cloud.decisions().len();
    let error = put().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(cloud.decisions().len(), before, "no call came through");
    assert_eq!(status_and_code(put().await.unwrap()).await, is(200, ""));
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
}

#[tokio::test]
async fn a_late_answer_is_the_right_one_for_who_waits() {
    let cloud = sts_only().await;
    let caller = Caller::of(&cloud).await;
    assert_eq!(caller.put(&cloud).await, is(200, ""));
    let delay = Duration::from_millis(50);
    cloud.faults().add(second_get(Fault::Delay(delay))).unwrap();
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
    assert_eq!(fired(&cloud), ["latency"]);
    let late = Fault::Delay(Duration::from_secs(20));
    let id = cloud.faults().add(FaultRule::new(Service::Cos, late));
    let request = caller.request(&cloud, "GET", TARGET);
    let error = request.timeout(Duration::from_millis(300)).send().await;
    assert!(error.unwrap_err().is_timeout());
    cloud.faults().remove(id.unwrap());
    assert_eq!(caller.get(&cloud).await, is(200, TEXT));
}

/// What a client that retries parts has to live through.
#[tokio::test]
async fn an_error_of_one_part_stores_nothing_of_it_and_the_upload_goes_on() {
    let cloud = sts_only().await;
    let caller = Caller::of(&cloud).await;
    let begun = caller.request(&cloud, "POST", &format!("{TARGET}?uploads"));
    let begun = begun.send().await.unwrap().text().await.unwrap();
    let id = begun.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let error = Fault::ApiError { code: "InternalError".to_owned(), message: "ordered".to_owned() };
    let rule = FaultRule::new(Service::Cos, error).action("UploadPart").nth(2);
    cloud.faults().add(rule).unwrap();
    let put_part = async |number: usize, body: Vec<u8>| {
        let target = format!("{TARGET}?partNumber={number}&uploadId={id}");
        caller.request(&cloud, "PUT", &target).body(body).send().await.unwrap()
    };
    let list = format!("{TARGET}?uploadId={id}");
    let first = put_part(1, vec![b'a'; 1 << 20]).await;
    let first = first.headers()["etag"].to_str().unwrap().to_owned();
    let failed = put_part(2, b"rest".to_vec()).await;
    assert!(!failed.headers().contains_key("etag"));
    assert_eq!(status_and_code(failed).await, is(200, "InternalError"));
    let parts = caller.request(&cloud, "GET", &list).send().await.unwrap();
    let parts = parts.text().await.unwrap();
    assert_eq!(parts.matches("<Part>").count(), 1, "{parts}");
    let second = put_part(2, b"rest".to_vec()).await;
    let second = second.headers()["etag"].to_str().unwrap().to_owned();
    let part = |number: u8, etag: &str| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    let parts = [part(1, &first), part(2, &second)].concat();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let completed = caller.request(&cloud, "POST", &list).body(body).send().await.unwrap();
    assert_eq!(completed.status(), 200);
    let (status, text) = caller.get(&cloud).await;
    assert_eq!((status.as_u16(), text.len()), (200, (1 << 20) + 4));
    assert_eq!(fired(&cloud), ["error"]);
}
