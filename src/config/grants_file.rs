//! The grants file: who may have what, as TOML. `docs/grants.md` explains it, `docs/grants.schema.json` is its form.
//!
//! Promises: every fault of the file is reported at once, by line and key; a key that is not known is a fault, since whoever wrote it
//! expects it to work. What cannot be granted to anybody, or would never hold, is a fault too.
//! Leaves out: where the file lies.

mod matches;
mod table;

use super::grant::{Bounds, lifetime_problem};
use crate::grant::{
    Abilities, AbilityError, ContentType, Extension, Grant, Lifetime, Limits, Operation,
    PrefixTemplate, Preset, Slot, Who,
};
use table::{Faults, Table};
use tencent::names::{Bucket, Region};

/// Reads the file.
///
/// # Errors
/// Every fault, as `line 3, key: what to write`.
pub(super) fn read(text: &str, bounds: &Bounds) -> Result<Vec<Grant>, Vec<String>> {
    let mut faults = Faults::of(text);
    let file = table::parse(text, &mut faults);
    let grants = file.as_ref().map(|file| {
        let root = Table::of_file(file);
        root.refuse_others(&["grant"], &mut faults);
        let tables = root.tables("grant", &mut faults);
        let grants: Vec<Option<Grant>> = tables
            .iter()
            .map(|table| grant(table, bounds, &mut faults))
            .collect();
        for (index, table) in tables.iter().enumerate() {
            let name = table.peek("name");
            if name.is_some()
                && tables
                    .iter()
                    .take(index)
                    .any(|other| other.peek("name") == name)
            {
                table.fault("name", "is the name of another grant", &mut faults);
            }
        }
        if tables.is_empty() {
            root.fault(
                "grant",
                "is missing: write `[[grant]]` and what is granted below it",
                &mut faults,
            );
        }
        grants
    });
    let grants: Option<Vec<Grant>> = grants.and_then(|grants| grants.into_iter().collect());
    match grants {
        Some(grants) if faults.is_empty() => Ok(grants),
        _ => Err(faults.into_texts()),
    }
}

fn grant(table: &Table<'_>, bounds: &Bounds, faults: &mut Faults<'_>) -> Option<Grant> {
    table.refuse_others(&KEYS, faults);
    let name = table.text("name", faults, name);
    let who = matches::read(table, faults);
    let bucket = table.text("bucket", faults, Bucket::parse);
    let region = table.text("region", faults, Region::parse);
    let prefix = prefix(table, faults);
    let abilities = abilities(table, faults);
    let lifetime = lifetime(table, bounds, faults);
    let (name, who, bucket, region) = (name?, who?, bucket?, region?);
    let grant = Grant {
        name,
        who,
        bucket,
        region,
        prefix: prefix?,
        abilities: abilities?,
        lifetime: lifetime?,
    };
    if bounds.is_anonymous {
        if grant.prefix.claims().next().is_some() {
            table.fault("prefix", NOBODY_IS_KNOWN, faults);
        }
        if grant.who != Who::Everyone {
            table.fault(
                "match",
                "can only be \"everyone\" with AUTH=none, which proves nothing of a caller",
                faults,
            );
        }
    }
    if let Some(operation) = grant
        .abilities
        .of_bucket()
        .filter(|_| grant.prefix.as_str() != "/")
    {
        let text = format!(
            "names {}, which is about the whole bucket: `prefix` would have to be \"/\"",
            operation.name()
        );
        table.fault("actions", &text, faults);
    }
    if grant.check_length().is_err() {
        table.fault(
            "actions",
            "makes a longer policy than CAM takes, for the longest prefix that the slots allow",
            faults,
        );
    }
    Some(grant)
}

/// For the log, where names stand with commas between.
fn name(text: &str) -> Result<String, &'static str> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    if (1..=64).contains(&text.len()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err("has 1 to 64 letters, digits and characters of `-._`")
}

fn prefix(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<PrefixTemplate> {
    let slots = slots(table, faults)?;
    let template = table.text("prefix", faults, |text| PrefixTemplate::parse(text, &slots))?;
    for (claim, _) in &slots {
        if !template.claims().any(|named| named == claim) {
            table.fault("slots", "has a slot that `prefix` does not have", faults);
        }
    }
    Some(template)
}

fn slots(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Vec<(String, Slot)>> {
    let Some(slots) = table.table("slots", faults)? else {
        return Some(Vec::new());
    };
    let read = slots.keys().map(|claim| {
        let slot = match slots.peek(claim) {
            Some("id") => Some(Slot::Id),
            Some("number") => Some(Slot::Number),
            Some(_) => {
                slots.fault(claim, "is \"id\", \"number\" or a list of words", faults);
                None
            }
            None => slots.texts(claim, faults).and_then(|words| {
                let slot = Slot::one_of(words.into_iter().map(str::to_owned).collect());
                slot.map_err(|error| slots.fault(claim, &error.to_string(), faults))
                    .ok()
            }),
        };
        slot.map(|slot| (claim.to_owned(), slot))
    });
    let read: Vec<Option<(String, Slot)>> = read.collect();
    read.into_iter().collect()
}

fn abilities(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Abilities> {
    let preset = |text: &str| {
        let known = Preset::CHOICES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, preset)| *preset)
            .ok_or("takes \"upload\", \"download\", \"list\", \"delete\"")
    };
    let presets = table.list("allow", faults, preset);
    let named = table.list("actions", faults, Operation::parse);
    let limits = limits(table, faults);
    let new_objects = table.list("named_extensions", faults, Extension::parse);
    let (presets, named, limits, new_objects) = (presets?, named?, limits?, new_objects?);
    let abilities = Abilities::new(&presets, &named, limits);
    let abilities = abilities.and_then(|abilities| abilities.naming(new_objects));
    if matches!(abilities, Err(AbilityError::NamedTwice)) {
        table.fault(
            "named_extensions",
            &AbilityError::NamedTwice.to_string(),
            faults,
        );
        return None;
    }
    // Which key is at fault cannot always be said; where none is there, `allow` is what is missing.
    let key = ["actions", "allow"]
        .into_iter()
        .find(|key| table.has(key))
        .unwrap_or("allow");
    abilities
        .map_err(|error| table.fault(key, &error.to_string(), faults))
        .ok()
}

fn limits(table: &Table<'_>, faults: &mut Faults<'_>) -> Option<Limits> {
    let size = if table.has("max_size_bytes") {
        let size = table.number("max_size_bytes", faults, 1..=SIZE_BYTES_MAX);
        Some(size?)
    } else {
        None
    };
    let extensions = table.list("extensions", faults, Extension::parse);
    let content_types = table.list("content_types", faults, ContentType::parse);
    let source_ip = table.list("source_ip", faults, |text| Ok::<_, &str>(text.to_owned()));
    Some(Limits {
        extensions: extensions?,
        max_size_bytes: size,
        content_types: content_types?,
        source_ip: source_ip?,
    })
}

/// `[600, 3600]`, or the second alone.
fn lifetime(table: &Table<'_>, bounds: &Bounds, faults: &mut Faults<'_>) -> Option<Lifetime> {
    if !table.has("duration_seconds") {
        return bounds.lifetime;
    }
    let seconds = table.numbers("duration_seconds", faults)?;
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
        table.fault("duration_seconds", &text, faults);
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
