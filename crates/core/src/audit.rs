//! Records: what the audit log and the outbox keep of a change, written in its transaction.

use crate::{Actor, Digest, OrganisationName, Place, Timestamp};

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
}

impl AuditRecord {
    /// A record of an action that is not at a repository.
    pub fn new(at: Timestamp, actor: &Actor, action: &'static str) -> Self {
        let actor = actor.clone();
        Self { at, actor, action, organisation: None, place: None, target: None, digest: None }
    }
}

/// What happened to the content of a repository, for webhooks and scans; delivered at least once, in order.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What: `manifest.push` (with each tag it was given), `manifest.delete`, `tag.delete`, `blob.delete`.
    pub kind: &'static str,
    /// The tag, if one moved.
    pub tag: Option<String>,
    /// The content.
    pub digest: Option<Digest>,
    /// The name of who did it.
    pub actor: String,
}
