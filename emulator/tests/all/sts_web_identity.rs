//! AssumeRoleWithWebIdentity: a token of an OIDC provider in place of a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cos_emulator::{Cloud, OidcProvider, Role, Trust};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::support::{Tc3, code, issued, now, post, role};

const TOKEN: &str = "InvalidParameter.WebIdentityTokenError";

struct Issuer(EcdsaKeyPair);

impl Issuer {
    fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap())
    }

    fn jwks(&self) -> String {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y}]}).to_string()
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let parts = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = parts.join(".");
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn claims() -> Value {
    let now = now().unix_seconds();
    json!({
        "iss": "https://kubernetes.example.com", "sub": "system:serviceaccount:uploads:issuer",
        "aud": ["sts.cloud.tencent.com"], "nbf": now, "exp": now + 3600,
    })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

async fn cloud(issuer: &Issuer) -> Cloud {
    let url = "https://kubernetes.example.com";
    let client_ids = ["sts.cloud.tencent.com"];
    let provider = OidcProvider::new("cls-1", url, client_ids, &issuer.jwks()).unwrap();
    let other = OidcProvider::new("cls-2", url, client_ids, &issuer.jwks()).unwrap();
    let trust = |subjects: &[&str]| {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        Trust::Oidc { provider: "cls-1".to_owned(), subjects }
    };
    let named = ["system:serviceaccount:uploads:issuer"];
    Cloud::builder()
        .oidc_provider(provider)
        .oidc_provider(other)
        .role(Role::new("workload").trust(trust(&named)).max_session_seconds(7200))
        .role(Role::new("of-anyone").trust(trust(&[])))
        .role(Role::new("of-another").trust(trust(&["system:serviceaccount:other:issuer"])))
        .start()
        .await
        .unwrap()
}

/// A right call.
fn parameters(cloud: &Cloud, token: &str) -> Value {
    with(
        with(role(cloud, "workload"), "WebIdentityToken", json!(token)),
        "ProviderId",
        json!("cls-1"),
    )
}

/// The answer to a call whose `Authorization` is this.
async fn exchange_as(cloud: &Cloud, authorization: &str, parameters: &Value) -> Value {
    let call = Tc3::new(cloud.sub_account_key(), "AssumeRoleWithWebIdentity", parameters);
    let mut headers = call.headers("unsigned");
    headers[0].1 = authorization.to_owned();
    post(cloud.sts(), &headers, &call.body).await
}

async fn exchange(cloud: &Cloud, parameters: &Value) -> Value {
    exchange_as(cloud, "SKIP", parameters).await
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_key_of_the_role() {
    let issuer = Issuer::new();
    let cloud = cloud(&issuer).await;
    let token = issuer.token(&json!({"alg": "ES256"}), &claims());
    let right = parameters(&cloud, &token);
    let (key, session_token) = issued(&exchange(&cloud, &right).await);
    let mut call = Tc3::new(&key, "GetCallerIdentity", &json!({}));
    call.token = Some(session_token.clone());
    let identity = call.send(cloud.sts()).await;
    assert_eq!(identity["Response"]["Type"], "CAMRole");
    // A role is assumed with it; that narrows it.
    let mut call = Tc3::new(&key, "AssumeRole", &role(&cloud, "issuer"));
    call.token = Some(session_token);
    issued(&call.send(cloud.sts()).await);
    let anyone = with(right, "RoleArn", json!(cloud.account().role_arn("of-anyone")));
    issued(&exchange(&cloud, &anyone).await);
    let first = &cloud.sts().calls()[0];
    assert_eq!((first.signature_method.as_str(), first.policy.as_ref()), ("SKIP", None));
}

#[tokio::test]
async fn a_token_that_is_not_accepted_brings_nothing() {
    let issuer = Issuer::new();
    let cloud = cloud(&issuer).await;
    let es256 = json!({"alg": "ES256"});
    let now = now().unix_seconds();
    let of = |name: &str, value: Value| issuer.token(&es256, &with(claims(), name, value));
    let right = issuer.token(&es256, &claims());
    let tokens = [
        of("iss", json!("https://kubernetes.example.org")),
        of("aud", json!("sts.example.com")),
        of("aud", json!([])),
        of("exp", json!(now)),
        of("exp", json!("never")),
        of("nbf", json!(now + 600)),
        of("sub", Value::Null),
        Issuer::new().token(&es256, &claims()),
        issuer.token(&json!({"alg": "none"}), &claims()),
        issuer.token(&json!({"alg": "RS256"}), &claims()),
        issuer.token(&json!({}), &claims()),
        right.rsplit_once('.').unwrap().0.to_owned(),
        format!("{}.", right.rsplit_once('.').unwrap().0),
        format!("{right}x"),
        "x".to_owned(),
    ];
    let before = cloud.secrets().len();
    for token in &tokens {
        let answer = exchange(&cloud, &parameters(&cloud, token)).await;
        assert_eq!(code(&answer), TOKEN, "{token}");
        assert!(!answer.to_string().contains(token.as_str()));
    }
    assert_eq!(cloud.secrets().len(), before, "nothing was issued");
}

#[tokio::test]
async fn a_call_that_is_not_accepted_brings_nothing() {
    let issuer = Issuer::new();
    let cloud = cloud(&issuer).await;
    let before = cloud.secrets().len();
    let right = issuer.token(&json!({"alg": "ES256"}), &claims());
    let right = parameters(&cloud, &right);
    let role = |name: &str| json!(cloud.account().role_arn(name));
    for (name, value, expected) in [
        ("ProviderId", json!(""), "MissingParameter"),
        ("WebIdentityToken", json!(""), "MissingParameter"),
        ("RoleArn", json!(""), "MissingParameter"),
        ("RoleSessionName", json!("a b"), "InvalidParameter.ParamError"),
        ("ProviderId", json!("cls-3"), "InvalidParameter.ParamError"),
        ("ProviderId", json!("cls-2"), "UnauthorizedOperation"),
        ("RoleArn", role("of-another"), "UnauthorizedOperation"),
        ("RoleArn", role("issuer"), "UnauthorizedOperation"),
        ("RoleArn", role("nobody"), "InternalError.GetRoleError"),
        ("DurationSeconds", json!(7201), "InvalidParameter.OverTimeError"),
    ] {
        let answer = exchange(&cloud, &with(right.clone(), name, value)).await;
        assert_eq!(code(&answer), expected, "{name}");
    }
    for authorization in ["skip", "Bearer x", ""] {
        let answer = exchange_as(&cloud, authorization, &right).await;
        assert_eq!(code(&answer), "AuthFailure.InvalidAuthorization", "{authorization}");
    }
    assert_eq!(cloud.secrets().len(), before, "nothing was issued");
}
