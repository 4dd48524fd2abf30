//! The rules of intelligent tiering of a bucket: kept and returned, without any effect.

use http::StatusCode;

use super::{BucketCall, CosService, Outcome};
use crate::cos::bucket_document::{BucketDocument, Verb};
use crate::cos::error::{self, CosError};
use crate::cos::http::response;
use crate::cos::http::xml::{self, Element};
use crate::cos::tiering::{self, RuleName};

impl CosService {
    /// <https://cloud.tencent.com/document/product/436/48348>,
    /// <https://cloud.tencent.com/document/product/436/48349>,
    /// <https://cloud.tencent.com/document/product/436/106784>
    pub(super) async fn tiering(
        &self,
        verb: Verb,
        call: &BucketCall<'_>,
        name: RuleName,
        body: &[u8],
    ) -> Outcome {
        let bucket = call.target.name.to_string();
        match verb {
            Verb::Put => {
                let rule = name.check(BucketDocument::IntelligentTiering.parse_element(body)?)?;
                self.change(move |store| {
                    let mut outcome = Ok(());
                    store.change_settings(&bucket, |settings| {
                        outcome = name.check_put(&settings);
                        if outcome.is_err() {
                            return settings;
                        }
                        let text = Some(rule.to_document());
                        settings.with_document(KIND, name.kept(), text)
                    })?;
                    outcome
                })
                .await?;
                Ok(response::empty(StatusCode::OK))
            }
            Verb::Get => {
                let settings = self.settings(call.target)?;
                let text = match settings.document(KIND, name.kept()) {
                    Some(text) if name == RuleName::Default => {
                        tiering::named(parsed(text)?).to_document()
                    }
                    Some(text) => text.to_owned(),
                    None if name == RuleName::Unnamed => KIND.absent()?,
                    None => return Err(error::no_such_tiering_configuration()),
                };
                Ok(response::xml(text))
            }
            Verb::Delete => {
                name.check_delete()?;
                self.change(move |store| {
                    store.change_settings(&bucket, |settings| {
                        settings.with_document(KIND, name.kept(), None)
                    })
                })
                .await?;
                Ok(response::empty(StatusCode::NO_CONTENT))
            }
        }
    }

    /// The page and the Go SDK differ in the name of the root; the SDK reads no other.
    /// <https://cloud.tencent.com/document/product/436/106783>
    pub(super) fn list_tiering(&self, call: &BucketCall<'_>) -> Outcome {
        let settings = self.settings(call.target)?;
        let default = settings.document(KIND, "").map(parsed).transpose()?.map(tiering::named);
        let others = settings.documents_with_ids(KIND).filter(|(id, _)| !id.is_empty());
        let others = others.map(|(_, text)| parsed(text)).collect::<Result<Vec<_>, _>>()?;
        let root = "ListBucketIntelligentTieringConfigurationsOutput";
        Ok(response::xml(xml::document(root, |root| {
            for rule in default.iter().chain(&others) {
                root.copy(rule);
            }
        })))
    }
}

fn parsed(text: &str) -> Result<Element, CosError> {
    let broken = || error::internal(&"a rule of intelligent tiering is not XML");
    xml::parse(text.as_bytes()).ok_or_else(broken)
}

const KIND: BucketDocument = BucketDocument::IntelligentTiering;
