//! STS without a key: the token of an OIDC provider in a file, as clusters of TKE write it.

#![expect(clippy::indexing_slicing, reason = "a fault in a helper of these tests is a failed test")]
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use cos_emulator::{
    Cloud, CloudBuilder, EmulatedClock, Fault, LambdaEvent, OidcProvider, Platform, Role, Trust,
};
use cos_issuer_e2e::{
    API_KEY, API_KEY_SHA256, Answer, Browser, InProcess, NO_CACHE, Signer, TokenIssuer, cloud,
    issuer_on, printed, program,
};
use serde_json::{Value, json};
use tencent::time::{Clock as _, SystemClock, Timestamp};
use tokio::process::Command;

const ISSUER: &str = "https://kubernetes.example.com";
const EXCHANGE: &str = "AssumeRoleWithWebIdentity";

/// A cluster: its token issuer, and the file where it keeps the token of a workload.
struct Cluster {
    issuer: TokenIssuer,
    folder: tempfile::TempDir,
}

impl Cluster {
    async fn new() -> Self {
        Self { issuer: TokenIssuer::new().await.unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// A new token in the file, which ends so many seconds after `now`.
    fn write_token(&self, now: Timestamp, seconds: i64) {
        let claims = json!({
            "iss": ISSUER, "sub": "system:serviceaccount:uploads:cos-issuer",
            "aud": "sts.cloud.tencent.com", "exp": now.unix_seconds().saturating_add(seconds),
        });
        let token = self.issuer.token(Signer::Rs256, "rsa", &claims).unwrap();
        fs::write(self.file(), format!("{token}\n")).unwrap();
    }

    /// The cloud whose account trusts it.
    fn trusted(&self, builder: CloudBuilder) -> CloudBuilder {
        let jwks = self.issuer.jwks().to_string();
        let provider =
            OidcProvider::new("cls-1", ISSUER, ["sts.cloud.tencent.com"], &jwks).unwrap();
        let trust = Trust::Oidc { provider: "cls-1".to_owned(), subjects: Vec::new() };
        builder.oidc_provider(provider).role(Role::new("workload").trust(trust))
    }

    /// The variables of a workload, which has no key.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let role = |name: &str| format!("qcs::cam::uin/100000000001:roleName/{name}");
        vec![
            ("SECRET_ID", String::new()),
            ("SECRET_KEY", String::new()),
            ("TKE_REGION", "ap-guangzhou".to_owned()),
            ("TKE_PROVIDER_ID", "cls-1".to_owned()),
            ("TKE_WEB_IDENTITY_TOKEN_FILE", self.file().display().to_string()),
            ("TKE_ROLE_ARN", role("workload")),
            ("ROLE_ARN", role("issuer")),
        ]
    }
}

fn in_process(cluster: &Cluster, sts: &Cloud, clock: &Arc<EmulatedClock>) -> InProcess {
    let variables = cluster.variables();
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let settings: Vec<(&str, &str)> = variables.chain([NO_CACHE]).collect();
    InProcess::start(sts, &settings, Arc::<EmulatedClock>::clone(clock)).unwrap()
}

fn actions(sts: &Cloud) -> Vec<String> {
    sts.sts().calls().into_iter().map(|call| call.action).collect()
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["codeDesc"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_without_a_key_issues_what_is_granted_and_no_more() {
    let cluster = Cluster::new().await;
    cluster.write_token(SystemClock.now(), 3600);
    let builder = cluster.trusted(issuer_on(Platform::Lambda(LambdaEvent::FunctionUrl)).unwrap());
    let set = |builder: CloudBuilder, (name, value): (&str, String)| builder.env(name, value);
    let cloud = cluster.variables().into_iter().fold(builder, set).start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    for _ in 0..3 {
        assert_eq!(browser.get("/sts").await.unwrap().status, 200);
    }
    assert_eq!(actions(&cloud), [EXCHANGE, "AssumeRole", "AssumeRole", "AssumeRole"]);
    let calls = cloud.sts().calls();
    assert!(calls[0].policy.is_none() && calls[0].signature_method == "SKIP");
    let policy: Value = serde_json::from_str(calls[1].policy.as_ref().unwrap()).unwrap();
    assert!(policy["statement"][0]["resource"][0].as_str().unwrap().contains("examplebucket"));
    // What a caller gets is of the second call only.
    let handed_out = browser.get("/sts").await.unwrap().body["credentials"]["tmpSecretId"].clone();
    assert_ne!(handed_out.as_str(), calls[0].issued_secret_id.as_deref());
    assert!(printed(&cloud, EXCHANGE).await);
}

/// By the clock of the function: the token lives an hour, the key two.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_read_again_for_each_key() {
    let cluster = Cluster::new().await;
    let clock = Arc::new(EmulatedClock::over(Arc::new(SystemClock)));
    cluster.write_token(clock.now(), 3600);
    let builder = cluster.trusted(cloud().clock(Arc::<EmulatedClock>::clone(&clock)));
    let sts = builder.start().await.unwrap();
    let function = in_process(&cluster, &sts, &clock);
    let ask = async |caller| function.get("/sts", caller).await.unwrap();
    for caller in 0..5 {
        assert_eq!(ask(caller).await.status, 200);
    }
    assert_eq!(actions(&sts).iter().filter(|action| *action == EXCHANGE).count(), 1);
    clock.advance(7000);
    // The file still has the old token, but the key serves until it ends.
    assert_eq!(ask(5).await.status, 200);
    clock.advance(190);
    assert_eq!(told(&ask(6).await), (502, "InternalError.UpstreamRefused"));
    clock.advance(2);
    cluster.write_token(clock.now(), 3600);
    assert_eq!(ask(7).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_token_is_a_refusal_that_hands_nothing_out() {
    let cluster = Cluster::new().await;
    let clock = Arc::new(EmulatedClock::over(Arc::new(SystemClock)));
    let builder = cluster.trusted(cloud().clock(Arc::<EmulatedClock>::clone(&clock)));
    let sts = builder.start().await.unwrap();
    cluster.write_token(clock.now(), 3600);
    let function = in_process(&cluster, &sts, &clock);
    let ask = async |caller| function.get("/sts", caller).await.unwrap();
    let (internal, refused) = ((500, "InternalError"), (502, "InternalError.UpstreamRefused"));
    type Change<'a> = &'a dyn Fn();
    let cases: [(Change<'_>, (u16, &str), usize); 5] = [
        (&|| fs::remove_file(cluster.file()).unwrap(), internal, 0),
        (&|| fs::write(cluster.file(), "").unwrap(), internal, 0),
        (&|| fs::write(cluster.file(), "two tokens").unwrap(), internal, 0),
        (&|| cluster.write_token(clock.now(), -1), refused, 1),
        (&|| fs::write(cluster.file(), "not.a.token").unwrap(), refused, 1),
    ];
    for (index, (change, expected, calls)) in cases.into_iter().enumerate() {
        change();
        let before = sts.sts().call_count();
        let answer = ask(index).await;
        assert_eq!(told(&answer), expected, "{index}");
        // For a moment the failure is answered without a call.
        assert_eq!(told(&ask(index).await), expected, "{index}");
        assert_eq!(sts.sts().call_count().saturating_sub(before), calls, "{index}");
        clock.advance(2);
    }
    cluster.write_token(clock.now(), 3600);
    assert_eq!(ask(10).await.status, 200);
    // STS forgets the key, as when the sessions of the role are revoked.
    let key = sts
        .sts()
        .calls()
        .into_iter()
        .find(|call| call.action == EXCHANGE && call.outcome == "Success");
    assert!(sts.revoke(&key.unwrap().issued_secret_id.unwrap()));
    assert_eq!(told(&ask(11).await), refused);
    assert_eq!(ask(12).await.status, 200);
    // A fault that passes is tried again, as for every call.
    assert!(actions(&sts).iter().filter(|action| *action == EXCHANGE).count() == 4);
    clock.advance(7000);
    cluster.write_token(clock.now(), 3600);
    sts.sts().inject([Fault::Outage]);
    assert_eq!(ask(13).await.status, 200);
}

/// From outside, as an operator sees it.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_a_web_identity_that_cannot_be_exchanged() {
    let cluster = Cluster::new().await;
    cluster.write_token(SystemClock.now(), 3600);
    let builder = cluster.trusted(issuer_on(Platform::Lambda(LambdaEvent::FunctionUrl)).unwrap());
    let keys = format!("backend={API_KEY_SHA256}");
    let settings = [("AUTH", "api-key".to_owned()), ("API_KEYS", keys)];
    let settings = cluster.variables().into_iter().chain(settings);
    let set = |builder: CloudBuilder, (name, value): (&str, String)| builder.env(name, value);
    let cloud = settings.fold(builder, set).env("CACHE", "off").start().await.unwrap();
    let verdict = async || {
        let mut doctor = Command::new(program().unwrap());
        doctor.args(["doctor", &cloud.gateway_url().unwrap(), "--json", "--with", "api-key"]);
        doctor.args(["--secret-env", "KEY"]).env_clear().env("KEY", API_KEY);
        let report: Value = serde_json::from_slice(&doctor.output().await.unwrap().stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let named = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap().clone();
        let state = |name: &str| named(name)["state"].as_str().unwrap().to_owned();
        let text = named("calling-key")["text"].as_str().unwrap().to_owned();
        (state("calling-key"), state("issues"), text)
    };
    // An instance needs a token to start. The first exchange decides, so the faults come before it.
    assert_eq!(Browser::of(&cloud).unwrap().get("/readyz").await.unwrap().status, 200);
    fs::write(cluster.file(), "").unwrap();
    let (key, issues, text) = verdict().await;
    assert_eq!((&*key, &*issues), ("finding", "skipped"), "{text}");
    assert!(text.contains("cannot read the token"), "{text}");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    cluster.write_token(SystemClock.now(), -1);
    let (key, issues, text) = verdict().await;
    assert_eq!((&*key, &*issues), ("finding", "skipped"), "{text}");
    assert!(text.contains("web identity"), "{text}");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    cluster.write_token(SystemClock.now(), 3600);
    let (key, issues, text) = verdict().await;
    assert_eq!((&*key, &*issues), ("good", "good"), "{text}");
}
