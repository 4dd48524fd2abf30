//! `AUTH=jwt` on the deployed binary: what is accepted, and every way to be refused without a call to STS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, LambdaEvent, Platform, ScfEvent};
use cos_issuer_e2e::{
    API_KEY, Answer, Browser, ClosedPort, HS_SECRET, KeyServer, Signer, TokenIssuer, issuer_on,
    printed,
};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

/// A web function, which is a plain server, and one event platform of each cloud.
const ON: [Platform; 3] = [
    Platform::ScfWeb,
    Platform::Scf(ScfEvent::ApiGateway),
    Platform::Lambda(LambdaEvent::HttpApi),
];

const ISSUER: &str = "https://issuer.example.com";
const ALL_KINDS: (&str, &str) = ("JWT_ALGORITHMS", "RS256,ES256,EdDSA");

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_issuer_is_accepted() {
    let issuer = made().await;
    for platform in ON {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url()), ALL_KINDS]).await;
        for (signer, kid) in [
            (Signer::Rs256, "rsa"),
            (Signer::Es256, "p256"),
            (Signer::EdDsa, "ed25519"),
        ] {
            let token = issuer.token(signer, kid, &good()).unwrap();
            let answer = ask(&browser, &token).await;
            assert_eq!(answer.status, 200, "{platform:?} {signer:?}: {answer:?}");
        }
        assert_eq!(cloud.sts().call_count(), 3, "{platform:?}");
        assert_eq!(keys.requests(), 1, "{platform:?}");
        for part in ["\"proof\":\"jwt\"", "\"caller\":\"jwt\"", "\"subject\":\""] {
            assert!(printed(&cloud, part).await, "{platform:?}: {part}");
        }
        let output = cloud.function_output();
        assert!(!output.contains("person-1") && !output.contains("eyJ"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_be_settings() {
    let issuer = made().await;
    let escaped = issuer.rsa_pem().replace('\n', "\\n");
    let ed25519 = issuer.ed25519_pem();
    for (setting, signer) in [
        (("JWT_PUBLIC_KEY", escaped.as_str()), Signer::Rs256),
        (("JWT_PUBLIC_KEY", ed25519.as_str()), Signer::EdDsa),
        (
            ("JWT_HS_SECRET", HS_SECRET),
            Signer::Hs256(HS_SECRET.as_bytes()),
        ),
    ] {
        let (cloud, browser) = start(Platform::ScfWeb, &[setting]).await;
        let token = issuer.token(signer, "any", &good()).unwrap();
        let answer = ask(&browser, &token).await;
        assert_eq!(answer.status, 200, "{signer:?}: {answer:?}");
        let calls = cloud.sts().call_count();
        for other in [
            Signer::Rs256,
            Signer::Es256,
            Signer::EdDsa,
            Signer::Hs256(b""),
        ] {
            if other.name() != signer.name() {
                let token = forged(&issuer, other, &json!({"alg": other.name()}));
                refused(&ask(&browser, &token).await, "`alg`");
                let token = forged(&issuer, other, &json!({"alg": signer.name()}));
                refused(&ask(&browser, &token).await, "signature");
            }
        }
        assert_eq!(cloud.sts().call_count(), calls, "{signer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_issuer_makes_no_outbound_call() {
    let (issuer, attacker) = (made().await, made().await);
    for platform in ON {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let canary = KeyServer::start(&attacker.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url())]).await;
        let url = canary.url();
        let root = url.trim_end_matches("/keys");
        for claims in [
            with("iss", json!(root)),
            with("iss", json!(url)),
            with("iss", json!(format!("{ISSUER}/"))),
            with("iss", json!([ISSUER])),
            with("iss", json!(null)),
        ] {
            let token = attacker.sign(
                Signer::Rs256,
                &json!({"alg": "RS256", "kid": "rsa"}).to_string(),
                &claims.to_string(),
            );
            refused(&ask(&browser, &token.unwrap()).await, "`iss`");
        }
        for header in [
            json!({"alg": "RS256", "kid": "rsa", "jku": url}),
            json!({"alg": "RS256", "kid": "rsa", "x5u": url}),
        ] {
            let token = forged(&attacker, Signer::Rs256, &header);
            refused(&ask(&browser, &token).await, "brings a key");
        }
        assert_eq!(
            keys.requests(),
            0,
            "{platform:?}: nothing here is worth a fetch"
        );
        // A name is no address.
        let token = forged(
            &attacker,
            Signer::Rs256,
            &json!({"alg": "RS256", "kid": url}),
        );
        refused(&ask(&browser, &token).await, "`kid`");
        assert_eq!(canary.requests(), 0, "{platform:?}");
        assert_eq!(keys.requests(), 1, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jwks_redirects_and_giants_are_refused() {
    let issuer = made().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    let elsewhere = KeyServer::start(&issuer.jwks()).await.unwrap();
    let jwks = issuer.jwks().to_string();
    let giant = format!("{}{jwks}", " ".repeat(100 * 1024));
    let redirect = |status: &str| format!("HTTP/1.1 {status}\r\nlocation: {}", elsewhere.url());
    let mut symmetric = issuer.jwks();
    symmetric["keys"] = json!([{"kty": "oct", "kid": "rsa", "alg": "HS256", "k": "CANARYCANARYCANARYCANARYCANARYCANARYCANARYCA"}]);
    let mut doubled = jwks.clone();
    doubled.insert_str(1, "\"keys\":[],");
    let answers = [
        (redirect("301 Moved Permanently"), jwks.clone()),
        (redirect("302 Found"), jwks.clone()),
        (redirect("307 Temporary Redirect"), String::new()),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.0.23/latest/meta-data/".to_owned(),
            String::new(),
        ),
        ("HTTP/1.1 200 OK".to_owned(), giant),
        (
            "HTTP/1.1 200 OK".to_owned(),
            "<html>CANARY-body-of-an-answer</html>".to_owned(),
        ),
        ("HTTP/1.1 200 OK".to_owned(), symmetric.to_string()),
        ("HTTP/1.1 200 OK".to_owned(), doubled),
        ("HTTP/1.1 404 Not Found".to_owned(), jwks.clone()),
        ("HTTP/1.1 500 Internal Server Error".to_owned(), jwks),
        ("not HTTP".to_owned(), String::new()),
    ];
    for (head, body) in answers {
        let keys = KeyServer::start(&json!({})).await.unwrap();
        keys.answer_with(&head, body.as_bytes());
        let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &keys.url())]).await;
        unavailable(&ask(&browser, &token).await);
        assert!(printed(&cloud, "could not be fetched").await, "{head}");
        assert!(!cloud.function_output().contains("CANARY"), "{head}");
        assert_eq!(keys.requests(), 1, "{head}");
        assert_eq!(cloud.sts().call_count(), 0, "{head}");
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_lets_nobody_in_and_known_keys_pass() {
    let issuer = made().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    for platform in ON {
        let closed = ClosedPort::take().unwrap();
        let url = format!("http://127.0.0.1:{}/keys", closed.port());
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &url)]).await;
        unavailable(&ask(&browser, &token).await);
        unavailable(&ask(&browser, &token).await);
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");

        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url())]).await;
        assert_eq!(ask(&browser, &token).await.status, 200, "{platform:?}");
        keys.answer_with("HTTP/1.1 503 Service Unavailable", b"");
        assert_eq!(ask(&browser, &token).await.status, 200, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 2, "{platform:?}");
    }
}

/// Keys over TLS from somebody whom nobody vouches for.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_refused() {
    let issuer = made().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    // The other cloud's STS has a certificate of an authority that this function does not know.
    let other = cos_issuer_e2e::cloud().start().await.unwrap();
    let url = other.sts().https_url().to_owned();
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &url)]).await;
    unavailable(&ask(&browser, &token).await);
    assert!(printed(&cloud, "invalid peer certificate").await);
    assert_eq!(cloud.sts().call_count() + other.sts().call_count(), 0);
}

/// Signer, header, and what the refusal says: a token under another algorithm, key or extension than it was made with.
const CONFUSED: [(Signer<'static>, &str, &str); 31] = [
    (Signer::Nothing, r#"{"alg":"none"}"#, "`alg`"),
    (Signer::Nothing, r#"{"alg":"None","kid":"rsa"}"#, "`alg`"),
    (Signer::Nothing, r#"{"alg":"NONE"}"#, "`alg`"),
    (Signer::Nothing, r#"{"alg":""}"#, "`alg`"),
    (
        Signer::Nothing,
        r#"{"alg":"RS256","kid":"rsa"}"#,
        "signature",
    ),
    (Signer::Ps256, r#"{"alg":"PS256","kid":"rsa"}"#, "`alg`"),
    (Signer::Rs256, r#"{"alg":"PS256","kid":"rsa"}"#, "`alg`"),
    (Signer::Ps256, r#"{"alg":"RS256","kid":"rsa"}"#, "signature"),
    (Signer::Rs256, r#"{"alg":"RS512","kid":"rsa"}"#, "`alg`"),
    (Signer::Rs256, r#"{"alg":"rs256","kid":"rsa"}"#, "`alg`"),
    (Signer::Rs256, r#"{"alg":" RS256","kid":"rsa"}"#, "`alg`"),
    (Signer::Es256, r#"{"alg":"ES256","kid":"rsa"}"#, "`kid`"),
    (Signer::Rs256, r#"{"alg":"RS256","kid":"p256"}"#, "`kid`"),
    (
        Signer::EdDsa,
        r#"{"alg":"ES256","kid":"p256"}"#,
        "signature",
    ),
    (
        Signer::Es256,
        r#"{"alg":"EdDSA","kid":"ed25519"}"#,
        "signature",
    ),
    (Signer::Es256, r#"{"alg":"ES384","kid":"p256"}"#, "`alg`"),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","kid":"rsa","crit":["exp"],"exp":0}"#,
        "brings a key",
    ),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","kid":"rsa","crit":[]}"#,
        "brings a key",
    ),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","kid":"rsa","jwk":{"kty":"RSA"}}"#,
        "brings a key",
    ),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","kid":"rsa","x5c":["MIIB"]}"#,
        "brings a key",
    ),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","kid":"rsa","typ":"dpop+jwt"}"#,
        "`typ`",
    ),
    (Signer::Rs256, r#"{"alg":["RS256"],"kid":"rsa"}"#, "header"),
    (Signer::Rs256, r#"{"alg":null}"#, "header"),
    (Signer::Rs256, r#"{"kid":"rsa"}"#, "header"),
    (Signer::Rs256, r#"{"alg":"RS256","kid":["rsa"]}"#, "header"),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","kid":"rsa","alg":"RS256"}"#,
        "header",
    ),
    (
        Signer::Nothing,
        r#"{"alg":"none","kid":"rsa","\u0061lg":"RS256"}"#,
        "header",
    ),
    (
        Signer::Rs256,
        r#"{"alg":"RS256","alg":"none","kid":"rsa"}"#,
        "header",
    ),
    (Signer::Rs256, r#"{"alg":"RS256","kid":"rsa"},"#, "header"),
    (Signer::Rs256, r#"["RS256"]"#, "header"),
    (Signer::Rs256, "", "header"),
];

#[tokio::test(flavor = "multi_thread")]
async fn algorithm_confusion_is_refused() {
    let issuer = made().await;
    for platform in ON {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url()), ALL_KINDS]).await;
        for (signer, header, said) in CONFUSED {
            let token = issuer.sign(signer, header, &good().to_string()).unwrap();
            refused(&ask(&browser, &token).await, said);
        }
        assert_eq!(keys.requests(), 1, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// What everybody can know is no secret of an HMAC, nor is one that somebody got into the key set.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_public_is_a_secret() {
    let issuer = made().await;
    let mut jwks = issuer.jwks();
    let secret = b"CANARY-client-secret-0123456789abcdef";
    let planted = "Q0FOQVJZLWNsaWVudC1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg";
    let planted = json!({"kty": "oct", "kid": "planted", "alg": "HS256", "k": planted});
    jwks["keys"].as_array_mut().unwrap().push(planted);
    let (pem, modulus) = (issuer.rsa_pem(), jwks["keys"][0]["n"].clone());
    let public: [&[u8]; 7] = [
        pem.as_bytes(),
        pem.trim().as_bytes(),
        modulus.as_str().unwrap().as_bytes(),
        b"uploads",
        ISSUER.as_bytes(),
        b"",
        secret,
    ];
    for platform in ON {
        let keys = KeyServer::start(&jwks).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url()), ALL_KINDS]).await;
        for guess in public {
            let guess = Signer::Hs256(guess);
            for (header, said) in [
                (json!({"alg": "HS256"}), "`alg`"),
                (json!({"alg": "HS256", "kid": "rsa"}), "`alg`"),
                (json!({"alg": "HS256", "kid": "planted"}), "`alg`"),
                (json!({"alg": "RS256", "kid": "planted"}), "`kid`"),
                (json!({"alg": "RS256", "kid": "rsa"}), "signature"),
            ] {
                refused(&ask(&browser, &forged(&issuer, guess, &header)).await, said);
            }
        }
        assert_eq!(keys.requests(), 1, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// Signed by somebody else, with and without the key that would confirm it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_token_brings_is_refused() {
    let (issuer, attacker) = (made().await, made().await);
    let own = attacker.jwks()["keys"][0].clone();
    for platform in ON {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url()), ALL_KINDS]).await;
        for (signer, header, said) in [
            (
                Signer::Rs256,
                json!({"alg": "RS256", "kid": "rsa"}),
                "signature",
            ),
            (Signer::Rs256, json!({"alg": "RS256"}), "signature"),
            (
                Signer::Es256,
                json!({"alg": "ES256", "kid": "p256"}),
                "signature",
            ),
            (
                Signer::EdDsa,
                json!({"alg": "EdDSA", "kid": "ed25519"}),
                "signature",
            ),
            (
                Signer::Rs256,
                json!({"alg": "RS256", "jwk": own.clone()}),
                "brings a key",
            ),
        ] {
            let token = forged(&attacker, signer, &header);
            refused(&ask(&browser, &token).await, said);
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// An absent claim is `null` in this table.
#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_missing_or_wrong_are_refused() {
    let issuer = made().await;
    let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &keys.url())]).await;
    let header = json!({"alg": "RS256", "kid": "rsa"}).to_string();
    for (name, value, said) in [
        ("aud", json!(null), "`aud`"),
        ("aud", json!("other"), "`aud`"),
        ("aud", json!(""), "`aud`"),
        ("aud", json!([]), "`aud`"),
        ("aud", json!(["other"]), "`aud`"),
        ("aud", json!([["uploads"]]), "`aud`"),
        ("aud", json!({"aud": "uploads"}), "`aud`"),
        ("aud", json!("uploads,media"), "`aud`"),
        ("aud", json!(["uploads", 7]), "`aud`"),
        ("exp", json!(null), "`exp`"),
        ("exp", json!("9999999999"), "`exp`"),
        ("exp", json!(now() - 60), "expired"),
        ("exp", json!(now() + 10 * 365 * 86_400), "too long"),
        ("nbf", json!(now() + 600), "`nbf`"),
        ("nbf", json!("0"), "`nbf`"),
        ("iat", json!(null), "`iat`"),
        ("iat", json!(now() + 600), "`iat`"),
        ("iat", json!(now() - 2 * 86_400), "too long"),
        ("sub", json!(null), "`sub`"),
        ("sub", json!(""), "`sub`"),
        ("sub", json!(7), "`sub`"),
        ("sub", json!(["person-1"]), "`sub`"),
    ] {
        let claims = with(name, value).to_string();
        let token = issuer.sign(Signer::Rs256, &header, &claims).unwrap();
        refused(&ask(&browser, &token).await, said);
    }
    let twice = good()
        .to_string()
        .replacen('{', "{\"sub\":\"person-2\",", 1);
    let token = issuer.sign(Signer::Rs256, &header, &twice).unwrap();
    refused(&ask(&browser, &token).await, "payload");
    assert_eq!(cloud.sts().call_count(), 0);
    for claims in [
        with("aud", json!(["other", "media"])),
        with("nbf", json!(now() - 5)),
        with("nbf", json!(null)),
    ] {
        let token = issuer.token(Signer::Rs256, "rsa", &claims).unwrap();
        assert_eq!(ask(&browser, &token).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_random_kids_causes_at_most_two_fetches() {
    let issuer = made().await;
    let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
    let settings = [("JWT_JWKS_URL", &*keys.url()), ("LOG", "error")];
    let (cloud, browser) = start(Platform::ScfWeb, &settings).await;
    let started = now();
    // One after the other, so that all of them meet one instance.
    for n in 0..10_000 {
        let header = json!({"alg": "RS256", "kid": format!("kid-{n}")}).to_string();
        let token = issuer.sign(Signer::Nothing, &header, &good().to_string());
        refused(&ask(&browser, &token.unwrap()).await, "`kid`");
    }
    // One at once, and one for each half minute, of which a busy machine may need more than one.
    let halves = usize::try_from((now() - started) / 30).unwrap();
    let fetches = keys.requests();
    assert!((1..=1 + halves.max(1)).contains(&fetches), "{fetches}");
    assert_eq!(cloud.sts().call_count(), 0);
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    assert_eq!(ask(&browser, &token).await.status, 200);
}

/// A wrong secret, a cut signature and an unknown `kid` are told apart by their text alone, and none by an early exit.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_not_found_out_byte_by_byte() {
    let issuer = made().await;
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_HS_SECRET", HS_SECRET)]).await;
    let secret = HS_SECRET.as_bytes();
    let token = issuer.token(Signer::Hs256(secret), "a", &good()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    for place in [0, 20, 42] {
        let mut changed = signature.to_owned().into_bytes();
        changed[place] = if changed[place] == b'E' { b'I' } else { b'E' };
        let changed = format!("{message}.{}", String::from_utf8(changed).unwrap());
        refused(&ask(&browser, &changed).await, "signature");
        let cut = format!("{message}.{}", signature.get(..place / 4 * 4).unwrap());
        refused(&ask(&browser, &cut).await, "signature");
    }
    for other in [&secret[1..], b"", b"uploads"] {
        let token = forged(&issuer, Signer::Hs256(other), &json!({"alg": "HS256"}));
        refused(&ask(&browser, &token).await, "signature");
    }
    assert_eq!(cloud.sts().call_count(), 0);
    assert_eq!(ask(&browser, &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_told_from_an_api_key_by_its_form() {
    let issuer = made().await;
    let api_keys = "next=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8";
    for platform in ON {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let both = [
            ("AUTH", "jwt,api-key"),
            ("API_KEYS", api_keys),
            ("JWT_JWKS_URL", &keys.url()),
        ];
        let (cloud, browser) = start(platform, &both).await;
        let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
        assert_eq!(ask(&browser, API_KEY).await.status, 200, "{platform:?}");
        assert_eq!(ask(&browser, &token).await.status, 200, "{platform:?}");
        for proof in ["api-key", "jwt"] {
            assert!(printed(&cloud, &format!("\"proof\":\"{proof}\"")).await);
        }
        let calls = cloud.sts().call_count();
        let code = |answer: &Answer| answer.body["codeDesc"].as_str().unwrap().to_owned();
        let none = browser.get("/sign").await.unwrap();
        assert_eq!(code(&none), "AuthFailure.ProofMissing");
        assert_eq!(
            none.headers["www-authenticate"],
            "Bearer realm=\"cos-issuer\""
        );
        refused(&ask(&browser, "eyJhbGciOiJub25lIn0.e30.").await, "`alg`");
        for text in ["a.b.c", "eyJhbGciOiJub25lIn0", "eyJ.e30.e30.e30"] {
            assert_eq!(
                code(&ask(&browser, text).await),
                "AuthFailure.ApiKey",
                "{text}"
            );
        }
        let two = browser.request("GET", "/sign");
        let two = two.header("authorization", format!("Bearer {token}"));
        let two = two.header("authorization", format!("Bearer {API_KEY}"));
        let two = browser.send(two).await.unwrap();
        // A gateway may join two headers with a comma, and then there is one, which is neither.
        assert!(two.status == 401, "{platform:?}: {two:?}");
        assert_eq!(cloud.sts().call_count(), calls, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_elsewhere_than_in_its_header_is_no_proof() {
    let issuer = made().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    for platform in ON {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url())]).await;
        for (name, value) in [
            ("cookie", format!("access_token={token}; id_token={token}")),
            ("x-access-token", token.clone()),
            ("x-amzn-oidc-data", token.clone()),
            ("authorization", token.clone()),
            ("authorization", format!("JWT {token}")),
        ] {
            let request = browser.request("GET", "/sign").header(name, value);
            let answer = browser.send(request).await.unwrap();
            assert_eq!(
                answer.body["codeDesc"], "AuthFailure.ProofMissing",
                "{name}"
            );
        }
        let answer = browser
            .get(&format!("/sign?access_token={token}"))
            .await
            .unwrap();
        assert_eq!(answer.status, 400, "{platform:?}");
        for text in ["x", "a.b", "null", "undefined", &"x".repeat(9000)] {
            refused(&ask(&browser, text).await, "base64url");
        }
        assert_eq!(
            keys.requests() + cloud.sts().call_count(),
            0,
            "{platform:?}"
        );
    }
}

async fn made() -> TokenIssuer {
    TokenIssuer::new().await.unwrap()
}

async fn start(platform: Platform, settings: &[(&str, &str)]) -> (Cloud, Browser) {
    let mut builder = issuer_on(platform)
        .unwrap()
        .env("AUTH", "jwt")
        .env("JWT_ISSUER", ISSUER)
        .env("JWT_AUDIENCE", "uploads,media");
    for (name, value) in settings {
        builder = builder.env(*name, *value);
    }
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    (cloud, browser)
}

async fn ask(browser: &Browser, bearer: &str) -> Answer {
    let request = browser.request("GET", "/sign");
    let request = request.header("authorization", format!("Bearer {bearer}"));
    browser.send(request).await.unwrap()
}

/// Good claims under a header that is not.
fn forged(issuer: &TokenIssuer, signer: Signer<'_>, header: &Value) -> String {
    let (header, claims) = (header.to_string(), good().to_string());
    issuer.sign(signer, &header, &claims).unwrap()
}

fn good() -> Value {
    let (issued, expiry) = (now().saturating_sub(10), now().saturating_add(600));
    json!({"iss": ISSUER, "aud": "uploads", "sub": "person-1", "iat": issued, "exp": expiry})
}

/// Good claims but for one, which is absent when it is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

/// Refused with status 401, a text that says which check failed, and without a credential.
#[track_caller]
fn refused(answer: &Answer, said: &str) {
    assert_eq!(answer.status, 401, "{said}: {answer:?}");
    assert_eq!(answer.body["codeDesc"], "AuthFailure.Token", "{answer:?}");
    assert_eq!(answer.body["code"], 4100);
    assert!(answer.body.get("data").is_none());
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains(said), "{said}: {message}");
    assert!(
        !message.contains("eyJ") && !message.contains("person"),
        "{message}"
    );
    let challenge = &answer.headers["www-authenticate"];
    assert_eq!(
        challenge,
        "Bearer realm=\"cos-issuer\", error=\"invalid_token\""
    );
}

/// Status 503, since nobody can be proven; whoever asks should come again.
#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(
        answer.body["codeDesc"],
        "InternalError.TokenKeysUnavailable"
    );
    assert!(answer.body.get("data").is_none());
    assert!(answer.headers.contains_key("retry-after"));
}
