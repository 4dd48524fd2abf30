//! A caller with given claims, authenticated by the function's own code.
//!
//! # Guarantees
//! The caller is what a real one with these claims would be: a token is signed and verified, a
//! gateway's identity is read as from an event.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::ValueEnum;
use cos_issuer::auth::{
    Algorithm, ApiKey, ApiKeys, AudienceClaim, AuthMethod, Authenticator, Claim, Claims, HmacKey,
    HmacKeys, KeySet, KeySource, Principal, TokenVerifier, TokenVerifiers, Validation, Verifier,
    WechatApp, WechatLogin, WechatSubject,
};
use cos_issuer::config::AuthSettings;
use cos_issuer::deadline::Deadline;
use cos_issuer::http_client::{Client, ClientOptions, PlaintextHttp};
use cos_issuer::request::{Identity, IdentitySource, Request};
use http::header::{AUTHORIZATION, HeaderValue};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use tencent::secret::Secret;
use tencent::sign::digest::hmac_sha256;
use tencent::time::Clock;

use crate::callers::{Signed, random_hex, signature};
use crate::wechat_service::{APP_ID, WechatService};

/// How a caller authenticates, by the names of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AskerMethod {
    /// A token
    Jwt,
    /// An API key
    ApiKey,
    /// A signed request
    Hmac,
    /// A gateway that verified a token
    GatewayJwt,
    /// A gateway with IAM
    GatewayIam,
    /// A gateway with a Lambda authorizer
    GatewayLambda,
    /// A gateway with a key pair
    GatewayKeyPair,
    /// A login code of a mini-program
    Wechat,
    /// Not at all
    None,
}

impl AskerMethod {
    pub(crate) const ALL: [Self; 9] = [
        Self::Jwt,
        Self::ApiKey,
        Self::Hmac,
        Self::GatewayJwt,
        Self::GatewayIam,
        Self::GatewayLambda,
        Self::GatewayKeyPair,
        Self::Wechat,
        Self::None,
    ];

    /// The first method of `AUTH`.
    pub(crate) fn first(methods: &[AuthSettings]) -> Self {
        methods.first().map_or(Self::None, |method| match method {
            AuthSettings::ApiKey(_) => Self::ApiKey,
            AuthSettings::Gateway => Self::GatewayJwt,
            AuthSettings::Hmac(_) => Self::Hmac,
            AuthSettings::Jwt(_) => Self::Jwt,
            AuthSettings::Wechat(_) => Self::Wechat,
        })
    }

    /// The name in the audit log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jwt => AuthMethod::Jwt.name(),
            Self::ApiKey => AuthMethod::ApiKey.name(),
            Self::Hmac => AuthMethod::Hmac.name(),
            Self::GatewayJwt => AuthMethod::Gateway(IdentitySource::Jwt).name(),
            Self::GatewayIam => AuthMethod::Gateway(IdentitySource::Iam).name(),
            Self::GatewayLambda => AuthMethod::Gateway(IdentitySource::Lambda).name(),
            Self::GatewayKeyPair => AuthMethod::Gateway(IdentitySource::KeyPair).name(),
            Self::Wechat => AuthMethod::Wechat.name(),
            Self::None => AuthMethod::None.name(),
        }
    }
}

/// The caller with these claims. A token is of the `[[issuer]]` with the name `issuer`.
pub(crate) async fn principal(
    method: AskerMethod,
    issuer: Option<&str>,
    claims: &Map<String, Value>,
    clock: &dyn Clock,
) -> Result<Principal, String> {
    let secret = random_hex().map_err(|error| error.to_string())?;
    let mut request = Request { path: PATH.to_owned(), ..Request::default() };
    // It answers until the caller is authenticated.
    let service;
    let authenticator = match method {
        AskerMethod::None if !claims.is_empty() => {
            return Err(
                "--as: must be left out with --method none: such callers have no claims".to_owned()
            );
        }
        AskerMethod::None => Authenticator::None,
        AskerMethod::Jwt => {
            let (token, verifier) = token(claims, &secret, clock)?;
            present(&mut request, &format!("Bearer {token}"))?;
            let verifier = match issuer {
                Some(name) => verifier.named(name),
                None => verifier,
            };
            Authenticator::OneOf(vec![Verifier::Jwt(TokenVerifiers::new(vec![verifier]))])
        }
        AskerMethod::ApiKey => {
            let (name, claims) = entry(claims)?;
            let digest = digest(&SHA256, secret.as_bytes());
            let digest = digest.as_ref().try_into().map_err(|_| "no key for the caller")?;
            let keys = ApiKeys::new(vec![ApiKey { name, digest, claims }], None);
            present(&mut request, &format!("Bearer {secret}"))?;
            Authenticator::OneOf(keys.map(Verifier::ApiKey).into_iter().collect())
        }
        AskerMethod::Hmac => {
            let (id, claims) = entry(claims)?;
            let key = || Secret::new(secret.clone()).ok_or("no key for the caller");
            let keys = HmacKeys::new(vec![HmacKey { id: id.clone(), secret: key()?, claims }]);
            let signed = Signed { method: "GET", path: PATH, query: &[], body: "" };
            present(&mut request, &signature(&id, &key()?, &signed)?)?;
            Authenticator::OneOf(keys.map(Verifier::Hmac).into_iter().collect())
        }
        AskerMethod::Wechat => {
            let (user, app_id) = mini_program_user(claims)?;
            let app_secret = || Secret::new(secret.clone()).ok_or("no secret for the mini-program");
            service = WechatService::start(app_id, app_secret()?).map_err(|e| e.to_string())?;
            service.login(user, secret.clone());
            present(&mut request, &format!("WeChat {secret}"))?;
            let app = WechatApp {
                app_id: app_id.to_owned(),
                secret: app_secret()?,
                subject: WechatSubject::OpenId,
                endpoints: service.url().parse().into_iter().collect(),
            };
            let plaintext_http = PlaintextHttp::Loopback;
            let client = Client::new(ClientOptions { plaintext_http, ..ClientOptions::default() });
            let client = client.map_err(|error| error.to_string())?;
            Authenticator::OneOf(vec![Verifier::Wechat(WechatLogin::new(client, app))])
        }
        AskerMethod::GatewayJwt => gateway(&mut request, IdentitySource::Jwt, "sub", claims),
        AskerMethod::GatewayIam => gateway(&mut request, IdentitySource::Iam, "userArn", claims),
        AskerMethod::GatewayLambda => gateway(&mut request, IdentitySource::Lambda, "sub", claims),
        AskerMethod::GatewayKeyPair => {
            gateway(&mut request, IdentitySource::KeyPair, "secretId", claims)
        }
    };
    let deadline = Deadline::unlimited(clock);
    let principal = authenticator.authenticate(&request, PATH, clock, deadline).await;
    principal
        .map_err(|error| format!("--as: no such caller with --method {}: {error}", method.name()))
}

fn present(request: &mut Request, value: &str) -> Result<(), String> {
    let value = HeaderValue::from_str(value).map_err(|_| {
        "--as: sub must have only letters, digits and `-._` with this method".to_owned()
    })?;
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// An entry of `API_KEYS` or `HMAC_KEYS`: its name, and its claims, which are always texts.
fn entry(claims: &Map<String, Value>) -> Result<(String, Claims), String> {
    let subject = claims.get(Claims::SUBJECT).and_then(Value::as_str);
    let subject = subject.ok_or("--as: must contain sub, for example sub=user-1")?;
    let mut found = Claims::of_subject(subject);
    for (name, value) in claims.iter().filter(|(name, _)| *name != Claims::SUBJECT) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(format!(
                    "--as: {name} must be a text, as claims of keys are, for example team=media"
                ));
            }
        };
        found.add(name.as_str(), Claim::Text(text));
    }
    Ok((subject.to_owned(), found))
}

/// A user of a mini-program, and the AppID: their only claims.
fn mini_program_user(claims: &Map<String, Value>) -> Result<(&str, &str), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if let Some(other) =
        claims.keys().find(|name| ![Claims::SUBJECT, "appid"].contains(&name.as_str()))
    {
        return Err(format!(
            "--as: must not contain {other}: a user of a mini-program has only sub and appid"
        ));
    }
    let user = text(Claims::SUBJECT).ok_or("--as: must contain sub, for example sub=user-1")?;
    Ok((user, text("appid").unwrap_or(APP_ID)))
}

/// As `sub`, the caller's subject is a member that the gateway names in its own way.
fn gateway(
    request: &mut Request,
    source: IdentitySource,
    subject: &str,
    claims: &Map<String, Value>,
) -> Authenticator {
    let mut members = claims.clone();
    if subject != Claims::SUBJECT
        && let Some(value) = members.remove(Claims::SUBJECT)
    {
        members.insert(subject.to_owned(), value);
    }
    request.identity = Identity::new(source, Some(&Value::Object(members)));
    Authenticator::OneOf(vec![Verifier::Gateway])
}

fn token(
    claims: &Map<String, Value>,
    secret: &str,
    clock: &dyn Clock,
) -> Result<(String, TokenVerifier), String> {
    let now = clock.now();
    let mut all = json!({
        "iss": ISSUER,
        "aud": "cos-issuer",
        "iat": now.unix_seconds(),
        "exp": now.plus_seconds(LIFETIME_SECONDS).unix_seconds(),
    });
    if let Some(members) = all.as_object_mut() {
        members.extend(claims.clone());
    }
    let issuer = all.get("iss").and_then(Value::as_str).unwrap_or(ISSUER).to_owned();
    let audience = all.get("aud").and_then(Value::as_str).unwrap_or_default().to_owned();
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = [&header, &all].map(|part| encoded(part.to_string().as_bytes())).join(".");
    let signature = hmac_sha256(secret.as_bytes(), signed.as_bytes());
    let validation = Validation {
        issuer,
        audience_claim: AudienceClaim::Aud,
        audiences: vec![audience],
        algorithms: vec![Algorithm::Hs256],
        leeway_seconds: 0,
        max_age_seconds: LIFETIME_SECONDS,
    };
    let keys = KeySet::of_secret(secret.as_bytes()).map_err(|error| error.to_string())?;
    let verifier = TokenVerifier::new(validation, KeySource::fixed(keys));
    Ok((format!("{signed}.{}", encoded(signature.as_slice())), verifier))
}

const PATH: &str = "/sts";
const ISSUER: &str = "https://login.example.com/";
const LIFETIME_SECONDS: u32 = 3600;
