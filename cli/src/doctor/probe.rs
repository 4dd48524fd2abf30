//! The requests that a deployment gets, as data.
//!
//! # Guarantees
//! Each but the first is sent only after those that it depends on had a usable answer.

use super::questions::Questions;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Probe {
    /// A credential, without proof. It is the first.
    Anonymous,
    Ready,
    /// A credential, with the caller's own proof.
    Issued,
    Again,
    Broken,
    Foreign,
    Unsigned,
    /// The very header of an earlier request.
    Repeated,
    /// A format that does not exist.
    WrongFormat,
    /// A body that is not a list of scopes.
    WrongBody,
    OtherBucket,
    OtherPrefix,
    OtherAction,
    Cam,
    CredentialProcess,
    Cvm,
    Flat,
    Sdk,
    Sts,
    Preflight,
    Page,
    PageRefused,
    OtherPreflight,
    OtherPage,
    /// A request id that only the platform may set.
    PlatformHeader,
    /// Whether the grant has `GetObject`.
    MayRead,
    MayDelete,
    /// A credential that the program can outlive.
    ShortLived,
}

/// What a request carries as proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presented {
    Nothing,
    Own,
    /// One character of the own one is another.
    Broken,
    /// The same caller, proven with a key that the deployment does not know.
    Foreign,
    /// A token that states that it has no signature.
    Unsigned,
    Repeated,
}

/// A request to be sent.
pub(super) struct Order {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) presented: Presented,
}

impl Probe {
    /// All but the first, in the order in which they are sent.
    pub(super) const LATER: [Self; 27] = [
        Self::Ready,
        Self::Issued,
        Self::Again,
        Self::Broken,
        Self::Foreign,
        Self::Unsigned,
        Self::Repeated,
        Self::WrongFormat,
        Self::WrongBody,
        Self::OtherBucket,
        Self::OtherPrefix,
        Self::OtherAction,
        Self::Cam,
        Self::CredentialProcess,
        Self::Cvm,
        Self::Flat,
        Self::Sdk,
        Self::Sts,
        Self::Preflight,
        Self::Page,
        Self::PageRefused,
        Self::OtherPreflight,
        Self::OtherPage,
        Self::PlatformHeader,
        Self::MayRead,
        Self::MayDelete,
        Self::ShortLived,
    ];

    /// The request; `None` where the questions do not need it.
    pub(super) fn order(self, questions: &Questions) -> Option<Order> {
        let get = |presented| Order::get("/sts", presented);
        let format = |name: &str| get(Presented::Own).with_query("format", name);
        let page = |order: Order| Some(order.with_header("origin", questions.origin.as_ref()?));
        Some(match self {
            Self::Anonymous => get(Presented::Nothing),
            Self::Ready => Order::get("/readyz", Presented::Nothing),
            Self::Issued | Self::Again => get(Presented::Own),
            Self::Broken => get(Presented::Broken),
            Self::Foreign => get(Presented::Foreign),
            Self::Unsigned => get(Presented::Unsigned),
            Self::Repeated => get(Presented::Repeated),
            Self::WrongFormat => format("cos-issuer-doctor"),
            Self::WrongBody => get(Presented::Own).with_body("{\"cos-issuer\":\"doctor\"}"),
            Self::OtherBucket => scope(questions.other_bucket(), "PutObject", "doctor.txt")?,
            Self::OtherPrefix => {
                scope(questions.bucket_and_region(), "PutObject", &questions.outside_key()?)?
            }
            Self::OtherAction => scope(questions.bucket_and_region(), "DeleteBucket", "")?,
            Self::MayRead => {
                scope(questions.bucket_and_region(), "GetObject", &questions.written_key()?)?
            }
            Self::MayDelete => {
                scope(questions.bucket_and_region(), "DeleteObject", &questions.written_key()?)?
            }
            // The route of the samples, which ask for no format.
            Self::Cam => Order::get("/sign", Presented::Own),
            Self::CredentialProcess => format("credential_process"),
            Self::Cvm => format("cvm"),
            Self::Sdk => format("sdk"),
            Self::Sts => format("sts"),
            Self::Flat => Order::get("/getKeyAndCredentials", Presented::Own)
                .with_query("ext", &questions.extension)
                .with_query("format", "flat"),
            Self::Preflight => page(preflight())?,
            Self::Page => page(get(Presented::Own))?,
            Self::PageRefused => page(get(Presented::Nothing))?,
            Self::OtherPreflight => preflight().with_header("origin", OTHER_ORIGIN),
            Self::OtherPage => get(Presented::Nothing).with_header("origin", OTHER_ORIGIN),
            Self::PlatformHeader => {
                get(Presented::Nothing).with_header("x-scf-request-id", PLATFORM_ID)
            }
            Self::ShortLived => get(Presented::Own)
                .with_query("durationSeconds", &questions.expire_seconds?.to_string()),
        })
    }
}

impl Order {
    fn get(route: &'static str, presented: Presented) -> Self {
        let (query, headers, body) = (Vec::new(), Vec::new(), String::new());
        Self { method: "GET", route, query, body, headers, presented }
    }

    fn with_query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn with_body(mut self, body: &str) -> Self {
        self.method = "POST";
        self.body = body.to_owned();
        self.with_header("content-type", "application/json")
    }
}

fn preflight() -> Order {
    let order = Order { method: "OPTIONS", ..Order::get("/sts", Presented::Nothing) };
    order
        .with_header("access-control-request-method", "POST")
        .with_header("access-control-request-headers", "authorization,content-type")
}

fn scope(place: Option<(String, String)>, operation: &str, key: &str) -> Option<Order> {
    let (bucket, region) = place?;
    let scopes = serde_json::json!([{
        "action": format!("name/cos:{operation}"),
        "bucket": bucket,
        "region": region,
        "prefix": key,
    }]);
    Some(Order::get("/sts", Presented::Own).with_body(&scopes.to_string()))
}

/// No deployment allows it: the name does not exist (RFC 2606).
const OTHER_ORIGIN: &str = "https://cos-issuer-doctor.invalid";

/// The form of a request id of SCF.
pub(super) const PLATFORM_ID: &str = "d0c70200-0000-4000-8000-000000000001";
