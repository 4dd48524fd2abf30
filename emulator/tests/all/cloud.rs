//! The cloud as a whole: what it refuses to start with, what it keeps, where it listens.

use cos_emulator::{Cloud, KeyOwner, KeyPair, StartError};

use crate::support::{Tc3, assert_closed, federation, function, issued, sts_only};

fn pair(secret_id: &str) -> KeyPair {
    KeyPair { secret_id: secret_id.to_owned(), secret_key: "a-secret-key-of-a-test".to_owned() }
}

#[tokio::test]
async fn keys_that_look_real_are_refused_by_place_and_not_by_value() {
    let real = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
    let refused = [
        (Cloud::builder().env("SECRET_ID", real), "SECRET_ID"),
        (Cloud::builder().env("ANYTHING", real), "ANYTHING"),
        (Cloud::builder().key(KeyOwner::Root, pair(real)), "the root key"),
        (Cloud::builder().key(KeyOwner::SubAccount, pair("other")), "the sub-account key"),
    ];
    for (builder, expected) in refused {
        let error = builder.start().await.unwrap_err();
        assert!(matches!(&error, StartError::RealKey { place } if place == expected));
        assert!(!error.to_string().contains(real));
    }
}

#[tokio::test]
async fn a_given_key_works_and_no_other_does() {
    let key = pair("AKIDEMUgiven");
    let cloud = Cloud::builder().key(KeyOwner::SubAccount, key.clone()).start().await.unwrap();
    issued(&Tc3::new(&key, "GetFederationToken", &federation()).send(cloud.sts()).await);
    let elsewhere = sts_only().await;
    let answer = Tc3::new(&key, "GetFederationToken", &federation()).send(elsewhere.sts()).await;
    assert_eq!(crate::support::code(&answer), "AuthFailure.SecretIdNotFound");
}

#[tokio::test]
async fn functions_that_cannot_run() {
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("bootstrap");
    std::fs::write(&plain, "text").unwrap();
    for path in [directory.path().join("missing"), directory.path().to_owned(), plain] {
        let error = Cloud::builder().function(&path).start().await.unwrap_err();
        assert!(matches!(error, StartError::NoFunction { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let gateway = Cloud::builder().function(function()).gateway_port(port);
    for builder in [gateway, Cloud::builder().sts_port(port), Cloud::builder().cos_port(port)] {
        let error = builder.start().await.unwrap_err();
        assert!(matches!(error, StartError::PortTaken { port: named, .. } if named == port));
        assert!(error.to_string().contains(&port.to_string()));
    }
}

#[tokio::test]
async fn every_secret_is_registered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets");
    let cloud = Cloud::builder().secrets_file(&path).start().await.unwrap();
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let (key, token) = issued(&call.send(cloud.sts()).await);
    let mut expected = vec![
        cloud.root_key().secret_key.clone(),
        cloud.sub_account_key().secret_key.clone(),
        key.secret_key,
        token,
    ];
    let mut file: Vec<String> =
        std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let mut memory = cloud.secrets();
    for list in [&mut expected, &mut file, &mut memory] {
        list.sort();
    }
    assert_eq!(memory, expected);
    assert_eq!(file, expected);
}

#[tokio::test]
async fn secrets_given_to_the_function_are_registered() {
    let given = "a-session-token-of-a-test";
    let cloud = Cloud::builder()
        .env("SESSION_TOKEN", given)
        .env("SECRET_KEY", "short")
        .start()
        .await
        .unwrap();
    assert!(cloud.secrets().iter().any(|secret| secret == given));
    assert!(!cloud.secrets().iter().any(|secret| secret == "short"));
}

#[tokio::test]
async fn no_debug_output_contains_a_secret() {
    let cloud = Cloud::builder().function(function()).start().await.unwrap();
    cloud.wait_ready().await.unwrap();
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    issued(&call.send(cloud.sts()).await);
    let shown = format!("{cloud:?} {:?} {:?}", cloud.root_key(), cloud.sts().calls());
    assert!(cloud.secrets().len() > 4);
    for secret in cloud.secrets() {
        assert!(!shown.contains(&secret));
    }
}

#[tokio::test]
async fn the_ca_file_goes_away_with_the_cloud() {
    let cloud = sts_only().await;
    let file = cloud.sts().ca_file().to_owned();
    assert!(file.exists());
    drop(cloud);
    assert!(!file.exists());
}

#[tokio::test]
async fn listeners_are_on_loopback_and_close_with_the_cloud() {
    let cloud = Cloud::builder().function(function()).start().await.unwrap();
    let addresses = [
        crate::support::host_of(&cloud.gateway_url().unwrap()),
        crate::support::host_of(&cloud.sts().http_url()),
        crate::support::host_of(&cloud.sts().https_url()),
        cloud.cos().address().to_string(),
        cloud.cos().https_address().to_string(),
    ];
    for address in &addresses {
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        std::net::TcpStream::connect(address).unwrap();
    }
    drop(cloud);
    for address in &addresses {
        assert_closed(address).await;
    }
}
