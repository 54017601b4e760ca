//! What is attested of Python files: taken from the very job that uploads, if every signature leads to the roots that the
//! operator gave, and from nobody else.

use serde_json::{Value, json};

use super::wheel::{Distribution, FilePlace, INDEX};
use crate::harness::issuer::Issuer;
use crate::harness::sigstore::{Flaw, Signer, Sigstore};
use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Repository, Wharf, media_type, sha256};

const HOME: &str = "https://wharf.example";
pub(crate) const PUBLISH: &str = "https://docs.pypi.org/attestations/publish/v1";
const BUILT: &str = "https://slsa.dev/provenance/v1";
const WORKFLOW: &str = "acme/foo/.github/workflows/release.yml@refs/tags/v1";

/// A server that believes an issuer and a Sigstore.
pub(crate) struct World {
    pub(crate) wharf: Wharf,
    pub(crate) issuer: Issuer,
    sigstore: Sigstore,
}

impl World {
    pub(crate) async fn start() -> Self {
        let sigstore = Sigstore::new();
        let roots = sigstore.roots().display().to_string();
        Self::start_with(sigstore, &[("WHARF_ATTESTATION_ROOTS", &roots)]).await
    }

    async fn start_with(sigstore: Sigstore, more: &[(&str, &str)]) -> Self {
        let own = [
            ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
            ("WHARF_PUBLIC_URL", HOME),
            ("WHARF_ISSUER_HOSTS", "127.0.0.1:*"),
        ];
        let wharf = Wharf::start_with(&[&own[..], more].concat()).await;
        wharf.found(&["acme"]).await;
        let issuer = Issuer::start().await;
        let new = json!({ "name": "ci", "url": issuer.url });
        wharf.admin().send_json("POST", "/api/v1/orgs/acme/issuers", &new).await.is(201);
        let access = json!([{ "repositories": "acme/main/pypi/*", "actions": ["pull", "push"] }]);
        let rule = json!({ "name": "release", "claims": { "repository": "acme/foo" }, "access": access });
        wharf.admin().send_json("POST", "/api/v1/orgs/acme/issuers/ci/rules", &rule).await.is(201);
        Self { wharf, issuer, sigstore }
    }

    /// What the issuer says of a job of the workflow.
    pub(crate) fn claims() -> Value {
        json!({
            "sub": "repo:acme/foo:environment:pypi", "repository": "acme/foo", "environment": "pypi",
            "workflow_ref": WORKFLOW, "job_workflow_ref": WORKFLOW,
        })
    }

    /// The token by which such a job is let in.
    pub(crate) async fn mint(&self) -> String {
        let token = json!({ "token": self.issuer.token(HOME, Self::claims()) });
        let minted = self.wharf.anonymous().send_json("POST", "/_/oidc/mint-token", &token).await.is(200);
        minted.json()["token"].as_str().unwrap().to_owned()
    }

    /// Such a job.
    pub(crate) async fn job(&self) -> Caller {
        self.wharf.caller("__token__", &self.mint().await)
    }

    /// Whom a certificate for such a job names.
    fn signer(&self) -> Signer {
        Signer::workflow(&self.issuer.url, "acme/foo", WORKFLOW)
    }

    pub(crate) fn attest(&self, file: &Distribution, predicate: &str) -> Value {
        self.sigstore.attest(&self.signer(), &statement(file, predicate))
    }
}

/// What is stated of a file.
fn statement(file: &Distribution, predicate: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": file.filename, "digest": { "sha256": sha256(&file.bytes).replace("sha256:", "") } }],
        "predicateType": predicate,
        "predicate": null,
    })
}

async fn upload(caller: &Caller, file: &Distribution, attestations: &[Value]) -> Answer {
    let attested = file.clone().with("attestations", Some(&json!(attestations).to_string()));
    // uv sends them behind the file.
    attested.upload_as(caller, FilePlace::First).await
}

pub(crate) fn provenance(file: &Distribution) -> String {
    format!("{INDEX}/integrity/foo/1.0/{}/provenance", file.filename)
}

async fn refused(caller: &Caller, file: &Distribution, (attestation, why): (&Value, &str)) {
    let said = upload(caller, file, std::slice::from_ref(attestation)).await.is(400);
    let said = String::from_utf8_lossy(&said.body).into_owned();
    assert!(said.contains(why), "{said:?} does not say {why:?} of {attestation}");
}

/// What a page says of where the provenance of its one file is.
async fn shown(caller: &Caller) -> Value {
    let page = format!("{INDEX}/simple/foo/?format=application/vnd.pypi.simple.v1+json");
    caller.get(&page).await.is(200).json()["files"][0]["provenance"].clone()
}

#[tokio::test]
async fn what_a_job_attests_of_its_file_is_served_as_its_own() {
    let world = World::start().await;
    let (job, wheel) = (world.job().await, Distribution::wheel("foo", "1.0"));
    let attested = world.attest(&wheel, PUBLISH);

    upload(&job, &wheel, std::slice::from_ref(&attested)).await.is(200);

    let served = job.get(&provenance(&wheel)).await.is(200);
    let served = served.has_header("content-type", "application/vnd.pypi.integrity.v1+json").json();
    // The issuer of these tests says of its jobs what GitHub's says; that does not make it GitHub's.
    let publisher = json!({
        "kind": "OpenID Connect", "issuer": world.issuer.url, "subject": "repo:acme/foo:environment:pypi",
        "repository": format!("{}/acme/foo", world.issuer.url), "workflow": ".github/workflows/release.yml",
        "environment": "pypi",
    });
    let bundle = json!({ "publisher": publisher, "attestations": [attested] });
    assert_eq!(served, json!({ "version": 1, "attestation_bundles": [bundle] }));
    assert_eq!(shown(&job).await, format!("{HOME}{}", provenance(&wheel)));
    let repository = world.wharf.admin().repository("acme/main/pypi/foo");
    let file = repository.manifest("1.0").await.is(200).json()["manifests"][0]["digest"].clone();
    let referrers = repository.referrers(file.as_str().unwrap(), "").await.is(200).json();
    let referrer = referrers["manifests"][0].clone();
    assert_eq!(referrer["artifactType"], "application/vnd.wharf.python.attestations.v1");

    // The same file again brings another one along, and the same one again changes nothing.
    let built = world.attest(&wheel, BUILT);
    for _ in 0..2 {
        upload(&job, &wheel, std::slice::from_ref(&built)).await.is(200);
    }
    let bundles = async || job.get(&provenance(&wheel)).await.is(200).json()["attestation_bundles"].clone();
    assert_eq!(bundles().await.as_array().unwrap().len(), 2);
    repository.delete_manifest(referrer["digest"].as_str().unwrap()).await.is(202);
    assert_eq!(bundles().await.as_array().unwrap().len(), 1);
    job.get(&provenance(&wheel).replace("/1.0/", "/2.0/")).await.is(404);
    job.request("GET", &provenance(&wheel)).header("accept", "image/png").send().await.is(406);
}

#[tokio::test]
async fn an_attestation_that_is_about_something_else_is_refused() {
    let world = World::start().await;
    let (job, wheel) = (world.job().await, Distribution::wheel("foo", "1.0"));
    let publish = world.attest(&wheel, PUBLISH);
    for (attestations, why) in [
        ("nonsense".to_owned(), "Malformed"),
        (json!([publish, publish]).to_string(), "Multiple attestations"),
        (json!([world.attest(&wheel, "https://example.org/other")]).to_string(), "unsupported predicate"),
        (
            json!([world.attest(&Distribution::wheel("foo", "1.1"), PUBLISH)]).to_string(),
            "not about the file",
        ),
        (
            json!([world.attest(&Distribution::source("foo", "1.0"), PUBLISH)]).to_string(),
            "not about the file",
        ),
    ] {
        let said = wheel.clone().with("attestations", Some(&attestations)).upload(&job).await.is(400);
        let said = String::from_utf8_lossy(&said.body).into_owned();
        assert!(said.contains(why), "{said:?} does not say {why:?}");
    }
    job.get(&format!("{INDEX}/simple/foo/")).await.is(404);
}

/// Everything in an attestation that proves it, each part in another form of its own kind.
fn altered(attestation: &Value, other: &Value) -> Vec<(String, Value)> {
    let entry = "/verification_material/transparency_entries/0";
    let mut all = Vec::new();
    let mut alter = |at: String, value: Value| {
        let mut altered = attestation.clone();
        let place = altered.pointer_mut(&at).unwrap_or_else(|| panic!("there is no {at}"));
        assert_ne!(*place, value, "{at} is not altered");
        *place = value;
        all.push((at, altered));
    };
    // What belongs to another attestation, of the same file and by the same job.
    for part in [
        "/envelope/statement",
        "/envelope/signature",
        "/verification_material/certificate",
        entry,
        &format!("{entry}/inclusionPromise/signedEntryTimestamp"),
        &format!("{entry}/inclusionProof/rootHash"),
        &format!("{entry}/inclusionProof/checkpoint/envelope"),
        &format!("{entry}/canonicalizedBody"),
    ] {
        alter(part.to_owned(), other.pointer(part).unwrap().clone());
    }
    let of_entry = |rest: &str| format!("{entry}/{rest}");
    let earlier = attestation.pointer(&of_entry("integratedTime")).unwrap().as_str().unwrap().parse::<i64>();
    let moved = (earlier.unwrap() - 1).to_string();
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (part, value) in [
        ("logIndex", json!("40")),
        ("logId/keyId", json!(hash)),
        ("kindVersion/kind", json!("hashedrekord")),
        ("kindVersion/version", json!("0.0.2")),
        ("integratedTime", json!(moved)),
        ("inclusionPromise", Value::Null),
        ("inclusionProof", Value::Null),
        ("inclusionProof/logIndex", json!("0")),
        ("inclusionProof/treeSize", json!("3")),
        ("inclusionProof/hashes/0", json!(hash)),
        ("inclusionProof/hashes", json!([])),
    ] {
        alter(of_entry(part), value);
    }
    alter("/verification_material/transparency_entries".to_owned(), json!([]));
    let entries = vec![attestation.pointer(entry).unwrap().clone(); 5];
    alter("/verification_material/transparency_entries".to_owned(), json!(entries));
    let both = json!([attestation.pointer(entry).unwrap(), other.pointer(entry).unwrap()]);
    alter("/verification_material/transparency_entries".to_owned(), both);
    all
}

#[tokio::test]
async fn an_attestation_of_which_anything_was_altered_is_refused() {
    let world = World::start().await;
    let (job, wheel) = (world.job().await, Distribution::wheel("foo", "1.0"));
    // Two of one statement, so that only what proves them differs, but for one that states something else.
    let (good, twin) = (world.attest(&wheel, PUBLISH), world.attest(&wheel, PUBLISH));
    let mut other = twin.clone();
    other["envelope"]["statement"] = world.attest(&wheel, BUILT)["envelope"]["statement"].clone();

    for (part, altered) in altered(&good, &other) {
        let said = upload(&job, &wheel, std::slice::from_ref(&altered)).await;
        assert_eq!(said.status, 400, "an attestation with another {part} was taken");
        let said = String::from_utf8_lossy(&said.body).into_owned();
        assert!(said.starts_with("Invalid attestation"), "{part}: {said}");
    }
    job.get(&format!("{INDEX}/simple/foo/")).await.is(404);
    upload(&job, &wheel, &[good]).await.is(200);
}

#[tokio::test]
async fn an_attestation_that_was_never_made_as_it_should_be_is_refused() {
    let world = World::start().await;
    let (job, wheel) = (world.job().await, Distribution::wheel("foo", "1.0"));
    let (signer, said) = (world.signer(), statement(&wheel, PUBLISH));
    for flaw in [
        Flaw::OtherPurpose,
        Flaw::Unseen,
        Flaw::SeenElsewhere,
        Flaw::LoggedLate,
        Flaw::LoggedEarly,
        Flaw::OtherKey,
    ] {
        let flawed = world.sigstore.attest_with(&signer, &said, flaw);
        let said = upload(&job, &wheel, &[flawed]).await;
        assert_eq!(said.status, 400, "{flaw:?} was taken");
        assert!(String::from_utf8_lossy(&said.body).starts_with("Invalid attestation"), "{flaw:?}");
    }
    let stranger = Sigstore::new().attest(&signer, &said);
    refused(&job, &wheel, (&stranger, "Invalid attestation")).await;
    let good = world.sigstore.attest_with(&signer, &said, Flaw::Nothing);
    upload(&job, &wheel, &[good]).await.is(200);
}

#[tokio::test]
async fn an_attestation_of_somebody_else_is_refused() {
    let world = World::start().await;
    let (job, wheel) = (world.job().await, Distribution::wheel("foo", "1.0"));
    let (signer, said) = (world.signer(), statement(&wheel, PUBLISH));
    let elsewhere = || format!("{}/acme/bar", world.issuer.url);
    for (other, why) in [
        (Signer { issuer: "https://ci.example".to_owned(), ..signer.clone() }, "the issuer"),
        (Signer { subject: elsewhere(), ..signer.clone() }, "the identity"),
        (Signer { source: elsewhere(), ..signer.clone() }, "the source repository"),
        (Signer { instructions: elsewhere(), ..signer.clone() }, "the workflow"),
    ] {
        refused(&job, &wheel, (&world.sigstore.attest(&other, &said), why)).await;
    }
    // Whoever is no job speaks for nobody, whatever he may do.
    let (good, alice) = (world.attest(&wheel, PUBLISH), world.wharf.add_user("alice", &["acme:writer"]));
    refused(&alice, &wheel, (&good, "trusted publisher")).await;
    let made = alice.send_json("POST", "/api/v1/tokens", &json!({ "name": "ci" })).await.is(201).json();
    let token = world.wharf.caller("__token__", made["token"].as_str().unwrap());
    refused(&token, &wheel, (&good, "trusted publisher")).await;
    alice.get(&format!("{INDEX}/simple/foo/")).await.is(404);
}

/// Attaches to a file what an OCI client would.
async fn attach(repository: &Repository, attestation: &Value) {
    let subject = repository.manifest("1.0").await.is(200).json()["manifests"][0].clone();
    let (config, layer) = ("{}".into(), attestation.to_string().into());
    let [config, layer] = [
        ("application/vnd.oci.empty.v1+json", config),
        ("application/vnd.wharf.python.attestation.v1+json", layer),
    ]
    .map(|(kind, bytes): (&str, bytes::Bytes)| (crate::harness::descriptor(kind, &bytes), bytes));
    for (_, bytes) in [&config, &layer] {
        repository.push_blob(bytes).await;
    }
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "artifactType": "application/vnd.wharf.python.attestations.v1",
        "config": config.0, "layers": [layer.0],
        "subject": { "mediaType": subject["mediaType"], "digest": subject["digest"], "size": subject["size"] },
    });
    let manifest = bytes::Bytes::from(manifest.to_string());
    repository.put_manifest(&sha256(&manifest), media_type::OCI_MANIFEST, &manifest).await.is(201);
}

#[tokio::test]
async fn what_is_attached_by_hand_is_kept_and_shown_to_nobody() {
    let world = World::start().await;
    let alice = world.wharf.add_user("alice", &["acme:writer"]);
    let wheel = Distribution::wheel("foo", "1.0");
    wheel.upload(&alice).await.is(200);
    let good = world.attest(&wheel, PUBLISH);

    attach(&alice.repository("acme/main/pypi/foo"), &good).await;

    alice.get(&provenance(&wheel)).await.is(404);
    assert_eq!(shown(&alice).await, Value::Null);
    // Its publisher says it himself.
    let built = world.attest(&wheel, BUILT);
    upload(&world.job().await, &wheel, std::slice::from_ref(&built)).await.is(200);
    let served = alice.get(&provenance(&wheel)).await.is(200).json();
    assert_eq!(served["attestation_bundles"].as_array().unwrap().len(), 1);
    assert_eq!(served["attestation_bundles"][0]["attestations"], json!([built]));
}

#[tokio::test]
async fn without_roots_no_attestation_is_taken() {
    let world = World::start_with(Sigstore::new(), &[]).await;
    let (job, wheel) = (world.job().await, Distribution::wheel("foo", "1.0"));
    refused(&job, &wheel, (&world.attest(&wheel, PUBLISH), "attestation_roots")).await;
    job.get(&format!("{INDEX}/simple/foo/")).await.is(404);
    wheel.upload(&job).await.is(200);
    job.get(&provenance(&wheel)).await.is(404);
}

#[tokio::test]
async fn a_server_does_not_start_with_roots_that_are_none() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("trusted_root.json");
    for wrong in ["", "{}", "{\"tlogs\":[],\"certificateAuthorities\":[]}"] {
        std::fs::write(&file, wrong).unwrap();
        let setting = ("WHARF_ATTESTATION_ROOTS", &*file.display().to_string());
        let mut wharf = Wharf::not_started(&[setting]).await;
        wharf.spawn();
        assert!(wharf.ends().await, "{wrong:?} are roots");
        assert!(wharf.log().contains("attestation_roots"), "{wrong:?}: {}", wharf.log());
    }
}
