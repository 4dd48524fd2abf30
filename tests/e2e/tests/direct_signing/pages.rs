//! The vendor's pages and apps that ask for one signed request: how each one reads the answer, and
//! what it then sends to COS.
//!
//! `tencentyun/cos-js-sdk-v5`, `demo/put_sign.html`, `post_sign.html`, `form_sign.html`;
//! `tencentyun/cos-wx-sdk-v5`, `demo/demo-post-policy.js`; `tencentyun/cos-demo`,
//! `uni-app/upload-demo`, `image-super-resolution/index.html` and the iOS, Android and HarmonyOS
//! samples of `direct-sign`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A request to COS, as a page sends it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) host: String,
    /// Path and query, encoded.
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Bytes(Vec<u8>),
    /// The fields in their order; the file comes last.
    Form(Vec<(String, String)>, Vec<u8>),
}

/// What a page makes of an answer, for this file.
pub(crate) type Page = fn(&Value, &[u8]) -> Sent;

/// `put_sign.html`: the root.
pub(crate) fn put_sign(answer: &Value, file: &[u8]) -> Sent {
    put(answer, file)
}

/// The iOS, Android and HarmonyOS samples: `code` 0, and `data`.
pub(crate) fn direct_transfer(answer: &Value, file: &[u8]) -> Sent {
    assert_eq!(answer["code"], 0, "{answer}");
    put(&answer["data"], file)
}

/// `image-super-resolution/index.html`: the URL only.
pub(crate) fn signed_url(answer: &Value, file: &[u8]) -> Sent {
    assert_eq!(answer["code"], 0, "{answer}");
    let sent = link(&answer["data"]);
    Sent { method: "PUT", body: Body::Bytes(file.to_vec()), ..sent }
}

/// `post_sign.html`: the root; every field that it got, the file last.
pub(crate) fn post_sign(answer: &Value, file: &[u8]) -> Sent {
    form(&text(answer, "cosHost"), &text(answer, "cosKey"), answer, &[], file)
}

/// `form_sign.html`: a real form, with an empty type and the status that it asks for.
pub(crate) fn form_sign(answer: &Value, file: &[u8]) -> Sent {
    let more = [("Content-Type", ""), ("success_action_status", "200")];
    form(&text(answer, "cosHost"), &text(answer, "cosKey"), answer, &more, file)
}

/// `demo-post-policy.js` of the mini-program SDK: bucket, region and key of the root.
pub(crate) fn mini_program(answer: &Value, file: &[u8]) -> Sent {
    let (bucket, region) = (text(answer, "bucket"), text(answer, "region"));
    let host = format!("{bucket}.cos.{region}.myqcloud.com");
    let more = [("success_action_status", "200"), ("Content-Type", "")];
    form(&host, &text(answer, "key"), answer, &more, file)
}

/// The uni-app demo: `data`.
pub(crate) fn uni_app(answer: &Value, file: &[u8]) -> Sent {
    let data = &answer["data"];
    let more = [("success_action_status", "200")];
    form(&text(data, "cosHost"), &text(data, "cosKey"), data, &more, file)
}

/// A browser that opens a link.
pub(crate) fn open_link(answer: &Value, _: &[u8]) -> Sent {
    assert_eq!(answer["code"], 0, "{answer}");
    link(&answer["data"])
}

impl Sent {
    /// The fields of a form.
    pub(crate) fn fields(&mut self) -> &mut Vec<(String, String)> {
        match &mut self.body {
            Body::Form(fields, _) => fields,
            Body::Bytes(_) => panic!("not a form: {}", self.target),
        }
    }

    /// Puts another value into a field of a form.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let fields = self.fields();
        fields.retain(|(known, _)| known != name);
        fields.push((name.to_owned(), value.to_owned()));
    }

    /// Puts another text into path or query.
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        assert!(self.target.contains(from), "{from} is not in {}", self.target);
        self.target = self.target.replace(from, to);
    }

    /// Puts another file into it.
    pub(crate) fn set_file(&mut self, bytes: &[u8]) {
        match &mut self.body {
            Body::Form(_, file) | Body::Bytes(file) => *file = bytes.to_vec(),
        }
    }
}

fn put(members: &Value, file: &[u8]) -> Sent {
    let mut headers = vec![("authorization", text(members, "authorization"))];
    // "Only if present."
    if let Some(token) = members["securityToken"].as_str() {
        headers.push(("x-cos-security-token", token.to_owned()));
    }
    Sent {
        method: "PUT",
        host: text(members, "cosHost"),
        target: format!("/{}", encoded(&text(members, "cosKey"))),
        headers,
        body: Body::Bytes(file.to_vec()),
    }
}

fn form(host: &str, key: &str, members: &Value, more: &[(&str, &str)], file: &[u8]) -> Sent {
    let mut fields = vec![("key".to_owned(), key.to_owned())];
    fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    for (field, member) in [
        ("x-cos-security-token", "securityToken"),
        ("q-sign-algorithm", "qSignAlgorithm"),
        ("q-ak", "qAk"),
        ("q-key-time", "qKeyTime"),
        ("q-signature", "qSignature"),
        ("policy", "policy"),
    ] {
        fields.push((field.to_owned(), text(members, member)));
    }
    Sent {
        method: "POST",
        host: host.to_owned(),
        target: "/".to_owned(),
        headers: Vec::new(),
        body: Body::Form(fields, file.to_vec()),
    }
}

fn link(members: &Value) -> Sent {
    let url = text(members, "signedUrl");
    let (host, target) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    Sent {
        method: "GET",
        host: host.to_owned(),
        target: format!("/{target}"),
        headers: Vec::new(),
        body: Body::Bytes(Vec::new()),
    }
}

fn text(members: &Value, name: &str) -> String {
    members[name].as_str().unwrap_or_else(|| panic!("no {name} in {members}")).to_owned()
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `encodeURIComponent`, and slashes again.
fn encoded(key: &str) -> String {
    utf8_percent_encode(key, RESERVED).to_string().replace("%2F", "/")
}
