//! `Pic-Operations`: pictures that are stored with an upload, or made of a stored object.
//! <https://www.tencentcloud.com/document/product/436/40592>
//!
//! Documented: the response; a result with the key of the original replaces it, and the response
//! has its ETag then. Inferred: everything is made before anything is stored, so a picture that
//! cannot be made stores nothing; a result has a type of its own, and neither tags nor an ACL.
//! From SDK source (Node.js): where the response to a completed upload has the results.

use http::{HeaderMap, HeaderValue, header};

use super::list::Encoding;
use super::{CosService, ObjectCall, Outcome, check_key};
use crate::cos::archive::check_readable;
use crate::cos::error::{self, CosError};
use crate::cos::http::address::{Address, ObjectAddress};
use crate::cos::http::metadata::{ObjectHeaders, PROCESSING_HEADERS};
use crate::cos::http::response;
use crate::cos::http::xml::{self, Writer};
use crate::cos::image::{self, Failure, Header, PicOperations, Processed, Stage};
use crate::cos::store::{Object, ObjectMetadata};

/// Pictures that are made, and not yet stored.
pub(super) struct Pictures {
    original: Option<Original>,
    /// With the key in the store.
    results: Vec<(ObjectAddress, Processed)>,
}

/// The description of the original.
struct Original {
    format: String,
    width: u32,
    height: u32,
    quality: u8,
    /// Red, green, blue; `None` for a picture that is too large to be decoded.
    mean: Option<[u8; 3]>,
    orientation: u8,
}

/// Pictures that are stored, for the response.
pub(super) struct StoredPictures {
    pictures: Pictures,
    etags: Vec<String>,
}

impl CosService {
    /// The pictures that a request wants to be made of `object`; `None` without the header.
    pub(super) async fn pictures(
        &self,
        call: &ObjectCall<'_>,
        object: &Object,
    ) -> Result<Option<Pictures>, CosError> {
        let failed = |failure: &Failure| failure.to_error(Stage::Storing);
        // As it was authorized: the address of the request, before its key is merged.
        let source = match &call.request.address {
            Address::Object(source) => source,
            Address::Service | Address::Bucket(_) | Address::Website(..) => call.target,
        };
        let operations = PicOperations::of(&call.request.headers, source);
        let Some(operations) = operations.map_err(|failure| failed(&failure))? else {
            return Ok(None);
        };
        let mut targets = Vec::new();
        for result in &operations.results {
            let target = self.stored(&result.target);
            self.check_bucket(&target.bucket)?;
            check_key(&target.key)?;
            if target != *call.target {
                self.check_overwrite(&target, &overwriting(&call.request.headers))?;
            }
            targets.push(target);
        }
        let made = self.image_job(object, move |file| made(file, &operations)).await?;
        let (original, results) = made.map_err(|failure| failed(&failure))?;
        Ok(Some(Pictures { original, results: targets.into_iter().zip(results).collect() }))
    }

    /// Stores the pictures.
    pub(super) async fn store_pictures(
        &self,
        call: &ObjectCall<'_>,
        pictures: Pictures,
    ) -> Result<StoredPictures, CosError> {
        let mut etags = Vec::new();
        for (target, result) in &pictures.results {
            let mut headers = HeaderMap::new();
            let content_type = HeaderValue::from_static(result.format.content_type());
            headers.insert(header::CONTENT_TYPE, content_type);
            let headers = ObjectHeaders::of(&headers)?
                .encrypted_by(self.settings(&target.bucket)?.default_encryption());
            let mut sink = self.store.sink();
            sink.write(&result.bytes).await.map_err(|error| error::storage(&error))?;
            let written = sink.finish().await.map_err(|error| error::storage(&error))?;
            let object = Object::of(written, headers, call.request.now);
            let conditions = match *target == *call.target {
                true => HeaderMap::new(),
                false => overwriting(&call.request.headers),
            };
            let stored = self.store_object(target, &conditions, object).await?;
            etags.push(stored.metadata.etag.clone());
        }
        Ok(StoredPictures { pictures, etags })
    }

    /// Pictures of a stored object.
    pub(super) async fn process_image(&self, call: &ObjectCall<'_>) -> Outcome {
        let object = self.object(call)?;
        let metadata = &object.metadata;
        let restoration = metadata.attributes.restoration.as_ref();
        check_readable(metadata.headers.storage_class(), restoration, call.request.now)?;
        let pictures = self.pictures(call, &object).await?.ok_or_else(|| {
            Failure::Argument("Pic-Operations: must be sent".to_owned()).to_error(Stage::Storing)
        })?;
        let stored = self.store_pictures(call, pictures).await?;
        Ok(response::xml(stored.upload_result(call.target, metadata)))
    }
}

impl StoredPictures {
    /// The response to an upload of the object at `target`, or to a request about it.
    pub(super) fn upload_result(
        &self,
        target: &ObjectAddress,
        original: &ObjectMetadata,
    ) -> String {
        let results = self.pictures.results.iter().zip(&self.etags);
        let replaced = results.rev().find(|((other, _), _)| other == target);
        let etag = replaced.map_or(&original.etag, |(_, etag)| etag);
        xml::document("UploadResult", |root| {
            root.element("OriginalInfo", |item| {
                item.text("Key", &target.key);
                item.text("Location", location(target));
                item.text("ETag", format_args!("\"{etag}\""));
                self.write_original(item);
            });
            self.write_results(root);
        })
    }

    pub(super) fn write_original(&self, parent: &mut Writer) {
        let Some(original) = &self.pictures.original else {
            return;
        };
        parent.element("ImageInfo", |item| {
            item.text("Format", &original.format);
            item.text("Width", original.width);
            item.text("Height", original.height);
            item.text("Quality", original.quality);
            item.optional("Ave", original.mean.map(|mean| format!("0x{}", hex::encode(mean))));
            item.text("Orientation", original.orientation);
        });
    }

    pub(super) fn write_results(&self, parent: &mut Writer) {
        parent.element("ProcessResults", |list| {
            for ((target, result), etag) in self.pictures.results.iter().zip(&self.etags) {
                list.element("Object", |item| {
                    item.text("Key", &target.key);
                    item.text("Location", location(target));
                    item.text("Format", result.format.name());
                    item.text("Width", result.size.width);
                    item.text("Height", result.size.height);
                    item.text("Size", result.bytes.len());
                    item.text("Quality", result.quality);
                    item.text("ETag", format_args!("\"{etag}\""));
                });
            }
        });
    }
}

/// The headers of an upload without those that make pictures or choose its reply.
pub(super) fn without_processing(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in PROCESSING_HEADERS {
        headers.remove(name);
    }
    headers
}

/// What a request wants to be made of the picture in `file`.
fn made(
    file: &[u8],
    operations: &PicOperations,
) -> Result<(Option<Original>, Vec<Processed>), Failure> {
    let header = Header::read(file)?;
    let original = match operations.describes_original {
        true => Some(Original::of(file, &header)?),
        false => None,
    };
    let results = operations.results.iter().map(|result| {
        let made = image::process(file, &result.rule);
        made.or_else(|failure| match result.rule.ignores_errors && failure.can_be_ignored() {
            true => Ok(Processed::unchanged(file, &header)),
            false => Err(failure),
        })
    });
    Ok((original, results.collect::<Result<_, _>>()?))
}

impl Original {
    fn of(file: &[u8], header: &Header<'_>) -> Result<Self, Failure> {
        let mean = match image::mean_colour(file) {
            Ok(mean) => Some(mean),
            Err(failure) if failure.can_be_ignored() => None,
            Err(failure) => return Err(failure),
        };
        Ok(Self {
            format: header.format.name().to_ascii_uppercase(),
            width: header.size.width,
            height: header.size.height,
            quality: header.quality,
            mean,
            orientation: header.orientation,
        })
    }
}

/// The precondition of an upload that its pictures have too.
fn overwriting(headers: &HeaderMap) -> HeaderMap {
    let name = "x-cos-forbid-overwrite";
    let value =
        headers.get(name).map(|value| (header::HeaderName::from_static(name), value.clone()));
    value.into_iter().collect()
}

/// As the documents show it, without a scheme.
fn location(target: &ObjectAddress) -> String {
    let (bucket, key) = (&target.bucket, Encoding::Url.text(&target.key));
    format!("{}.cos.{}.myqcloud.com/{key}", bucket.name, bucket.region.as_str())
}
