//! Lifecycle rules: what happens to objects, versions and uploads some days after they were made.
//! <https://www.tencentcloud.com/document/product/436/8280>,
//! <https://www.tencentcloud.com/document/product/436/17028>
//!
//! Documented: rules run once a day, at midnight; expiration comes before a transition, and of
//! several transitions the one to the coldest class counts. Inferred: midnight is that of Beijing,
//! and a rule or part of it that is not understood has no effect.

use tencent::time::Timestamp;

use super::tags::Tags;
use crate::cos::http::xml::{self, Element};

/// The rules of a bucket that are enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    prefix: String,
    tags: Vec<(String, String)>,
    expiration_days: Option<i64>,
    removes_lonely_markers: bool,
    transitions: Vec<(i64, String)>,
    noncurrent_days: Option<i64>,
    noncurrent_transitions: Vec<(i64, String)>,
    upload_days: Option<i64>,
}

/// What a rule does with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Expire,
    /// To this storage class.
    Transition(String),
}

/// The day of a run, counted from 1970; it begins at midnight in Beijing.
pub(crate) fn day_of(now: Timestamp) -> i64 {
    now.unix_seconds().saturating_add(BEIJING_SECONDS).div_euclid(DAY_SECONDS)
}

impl Lifecycle {
    /// The enabled rules of a kept document.
    pub(crate) fn of_document(text: &str) -> Self {
        let root = xml::parse(text.as_bytes()).unwrap_or_default();
        let is_enabled = |rule: &&Element| rule.text_of("Status").map(str::trim) == Some("Enabled");
        Self { rules: root.all("Rule").filter(is_enabled).filter_map(Rule::of).collect() }
    }

    /// What happens to the visible object `key` in the run of `day`.
    pub(crate) fn action(
        &self,
        key: &str,
        tags: &Tags,
        class: &str,
        modified: Timestamp,
        day: i64,
    ) -> Option<Action> {
        let rules = || self.rules.iter().filter(|rule| rule.matches(key, Some(tags)));
        if rules().filter_map(|rule| rule.expiration_days).any(|days| is_due(modified, days, day)) {
            return Some(Action::Expire);
        }
        transition(rules().flat_map(|rule| &rule.transitions), class, modified, day)
    }

    /// What happens in the run of `day` to a version that was replaced at `replaced`.
    pub(crate) fn noncurrent_action(
        &self,
        key: &str,
        class: &str,
        replaced: Timestamp,
        day: i64,
    ) -> Option<Action> {
        let rules = || self.rules.iter().filter(|rule| rule.matches(key, None));
        if rules().filter_map(|rule| rule.noncurrent_days).any(|days| is_due(replaced, days, day)) {
            return Some(Action::Expire);
        }
        transition(rules().flat_map(|rule| &rule.noncurrent_transitions), class, replaced, day)
    }

    /// Whether a delete marker goes once it is the only version of its key.
    pub(crate) fn removes_lonely_marker(&self, key: &str) -> bool {
        self.rules.iter().any(|rule| rule.removes_lonely_markers && rule.matches(key, None))
    }

    /// Whether an upload that began at `initiated` is aborted in the run of `day`.
    pub(crate) fn aborts(&self, key: &str, initiated: Timestamp, day: i64) -> bool {
        let rules = self.rules.iter().filter(|rule| rule.matches(key, None));
        rules.filter_map(|rule| rule.upload_days).any(|days| is_due(initiated, days, day))
    }
}

impl Rule {
    fn of(element: &Element) -> Option<Self> {
        let filter = element.child("Filter");
        let filter = filter.map(|filter| filter.child("And").unwrap_or(filter));
        let days = |child: &str, name: &str| -> Option<i64> {
            element.child(child)?.text_of(name)?.trim().parse().ok().filter(|days| *days >= 0)
        };
        let tag = |tag: &Element| {
            Some((tag.text_of("Key")?.to_owned(), tag.text_of("Value")?.to_owned()))
        };
        let transitions = |child: &str, name: &str| {
            let read = |transition: &Element| {
                let days = transition.text_of(name)?.trim().parse().ok();
                let class = transition.text_of("StorageClass")?.trim().to_owned();
                let is_known = coldness(&class).is_some();
                days.filter(|days| *days >= 0 && is_known).map(|days| (days, class))
            };
            element.all(child).filter_map(read).collect()
        };
        let tags = filter.into_iter().flat_map(|filter| filter.all("Tag")).map(tag);
        Some(Self {
            // Without its tags, a rule would be about more than it names.
            tags: tags.collect::<Option<_>>()?,
            prefix: filter
                .and_then(|filter| filter.text_of("Prefix"))
                .or_else(|| element.text_of("Prefix"))
                .unwrap_or_default()
                .to_owned(),
            expiration_days: days("Expiration", "Days").filter(|days| *days > 0),
            removes_lonely_markers: element
                .child("Expiration")
                .and_then(|expiration| expiration.text_of("ExpiredObjectDeleteMarker"))
                .is_some_and(|value| value.trim() == "true"),
            transitions: transitions("Transition", "Days"),
            noncurrent_transitions: transitions("NoncurrentVersionTransition", "NoncurrentDays"),
            noncurrent_days: days("NoncurrentVersionExpiration", "NoncurrentDays"),
            upload_days: days("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
        })
    }

    /// Whether it is about `key`. A rule with tags is about visible objects only (inferred).
    fn matches(&self, key: &str, tags: Option<&Tags>) -> bool {
        let has = |(name, value): &(String, String)| {
            tags.is_some_and(|tags| tags.iter().any(|tag| tag == (name.as_str(), value.as_str())))
        };
        key.starts_with(&self.prefix) && self.tags.iter().all(has)
    }
}

/// The transition to the coldest class that is due; never to a warmer one.
fn transition<'a>(
    transitions: impl Iterator<Item = &'a (i64, String)>,
    class: &str,
    from: Timestamp,
    day: i64,
) -> Option<Action> {
    transitions
        .filter(|(days, _)| is_due(from, *days, day))
        .map(|(_, class)| class)
        .max_by_key(|class| coldness(class))
        .filter(|coldest| coldness(coldest) > coldness(class))
        .map(|coldest| Action::Transition(coldest.clone()))
}

/// Whether `days` have passed since `from` when the run of `day` begins.
fn is_due(from: Timestamp, days: i64, day: i64) -> bool {
    let begin = day.saturating_mul(DAY_SECONDS).saturating_sub(BEIJING_SECONDS);
    from.unix_seconds().saturating_add(days.saturating_mul(DAY_SECONDS)) <= begin
}

fn coldness(class: &str) -> Option<usize> {
    COLDNESS.iter().position(|listed| *listed == class)
}

/// The classes that a rule can move objects to, the coldest last (documented: never back).
const COLDNESS: [&str; 6] = [
    "INTELLIGENT_TIERING",
    "MAZ_INTELLIGENT_TIERING",
    "STANDARD_IA",
    "MAZ_STANDARD_IA",
    "ARCHIVE",
    "DEEP_ARCHIVE",
];

const DAY_SECONDS: i64 = 24 * 60 * 60;
const BEIJING_SECONDS: i64 = 8 * 60 * 60;

#[cfg(test)]
mod tests {
    use tencent::time::Timestamp;

    use super::{Action, Lifecycle, day_of};
    use crate::cos::tags::Tags;

    /// Midnight in Beijing.
    const MIDNIGHT: i64 = 1_700_064_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(MIDNIGHT).unwrap().plus_seconds(seconds.try_into().unwrap())
    }

    fn rules(inside: &str) -> Lifecycle {
        Lifecycle::of_document(&format!(
            "<LifecycleConfiguration>{inside}</LifecycleConfiguration>"
        ))
    }

    #[test]
    fn a_rule_runs_at_the_midnight_after_its_days() {
        let rules = rules(
            "<Rule><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>\
             <Expiration><Days>1</Days></Expiration></Rule>",
        );
        let none = Tags::default();
        let action = |key: &str, modified: i64, now: i64| {
            rules.action(key, &none, "STANDARD", at(modified), day_of(at(now)))
        };
        // At 15:00 of one day: not at midnight of the next, but of the one after.
        for (now, expires) in
            [(15, false), (24, false), (39, false), (47, false), (48, true), (60, true)]
        {
            let expected = expires.then_some(Action::Expire);
            assert_eq!(action("logs/a", 15 * 3600, now * 3600), expected, "{now}");
        }
        assert_eq!(action("other", 0, 100 * 86_400), None);
        assert_eq!(action("logs/a", 0, 86_400), Some(Action::Expire));
    }

    #[test]
    fn expiration_comes_first_and_the_coldest_class_counts() {
        let rule = |inside: &str| {
            format!("<Rule><Filter><Prefix/></Filter><Status>Enabled</Status>{inside}</Rule>")
        };
        let to = |days: u32, class: &str| {
            let days = format!("<Days>{days}</Days>");
            rule(&format!("<Transition>{days}<StorageClass>{class}</StorageClass></Transition>"))
        };
        let expire = rule("<Expiration><Days>9</Days></Expiration>");
        let all =
            [to(1, "STANDARD_IA"), to(3, "ARCHIVE"), to(3, "INTELLIGENT_TIERING"), expire].concat();
        let all = rules(&all);
        let none = Tags::default();
        for (days, class, expected) in [
            (0, "STANDARD", None),
            (1, "STANDARD", Some("STANDARD_IA")),
            (2, "STANDARD_IA", None),
            (3, "STANDARD_IA", Some("ARCHIVE")),
            (3, "DEEP_ARCHIVE", None),
        ] {
            let action = all.action("a", &none, class, at(0), day_of(at(days * 86_400)));
            let expected = expected.map(|class: &str| Action::Transition(class.to_owned()));
            assert_eq!(action, expected, "{days} {class}");
        }
        let action = all.action("a", &none, "STANDARD", at(0), day_of(at(9 * 86_400)));
        assert_eq!(action, Some(Action::Expire));
    }

    #[test]
    fn what_is_not_understood_has_no_effect() {
        let (late, none) = (day_of(at(1000 * 86_400)), Tags::default());
        for inside in [
            "<Rule><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
            "<Rule><Expiration><Days>1</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><Expiration><Days>0</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><Expiration><Days>-1</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><Expiration><Days>x</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><Filter><And><Tag><Key>k</Key></Tag></And></Filter>\
             <Expiration><Days>1</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>\
             <Expiration><Days>1</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><Transition><Days>1</Days>\
             <StorageClass>STANDARD</StorageClass></Transition></Rule>",
        ] {
            let rules = rules(inside);
            assert_eq!(rules.action("a", &none, "STANDARD", at(0), late), None, "{inside}");
        }
        let tagged = rules(
            "<Rule><Status>Enabled</Status><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>\
             <Expiration><Days>1</Days></Expiration></Rule>",
        );
        let tags = Tags::of_header("k=v", 10).unwrap();
        assert_eq!(tagged.action("a", &tags, "STANDARD", at(0), late), Some(Action::Expire));
    }
}
