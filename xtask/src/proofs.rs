//! `cargo xtask lint`: a test that a promise rests on is there. The pages of promises and faults name tests, and a test that
//! is renamed takes its promise along or breaks it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::failure::Failure;
use crate::program::capture;

const PAGES: [&str; 2] = ["docs/guarantees.md", "docs/faults.md"];

/// Fails with every name on the pages that nothing in the code has.
pub(crate) fn run() -> Result<(), Failure> {
    let kept = capture(Command::new("git").args(["ls-files", "-z", "*.rs"]))?;
    let mut known = BTreeSet::new();
    for path in kept.split('\0') {
        // A file that was removed and is still kept names nothing.
        known.extend(names(&fs::read_to_string(path).unwrap_or_default()));
    }
    let mut missing = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(page).map_err(Failure::file(page.as_ref()))?;
        let unknown = quoted(&text).into_iter().filter(|name| !known.contains(name));
        missing.extend(unknown.map(|name| format!("{page}: {name}")));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::Broken(format!("tests that are not there\n{}", missing.join("\n"))))
}

/// The names that code gives: of functions, and of what begins a line, as settings and the tests that a macro makes do.
fn names(code: &str) -> BTreeSet<String> {
    let is_of_a_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name = |text: &str| text.chars().take_while(is_of_a_name).collect::<String>();
    let beginnings = code.lines().map(|line| name(line.trim_start()));
    let functions = code.split("fn ").skip(1).map(name);
    beginnings.chain(functions).collect()
}

/// The names on a page that could be a test's, with `…_on_xfs` written out after `a_test_on_ext4`.
fn quoted(page: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for code in page.split('`').skip(1).step_by(2) {
        let name = match (code.strip_prefix('…'), names.last()) {
            (Some(end), Some(last)) => {
                last.rsplit_once("_on_").map_or_else(|| code.to_owned(), |(stem, _)| format!("{stem}{end}"))
            }
            _ => code.to_owned(),
        };
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        // Two words are a setting or a function that is spoken of; a test's name is a sentence.
        if is_name && name.matches('_').count() >= 2 {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_quotes_tests_and_their_kin_and_code_has_them_or_not() {
        let page = "- `a_cut_loses_nothing_on_ext4` and `…_on_xfs`, `connections`\n- `any_call_may_fail`, `P1` `it_is_not`";
        let quoted = quoted(page);
        let expected =
            ["a_cut_loses_nothing_on_ext4", "a_cut_loses_nothing_on_xfs", "any_call_may_fail", "it_is_not"];
        assert_eq!(quoted, expected);
        let code = "async fn a_cut_loses_nothing_on_ext4() {\n    any_call_may_fail: Fate::Fails,\n// it_is_not, says nobody";
        let known = names(code);
        let missing: Vec<&String> = quoted.iter().filter(|name| !known.contains(*name)).collect();
        assert_eq!(missing, ["a_cut_loses_nothing_on_xfs", "it_is_not"]);
    }
}
