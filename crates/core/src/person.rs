//! What a user is known by beside the login: an e-mail address and names.

use std::{fmt, str::FromStr};

use crate::{Error, Kind};

/// The longest address that mail is carried to (RFC 5321, section 4.5.3.1.3, without its brackets).
const LONGEST_ADDRESS: usize = 254;
/// The longest part before the `@` (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest label of a domain (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;
/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

/// An e-mail address as most people have one: no quoted parts, no comments, no addresses of machines, and a domain in
/// ASCII. Nothing in it can end a line or begin another recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two addresses have in common that are one: mail servers do not tell cases apart.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for EmailAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(Kind::Invalid, "an e-mail address is name@domain, 254 bytes at most");
        let (local, domain) = text.split_once('@').ok_or_else(wrong)?;
        let fits = text.len() <= LONGEST_ADDRESS && local.len() <= LONGEST_LOCAL;
        let is_label = |label: &str| {
            let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            inner
                && (1..=LONGEST_LABEL).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_local = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
        if fits && is_local && domain.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `atext` of RFC 5322, section 3.2.3.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// A given or a family name: 1 to 100 characters of any script, none of them a control, no blanks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_one = (1..=LONGEST_NAME).contains(&text.chars().count())
            && text.trim() == text
            && !text.contains(|c: char| c.is_control() || is_of_direction(c));
        let wrong = || {
            Error::new(
                Kind::Invalid,
                "a given or family name has 1 to 100 characters, no controls and no blanks around",
            )
        };
        if is_one { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What turns the direction of the text after it, so that a name could make another read backwards.
fn is_of_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_and_what_is_none_is_refused() {
        for good in ["a@b", "alice+wharf@mail.example", "o'neil.j@x-y.example", "A@B.example"] {
            assert_eq!(good.parse::<EmailAddress>().unwrap().as_str(), good);
        }
        let (long, label) =
            (format!("{}@b.example", "a".repeat(65)), format!("a@{}.example", "b".repeat(64)));
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            ".a@b",
            "a..b@c",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a@b.",
            "a@[::1]",
            "\"a\"@b",
            "a@b\r\nRCPT TO:<c@d>",
            "a@b, c@d",
            "<a@b>",
            "ä@b",
            "a@ü.example",
            &long,
            &label,
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad}");
        }
        let key = |text: &str| text.parse::<EmailAddress>().unwrap().key();
        assert_eq!(key("Alice@Mail.Example"), key("alice@mail.example"));
    }

    #[test]
    fn names_are_of_any_script_and_hold_no_tricks() {
        for good in ["Ada", "Łukasz Maria", "李", "d'Arc", &"x".repeat(100)] {
            assert_eq!(good.parse::<PersonName>().unwrap().as_str(), good);
        }
        for bad in ["", " Ada", "Ada ", "A\nB", "A\u{202E}B", &"x".repeat(101)] {
            assert!(bad.parse::<PersonName>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_address_breaks_out_of_its_line(text in "\\PC{0,9}@?[\\x00-\\x7f]{0,9}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!address.as_str().contains(['<', '>', ',', '"', '\\', ' ']));
            }
        }
    }
}
