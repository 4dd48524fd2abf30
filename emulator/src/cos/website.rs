//! The static website of a bucket: its index, its error document and its redirects.
//! <https://www.tencentcloud.com/document/product/436/30617>
//!
//! Documented: the index of each folder, `.html` left out with AutoAddressing, the error document
//! with the status of the error or with 200, redirects by a status or by the beginning of a key,
//! everything to HTTPS. Inferred: a redirect is 302, a rule by the beginning of a key is looked at
//! first, and a rule that is not understood has no effect.

use http::StatusCode;

use crate::cos::http::xml::{self, Element};

/// The website that a document describes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Website {
    index: String,
    /// Whether everything is redirected to HTTPS.
    pub(crate) is_https_only: bool,
    hides_html: bool,
    pub(crate) error_document: Option<ErrorDocument>,
    rules: Vec<Rule>,
}

/// What is shown in place of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ErrorDocument {
    pub(crate) key: String,
    /// Otherwise the status is 200.
    pub(crate) keeps_status: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    condition: Condition,
    is_https: bool,
    replacement: Replacement,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Prefix(String),
    Status(u16),
}

#[derive(Debug, PartialEq, Eq)]
enum Replacement {
    Key(String),
    Prefix(String),
}

/// Where a request is redirected to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) key: String,
    /// Otherwise the scheme stays.
    pub(crate) is_https: bool,
}

impl Website {
    /// The website of a kept document.
    pub(crate) fn of_document(text: &str) -> Self {
        let root = xml::parse(text.as_bytes()).unwrap_or_default();
        let text = |parent: &str, name: &str| {
            let found = root.child(parent).and_then(|parent| parent.text_of(name));
            found.map(str::trim).filter(|text| !text.is_empty())
        };
        let rules = root.child("RoutingRules");
        Self {
            index: text("IndexDocument", "Suffix").unwrap_or("index.html").to_owned(),
            is_https_only: text("RedirectAllRequestsTo", "Protocol") == Some("https"),
            hides_html: text("AutoAddressing", "Status") == Some("Enabled"),
            error_document: text("ErrorDocument", "Key").map(|key| ErrorDocument {
                key: key.to_owned(),
                keeps_status: text("ErrorDocument", "OriginalHttpStatus") != Some("Disabled"),
            }),
            rules: rules
                .into_iter()
                .flat_map(|rules| rules.all("RoutingRule"))
                .filter_map(Rule::of)
                .collect(),
        }
    }

    /// The objects that a path shows, the first that exists.
    pub(crate) fn keys(&self, path: &str) -> Vec<String> {
        if path.is_empty() || path.ends_with('/') {
            return vec![format!("{path}{}", self.index)];
        }
        let without_end = self.hides_html.then(|| format!("{path}.html"));
        std::iter::once(path.to_owned()).chain(without_end).collect()
    }

    /// Where a path is redirected to before anything is read.
    pub(crate) fn redirect(&self, path: &str) -> Option<Redirect> {
        self.rules.iter().find_map(|rule| match &rule.condition {
            Condition::Prefix(prefix) => rule.redirect(path.strip_prefix(prefix.as_str())?),
            Condition::Status(_) => None,
        })
    }

    /// Where a path is redirected to that would be answered with `status`.
    pub(crate) fn redirect_of_error(&self, status: StatusCode) -> Option<Redirect> {
        self.rules.iter().find_map(|rule| match rule.condition {
            Condition::Status(condition) if condition == status.as_u16() => rule.redirect(""),
            Condition::Status(_) | Condition::Prefix(_) => None,
        })
    }
}

impl Rule {
    fn of(element: &Element) -> Option<Self> {
        let (condition, redirect) = (element.child("Condition")?, element.child("Redirect")?);
        let condition = match condition.text_of("KeyPrefixEquals") {
            Some(prefix) if !prefix.is_empty() => Condition::Prefix(prefix.to_owned()),
            Some(_) => return None,
            None => {
                let status = condition.text_of("HttpErrorCodeReturnedEquals")?.trim();
                let status = status.parse().ok().filter(|status| (400..500).contains(status))?;
                Condition::Status(status)
            }
        };
        let key = redirect.text_of("ReplaceKeyWith").map(|key| Replacement::Key(key.to_owned()));
        let prefix = redirect.text_of("ReplaceKeyPrefixWith");
        let prefix = prefix.map(|prefix| Replacement::Prefix(prefix.to_owned()));
        let is_by_prefix = matches!(condition, Condition::Prefix(_));
        Some(Self {
            replacement: key.or_else(|| prefix.filter(|_| is_by_prefix))?,
            is_https: redirect.text_of("Protocol").map(str::trim) == Some("https"),
            condition,
        })
    }

    fn redirect(&self, rest: &str) -> Option<Redirect> {
        let key = match &self.replacement {
            Replacement::Key(key) => key.clone(),
            Replacement::Prefix(prefix) => format!("{prefix}{rest}"),
        };
        Some(Redirect { key, is_https: self.is_https })
    }
}

#[cfg(test)]
mod tests {
    use super::{Redirect, Website};

    const RULES: &str = "<RoutingRules>\
        <RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>\
        </Condition><Redirect><Protocol>https</Protocol><ReplaceKeyWith>404.html</ReplaceKeyWith>\
        </Redirect></RoutingRule>\
        <RoutingRule><Condition><KeyPrefixEquals>docs/</KeyPrefixEquals></Condition>\
        <Redirect><ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
        <RoutingRule><Condition><KeyPrefixEquals>img/</KeyPrefixEquals></Condition>\
        <Redirect><ReplaceKeyWith>picture.jpg</ReplaceKeyWith></Redirect></RoutingRule>\
        <RoutingRule><Condition><HttpErrorCodeReturnedEquals>500</HttpErrorCodeReturnedEquals>\
        </Condition><Redirect><ReplaceKeyWith>x</ReplaceKeyWith></Redirect></RoutingRule>\
        <RoutingRule><Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals>\
        </Condition><Redirect><ReplaceKeyPrefixWith>x</ReplaceKeyPrefixWith></Redirect>\
        </RoutingRule></RoutingRules>";

    fn website(inside: &str) -> Website {
        Website::of_document(&format!(
            "<WebsiteConfiguration><IndexDocument><Suffix>start.html</Suffix></IndexDocument>\
             {inside}</WebsiteConfiguration>"
        ))
    }

    #[test]
    fn a_folder_shows_its_index_and_the_end_html_can_be_left_out() {
        let plain = website("");
        for (path, key) in [
            ("", "start.html"),
            ("article/", "article/start.html"),
            ("article", "article"),
            ("a.css", "a.css"),
        ] {
            assert_eq!(plain.keys(path), [key], "{path}");
        }
        let hiding = website("<AutoAddressing><Status>Enabled</Status></AutoAddressing>");
        assert_eq!(hiding.keys("article"), ["article", "article.html"]);
    }

    #[test]
    fn redirects_replace_the_key_or_its_beginning() {
        let site = website(RULES);
        let to = |key: &str, is_https| Some(Redirect { key: key.to_owned(), is_https });
        assert_eq!(site.redirect("docs/a/b"), to("documents/a/b", false));
        assert_eq!(site.redirect("img/a"), to("picture.jpg", false));
        assert_eq!(site.redirect("other/docs/"), None);
        let of_error = |status: u16| site.redirect_of_error(status.try_into().unwrap());
        assert_eq!(of_error(404), to("404.html", true));
        // A prefix cannot be replaced where none is asked for; 5xx is not a condition.
        assert_eq!((of_error(403), of_error(500)), (None, None));
    }
}
