//! Signatures: every documented way to sign is accepted, and no part of a signed request can be
//! changed.

use serde_json::json;

use crate::support::{
    self, POLICY, Tc3, client, code, encode, federation, form, host_of, issued, post, post_form,
    read, role, sts_only, v1_parameters, v1_signed,
};

#[tokio::test]
async fn tc3_in_headers_obtains_credentials() {
    let cloud = sts_only().await;
    let answer = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation())
        .send(cloud.sts())
        .await;
    let (key, token) = issued(&answer);
    assert!(key.secret_id.starts_with("AKIDEMU"));
    let response = &answer["Response"];
    let expired_time = response["ExpiredTime"].as_i64().unwrap();
    assert!((expired_time - support::now().unix_seconds() - 1800).abs() < 60);
    let expiration = tencent::time::Timestamp::from_unix_seconds(expired_time).unwrap();
    assert_eq!(response["Expiration"], json!(expiration.iso_8601()));
    for secret in [key.secret_key, token] {
        assert!(cloud.secrets().contains(&secret));
    }

    let calls = cloud.sts().calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].action, "GetFederationToken");
    assert_eq!(calls[0].outcome, "Success");
    assert_eq!(calls[0].duration_seconds, Some(1800));
    assert_eq!(calls[0].name.as_deref(), Some("test"));
    assert_eq!(calls[0].signature_method, "TC3-HMAC-SHA256");
    assert_eq!(json!(calls[0].request_id), response["RequestId"]);
    assert_eq!(calls[0].policy.as_deref(), Some(POLICY));
}

#[tokio::test]
async fn each_call_issues_another_key() {
    let cloud = sts_only().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..5 {
        let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
        let (key, token) = issued(&call.send(cloud.sts()).await);
        assert!(seen.insert(key.secret_id));
        assert!(seen.insert(key.secret_key));
        assert!(seen.insert(token));
    }
}

#[tokio::test]
async fn plain_http_works_as_well() {
    let cloud = sts_only().await;
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let url = cloud.sts().http_url();
    let mut request = support::plain_client().post(&url).body(call.body.clone());
    for (name, value) in call.headers(&host_of(&url)) {
        request = request.header(name, value);
    }
    issued(&read(request.send().await.unwrap()).await);
}

#[tokio::test]
async fn tc3_get_signs_its_query() {
    use tencent::sign::{digest, tc3};
    let cloud = sts_only().await;
    let key = cloud.sub_account_key();
    let host = host_of(&cloud.sts().https_url());
    let query = format!("Name=test&Policy={}", encode(&encode(POLICY)));
    let timestamp = support::now();
    let content_type = "application/x-www-form-urlencoded";
    let hashed_payload = digest::sha256_hex(b"");
    let request = tc3::CanonicalRequest {
        method: "GET",
        query: &query,
        headers: &[("content-type", content_type), ("host", host.as_str())],
        hashed_payload: &hashed_payload,
    };
    let secret_key = support::secret(&key.secret_key);
    let authorization = tc3::authorization(&request, "sts", timestamp, &key.secret_id, &secret_key);
    for (sent, accepted) in [(query.clone(), true), (query.replace("test", "tess"), false)] {
        let url = format!("{}/?{sent}", cloud.sts().https_url());
        let request = client(cloud.sts())
            .get(url)
            .header("Authorization", &authorization)
            .header("Content-Type", content_type)
            .header("X-TC-Action", "GetFederationToken")
            .header("X-TC-Version", "2018-08-13")
            .header("X-TC-Timestamp", timestamp.unix_seconds().to_string());
        let answer = read(request.send().await.unwrap()).await;
        if accepted {
            issued(&answer);
        } else {
            assert_eq!(code(&answer), "AuthFailure.SignatureFailure");
        }
    }
}

#[tokio::test]
async fn v1_form_with_a_doubly_encoded_policy() {
    let cloud = sts_only().await;
    let key = cloud.sub_account_key();
    let host = host_of(&cloud.sts().https_url());
    let parameters = v1_parameters(key, "GetFederationToken", &federation());
    let body = v1_signed("POST", &host, key, parameters);
    assert!(body.contains("%257B%2522version"), "encoded as a value and again as a form");
    issued(&post_form(cloud.sts(), body).await);
    let call = cloud.sts().calls().remove(0);
    assert_eq!(call.signature_method, "HmacSHA1");
    assert_eq!(call.policy.as_deref(), Some(POLICY));
}

#[tokio::test]
async fn v1_query_and_the_sha_256_variant() {
    let cloud = sts_only().await;
    let key = cloud.root_key();
    let host = host_of(&cloud.sts().https_url());
    for method in ["HmacSHA1", "HmacSHA256"] {
        let mut parameters = v1_parameters(key, "GetFederationToken", &federation());
        parameters.push(("SignatureMethod".to_owned(), method.to_owned()));
        let query = v1_signed("GET", &host, key, parameters);
        let url = format!("{}/?{query}", cloud.sts().https_url());
        issued(&read(client(cloud.sts()).get(url).send().await.unwrap()).await);
    }
    let methods: Vec<String> =
        cloud.sts().calls().into_iter().map(|call| call.signature_method).collect();
    assert_eq!(methods, ["HmacSHA1", "HmacSHA256"]);
}

#[tokio::test]
async fn no_part_of_a_v1_form_can_be_changed() {
    let cloud = sts_only().await;
    let key = cloud.sub_account_key();
    let host = host_of(&cloud.sts().https_url());
    let parameters = v1_parameters(key, "GetFederationToken", &federation());
    let mut signed: Vec<(String, String)> = parameters.clone();
    let body = v1_signed("POST", &host, key, parameters.clone());
    let signature = body.rsplit("Signature=").next().unwrap();
    let signature =
        percent_encoding::percent_decode_str(signature).decode_utf8().unwrap().into_owned();
    signed.push(("Signature".to_owned(), signature));
    // The right form, assembled in the same way, passes.
    issued(&post_form(cloud.sts(), form(&signed)).await);

    for changed in ["Region", "Nonce", "Name", "DurationSeconds", "Policy", "Signature"] {
        let mut form_parameters = signed.clone();
        for (name, value) in &mut form_parameters {
            if name == changed {
                // Still of the right form, but another value.
                *value = match changed {
                    "Nonce" | "DurationSeconds" => "1799".to_owned(),
                    "Signature" => value.chars().rev().collect(),
                    _ => format!("{value}x"),
                };
            }
        }
        let answer = post_form(cloud.sts(), form(&form_parameters)).await;
        assert_eq!(code(&answer), "AuthFailure.SignatureFailure", "{changed}");
    }
    let mut added = signed.clone();
    added.push(("Language".to_owned(), "en-US".to_owned()));
    let answer = post_form(cloud.sts(), form(&added)).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureFailure", "an addition");

    // What was signed for POST is worth nothing as GET.
    let url = format!("{}/?{}", cloud.sts().https_url(), form(&signed));
    let answer = read(client(cloud.sts()).get(url).send().await.unwrap()).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureFailure", "the method");
}

#[tokio::test]
async fn no_part_of_a_tc3_request_can_be_changed() {
    let cloud = sts_only().await;
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let host = host_of(&cloud.sts().https_url());
    let headers = call.headers(&host);
    let with = |name: &str, change: &dyn Fn(&str) -> String| {
        let mut headers = headers.clone();
        let header = headers.iter_mut().find(|(header, _)| header == name);
        let header = header.unwrap();
        let changed = change(&header.1);
        assert_ne!(header.1, changed, "the test has to change something");
        header.1 = changed;
        headers
    };
    let last_digit = |text: &str| {
        let (start, end) = text.split_at(text.len() - 1);
        format!("{start}{}", if end == "0" { "1" } else { "0" })
    };
    let failure = "AuthFailure.SignatureFailure";
    let later = (call.timestamp.unix_seconds() + 1).to_string();
    let key_in_place_of = cloud.root_key().secret_id.clone();
    let cases = [
        ("body", headers.clone(), call.body.replace("1800", "1801")),
        ("signature", with("Authorization", &last_digit), call.body.clone()),
        ("timestamp", with("X-TC-Timestamp", &|_| later.clone()), call.body.clone()),
        (
            "content type",
            with("Content-Type", &|_| "application/json; charset=utf-8".to_owned()),
            call.body.clone(),
        ),
        (
            "key",
            with("Authorization", &|text| text.replace(&call.secret_id, &key_in_place_of)),
            call.body.clone(),
        ),
        (
            "service",
            with("Authorization", &|text| text.replace("/sts/", "/cvm/")),
            call.body.clone(),
        ),
    ];
    for (part, headers, body) in cases {
        assert_eq!(code(&post(cloud.sts(), &headers, &body).await), failure, "{part}");
    }
    let other_host = call.headers("sts.tencentcloudapi.com");
    assert_eq!(code(&post(cloud.sts(), &other_host, &call.body).await), failure, "host");
    issued(&post(cloud.sts(), &headers, &call.body).await);
}

#[tokio::test]
async fn an_unsigned_payload_may_be_declared_but_not_pretended() {
    let cloud = sts_only().await;
    let mut call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let host = host_of(&cloud.sts().https_url());
    let real_body = std::mem::replace(&mut call.body, "UNSIGNED-PAYLOAD".to_owned());
    let mut headers = call.headers(&host);
    let answer = post(cloud.sts(), &headers, &real_body).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureFailure");
    headers.push(("X-TC-Content-SHA256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
    issued(&post(cloud.sts(), &headers, &real_body).await);
}

#[tokio::test]
async fn the_issued_keys_of_a_role_work_with_their_own_token_only() {
    let cloud = sts_only().await;
    let sts = cloud.sts();
    let parameters = role(&cloud, "issuer");
    let assume = || Tc3::new(cloud.sub_account_key(), "AssumeRole", &parameters);
    let (key, token) = issued(&assume().send(sts).await);
    let (_, other_token) = issued(&assume().send(sts).await);

    let mut call = Tc3::new(&key, "AssumeRole", &parameters);
    assert_eq!(code(&call.send(sts).await), "AuthFailure.TokenFailure", "no token");
    call.token = Some(other_token);
    assert_eq!(code(&call.send(sts).await), "AuthFailure.TokenFailure", "another's token");
    call.token = Some(token.clone());
    issued(&call.send(sts).await);

    let mut permanent = assume();
    permanent.token = Some(token);
    assert_eq!(code(&permanent.send(sts).await), "AuthFailure.TokenFailure", "not needed");
}

#[tokio::test]
async fn what_is_repeated_is_refused_though_the_signature_is_right() {
    let cloud = sts_only().await;
    let sts = cloud.sts();
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let right = call.headers(&host_of(&sts.https_url()));
    issued(&post(sts, &right, &call.body).await);
    for (name, value) in [
        ("Authorization", "x"),
        ("Content-Type", "application/json"),
        ("X-TC-Action", "GetCallerIdentity"),
        ("X-TC-Timestamp", "1"),
        ("X-TC-Version", "2018-08-13"),
        ("X-TC-Region", "ap-beijing"),
    ] {
        let mut headers = right.clone();
        headers.push((name.to_owned(), value.to_owned()));
        let answer = post(sts, &headers, &call.body).await;
        assert_eq!(code(&answer), "InvalidRequest", "{name}");
    }

    for more in [r#""Name":"other""#, r#""DurationSeconds":60"#, r#""policy":"x""#] {
        let mut call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
        call.body = call.body.replacen('{', &format!("{{{more},"), 1);
        assert_eq!(code(&call.send(sts).await), "InvalidParameter", "{more}");
    }

    let host = host_of(&sts.https_url());
    let key = cloud.sub_account_key();
    for name in ["Action", "Name", "SecretId", "Nonce"] {
        let mut parameters = v1_parameters(key, "GetFederationToken", &federation());
        parameters.push((name.to_owned(), "other".to_owned()));
        let answer = post_form(sts, v1_signed("POST", &host, key, parameters)).await;
        assert_eq!(code(&answer), "InvalidRequest", "{name}");
    }
    let calls = cloud.sts().calls();
    assert_eq!(calls.iter().filter(|call| call.outcome == "Success").count(), 1);
}

#[tokio::test]
async fn caller_identity_of_each_kind_of_key() {
    let cloud = sts_only().await;
    let sts = cloud.sts();
    let none = json!({});
    let root = Tc3::new(cloud.root_key(), "GetCallerIdentity", &none).send(sts).await;
    assert_eq!(root["Response"]["UserId"], "100000000001");
    assert_eq!(root["Response"]["Type"], "CAMUser");
    let user = Tc3::new(cloud.sub_account_key(), "GetCallerIdentity", &none).send(sts).await;
    assert_eq!(user["Response"]["Arn"], "qcs::cam:100000000001:uin/100000000002");
    assert_eq!(user["Response"]["AccountId"], "100000000001");

    let assume = Tc3::new(cloud.sub_account_key(), "AssumeRole", &role(&cloud, "issuer"));
    let (key, token) = issued(&assume.send(sts).await);
    let mut session = Tc3::new(&key, "GetCallerIdentity", &none);
    session.token = Some(token);
    let session = session.send(sts).await;
    assert_eq!(session["Response"]["Type"], "CAMRole");
    assert_eq!(session["Response"]["PrincipalId"], "100000000002");
    let user_id = session["Response"]["UserId"].as_str().unwrap();
    assert!(user_id.ends_with(":test-session"), "{user_id}");
}
