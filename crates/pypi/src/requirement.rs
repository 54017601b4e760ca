//! What a distribution needs: a name, perhaps extras, versions or a URL, and when (dependency specifiers, PEP 508). Only
//! the grammar is held; whether anybody can fulfil it is the installer's to say.

use pep440_rs::VersionSpecifiers;

/// How deep a marker may be nested.
const DEEPEST: usize = 32;
/// What a marker may ask for.
const VARIABLES: [&str; 17] = [
    "python_version",
    "python_full_version",
    "os_name",
    "os.name",
    "sys_platform",
    "sys.platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform.version",
    "platform_machine",
    "platform.machine",
    "platform_python_implementation",
    "platform.python_implementation",
    "implementation_name",
    "implementation_version",
    "extra",
];
/// How it may compare: longer signs before those that they begin with.
const COMPARISONS: [&str; 10] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">", "in", "not"];

/// Whether a text is a requirement.
pub(crate) fn is_requirement(text: &str) -> bool {
    let (wanted, marker) = split_marker(text.trim());
    is_wanted(wanted.trim()) && marker.is_none_or(is_marker)
}

/// A requirement and its marker. A semicolon in a URL belongs to the URL, unless a blank stands before it.
fn split_marker(text: &str) -> (&str, Option<&str>) {
    let is_url = text.split_once(';').map_or(text, |(before, _)| before).contains('@');
    let at = if is_url { text.find(" ;").map(|at| at + 1) } else { text.find(';') };
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
        Some((wanted, marker)) => (wanted, Some(marker)),
        None => (text, None),
    }
}

fn is_wanted(text: &str) -> bool {
    let Some(rest) = after_name(text) else { return false };
    let Some(rest) = after_extras(rest.trim_start()) else { return false };
    let rest = rest.trim();
    if let Some(url) = rest.strip_prefix('@') {
        let url = url.trim();
        return !url.is_empty() && !url.contains(char::is_whitespace);
    }
    let bare = rest.strip_prefix('(').map_or(Some(rest), |inner| inner.strip_suffix(')'));
    bare.is_some_and(|versions| {
        let versions = versions.trim().trim_end_matches(',');
        versions.is_empty() || versions.parse::<VersionSpecifiers>().is_ok()
    })
}

/// What follows the name of a project or an extra.
fn after_name(text: &str) -> Option<&str> {
    let is_inner = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let end = text.find(|letter: char| !is_inner(letter)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let is_edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    (is_edge(name.chars().next()) && is_edge(name.chars().next_back())).then_some(rest)
}

fn after_extras(text: &str) -> Option<&str> {
    let Some(inside) = text.strip_prefix('[') else { return Some(text) };
    let (extras, rest) = inside.split_once(']')?;
    let is_name = |extra: &str| after_name(extra.trim()).is_some_and(str::is_empty);
    (extras.trim().is_empty() || extras.split(',').all(is_name)).then_some(rest)
}

fn is_marker(text: &str) -> bool {
    alternatives(text, 0).is_some_and(|rest| rest.trim().is_empty())
}

/// What follows comparisons joined by `or` and `and`.
fn alternatives(text: &str, depth: usize) -> Option<&str> {
    let mut rest = comparison(text, depth)?;
    loop {
        let joined = word(rest, "and").or_else(|| word(rest, "or"));
        match joined {
            Some(after) => rest = comparison(after, depth)?,
            None => return Some(rest),
        }
    }
}

fn comparison(text: &str, depth: usize) -> Option<&str> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('(') {
        let inner = depth + 1;
        return (inner <= DEEPEST)
            .then(|| alternatives(inside, inner))
            .flatten()?
            .trim_start()
            .strip_prefix(')');
    }
    let rest = value(text)?.trim_start();
    let (sign, rest) = COMPARISONS.iter().find_map(|sign| Some((*sign, rest.strip_prefix(sign)?)))?;
    let rest = if sign == "not" { word(rest, "in")? } else { rest };
    value(rest.trim_start())
}

/// What follows a variable or a text in quotes.
fn value(text: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).map(|(_, rest)| rest);
        }
    }
    VARIABLES.iter().filter_map(|name| text.strip_prefix(name)).find(|rest| !goes_on(rest))
}

/// What follows a word.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.trim_start().strip_prefix(word).filter(|rest| !goes_on(rest))
}

fn goes_on(rest: &str) -> bool {
    rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_build_tools_write_is_taken() {
        for text in [
            "foo",
            "foo.bar-baz_1",
            "foo>=1.0",
            "foo >=1.0, <2,!=1.5.*",
            "foo (>=1.0,<2)",
            "foo>=1.0,",
            "foo[a]",
            "foo [a, b-c] ~=1.4.2",
            "foo[]",
            "foo; python_version < '3.9'",
            "foo ; extra == \"test\"",
            "foo==1!2.0+cu118; (os_name == 'nt' or sys_platform=='win32') and python_full_version>='3.8.1'",
            "foo; platform_machine not in \"x86 arm\" and 'linux' in sys_platform",
            "foo @ https://example.org/foo-1.0.tar.gz",
            "foo@https://example.org/a;b ; python_version<'3'",
            "foo[a] @ git+https://example.org/foo.git@main#egg=foo",
        ] {
            assert!(is_requirement(text), "{text}");
        }
    }

    #[test]
    fn what_no_installer_could_read_is_refused() {
        for text in [
            "",
            "-foo",
            "foo-",
            "foo bar",
            "foo>=",
            "foo>=one",
            "foo>=1.0.*",
            "foo (>=1.0",
            "foo[a",
            "foo[a b]",
            "foo[-]",
            "foo @",
            "foo @ a b",
            "foo;",
            "foo; python < '3'",
            "foo; python_version",
            "foo; python_version < 3",
            "foo; python_version < '3' and",
            "foo; (python_version < '3'",
            "foo; python_versions < '3'",
            "foo; os_name not 'nt'",
            "ä",
        ] {
            assert!(!is_requirement(text), "{text}");
        }
        let nested = |depth: usize| format!("foo; {}os_name == 'nt'{}", "(".repeat(depth), ")".repeat(depth));
        assert!(is_requirement(&nested(DEEPEST)) && !is_requirement(&nested(DEEPEST + 1)));
        assert!(!is_requirement(&nested(100_000)));
    }

    proptest! {
        #[test]
        fn no_text_panics_the_parser(text in "\\PC{0,40}", marker in "[()'\"a-z_=<>! ]{0,40}") {
            let _ = is_requirement(&text);
            let _ = is_requirement(&format!("foo; {marker}"));
        }
    }
}
