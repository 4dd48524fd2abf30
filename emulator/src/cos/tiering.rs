//! The rules of intelligent tiering. The rule `default` enables it; others move objects on to
//! archive tiers.
//! <https://cloud.tencent.com/document/product/436/48348>
//!
//! Documented: ids, tiers and days of the rule `default`, which is required and can neither be
//! changed nor deleted; 1000 rules at most. From SDK source (suite of cos-python-sdk-v5): the form
//! without ids is about that rule too, and the messages of the refusals. Inferred: their code, and
//! that other rules are refused before it.

use super::bucket_document::BucketDocument;
use super::error::{self, CosError};
use super::settings::BucketSettings;
use crate::cos::http::xml::Element;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleName {
    /// The rule `default`, in the form without ids.
    Unnamed,
    Default,
    Other(String),
}

impl RuleName {
    pub(crate) fn of(id: Option<&str>) -> Self {
        match id {
            None => Self::Unnamed,
            Some(DEFAULT) => Self::Default,
            Some(id) => Self::Other(id.to_owned()),
        }
    }

    /// The id under which the rule is kept.
    pub(crate) fn kept(&self) -> &str {
        match self {
            Self::Unnamed | Self::Default => "",
            Self::Other(id) => id,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Unnamed | Self::Default => DEFAULT,
            Self::Other(id) => id,
        }
    }

    /// Checks the rule in a body, and brings the rule `default` into the form without ids, in which
    /// it is kept.
    pub(crate) fn check(&self, rule: Element) -> Result<Element, CosError> {
        let rule = match self {
            Self::Unnamed => named(rule),
            Self::Default | Self::Other(_) => rule,
        };
        if rule.text_of("Id").map(str::trim) != Some(self.id()) {
            return Err(error::malformed_xml("Id: must be the parameter `id`"));
        }
        let mut tierings = rule.all("Tiering").peekable();
        if tierings.peek().is_none() {
            return Err(error::malformed_xml("Tiering: must be sent"));
        }
        for tiering in tierings {
            self.check_tiering(tiering)?;
        }
        match self {
            Self::Other(_) => Ok(rule),
            Self::Unnamed | Self::Default if rule.all("Tiering").count() > 1 => {
                Err(error::malformed_xml("Tiering: the rule `default` must have one"))
            }
            Self::Unnamed | Self::Default => Ok(unnamed(rule)),
        }
    }

    fn check_tiering(&self, tiering: &Element) -> Result<(), CosError> {
        let (tiers, days): (&[&str], _) = match self {
            Self::Other(_) => (&["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"], None),
            Self::Unnamed | Self::Default => (&[INFREQUENT], Some(["30", "60", "90"])),
        };
        let text = |name| tiering.text_of(name).unwrap_or_default().trim();
        if !tiers.contains(&text("AccessTier")) {
            let tiers = tiers.join(" or ");
            return Err(error::malformed_xml(format!("AccessTier: must be {tiers}")));
        }
        let is_number = text("Days").parse::<u16>().is_ok();
        if !days.map_or(is_number, |days| days.contains(&text("Days"))) {
            return Err(error::malformed_xml(
                "Days: must be a number; in the rule `default` 30, 60 or 90",
            ));
        }
        Ok(())
    }

    /// Checks that `settings` may get this rule.
    pub(crate) fn check_put(&self, settings: &BucketSettings) -> Result<(), CosError> {
        let has_default = settings.document(BucketDocument::IntelligentTiering, "").is_some();
        let is_new = settings.document(BucketDocument::IntelligentTiering, self.kept()).is_none();
        let count = settings.documents(BucketDocument::IntelligentTiering).count();
        match self {
            Self::Unnamed if has_default => {
                Err(error::invalid_request("Not support modify intelligent tiering configuration"))
            }
            Self::Default if has_default => {
                Err(error::invalid_request("The default rule cannot be modified"))
            }
            Self::Other(_) if !has_default => {
                Err(error::invalid_request("The default rule must be set first."))
            }
            Self::Other(_) if is_new && count >= MAX_RULES => {
                Err(error::invalid_request("A bucket has at most 1000 rules."))
            }
            Self::Unnamed | Self::Default | Self::Other(_) => Ok(()),
        }
    }

    /// Checks that this rule may be deleted.
    pub(crate) fn check_delete(&self) -> Result<(), CosError> {
        match self {
            Self::Other(_) => Ok(()),
            Self::Unnamed | Self::Default => {
                Err(error::invalid_request("The default rule cannot be deleted"))
            }
        }
    }
}

/// The rule `default` with its id.
pub(crate) fn named(unnamed: Element) -> Element {
    let mut children = vec![Element::with_text("Id", DEFAULT)];
    for mut child in unnamed.children {
        if child.name == "Transition" {
            "Tiering".clone_into(&mut child.name);
            child.children.insert(0, Element::with_text("AccessTier", INFREQUENT));
        }
        children.push(child);
    }
    Element { children, ..unnamed }
}

fn unnamed(named: Element) -> Element {
    let mut children = Vec::new();
    for mut child in named.children {
        if child.name == "Tiering" {
            "Transition".clone_into(&mut child.name);
            child.children.retain(|child| child.name != "AccessTier");
        }
        if child.name != "Id" {
            children.push(child);
        }
    }
    Element { children, ..named }
}

const DEFAULT: &str = "default";
const INFREQUENT: &str = "INFREQUENT";
const MAX_RULES: usize = 1000;
