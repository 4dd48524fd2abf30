//! Findings in a grants file.

use std::path::Path;

use cos_issuer::config::ConfigError;
use cos_issuer::grant::{Grant, Grants};

use super::regions::is_listed;
use super::rules::Finding;
use crate::comparison::{Standing, standing, words};
use crate::deployment::Deployment;

/// What is wrong with a grants file.
pub(super) async fn findings(path: &Path, text: &str) -> Vec<Finding> {
    match Deployment::of_grants(path, text) {
        Ok(deployment) => match &deployment.settings.grants {
            Grants::Each(grants) => of_grants(grants, text).await,
            Grants::Raw { .. } => Vec::new(),
        },
        Err(errors) => errors.iter().map(|error| invalid(error, 1)).collect(),
    }
}

/// An error of the function's parser; `line` is that of its variable.
pub(super) fn invalid(error: &ConfigError, line: usize) -> Finding {
    let text = error.to_string();
    let named = text.split_once(", line ").map(|(_, rest)| rest);
    let digits = named.and_then(|rest| rest.split([',', ':']).next());
    let named = digits.and_then(|digits| digits.parse().ok());
    Finding::new("invalid", named.unwrap_or(line), text)
}

/// What is wrong with grants that the function accepts.
pub(super) async fn of_grants(grants: &[Grant], text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if !text.lines().next().is_some_and(|line| line.starts_with("#:schema")) {
        found.push(Finding::new("no-schema", 1, "the file does not name its schema"));
    }
    let (places, words) = (Places::new(text), words(text));
    for (index, grant) in grants.iter().enumerate() {
        let definition = grant.definition();
        let name = &definition.name;
        let limits = definition.permissions.limits();
        if limits.max_size_bytes.is_some() || !limits.content_types.is_empty() {
            let key =
                if limits.max_size_bytes.is_some() { "max_size_bytes" } else { "content_types" };
            let text = format!("the grant {name} gives no multipart uploads because of `{key}`");
            found.push(Finding::new("no-multipart", places.of(name, key), text));
        }
        let region = definition.region.as_str();
        if !is_listed(region) {
            let text = format!("`{region}` is not the name of a region");
            found.push(Finding::new("unknown-region", places.of(name, "region"), text));
        }
        let prefix = definition.prefix.as_str();
        let bucket = definition.bucket.as_str();
        let short = definition.bucket.short_name();
        let first = prefix.split('/').next().unwrap_or_default();
        if first == bucket || first == short || first.ends_with(':') || prefix.contains('%') {
            let text = format!("keys do not begin with `{prefix}`");
            found.push(Finding::new("unused-prefix", places.of(name, "prefix"), text));
        }
        let mut others = grants.to_vec();
        others.remove(index);
        let line = places.of(name, "name");
        match standing(grant, &others, &words).await {
            Ok(Standing::Adds) => {}
            Ok(Standing::Unreachable) => {
                let text = format!("no caller can get the grant {name}");
                found.push(Finding::new("unreachable-grant", places.of(name, "match"), text));
            }
            Ok(Standing::Redundant) => {
                let text = format!("the grant {name} gives nothing that other grants do not give");
                found.push(Finding::new("redundant-grant", line, text));
            }
            Err(text) => found.push(Finding::new("not-compared", line, text)),
        }
        if let Err(text) = crate::comparison::fits(grant, grants, &words).await {
            found.push(Finding::new("policy-too-long", line, text));
        }
    }
    found
}

/// Where the keys of grants are written.
pub(super) struct Places<'t>(Vec<(usize, &'t str)>);

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self((1..).zip(text.lines()).collect())
    }

    /// The line of a key of the grant, or that of its name.
    pub(super) fn of(&self, grant: &str, key: &str) -> usize {
        let value = |line: &str, key: &str| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
        };
        let mut start = 0;
        let mut line_of_key = None;
        let mut is_named = None;
        let mut is_grant = false;
        for (number, line) in &self.0 {
            if line.trim().starts_with("[[") {
                is_grant = !line.trim().starts_with("[[issuer");
                if is_named.is_some() {
                    break;
                }
                (start, line_of_key) = (*number, None);
            }
            if !is_grant {
                continue;
            }
            if value(line, key).is_some() {
                line_of_key = Some(*number);
            }
            if value(line, "name").as_deref() == Some(grant) {
                is_named = Some(*number);
            }
        }
        line_of_key.or(is_named).unwrap_or(start)
    }
}
