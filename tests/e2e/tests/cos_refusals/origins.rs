//! Pages of origins that nobody lets in: the browser keeps the SDK from the credential, or from
//! COS.

use std::collections::BTreeMap;

use cos_issuer_e2e::PageServer;
use serde_json::{Value, json};

use crate::world::{ALL, Sdk, World};

const ANOTHER: &str = "http://127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_the_bucket_does_not_let_in() {
    let page = PageServer::start().await.unwrap();
    let origin = page.origin();
    let world = World::with_origins(page, &ALL, &origin, ANOTHER).await;
    let told = kept_out(&world).await;
    assert!(world.cloud.sts().call_count() > 0, "the issuer lets it in");
    for outcome in told {
        let message = outcome["message"].as_str().unwrap();
        assert!(message.contains("CORS blocked"), "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_the_issuer_does_not_let_in() {
    let page = PageServer::start().await.unwrap();
    let origin = page.origin();
    let world = World::with_origins(page, &ALL, ANOTHER, &origin).await;
    for outcome in kept_out(&world).await {
        let message = outcome["message"].as_str().unwrap();
        assert!(message.contains("missing \"TmpSecretId\""), "{outcome}");
    }
}

/// COS hears of nothing but what a browser asks in advance, and keeps what it has.
async fn kept_out(world: &World) -> Vec<Value> {
    let before = world.storage.snapshot().await.unwrap();
    let heard = world.cloud.decisions().len();
    let own = json!({"Key": "users/1/own.txt"});
    let calls = [
        json!({"name": "put", "method": "putObject", "params": own, "bytes": 9}),
        json!({"name": "get", "method": "getObject", "params": own}),
        json!({"name": "delete", "method": "deleteObject", "params": own}),
    ];
    let told = world.call(Sdk::Browser, &BTreeMap::new(), &calls).await;
    for outcome in &told {
        assert_eq!(outcome["status"], 0, "{outcome}");
    }
    assert_eq!(world.cloud.decisions().len(), heard);
    assert_eq!(before, world.storage.snapshot().await.unwrap());
    told
}
