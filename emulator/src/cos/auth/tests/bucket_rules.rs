//! Bucket policies and hotlink protection: whom they allow what, and whom they deny it.

use std::sync::Arc;

use super::anonymous::unsigned;
use super::{BUCKET, Draft, World, allow, authorize, denied};
use crate::account::{Identity, Role, User};
use crate::cos::bucket_policy::BucketPolicy;
use crate::cos::referer::Referer;

impl World {
    /// Sets a policy of one statement on everything in the bucket; `more` are further members.
    fn set_policy(&self, effect: &str, principal: &str, action: &str, more: &str) {
        let text = format!(
            r#"{{"version":"2.0","Statement":[{{"Principal":{{"qcs":"{principal}"}},"Effect":"{effect}",
            "Action":"name/cos:{action}",
            "Resource":"qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/*"{more}}}]}}"#
        );
        let policy = BucketPolicy::parse(&text).unwrap();
        self.store.change_settings(BUCKET, |settings| settings.with_policy(Some(policy))).unwrap();
    }
}

const ANYONE: &str = "qcs::cam::anyone:anyone";
const USER: &str = "qcs::cam::uin/100000000001:uin/7";

fn get() -> Draft {
    Draft::new("GET", "/a", "")
}

#[test]
fn a_bucket_policy_allows_its_principals_what_it_names() {
    let world = World::new();
    let user = world.user_with(User::new("seven", 7).policies(Vec::new()));
    let other = world.user_with(User::new("eight", 8).policies(Vec::new()));
    world.set_policy("allow", USER, "GetObject", "");
    authorize(&world, get(), &user).unwrap();
    denied(&world, get(), &other);
    denied(&world, Draft::new("PUT", "/a", ""), &user);
    assert!(unsigned(&world, &get()).is_err());
    world.set_policy("allow", ANYONE, "GetObject", "");
    authorize(&world, get(), &other).unwrap();
    unsigned(&world, &get()).unwrap();
    for draft in
        [Draft::new("PUT", "/a", ""), Draft::new("GET", "/", ""), Draft::new("HEAD", "/a", "")]
    {
        assert_eq!(unsigned(&world, &draft).unwrap_err().code, "AccessDenied");
    }
    // An account of the same number as the user is another one.
    world.set_policy("allow", "qcs::cam::uin/7:uin/7", "GetObject", "");
    denied(&world, get(), &user);
}

#[test]
fn a_deny_of_a_bucket_policy_wins() {
    let world = World::new();
    world.put_object("a", "public-read");
    unsigned(&world, &get()).unwrap();
    world.set_policy("deny", ANYONE, "GetObject", "");
    for refused in [unsigned(&world, &get()), authorize(&world, get(), &world.user)] {
        let reason = refused.unwrap_err().reason.unwrap();
        assert!(reason.starts_with("denied by statement 0 of the bucket policy"), "{reason}");
    }
    let session = world.session(&allow("*", "*", ""));
    denied(&world, get(), &session);
    denied(&world, get(), &world.root);
    authorize(&world, Draft::new("PUT", "/a", ""), &world.user).unwrap();
    // The user of a session is denied through it too, and so is a role.
    world.set_policy("deny", "qcs::cam::uin/100000000001:uin/100000000002", "GetObject", "");
    denied(&world, get(), &session);
    authorize(&world, get(), &world.root).unwrap();
    unsigned(&world, &get()).unwrap();
    world.set_policy("deny", "qcs::cam::uin/100000000001:roleName/r", "GetObject", "");
    let role = |name: &str| {
        let policies = vec![tencent::cam::Policy::parse(&allow("*", "*", "")).unwrap()];
        world.issue(Identity::RoleSession {
            role: Arc::new(Role::new(name).policies(policies)),
            session_name: "s".to_owned(),
            caller_uin: 1,
            policy: None,
        })
    };
    denied(&world, get(), &role("r"));
    authorize(&world, get(), &role("s")).unwrap();
}

#[test]
fn the_owner_can_always_replace_the_policy() {
    let world = World::new();
    world.set_policy("deny", ANYONE, "*", "");
    authorize(&world, Draft::new("PUT", "/", "policy"), &world.root).unwrap();
    denied(&world, Draft::new("DELETE", "/", "policy"), &world.root);
    denied(&world, Draft::new("PUT", "/", "policy"), &world.user);
    let session = world.session(&allow("*", "*", ""));
    denied(&world, Draft::new("PUT", "/", "policy"), &session);
}

#[test]
fn a_bucket_policy_gives_a_session_no_more_than_its_policy() {
    let world = World::new();
    world.set_policy("allow", ANYONE, "*", "");
    let session = world.session(&allow("GetObject", "a", ""));
    authorize(&world, get(), &session).unwrap();
    denied(&world, Draft::new("GET", "/b", ""), &session);
    denied(&world, Draft::new("PUT", "/a", ""), &session);
    // A role without rights, whose session has no policy: an allow for everyone is for it too.
    let role = world.issue(Identity::RoleSession {
        role: Arc::new(Role::new("nothing").policies(Vec::new())),
        session_name: "s".to_owned(),
        caller_uin: 7,
        policy: None,
    });
    authorize(&world, get(), &role).unwrap();
    world.set_policy("allow", "qcs::cam::uin/100000000001:roleName/nothing", "*", "");
    denied(&world, get(), &role);
    world.set_policy("allow", USER, "*", "");
    denied(&world, get(), &role);
}

#[test]
fn conditions_of_a_bucket_policy_are_those_of_any_other() {
    let world = World::new();
    let from = |network: &str| format!(r#","Condition":{{"ip_equal":{{"qcs:ip":"{network}"}}}}"#);
    world.set_policy("allow", ANYONE, "GetObject", &from("127.0.0.0/8"));
    unsigned(&world, &get()).unwrap();
    world.set_policy("allow", ANYONE, "GetObject", &from("10.0.0.0/8"));
    assert!(unsigned(&world, &get()).is_err());
    world.set_policy("deny", ANYONE, "GetObject", &from("127.0.0.0/8"));
    denied(&world, get(), &world.user);
    // Who sent a request without a signature is not known, so no condition on that is met.
    let uin = r#","Condition":{"string_not_equal":{"qcs:uin":"1"}}"#;
    world.set_policy("allow", ANYONE, "GetObject", uin);
    assert!(unsigned(&world, &get()).is_err());
}

#[test]
fn hotlink_protection_checks_requests_without_a_signature() {
    let world = World::new();
    world.put_object("a", "public-read");
    let text = "<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType>\
        <DomainList><Domain>*.example.com</Domain></DomainList></RefererConfiguration>";
    let referer = Referer::parse(text.as_bytes()).unwrap();
    world.store.change_settings(BUCKET, |settings| settings.with_referer(referer)).unwrap();
    let from = |page: &str| get().header("referer", page);
    unsigned(&world, &from("http://www.example.com/index.html")).unwrap();
    for draft in [get(), from("http://evil.com/"), from("http://www.example.com.evil.com/")] {
        let reason = unsigned(&world, &draft).unwrap_err().reason.unwrap();
        assert!(reason.contains("hotlink protection"), "{reason}");
    }
    let twice = from("http://www.example.com/").header("referer", "http://evil.com/");
    assert_eq!(unsigned(&world, &twice).unwrap_err().code, "InvalidArgument");
    authorize(&world, get(), &world.user).unwrap();
}
