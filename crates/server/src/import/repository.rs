//! Brings one repository: its tags, or one thing of it, and whatever refers to what was brought.
//!
//! What refers to a manifest is found in three ways: by the registry's own list, by the tag that stands in for the
//! list (distribution-spec, referrers tag schema), and, for cosign, by tags that begin with the digest. A whole
//! repository has such tags among its tags.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream};
use wharf_core::{Digest, Reference, Tag, manifest::Manifest};

use super::{
    carrier::{Brought, Carrier, Trouble, manifests_of},
    plan::{Pair, Thing},
    report::{Line, Outcome},
    source::LeftOut,
};

/// How many things of a repository are brought at once.
const BREADTH: usize = 4;
/// The most manifests of a repository whose referrers are asked for.
const MOST_SUBJECTS: usize = 1_000_000;

/// One repository in the course of an import.
pub(super) struct RepositoryImport<'a> {
    carrier: &'a Carrier,
    pair: &'a Pair,
    server: String,
    /// The manifests whose referrers were asked for.
    asked: Mutex<HashSet<Digest>>,
}

impl<'a> RepositoryImport<'a> {
    pub(super) fn new(carrier: &'a Carrier, pair: &'a Pair, server: String) -> Self {
        Self { carrier, pair, server, asked: Mutex::default() }
    }

    /// Brings it all; what becomes of it stands in the report.
    pub(super) async fn bring(&self) {
        self.carrier.report.bar.about(self.pair.from.as_str());
        let tags = self.carrier.source.tags(&self.pair.from).await;
        match (&self.pair.one, tags) {
            (None, Ok(tags)) => {
                let bring = |tag| async move { self.bring_tree("tag", &Thing::tag(&tag), None).await };
                stream::iter(tags.into_iter().map(bring)).buffer_unordered(BREADTH).collect::<()>().await;
                self.note_left_out().await;
            }
            (None, Err(error)) => self.note_failure("tags", "", &Trouble::of_source(error)),
            (Some(one), Ok(tags)) => {
                let tags = tags.into_iter().collect();
                self.bring_tree(kind_of(&one.to), one, Some(&tags)).await;
            }
            (Some(one), Err(error)) => {
                self.bring_tree(kind_of(&one.to), one, None).await;
                // Without them signatures cannot be looked for.
                self.note_failure("tags", "", &Trouble::of_source(error));
            }
        }
    }

    /// Brings a thing and whatever refers to it or to its parts. `beside` are the tags of the repository, where they
    /// are not brought anyway.
    async fn bring_tree(&self, kind: &'static str, thing: &Thing, beside: Option<&HashSet<Tag>>) {
        let mut left = self.bring_one(kind, thing).await;
        while let Some(subject) = left.pop() {
            if self.carrier.is_stopped() || !self.is_first(subject) {
                continue;
            }
            for tag in beside.into_iter().flatten().filter(|tag| is_about(tag, subject)) {
                left.extend(self.bring_one("tag", &Thing::tag(tag)).await);
            }
            match self.referrers(subject, beside).await {
                Ok(found) => {
                    for referrer in found {
                        left.extend(
                            self.bring_one("referrer", &Thing::same(Reference::Digest(referrer))).await,
                        );
                    }
                }
                Err(trouble) => self.note_failure("referrers", &format!("@{subject}"), &trouble),
            }
        }
    }

    /// Brings a thing and says which manifests came with it.
    async fn bring_one(&self, kind: &'static str, thing: &Thing) -> Vec<Digest> {
        if self.carrier.is_stopped() {
            return Vec::new();
        }
        let named = |name: &str, reference: &Reference| match reference {
            Reference::Tag(tag) => format!("{name}:{tag}"),
            Reference::Digest(digest) => format!("{name}@{digest}"),
        };
        let source = format!("{}{}", self.carrier.source.name(), named(self.pair.from.as_str(), &thing.from));
        let target = format!("{}/{}", self.server, named(self.pair.to.as_str(), &thing.to));
        let (digest, outcome, brought) = match self.carrier.bring(self.pair, thing).await {
            Ok(Brought { digest, outcome, mut children }) => {
                children.push(digest);
                (Some(digest), outcome, children)
            }
            Err(trouble) => (None, Outcome::Failed(trouble.to_string()), Vec::new()),
        };
        self.carrier.report.note(&Line { kind, source, target, digest, outcome });
        brought
    }

    /// The manifests that refer to this one.
    async fn referrers(
        &self,
        subject: Digest,
        beside: Option<&HashSet<Tag>>,
    ) -> Result<Vec<Digest>, Trouble> {
        let (source, from) = (&self.carrier.source, &self.pair.from);
        if let Some(found) = source.referrers(from, subject).await.map_err(Trouble::of_source)? {
            return Ok(found);
        }
        let Ok(tag) = format!("{}-{}", subject.algorithm(), subject.hex()).parse::<Tag>() else {
            return Ok(Vec::new());
        };
        // Of a whole repository it comes as a tag, and what it lists with it.
        if beside.is_none_or(|tags| !tags.contains(&tag)) {
            return Ok(Vec::new());
        }
        let found = source.manifest(from, &Reference::Tag(tag)).await.map_err(Trouble::of_source)?;
        let list = found.map(|list| Manifest::parse(list.media_type.as_ref(), &list.bytes)).transpose();
        Ok(list.map_err(Trouble::of_source)?.map(|list| manifests_of(&list)).unwrap_or_default())
    }

    /// Names what the source has and nobody would take.
    async fn note_left_out(&self) {
        let left_out = match self.carrier.source.left_out(Some(&self.pair.from)).await {
            Ok(left_out) => left_out,
            Err(error) => return self.note_failure("files", "", &Trouble::of_source(error)),
        };
        let source = format!("{}{} ", self.carrier.source.name(), self.pair.from);
        note_files(self.carrier, &source, &format!("{}/{}", self.server, self.pair.to), left_out);
    }

    /// Whether nobody asked for the referrers of this one yet.
    fn is_first(&self, subject: Digest) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.len() < MOST_SUBJECTS && asked.insert(subject)
    }

    fn note_failure(&self, kind: &'static str, what: &str, trouble: &Trouble) {
        let source = format!("{}{}{what}", self.carrier.source.name(), self.pair.from);
        let outcome = Outcome::Failed(format!("its {kind} cannot be listed: {trouble}"));
        let target = format!("{}/{}{what}", self.server, self.pair.to);
        self.carrier.report.note(&Line { kind, source, target, digest: None, outcome });
    }
}

/// Names what the source has and no repository could take.
pub(super) async fn note_strays(carrier: &Carrier, server: &str) {
    // Whoever cannot tell that has told so before, when the repositories were listed.
    let strays = carrier.source.left_out(None).await.unwrap_or_default();
    note_files(carrier, &carrier.source.name(), server, strays);
}

fn note_files(carrier: &Carrier, source: &str, target: &str, left_out: Vec<LeftOut>) {
    for LeftOut { what, why } in left_out {
        let (source, target) = (format!("{source}{what}"), target.to_owned());
        carrier.report.note(&Line {
            kind: "file",
            source,
            target,
            digest: None,
            outcome: Outcome::Failed(why),
        });
    }
}

fn kind_of(reference: &Reference) -> &'static str {
    match reference {
        Reference::Tag(_) => "tag",
        Reference::Digest(_) => "manifest",
    }
}

/// Whether a tag is one that cosign hangs on a digest: `sha256-<hex>.sig`, `.att`, `.sbom`.
fn is_about(tag: &Tag, subject: Digest) -> bool {
    let about = tag.as_str().strip_prefix(subject.algorithm().name()).and_then(|rest| rest.strip_prefix('-'));
    about.and_then(|rest| rest.strip_prefix(&subject.hex())).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_cosigns_is_told_by_its_digest() {
        let subject: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let about = |tag: String| is_about(&tag.parse().unwrap(), subject);
        assert!(about(format!("sha256-{}.sig", "a".repeat(64))));
        assert!(!about(format!("sha256-{}", "a".repeat(64))));
        assert!(!about(format!("sha256-{}.sig", "b".repeat(64))));
        assert!(!about("v1.0".to_owned()));
    }
}
