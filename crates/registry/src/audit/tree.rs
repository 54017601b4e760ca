//! The tree over a month's records: a Merkle tree as RFC 9162 (section 2.1) has it, over SHA-256.
//!
//! A leaf is the hash of 0x00 and the record, a node that of 0x01 and its two children; so neither can pass for the other.
//! A tree that grows keeps the peaks of its complete subtrees only, and with them its root is known.

use wharf_core::Algorithm;
use wharf_hash::Hasher;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The leaf of a record.
pub fn leaf(record: &[u8]) -> Hash {
    hash(&[&[0], record])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

/// The hash of parts in a row.
pub(super) fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    parts.iter().for_each(|part| hasher.update(part));
    let mut hash = Hash::default();
    hash.copy_from_slice(hasher.finish().as_bytes());
    hash
}

/// A tree, as far as it must be known to grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of its complete subtrees, the largest first.
    peaks: Vec<Hash>,
}

impl Tree {
    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the end.
    pub fn push(&mut self, leaf: Hash) {
        // Each complete subtree that ends here joins the one before it of its own size.
        let joined = (0..self.size.trailing_ones())
            .fold(leaf, |right, _| self.peaks.pop().map_or(right, |left| node(&left, &right)));
        self.peaks.push(joined);
        self.size += 1;
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => hash(&[]),
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
        }
    }

    /// The peaks in a row, to be kept.
    pub fn save(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// A tree of this size that was kept; none where the peaks are not as many as it has.
    pub fn restore(size: u64, saved: &[u8]) -> Option<Self> {
        let (peaks, rest) = saved.as_chunks::<32>();
        let fits = rest.is_empty() && u32::try_from(peaks.len()) == Ok(size.count_ones());
        fits.then(|| Self { size, peaks: peaks.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use wharf_core::hex;

    use super::*;

    /// The definition, word for word: a tree of n leaves splits at the largest power of two below n.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash(&[]),
            [one] => *one,
            many => {
                let split = many.len().next_power_of_two() / 2;
                let (left, right) = many.split_at(split);
                node(&defined(left), &defined(right))
            }
        }
    }

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    #[test]
    fn a_tree_that_grows_is_the_one_that_is_defined() {
        let mut tree = Tree::default();
        let all = leaves(200);
        for (size, leaf) in all.iter().enumerate() {
            assert_eq!(tree.root(), defined(&all[..size]), "{size} leaves");
            assert_eq!(Tree::restore(size as u64, &tree.save()), Some(tree.clone()));
            tree.push(*leaf);
        }
    }

    #[test]
    fn the_roots_are_those_of_others() {
        let mut tree = Tree::default();
        assert_eq!(
            hex::encode(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        tree.push(leaf(b""));
        assert_eq!(
            hex::encode(&tree.root()),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        tree.push(leaf(b"\0"));
        assert_eq!(
            hex::encode(&tree.root()),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }

    #[test]
    fn whatever_changes_among_the_leaves_changes_the_root() {
        let root = |leaves: &[Hash]| {
            let mut tree = Tree::default();
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            tree.root()
        };
        let all = leaves(37);
        for position in 0..all.len() {
            let (mut edited, mut removed) = (all.clone(), all.clone());
            edited[position][0] ^= 1;
            removed.remove(position);
            let mut inserted = all.clone();
            inserted.insert(position, leaf(b"another"));
            for other in [edited, removed, inserted] {
                assert_ne!(root(&other), root(&all), "{position}");
            }
        }
        assert_eq!(Tree::restore(3, &[0; 32]), None);
        assert_eq!(Tree::restore(1, &[0; 31]), None);
    }
}
