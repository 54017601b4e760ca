//! The keys that a file sets.

use std::path::PathBuf;

use toml::{Table, Value};
use wharf_core::{Error, Kind, Result};

use super::KEYS;

/// The keys of a file: of the named one, which must be there, or of the default one, which need not.
#[expect(clippy::disallowed_methods, reason = "the configuration is a file")]
pub(super) fn read(named: Option<PathBuf>, default: &str) -> Result<Vec<(&'static str, String, PathBuf)>> {
    let path = named.clone().unwrap_or_else(|| PathBuf::from(default));
    let wrong = |what: String| Error::new(Kind::Invalid, format!("{}: {what}", path.display()));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    // The text itself may be a secret: only where it is wrong is told.
    let malformed = |error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        wrong(format!("line {line}: {}", error.message()))
    };
    let table: Table = text.parse().map_err(malformed)?;
    let entry = |(name, value): (String, Value)| {
        let key = KEYS.iter().find(|key| key.name == name);
        let key = key.ok_or_else(|| wrong(format!("there is no key {name}; wharf config lists them")))?;
        let value = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            _ => return Err(wrong(format!("{name} must be {}", key.expected))),
        };
        Ok((key.name, value, path.clone()))
    };
    table.into_iter().map(entry).collect()
}
