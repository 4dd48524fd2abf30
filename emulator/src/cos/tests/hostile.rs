//! Random and broken input: no parser panics, hangs, or makes something out of nothing.

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::Config;
use tencent::names::{Bucket, Region};

use crate::cos::ask::Address;
use crate::cos::copy_source::CopySource;
use crate::cos::cors::Cors;
use crate::cos::form::Form;
use crate::cos::host::{self, Home};
use crate::cos::range::Slice;
use crate::cos::xml::{self, Element, Writer};

fn home() -> Home {
    Home {
        bucket: Bucket::parse("home-1250000000").unwrap(),
        region: Region::parse("ap-guangzhou").unwrap(),
    }
}

/// Pieces of the things themselves, put together at random.
fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(of).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

const XML: &[&str] = &[
    "<a>",
    "</a>",
    "<b/>",
    "<a x=\"1\">",
    "&lt;",
    "&x;",
    "&#0;",
    "&#65;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?x?>",
    "<!DOCTYPE a>",
    "<CORSConfiguration>",
    "</CORSConfiguration>",
    "<CORSRule>",
    "</CORSRule>",
    "\u{feff}",
    " ",
];
const HOSTS: &[&str] = &[
    "b-1250000000",
    ".",
    "cos",
    "cos-internal",
    "ap-guangzhou",
    "myqcloud.com",
    "localhost",
    "service",
    "127.0.0.1",
    ":",
    "80",
    "[",
    "%",
    "-",
];
const PATHS: &[&str] = &[
    "/",
    "%2F",
    "%",
    "%z",
    "%E4%B8%AD",
    "%FF",
    "..",
    "b-1250000000",
    "a",
    "?",
    "#",
];
const FORM: &[&str] = &[
    "--B",
    "\r\n",
    "--B\r\n",
    "--B--",
    "Content-Disposition: form-data; name=\"key\"",
    "; filename=\"f\"",
    "\r\n\r\n",
    "Content-Disposition: form-data; name=\"file\"",
    "value",
    "\n",
    ":",
    "\"",
];

fn depth(element: &Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or(0)
}

fn write(element: &Element, writer: &mut Writer) {
    if element.children.is_empty() {
        writer.text(&element.name, &element.text);
    } else {
        writer.element(&element.name, |inside| {
            for child in &element.children {
                write(child, inside);
            }
        });
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(2000) })]

    #[test]
    fn xml(text in pieces(XML)) {
        if let Some(root) = xml::parse(text.as_bytes()) {
            prop_assert!(depth(&root) <= 9);
            // What was understood can be said again, and means the same.
            let again = xml::document("root", |writer| write(&root, writer));
            let again = xml::parse(again.as_bytes()).unwrap();
            prop_assert_eq!(&again.children[0].name, &root.name);
        }
        let _ = Cors::parse(text.as_bytes());
    }

    #[test]
    fn hosts_and_paths(host in pieces(HOSTS), path in pieces(PATHS)) {
        if let Ok(Address::Bucket { bucket, key, .. }) = host::address(&host, &path, &home()) {
            // Nobody is led to a bucket that was not named.
            let named = host.to_lowercase().contains(bucket.as_str())
                || host::key_of(&path).unwrap().contains(bucket.as_str());
            prop_assert!(named || bucket.as_str() == "home-1250000000");
            prop_assert!(host::key_of(&path).unwrap().ends_with(&key));
        }
        if let Ok(value) = HeaderValue::from_str(&format!("{host}{path}")) {
            let headers: HeaderMap = [(http::HeaderName::from_static("x-cos-copy-source"), value)].into_iter().collect();
            if let Some(Ok(source)) = CopySource::of(&headers, &home()) {
                prop_assert!(!source.key.is_empty());
            }
        }
    }

    #[test]
    fn ranges(header in "(bytes=)?[0-9]{0,22}-?[0-9]{0,22},?", length in any::<u64>()) {
        if let Ok(Some(slice)) = Slice::of_header(&header, length) {
            prop_assert!(slice.start < slice.end && slice.end <= length);
        }
        if let Ok(slice) = Slice::of_copy(&header, length) {
            prop_assert!(slice.start < slice.end && slice.end <= length);
        }
    }

    #[test]
    fn forms(body in pieces(FORM), cut in 1..40_usize) {
        let headers: HeaderMap = [(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("multipart/form-data; boundary=B"),
        )]
        .into_iter()
        .collect();
        let chunks: Vec<_> = body.as_bytes().chunks(cut).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let reading = async {
                let (form, mut file) = Form::read(&headers, stream::iter(chunks)).await.ok()?;
                let mut bytes = 0;
                while let Some(chunk) = file.next().await.ok()? {
                    bytes += chunk.len();
                }
                Some((form, bytes))
            };
            let patience = std::time::Duration::from_secs(10);
            if let Some((form, bytes)) = tokio::time::timeout(patience, reading).await.unwrap() {
                assert!(!form.key.is_empty() && bytes <= body.len());
                assert!(body.contains("--B--") && body.contains("name=\"file\""));
            }
        });
    }
}
