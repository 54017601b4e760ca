//! What a search asks of charts: words, keywords, and versions in Helm's own way of writing ranges.

use semver::{Version, VersionReq};
use serde_json::{Map, Value};
use wharf_core::{Error, Kind, Result};
use wharf_registry::{
    format::{Answers, Question},
    port::ShownRow,
};

use crate::{index::version, version::parse};

/// What tells whether a chart answers.
pub(crate) fn answers(question: &Question) -> Result<Answers> {
    let Question { word, keyword, versions } = question.clone();
    let word = word.map(|word| word.to_lowercase());
    let ranges = versions.as_deref().map(Ranges::parse).transpose()?;
    Ok(Box::new(move |row: &ShownRow| {
        let Ok(chart) = serde_json::from_str::<Map<String, Value>>(&row.attributes) else { return false };
        let text = |name: &str| chart.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let keywords = || chart.get("keywords").and_then(Value::as_array).into_iter().flatten();
        let has_word = |word: &String| text("name").contains(word) || text("description").contains(word);
        let has_keyword = |keyword: &String| keywords().any(|known| known.as_str() == Some(keyword));
        word.as_ref().is_none_or(has_word)
            && keyword.as_ref().is_none_or(has_keyword)
            && ranges.as_ref().is_none_or(|ranges| ranges.hold(version(&chart)))
    }))
}

/// Ranges of versions, of which one must hold: those of Helm, as far as they mean the same here.
struct Ranges(Vec<VersionReq>);

impl Ranges {
    fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::new(Kind::Invalid, format!("{text:?} is no range of versions, as >=1.2 <2 or ^1.2"));
        let ranges = text.split("||").map(|range| range_of(range.trim()).ok_or_else(wrong));
        ranges.collect::<Result<_>>().map(Self)
    }

    fn hold(&self, version: &str) -> bool {
        let Some(version) = parse(version) else { return false };
        self.0.iter().any(|range| range.matches(&version))
    }
}

/// One range. A version alone means itself; blanks and commas both mean "and".
fn range_of(text: &str) -> Option<VersionReq> {
    if let Ok(version) = Version::parse(text.strip_prefix('v').unwrap_or(text)) {
        return VersionReq::parse(&format!("={version}")).ok();
    }
    let mut comparators: Vec<String> = Vec::new();
    for part in text.split([' ', ',']).filter(|part| !part.is_empty()) {
        match comparators.last_mut().filter(|before| before.ends_with(['<', '>', '=', '~', '^'])) {
            Some(operator) => operator.push_str(part),
            None => comparators.push(part.to_owned()),
        }
    }
    VersionReq::parse(&comparators.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_hold_as_in_helm() {
        for (range, inside, outside) in [
            ("1.2.3", "1.2.3", "1.2.4"),
            (">=1.2 <2", "1.9.0", "2.0.0"),
            (">= 1.2, < 2", "1.2.0", "1.1.9"),
            ("^1.2", "1.3.0", "2.0.0"),
            ("~1.2", "1.2.9", "1.3.0"),
            ("1.x", "1.9.9", "2.0.0"),
            ("^1 || ^3", "3.1.0", "2.0.0"),
            ("*", "1.0.0", "1.0.0-rc.1"),
            (">=1.0.0-0", "1.0.0-rc.1", "0.9.0"),
            ("v1.2.3", "v1.2.3", "1.2.2"),
        ] {
            let ranges = Ranges::parse(range).unwrap();
            assert!(ranges.hold(inside), "{inside} in {range}");
            assert!(!ranges.hold(outside), "{outside} in {range}");
        }
        for bad in ["", "one", ">=", "1.2.3.4", "^1 ||"] {
            assert!(Ranges::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_the_parser(text in "([<>=~^|,. xv*]|[0-9]){0,20}") {
            let _ = Ranges::parse(&text);
        }
    }
}
