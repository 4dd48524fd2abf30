//! The grants file: who may have what, as TOML. `docs/grants.md` explains it, `docs/grants.schema.json` is its form.
//!
//! Promises: every fault of the file is reported at once, by line and key; a key that is not known is a fault, since whoever wrote it
//! expects it to work. What cannot be granted to anybody, or would never hold, is a fault too.
//! Leaves out: where the file lies.

mod matches;
mod table;

use super::grant::{Bounds, lifetime_problem};
use crate::grant::{
    ContentType, Extension, Grant, GrantDefinition, Lifetime, Limits, Operation, PermissionError,
    Permissions, Placeholder, PrefixTemplate, Preset, PrincipalMatch,
};
use table::{Diagnostics, Table};
use tencent::names::{Bucket, Region};

/// Reads the file.
///
/// # Errors
/// Every fault, as `line 3, key: what to write`.
pub(super) fn read(text: &str, bounds: &Bounds) -> Result<Vec<Grant>, Vec<String>> {
    let mut diagnostics = Diagnostics::of(text);
    let file = table::parse(text, &mut diagnostics);
    let grants = file.as_ref().map(|file| {
        let root = Table::of_file(file);
        root.refuse_others(&["grant"], &mut diagnostics);
        let tables = root.tables("grant", &mut diagnostics);
        let grants: Vec<Option<Grant>> = tables
            .iter()
            .map(|table| grant(table, bounds, &mut diagnostics))
            .collect();
        for (index, table) in tables.iter().enumerate() {
            let name = table.peek("name");
            if name.is_some()
                && tables
                    .iter()
                    .take(index)
                    .any(|other| other.peek("name") == name)
            {
                table.fault("name", "is the name of another grant", &mut diagnostics);
            }
        }
        if tables.is_empty() {
            root.fault(
                "grant",
                "is missing: write `[[grant]]` and what is granted below it",
                &mut diagnostics,
            );
        }
        grants
    });
    let grants: Option<Vec<Grant>> = grants.and_then(|grants| grants.into_iter().collect());
    match grants {
        Some(grants) if diagnostics.is_empty() => Ok(grants),
        _ => Err(diagnostics.into_texts()),
    }
}

fn grant(table: &Table<'_>, bounds: &Bounds, diagnostics: &mut Diagnostics<'_>) -> Option<Grant> {
    table.refuse_others(&KEYS, diagnostics);
    let name = table.text("name", diagnostics, name);
    let principal_match = matches::read(table, diagnostics);
    let bucket = table.text("bucket", diagnostics, Bucket::parse);
    let region = table.text("region", diagnostics, Region::parse);
    let prefix = prefix(table, diagnostics);
    let permissions = permissions(table, diagnostics);
    let lifetime = lifetime(table, bounds, diagnostics);
    let (name, principal_match, bucket, region) = (name?, principal_match?, bucket?, region?);
    let definition = GrantDefinition {
        name,
        principal_match,
        bucket,
        region,
        prefix: prefix?,
        permissions: permissions?,
        lifetime: lifetime?,
    };
    if bounds.is_anonymous {
        if definition.prefix.claims().next().is_some() {
            table.fault("prefix", NOBODY_IS_KNOWN, diagnostics);
        }
        if definition.principal_match != PrincipalMatch::Everyone {
            table.fault(
                "match",
                "can only be \"everyone\" with AUTH=none, which proves nothing of a caller",
                diagnostics,
            );
        }
    }
    Grant::new(definition)
        .map_err(|error| table.fault("actions", &error.to_string(), diagnostics))
        .ok()
}

/// For the log, where names stand with commas between.
fn name(text: &str) -> Result<String, &'static str> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    if (1..=64).contains(&text.len()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err("has 1 to 64 letters, digits and characters of `-._`")
}

fn prefix(table: &Table<'_>, diagnostics: &mut Diagnostics<'_>) -> Option<PrefixTemplate> {
    let slots = slots(table, diagnostics)?;
    let template = table.text("prefix", diagnostics, |text| {
        PrefixTemplate::parse(text, &slots)
    })?;
    for (claim, _) in &slots {
        if !template.claims().any(|named| named == claim) {
            table.fault(
                "slots",
                "has a slot that `prefix` does not have",
                diagnostics,
            );
        }
    }
    Some(template)
}

fn slots(
    table: &Table<'_>,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<Vec<(String, Placeholder)>> {
    let Some(slots) = table.table("slots", diagnostics)? else {
        return Some(Vec::new());
    };
    let read = slots.keys().map(|claim| {
        let slot = match slots.peek(claim) {
            Some("id") => Some(Placeholder::Id),
            Some("number") => Some(Placeholder::Number),
            Some(_) => {
                slots.fault(
                    claim,
                    "is \"id\", \"number\" or a list of words",
                    diagnostics,
                );
                None
            }
            None => slots.texts(claim, diagnostics).and_then(|words| {
                let slot = Placeholder::one_of(words.into_iter().map(str::to_owned).collect());
                slot.map_err(|error| slots.fault(claim, &error.to_string(), diagnostics))
                    .ok()
            }),
        };
        slot.map(|slot| (claim.to_owned(), slot))
    });
    let read: Vec<Option<(String, Placeholder)>> = read.collect();
    read.into_iter().collect()
}

fn permissions(table: &Table<'_>, diagnostics: &mut Diagnostics<'_>) -> Option<Permissions> {
    let preset = |text: &str| {
        let known = Preset::CHOICES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, preset)| *preset)
            .ok_or("takes \"upload\", \"download\", \"list\", \"delete\"")
    };
    let presets = table.list("allow", diagnostics, preset);
    let named = table.list("actions", diagnostics, Operation::parse);
    let limits = limits(table, diagnostics);
    let new_objects = table.list("named_extensions", diagnostics, Extension::parse);
    let (presets, named, limits, new_objects) = (presets?, named?, limits?, new_objects?);
    let permissions = Permissions::new(&presets, &named, limits);
    let permissions = permissions.and_then(|permissions| permissions.with_new_objects(new_objects));
    if matches!(permissions, Err(PermissionError::TwoLists)) {
        table.fault(
            "named_extensions",
            &PermissionError::TwoLists.to_string(),
            diagnostics,
        );
        return None;
    }
    // Which key is at fault cannot always be said; where none is there, `allow` is what is missing.
    let key = ["actions", "allow"]
        .into_iter()
        .find(|key| table.has(key))
        .unwrap_or("allow");
    permissions
        .map_err(|error| table.fault(key, &error.to_string(), diagnostics))
        .ok()
}

fn limits(table: &Table<'_>, diagnostics: &mut Diagnostics<'_>) -> Option<Limits> {
    let size = if table.has("max_size_bytes") {
        let size = table.number("max_size_bytes", diagnostics, 1..=SIZE_BYTES_MAX);
        Some(size?)
    } else {
        None
    };
    let extensions = table.list("extensions", diagnostics, Extension::parse);
    let content_types = table.list("content_types", diagnostics, ContentType::parse);
    let source_ip = table.list("source_ip", diagnostics, |text| {
        Ok::<_, &str>(text.to_owned())
    });
    Some(Limits {
        extensions: extensions?,
        max_size_bytes: size,
        content_types: content_types?,
        source_ip: source_ip?,
    })
}

/// `[600, 3600]`, or the second alone.
fn lifetime(
    table: &Table<'_>,
    bounds: &Bounds,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<Lifetime> {
    if !table.has("duration_seconds") {
        return bounds.lifetime;
    }
    let seconds = table.numbers("duration_seconds", diagnostics)?;
    let range = match seconds.as_slice() {
        [most] => Some((u64::from(bounds.minimum_seconds), *most)),
        [least, most] => Some((*least, *most)),
        _ => None,
    };
    let lifetime = range.and_then(|(least, most)| {
        let allowed = u64::from(bounds.minimum_seconds)..=u64::from(bounds.maximum_seconds);
        let is_allowed = allowed.contains(&least) && allowed.contains(&most);
        let (least, most) = (u32::try_from(least).ok()?, u32::try_from(most).ok()?);
        Lifetime::new(least, most).filter(|_| is_allowed)
    });
    if lifetime.is_none() {
        let text = format!("is `most` or `[least, most]`: {}", lifetime_problem(bounds));
        table.fault("duration_seconds", &text, diagnostics);
    }
    lifetime
}

const KEYS: [&str; 14] = [
    "name",
    "match",
    "bucket",
    "region",
    "prefix",
    "slots",
    "allow",
    "actions",
    "duration_seconds",
    "max_size_bytes",
    "content_types",
    "extensions",
    "named_extensions",
    "source_ip",
];

pub(super) const NOBODY_IS_KNOWN: &str =
    "has a slot, which AUTH=none has nothing to fill with: nothing is known of a caller";

/// What COS takes in one upload. <https://www.tencentcloud.com/document/product/436/7749>
const SIZE_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
