//! The links of an HTML page of an index. Such a page is a list of anchors; nothing else of it matters, and what is no
//! anchor is passed over, as installers do.

/// The longest reference to a sign, in bytes.
const LONGEST_REFERENCE: usize = 10;

/// An anchor with a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Where it leads, as it is written.
    pub(super) href: String,
    /// What it shows: the name of a file or a project.
    pub(super) text: String,
}

/// The links of a page, in order.
pub(super) fn links(page: &str) -> impl Iterator<Item = Link> {
    let mut rest = page;
    std::iter::from_fn(move || {
        loop {
            rest = rest.get(rest.find('<')? + 1..)?;
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.get(comment.find("-->")? + 3..)?;
                continue;
            }
            // No more is looked at than an anchor's name takes, or a page of tags without an end is read again for each.
            let Some(inside) = rest.strip_prefix(['a', 'A']) else { continue };
            if !inside.starts_with(|letter: char| letter.is_ascii_whitespace() || letter == '>') {
                continue;
            }
            let (href, after) = href_of(inside)?;
            rest = after;
            if let Some(href) = href {
                let text = after.split('<').next().unwrap_or_default();
                return Some(Link { href, text: unescaped(text.trim()) });
            }
        }
    })
}

/// The target among the attributes of a tag, and what follows the tag.
fn href_of(mut inside: &str) -> Option<(Option<String>, &str)> {
    let mut href = None;
    loop {
        inside = inside.trim_start();
        if let Some(after) = inside.strip_prefix('>') {
            return Some((href, after));
        }
        let ends = inside.find(|letter: char| letter.is_ascii_whitespace() || "=>".contains(letter))?;
        // A stray sign is no attribute, and is passed over.
        let (name, rest) = if ends == 0 { ("", inside.get(1..)?) } else { inside.split_at(ends) };
        inside = rest.trim_start();
        let Some(value) = inside.strip_prefix('=').map(str::trim_start) else { continue };
        let (value, rest) = value_of(value)?;
        if name.eq_ignore_ascii_case("href") && href.is_none() {
            href = Some(unescaped(value));
        }
        inside = rest;
    }
}

/// The value of an attribute, with or without quotes, and what follows it.
fn value_of(text: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(value) = text.strip_prefix(quote) {
            return value.split_once(quote);
        }
    }
    let ends = text.find(|letter: char| letter.is_ascii_whitespace() || letter == '>')?;
    Some(text.split_at(ends))
}

/// Text without the references that stand in pages for signs of HTML itself.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let ends = after.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';');
        let reference = ends.and_then(|ends| Some((sign(after.get(..ends)?)?, after.get(ends + 1..)?)));
        match reference {
            Some((sign, after)) => {
                plain.push(sign);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn sign(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Vec<(String, String)> {
        links(page).map(|link| (link.href, link.text)).collect()
    }

    #[test]
    fn anchors_are_read_however_they_are_written() {
        let page = "<!DOCTYPE html><html><head><meta name=\"a\" content=\"b\"><!-- <a href=no>no</a> --></head><body>
            <h1>Links</h1><a href=\"../x-1.0.whl#sha256=ab\" data-requires-python=\"&gt;=3\">x-1.0.whl</a><br/>
            <A class = 'c' HREF = '/y-1.0+a&amp;b.whl' >\n y-1.0&#43;a&#x26;b.whl </A><a name=\"here\">no</a>
            <abbr href=no>no</abbr><a href=z/>z</a>";
        let expected =
            [("../x-1.0.whl#sha256=ab", "x-1.0.whl"), ("/y-1.0+a&b.whl", "y-1.0+a&b.whl"), ("z/", "z")];
        assert_eq!(read(page), expected.map(|(href, text)| (href.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_page_of_what_never_ends_is_read_once() {
        // Read again from every sign on, a million of them would keep a core for hours.
        assert!(read(&"<".repeat(1_000_000)).is_empty());
        let text = format!("{}&#0000000000038;&#x26;", "&".repeat(1_000_000));
        let [(_, shown)] = read(&format!("<a href=x>{text}</a>")).try_into().unwrap();
        assert!(shown.ends_with("&&#0000000000038;&"));
    }

    #[test]
    fn what_is_torn_ends_the_list_and_nothing_panics() {
        for torn in [
            "",
            "<",
            "<a",
            "<a href",
            "<a href=",
            "<a href=\"x",
            "<a href=x",
            "<!--",
            "<a =>x</a>",
            "<a href=x>&#xffffffff;&",
            "ä<a ä=ä>ä",
        ] {
            assert!(read(torn).len() <= 1, "{torn}");
        }
        assert_eq!(read("<a href=x>a & b &none; c</a>"), [("x".to_owned(), "a & b &none; c".to_owned())]);
    }
}
