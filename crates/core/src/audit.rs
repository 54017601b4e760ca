//! Records: what the audit log and the outbox keep of a change, written in its transaction.

mod notebook;

pub use self::notebook::Notebook;
use crate::{
    Actor, Digest, OrganisationName, Place, Result, Timestamp,
    gate::{Granted, Warrant},
};

/// One line of the audit log: who did what to what, when, from where, by which credential.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// Who, by what, from where, on which request.
    pub actor: Actor,
    /// What: `manifest.push`, `tag.delete`, `user.create`, …
    pub action: &'static str,
    /// In which organisation, where that is not of the place.
    pub organisation: Option<OrganisationName>,
    /// Where, if at a repository.
    pub place: Option<Place>,
    /// To what: a tag, a user's name.
    pub target: Option<String>,
    /// To which content.
    pub digest: Option<Digest>,
    /// How often, for what is noted many at a time.
    pub times: u64,
    /// By what right. The transaction that does it asks for that once more; it is not written down.
    pub warrant: Warrant,
}

impl AuditRecord {
    /// A record of what needs no right: what happened, or what Wharf itself does.
    pub fn new(at: Timestamp, actor: &Actor, action: &'static str) -> Self {
        let (actor, warrant) = (actor.clone(), Warrant::free());
        let (organisation, place, target, digest) = Default::default();
        Self { at, actor, action, organisation, place, target, digest, times: 1, warrant }
    }

    /// A record of what the holder of a grant does with it.
    pub fn by(at: Timestamp, grant: &impl Granted, action: &'static str) -> Self {
        Self { warrant: grant.warrant(), ..Self::new(at, grant.holder(), action) }
    }
}

/// Signs the heads of the sealed audit log.
pub trait HeadSigner: Send + Sync {
    /// The signature under a text.
    ///
    /// # Errors
    /// `Internal`.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>>;
    /// Whether a signature is its own.
    fn verifies(&self, text: &[u8], signature: &[u8]) -> bool;
    /// The key that others verify by: Ed25519, 32 bytes.
    fn public_key(&self) -> Vec<u8>;
}

/// What happened to the content of a repository, for webhooks and scans; delivered at least once, in order.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What: one of [`Event::KINDS`].
    pub kind: &'static str,
    /// The tag, if one moved.
    pub tag: Option<String>,
    /// The content.
    pub digest: Option<Digest>,
    /// The name of who did it.
    pub actor: String,
}

impl Event {
    /// What may happen: `manifest.push` is told with each tag it was given, `…expire` of what a rule let go, and the last
    /// five of the releases of a format.
    pub const KINDS: [&str; 12] = [
        "manifest.push",
        "manifest.delete",
        "manifest.expire",
        "tag.delete",
        "tag.expire",
        "tag.rollback",
        "blob.delete",
        "release.yank",
        "release.unyank",
        "part.yank",
        "part.unyank",
        "project.status",
    ];

    /// Whether it only took something away, so that nothing is needed after it that was not needed before.
    pub fn is_removal(&self) -> bool {
        const REMOVALS: [&str; 5] =
            ["manifest.delete", "tag.delete", "blob.delete", "manifest.expire", "tag.expire"];
        REMOVALS.contains(&self.kind)
    }
}
