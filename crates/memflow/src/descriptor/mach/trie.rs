//! The trie in which Mach-O files keep their exports, followed only where a plugin's symbols can be.
//!
//! Nodes may be shared, so that a small trie may spell out more names than there are atoms. A linker shares none: one
//! that is longer to read than it is itself is refused. Each edge adds to the name, and names have a longest: so no more
//! wait to be read than the edges of so many nodes.

use wharf_registry::format::Refusal;

/// What is looked for: the symbols of plugins, with the underscore that C's linkers put before every name.
const PREFIX: &[u8] = b"_MEMFLOW_";
/// The longest name, in bytes.
const LONGEST: usize = 256;
/// The most names that begin so, of plugins and of what else their makers call alike.
const MOST_NAMES: usize = 4096;

/// The flags of an export that is no plain address (`mach-o/loader.h`, `EXPORT_SYMBOL_FLAGS_…`): of another kind, from
/// another library, or behind a resolver.
const NO_ADDRESS: u64 = 0x03 | 0x08 | 0x10;

/// The names of plugins without their underscore, and how far behind the file's first address they lie.
pub(super) fn exports(trie: &[u8]) -> Result<Vec<(Vec<u8>, u64)>, Refusal> {
    let (mut found, mut pending, mut left) = (Vec::new(), vec![(Vec::new(), 0)], trie.len());
    while let Some((name, offset)) = pending.pop() {
        let node = Node::read(trie, offset);
        let node = node.ok_or_else(|| Refusal::new("the file's trie of exports is broken"))?;
        let endless = || Refusal::new("the file's trie of exports has no end");
        left = left.checked_sub(node.length).ok_or_else(endless)?;
        if let Some(address) = node.address.filter(|_| name.starts_with(PREFIX)) {
            found.push((name.get(1..).unwrap_or_default().to_vec(), address));
            if found.len() > MOST_NAMES {
                return Err(Refusal::new(format!("the file has more than {MOST_NAMES} names of plugins")));
            }
        }
        for (edge, child) in node.children.into_iter().rev() {
            if name.len() + edge.len() <= LONGEST {
                let name = [name.as_slice(), edge].concat();
                let agrees = name.starts_with(PREFIX) || PREFIX.starts_with(&name);
                pending.extend(agrees.then_some((name, child)));
            }
        }
    }
    Ok(found)
}

struct Node<'a> {
    /// Where what the name so far stands for lies, if it is in this file.
    address: Option<u64>,
    children: Vec<(&'a [u8], usize)>,
    /// In bytes.
    length: usize,
}

impl<'a> Node<'a> {
    fn read(trie: &'a [u8], offset: usize) -> Option<Self> {
        let whole = trie.get(offset..)?;
        let mut bytes = Cursor(whole);
        let size = usize::try_from(bytes.number()?).ok()?;
        let mut own = Cursor(bytes.take(size)?);
        let address = if size > 0 && own.number()? & NO_ADDRESS == 0 { Some(own.number()?) } else { None };
        let count = *bytes.take(1)?.first()?;
        let child = |_| {
            let edge = bytes.text().filter(|edge| !edge.is_empty())?;
            Some((edge, usize::try_from(bytes.number()?).ok()?))
        };
        let children = (0..count).map(child).collect::<Option<_>>()?;
        Some(Self { address, children, length: whole.len() - bytes.0.len() })
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned LEB128.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << shift;
            value |= Some(shifted).filter(|shifted| shifted >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A text up to its zero.
    fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trie_that_spells_out_more_names_than_it_has_bytes_is_refused() {
        // A node is `0 2 a 0 next next b 0 next next`, and the first one leads to where names are long enough to matter.
        let mut trie = b"\0\x01_MEMFLOW_OS_\0\x11".to_vec();
        trie.resize(17, 0);
        for node in 1..=40_usize {
            let next = 17 + node * 10;
            let next = [u8::try_from(next & 0x7f).unwrap() | 0x80, u8::try_from(next >> 7).unwrap()];
            trie.extend([b"\0\x02A\0", &next[..], b"B\0", &next].concat());
        }
        trie.extend(b"\x02\0\x10\0");
        assert_eq!(exports(&trie).unwrap_err().to_string(), "the file's trie of exports has no end");
    }

    #[test]
    fn a_trie_of_more_names_than_plugins_have_is_refused() {
        let to = |next: usize| [u8::try_from(next & 0x7f).unwrap() | 0x80, u8::try_from(next >> 7).unwrap()];
        // Two nodes of 255 edges each, of which every edge leads to the next node, and a leaf.
        let wide = |next| {
            let edges = (1..=255).flat_map(|letter| [[letter, 0], to(next)].concat());
            [0, 255].into_iter().chain(edges).collect::<Vec<u8>>()
        };
        let mut trie =
            [&b"\0\x01_MEMFLOW_\0"[..], &to(14), &wide(1036), &wide(2058), b"\x02\0\x10\0"].concat();
        trie.resize(1 << 20, 0);
        assert_eq!(exports(&trie).unwrap_err().to_string(), "the file has more than 4096 names of plugins");
    }

    #[test]
    fn a_trie_that_leads_back_or_nowhere_is_refused() {
        let back = b"\0\x01_MEMFLOW_\0\0";
        assert_eq!(exports(back).unwrap_err().to_string(), "the file's trie of exports has no end");
        for broken in
            [&b""[..], b"\0", b"\0\x01_M", b"\0\x01_M\0\x7f", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            assert_eq!(exports(broken).unwrap_err().to_string(), "the file's trie of exports is broken");
        }
        // Both edges lead to a node without any, and the trie is long enough for both; but one of them is empty.
        let idle = exports(b"\0\x02_MEMFLOW_\0\x0f\0\x0f\0\0\0\0\0\0").unwrap_err();
        assert_eq!(idle.to_string(), "the file's trie of exports is broken");
        assert_eq!(exports(b"\0\x01_other\0\x7f").unwrap(), []);
    }
}
