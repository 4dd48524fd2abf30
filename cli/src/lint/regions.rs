//! The regions that exist.

/// Whether the vendor lists a region of this name.
pub(super) fn is_listed(region: &str) -> bool {
    REGIONS.contains(&region)
}

/// Of COS, <https://www.tencentcloud.com/document/product/436/6224>, with the zones for finance,
/// which only the page for China has, <https://cloud.tencent.com/document/product/436/6224>.
const REGIONS: [&str; 22] = [
    "ap-bangkok",
    "ap-beijing",
    "ap-beijing-1",
    "ap-beijing-fsi",
    "ap-chengdu",
    "ap-chongqing",
    "ap-guangzhou",
    "ap-hongkong",
    "ap-jakarta",
    "ap-mumbai",
    "ap-nanjing",
    "ap-seoul",
    "ap-shanghai",
    "ap-shanghai-fsi",
    "ap-shenzhen-fsi",
    "ap-singapore",
    "ap-tokyo",
    "eu-frankfurt",
    "na-ashburn",
    "na-siliconvalley",
    "na-toronto",
    "sa-saopaulo",
];
