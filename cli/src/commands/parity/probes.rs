//! Requests that settle rows of the table: each is answered by the local COS as its row describes,
//! and only an account can show whether COS does the same.
//!
//! # Guarantees
//!
//! Each probe names its row word for word, and the local COS answers as it expects; tests check
//! both. A probe uses only the bucket that it is given, below `parity/`, and its settings.
//!
//! # Not covered
//!
//! Rows that need a function, a role or another account.

/// The requests that settle one row.
pub(super) struct Probe {
    pub(super) name: &'static str,
    /// The first cell of the row.
    pub(super) behaviour: &'static str,
    pub(super) steps: &'static [Step],
}

/// One request, and the answer that the row means.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) method: &'static str,
    /// Path and query; nothing of it needs encoding.
    pub(super) target: &'static str,
    pub(super) headers: &'static [&'static str],
    pub(super) body: &'static str,
    pub(super) signature: Signature,
    /// The status, and the code of an error.
    pub(super) expected: &'static str,
}

/// How a request is signed.
#[derive(Clone, Copy)]
pub(super) enum Signature {
    None,
    Now,
    InAnHour,
}

const fn ask(method: &'static str, target: &'static str, expected: &'static str) -> Step {
    Step { method, target, headers: &[], body: "", signature: Signature::Now, expected }
}

const fn put(target: &'static str) -> Step {
    Step { body: "text", ..ask("PUT", target, "200") }
}

/// In the order in which they run: the last one enables versioning, which cannot be undone.
pub(super) const PROBES: [Probe; 16] = [
    Probe {
        name: "merged-slashes",
        behaviour: "whether and when `..`, `.` and `//` in a key are merged",
        steps: &[
            put("/parity/a//b"),
            ask("GET", "/parity/a/b", "404 NoSuchKey"),
            put("/parity/a/../c"),
            ask("GET", "/parity/c", "404 NoSuchKey"),
        ],
    },
    Probe {
        name: "future-signature",
        behaviour: "that code answers a signature of the future, and a `Date` that is far off",
        steps: &[
            Step { signature: Signature::InAnHour, ..ask("GET", "/", "403 RequestTimeTooSkewed") },
            Step {
                headers: &["Date: Mon, 01 Jan 2024 00:00:00 GMT"],
                ..ask("GET", "/", "403 RequestTimeTooSkewed")
            },
        ],
    },
    Probe {
        name: "superfluous-token",
        behaviour: "a wrong, missing or superfluous token is `InvalidAccessKeyId`; a revoked key too",
        steps: &[Step {
            headers: &["x-cos-security-token: no-token-of-any-key"],
            ..ask("GET", "/", "403 InvalidAccessKeyId")
        }],
    },
    Probe {
        name: "empty-authorization",
        behaviour: "an `Authorization` or a token that is empty counts as none",
        steps: &[
            Step {
                headers: &["Authorization;"],
                signature: Signature::None,
                ..ask("GET", "/", "403 AccessDenied")
            },
            Step { headers: &["x-cos-security-token;"], ..ask("GET", "/", "200") },
        ],
    },
    Probe {
        name: "unknown-host",
        behaviour: "an unknown host is `UserCnameInvalid`",
        steps: &[Step {
            headers: &["Host: no-such-domain.example.com"],
            ..ask("GET", "/", "400 UserCnameInvalid")
        }],
    },
    Probe {
        name: "empty-header",
        behaviour: "an empty header counts as none; only an empty `x-cos-copy-source` is rejected",
        steps: &[
            Step { headers: &["x-cos-acl;", "x-cos-storage-class;"], ..put("/parity/a") },
            Step {
                headers: &["x-cos-copy-source;"],
                expected: "400 InvalidCopySource",
                ..put("/parity/a")
            },
        ],
    },
    Probe {
        name: "copy-of-appendable",
        behaviour: "that refusal is `InvalidRequest`",
        steps: &[
            ask("DELETE", "/parity/log", "204"),
            Step { body: "text", ..ask("POST", "/parity/log?append&position=0", "200") },
            Step {
                headers: &["x-cos-copy-source: $BUCKET.cos.$REGION.myqcloud.com/parity/log"],
                ..ask("PUT", "/parity/copy", "400 InvalidRequest")
            },
        ],
    },
    Probe {
        name: "conditional-write",
        behaviour: "`If-Match` and `If-None-Match` hold for writing too",
        steps: &[
            put("/parity/a"),
            Step {
                headers: &["If-None-Match: *"],
                expected: "412 PreconditionFailed",
                ..put("/parity/a")
            },
            Step {
                headers: &["If-Match: \"00000000000000000000000000000000\""],
                expected: "412 PreconditionFailed",
                ..put("/parity/a")
            },
        ],
    },
    Probe {
        name: "ranges",
        behaviour: "`bytes=-n` and `bytes=n-` as in RFC 9110; several ranges, or none, are the whole",
        steps: &[
            put("/parity/a"),
            Step { headers: &["Range: bytes=-2"], ..ask("GET", "/parity/a", "206") },
            Step { headers: &["Range: bytes=1-"], ..ask("GET", "/parity/a", "206") },
            Step { headers: &["Range: bytes=0-0,2-2"], ..ask("GET", "/parity/a", "200") },
        ],
    },
    Probe {
        name: "large-page",
        behaviour: "a number above its limit is cut to the limit",
        steps: &[ask("GET", "/?max-keys=2000", "200")],
    },
    Probe {
        name: "unknown-parameter",
        behaviour: "a write with a parameter that is not known is refused, and so is any request with one that has no value",
        steps: &[
            Step { expected: "501 NotImplemented", ..put("/parity/a?unheard-of=1") },
            ask("GET", "/parity/a?unheard-of", "501 NotImplemented"),
        ],
    },
    Probe {
        name: "unknown-encryption",
        behaviour: "encryption by KMS or by own keys is refused; another value is `SSEContentNotSupported`",
        steps: &[Step {
            headers: &["x-cos-server-side-encryption: aes"],
            expected: "400 SSEContentNotSupported",
            ..put("/parity/a")
        }],
    },
    Probe {
        name: "empty-acl",
        behaviour: "PUT acl without header and body is `MissingRequestBodyError`",
        steps: &[put("/parity/a"), ask("PUT", "/parity/a?acl", "400 MissingRequestBodyError")],
    },
    Probe {
        name: "absent-documents",
        behaviour: "logging without a document is an empty document",
        steps: &[ask("GET", "/?logging", "200")],
    },
    Probe {
        name: "empty-document",
        behaviour: "a document has at most 64 KB, and its root must not be empty",
        steps: &[Step {
            body: "<WebsiteConfiguration></WebsiteConfiguration>",
            ..ask("PUT", "/?website", "400 MalformedXML")
        }],
    },
    Probe {
        name: "unknown-version",
        behaviour: "a version that does not exist is 404 `NoSuchVersion`; to delete it is 204",
        steps: &[
            put("/parity/a"),
            ask("GET", "/parity/a?versionId=MTg0NDUxNTc1NjIzMTQ1MDAwODg", "404 NoSuchVersion"),
            ask("DELETE", "/parity/a?versionId=MTg0NDUxNTc1NjIzMTQ1MDAwODg", "204"),
        ],
    },
];
