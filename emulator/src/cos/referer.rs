//! Hotlink protection: which pages may show the objects of a bucket.
//! <https://www.tencentcloud.com/document/product/436/13319>
//!
//! Documented: a signed request is never checked; a name covers every address that begins with it;
//! `*.` covers each name below. Inferred: the scheme of the `Referer` is left out, and case does
//! not matter.

use serde::{Deserialize, Serialize};

use super::error::{self, CosError};
use crate::cos::http::xml::{self, Element};

/// The rules, and their document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Referer {
    document: String,
    is_enabled: bool,
    is_allow_list: bool,
    allows_empty: bool,
    domains: Vec<String>,
}

impl Referer {
    /// Parses the rules in a request. An empty one ends the protection, which has no deletion.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, CosError> {
        let root = match body {
            b"" => Element { name: ROOT.to_owned(), ..Element::default() },
            body => xml::parse(body)
                .filter(|root| root.name == ROOT)
                .ok_or_else(|| error::malformed_xml("root: must be RefererConfiguration"))?,
        };
        if root.children.is_empty() {
            return Ok(Self { document: root.to_document(), ..Self::default() });
        }
        let domains = root.child("DomainList").map_or_else(Vec::new, |list| {
            list.all("Domain").map(|domain| domain.text.trim().to_ascii_lowercase()).collect()
        });
        let is_enabled = one_of(&root, "Status", "Enabled", "Disabled")?;
        if domains.len() > MAX_DOMAINS || domains.iter().any(String::is_empty) {
            return Err(error::malformed_xml("DomainList: must have at most 30 domains"));
        }
        if is_enabled && domains.is_empty() {
            return Err(error::malformed_xml("DomainList: must have a Domain"));
        }
        Ok(Self {
            document: root.to_document(),
            is_enabled,
            is_allow_list: one_of(&root, "RefererType", "White-List", "Black-List")?,
            allows_empty: root.child("EmptyReferConfiguration").is_some()
                && one_of(&root, "EmptyReferConfiguration", "Allow", "Deny")?,
            domains,
        })
    }

    /// The rules as they were set.
    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    /// Whether a request with this `Referer` is allowed.
    pub(crate) fn allows(&self, referer: Option<&str>) -> bool {
        if !self.is_enabled {
            return true;
        }
        let Some(referer) = referer.filter(|referer| !referer.is_empty()) else {
            return self.allows_empty;
        };
        let referer = referer.to_ascii_lowercase();
        let page = referer.split_once("://").map_or(referer.as_str(), |(_, page)| page);
        self.domains.iter().any(|domain| covers(domain, page)) == self.is_allow_list
    }
}

fn covers(domain: &str, page: &str) -> bool {
    let Some(above) = domain.strip_prefix("*.") else {
        return page.starts_with(domain);
    };
    let name = page.split(['/', '?', '#']).next().unwrap_or_default();
    let has_port = above.contains(':');
    let name = if has_port { name } else { name.split(':').next().unwrap_or_default() };
    name.strip_suffix(above).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
}

fn one_of(root: &Element, name: &str, yes: &str, no: &str) -> Result<bool, CosError> {
    match root.text_of(name).map(str::trim) {
        Some(value) if value == yes => Ok(true),
        Some(value) if value == no => Ok(false),
        _ => Err(error::malformed_xml(format!("{name}: must be {yes} or {no}"))),
    }
}

impl TryFrom<String> for Referer {
    type Error = CosError;

    fn try_from(document: String) -> Result<Self, Self::Error> {
        Self::parse(document.as_bytes())
    }
}

impl From<Referer> for String {
    fn from(referer: Referer) -> Self {
        referer.document
    }
}

const ROOT: &str = "RefererConfiguration";

/// Documented.
const MAX_DOMAINS: usize = 30;

#[cfg(test)]
mod tests {
    use super::Referer;

    fn of(status: &str, list: &str, empty: &str, domains: &str) -> Referer {
        let domains = domains.split_whitespace().map(|each| format!("<Domain>{each}</Domain>"));
        let domains: String = domains.collect();
        let text = format!(
            "<RefererConfiguration><Status>{status}</Status><RefererType>{list}</RefererType>\
             <DomainList>{domains}</DomainList>{empty}</RefererConfiguration>"
        );
        Referer::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn pages_are_allowed_as_the_page_says() {
        let empty = "<EmptyReferConfiguration>Allow</EmptyReferConfiguration>";
        let domains = "www.example.com *.test.com 10.10.10.10:8080";
        let rules = of("Enabled", "White-List", "", domains);
        for (referer, allowed) in [
            ("http://www.example.com/index.html", true),
            ("https://www.example.com.cn", true),
            ("http://WWW.EXAMPLE.COM", true),
            ("http://example.com/", false),
            ("http://a.b.test.com/123", true),
            ("http://a.test.com:8080/", true),
            ("http://test.com/", false),
            ("http://eviltest.com/", false),
            ("http://evil.com/a.test.com", false),
            ("http://evil.com/?x=www.example.com", false),
            ("http://10.10.10.10:8080/a", true),
            ("http://10.10.10.10/a", false),
        ] {
            assert_eq!(rules.allows(Some(referer)), allowed, "{referer}");
            let opposite = of("Enabled", "Black-List", "", domains);
            assert_eq!(opposite.allows(Some(referer)), !allowed, "{referer}");
            assert!(of("Disabled", "White-List", "", domains).allows(Some(referer)));
        }
        for referer in [None, Some("")] {
            assert!(!rules.allows(referer));
            assert!(of("Enabled", "White-List", empty, domains).allows(referer));
        }
    }

    #[test]
    fn refusals() {
        let valid = of("Enabled", "Black-List", "", "a.com").document().to_owned();
        for (from, to) in [
            ("Enabled", "On"),
            ("Black-List", "Blacklist"),
            ("<Domain>a.com</Domain>", ""),
            ("<Domain>a.com</Domain>", "<Domain/>"),
            ("RefererConfiguration", "Referer"),
        ] {
            let text = valid.replace(from, to);
            assert_eq!(Referer::parse(text.as_bytes()).unwrap_err().code, "MalformedXML", "{to}");
        }
        let many = valid.replace("<Domain>a.com</Domain>", &"<Domain>a.com</Domain>".repeat(31));
        assert_eq!(Referer::parse(many.as_bytes()).unwrap_err().code, "MalformedXML");
    }
}
