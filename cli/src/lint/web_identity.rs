//! Findings in the variables of a workload without a key, beyond what the function refuses.

use std::path::{Path, PathBuf};

use super::regions::is_listed;
use super::rules::Finding;
use crate::deployment::Variable;

/// What is wrong with the `TKE_` variables of a file that the function accepts.
pub(super) fn findings(path: &Path, variables: &[Variable]) -> Vec<Finding> {
    let variable = |name: &str| {
        let set = variables.iter().filter(|each| !each.value.is_empty());
        set.rev().find(|each| each.name == name)
    };
    let (set, missing): (Vec<&str>, Vec<&str>) =
        WEB_IDENTITY.into_iter().partition(|name| variable(name).is_some());
    let Some(first) = set.first().and_then(|name| variable(name)) else {
        return Vec::new();
    };
    // Anything may set the region.
    if set == ["TKE_REGION"] {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(key) = KEYS.into_iter().find(|name| variable(name).is_some()) {
        let text = format!("{key} is set, so {} has no effect", set.join(", "));
        found.push(Finding::new("unused-web-identity", first.line, text));
    } else if !missing.is_empty() {
        let text = format!("{} is set, and {} is not", set.join(", "), missing.join(", "));
        found.push(Finding::new("incomplete-web-identity", first.line, text));
    }
    if let Some(region) = variable("TKE_REGION").filter(|region| !is_listed(&region.value)) {
        let text = format!("`{}` is not the name of a region", region.value);
        found.push(Finding::new("unknown-region", region.line, text));
    }
    if let Some((workload, role)) = variable("TKE_ROLE_ARN").zip(variable("ROLE_ARN"))
        && workload.value == role.value
    {
        let text = "TKE_ROLE_ARN and ROLE_ARN are the same role";
        found.push(Finding::new("workload-role", workload.line, text));
    }
    if let Some(file) = variable("TKE_WEB_IDENTITY_TOKEN_FILE")
        && !exists(path, &file.value)
    {
        let text = format!("{} is not on this machine", file.value);
        found.push(Finding::new("unread-token", file.line, text));
    }
    found
}

fn exists(path: &Path, name: &str) -> bool {
    let near = path.parent().unwrap_or_else(|| Path::new("")).join(name);
    [near, PathBuf::from(name)].iter().any(|file| file.exists())
}

/// What a cluster of TKE sets for a service account with a role.
const WEB_IDENTITY: [&str; 4] =
    ["TKE_REGION", "TKE_PROVIDER_ID", "TKE_ROLE_ARN", "TKE_WEB_IDENTITY_TOKEN_FILE"];

/// What takes the place of a web identity.
const KEYS: [&str; 3] = ["SECRET_ID", "TENCENTCLOUD_SECRETID", "ROLE_KEYS"];
