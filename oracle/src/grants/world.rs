//! Callers, the grants of a deployment and a request, made from arbitrary bytes.
//!
//! The pools are small, so that grants and requests meet often. Every field that a caller can set
//! is sometimes hostile.

use std::net::Ipv4Addr;

use arbitrary::Unstructured;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::grant::{Access, ClaimMatch, Grant, Placeholder, Role};

/// A deployment, and a request of callers with equal claims.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) grants: Vec<Grant>,
    /// The token issuers of the deployment; without one, only its gateway knows callers.
    pub issuers: &'static [&'static str],
    claims: Map<String, Value>,
    /// The parameter `bucket`.
    pub bucket: Option<String>,
    /// The parameter `region`.
    pub region: Option<String>,
    /// The parameter `durationSeconds`.
    pub duration_seconds: Option<String>,
    /// What the request is for.
    pub requested: Requested,
    /// The random bytes of a new object's name.
    pub entropy: [u8; 16],
    /// Where the combinations of accesses begin.
    pub(crate) turn: u64,
}

/// What a request is for.
#[derive(Clone, Debug)]
pub enum Requested {
    /// Everything that is granted.
    All,
    /// A new object with this file name.
    New(String),
    /// A scope array.
    Scopes(Vec<Scope>),
}

/// An element of a scope array.
#[derive(Clone, Debug)]
pub struct Scope {
    /// For example `name/cos:PutObject`.
    pub action: String,
    /// `None`: left out.
    pub bucket: Option<String>,
    /// `None`: left out.
    pub region: Option<String>,
    /// `None`: left out.
    pub prefix: Option<String>,
}

/// What callers write where a name is expected.
const HOSTILE: [&str; 36] = [
    "*",
    "?",
    "**",
    "u*",
    "a?b",
    "${uin}",
    "$",
    "{",
    "}",
    "{sub}",
    "\\",
    "..",
    ".",
    "../",
    "a/../b",
    "a/b",
    "/",
    "//",
    "",
    " ",
    "u-1 ",
    "%2a",
    "%252a",
    "%2F",
    "%2e%2e",
    "＊",
    "？",
    "＄｛uin｝",
    "‥",
    "a\u{0}b",
    "a\nb",
    "\"",
    "\",\"effect\":\"allow",
    "u-1/*",
    "\u{202e}u",
    "-",
];

/// Lists, booleans and numbers as gateways write them, and what only looks like one.
const WRITTEN: [&str; 8] =
    ["[u-1 gold]", "[gold]", "u-1,silver", "true", "7", "[u-12 golden]", "gold-u-1", "07"];

const NAMES: [&str; 8] = ["u-1", "u-12", "u", "U-1", "gold", "silver", "7", "07"];

const BUCKETS: [&str; 3] =
    ["examplebucket-1250000000", "other-1250000000", "examplebucket-1250000001"];

const REGIONS: [&str; 2] = ["ap-guangzhou", "ap-beijing"];

const CLAIMS: [&str; 4] = ["sub", "tier", "number", "org"];

const ISSUERS: [&str; 2] = ["login", "staff"];

/// The same name in two accounts, and one that asks for an id.
const ROLES: [(&str, Option<&str>); 3] = [
    ("qcs::cam::uin/100000000001:roleName/uploads", None),
    ("qcs::cam::uin/100000000002:roleName/uploads", None),
    ("qcs::cam::uin/100000000001:roleName/uploads", Some("tenant-1")),
];

impl World {
    /// The world of these bytes; once they run out, the first of every choice is taken.
    pub fn of(bytes: &mut Unstructured<'_>) -> Self {
        let mut grants: Vec<Grant> = (0..up_to(bytes, 1, 3)).map(|_| grant(bytes)).collect();
        let mut claims = Map::new();
        for claim in CLAIMS {
            let value = match up_to(bytes, 0, 9) {
                0 => continue,
                1 => json!(up_to(bytes, 0, 9)),
                2 => json!(-7),
                3 => json!(true),
                4 => json!(["u-1", "*"]),
                5 | 6 => json!(pick(bytes, &WRITTEN)),
                _ => json!(name(bytes)),
            };
            claims.insert(claim.to_owned(), value);
        }
        if up_to(bytes, 0, 3) > 0 {
            claims.insert("sub".to_owned(), json!("u-1"));
        }
        let requested = match up_to(bytes, 0, 3) {
            0 => Requested::All,
            1 => Requested::New(filename(bytes)),
            _ => Requested::Scopes(
                (0..up_to(bytes, 1, 4)).map(|_| scope(bytes, &grants, &claims)).collect(),
            ),
        };
        let bucket = maybe(bytes, 6, |bytes| place(bytes, &BUCKETS));
        let region = maybe(bytes, 6, |bytes| place(bytes, &REGIONS));
        let duration_seconds =
            maybe(bytes, 4, |bytes| pick(bytes, &["900", "900", "900", "600", "-1", "3600"]));
        let entropy = std::array::from_fn(|_| u8::try_from(up_to(bytes, 0, 255)).unwrap_or(0));
        let turn = u64::try_from(up_to(bytes, 0, 65_535)).unwrap_or(0);
        let issuers = deploy(bytes, &mut grants);
        // The name of an issuer is not a claim, also where a token has one of that name.
        if !issuers.is_empty() && up_to(bytes, 0, 1) == 1 {
            claims.insert("issuer".to_owned(), json!(ISSUERS[up_to(bytes, 0, 1)]));
        }
        Self { grants, issuers, claims, bucket, region, duration_seconds, requested, entropy, turn }
    }

    /// Who asks: the same claims, known by the gateway and by a token of each issuer.
    pub fn callers(&self) -> impl Iterator<Item = Caller> {
        let tokens = self.issuers.iter().copied().map(Some);
        let caller = |token_issuer| Caller { claims: self.claims.clone(), token_issuer };
        std::iter::once(None).chain(tokens).map(caller)
    }

    /// The grants file.
    pub fn grants_file(&self) -> String {
        let issuers = self.issuers.iter().map(|name| {
            let url = Self::issuer_url(name);
            let variable = Self::secret_variable(name);
            format!(
                "[[issuer]]\nname = \"{name}\"\nissuer = \"{url}\"\naudiences = [\"uploads\"]\n\
                 secret_env = \"{variable}\"\n"
            )
        });
        let written = self.grants.iter().enumerate();
        let grants = written.map(|(index, grant)| grant.written(&format!("grant-{index}")));
        issuers.chain(grants).collect()
    }

    /// The `iss` of an issuer's tokens.
    pub fn issuer_url(name: &str) -> String {
        format!("https://{name}.example.com/")
    }

    /// The variable with the secret that signs an issuer's tokens.
    pub fn secret_variable(name: &str) -> String {
        format!("{}_TOKEN_SECRET", name.to_uppercase())
    }

    /// What `caller` is granted where this role is assumed, as policies of one statement each,
    /// since one that has all of them would be too long.
    pub fn granted(&self, caller: &Caller, role: Option<&Role>) -> Vec<Value> {
        let grants = self.grants.iter().filter(|grant| self.is_of(grant, role));
        let statements = grants.flat_map(|grant| grant.statements(caller));
        statements.map(|statement| json!({"version": "2.0", "statement": [statement]})).collect()
    }

    /// Whether a grant is of the requested bucket and region, and of this role.
    pub(crate) fn is_of(&self, grant: &Grant, role: Option<&Role>) -> bool {
        self.bucket.as_ref().is_none_or(|bucket| *bucket == grant.bucket)
            && self.region.as_ref().is_none_or(|region| *region == grant.region)
            && grant.role.as_ref() == role
    }
}

impl Requested {
    /// Whether the request covers this access; `key` is that of a new object.
    pub(crate) fn covers(&self, access: &Access, key: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::New(_) => key == Some(access.key.as_str()),
            Self::Scopes(scopes) => scopes.iter().any(|scope| {
                let prefix = scope.prefix.clone().unwrap_or_default();
                let prefix = prefix.strip_prefix('/').unwrap_or(&prefix);
                let is_key = match prefix.strip_suffix('*') {
                    Some(start) => access.key.starts_with(start),
                    None => access.key == prefix,
                };
                let is_action = scope.action.split(':').next_back() == Some(&access.operation);
                let is_bucket = access.operation == "GetService"
                    || (scope.bucket == access.bucket
                        && scope.region.as_ref() == Some(&access.region));
                is_action && is_bucket && (is_key || access.operation == "GetService")
            }),
        }
    }
}

fn grant(bytes: &mut Unstructured<'_>) -> Grant {
    let mut claims = Vec::new();
    for claim in ["sub", "org", "tier", "proof"] {
        let wanted = match up_to(bytes, 0, 15) {
            3..=5 if claim == "org" || claim == "tier" => {
                ClaimMatch::Contains(pick(bytes, &["u-1", "gold"]))
            }
            0 | 1 if claim == "proof" => ClaimMatch::OneOf(vec![json!("hmac"), json!("jwt")]),
            2 if claim == "proof" => ClaimMatch::OneOf(vec![json!("gateway-lambda")]),
            0 => ClaimMatch::OneOf(vec![json!(name(bytes)), json!("u-1")]),
            1 => ClaimMatch::Prefix(pick(bytes, &["org/", "u-1/", "u:"])),
            2 => ClaimMatch::OneOf(vec![json!(7), json!(true), json!("a|b")]),
            _ => continue,
        };
        claims.push((claim.to_owned(), wanted));
    }
    let parts: &[&str] = [
        &["users/", "sub", "/"][..],
        &["/"],
        &["public/"],
        &["t/", "tier", "/", "number", "/"],
        &["", "sub", ".d/"],
    ][up_to(bytes, 0, 4)];
    let slot = |claim: &str| parts.contains(&claim);
    let mut slots = Vec::new();
    if slot("tier") {
        slots.push((
            "tier".to_owned(),
            Placeholder::OneOf(vec!["gold".to_owned(), "silver".to_owned()]),
        ));
        slots.push(("number".to_owned(), Placeholder::Number));
    } else if slot("sub") && up_to(bytes, 0, 1) == 1 {
        slots.push(("sub".to_owned(), Placeholder::Id));
    }
    let mut grant = Grant {
        claims,
        bucket: pick(bytes, &BUCKETS),
        region: pick(bytes, &REGIONS),
        prefix: parts.iter().map(|part| (*part).to_owned()).collect(),
        slots,
        allow: some(bytes, &["upload", "download", "list", "delete"], 2),
        actions: some(
            bytes,
            &[
                "GetObjectTagging",
                "GetService",
                "AppendObject",
                "GetBucket",
                "DeleteBucket",
                "PutBucket",
            ],
            4,
        ),
        max_size: maybe(bytes, 3, |_| String::new()).map(|_| 10),
        content_types: some(bytes, &["image/*", "text/html"], 4),
        extensions: some(bytes, &["jpg", "png"], 3),
        named_extensions: some(bytes, &["jpg", "png"], 3),
        networks: maybe(bytes, 3, |_| String::new())
            .map_or_else(Vec::new, |_| vec![(Ipv4Addr::new(10, 0, 9, 9), 1 + up_to(bytes, 0, 1))]),
        acl: some(bytes, &["private", "public-read", "bucket-owner-read"], 6),
        https_only: up_to(bytes, 0, 3) == 3,
        vpc: some(bytes, &["vpc-a1", "vpc-b2"], 7),
        lifetime: [600..=1800, 600..=900, 900..=3600][up_to(bytes, 0, 2)].clone(),
        include_prefix_key: parts != ["/"] && up_to(bytes, 0, 3) == 3,
        issuers: Vec::new(),
        role: None,
    };
    agree(bytes, &mut grant);
    grant
}

/// The issuers of the deployment. Most grants are for one of them, and half assume a role.
fn deploy(bytes: &mut Unstructured<'_>, grants: &mut [Grant]) -> &'static [&'static str] {
    let issuers = &ISSUERS[..[0, 0, 1, 2, 2][up_to(bytes, 0, 4)]];
    for grant in grants {
        if !issuers.is_empty() {
            grant.issuers = match up_to(bytes, 0, 9) {
                0 => Vec::new(),
                1 => issuers.to_vec(),
                chosen => vec![issuers[chosen % issuers.len()]],
            };
        }
        // A contradiction rejects the whole file.
        let is_jwt = |(name, wanted): &(String, ClaimMatch)| {
            name != "proof"
                || matches!(wanted, ClaimMatch::OneOf(all) if all.contains(&json!("jwt")))
        };
        if !grant.claims.iter().all(is_jwt) && up_to(bytes, 0, 9) < 9 {
            grant.issuers.clear();
        }
        let role = [None, None, None, Some(0), Some(0), Some(1), Some(2)][up_to(bytes, 0, 6)];
        grant.role = role.map(|index: usize| {
            let (arn, external_id) = ROLES[index];
            Role { arn: arn.to_owned(), external_id: external_id.map(str::to_owned) }
        });
    }
    issuers
}

/// Makes most grants valid: a contradiction rejects the whole file.
fn agree(bytes: &mut Unstructured<'_>, grant: &mut Grant) {
    if up_to(bytes, 0, 9) < 9 {
        if !grant.extensions.is_empty() || !grant.allow.iter().any(|name| name == "upload") {
            grant.named_extensions.clear();
        }
        let is_whole = grant.max_size.is_some() || !grant.content_types.is_empty();
        if is_whole {
            grant.actions.retain(|name| name != "AppendObject");
        }
        if grant.prefix != ["/"] {
            grant.actions.retain(|name| !["PutBucket", "DeleteBucket"].contains(&name.as_str()));
        }
        let is_limited = is_whole || !grant.extensions.is_empty() || !grant.acl.is_empty();
        if is_limited || grant.allow.is_empty() {
            grant.allow.retain(|name| name != "upload");
            grant.allow.push("upload".to_owned());
        }
    }
}

/// A scope element, mostly one that a grant covers.
fn scope(bytes: &mut Unstructured<'_>, grants: &[Grant], claims: &Map<String, Value>) -> Scope {
    let grant = &grants[up_to(bytes, 0, grants.len() - 1)];
    let presets: Vec<&str> = grant
        .allow
        .iter()
        .flat_map(|name| match name.as_str() {
            "upload" => &["PutObject", "PostObject", "UploadPart"][..],
            "download" => &["GetObject", "HeadObject"],
            "list" => &["GetBucket"],
            _ => &["DeleteObject"],
        })
        .copied()
        .collect();
    let odd = [
        "PutObject",
        "GetObject",
        "GetService",
        "PutObjectACL",
        "GetObjectTagging",
        "*",
        "AppendObject",
        "DeleteBucket",
        "PutBucket",
    ];
    let operation = if presets.is_empty() || up_to(bytes, 0, 9) == 9 {
        pick(bytes, &odd)
    } else {
        pick(bytes, &presets)
    };
    let form = if up_to(bytes, 0, 15) == 15 {
        pick(bytes, &["name/sts:", "", "name/"])
    } else {
        pick(bytes, &["name/cos:", "cos:"])
    };
    let own = below(grant, claims);
    let start = match up_to(bytes, 0, 9) {
        8 => pick(bytes, &["users/u-12/", "", "/", "users/"]),
        9 => own.trim_end_matches('/').to_owned(),
        _ => own,
    };
    let end = match up_to(bytes, 0, 7) {
        0 => "*".to_owned(),
        1 => name(bytes),
        2 => filename(bytes),
        _ => pick(bytes, &["a.jpg", "b/c.PNG", "a", ""]),
    };
    let is_service = operation == "GetService" || up_to(bytes, 0, 15) == 15;
    let is_elsewhere = up_to(bytes, 0, 9) == 9;
    Scope {
        action: form + &operation,
        bucket: (!is_service)
            .then(|| if is_elsewhere { place(bytes, &BUCKETS) } else { grant.bucket.clone() }),
        region: (!is_service)
            .then(|| if is_elsewhere { place(bytes, &REGIONS) } else { grant.region.clone() }),
        prefix: (!is_service).then(|| start + &end),
    }
}

/// The prefix filled with these claims, valid or not.
fn below(grant: &Grant, claims: &Map<String, Value>) -> String {
    let own = grant.prefix.iter().enumerate().map(|(index, part)| match claims.get(part) {
        Some(Value::String(text)) if index % 2 == 1 => text.clone(),
        Some(other) if index % 2 == 1 => other.to_string(),
        _ => part.clone(),
    });
    own.collect()
}

fn filename(bytes: &mut Unstructured<'_>) -> String {
    let name = if up_to(bytes, 0, 1) == 1 { name(bytes) } else { "photo".to_owned() };
    let extension = if up_to(bytes, 0, 3) == 3 {
        self::name(bytes)
    } else {
        pick(bytes, &["jpg", "PNG", "php", "jpg.php", "jpg/"])
    };
    format!("{name}.{extension}")
}

fn place(bytes: &mut Unstructured<'_>, good: &[&str]) -> String {
    if up_to(bytes, 0, 3) == 3 { pick(bytes, &HOSTILE) } else { pick(bytes, good) }
}

fn name(bytes: &mut Unstructured<'_>) -> String {
    if up_to(bytes, 0, 2) == 0 { pick(bytes, &HOSTILE) } else { pick(bytes, &NAMES) }
}

fn some(bytes: &mut Unstructured<'_>, pool: &[&str], one_in: usize) -> Vec<String> {
    let chosen = pool.iter().filter(|_| up_to(bytes, 1, one_in) == one_in);
    chosen.map(|text| (*text).to_owned()).collect()
}

fn maybe(
    bytes: &mut Unstructured<'_>,
    one_in: usize,
    make: impl FnOnce(&mut Unstructured<'_>) -> String,
) -> Option<String> {
    (up_to(bytes, 1, one_in) == one_in).then(|| make(bytes))
}

fn pick(bytes: &mut Unstructured<'_>, pool: &[&str]) -> String {
    pool[up_to(bytes, 0, pool.len() - 1)].to_owned()
}

fn up_to(bytes: &mut Unstructured<'_>, least: usize, most: usize) -> usize {
    bytes.int_in_range(least..=most).unwrap_or(least)
}
