//! What callers get: `BUCKET`, `REGION`, `PREFIX`, `ALLOW`, or `POLICY`; and for how long.

use super::reader::{Reader, list};
use crate::cam::{Bucket, ObjectPrefix, Policy, Region};
use crate::grant::{Extension, Grant, Lifetime, Place, Preset};

pub(super) struct GrantSettings {
    pub(super) grant: Grant,
    pub(super) region: Region,
    pub(super) remaining_seconds_min: u32,
}

pub(super) fn read(reader: &mut Reader<'_>, duration_seconds_max: u32) -> Option<GrantSettings> {
    let remaining_seconds_min = reader.number(
        "MIN_REMAINING_SECONDS",
        REMAINING_SECONDS,
        REMAINING_SECONDS_MIN..=duration_seconds_max,
    );
    let lifetime = lifetime(reader, remaining_seconds_min, duration_seconds_max);
    let (grant, region) = if reader.optional("POLICY").is_some() {
        let (policy, region) = (raw_policy(reader), region_of_raw_policy(reader));
        (
            policy
                .zip(lifetime)
                .map(|(policy, lifetime)| Grant::of_policy(&policy, lifetime)),
            region,
        )
    } else {
        one_grant(reader, lifetime)
    };
    Some(GrantSettings {
        grant: grant?,
        region: region?,
        remaining_seconds_min: remaining_seconds_min?,
    })
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

fn one_grant(
    reader: &mut Reader<'_>,
    lifetime: Option<Lifetime>,
) -> (Option<Grant>, Option<Region>) {
    let bucket = reader.required("BUCKET", "examplebucket-1250000000", Bucket::parse);
    let region = reader.required("REGION", "ap-guangzhou", Region::parse);
    let prefix = reader.required("PREFIX", "uploads/", ObjectPrefix::parse);
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
    let grant = match (bucket, &region, prefix, presets.zip(extensions), lifetime) {
        (Some(bucket), Some(region), Some(prefix), Some((presets, extensions)), Some(lifetime)) => {
            Grant::of_place(
                Place {
                    bucket,
                    region: region.clone(),
                    prefix,
                    presets,
                    extensions,
                },
                lifetime,
            )
            .ok()
        }
        _ => None,
    };
    (grant, region)
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
fn policy_problem(error: &crate::cam::PolicyError) -> String {
    match error {
        crate::cam::PolicyError::Syntax(cause) => format!(
            "{error} (see line {}, column {})",
            cause.line(),
            cause.column()
        ),
        crate::cam::PolicyError::Empty | crate::cam::PolicyError::Long => error.to_string(),
    }
}

/// A raw policy names its own regions; the call itself still needs one.
fn region_of_raw_policy(reader: &mut Reader<'_>) -> Option<Region> {
    if reader.optional("REGION").is_none() {
        return Region::parse(CALL_REGION).ok();
    }
    reader.parsed("REGION", Region::parse)
}

const DURATION_SECONDS: u32 = 1800;

const REMAINING_SECONDS: u32 = 300;

/// The browser SDK fetches again for each request when less than a minute is left.
const REMAINING_SECONDS_MIN: u32 = 90;

/// What a call may take off the lifetime, clocks that differ included.
const CALL_SECONDS_MAX: u32 = 60;

/// The region that the vendor's own SDKs name when none is configured.
const CALL_REGION: &str = "ap-guangzhou";
