//! `WWW-Authenticate`: what a registry wants to see (RFC 9110, section 11.6.1).

/// The most of a header that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// One challenge: its scheme in lower case, and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The challenges of a header, in order, as far as they can be read.
    pub(super) fn parse(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = if header.len() > LONGEST { "" } else { header };
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let end = rest.find(|c: char| " \t,=".contains(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if word.is_empty() {
                return challenges;
            }
            match (behind.strip_prefix('='), challenges.last_mut()) {
                (Some(value), Some(challenge)) => {
                    let (value, after) = value_of(value);
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                    rest = after;
                }
                (Some(_), None) => return challenges,
                (None, _) => {
                    challenges.push(Self { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                    rest = behind;
                }
            }
        }
    }

    /// A parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A value, quoted or not, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let (mut value, mut characters) = (String::new(), quoted.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_challenges_in_one_header_are_told_apart() {
        let read = Challenge::parse(
            r#"Basic realm="a, b", Bearer realm="https://a.example/token",service=wharf,Scope="repository:a:pull,push""#,
        );
        assert_eq!(
            read.iter().map(|challenge| challenge.scheme.as_str()).collect::<Vec<_>>(),
            ["basic", "bearer"]
        );
        assert_eq!(read[0].parameter("realm"), Some("a, b"));
        assert_eq!(read[1].parameter("service"), Some("wharf"));
        assert_eq!(read[1].parameter("scope"), Some("repository:a:pull,push"));
    }

    #[test]
    fn odd_headers_are_read_as_far_as_they_go() {
        assert!(Challenge::parse("").is_empty());
        assert!(Challenge::parse("=x").is_empty());
        assert_eq!(Challenge::parse(r#"Bearer realm="open"#)[0].parameter("realm"), Some("open"));
        assert_eq!(Challenge::parse(r#"Bearer realm="a\"b""#)[0].parameter("realm"), Some("a\"b"));
    }

    proptest! {
        #[test]
        fn no_header_panics_the_parser(text in "\\PC*", shaped in "[A-Za-z]{1,3} ([a-z]=\"?[a-z,\\\\\" ]{0,4}\"?,?){0,4}") {
            let _ = Challenge::parse(&text);
            let _ = Challenge::parse(&shaped);
        }
    }
}
