//! What the database said lately, so that what is read most is not read again: accounts, API tokens, rights, tags,
//! manifests, and where blobs lie.
//!
//! On SQLite all writes pass through one thread of one process. That thread tells before each commit what it changes
//! ([`Changes`]), and what is remembered of that is forgotten; until the commit is over nothing new is kept, for of two reads
//! beside it one may see what was and the other what is ([`Memory::close`]). So nobody who got the new answer, or asks
//! after an acknowledgement, gets the old one. On PostgreSQL a transaction writes down what it changed, and that is read and
//! forgotten after somebody asks and before he is told (`postgres/catch_up.rs`).
//!
//! A read that began before something was forgotten may bring an old answer, and is not kept ([`Memory::keep`]). Only
//! what is there is remembered, never that something is not. The gate is asked on every request: here lie the rights it
//! decides by, not decisions.

mod changes;

use std::sync::{Mutex, MutexGuard, PoisonError};

use wharf_auth::port::{Account, TokenRow};
use wharf_core::{
    AccountId, Digest, Place, Recent, Tag, TokenHash,
    gate::{RepositoryId, Rights},
};
use wharf_registry::port::{BlobRow, ManifestRow};

pub(crate) use self::changes::{Changes, Content};
use crate::database::Step;

/// How many bytes manifests may take; one has at most 4 MiB.
const MANIFESTS: usize = 16 << 20;
/// How many bytes everything else may take, each kind for itself.
const ROWS: usize = 4 << 20;
/// What an entry is taken to weigh beside its value, in bytes: a key of the longest names, and the place in the map.
const EACH: usize = 512;

/// An account and the version of it that a credential is of.
pub(crate) type Holder = Option<(AccountId, i64)>;

/// A step that only reads, and whose output can be remembered.
pub(crate) trait Recall: Step {
    /// What is remembered of it.
    fn recall(&self, remembered: &mut Remembered) -> Option<Self::Output>;
    /// Remembers its output.
    fn keep(&self, output: &Self::Output, remembered: &mut Remembered);
}

/// What is remembered of each kind.
pub(crate) struct Remembered {
    pub(crate) accounts: Recent<AccountId, Account>,
    pub(crate) tokens: Recent<TokenHash, TokenRow>,
    pub(crate) rights: Recent<(Holder, Place), Rights>,
    pub(crate) tags: Recent<(RepositoryId, Tag), Digest>,
    pub(crate) manifests: Recent<(RepositoryId, Digest), ManifestRow>,
    pub(crate) members: Recent<(RepositoryId, Digest), BlobRow>,
    /// Moves whenever something is forgotten because it changed.
    version: u64,
    /// Whether a commit is under way.
    is_closed: bool,
}

/// Whether nothing changed since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u64);

/// The memory. All who have the database share it.
pub(crate) struct Memory(Mutex<Remembered>);

impl Default for Memory {
    fn default() -> Self {
        Self(Mutex::new(Remembered {
            accounts: Recent::weighing(ROWS, weight_of_account),
            tokens: Recent::weighing(ROWS, weight_of_token),
            rights: Recent::of(ROWS / EACH),
            tags: Recent::of(ROWS / EACH),
            manifests: Recent::weighing(MANIFESTS, weight_of_manifest),
            members: Recent::of(ROWS / EACH),
            version: 0,
            is_closed: false,
        }))
    }
}

impl Memory {
    /// What a step would yield; where that is not known, the moment to keep it by, taken before it is run.
    pub(crate) fn recall<S: Recall>(&self, step: &S) -> Result<S::Output, Seen> {
        let mut remembered = self.remembered();
        step.recall(&mut remembered).ok_or(Seen(remembered.version))
    }

    /// Keeps what a step yielded that began after `seen`, unless something changed since.
    pub(crate) fn keep<S: Recall>(&self, step: &S, output: &S::Output, seen: Seen) {
        let mut remembered = self.remembered();
        if Seen(remembered.version) == seen && !remembered.is_closed {
            step.keep(output, &mut remembered);
        }
    }

    /// Forgets what a commit will change, and keeps nothing until [`Memory::forget`].
    pub(crate) fn close(&self, changes: &Changes) {
        if !changes.is_empty() {
            let mut remembered = self.remembered();
            remembered.is_closed = true;
            changes.apply(&mut remembered);
        }
    }

    /// Forgets what was changed. To be called after the commit, and before anybody is told of it or of what was remembered;
    /// also where nobody knows what became of the commit.
    pub(crate) fn forget(&self, changes: &Changes) {
        if changes.is_empty() {
            return;
        }
        let mut remembered = self.remembered();
        remembered.is_closed = false;
        remembered.version += 1;
        changes.apply(&mut remembered);
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight_of_account(account: &Account) -> usize {
    EACH + account.password_hash.as_ref().map_or(0, String::len)
}

fn weight_of_token(token: &TokenRow) -> usize {
    // A pattern and its verbs are a few hundred bytes at most.
    EACH + token.name.len() + token.reach.as_ref().map_or(0, |reach| 400 * reach.allowances().len())
}

fn weight_of_manifest(manifest: &ManifestRow) -> usize {
    EACH + manifest.bytes.len()
}

#[cfg(test)]
mod tests {
    use wharf_core::{Algorithm, ObjectKey};

    use super::*;
    use crate::rows::FindMember;

    #[test]
    fn of_two_reads_beside_a_commit_neither_is_kept() {
        let (memory, repository) = (Memory::default(), RepositoryId(1));
        let digest = wharf_hash::digest(Algorithm::Sha256, b"one");
        let find = || FindMember { repository, digest };
        let found = Some(BlobRow { digest, size: 3, key: ObjectKey::from_row(&[1; 16]).unwrap() });
        let seen = || memory.recall(&find()).expect_err("it is remembered");
        let keeps = |seen: Seen| {
            memory.keep(&find(), &found, seen);
            memory.recall(&find()).is_ok()
        };
        let mut changes = Changes::default();
        changes.name(Content::Member(repository, digest));

        assert!(keeps(seen()));
        memory.close(&changes);
        let beside = seen();
        assert!(!keeps(beside), "it was kept while a commit was under way");
        memory.forget(&changes);
        assert!(!keeps(beside), "what was read beside a commit was kept after it");
        assert!(keeps(seen()));
    }
}
