//! A page in HTML (PEP 503, 592, 714): its anchors, and nothing else of it. What a browser would make of a broken page does not
//! matter; every file must bear its SHA-256 anyway.

use super::{Beginning, Entry, Listed, MOST_FILES, MOST_PROJECTS, name};

/// The longest reference to a letter, in bytes.
const LONGEST_REFERENCE: usize = 10;

/// What an anchor shows, and what is asked of its attributes, as it is written. Of one that stands twice the first counts.
#[derive(Default)]
struct Anchor<'a> {
    text: &'a str,
    href: Option<&'a str>,
    core_metadata: Option<&'a str>,
    dist_info_metadata: Option<&'a str>,
    requires_python: Option<&'a str>,
    yanked: Option<&'a str>,
}

/// The files of a project; their addresses as they are written.
pub(super) fn files(text: &str) -> Beginning<Entry> {
    Beginning::of(anchors(text).map(|anchor| anchor.entry()), MOST_FILES)
}

/// The projects of a list.
pub(super) fn projects(text: &str) -> Beginning<String> {
    Beginning::of(anchors(text).map(|anchor| name(unescaped(anchor.text))), MOST_PROJECTS)
}

/// The anchors of a page that lead anywhere, in order.
fn anchors(mut rest: &str) -> impl Iterator<Item = Anchor<'_>> {
    let next = move || {
        while let Some((_, behind)) = rest.split_once('<') {
            if let Some(comment) = behind.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
                continue;
            }
            let (tag, behind) = tag(behind);
            rest = behind;
            if let Some(anchor) = Anchor::of(tag) {
                let text = behind.split('<').next().unwrap_or_default().trim();
                return Some(Anchor { text, ..anchor });
            }
        }
        None
    };
    std::iter::from_fn(next).filter(|anchor| anchor.href.is_some())
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

impl<'a> Anchor<'a> {
    /// The anchor that a tag is, if it is one.
    fn of(tag: &'a str) -> Option<Self> {
        let mut rest = tag.strip_prefix(['a', 'A'])?;
        rest.starts_with(|letter: char| letter.is_ascii_whitespace()).then_some(())?;
        let mut anchor = Self::default();
        loop {
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
            let is_end = |letter: char| letter.is_ascii_whitespace() || letter == '=' || letter == '/';
            let length = rest.find(is_end).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(length);
            let (value, behind) = value(behind);
            if behind.len() == rest.len() {
                return Some(anchor);
            }
            if let Some(field) = anchor.field(name) {
                field.get_or_insert(value);
            }
            rest = behind;
        }
    }

    /// Where an attribute of this name goes, if it is one that is asked for.
    fn field(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        let known = [
            ("href", &mut self.href),
            ("data-core-metadata", &mut self.core_metadata),
            ("data-dist-info-metadata", &mut self.dist_info_metadata),
            ("data-requires-python", &mut self.requires_python),
            ("data-yanked", &mut self.yanked),
        ];
        known.into_iter().find_map(|(known, field)| name.eq_ignore_ascii_case(known).then_some(field))
    }

    fn entry(&self) -> Option<Entry> {
        let url = unescaped(self.href?);
        let hash = |text: &str| text.strip_prefix("sha256=").map(str::to_owned);
        let sha256 = url.split_once('#').and_then(|(_, fragment)| hash(fragment));
        let promised = self.core_metadata.or(self.dist_info_metadata).map(unescaped);
        let listed = Listed {
            filename: unescaped(self.text),
            url,
            requires_python: self.requires_python.map(unescaped),
            yanked: self.yanked.map(unescaped),
            metadata: promised.and_then(|promised| hash(&promised)),
            ..Listed::default()
        };
        Entry::of(listed, sha256)
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

/// Text with the references that pages use replaced by what they stand for.
fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let ends = behind.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';');
        let reference = ends.and_then(|ends| Some((letter(behind.get(..ends)?)?, behind.get(ends + 1..)?)));
        let (letter, behind) = reference.unwrap_or(('&', behind));
        plain.push(letter);
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// The letter that a reference stands for.
fn letter(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
            char::from_u32(hexadecimal.unwrap_or_else(|| number.parse()).ok()?)
        }
    }
}
