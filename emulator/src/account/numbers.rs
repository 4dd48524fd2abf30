//! The account: its numbers, its region and its buckets.

/// The account's numbers, which never change.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's application id, the end of each bucket's name.
    pub appid: u64,
    /// The account id of the owner.
    pub owner_uin: u64,
    /// The account id of the first CAM user.
    pub user_uin: u64,
    /// The region.
    pub region: String,
    /// The first bucket, `<name>-<appid>`.
    pub bucket: String,
    /// Further buckets that exist at the start, all in the same region.
    pub more_buckets: Vec<String>,
    /// The VPC that all requests to COS come from; none unless set.
    pub vpc: Option<String>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            appid: 1_250_000_000,
            owner_uin: 100_000_000_001,
            user_uin: 100_000_000_002,
            region: "ap-guangzhou".to_owned(),
            bucket: "examplebucket-1250000000".to_owned(),
            more_buckets: Vec::new(),
            vpc: None,
        }
    }
}

impl Account {
    /// The ARN of the role `name`.
    pub fn role_arn(&self, name: &str) -> String {
        format!("qcs::cam::uin/{}:roleName/{name}", self.owner_uin)
    }

    /// The account as policies see it.
    pub(crate) fn of_policies(&self) -> tencent::cam::Account {
        tencent::cam::Account {
            appid: self.appid.to_string(),
            owner_uin: self.owner_uin.to_string(),
        }
    }
}
