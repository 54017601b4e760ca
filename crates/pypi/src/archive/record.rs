//! `RECORD`: the list of everything a wheel installs (recording installed projects).

use std::collections::BTreeSet;

use wharf_registry::format::Refusal;

/// The largest list that is read, in bytes.
pub(super) const LARGEST: u64 = 16 * 1024 * 1024;

/// Refuses a wheel that holds a file its list does not name: an installer and an audit would see two wheels.
pub(super) fn expect_complete<'a>(
    record: &[u8],
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let text = std::str::from_utf8(record).map_err(|_| Refusal::new("the wheel's RECORD is not UTF-8"))?;
    let listed: BTreeSet<String> = text.lines().filter_map(path).collect();
    let is_exempt = |name: &str| {
        // Signatures of the list cannot stand in it.
        name.ends_with('/')
            || name.ends_with(".dist-info/RECORD.jws")
            || name.ends_with(".dist-info/RECORD.p7s")
    };
    let mut missing = names.filter(|name| !is_exempt(name) && !listed.contains(*name));
    match missing.next() {
        None => Ok(()),
        Some(name) => Err(Refusal::new(format!("the wheel holds {name:?}, which its RECORD does not list"))),
    }
}

/// The first field of a line of comma-separated values.
fn path(line: &str) -> Option<String> {
    let Some(quoted) = line.strip_prefix('"') else {
        return line.split(',').next().filter(|path| !path.is_empty()).map(str::to_owned);
    };
    let mut path = String::new();
    let mut rest = quoted.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '"' if rest.peek() == Some(&'"') => rest.next().into_iter().for_each(|quote| path.push(quote)),
            '"' => return Some(path),
            letter => path.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_listed_is_found() {
        let record = b"foo/a.py,sha256=x,1\n\"foo/b,\"\"c.py\",,\nfoo-1.0.dist-info/RECORD,,\n";
        let names =
            ["foo/", "foo/a.py", "foo/b,\"c.py", "foo-1.0.dist-info/RECORD", "foo-1.0.dist-info/RECORD.jws"];
        expect_complete(record, names.into_iter()).unwrap();
        assert!(expect_complete(record, ["foo/evil.py"].into_iter()).is_err());
        assert!(expect_complete(b"\xff", names.into_iter()).is_err());
    }
}
