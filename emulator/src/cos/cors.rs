//! The CORS rules of a bucket.
//! <https://www.tencentcloud.com/document/product/436/11488>
//!
//! # Guarantees
//!
//! Without a matching rule there is no `Access-Control-*` header. The first matching rule decides,
//! as in COS.

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::error::{self, CosError};
use crate::cos::http::request::text;
use crate::cos::http::xml::{self, Element};

/// The rules of one bucket, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cors {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    id: Option<String>,
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age_seconds: Option<u32>,
}

impl Cors {
    /// One rule for these origins, with everything that the vendor's browser SDK needs.
    pub(crate) fn for_origins(origins: Vec<String>) -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            rules: vec![Rule {
                id: None,
                origins,
                methods: texts(&METHODS),
                headers: texts(&["*"]),
                exposed: texts(&EXPOSED),
                max_age_seconds: Some(600),
            }],
        }
    }

    /// Parses the rules in a request.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, CosError> {
        let root = xml::parse(body)
            .filter(|root| root.name == "CORSConfiguration")
            .ok_or_else(|| error::malformed_xml("root: must be CORSConfiguration"))?;
        let rules: Vec<Rule> = root.all("CORSRule").map(Rule::parse).collect::<Result<_, _>>()?;
        if rules.is_empty() || rules.len() > MAX_RULES {
            return Err(error::malformed_xml("CORSConfiguration: must have 1 to 100 rules"));
        }
        Ok(Self { rules })
    }

    /// The rules as XML.
    pub(crate) fn to_xml(&self) -> String {
        xml::document("CORSConfiguration", |root| {
            for rule in &self.rules {
                root.element("CORSRule", |item| {
                    item.optional("ID", rule.id.as_ref());
                    for (name, values) in [
                        ("AllowedOrigin", &rule.origins),
                        ("AllowedMethod", &rule.methods),
                        ("AllowedHeader", &rule.headers),
                        ("ExposeHeader", &rule.exposed),
                    ] {
                        for value in values {
                            item.text(name, value);
                        }
                    }
                    item.optional("MaxAgeSeconds", rule.max_age_seconds);
                });
            }
        })
    }

    /// The response headers for a preflight; `None` when no rule allows it.
    pub(crate) fn preflight(&self, request: &HeaderMap) -> Option<HeaderMap> {
        let origin = text(request, header::ORIGIN.as_str())?;
        let method = text(request, header::ACCESS_CONTROL_REQUEST_METHOD.as_str())?;
        let asked = text(request, header::ACCESS_CONTROL_REQUEST_HEADERS.as_str()).unwrap_or("");
        let names = || asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.fits(origin, method) && names().all(|name| rule.allows(name)))?;
        let mut headers = rule.response_headers(origin);
        put(&mut headers, header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        Some(headers)
    }

    /// The response headers for a page of another origin.
    pub(crate) fn simple(&self, request: &HeaderMap, method: &str) -> Option<HeaderMap> {
        let origin = text(request, header::ORIGIN.as_str())?;
        let rule = self.rules.iter().find(|rule| rule.fits(origin, method))?;
        Some(rule.response_headers(origin))
    }
}

impl Rule {
    fn parse(element: &Element) -> Result<Self, CosError> {
        let all = |name: &str| -> Vec<String> {
            element.all(name).map(|child| child.text.trim().to_owned()).collect()
        };
        let age = element.text_of("MaxAgeSeconds").map(str::trim);
        let rule = Self {
            id: element.text_of("ID").map(str::to_owned),
            origins: all("AllowedOrigin"),
            methods: all("AllowedMethod"),
            headers: all("AllowedHeader"),
            exposed: all("ExposeHeader"),
            max_age_seconds: age
                .map(|text| {
                    text.parse()
                        .map_err(|_| error::malformed_xml("MaxAgeSeconds: must be a number"))
                })
                .transpose()?,
        };
        let patterns = rule.origins.iter().chain(&rule.headers);
        if rule.origins.is_empty() || rule.methods.is_empty() {
            return Err(error::malformed_xml(
                "CORSRule: must have AllowedOrigin and AllowedMethod",
            ));
        }
        if !rule.methods.iter().all(|name| METHODS.contains(&name.as_str())) {
            return Err(error::malformed_xml(
                "AllowedMethod: must be PUT, GET, POST, DELETE or HEAD",
            ));
        }
        if patterns.clone().any(|text| text.is_empty() || text.matches('*').count() > 1) {
            return Err(error::malformed_xml(
                "AllowedOrigin, AllowedHeader: must have at most one `*`",
            ));
        }
        if patterns.chain(&rule.exposed).any(|text| HeaderValue::from_str(text).is_err()) {
            return Err(error::malformed_xml("CORSRule: values must be valid in a header"));
        }
        Ok(rule)
    }

    fn fits(&self, origin: &str, method: &str) -> bool {
        self.methods.iter().any(|allowed| allowed == method)
            && self.origins.iter().any(|pattern| matches(pattern, origin))
    }

    fn allows(&self, header: &str) -> bool {
        let header = header.to_ascii_lowercase();
        self.headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &header))
    }

    fn response_headers(&self, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let anyone = self.origins.iter().any(|pattern| pattern == "*");
        let allowed = if anyone { "*" } else { origin };
        put(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if !anyone {
            put(&mut headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        let (methods, exposed) = (self.methods.join(","), self.exposed.join(","));
        put(&mut headers, header::ACCESS_CONTROL_ALLOW_METHODS, &methods);
        put(&mut headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
        if let Some(seconds) = self.max_age_seconds {
            put(&mut headers, header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
        let varies = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
        put(&mut headers, header::VARY, varies);
        headers
    }
}

/// Whether a pattern with at most one `*` matches a text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, end)) => text.strip_prefix(begin).is_some_and(|rest| rest.ends_with(end)),
    }
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

const MAX_RULES: usize = 100;

const METHODS: [&str; 5] = ["PUT", "GET", "POST", "DELETE", "HEAD"];

/// The response headers that the SDKs read.
/// <https://www.tencentcloud.com/document/product/436/11459>
const EXPOSED: [&str; 7] = [
    "ETag",
    "Content-Length",
    "x-cos-request-id",
    "Date",
    "x-cos-hash-crc64ecma",
    "Last-Modified",
    "Content-Range",
];

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::Cors;

    const RULES: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin>\
        <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-cos-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>\
        <MaxAgeSeconds>5</MaxAgeSeconds></CORSRule><CORSRule><AllowedOrigin>*</AllowedOrigin>\
        <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

    fn request(origin: &str, method: &str, names: &str) -> HeaderMap {
        [
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", names),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
    }

    #[test]
    fn preflights() {
        let cors = Cors::parse(RULES.as_bytes()).unwrap();
        assert_eq!(Cors::parse(cors.to_xml().as_bytes()).unwrap(), cors);
        let page = "https://a.example.com";
        let meta = "X-Cos-Meta-A, x-cos-b";
        for (origin, method, names, expected) in [
            (page, "PUT", meta, Some(page)),
            (page, "PUT", "", Some(page)),
            (page, "PUT", "authorization", None),
            (page, "DELETE", "", None),
            ("https://a.example.com.evil.org", "PUT", "", None),
            ("http://a.example.com", "PUT", "", None),
            ("null", "PUT", "", None),
            ("", "PUT", "", None),
            (page, "", "", None),
            ("https://any.org", "GET", "", Some("*")),
            ("https://any.org", "GET", "x", None),
        ] {
            let found = cors.preflight(&request(origin, method, names));
            let shown = found
                .as_ref()
                .map(|headers| headers["access-control-allow-origin"].to_str().unwrap());
            assert_eq!(shown, expected, "{origin} {method} {names}");
            if let Some(headers) = &found {
                let credentials = headers.get("access-control-allow-credentials");
                assert_eq!(credentials.is_some(), shown != Some("*"));
            }
        }
    }

    #[test]
    fn answers_carry_what_the_first_fitting_rule_exposes() {
        let cors = Cors::parse(RULES.as_bytes()).unwrap();
        let headers = cors.simple(&request("https://a.example.com", "", ""), "PUT").unwrap();
        assert_eq!(headers["access-control-expose-headers"], "ETag");
        let headers = cors.simple(&request("https://a.example.com", "", ""), "GET").unwrap();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(headers.get("access-control-expose-headers").is_none());
        assert!(cors.simple(&request("https://b.org", "", ""), "PUT").is_none());
        assert!(cors.simple(&HeaderMap::new(), "GET").is_none());
        let own = Cors::for_origins(vec!["http://localhost:3000".to_owned()]);
        let preflight = |origin, names| own.preflight(&request(origin, "PUT", names));
        assert!(preflight("http://localhost:3000", "authorization").is_some());
        assert!(preflight("http://localhost:3001", "").is_none());
    }

    #[test]
    fn refusals() {
        let rule = |inside: &str| {
            format!("<CORSConfiguration><CORSRule>{inside}</CORSRule></CORSConfiguration>")
        };
        let origin = "<AllowedOrigin>*</AllowedOrigin>";
        let method = "<AllowedMethod>GET</AllowedMethod>";
        for text in [
            String::new(),
            "<Other/>".to_owned(),
            "<CORSConfiguration/>".to_owned(),
            rule(""),
            rule(origin),
            rule(method),
            rule(&format!("{method}{}", origin.replace('*', ""))),
            rule(&format!("{origin}<AllowedMethod>PATCH</AllowedMethod>")),
            rule(&format!("{method}{}", origin.replace('*', "http://*.a.*"))),
            rule(&format!("{method}{origin}<MaxAgeSeconds>-1</MaxAgeSeconds>")),
            rule(&format!("{method}{origin}<ExposeHeader>a\nb</ExposeHeader>")),
            rule(&vec![format!("{origin}{method}"); 101].join("</CORSRule><CORSRule>")),
        ] {
            let shown: String = text.chars().take(120).collect();
            assert_eq!(Cors::parse(text.as_bytes()).unwrap_err().code, "MalformedXML", "{shown}");
        }
    }
}
