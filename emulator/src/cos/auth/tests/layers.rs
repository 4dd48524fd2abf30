//! Which policies count, where the account ends, and what the log keeps.

use std::sync::Arc;

use tencent::cam::Policy;

use super::{BUCKET, Credential, Draft, World, allow, authorize, denied, statement};
use crate::account::{Identity, Permanent, Role, User};

#[test]
fn both_layers_have_to_allow() {
    let world = World::new();
    let narrow = Policy::parse(&allow("PutObject", "a/*", "")).unwrap();
    let narrow = Arc::new(User::new("narrow", 1).policies(vec![narrow]));
    let nothing = Arc::new(User::new("nothing", 2).policies(Vec::new()));
    let everything = Policy::parse(&allow("*", "*", "")).unwrap();
    let federation = |user: &Arc<User>| {
        world.issue(Identity::Federation {
            name: "wide".to_owned(),
            caller: Permanent::User(Arc::clone(user)),
            policy: everything.clone(),
        })
    };
    let put = |path: &str| Draft::new("PUT", path, "");
    authorize(&world, put("/a/1"), &federation(&narrow)).unwrap();
    let reason = denied(&world, put("/b/1"), &federation(&narrow));
    assert!(reason.contains("the identity policy"), "{reason}");
    denied(&world, put("/a/1"), &federation(&nothing));
    let own = |user: &Arc<User>| Credential {
        pair: world.directory.add_permanent(Permanent::User(Arc::clone(user)), None).unwrap(),
        token: None,
    };
    authorize(&world, put("/a/1"), &own(&narrow)).unwrap();
    denied(&world, put("/b/1"), &own(&narrow));
    denied(&world, put("/a/1"), &own(&nothing));

    let role =
        Role::new("r").policies(vec![Policy::parse(&allow("PutObject", "a/*", "")).unwrap()]);
    let role = Arc::new(role);
    let session = |policy: Option<&str>| {
        world.issue(Identity::RoleSession {
            role: Arc::clone(&role),
            session_name: "s".to_owned(),
            caller_uin: 1,
            policy: policy.map(|text| Policy::parse(text).unwrap()),
        })
    };
    authorize(&world, put("/a/1"), &session(None)).unwrap();
    denied(&world, put("/b/1"), &session(None));
    let reason = denied(&world, put("/b/1"), &session(Some(&allow("*", "*", ""))));
    assert!(reason.contains("the role policy"), "{reason}");
    denied(&world, put("/a/1"), &session(Some(&allow("*", "a/2", ""))));

    // Only its policy and the account limit the owner's own token.
    let owners = world.issue(Identity::Federation {
        name: "owners".to_owned(),
        caller: Permanent::Root,
        policy: Policy::parse(&allow("PutObject", "a/*", "")).unwrap(),
    });
    authorize(&world, put("/a/1"), &owners).unwrap();
    denied(&world, put("/b/1"), &owners);
}

#[test]
fn the_account_ends_at_its_buckets() {
    let world = World::new();
    let star = world.session(&allow("*", "*", ""));
    for by in [&world.root, &world.user, &star] {
        let other = Draft {
            host: "examplebucket-1250000009.cos.ap-guangzhou.myqcloud.com".to_owned(),
            ..Draft::new("GET", "/a", "")
        };
        let reason = denied(&world, other, by);
        assert!(reason.contains("not a bucket of this account"), "{reason}");
    }
}

#[test]
fn a_decision_is_explained_and_remembered() {
    let world = World::new();
    let policy = format!(
        r#"{{"version":"2.0","statement":[{},{}]}}"#,
        statement("allow", "*", "*", ""),
        statement(
            "deny",
            "PutObject",
            "*",
            r#","condition":{"numeric_greater_than":{"cos:content-length":5},"string_equal_if_exist":{"cos:x-cos-acl":"x"}}"#
        ),
    );
    let session = world.session(&policy);
    let put = Draft::new("PUT", "/a", "").header("content-length", "6");
    let reason = denied(&world, put, &session);
    assert_eq!(
        reason,
        "denied by statement 1 of the session policy (`name/cos:PutObject` on `*`), whatever others allow"
    );
    let record = world.authorizer.decisions().pop().unwrap();
    assert!(!record.is_authorized);
    assert_eq!(record.reason.as_deref(), Some(reason.as_str()));
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["operation"], "PutObject");
    assert_eq!(json["secretId"], session.pair.secret_id.as_str());
    assert_eq!(json["callerKind"], "federation");
    assert_eq!(json["accesses"][0]["target"], format!("{BUCKET}/a"));
    assert_eq!(json["accesses"][0]["seen"]["cos:content-length"][0], "6");
    assert_eq!(json["accesses"][0]["missing"][0], "cos:x-cos-acl");
    assert_eq!(json["accesses"][0]["statements"][2], "statement 1 of the session policy");
    let secrets = [session.token.as_deref().unwrap(), &session.pair.secret_key];
    assert!(secrets.iter().all(|secret| !json.to_string().contains(*secret)));
    for _ in 0..1100 {
        let outcome = authorize(&world, Draft::new("PATCH", "/", ""), &world.root);
        assert_eq!(outcome.unwrap_err().code, "NotImplemented");
    }
    assert_eq!(world.authorizer.decisions().len(), 1000);
}
