//! From the members of the file to a valid account.

use std::collections::HashSet;
use std::path::Path;

use tencent::cam::{Policy, PolicyError};
use tencent::names::{Bucket, Region};
use toml::Spanned;

use super::super::{Account, AccountFile, KeyPair, OidcProvider, Role, Trust, User, looks_real};
use super::document::{self, Document, TrustKind};

/// The place (a byte offset) and what is wrong there.
type Error = (Option<usize>, String);

pub(super) fn account_file(document: Document, folder: &Path) -> Result<AccountFile, Error> {
    let mut taken = Taken::default();
    let users: Vec<User> = document
        .user
        .into_iter()
        .map(|member| user(member, folder, &mut taken))
        .collect::<Result<_, _>>()?;
    let Some(first) = users.first() else {
        return Err((None, "user: must contain at least one `[[user]]`".to_owned()));
    };
    let mut account = account(
        document.appid,
        document.owner_uin,
        first.uin,
        document.region.as_ref(),
        document.buckets,
    )?;
    if let Some(vpc) = document.vpc {
        if !vpc.get_ref().starts_with("vpc-") {
            return Err(at(&vpc, "vpc: must be the id of a VPC, for example vpc-aqp5jrc1"));
        }
        account.vpc = Some(vpc.into_inner());
    }
    if !taken.uins.insert(account.owner_uin) {
        let message = "owner_uin: must differ from the `uin` of each user";
        return Err((None, message.to_owned()));
    }
    let roles = document.role.into_iter();
    let mut oidc_providers: Vec<OidcProvider> = Vec::new();
    for member in &document.oidc_provider {
        let provider = oidc_provider(member, folder)?;
        if oidc_providers.iter().any(|known| known.name == provider.name) {
            return Err(at(&member.name, "oidc_provider.name: must be unique"));
        }
        oidc_providers.push(provider);
    }
    Ok(AccountFile {
        account,
        root_keys: keys(document.root_key, "root_key", &mut taken)?,
        roles: roles
            .map(|member| role(&member, folder, &users, &oidc_providers, &mut taken))
            .collect::<Result<_, _>>()?,
        users,
        oidc_providers,
    })
}

/// What must be unique.
#[derive(Default)]
struct Taken {
    names: HashSet<String>,
    uins: HashSet<u64>,
    role_names: HashSet<String>,
    role_ids: HashSet<u64>,
    secret_ids: HashSet<String>,
}

fn account(
    appid: u64,
    owner_uin: u64,
    user_uin: u64,
    region: Option<&Spanned<String>>,
    buckets: Option<Spanned<Vec<Spanned<String>>>>,
) -> Result<Account, Error> {
    let mut account = Account { appid, owner_uin, user_uin, ..Account::default() };
    if let Some(region) = region {
        let text = region.get_ref();
        Region::parse(text).map_err(|error| at(region, format!("region: {error}")))?;
        account.region.clone_from(text);
    }
    let Some(buckets) = buckets else {
        account.bucket = format!("examplebucket-{appid}");
        return Ok(account);
    };
    let mut names = Vec::new();
    for bucket in buckets.get_ref() {
        let parsed = Bucket::parse(bucket.get_ref())
            .map_err(|error| at(bucket, format!("buckets: {error}")))?;
        if parsed.appid() != appid.to_string() {
            let message = format!("buckets: must end in the account's own `-{appid}`");
            return Err(at(bucket, message));
        }
        if names.contains(bucket.get_ref()) {
            return Err(at(bucket, "buckets: must be unique; this one occurs twice"));
        }
        names.push(bucket.get_ref().clone());
    }
    let mut names = names.into_iter();
    account.bucket =
        names.next().ok_or_else(|| at(&buckets, "buckets: must contain at least one bucket"))?;
    account.more_buckets = names.collect();
    Ok(account)
}

fn user(member: document::User, folder: &Path, taken: &mut Taken) -> Result<User, Error> {
    let name = name(&member.name, "user.name")?;
    if !taken.names.insert(name.clone()) {
        return Err(at(&member.name, "user.name: must be unique"));
    }
    if !taken.uins.insert(*member.uin.get_ref()) {
        return Err(at(&member.uin, "user.uin: must be unique"));
    }
    let policies = policies(&member.policies, &member.policy_files, "user", folder)?;
    Ok(User {
        name,
        uin: member.uin.into_inner(),
        policies,
        keys: keys(member.key, "user.key", taken)?,
    })
}

fn role(
    member: &document::Role,
    folder: &Path,
    users: &[User],
    oidc_providers: &[OidcProvider],
    taken: &mut Taken,
) -> Result<Role, Error> {
    let name = name(&member.name, "role.name")?;
    if !taken.role_names.insert(name.clone()) {
        return Err(at(&member.name, "role.name: must be unique"));
    }
    let policies = policies(&member.policies, &member.policy_files, "role", folder)?;
    let mut role = Role::new(name).policies(policies).trust(trust(member, users, oidc_providers)?);
    if let Some(id) = &member.id {
        if !taken.role_ids.insert(*id.get_ref()) {
            return Err(at(id, "role.id: must be unique"));
        }
        role.id = *id.get_ref();
    }
    if let Some(seconds) = &member.max_session_seconds {
        // https://www.tencentcloud.com/document/product/598/19419
        if !(1..=43_200).contains(seconds.get_ref()) {
            return Err(at(
                seconds,
                "role.max_session_seconds: must be 1 to 43200, for example 7200",
            ));
        }
        role.max_session_seconds = *seconds.get_ref();
    }
    if let Some(external_id) = &member.external_id {
        if !(2..=128).contains(&external_id.get_ref().chars().count()) {
            let message = "role.external_id: must be 2 to 128 characters";
            return Err(at(external_id, message));
        }
        role.external_id = Some(external_id.get_ref().clone());
    }
    Ok(role)
}

fn oidc_provider(member: &document::OidcProvider, folder: &Path) -> Result<OidcProvider, Error> {
    let name = name(&member.name, "oidc_provider.name")?;
    let client_ids = member.client_ids.get_ref();
    if client_ids.is_empty() {
        let message = "oidc_provider.client_ids: must contain at least one audience of tokens";
        return Err(at(&member.client_ids, message));
    }
    let file = &member.jwks_file;
    let jwks = std::fs::read_to_string(folder.join(file.get_ref())).map_err(|error| {
        at(file, format!("oidc_provider.jwks_file: `{}`: {error}", file.get_ref()))
    })?;
    let provider = OidcProvider::new(name, &member.issuer, client_ids, &jwks);
    provider.map_err(|error| at(file, format!("oidc_provider.jwks_file: {error}")))
}

fn trust(
    member: &document::Role,
    users: &[User],
    oidc_providers: &[OidcProvider],
) -> Result<Trust, Error> {
    let kind = member.trust;
    if let Some(first) = member.trusted_users.first()
        && kind != TrustKind::Users
    {
        return Err(at(first, "role.trusted_users: requires trust = \"users\""));
    }
    let of_tokens = member.trusted_provider.iter().chain(&member.trusted_subjects).next();
    if let Some(first) = of_tokens
        && kind != TrustKind::Oidc
    {
        let message = "role.trusted_provider and trusted_subjects: require trust = \"oidc\"";
        return Err(at(first, message));
    }
    match kind {
        TrustKind::Account => return Ok(Trust::Account),
        TrustKind::Service => return Ok(Trust::Service),
        TrustKind::Oidc => {
            let message = "role.trusted_provider: must be the name of an `[[oidc_provider]]`";
            let provider = member.trusted_provider.as_ref();
            let provider = provider.ok_or_else(|| at(&member.name, message))?;
            if !oidc_providers.iter().any(|known| known.name == *provider.get_ref()) {
                return Err(at(provider, message));
            }
            let subjects = member.trusted_subjects.iter();
            let subjects = subjects.map(|subject| subject.get_ref().clone()).collect();
            return Ok(Trust::Oidc { provider: provider.get_ref().clone(), subjects });
        }
        TrustKind::Users => {}
    }
    let uin_of = |name: &Spanned<String>| {
        let user = users.iter().find(|user| user.name == *name.get_ref());
        user.map(|user| user.uin)
            .ok_or_else(|| at(name, "role.trusted_users: must be the name of a user"))
    };
    let uins = member.trusted_users.iter().map(uin_of);
    Ok(Trust::Users(uins.collect::<Result<_, _>>()?))
}

fn policies(
    inline: &[Spanned<String>],
    files: &[Spanned<String>],
    owner: &str,
    folder: &Path,
) -> Result<Vec<Policy>, Error> {
    let mut policies = Vec::new();
    for text in inline {
        let policy = Policy::parse(text.get_ref());
        policies.push(policy.map_err(|error| at(text, explained(owner, "policies", &error)))?);
    }
    for file in files {
        let path = folder.join(file.get_ref());
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("{owner}.policy_files: `{}`: {error}", file.get_ref());
            at(file, message)
        })?;
        let policy = Policy::parse(&text);
        policies.push(policy.map_err(|error| at(file, explained(owner, "policy_files", &error)))?);
    }
    Ok(policies)
}

fn explained(owner: &str, member: &str, error: &PolicyError) -> String {
    match error {
        PolicyError::Syntax(detail) => format!("{owner}.{member}: {error}: {detail}"),
        PolicyError::Empty | PolicyError::Long => format!("{owner}.{member}: {error}"),
    }
}

fn keys(
    members: Vec<Spanned<document::Key>>,
    place: &str,
    taken: &mut Taken,
) -> Result<Vec<KeyPair>, Error> {
    let mut keys = Vec::new();
    for member in members {
        let offset = Some(member.span().start);
        let given = member.into_inner();
        let mut pair = KeyPair::random();
        if let Some(secret_id) = given.secret_id {
            let known = |c: char| c.is_ascii_alphanumeric();
            if looks_real(&secret_id) || !secret_id.starts_with("AKIDEMU") {
                let message = format!(
                    "{place}.secret_id: must begin with AKIDEMU; this cloud refuses other keys"
                );
                return Err((offset, message));
            }
            if !secret_id.chars().all(known) || secret_id.len() > 64 {
                let message = format!("{place}.secret_id: must be at most 64 letters and digits");
                return Err((offset, message));
            }
            pair.secret_id = secret_id;
        }
        if let Some(secret_key) = given.secret_key {
            // What is shorter would be found everywhere by a search for leaks.
            if secret_key.len() < 16 {
                let message = format!("{place}.secret_key: must be at least 16 characters");
                return Err((offset, message));
            }
            pair.secret_key = secret_key;
        }
        if !taken.secret_ids.insert(pair.secret_id.clone()) {
            return Err((offset, format!("{place}.secret_id: must be unique")));
        }
        keys.push(pair);
    }
    Ok(keys)
}

/// 1 to 64 letters, digits and `-_.@`.
fn name(name: &Spanned<String>, place: &str) -> Result<String, Error> {
    let text = name.get_ref();
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(known) {
        let message =
            format!("{place}: must be 1 to 64 letters, digits and -_.@, for example issuer");
        return Err(at(name, message));
    }
    Ok(text.clone())
}

fn at<T>(place: &Spanned<T>, message: impl Into<String>) -> Error {
    (Some(place.span().start), message.into())
}
