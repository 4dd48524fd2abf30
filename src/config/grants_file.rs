//! The grants file: who gets what, and whose tokens are accepted, as TOML. `docs/grants.md`
//! explains it, and `docs/grants.schema.json` is its schema.
//!
//! # Guarantees
//! - Every error is reported at once, by line and key. An unknown key is an error, so that a
//!   misspelled limit is never ignored.
//! - A grant that nobody could get, or whose policy would not fit, is an error.

mod issuer;
mod issuer_rules;
mod name;
mod principal_match;
mod table;

use std::sync::Arc;

use tencent::names::{Bucket, Region};

use super::external_id;
use super::grant_bounds::{GrantBounds, NO_CLAIMS};
use crate::grant::{
    CannedAcl, ContentType, Extension, Grant, GrantDefinition, GrantError, Lifetime, Limits,
    Operation, PermissionError, Permissions, Placeholder, PrefixTemplate, Preset, PrincipalMatch,
    Role, RoleArn, VpcId,
};
pub(super) use issuer::{FileIssuer, FileKeys};
use issuer_rules::ISSUER;
use table::{Diagnostics, Table};

/// What a grants file contains.
pub(super) struct GrantsFile {
    pub(super) grants: Vec<Grant>,
    pub(super) issuers: Vec<FileIssuer>,
}

/// Parses the file. `read_file` reads those that it names.
///
/// # Errors
/// Every diagnostic, as `line 3, key: what to write`.
pub(super) fn read(
    text: &str,
    bounds: &GrantBounds,
    read_file: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<GrantsFile, Vec<String>> {
    let diagnostics = Diagnostics::new(text);
    let file = table::parse(text, &diagnostics);
    let read = file.as_ref().and_then(|file| {
        let root = Table::root(file, &diagnostics);
        root.refuse_unknown(&["grant", "issuer"]);
        let tables = root.tables("issuer");
        let names: Vec<&str> = tables.iter().filter_map(|table| table.peek("name")).collect();
        let issuers = issuer::read_all(&tables, read_file);
        let tables = root.tables("grant");
        // Collected first, so that every grant is checked.
        let grants: Vec<Option<Grant>> = tables
            .iter()
            .map(|table| grant(table, bounds, &names, issuers.as_deref().unwrap_or_default()))
            .collect();
        let mut names = Vec::new();
        for table in &tables {
            let name = table.peek("name");
            if name.is_some() && names.contains(&name) {
                table.report("name", "must differ from the names of other grants");
            }
            names.push(name);
        }
        if tables.is_empty() {
            root.report("grant", "is missing: write `[[grant]]` and its keys below");
        }
        let grants: Option<Vec<Grant>> = grants.into_iter().collect();
        Some(GrantsFile { grants: grants?, issuers: issuers? })
    });
    let texts = diagnostics.into_texts();
    read.filter(|_| texts.is_empty()).ok_or(texts)
}

/// `issuer_names` are those of the file, also where `issuers` lacks one that has an error.
fn grant(
    table: &Table<'_>,
    bounds: &GrantBounds,
    issuer_names: &[&str],
    issuers: &[FileIssuer],
) -> Option<Grant> {
    table.refuse_unknown(&KEYS);
    let name = table.text("name", name::parse);
    let principal_match = principal_match::read(table, issuer_names);
    let bucket = table.text("bucket", Bucket::parse);
    let region = table.text("region", Region::parse);
    let prefix = prefix(table);
    let include_prefix_key = table.flag("include_prefix_key");
    let permissions = permissions(table);
    let role = role(table);
    let lifetime = lifetime(table, bounds, table.has("role"));
    let (principal_match, token_issuers) = principal_match?;
    let definition = GrantDefinition {
        name: name?,
        principal_match,
        token_issuers,
        bucket: bucket?,
        region: region?,
        prefix: prefix?,
        include_prefix_key: include_prefix_key?,
        permissions: permissions?,
        lifetime: lifetime?,
        role: role?,
    };
    if bounds.is_anonymous {
        if definition.prefix.claims().next().is_some() {
            table.report("prefix", NO_CLAIMS);
        }
        if definition.principal_match != PrincipalMatch::Everyone {
            let text = "must be \"everyone\" with AUTH=none: anonymous callers have no claims";
            table.report("match", text);
        }
    }
    if !issuer_names.is_empty() && definition.prefix.claims().any(|claim| claim == ISSUER) {
        table.report("prefix", "must not have the placeholder {issuer}, which is not a claim");
    }
    issuer_rules::check(table, &definition, issuers);
    let grant = Grant::new(definition);
    grant
        .map_err(|error| {
            let key = match error {
                GrantError::NoPrefixKey => "include_prefix_key",
                GrantError::BucketLevel(_) | GrantError::TooLong => "actions",
            };
            table.report(key, &error.to_string());
        })
        .ok()
}

fn prefix(table: &Table<'_>) -> Option<PrefixTemplate> {
    let slots = slots(table)?;
    let template = table.text("prefix", |text| PrefixTemplate::parse(text, &slots))?;
    let is_unused = |claim: &str| !template.claims().any(|used| used == claim);
    if slots.iter().any(|(claim, _)| is_unused(claim)) {
        table.report("slots", "must only contain placeholders of `prefix`");
    }
    Some(template)
}

fn slots(table: &Table<'_>) -> Option<Vec<(String, Placeholder)>> {
    let Some(slots) = table.table("slots")? else {
        return Some(Vec::new());
    };
    let slot = |claim: &str| match slots.peek(claim) {
        Some("id") => Some(Placeholder::Id),
        Some("number") => Some(Placeholder::Number),
        Some(_) => {
            slots.report(claim, "must be \"id\", \"number\" or a list of words");
            None
        }
        None => {
            let words = slots.texts(claim)?.into_iter().map(str::to_owned);
            let report =
                |error: crate::grant::TemplateError| slots.report(claim, &error.to_string());
            Placeholder::one_of(words.collect()).map_err(report).ok()
        }
    };
    let named = slots.keys().map(|claim| Some((claim.to_owned(), slot(claim)?)));
    let named: Vec<Option<_>> = named.collect();
    named.into_iter().collect()
}

fn permissions(table: &Table<'_>) -> Option<Permissions> {
    let preset = |text: &str| {
        let known = Preset::CHOICES.iter().find(|(name, _)| *name == text);
        known.map(|(_, preset)| *preset).ok_or(
            "must be a list of \"upload\", \"download\", \"list\", \"delete\", for example \
             [\"upload\"]",
        )
    };
    let presets = table.list("allow", preset);
    let action = |name: &str| {
        Operation::parse(name).map_err(|error| format!("`{}` {error}", name.escape_debug()))
    };
    let actions = table.list("actions", action);
    let limits = limits(table);
    let named_extensions = table.list("named_extensions", Extension::parse);
    let (presets, actions, limits) = (presets?, actions?, limits?);
    let named_extensions = named_extensions?;
    let permissions = Permissions::new(&presets, &actions, limits);
    let permissions =
        permissions.and_then(|permissions| permissions.with_new_objects(named_extensions));
    let report = |error: PermissionError| {
        let key = match error {
            PermissionError::TwoLists => "named_extensions",
            _ if table.has("actions") => "actions",
            _ => "allow",
        };
        table.report(key, &error.to_string());
    };
    permissions.map_err(report).ok()
}

fn limits(table: &Table<'_>) -> Option<Limits> {
    let max_size_bytes = match table.has("max_size_bytes") {
        false => Some(None),
        true => table.number("max_size_bytes", 1..=MAX_SIZE_BYTES).map(Some),
    };
    let extensions = table.list("extensions", Extension::parse);
    let content_types = table.list("content_types", ContentType::parse);
    let source_ip = table.list("source_ip", |text| Ok::<_, &str>(text.to_owned()));
    let acl = table.list("acl", CannedAcl::parse);
    let https_only = table.flag("https_only");
    let vpc = table.list("vpc", VpcId::parse);
    Some(Limits {
        extensions: extensions?,
        max_size_bytes: max_size_bytes?,
        content_types: content_types?,
        source_ip: source_ip?,
        acl: acl?,
        https_only: https_only?,
        vpc: vpc?,
    })
}

/// The role that is assumed for the grant.
fn role(table: &Table<'_>) -> Option<Option<Arc<Role>>> {
    if !table.has("role") {
        if table.has("external_id") {
            table.report("external_id", "has no effect without `role`: name both, or remove it");
        }
        return Some(None);
    }
    let external_id = match table.has("external_id") {
        true => table.text("external_id", external_id::parse).map(Some),
        false => Some(None),
    };
    let arn = table.text("role", RoleArn::parse);
    Some(Some(Arc::new(Role { arn: arn?, external_id: external_id? })))
}

/// `[600, 3600]`, or only the second.
fn lifetime(table: &Table<'_>, bounds: &GrantBounds, has_role: bool) -> Option<Lifetime> {
    let allowed = if has_role { bounds.of_role() } else { bounds.duration_seconds.clone() };
    if !table.has("duration_seconds") {
        let default = bounds.default_lifetime?;
        if default.longest_seconds() > *allowed.end() {
            let text = "must be there: DURATION_SECONDS is longer than the 43200 of a role";
            table.report("duration_seconds", text);
        }
        return Some(default);
    }
    let seconds = |number: u64| u32::try_from(number).ok().filter(|n| allowed.contains(n));
    let lifetime = match table.numbers("duration_seconds")?.as_slice() {
        [most] => seconds(*most).and_then(|most| Lifetime::new(*allowed.start(), most)),
        [least, most] => {
            seconds(*least).zip(seconds(*most)).and_then(|(least, most)| Lifetime::new(least, most))
        }
        _ => None,
    };
    if lifetime.is_none() {
        let text = format!("must be `most` or `[least, most]`, {}", bounds.duration_form());
        table.report("duration_seconds", &text);
    }
    lifetime
}

const KEYS: [&str; 20] = [
    "name",
    "match",
    "bucket",
    "region",
    "prefix",
    "include_prefix_key",
    "slots",
    "allow",
    "actions",
    "duration_seconds",
    "max_size_bytes",
    "content_types",
    "extensions",
    "named_extensions",
    "source_ip",
    "acl",
    "https_only",
    "vpc",
    "role",
    "external_id",
];

/// What COS accepts in one upload. <https://www.tencentcloud.com/document/product/436/7749>
const MAX_SIZE_BYTES: u64 = 5 * 1024 * 1024 * 1024;
