//! JSON that others wrote: read, or refused in words that name the place, as `members[0].role`, and none of our types.
//! Values are not repeated, for they may be secrets. Whoever takes JSON from outside and says what is wrong reads it here.

use std::fmt;

use serde::Deserialize;
use serde_json::error::Category;

/// The most of a path that is told, in characters.
const LONGEST: usize = 200;

/// What the parser calls whole numbers, and which they are.
const NUMBERS: [(&str, &str); 12] = [
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0 on"),
    ("usize", "a whole number from 0 on"),
    ("i32", "a whole number"),
    ("i64", "a whole number"),
    ("f64", "a number"),
    ("a nonzero u8", "a whole number from 1 to 255"),
    ("a nonzero u16", "a whole number from 1 to 65535"),
    ("a nonzero u32", "a whole number from 1 to 4294967295"),
    ("a nonzero u64", "a whole number from 1 on"),
];

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::of::<T>(bytes, error))
}

/// What is wrong with a document, in words that follow a colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// That of a document in which this was found. It is read once more, and slower, to know the place.
    pub(crate) fn of<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: serde_json::Error) -> Self {
        let reader = &mut serde_json::Deserializer::from_slice(bytes);
        match serde_path_to_error::deserialize::<_, T>(reader) {
            Err(found) => Self(told(&found.path().to_string(), found.inner())),
            // It is behind the document.
            Ok(_) => error.into(),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self(told(".", &error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn told(path: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    match error.classify() {
        Category::Data => Spot(path).faulty(words),
        Category::Eof => "it ends in the middle".to_owned(),
        Category::Syntax if words.starts_with("recursion limit") => "it is nested too deep".to_owned(),
        Category::Syntax | Category::Io => {
            format!("it is no JSON from line {}, column {} on", error.line(), error.column())
        }
    }
}

/// A place in a document: `.` is the whole.
struct Spot<'a>(&'a str);

impl Spot<'_> {
    /// What serde says of it, in plain words.
    fn faulty(&self, words: &str) -> String {
        let field =
            |fault: &str| Some(words.strip_prefix(fault)?.strip_prefix(" field `")?.split_once('`')?.0);
        let expected = words.rsplit_once(", expected ").map(|(_, expected)| plain(expected));
        if let Some(field) = field("missing") {
            return format!("{} is missing", self.below(field));
        }
        if let Some(field) = field("duplicate") {
            return format!("{} stands twice", self.below(field));
        }
        match (field("unknown"), expected) {
            (Some(field), Some(known)) => {
                let known = known.trim_start_matches("one of ").replace(" or ", ", ");
                format!("there is no field {}, only {known}", self.below(field))
            }
            (Some(field), None) => format!("there is no field {}", self.below(field)),
            (None, Some(expected)) => format!("{self} must be {expected}"),
            (None, None) if words.contains("did not match any variant") => {
                format!("{self} has a shape that is not known")
            }
            (None, None) => format!("{self}: {words}"),
        }
    }

    /// A field of it. The path ends with it already, where the parser was reading it.
    fn below(&self, field: &str) -> String {
        match self.0 {
            "." => Spot(field).to_string(),
            path if path == field || path.ends_with(&format!(".{field}")) => self.to_string(),
            path => Spot(&format!("{path}.{field}")).to_string(),
        }
    }
}

impl fmt::Display for Spot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "." => f.write_str("it"),
            path => path.chars().filter(|c| !c.is_control()).take(LONGEST).try_for_each(|c| write!(f, "{c}")),
        }
    }
}

/// What serde expected, as people call it.
fn plain(expected: &str) -> String {
    let number = NUMBERS.iter().find(|(name, _)| *name == expected).map(|(_, words)| *words);
    let words = match expected.split_once(' ').map_or(expected, |(first, _)| first) {
        _ if number.is_some() => number.unwrap_or_default(),
        "struct" => "an object",
        "enum" => "one of the words that are known",
        _ => match expected {
            "a string" | "string" | "str" | "a borrowed string" => "a text",
            "a boolean" => "true or false",
            "a sequence" => "a list",
            "a map" => "an object",
            other => other,
        },
    };
    words.replace('`', "")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "they are read, and nothing more")]
    struct Team {
        name: String,
        public: Option<bool>,
        days: Option<u16>,
        #[serde(default)]
        members: Vec<Member>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "as above")]
    struct Member {
        role: Role,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Role {
        Viewer,
        Writer,
        Admin,
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_without_our_types() {
        for (text, words) in [
            ("{}", "name is missing"),
            (r#"{"name":{}}"#, "name must be a text"),
            (r#"{"name":"a","public":"hunter2"}"#, "public must be true or false"),
            (r#"{"name":"a","days":-1}"#, "days must be a whole number from 0 to 65535"),
            (r#"{"name":"a","days":70000}"#, "days must be a whole number from 0 to 65535"),
            (r#"{"name":"a","nmae":"b"}"#, "there is no field nmae, only name, public, days, members"),
            (r#"{"name":"a","name":"b"}"#, "name stands twice"),
            (r#"{"name":"a","members":{}}"#, "members must be a list"),
            (r#"{"name":"a","members":[{"role":"admin"},7]}"#, "members[1] must be an object"),
            (r#"{"name":"a","members":[{}]}"#, "members[0].role is missing"),
            (r#"{"name":"a","members":[{"rôle":1}]}"#, "there is no field members[0].rôle, only role"),
            (
                r#"{"name":"a","members":[{"role":"boss"}]}"#,
                "members[0].role must be one of viewer, writer, admin",
            ),
            ("7", "it must be an object"),
            (r#"{"name":"#, "it ends in the middle"),
            ("{name:1}", "it is no JSON from line 1, column 2 on"),
            (r#"{"name":"a"} {}"#, "it is no JSON from line 1, column 14 on"),
            (r#"{"name":"a at line 7","public":1}"#, "public must be true or false"),
        ] {
            assert_eq!(read::<Team>(text.as_bytes()).unwrap_err().to_string(), words, "{text}");
        }
        let far = format!(r#"{{"{}":1}}"#, "x\u{7}".repeat(1000));
        assert!(read::<Team>(far.as_bytes()).unwrap_err().to_string().len() < LONGEST + 100);
    }
}
