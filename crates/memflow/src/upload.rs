//! Taking a plugin in: read, verified, and stored as an OCI artifact in the repository of each of its names.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use futures_util::future::{try_join, try_join_all};
use tokio::task::spawn_blocking;
use wharf_core::{
    Condition, Digest, Error, Expected, Grant, Kind, Place, Reference, Result, Tag,
    action::{Pull, Push},
};
use wharf_registry::{ManifestPush, ReleaseTag, Turn};
use wharf_signing::{Signature, Trust, Verified};

use crate::{
    Call,
    artifact::{
        Artifact, FOLDER, KEY_ANNOTATION, PLUGIN, Part, SIGNATURE, SIGNATURE_ANNOTATION, file_name, file_tag,
        message, place, platform_tag, sha256,
    },
    descriptor::{self, Descriptor},
    form::Form,
    held::{Held, HeldFiles},
};

/// `POST /files`
pub(crate) async fn upload(call: &Call<'_>, body: Body) -> Result<Response> {
    if call.actor.is_anonymous() {
        return Err(Error::new(Kind::Unauthenticated, "authentication required"));
    }
    // Who could push no plugin has nothing read; which ones he may push is asked when their names are known.
    call.registry.expect_pusher_below(call.actor, &call.place, Some(FOLDER)).await?;
    let turn = call.serving.turns.next(&call.place.organisation).await?;
    let form = Form::read(call.headers(), body).await?;
    let trust = call.signing.trust(&call.place).await?;
    let upload = Upload::read(form, trust, turn, call.serving.face.plugins.held.clone()).await?;
    let mut allowed = Vec::new();
    for (place, descriptors) in upload.places(call)? {
        allowed.push((call.registry.grant::<Push>(call.actor, &place).await?, descriptors));
    }
    let mut stored = Stored::Already;
    for (grant, descriptors) in allowed {
        if upload.store(call, &grant, &descriptors).await? == Stored::Now {
            stored = Stored::Now;
        }
    }
    // The words of the original, which clients print.
    Ok(Json(if stored == Stored::Now { "Added" } else { "AlreadyExists" }).into_response())
}

/// Whether a file was stored, or was there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Now,
    Already,
}

/// A file that was read and found good.
pub(crate) struct Upload {
    held: Arc<Held>,
    signature: String,
    /// The signature and its key; none, where nobody could tell.
    verified: Option<Verified>,
    /// It goes with the work, also when the client has gone.
    _turn: Turn,
}

impl Upload {
    /// Reads a file, on a thread that may block. The turn is its own: the work goes on where the client hangs up.
    pub(crate) async fn read(
        Form { file, signature }: Form,
        trust: Trust,
        turn: Turn,
        files: Arc<HeldFiles>,
    ) -> Result<Self> {
        let read = move || {
            let descriptors = descriptor::read(file.bytes())?;
            let verified = match trust.accepts_unverified() {
                true => None,
                false => Some(trust.verify(&message(file.bytes(), file.digest())?, &signature)?),
            };
            let held = files.hold(Held { file, descriptors });
            Ok(Self { held, signature, verified, _turn: turn })
        };
        spawn_blocking(read).await.map_err(Error::internal)?
    }

    /// The digest of the file.
    pub(crate) fn digest(&self) -> &Digest {
        self.held.file.digest()
    }

    /// The repositories it belongs into, with what it holds for each.
    pub(crate) fn places(&self, call: &Call<'_>) -> Result<BTreeMap<Place, Vec<&Descriptor>>> {
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for descriptor in &self.held.descriptors {
            places.entry(place(&call.place, &descriptor.name)?).or_default().push(descriptor);
        }
        Ok(places)
    }

    /// Stores it in one repository. Where it is there already, only a signature that is new is added.
    pub(crate) async fn store(
        &self,
        call: &Call<'_>,
        grant: &Grant<Push>,
        descriptors: &[&Descriptor],
    ) -> Result<Stored> {
        let reference = Reference::Tag(file_tag(self.digest())?);
        if let Some(plugin) = find(call, grant.place(), &reference).await? {
            self.sign(call, grant, plugin).await?;
            return Ok(Stored::Already);
        }
        let config = Part::config(descriptors);
        let file = self.file(descriptors);
        let text =
            self.verified.as_ref().map_or_else(|| self.signature.clone(), |it| it.signature.to_string());
        let annotations = vec![(SIGNATURE_ANNOTATION, text)];
        let artifact =
            Artifact { kind: PLUGIN, config: &config, layers: vec![&file], subject: None, annotations };
        let mut tags = Vec::new();
        for descriptor in descriptors {
            let tag = platform_tag(descriptor)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let nothing = Condition { none_matches: Some(Expected::Anything), ..Condition::default() };
        let push = Naming { reference: reference.clone(), tags, condition: nothing };
        match try_join(put(call, grant, (&artifact, push)), self.bring_signature(call, grant)).await {
            Ok((plugin, ())) => {
                self.sign(call, grant, plugin).await?;
                Ok(Stored::Now)
            }
            // Somebody else brought the same file at the same time.
            Err(error) if error.kind() == Kind::PreconditionFailed => {
                if let Some(plugin) = find(call, grant.place(), &reference).await? {
                    self.sign(call, grant, plugin).await?;
                }
                Ok(Stored::Already)
            }
            Err(error) => Err(error),
        }
    }

    fn file(&self, descriptors: &[&Descriptor]) -> Part {
        let title = descriptors.first().map(|descriptor| file_name(descriptor, self.digest()));
        Part::file(self.held.file.clone(), title.unwrap_or_default())
    }

    /// What a signature is made of beside the file.
    fn signature_parts(&self, signature: &Signature) -> [Part; 2] {
        [Part::empty(), Part::signature(signature.bytes(), format!("{}.sig", self.digest().hex()))]
    }

    /// Stores what the signature is made of, while the plugin is stored that it is to stand beside.
    async fn bring_signature(&self, call: &Call<'_>, grant: &Grant<Push>) -> Result<()> {
        match &self.verified {
            Some(verified) => bring(call, grant, &self.signature_parts(&verified.signature).each_ref()).await,
            None => Ok(()),
        }
    }

    /// Lets a signature stand beside a plugin. The same signature is the same manifest, however often it comes.
    async fn sign(
        &self,
        call: &Call<'_>,
        grant: &Grant<Push>,
        (plugin, size): (Digest, usize),
    ) -> Result<()> {
        let Some(Verified { signature, key }) = &self.verified else { return Ok(()) };
        let file = self.file(&self.held.descriptors.iter().collect::<Vec<_>>());
        let [config, bytes] = self.signature_parts(signature);
        let annotations = vec![(SIGNATURE_ANNOTATION, signature.to_string()), (KEY_ANNOTATION, key.clone())];
        let layers = vec![&bytes, &file];
        let subject = Some((plugin, size));
        let artifact = Artifact { kind: SIGNATURE, config: &config, layers, subject, annotations };
        let reference = Reference::Digest(sha256(&artifact.manifest()));
        let push = Naming { reference, tags: Vec::new(), condition: Condition::default() };
        put(call, grant, (&artifact, push)).await.map(drop)
    }
}

/// The digest and size of the plugin that a reference names, if there is one.
async fn find(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Option<(Digest, usize)>> {
    // Whoever may push may pull, unless his token says otherwise; then he is told so.
    let grant = call.registry.grant::<Pull>(call.actor, place).await;
    let grant = match grant {
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => return Ok(None),
        grant => grant?,
    };
    match call.registry.manifest(&grant, reference).await {
        Ok(stored) => Ok(Some((stored.digest, stored.bytes.len()))),
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Under what an artifact is stored.
struct Naming {
    reference: Reference,
    tags: Vec<Tag>,
    condition: Condition,
}

/// Stores an artifact with everything it names: first the contents, then the manifest, by which it is seen.
async fn put(
    call: &Call<'_>,
    grant: &Grant<Push>,
    (artifact, naming): (&Artifact<'_>, Naming),
) -> Result<(Digest, usize)> {
    bring(call, grant, &artifact.parts().collect::<Vec<_>>()).await?;
    // The repository may have come to be with the first content.
    let grant = call.registry.regrant(grant).await?;
    let bytes = artifact.manifest();
    let size = bytes.len();
    let Naming { reference, tags, condition } = naming;
    let release = ReleaseTag::Kept;
    let push = ManifestPush { reference, tags, content_type: None, condition, release, bytes };
    Ok((call.registry.push_manifest(&grant, push).await?.digest, size))
}

/// Stores the contents that a repository lacks, all at once: each has flushes of its own to wait for.
async fn bring(call: &Call<'_>, grant: &Grant<Push>, parts: &[&Part]) -> Result<()> {
    try_join_all(parts.iter().map(|part| bring_one(call, grant, part))).await.map(drop)
}

async fn bring_one(call: &Call<'_>, grant: &Grant<Push>, part: &Part) -> Result<()> {
    match is_here(call, grant.place(), part.content.digest()).await {
        true => Ok(()),
        false => call.registry.push_hashed(grant, &part.content).await.map(drop),
    }
}

/// Whether a repository holds a content already, and for long enough to name it. Who may not know pushes it once more.
async fn is_here(call: &Call<'_>, place: &Place, digest: &Digest) -> bool {
    match call.registry.grant::<Pull>(call.actor, place).await {
        Ok(grant) => call.registry.stat_blob(&grant, digest).await.is_ok(),
        Err(_) => false,
    }
}
