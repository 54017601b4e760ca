//! Brings one manifest and whatever it names from the source to the server.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tokio::sync::Semaphore;
use wharf_core::{
    Digest, Error, Kind, Reference, Subject,
    manifest::{Descriptor, Manifest, Role},
};
use wharf_outbound::{Document, Repository, Upstream};

use super::{
    arguments::{Effect, Options},
    once::Once,
    plan::{Pair, Thing},
    report::{Blob, Outcome, Report},
    source::ImportSource,
};

/// How many contents of one manifest are looked at at once.
const BREADTH: usize = 8;
/// How deep indexes may be nested.
const DEEPEST: usize = 8;

/// Why something could not be brought. Several may have to be told.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    error: Arc<Error>,
    side: Side,
}

/// Who failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

/// What was found out about a thing on the way.
pub(super) struct Brought {
    pub(super) digest: Digest,
    pub(super) outcome: Outcome,
    /// The manifests an index names.
    pub(super) children: Vec<Digest>,
}

/// Both ends, and what was done between them.
pub(super) struct Carrier {
    pub(super) source: Box<dyn ImportSource>,
    target: Upstream,
    pub(super) report: Report,
    effect: Effect,
    turns: Semaphore,
    manifests: Once<(Repository, Digest), Result<(), Trouble>>,
    blobs: Once<(Repository, Digest), Result<(), Trouble>>,
    /// A repository of the server that has the blob.
    homes: Mutex<HashMap<Digest, Repository>>,
    /// Why there is no use in going on.
    stopped: OnceLock<Trouble>,
}

impl Trouble {
    pub(super) fn of_source(error: Error) -> Self {
        Self { error: Arc::new(error), side: Side::Source }
    }

    fn of_target(error: Error) -> Self {
        Self { error: Arc::new(error), side: Side::Target }
    }

    /// Whether nothing else would go better: the server is away or will not have us, after every patience.
    fn ends_all(&self) -> bool {
        let kind = self.error.kind();
        self.side == Side::Target
            && matches!(kind, Kind::Unavailable | Kind::Timeout | Kind::Unauthenticated | Kind::StorageFull)
    }
}

impl fmt::Display for Trouble {
    /// With its causes: whoever reads it is who must act.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.in_full())
    }
}

impl Carrier {
    pub(super) fn new(source: Box<dyn ImportSource>, target: Upstream, options: &Options) -> Self {
        Self {
            source,
            target,
            report: Report::new(options.output),
            effect: options.effect,
            turns: Semaphore::new(options.transfers),
            manifests: Once::new(),
            blobs: Once::new(),
            homes: Mutex::default(),
            stopped: OnceLock::new(),
        }
    }

    /// Whether there is no use in going on.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// Brings a thing under its name, with all it needs.
    pub(super) async fn bring(&self, pair: &Pair, thing: &Thing) -> Result<Brought, Trouble> {
        let brought = self.try_bring(pair, thing).await;
        if let Err(trouble) = &brought
            && trouble.ends_all()
        {
            self.report.end_early(&trouble.to_string());
            let _ = self.stopped.set(trouble.clone());
        }
        brought
    }

    async fn try_bring(&self, pair: &Pair, thing: &Thing) -> Result<Brought, Trouble> {
        let standing = self.resolve_at_target(pair, &thing.to).await?;
        if let Some(digest) = standing
            && self.has_contents(pair, thing, digest).await?
        {
            return Ok(Brought { digest, outcome: Outcome::Present, children: Vec::new() });
        }
        let found = self.source.resolve(&pair.from, &thing.from).await.map_err(Trouble::of_source)?;
        let digest = found.ok_or_else(|| missing(&thing.from))?;
        let there = standing == Some(digest);
        let document = if there {
            let found = self.target.manifest(&pair.to, &Reference::Digest(digest)).await;
            found.map_err(Trouble::of_target)?.ok_or_else(|| missing(&thing.to))?
        } else {
            self.fetch(pair, digest).await?
        };
        let manifest = read(&document)?;
        let children = manifests_of(&manifest);
        if there {
            return Ok(Brought { digest, outcome: Outcome::Present, children });
        }
        // What is there by its digest has its contents there too.
        if self.resolve_at_target(pair, &Reference::Digest(digest)).await?.is_none() {
            self.bring_contents(pair, &manifest, 0).await?;
        }
        let outcome = self.push(pair, &thing.to, &manifest, document).await?;
        Ok(Brought { digest, outcome, children })
    }

    async fn resolve_at_target(&self, pair: &Pair, reference: &Reference) -> Result<Option<Digest>, Trouble> {
        self.target.resolve(&pair.to, reference).await.map_err(Trouble::of_target)
    }

    /// Whether the manifest that the server has names all that the source tells of the thing.
    async fn has_contents(&self, pair: &Pair, thing: &Thing, standing: Digest) -> Result<bool, Trouble> {
        let contents = self.source.contents(&pair.from, &thing.from).await.map_err(Trouble::of_source)?;
        let Some(contents) = contents else { return Ok(false) };
        let document = self.target.manifest(&pair.to, &Reference::Digest(standing)).await;
        let Some(document) = document.map_err(Trouble::of_target)? else { return Ok(false) };
        let named: Vec<_> = read(&document)?.references.iter().filter_map(|(_, it)| it.digest()).collect();
        Ok(contents.iter().all(|content| named.contains(content)))
    }

    /// A manifest of the source.
    async fn fetch(&self, pair: &Pair, digest: Digest) -> Result<Document, Trouble> {
        let _turn = self.turns.acquire().await;
        let reference = Reference::Digest(digest);
        let found = self.source.manifest(&pair.from, &reference).await.map_err(Trouble::of_source)?;
        found.ok_or_else(|| missing(&reference))
    }

    async fn push(
        &self,
        pair: &Pair,
        reference: &Reference,
        manifest: &Manifest,
        document: Document,
    ) -> Result<Outcome, Trouble> {
        if self.effect == Effect::Rehearse {
            return Ok(Outcome::Missing);
        }
        let pushed = self.target.push_manifest(&pair.to, reference, &manifest.media_type, document.bytes);
        pushed.await.map(|()| Outcome::Imported).map_err(Trouble::of_target)
    }

    /// Brings what a manifest names. All of it is tried, and the first that failed is the trouble.
    async fn bring_contents(&self, pair: &Pair, manifest: &Manifest, depth: usize) -> Result<(), Trouble> {
        let bring = |(role, content): &(Role, Descriptor)| {
            let (role, content) = (*role, content.clone());
            async move { self.bring_content(pair, role, content, depth).await }
        };
        let done = stream::iter(manifest.references.iter().map(bring)).buffer_unordered(BREADTH);
        done.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn bring_content(
        &self,
        pair: &Pair,
        role: Role,
        content: Descriptor,
        depth: usize,
    ) -> Result<(), Trouble> {
        let unknown = || {
            Trouble::of_source(Error::new(
                Kind::Unsupported,
                format!("{} is of an unknown kind", content.digest),
            ))
        };
        let digest = content.digest().ok_or_else(unknown)?;
        match role {
            Role::Manifest => self.bring_child(pair, digest, depth + 1).await,
            // Such a layer lies where its URLs say, and a registry takes an image without it.
            Role::Layer if content.is_nondistributable() => Ok(()),
            Role::Layer | Role::Config => {
                self.blobs.get((pair.to.clone(), digest), self.bring_blob(pair, digest, content.size)).await
            }
        }
    }

    /// Brings a manifest of an index.
    fn bring_child<'a>(
        &'a self,
        pair: &'a Pair,
        digest: Digest,
        depth: usize,
    ) -> BoxFuture<'a, Result<(), Trouble>> {
        let bring = async move {
            if depth > DEEPEST {
                let words = format!("indexes are nested deeper than {DEEPEST}");
                return Err(Trouble::of_source(Error::new(Kind::Invalid, words)));
            }
            let reference = Reference::Digest(digest);
            if self.resolve_at_target(pair, &reference).await?.is_some() {
                return Ok(());
            }
            let document = self.fetch(pair, digest).await?;
            let manifest = read(&document)?;
            self.bring_contents(pair, &manifest, depth).await?;
            self.push(pair, &reference, &manifest, document).await.map(drop)
        };
        self.manifests.get((pair.to.clone(), digest), bring).boxed()
    }

    async fn bring_blob(&self, pair: &Pair, digest: Digest, size: u64) -> Result<(), Trouble> {
        let _turn = self.turns.acquire().await;
        if self.target.has_blob(&pair.to, digest).await.map_err(Trouble::of_target)? {
            self.settle(pair, digest);
            self.report.note_blob(Blob::Present, size);
            return Ok(());
        }
        if self.effect == Effect::Rehearse {
            self.report.note_blob(Blob::Missing, size);
            return Ok(());
        }
        if let Some(home) = self.home_of(digest)
            && self.target.mount(&pair.to, digest, &home).await.map_err(Trouble::of_target)?
        {
            self.report.note_blob(Blob::Mounted, size);
            return Ok(());
        }
        self.report.bar.more(size);
        let mut download = self.source.blob(&pair.from, digest, size);
        let watch = |bytes| self.report.bar.over(bytes);
        let pushed = self.target.push_blob(&pair.to, &mut download, &watch).await;
        // Whoever of both it was: if it is the server, the next call to it says so.
        pushed.map_err(Trouble::of_source)?;
        self.settle(pair, digest);
        self.report.note_blob(Blob::Sent, size);
        Ok(())
    }

    fn home_of(&self, digest: Digest) -> Option<Repository> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    fn settle(&self, pair: &Pair, digest: Digest) {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, pair.to.clone());
    }
}

fn read(document: &Document) -> Result<Manifest, Trouble> {
    Manifest::parse(document.media_type.as_ref(), &document.bytes).map_err(Trouble::of_source)
}

/// The manifests an index names.
pub(super) fn manifests_of(manifest: &Manifest) -> Vec<Digest> {
    let of_role =
        |(role, content): &(Role, Descriptor)| (*role == Role::Manifest).then(|| content.digest())?;
    manifest.references.iter().filter_map(of_role).collect()
}

fn missing(reference: &Reference) -> Trouble {
    let words = format!("{reference} is not there");
    Trouble::of_source(Error::new(Kind::NotFound(Subject::Manifest), words))
}
