//! What callers get, and for how long: `GRANTS_FILE`; or one grant for everyone from `BUCKET`,
//! `REGION`, `PREFIX`, `ALLOW`; or `POLICY`.

use tencent::cam::{Policy, PolicyError};
use tencent::names::{Bucket, Region};

use super::grant_bounds::{GrantBounds, NO_CLAIMS};
use super::grants_file::{self, FileIssuer, GrantsFile};
use super::reader::{Reader, list};
use crate::grant::{
    Extension, Grant, GrantDefinition, Grants, Lifetime, Limits, Permissions, PrefixTemplate,
    Preset, PrincipalMatch, SessionPolicy,
};

pub(super) struct GrantSettings {
    pub(super) grants: Grants,
    /// The token issuers of the grants file.
    pub(super) issuers: Vec<FileIssuer>,
    pub(super) region: Region,
    pub(super) min_remaining_seconds: u32,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    max_duration_seconds: u32,
    is_anonymous: bool,
) -> Option<GrantSettings> {
    let remaining_bounds = MIN_REMAINING_SECONDS..=max_duration_seconds;
    let min_remaining_seconds =
        reader.number("MIN_REMAINING_SECONDS", REMAINING_SECONDS, remaining_bounds);
    let least = min_remaining_seconds.unwrap_or(REMAINING_SECONDS);
    let mut bounds = GrantBounds {
        is_anonymous,
        default_lifetime: None,
        duration_seconds: least.saturating_add(MAX_CALL_SECONDS)..=max_duration_seconds,
    };
    if min_remaining_seconds.is_some() {
        bounds.default_lifetime = lifetime(reader, &bounds);
    }
    let mut issuers = Vec::new();
    let (grants, region) = if reader.is_set("GRANTS_FILE") {
        let file = from_file(reader, &bounds)?;
        issuers = file.issuers;
        let region = file.grants.first().map(|grant| grant.definition().region.clone());
        (Some(Grants::Each(file.grants)), region)
    } else if reader.is_set("POLICY") {
        let (policy, region) = (raw_policy(reader), region_of_raw_policy(reader));
        let raw = |(policy, lifetime): (Policy, Lifetime)| Grants::Raw {
            policy: SessionPolicy::new(policy.into_json()).into(),
            lifetime,
        };
        (policy.zip(bounds.default_lifetime).map(raw), region)
    } else {
        one_grant(reader, &bounds)
    };
    Some(GrantSettings {
        grants: grants?,
        issuers,
        region: region?,
        min_remaining_seconds: min_remaining_seconds?,
    })
}

fn lifetime(reader: &mut Reader<'_>, bounds: &GrantBounds) -> Option<Lifetime> {
    let least = *bounds.duration_seconds.start();
    let default = reader.parsed_or("DURATION_SECONDS", DURATION_SECONDS, |text| {
        let seconds: Option<u32> = text.parse().ok();
        let seconds = seconds.filter(|seconds| bounds.duration_seconds.contains(seconds));
        seconds.ok_or_else(|| format!("must be {}", bounds.duration_form()))
    })?;
    let lifetime = Lifetime::new(least, default);
    if lifetime.is_none() {
        let text = format!("must be at least {MAX_CALL_SECONDS} below DURATION_SECONDS");
        reader.error("MIN_REMAINING_SECONDS", text);
    }
    lifetime
}

fn refuse_together(reader: &mut Reader<'_>, variables: &[&'static str], with: &str) {
    for variable in variables {
        if reader.is_set(variable) {
            reader.error(*variable, format!("has no effect with {with}: remove one of them"));
        }
    }
}

/// The grants file.
fn from_file(reader: &mut Reader<'_>, bounds: &GrantBounds) -> Option<GrantsFile> {
    let variables =
        ["BUCKET", "REGION", "PREFIX", "ALLOW", "EXTENSIONS", "POLICY", "ALLOW_FULL_ACCESS"];
    refuse_together(reader, &variables, "GRANTS_FILE");
    let path = reader.optional("GRANTS_FILE")?;
    let text = reader.file(path).and_then(|bytes| {
        if bytes.len() > MAX_FILE_BYTES {
            return Err("must have at most 256 KiB".to_owned());
        }
        String::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned())
    });
    let text = text.map_err(|error| vec![error]);
    let file = text.and_then(|text| grants_file::read(&text, bounds, &|path| reader.file(path)));
    let report = |diagnostics: Vec<String>| {
        for diagnostic in diagnostics {
            reader.error("GRANTS_FILE", format!("{path}, {diagnostic}"));
        }
    };
    file.map_err(report).ok()
}

/// The grant of the variables, as a file with one grant for everyone would contain it.
fn one_grant(reader: &mut Reader<'_>, bounds: &GrantBounds) -> (Option<Grants>, Option<Region>) {
    let bucket = reader.required("BUCKET", "examplebucket-1250000000", Bucket::parse);
    let region = reader.required("REGION", "ap-guangzhou", Region::parse);
    let prefix = reader.required("PREFIX", "uploads/", |text| {
        let prefix = PrefixTemplate::parse(text, &[]).map_err(|error| error.to_string())?;
        if bounds.is_anonymous && prefix.claims().next().is_some() {
            return Err(NO_CLAIMS.to_owned());
        }
        Ok(prefix)
    });
    let presets = reader.required("ALLOW", "upload", presets);
    if reader.is_set("ALLOW_FULL_ACCESS") {
        let text = "has no effect without POLICY: remove it";
        reader.error("ALLOW_FULL_ACCESS", text);
    }
    let extensions = reader.parsed_or("EXTENSIONS", Vec::new(), |text| {
        list(text).map(Extension::parse).collect::<Result<Vec<_>, _>>()
    });
    let has_upload = presets.as_ref().is_none_or(|presets| presets.contains(&Preset::Upload));
    if !has_upload && extensions.as_ref().is_some_and(|extensions| !extensions.is_empty()) {
        let text = "has no effect without uploads: add `upload` to ALLOW, or remove it";
        reader.error("EXTENSIONS", text);
    }
    // `EXTENSIONS` limits only the objects that the function names, not the caller's own uploads.
    let permissions = presets.zip(extensions).and_then(|(presets, extensions)| {
        let permissions = Permissions::new(&presets, &[], Limits::default()).ok()?;
        permissions.with_new_objects(extensions).ok()
    });
    let definition = || {
        Some(GrantDefinition {
            name: ONE_GRANT.to_owned(),
            principal_match: PrincipalMatch::Everyone,
            token_issuers: Vec::new(),
            bucket: bucket?,
            region: region.clone()?,
            prefix: prefix?,
            include_prefix_key: false,
            permissions: permissions?,
            lifetime: bounds.default_lifetime?,
            role: None,
        })
    };
    let grant = definition().and_then(|definition| {
        let grant = Grant::new(definition);
        grant.map_err(|error| reader.error("PREFIX", error.to_string())).ok()
    });
    (grant.map(|grant| Grants::Each(vec![grant])), region)
}

fn presets(text: &str) -> Result<Vec<Preset>, &'static str> {
    let form = "must be a comma-separated list of `upload`, `download`, `list`, `delete`, each at \
         most once, for example `upload,download`";
    let mut presets = Vec::new();
    for name in list(text) {
        let known = Preset::CHOICES.iter().find(|(choice, _)| *choice == name);
        let (_, preset) = known.filter(|(_, preset)| !presets.contains(preset)).ok_or(form)?;
        presets.push(*preset);
    }
    (!presets.is_empty()).then_some(presets).ok_or(form)
}

fn raw_policy(reader: &mut Reader<'_>) -> Option<Policy> {
    refuse_together(reader, &["BUCKET", "PREFIX", "ALLOW", "EXTENSIONS"], "POLICY");
    let is_full_access_allowed = reader.switch("ALLOW_FULL_ACCESS");
    let policy = reader
        .parsed("POLICY", |text| Policy::parse(text).map_err(|error| policy_error(&error)))?;
    if let Some(index) = policy.foreign_statement() {
        let text = format!(
            "must only allow actions of COS (`name/cos:…`) and CI (`name/ci:…`), but statement {index} \
             allows others; full access to COS is `name/cos:*`"
        );
        reader.error("POLICY", text);
    } else if policy.is_full_access() {
        if is_full_access_allowed {
            reader.warn("POLICY gives every caller full access to every bucket of the account");
        } else {
            let text = "must not give every caller full access to every bucket; if you mean it, \
                 set ALLOW_FULL_ACCESS=true";
            reader.error("POLICY", text);
        }
    } else if policy.is_nearly_full_access() {
        let text = "POLICY allows actions by a wildcard in buckets by a wildcard: name the \
             actions, or the buckets";
        reader.warn(text);
    }
    for warning in policy.warnings() {
        reader.warn(format!("POLICY, {warning}"));
    }
    Some(policy)
}

/// Names only the position: the text around it is a value.
fn policy_error(error: &PolicyError) -> String {
    match error {
        PolicyError::Syntax(cause) => {
            format!("{error} (line {}, column {})", cause.line(), cause.column())
        }
        PolicyError::Empty | PolicyError::Long => error.to_string(),
    }
}

/// A raw policy names its own regions, but the STS call needs one as well.
fn region_of_raw_policy(reader: &mut Reader<'_>) -> Option<Region> {
    if reader.is_set("REGION") {
        return reader.parsed("REGION", Region::parse);
    }
    Region::parse(CALL_REGION).ok()
}

/// The name of the variables' grant in the log.
const ONE_GRANT: &str = "variables";

/// Ten times what grants for a hundred teams take.
const MAX_FILE_BYTES: usize = 256 * 1024;

const DURATION_SECONDS: u32 = 1800;

const REMAINING_SECONDS: u32 = 300;

/// The browser SDK fetches a new credential for each request when less than a minute is left.
const MIN_REMAINING_SECONDS: u32 = 90;

/// What the STS call may take off the lifetime, including clocks that differ.
const MAX_CALL_SECONDS: u32 = 60;

/// The region that the vendor's own SDKs use when none is configured.
const CALL_REGION: &str = "ap-guangzhou";
