//! What the tests of authorization share.
//!
//! One account with an owner and a user of full rights; a client that signs with the library's
//! signer and can tamper with each part of a request afterwards.

mod anonymous;
mod aws4;
mod bucket_rules;
mod conditions;
mod forms;
mod keys;
mod layers;
mod mapping;
mod mutation;
mod pictures;
mod signatures;

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use tencent::cam::Policy;
use tencent::names::{Bucket, Region};
use tencent::secret::Secret;
use tencent::sign::aws4::{CanonicalRequest, Signer, canonical_path, canonical_query};
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
use crate::cos::http::s3::Api;
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
        let account = Account { vpc: Some("vpc-a1".to_owned()), ..Account::default() };
        let directory = Directory::new(account, users, Vec::new(), clock, ledger);
        let directory = Arc::new(directory);
        let default_bucket = DefaultBucket::of(&directory.account).unwrap();
        let store = Arc::new(Store::in_memory(u64::MAX));
        let new = StoredBucket::new("ap-guangzhou".to_owned(), at(NOW));
        store.create_bucket(BUCKET, &new, |_| Ok(())).unwrap();
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

    /// The same request as an S3 client sends it: with the names of S3, where it has them.
    fn of_s3(&self) -> Self {
        let renamed = |(name, value): &(String, String)| match name.strip_prefix("x-cos-") {
            Some("copy-source") => {
                let host = ".cos.ap-guangzhou.myqcloud.com";
                let is_near = value.contains(host);
                let (name, value) = match is_near {
                    true => ("x-amz-copy-source", format!("/{}", value.replace(host, ""))),
                    false => (name.as_str(), value.clone()),
                };
                (name.to_owned(), value)
            }
            Some(rest @ ("forbid-overwrite" | "traffic-limit" | "callback" | "return-body")) => {
                (format!("x-cos-{rest}"), value.clone())
            }
            Some(rest) => (format!("x-amz-{rest}"), value.clone()),
            None => (name.clone(), value.clone()),
        };
        Self { headers: self.headers.iter().map(renamed).collect(), ..self.clone() }
    }

    /// Signs everything as an S3 client does, in a header.
    fn aws_signed(self, by: &Credential) -> Self {
        let time = aws_time(self.now);
        let mut draft = self.header("x-amz-date", &time);
        if !draft.headers.iter().any(|(name, _)| name == "x-amz-content-sha256") {
            draft = draft.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        }
        if let Some(token) = &by.token {
            draft = draft.header("x-amz-security-token", token);
        }
        let (scope, names, signature) = draft.aws_signature(by);
        let id = &by.pair.secret_id;
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        );
        draft.header("authorization", &authorization)
    }

    /// The same as parameters, valid for `seconds`.
    fn aws_presigned(mut self, by: &Credential, seconds: &str) -> Self {
        let (time, id) = (aws_time(self.now), &by.pair.secret_id);
        let scope =
            format!("{id}/{}/ap-guangzhou/s3/aws4_request", aws_date(self.now)).replace('/', "%2F");
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.push("host");
        names.sort_unstable();
        let names = names.join("%3B");
        let and = if self.query.is_empty() { "" } else { "&" };
        self.query = format!(
            "{}{and}X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={time}\
             &X-Amz-Expires={seconds}&X-Amz-SignedHeaders={names}",
            self.query
        );
        if let Some(token) = &by.token {
            self.query = format!("{}&X-Amz-Security-Token={token}", self.query);
        }
        let (_, _, signature) = self.aws_signature(by);
        self.query = format!("{}&X-Amz-Signature={signature}", self.query);
        self
    }

    /// The scope, the signed headers (all of them) and the signature.
    fn aws_signature(&self, by: &Credential) -> (String, String, String) {
        let parameters = self.query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(&value.replace('+', "%20")))
        });
        let parameters: Vec<(String, String)> = parameters.collect();
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(borrowed).collect();
        headers.push(("host", &self.host));
        headers.sort_unstable();
        let payload = headers.iter().find(|(name, _)| *name == "x-amz-content-sha256");
        let canonical = CanonicalRequest {
            method: self.method.as_str(),
            path: &canonical_path(&decoded(&self.path)),
            query: &canonical_query(parameters.iter().map(borrowed)),
            headers: &headers,
            payload: payload.map_or("UNSIGNED-PAYLOAD", |(_, payload)| payload),
        };
        let secret = Secret::new(by.pair.secret_key.clone()).unwrap();
        let time = aws_time(self.now);
        let signer = Signer::new(&secret, &time, &aws_date(self.now), "ap-guangzhou");
        let signature = signer.sign(&signer.string_to_sign(&canonical.to_text()));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        (signer.scope().to_owned(), names.join(";"), signature)
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
        let api = Api::of(&headers, &self.query);
        let region = address.bucket().map(|bucket| bucket.region.clone());
        RequestHead {
            api,
            method: self.method.clone(),
            host: self.host.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: api.headers(with_values(&headers), region.as_ref()).unwrap(),
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

/// `20231114`.
fn aws_date(seconds: i64) -> String {
    at(seconds).date().replace('-', "")
}

/// `20231114T221320Z`.
fn aws_time(seconds: i64) -> String {
    at(seconds).iso_8601().replace(['-', ':'], "")
}

/// Authorizes a request with a signature of COS and one of S3, which have to end alike.
fn authorize(world: &World, draft: Draft, by: &Credential) -> Result<(), CosError> {
    let s3 = authorize_signed(world, &draft.of_s3().aws_signed(by));
    let cos = authorize_signed(world, &draft.signed(by));
    assert_eq!(s3, cos, "both signatures");
    cos
}

fn authorize_signed(world: &World, draft: &Draft) -> Result<(), CosError> {
    let request = draft.request();
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
