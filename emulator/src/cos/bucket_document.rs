//! The documents of a bucket: settings that are written, read and deleted as a whole.
//!
//! # Guarantees
//!
//! A document is well formed, has the root that COS describes, and is written back from what was
//! understood of it, so nothing hides in it.
//!
//! # Not covered
//!
//! What a document means. Some are kept and returned, without any effect (`docs/emulator.md`).

use serde::{Deserialize, Serialize};

use super::error::{self, CosError};
use super::tags::{MAX_BUCKET_TAGS, Tags};
use crate::cos::http::xml::{self, Element};

/// What a request does with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Put,
    Get,
    Delete,
}

macro_rules! bucket_documents {
    ($($document:ident $subresource:literal $root:literal [$($verb:ident)+];)+) => {
        /// One kind of document. Its name ends those of its CAM actions, as in
        /// `name/cos:PutBucketLifecycle`.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub(crate) enum BucketDocument { $($document),+ }

        impl BucketDocument {
            /// The document that a parameter names, if COS has this verb for it.
            pub(crate) fn of(verb: Verb, subresource: &str) -> Option<Self> {
                match (subresource, verb) {
                    $(($subresource, $(Verb::$verb)|+) => Some(Self::$document),)+
                    _ => None,
                }
            }

            /// The name of the CAM action, as in `name/cos:PutBucketLifecycle`.
            pub(crate) fn action(self, verb: Verb) -> &'static str {
                match (self, verb) {
                    $((Self::$document, Verb::Put) => {
                        concat!("PutBucket", stringify!($document))
                    }
                    (Self::$document, Verb::Get) => {
                        concat!("GetBucket", stringify!($document))
                    }
                    (Self::$document, Verb::Delete) => {
                        concat!("DeleteBucket", stringify!($document))
                    })+
                }
            }

            /// The root element.
            fn root(self) -> &'static str {
                match self { $(Self::$document => $root),+ }
            }
        }
    };
}

// <https://www.tencentcloud.com/document/product/436/10111>
bucket_documents! {
    Accelerate "accelerate" "AccelerateConfiguration" [Put Get];
    Domain "domain" "DomainConfiguration" [Put Get Delete];
    Encryption "encryption" "ServerSideEncryptionConfiguration" [Put Get Delete];
    IntelligentTiering "intelligent-tiering" "IntelligentTieringConfiguration" [Put Get Delete];
    Inventory "inventory" "InventoryConfiguration" [Put Get Delete];
    Lifecycle "lifecycle" "LifecycleConfiguration" [Put Get Delete];
    Logging "logging" "BucketLoggingStatus" [Put Get];
    Origin "origin" "OriginConfiguration" [Put Get Delete];
    Replication "replication" "ReplicationConfiguration" [Put Get Delete];
    Tagging "tagging" "Tagging" [Put Get Delete];
    Website "website" "WebsiteConfiguration" [Put Get Delete];
}

impl BucketDocument {
    /// The document in a body, as it is kept.
    pub(crate) fn parse(self, body: &[u8]) -> Result<String, CosError> {
        Ok(self.parse_element(body)?.to_document())
    }

    /// The same as an element.
    pub(crate) fn parse_element(self, body: &[u8]) -> Result<Element, CosError> {
        let mut root = xml::parse(body)
            .filter(|root| root.name == self.root())
            .ok_or_else(|| error::malformed_xml(format!("root: must be {}", self.root())))?;
        if self == Self::Tagging {
            Tags::of_element(&root, MAX_BUCKET_TAGS)?;
        } else if self == Self::Encryption {
            check_encryption(&root)?;
        } else if root.children.is_empty() && self != Self::Logging {
            // An empty BucketLoggingStatus ends logging.
            return Err(error::malformed_xml(format!("{}: must not be empty", self.root())));
        }
        self.normalize(&mut root);
        Ok(root)
    }

    /// Writes what COS writes in place of what was sent.
    fn normalize(self, root: &mut Element) {
        match self {
            Self::Encryption => {
                for applied in root.descendants("ApplySideEncryptionConfiguration") {
                    "ApplyServerSideEncryptionByDefault".clone_into(&mut applied.name);
                }
            }
            Self::Inventory => {
                for switch in root.descendants("IsEnabled") {
                    switch.text.make_ascii_lowercase();
                }
            }
            Self::Website => {
                for redirect in root.descendants("Redirect") {
                    if redirect.child("URLRedirect").is_none() {
                        redirect.children.push(Element::with_text("URLRedirect", "Enabled"));
                    }
                }
            }
            _ => {}
        }
    }

    /// The answer for a bucket that does not have this document: an error, or an empty document.
    pub(crate) fn absent(self) -> Result<String, CosError> {
        Err(match self {
            Self::Accelerate | Self::IntelligentTiering | Self::Logging => {
                let root = Element { name: self.root().to_owned(), ..Element::default() };
                return Ok(root.to_document());
            }
            Self::Domain => error::no_such_domain_configuration(),
            Self::Encryption => error::no_such_encryption_configuration(),
            Self::Inventory => error::no_such_inventory_configuration(),
            Self::Lifecycle => error::no_such_lifecycle_configuration(),
            Self::Origin => error::no_such_origin_configuration(),
            Self::Replication => error::no_such_replication_configuration(),
            Self::Tagging => error::no_such_tag_set(),
            Self::Website => error::no_such_website_configuration(),
        })
    }
}

/// Checks that each rule asks for the encryption that is offered here.
fn check_encryption(root: &Element) -> Result<(), CosError> {
    let mut rules = root.all("Rule").peekable();
    if rules.peek().is_none() {
        return Err(error::malformed_xml("ServerSideEncryptionConfiguration: must have a Rule"));
    }
    for rule in rules {
        // Documented, and the name that S3 has for it.
        let names = ["ApplySideEncryptionConfiguration", "ApplyServerSideEncryptionByDefault"];
        let applied = names.iter().find_map(|name| rule.child(name));
        match applied.and_then(|applied| applied.text_of("SSEAlgorithm")).map(str::trim) {
            Some(AES256) => {}
            Some("KMS") => {
                return Err(error::not_implemented("The algorithm")
                    .because("SSEAlgorithm: must be AES256: KMS is not supported"));
            }
            _ => return Err(error::malformed_xml("SSEAlgorithm: must be AES256")),
        }
    }
    Ok(())
}

/// Encryption by the service itself.
pub(crate) const AES256: &str = "AES256";
