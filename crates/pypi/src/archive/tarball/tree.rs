//! The names in a tarball: each stands once and below one folder, nothing leads out of that, nothing lies below a link.

use std::collections::BTreeMap;

use wharf_registry::format::Refusal;

use super::invalid;
use crate::archive::is_clean;

/// The longest names together, in bytes.
const LARGEST: usize = 32 * 1024 * 1024;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    Folder,
    File,
    /// A symbolic link to this path.
    Link(&'a str),
    /// Another name of a file that came before.
    Same(&'a str),
}

/// The names so far.
pub(super) struct Tree<'a> {
    top: &'a str,
    /// Without a slash at their ends, and whether they are folders, files or links.
    kinds: BTreeMap<String, Node<'static>>,
    size: usize,
}

impl<'a> Tree<'a> {
    /// The tree below a folder.
    pub(super) fn new(top: &'a str) -> Self {
        Self { top, kinds: BTreeMap::new(), size: 0 }
    }

    /// Takes a name in.
    pub(super) fn add(&mut self, name: &str, node: Node<'_>) -> Result<(), Refusal> {
        let trimmed = name.strip_suffix('/').unwrap_or(name);
        if !is_clean(name) || (trimmed != name && node != Node::Folder) {
            return Err(invalid(&format!("it holds a file called {name:?}")));
        }
        let below = trimmed.strip_prefix(self.top);
        if !below.is_some_and(|below| below.starts_with('/') || (below.is_empty() && node == Node::Folder)) {
            return Err(invalid(&format!("it must have exactly one folder at its top, {:?}", self.top)));
        }
        self.size += trimmed.len();
        if self.size > LARGEST {
            return Err(invalid("its names are too long"));
        }
        let kind = self.kind(trimmed, node)?;
        match self.kinds.insert(trimmed.to_owned(), kind) {
            None => Ok(()),
            Some(_) => Err(invalid(&format!("it holds {name:?} twice"))),
        }
    }

    fn kind(&self, name: &str, node: Node<'_>) -> Result<Node<'static>, Refusal> {
        match node {
            Node::Folder => Ok(Node::Folder),
            Node::File => Ok(Node::File),
            Node::Link(target) if stays(name, target) => Ok(Node::Link("")),
            Node::Same(target) if self.kinds.get(target) == Some(&Node::File) => Ok(Node::File),
            Node::Link(target) | Node::Same(target) => {
                Err(invalid(&format!("its link {name:?} leads to {target:?}")))
            }
        }
    }

    /// Refuses a tree in which something lies below what is no folder.
    pub(super) fn expect_whole(&self) -> Result<(), Refusal> {
        let mut leaves = self.kinds.iter().filter(|(_, kind)| **kind != Node::Folder);
        let has_below = |name: &str| {
            let below = format!("{name}/");
            let next = self.kinds.range(below.clone()..).next();
            next.is_some_and(|(next, _)| next.starts_with(&below))
        };
        match leaves.find(|(name, _)| has_below(name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(invalid(&format!("it holds something below {name:?}, which is no folder")))
            }
        }
    }
}

/// Whether a link stays below the top folder. It may go up only at first: what goes up behind another link goes anywhere.
fn stays(name: &str, target: &str) -> bool {
    let up = target.split('/').take_while(|part| *part == "..").count();
    let is_plain = !target.is_empty()
        && !target.starts_with('/')
        && !target.contains(['\\', ':'])
        && !target.contains(char::is_control);
    is_plain && up + 2 <= name.split('/').count() && !target.split('/').skip(up).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(nodes: &[(&str, Node<'_>)]) -> Result<(), Refusal> {
        let mut tree = Tree::new("foo-1.0");
        nodes.iter().try_for_each(|(name, node)| tree.add(name, *node))?;
        tree.expect_whole()
    }

    #[test]
    fn links_stay_below_the_top_folder() {
        for target in ["b", "../b", "./b/c", "../../foo-1.0-b", "b/./c"] {
            let nodes = [("foo-1.0/", Node::Folder), ("foo-1.0/a/b/c", Node::Link(target))];
            tree(&nodes).unwrap();
        }
        for target in ["", "/etc", "../../..", "b/../../../..", "b/..", "..\\b", "C:x", "a\n"] {
            assert!(tree(&[("foo-1.0/a/b/c", Node::Link(target))]).is_err(), "{target:?}");
        }
        assert!(tree(&[("foo-1.0", Node::Link("a"))]).is_err());
        assert!(tree(&[("foo-1.0/a", Node::Link(".."))]).is_err());
        tree(&[("foo-1.0/a", Node::File), ("foo-1.0/b", Node::Same("foo-1.0/a"))]).unwrap();
        for target in ["../../etc/passwd", "foo-1.0/b", "/etc/passwd"] {
            assert!(tree(&[("foo-1.0/a", Node::Same(target))]).is_err(), "{target:?}");
        }
    }

    #[test]
    fn a_name_stands_once_and_in_folders_only() {
        tree(&[("foo-1.0/a/", Node::Folder), ("foo-1.0/a/b", Node::File), ("foo-1.0/a-b", Node::File)])
            .unwrap();
        for wrong in [
            [("foo-1.0/a", Node::File), ("foo-1.0/a", Node::File)],
            [("foo-1.0/a", Node::File), ("foo-1.0/a/", Node::Folder)],
            [("foo-1.0/a", Node::Link("b")), ("foo-1.0/a/b", Node::File)],
            [("foo-1.0/a/b", Node::File), ("foo-1.0/a", Node::Link("b"))],
            [("foo-1.0/a", Node::File), ("foo-1.0/b/", Node::File)],
            [("foo-1.0/a", Node::File), ("foo-1.0b/a", Node::File)],
        ] {
            assert!(tree(&wrong).is_err(), "{wrong:?}");
        }
    }
}
