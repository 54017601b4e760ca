//! What goes by its age: tags that no rule keeps, and manifests that nothing holds.
//!
//! A tag goes where a rule selects it and none that selects it keeps it. What is immutable stays, whatever a rule says,
//! and so does a manifest that has a tag, had one of late, is named by another manifest, or is about one that is there.
//! A plan is only read; carrying it out asks everything again, in the transaction that takes something away.

mod cursor;
mod plan;
mod sweep;

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Place, Result, RuleName, Tag, Timestamp};

use super::{Named, Selection};
pub use cursor::ExpiringCursor;
pub use plan::Expiring;
pub use sweep::Expired;

/// The most days a rule may speak of.
const MOST_DAYS: u32 = 36_500;
const DAY: i64 = 24 * 3600;

/// A rule about what goes by its age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Which tags of which repositories; of manifests without a tag, only which repositories.
    #[serde(default)]
    pub select: Selection,
    /// What goes.
    #[serde(default)]
    pub of: Expirable,
    /// So many of the latest tags that it selects stay, in each repository.
    #[serde(default)]
    pub keep_newest: Option<u32>,
    /// What is younger than so many days stays: since a tag was last moved, since a manifest was first pushed.
    #[serde(default)]
    pub keep_days: Option<u32>,
}

/// What a rule lets go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expirable {
    /// Tags; their manifests stay, without them.
    #[default]
    Tags,
    /// Manifests that have no tag.
    Untagged,
}

impl RetentionRule {
    /// Refuses a rule that would keep nothing, or cannot be meant.
    pub(crate) fn expect_something(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(Kind::Invalid, message));
        match (self.of, self.keep_newest, self.keep_days) {
            (_, _, Some(days)) if days > MOST_DAYS => {
                invalid(&format!("a rule speaks of at most {MOST_DAYS} days"))
            }
            (Expirable::Tags, None, None) => invalid("a rule about tags says keep_newest or keep_days"),
            (Expirable::Tags, Some(0), None | Some(0)) => invalid(
                "keep_newest: with 0 every tag goes that the rule selects: say how many stay, or keep_days",
            ),
            (Expirable::Tags, None, Some(0)) => invalid(
                "keep_days: with 0 every tag goes that the rule selects: say for how long they stay, or keep_newest",
            ),
            (Expirable::Untagged, Some(_), _) | (Expirable::Untagged, _, None) => {
                invalid("a rule about manifests without a tag says keep_days, and nothing else")
            }
            (Expirable::Untagged, ..) if self.select.is_about_tags() => {
                invalid("a rule about manifests without a tag selects repositories, and no tags")
            }
            _ => Ok(()),
        }
    }

    fn keeps_age(&self, since: Timestamp, now: Timestamp) -> bool {
        self.keep_days.is_some_and(|days| since > now.plus_seconds(-i64::from(days) * DAY))
    }
}

/// Judges the tags of one repository, the latest first.
struct Judge<'a> {
    place: &'a Place,
    now: Timestamp,
    /// The rules about tags, and how many each has seen.
    rules: Vec<(&'a Named<RetentionRule>, u32)>,
}

impl<'a> Judge<'a> {
    fn of(rules: &'a [Named<RetentionRule>], place: &'a Place, now: Timestamp) -> Self {
        let of_tags = rules.iter().filter(|named| named.rule.of == Expirable::Tags);
        Self { place, now, rules: of_tags.map(|named| (named, 0)).collect() }
    }

    /// The rule by which a tag goes. Every rule that selects it counts it, whatever becomes of it.
    fn verdict(&mut self, tag: &Tag, since: Timestamp) -> Option<&'a RuleName> {
        let (mut goes, mut kept) = (None, false);
        for (named, seen) in &mut self.rules {
            if named.rule.select.selects(self.place, tag) {
                *seen += 1;
                let is_new = named.rule.keep_newest.is_some_and(|newest| *seen <= newest);
                kept |= is_new || named.rule.keeps_age(since, self.now);
                goes = goes.or(Some(&named.name));
            }
        }
        goes.filter(|_| !kept)
    }
}

/// The rule by which a manifest of a repository goes that nothing holds.
fn verdict_on_untagged<'a>(
    rules: &'a [Named<RetentionRule>],
    place: &Place,
    (since, now): (Timestamp, Timestamp),
) -> Option<&'a RuleName> {
    let covers = |named: &&Named<RetentionRule>| {
        named.rule.of == Expirable::Untagged && named.rule.select.covers(place)
    };
    let kept = rules.iter().filter(covers).any(|named| named.rule.keeps_age(since, now));
    rules.iter().find(covers).map(|named| &named.name).filter(|_| !kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, body: &str) -> Named<RetentionRule> {
        Named { name: name.parse().unwrap(), rule: serde_json::from_str(body).unwrap() }
    }

    fn gone(rules: &[Named<RetentionRule>], tags: &[(&str, i64)]) -> Vec<(String, String)> {
        let (place, now) =
            ("acme/app".parse().unwrap(), Timestamp::from_microseconds(0).plus_seconds(1000 * DAY));
        let mut judge = Judge::of(rules, &place, now);
        let mut gone = Vec::new();
        for (tag, days) in tags {
            let tag: Tag = tag.parse().unwrap();
            if let Some(rule) = judge.verdict(&tag, now.plus_seconds(-days * DAY)) {
                gone.push((tag.to_string(), rule.to_string()));
            }
        }
        gone
    }

    fn pair(tag: &str, rule: &str) -> (String, String) {
        (tag.to_owned(), rule.to_owned())
    }

    #[test]
    fn the_newest_of_what_a_rule_selects_stay() {
        let rules = [rule("few", r#"{"select":{"tags":["v*"]},"keep_newest":2}"#)];
        let tags = [("v5", 1), ("latest", 2), ("v4", 3), ("v3", 4), ("v2", 5)];
        assert_eq!(gone(&rules, &tags), [pair("v3", "few"), pair("v2", "few")]);
    }

    #[test]
    fn what_any_rule_keeps_stays_and_what_none_selects_too() {
        let rules = [
            rule("age", r#"{"select":{"except_tags":["main"]},"keep_days":10}"#),
            rule("few", r#"{"select":{"tags":["v*"]},"keep_newest":1}"#),
        ];
        let tags = [("v2", 20), ("v1", 30), ("pr-1", 9), ("pr-2", 11), ("main", 500)];
        assert_eq!(gone(&rules, &tags), [pair("v1", "age"), pair("pr-2", "age")]);
    }

    #[test]
    fn a_rule_must_keep_something_it_can_speak_of() {
        for (body, good) in [
            (r#"{"keep_days":1}"#, true),
            (r#"{"keep_newest":1}"#, true),
            (r#"{"keep_newest":0}"#, false),
            (r#"{"select":{"tags":["pr-*"]},"keep_newest":0}"#, false),
            (r#"{"keep_days":0}"#, false),
            (r#"{"keep_newest":0,"keep_days":0}"#, false),
            (r#"{"keep_newest":0,"keep_days":1}"#, true),
            (r#"{"keep_newest":1,"keep_days":0}"#, true),
            ("{}", false),
            (r#"{"keep_days":40000}"#, false),
            (r#"{"of":"untagged","keep_days":7}"#, true),
            (r#"{"of":"untagged","keep_days":0}"#, true),
            (r#"{"of":"untagged","keep_newest":7}"#, false),
            (r#"{"of":"untagged"}"#, false),
        ] {
            assert_eq!(rule("r", body).rule.expect_something().is_ok(), good, "{body}");
        }
        assert!(serde_json::from_str::<RetentionRule>(r#"{"keep_day":1}"#).is_err(), "a misspelt field");
    }
}
