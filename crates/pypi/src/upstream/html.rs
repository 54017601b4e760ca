//! A page of a project in HTML (PEP 503, 592, 714): its anchors, and nothing else of it. What a browser would make of a
//! broken page does not matter; every file must bear its SHA-256 anyway.

use url::Url;

use super::index::{Listed, MOST_FILES};

/// The files of a page.
pub(super) fn files(text: &str, base: &Url) -> Vec<Listed> {
    let (mut files, mut rest) = (Vec::new(), text);
    while let Some((_, behind)) = rest.split_once('<') {
        if let Some(comment) = behind.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
            continue;
        }
        let (tag, behind) = tag(behind);
        rest = behind;
        if let Some(attributes) = anchor(tag) {
            let name = behind.split('<').next().unwrap_or_default();
            files.extend(listed(&attributes, unescaped(name.trim()), base));
        }
        if files.len() >= MOST_FILES {
            break;
        }
    }
    files
}

/// What stands in a tag, and what behind it. A `>` within quotes does not end it.
fn tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (position, letter) in text.char_indices() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('>', None) => return (text.split_at(position).0, text.split_at(position + 1).1),
            _ => {}
        }
    }
    (text, "")
}

/// The attributes of an anchor, their names in small letters.
fn anchor(tag: &str) -> Option<Vec<(String, String)>> {
    let mut rest = tag.strip_prefix(['a', 'A'])?;
    rest.starts_with(|letter: char| letter.is_ascii_whitespace()).then_some(())?;
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
        if rest.is_empty() {
            return Some(attributes);
        }
        let is_end = |letter: char| letter.is_ascii_whitespace() || letter == '=' || letter == '/';
        let length = rest.find(is_end).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        let (value, behind) = value(behind);
        if behind.len() == rest.len() {
            return Some(attributes);
        }
        attributes.push((name.to_ascii_lowercase(), unescaped(value)));
        rest = behind;
    }
}

/// The value of an attribute, if it has one, and what stands behind it.
fn value(text: &str) -> (&str, &str) {
    let Some(behind) = text.trim_start().strip_prefix('=') else { return ("", text) };
    let behind = behind.trim_start();
    let quoted = ['"', '\''].into_iter().find_map(|quote| behind.strip_prefix(quote)?.split_once(quote));
    quoted.unwrap_or_else(|| {
        let end = behind.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(behind.len());
        behind.split_at(end)
    })
}

fn listed(attributes: &[(String, String)], filename: String, base: &Url) -> Option<Listed> {
    let get = |wanted: &str| {
        let found = attributes.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let mut url = base.join(&get("href")?).ok()?;
    let sha256 = url.fragment().and_then(|fragment| fragment.strip_prefix("sha256="))?.to_ascii_lowercase();
    url.set_fragment(None);
    let metadata = get("data-core-metadata").or_else(|| get("data-dist-info-metadata"));
    let metadata =
        metadata.and_then(|promised| promised.strip_prefix("sha256=").map(str::to_ascii_lowercase));
    let yanked = get("data-yanked");
    Some(Listed {
        filename,
        url: url.into(),
        sha256,
        requires_python: get("data-requires-python"),
        yanked: yanked.map(|reason| if reason.is_empty() { true.into() } else { reason.into() }),
        metadata,
        ..Listed::default()
    })
}

/// Text with the references that pages use replaced by what they stand for.
fn unescaped(text: &str) -> String {
    let mut plain = text.to_owned();
    for (reference, letter) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ] {
        plain = plain.replace(reference, letter);
    }
    plain
}
