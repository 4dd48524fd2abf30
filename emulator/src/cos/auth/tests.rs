//! What the tests of authorization share.
//!
//! One account with an owner and a user of full rights; a client that signs with the library's
//! signer and can tamper with each part of a request afterwards.

mod anonymous;
mod bucket_rules;
mod conditions;
mod forms;
mod keys;
mod layers;
mod mapping;
mod mutation;
mod signatures;

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use tencent::cam::Policy;
use tencent::names::{Bucket, Region};
use tencent::secret::Secret;
use tencent::sign::q_sign::{self, CosRequest};
use tencent::time::Timestamp;

use super::Authorizer;
use super::access::{AccessControl as _, AuthContext};
use crate::account::{Account, Directory, Identity, KeyPair, Permanent, User};
use crate::cos::error::CosError;
use crate::cos::fuzzing::{NOW, Stopped};
use crate::cos::http::address::{Address, ObjectAddress};
use crate::cos::http::merge_order::MergeOrder;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::{RequestHead, decoded, with_values};
use crate::cos::http::virtual_host::{BucketAddress, DefaultBucket};
use crate::cos::operation::{ObjectOperation, Operation};
use crate::cos::store::{Bucket as StoredBucket, Store};

const BUCKET: &str = "examplebucket-1250000000";
const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

/// A key with the token that belongs to it.
#[derive(Clone)]
struct Credential {
    pair: KeyPair,
    token: Option<String>,
}

struct World {
    authorizer: Authorizer,
    directory: Arc<Directory>,
    store: Arc<Store>,
    root: Credential,
    user: Credential,
}

impl World {
    fn new() -> Self {
        Self::with(MergeOrder::NotKnown)
    }

    fn with(merge_order: MergeOrder) -> Self {
        let users = vec![User::new("issuer", 100_000_000_002)];
        let (clock, ledger) = (Arc::new(Stopped), Arc::default());
        let directory = Directory::new(Account::default(), users, Vec::new(), clock, ledger);
        let directory = Arc::new(directory);
        let default_bucket = DefaultBucket::of(&directory.account).unwrap();
        let store = Arc::new(Store::in_memory(u64::MAX));
        let new = StoredBucket::new("ap-guangzhou".to_owned(), at(NOW));
        store.create_bucket(BUCKET, new, |_| Ok(())).unwrap();
        let add =
            |owner| Credential { pair: directory.add_permanent(owner, None).unwrap(), token: None };
        let root = add(Permanent::Root);
        let user = add(Permanent::User(Arc::clone(&directory.users[0])));
        Self {
            authorizer: Authorizer::new(
                Arc::clone(&directory),
                default_bucket,
                merge_order,
                Arc::clone(&store),
            ),
            store,
            directory,
            root,
            user,
        }
    }

    /// Authorizes PUT Object, whatever the method is.
    fn authorize_put(&self, request: &RequestHead) -> Result<AuthContext, CosError> {
        let target = ObjectAddress {
            bucket: bucket(request).clone(),
            key: request.address.key().to_owned(),
        };
        let operation = Operation::Object(ObjectOperation::PutObject, target);
        self.authorizer.authorize(request, &operation)
    }

    fn authorize_form(&self, request: &RequestHead, form: &Form) -> Result<AuthContext, CosError> {
        let bucket = bucket(request);
        self.authorizer.authorize_form(request, bucket, form)
    }

    /// A federation token of the full user, limited to `policy`.
    fn session(&self, policy: &str) -> Credential {
        self.issue(Identity::Federation {
            name: "test".to_owned(),
            caller: Permanent::User(Arc::clone(&self.directory.users[0])),
            policy: Policy::parse(policy).unwrap(),
        })
    }

    fn issue(&self, identity: Identity) -> Credential {
        let issued = self.directory.issue(identity, at(NOW + 1800)).unwrap();
        Credential {
            pair: KeyPair { secret_id: issued.secret_id, secret_key: issued.secret_key },
            token: Some(issued.token),
        }
    }
}

/// A policy with one statement.
fn allow(actions: &str, resource: &str, condition: &str) -> String {
    let actions: Vec<String> =
        actions.split(' ').map(|action| format!("\"name/cos:{action}\"")).collect();
    let actions = actions.join(",");
    let resource = match resource {
        "*" => "*".to_owned(),
        path => format!("qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/{path}"),
    };
    format!(
        r#"{{"version":"2.0","statement":[{{"effect":"allow","action":[{actions}],"resource":"{resource}"{condition}}}]}}"#
    )
}

/// A request before it is signed.
#[derive(Clone)]
struct Draft {
    method: Method,
    host: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    now: i64,
    key_time: String,
    is_tls: bool,
}

impl Draft {
    fn new(method: &str, path: &str, query: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            host: HOST.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            now: NOW,
            key_time: format!("{};{}", NOW - 60, NOW + 600),
            is_tls: true,
        }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signs host, all headers and all parameters, as a header; the token goes along unsigned.
    fn signed(mut self, by: &Credential) -> Self {
        let authorization = self.authorization(by);
        self = self.header("authorization", &authorization);
        match &by.token {
            Some(token) => self.header("x-cos-security-token", token),
            None => self,
        }
    }

    /// The same as parameters.
    fn presigned(mut self, by: &Credential) -> Self {
        let mut authorization = self.authorization(by).replace(';', "%3B");
        if let Some(token) = &by.token {
            authorization = format!("{authorization}&x-cos-security-token={token}");
        }
        let and = if self.query.is_empty() { "" } else { "&" };
        self.query = format!("{}{and}{authorization}", self.query);
        self
    }

    fn authorization(&self, by: &Credential) -> String {
        let unsigned = self.request();
        let parameters: Vec<(String, String)> = unsigned.parameters().collect();
        let parameters: Vec<(&str, &str)> = parameters.iter().map(borrowed).collect();
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(borrowed).collect();
        headers.push(("host", &self.host));
        let path = decoded(&self.path);
        let request = CosRequest {
            method: self.method.as_str(),
            path: &path,
            parameters: &parameters,
            headers: &headers,
        };
        let secret = Secret::new(by.pair.secret_key.clone()).unwrap();
        q_sign::authorization(&request, &self.key_time, &by.pair.secret_id, &secret)
    }

    /// The request head.
    fn request(&self) -> RequestHead {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::try_from(name).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let (bucket, rest) = self.host.split_once(".cos.").unwrap_or((BUCKET, ""));
        let region = rest.split_once('.').map_or("ap-guangzhou", |(region, _)| region);
        let address = if bucket == "service" {
            Address::Service
        } else {
            let bucket = BucketAddress {
                name: Bucket::parse(bucket).unwrap(),
                region: Region::parse(region).unwrap(),
            };
            match decoded(self.path.strip_prefix('/').unwrap_or(&self.path)) {
                key if key.is_empty() => Address::Bucket(bucket),
                key => Address::Object(ObjectAddress { bucket, key }),
            }
        };
        RequestHead {
            method: self.method.clone(),
            host: self.host.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: with_values(&headers),
            sent_headers: headers,
            source_ip: "127.0.0.1".parse().unwrap(),
            is_tls: self.is_tls,
            request_id: "request".to_owned(),
            now: at(self.now),
            address,
        }
    }
}

fn bucket(request: &RequestHead) -> &BucketAddress {
    request.address.bucket().unwrap()
}

fn borrowed(pair: &(String, String)) -> (&str, &str) {
    (&pair.0, &pair.1)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds).unwrap()
}

fn authorize(world: &World, draft: Draft, by: &Credential) -> Result<(), CosError> {
    let request = draft.signed(by).request();
    let operation = Operation::of(&request).ok_or_else(|| {
        let error = crate::cos::auth::errors::unmapped(&request);
        world.authorizer.log_rejected(&request, &error);
        error
    })?;
    world.authorizer.authorize(&request, &operation).map(drop)
}

#[track_caller]
fn denied(world: &World, draft: Draft, by: &Credential) -> String {
    let error = authorize(world, draft, by).expect_err("it has to be denied");
    assert_eq!((error.code, error.message.as_str()), ("AccessDenied", "Access Denied."));
    error.reason.unwrap()
}

fn statement(effect: &str, action: &str, path: &str, condition: &str) -> String {
    let resource = if path == "*" {
        path.to_owned()
    } else {
        format!("qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/{path}")
    };
    format!(
        r#"{{"effect":"{effect}","action":"name/cos:{action}","resource":"{resource}"{condition}}}"#
    )
}
