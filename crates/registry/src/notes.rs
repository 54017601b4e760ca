//! What is noted for the audit log beside transactions: who pulled what, and who was refused.

use wharf_core::{Actor, Digest, Error, Grant, Kind, Place, Tag, Verb, action::Pull, audit::AuditRecord};

use crate::{AuditPulls, Registry};

impl Registry {
    /// Notes that a manifest was pulled, by this tag if by one. A face does when it sends one.
    pub fn note_pull(&self, grant: &Grant<Pull>, digest: &Digest, tag: Option<&Tag>) {
        self.note(grant, (digest, tag.map(Tag::to_string)), "manifest.pull");
    }

    /// Notes that a blob, or a part of it, was pulled.
    pub(crate) fn note_blob(&self, grant: &Grant<Pull>, digest: &Digest) {
        self.note(grant, (digest, None), "blob.pull");
    }

    fn note(&self, grant: &Grant<Pull>, (digest, target): (&Digest, Option<String>), action: &'static str) {
        if self.settings().audit_pulls == AuditPulls::Off {
            return;
        }
        let record = AuditRecord::by(self.now(), grant, action);
        let (place, digest) = (Some(grant.place().clone()), Some(*digest));
        self.0.parts.notebook.note(AuditRecord { place, target, digest, ..record });
    }

    /// Notes that somebody who is known was refused. Who is nobody is only asked who he is.
    pub(crate) fn note_refusal(&self, actor: &Actor, (place, verb): (&Place, Verb), error: &Error) {
        if actor.is_anonymous() || !matches!(error.kind(), Kind::Denied | Kind::NotFound(_)) {
            return;
        }
        let record = AuditRecord::new(self.now(), actor, "access.refused");
        let target = Some(verb.word().to_owned());
        self.0.parts.notebook.note(AuditRecord { place: Some(place.clone()), target, ..record });
    }
}
