//! What callers get: `GRANTS_FILE`; or one grant for everyone as `BUCKET`, `REGION`, `PREFIX`, `ALLOW`; or `POLICY`. And for how long.

use super::grants_file::{self, NOBODY_IS_KNOWN};
use super::reader::{Reader, list};
use crate::grant::{
    Extension, Grant, GrantDefinition, Grants, Lifetime, Limits, Permissions, PrefixTemplate,
    Preset, PrincipalMatch,
};
use tencent::cam::Policy;
use tencent::names::{Bucket, Region};

pub(super) struct GrantSettings {
    pub(super) grants: Grants,
    pub(super) region: Region,
    pub(super) remaining_seconds_min: u32,
}

/// What every grant has to keep to.
pub(super) struct Bounds {
    /// Nothing is known of callers.
    pub(super) is_anonymous: bool,
    /// Where a grant says nothing of it; `None` when it could not be read.
    pub(super) lifetime: Option<Lifetime>,
    pub(super) minimum_seconds: u32,
    pub(super) maximum_seconds: u32,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
    duration_seconds_max: u32,
    is_anonymous: bool,
) -> Option<GrantSettings> {
    let remaining_seconds_min = reader.number(
        "MIN_REMAINING_SECONDS",
        REMAINING_SECONDS,
        REMAINING_SECONDS_MIN..=duration_seconds_max,
    );
    let lifetime = lifetime(reader, remaining_seconds_min, duration_seconds_max);
    let bounds = Bounds {
        is_anonymous,
        lifetime,
        minimum_seconds: remaining_seconds_min
            .unwrap_or(REMAINING_SECONDS)
            .saturating_add(CALL_SECONDS_MAX),
        maximum_seconds: duration_seconds_max,
    };
    let (grants, region) = if reader.optional("GRANTS_FILE").is_some() {
        from_file(reader, file, &bounds)
    } else if reader.optional("POLICY").is_some() {
        let (policy, region) = (raw_policy(reader), region_of_raw_policy(reader));
        let raw = |(policy, lifetime): (Policy, Lifetime)| Grants::Raw {
            policy: policy.render().into(),
            lifetime,
        };
        (policy.zip(lifetime).map(raw), region)
    } else {
        one_grant(reader, &bounds)
    };
    Some(GrantSettings {
        grants: grants?,
        region: region?,
        remaining_seconds_min: remaining_seconds_min?,
    })
}

/// The grants of a file, and the region of the first.
fn from_file(
    reader: &mut Reader<'_>,
    file: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
    bounds: &Bounds,
) -> (Option<Grants>, Option<Region>) {
    for variable in [
        "BUCKET",
        "REGION",
        "PREFIX",
        "ALLOW",
        "EXTENSIONS",
        "POLICY",
        "ALLOW_FULL_ACCESS",
    ] {
        if reader.optional(variable).is_some() {
            reader.problem(
                variable,
                "has no effect beside GRANTS_FILE: set one or the other",
            );
        }
    }
    let Some(path) = reader.optional("GRANTS_FILE") else {
        return (None, None);
    };
    let text = match file(path) {
        Ok(bytes) if bytes.len() > FILE_BYTES_MAX => Err("has more than 256 KiB".to_owned()),
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned()),
        Err(error) => Err(format!("cannot be read: {}", error.kind())),
    };
    let grants = text
        .map_err(|fault| vec![fault])
        .and_then(|text| grants_file::read(&text, bounds));
    match grants {
        Ok(grants) => {
            let region = grants
                .first()
                .map(|grant| grant.definition().region.clone());
            (Some(Grants::Each(grants)), region)
        }
        Err(diagnostics) => {
            for fault in diagnostics {
                reader.problem("GRANTS_FILE", format!("{path}, {fault}"));
            }
            (None, None)
        }
    }
}

/// What bounds the seconds of a lifetime.
pub(super) fn lifetime_problem(bounds: &Bounds) -> String {
    let (least, most) = (bounds.minimum_seconds, bounds.maximum_seconds);
    format!(
        "whole numbers from {least} (MIN_REMAINING_SECONDS and a minute) to {most} \
         (7200 for a root account's key, 129600 with KEY_OWNER=sub-account, 43200 for a role)"
    )
}

fn lifetime(
    reader: &mut Reader<'_>,
    remaining_seconds_min: Option<u32>,
    duration_seconds_max: u32,
) -> Option<Lifetime> {
    let minimum = remaining_seconds_min?.saturating_add(CALL_SECONDS_MAX);
    let Some(text) = reader.optional("DURATION_SECONDS") else {
        let lifetime = Lifetime::new(minimum, DURATION_SECONDS);
        if lifetime.is_none() {
            reader.problem(
                "MIN_REMAINING_SECONDS",
                format!("must be {CALL_SECONDS_MAX} below DURATION_SECONDS"),
            );
        }
        return lifetime;
    };
    let default = text
        .parse()
        .ok()
        .filter(|seconds| (minimum..=duration_seconds_max).contains(seconds));
    if default.is_none() {
        let text = format!(
            "must be a whole number from {minimum} (MIN_REMAINING_SECONDS and a minute) to {duration_seconds_max} \
             (7200 for a root account's key, 129600 with KEY_OWNER=sub-account, 43200 for a role)"
        );
        reader.problem("DURATION_SECONDS", text);
    }
    Lifetime::new(minimum, default?)
}

/// The grant of the variables: a file with one grant for everyone would say the same.
fn one_grant(reader: &mut Reader<'_>, bounds: &Bounds) -> (Option<Grants>, Option<Region>) {
    let bucket = reader.required("BUCKET", "examplebucket-1250000000", Bucket::parse);
    let region = reader.required("REGION", "ap-guangzhou", Region::parse);
    let prefix = reader.required("PREFIX", "uploads/", |text| {
        PrefixTemplate::parse(text, &[])
    });
    if bounds.is_anonymous
        && prefix
            .as_ref()
            .is_some_and(|prefix| prefix.claims().next().is_some())
    {
        reader.problem("PREFIX", NOBODY_IS_KNOWN);
    }
    let presets = reader.required("ALLOW", "upload", presets);
    if reader.optional("ALLOW_FULL_ACCESS").is_some() {
        reader.problem("ALLOW_FULL_ACCESS", "belongs to POLICY, which is not set");
    }
    let extensions = match reader.optional("EXTENSIONS") {
        None => Some(Vec::new()),
        Some(_) => reader.parsed("EXTENSIONS", |text| {
            list(text)
                .map(Extension::parse)
                .collect::<Result<Vec<_>, _>>()
        }),
    };
    let has_upload = presets
        .as_ref()
        .is_none_or(|presets| presets.contains(&Preset::Upload));
    if !has_upload
        && extensions
            .as_ref()
            .is_some_and(|extensions| !extensions.is_empty())
    {
        reader.problem("EXTENSIONS", "is for uploads, which ALLOW does not name");
    }
    if presets.as_ref().is_some_and(Vec::is_empty) {
        reader.problem("ALLOW", "names nothing");
    }
    // The caller may still upload under keys of their own: this says what the function names.
    let permissions = presets.zip(extensions).and_then(|(presets, extensions)| {
        let permissions = Permissions::new(&presets, &[], Limits::default());
        permissions
            .and_then(|permissions| permissions.with_new_objects(extensions))
            .ok()
    });
    let grant = match (bucket, &region, prefix, permissions, bounds.lifetime) {
        (Some(bucket), Some(region), Some(prefix), Some(permissions), Some(lifetime)) => {
            let grant = Grant::new(GrantDefinition {
                name: ONE_GRANT.to_owned(),
                principal_match: PrincipalMatch::Everyone,
                bucket,
                region: region.clone(),
                prefix,
                permissions,
                lifetime,
            });
            grant
                .map_err(|error| reader.problem("PREFIX", error.to_string()))
                .ok()
        }
        _ => None,
    };
    (grant.map(|grant| Grants::Each(vec![grant])), region)
}

fn presets(text: &str) -> Result<Vec<Preset>, &'static str> {
    let mut presets = Vec::new();
    for name in list(text) {
        let known = Preset::CHOICES.iter().find(|(choice, _)| *choice == name);
        let (_, preset) =
            known.ok_or("takes `upload`, `download`, `list`, `delete`, with commas between")?;
        if presets.contains(preset) {
            return Err("names a preset twice");
        }
        presets.push(*preset);
    }
    Ok(presets)
}

fn raw_policy(reader: &mut Reader<'_>) -> Option<Policy> {
    for variable in ["BUCKET", "PREFIX", "ALLOW", "EXTENSIONS"] {
        if reader.optional(variable).is_some() {
            reader.problem(
                variable,
                "has no effect beside POLICY: set one or the other",
            );
        }
    }
    let is_full_access_allowed = reader.switch("ALLOW_FULL_ACCESS");
    let policy = reader.parsed("POLICY", |text| {
        Policy::parse(text).map_err(|error| policy_problem(&error))
    })?;
    if !policy.foreign_services().is_empty() {
        reader.problem("POLICY", "allows actions of a service that is not COS");
    }
    if policy.is_full_access() {
        if is_full_access_allowed {
            reader.warn("POLICY gives every caller full access to every bucket of the account");
        } else {
            let text = "gives every caller full access to every bucket; if that is meant, set ALLOW_FULL_ACCESS=true";
            reader.problem("POLICY", text);
        }
    }
    Some(policy)
}

/// Where a policy stops being one. Only the place: the text around it is the operator's.
fn policy_problem(error: &tencent::cam::PolicyError) -> String {
    match error {
        tencent::cam::PolicyError::Syntax(cause) => format!(
            "{error} (see line {}, column {})",
            cause.line(),
            cause.column()
        ),
        tencent::cam::PolicyError::Empty | tencent::cam::PolicyError::Long => error.to_string(),
    }
}

/// A raw policy names its own regions; the call itself still needs one.
fn region_of_raw_policy(reader: &mut Reader<'_>) -> Option<Region> {
    if reader.optional("REGION").is_none() {
        return Region::parse(CALL_REGION).ok();
    }
    reader.parsed("REGION", Region::parse)
}

/// What the log calls the grant of the variables.
const ONE_GRANT: &str = "variables";

/// Grants for a hundred teams take a tenth of it.
const FILE_BYTES_MAX: usize = 256 * 1024;

const DURATION_SECONDS: u32 = 1800;

const REMAINING_SECONDS: u32 = 300;

/// The browser SDK fetches again for each request when less than a minute is left.
const REMAINING_SECONDS_MIN: u32 = 90;

/// What a call may take off the lifetime, clocks that differ included.
const CALL_SECONDS_MAX: u32 = 60;

/// The region that the vendor's own SDKs name when none is configured.
const CALL_REGION: &str = "ap-guangzhou";
