//! Python packages: uploaded, listed, served, and held to what they say.

use serde_json::{Value, json};

use super::wheel::{Distribution, FilePlace, INDEX, metadata, wheel_files};
use crate::harness::{Caller, Wharf, descriptor, media_type::OCI_MANIFEST, sha256};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A server with an organisation `acme`, and alice, who may write there.
async fn acme() -> (Wharf, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    (wharf, alice)
}

async fn project(caller: &Caller, name: &str) -> Value {
    let path = format!("{INDEX}/simple/{name}/");
    let answer = caller.request("GET", &path).header("accept", JSON).send().await.is(200);
    answer.has_header("content-type", JSON).json()
}

async fn filenames(caller: &Caller, name: &str) -> Vec<String> {
    let page = project(caller, name).await;
    page["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["filename"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_is_uploaded_is_listed_and_served_with_its_metadata() {
    let (_wharf, alice) = acme().await;
    let wheel = Distribution::wheel("Wire.Proj", "1.0");
    wheel.upload(&alice).await.is(200);
    Distribution::source("wire-proj", "1.0").upload_as(&alice, FilePlace::First).await.is(200);

    let page = project(&alice, "wire-proj").await;
    assert_eq!((&page["name"], &page["versions"]), (&json!("wire-proj"), &json!(["1.0"])));
    let [file, source] = page["files"].as_array().unwrap().as_slice() else { panic!("two files: {page}") };
    assert_eq!(format!("sha256:{}", file["hashes"]["sha256"].as_str().unwrap()), sha256(&wheel.bytes));
    assert_eq!((&file["size"], &file["requires-python"]), (&json!(wheel.bytes.len()), &json!(">=3.8")));
    assert!(file["upload-time"].as_str().unwrap().ends_with('Z'), "{file}");
    assert_eq!(source["core-metadata"], false);

    let url = format!("{INDEX}/simple/wire-proj/{}", file["url"].as_str().unwrap());
    let url = url.replace("simple/wire-proj/../../", "");
    alice.get(&url).await.is(200).has_body(&wheel.bytes).has_header("accept-ranges", "bytes");
    alice.head(&url).await.is(200).has_header("content-length", &wheel.bytes.len().to_string());
    let tail = alice.request("GET", &url).header("range", "bytes=-10").send().await.is(206);
    tail.has_body(&wheel.bytes[wheel.bytes.len() - 10..]);
    let served = alice.get(&format!("{url}.metadata")).await.is(200);
    assert_eq!(served.body, metadata("Wire.Proj", "1.0"));
    let promised = file["core-metadata"]["sha256"].as_str().unwrap();
    assert_eq!(sha256(&served.body), format!("sha256:{promised}"));
}

#[tokio::test]
async fn a_file_too_large_to_be_held_is_stored_while_it_comes() {
    let (_wharf, alice) = acme().await;
    // Hashes, so that little is left to be packed.
    let module: String = (0..20_000_u32).map(|number| sha256(&number.to_le_bytes())).collect();
    let wheel = Distribution::wheel_of("foo-1.0-py3-none-any.whl", &wheel_files("foo", "1.0", &module))
        .described("foo", "1.0", "bdist_wheel");
    assert!(wheel.bytes.len() > 512 * 1024, "{} bytes", wheel.bytes.len());
    for field in ["sha256_digest", "blake2_256_digest"] {
        let answer = wheel.clone().with(field, Some(&"0".repeat(64))).upload(&alice).await.is(400);
        assert!(String::from_utf8_lossy(&answer.body).contains("The digest supplied does not match"));
    }
    wheel.upload_as(&alice, FilePlace::First).await.is(200);
    wheel.upload(&alice).await.is(200);
    let page = project(&alice, "foo").await;
    let [file] = page["files"].as_array().unwrap().as_slice() else { panic!("one file: {page}") };
    assert_eq!(format!("sha256:{}", file["hashes"]["sha256"].as_str().unwrap()), sha256(&wheel.bytes));
    assert_eq!(file["size"], json!(wheel.bytes.len()));
}

#[tokio::test]
async fn every_reader_gets_the_form_and_the_encoding_that_he_reads() {
    let (_wharf, alice) = acme().await;
    Distribution::wheel("foo", "1.0").upload(&alice).await.is(200);
    let path = format!("{INDEX}/simple/foo/");
    let get = async |accept: &str, encoding: &str| {
        let request = alice.request("GET", &path).header("accept", accept);
        request.header("accept-encoding", encoding).send().await
    };
    let html = get("*/*", "identity").await.is(200).has_header("content-type", "text/html");
    assert!(String::from_utf8_lossy(&html.body).contains("foo-1.0-py3-none-any.whl"));
    let html = html.has_header("vary", "Accept, Accept-Encoding").lacks_header("content-encoding");
    let mut tags = vec![html.header("etag").to_owned()];
    for encoding in ["gzip", "zstd"] {
        let answer = get(JSON, encoding).await.is(200).has_header("content-encoding", encoding);
        tags.push(answer.header("etag").to_owned());
        let known = alice.request("GET", &path).header("accept", JSON).header("accept-encoding", encoding);
        known.header("if-none-match", answer.header("etag")).send().await.is(304).has_body(b"");
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "one tag for each form and encoding: {tags:?}");
    get("image/png", "identity").await.is(406);
    alice.get(&format!("{path}?format={JSON}")).await.is(200).has_header("content-type", JSON);
    alice.get(&format!("{INDEX}/simple/Foo")).await.is(301).has_header("location", &path);
    alice.get(&format!("{INDEX}/simple/none/")).await.is(404);
    alice.post(&format!("{INDEX}/simple/")).await.is(405);
    let root = alice.get(&format!("{INDEX}/simple/?format={JSON}")).await.is(200).json();
    assert_eq!(root["projects"], json!([{ "name": "foo" }]));
    alice.get(&format!("{INDEX}/legacy/%2Bsimple/foo/")).await.is(200);
}

#[tokio::test]
async fn a_name_stands_for_the_same_bytes_for_ever() {
    let (_wharf, alice) = acme().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let mut files = wheel_files("foo", "1.0", "other = 1\n");
    files[0].1.push(b'\n');
    let other = Distribution::wheel_of(&wheel.filename, &files).described("foo", "1.0", "bdist_wheel");
    wheel.upload(&alice).await.is(200);
    wheel.upload(&alice).await.is(200);
    let refused = other.upload(&alice).await.is(400);
    assert!(refused.body.starts_with(b"File already exists"), "{refused:?}");
    other
        .clone()
        .with("sha256_digest", None)
        .with("md5_digest", Some(&"0".repeat(32)))
        .upload(&alice)
        .await
        .is(400);

    let repository = alice.repository("acme/main/pypi/foo");
    let release = repository.manifest("1.0").await.is(200).json();
    let file = release["manifests"][0]["digest"].as_str().unwrap();
    repository.delete_manifest(file).await.is(202);
    repository.manifest("1.0").await.is(404);
    alice.get(&format!("{INDEX}/simple/foo/")).await.is(404);
    alice.get(&format!("{INDEX}/files/foo/{}", wheel.filename)).await.is(404);
    let root = alice.get(&format!("{INDEX}/simple/?format={JSON}")).await.is(200).json();
    assert_eq!(root["projects"], json!([]));
    let refused = other.upload(&alice).await.is(400);
    assert!(refused.body.starts_with(b"This filename has already been used"), "{refused:?}");
    wheel.upload(&alice).await.is(200);
    assert_eq!(filenames(&alice, "foo").await, [wheel.filename]);
}

#[tokio::test]
async fn five_files_of_one_release_at_once_are_five_files() {
    let (_wharf, alice) = acme().await;
    let wheels = ["cp310", "cp311", "cp312", "cp313", "py3"];
    let wheels =
        wheels.map(|tag| Distribution::tagged_wheel("foo", "1!1.0+cu118", &format!("{tag}-none-any")));
    let [a, b, c, d, e] = &wheels;
    let answers = tokio::join!(
        a.upload(&alice),
        b.upload(&alice),
        c.upload(&alice),
        d.upload(&alice),
        e.upload(&alice)
    );
    for answer in [answers.0, answers.1, answers.2, answers.3, answers.4] {
        answer.is(200);
    }
    assert_eq!(filenames(&alice, "foo").await, wheels.clone().map(|wheel| wheel.filename));
    let release = alice.repository("acme/main/pypi/foo").manifest("1-1.0_cu118").await.is(200).json();
    assert_eq!(release["artifactType"], "application/vnd.wharf.python.release.v1");
    assert_eq!(release["manifests"].as_array().unwrap().len(), 5);
    alice.repository("acme/main/pypi/foo").delete_manifest("1-1.0_cu118").await.is(202);
    alice.get(&format!("{INDEX}/simple/foo/")).await.is(404);
}

#[tokio::test]
async fn what_lies_is_refused_in_words_and_nothing_of_it_is_listed() {
    let (_wharf, alice) = acme().await;
    let honest = || Distribution::wheel("foo", "1.0");
    let of = |files: &[(String, Vec<u8>)]| {
        Distribution::wheel_of("foo-1.0-py3-none-any.whl", files).described("foo", "1.0", "bdist_wheel")
    };
    let files = wheel_files("foo", "1.0", "");
    let without = |end: &str| {
        let kept: Vec<_> = files.iter().filter(|(path, _)| !path.ends_with(end)).cloned().collect();
        of(&kept)
    };
    let unlisted = [files.clone(), vec![("evil.py".to_owned(), Vec::new())]].concat();
    let climbing = [files.clone(), vec![("../evil.py".to_owned(), Vec::new())]].concat();
    let bomb = [files.clone(), vec![("zeros".to_owned(), vec![0; 70 << 20])]].concat();
    let renamed = Distribution { filename: "bar-1.0-py3-none-any.whl".to_owned(), ..honest() };
    let mut torn = honest();
    torn.bytes = torn.bytes.slice(..100);
    for (wrong, words) in [
        (honest().with("sha256_digest", Some(&"0".repeat(64))), "The digest supplied does not match"),
        (honest().with("blake2_256_digest", Some(&"0".repeat(64))), "The digest supplied does not match"),
        (honest().with("sha256_digest", Some("short")), "sha256_digest: Use a valid, hex-encoded"),
        (honest().with("sha256_digest", None), "Include at least one message digest."),
        (honest().with("version", Some("2.0")), "Version in filename should be '2.0' not '1.0'."),
        (honest().with("name", Some("bar")), "Start filename for \"bar\""),
        (honest().with("metadata_version", Some("9.9")), "\"9.9\" is not a valid metadata version"),
        (honest().with("protocol_version", Some("2")), "Unknown protocol version."),
        (honest().with("filetype", Some("bdist_egg")), "Use a known file type"),
        (honest().with("pyversion", None), "Python version is required"),
        (renamed.described("bar", "1.0", "bdist_wheel"), "the wheel's folder foo-1.0.dist-info"),
        (torn.described("foo", "1.0", "bdist_wheel"), "Invalid distribution file"),
        (without("METADATA"), "Wheel does not contain the required METADATA"),
        (without("RECORD"), "Wheel does not contain the required RECORD"),
        (without("WHEEL"), "Invalid distribution file. WHEEL not found"),
        (of(&unlisted), "the wheel holds \"evil.py\", which its RECORD does not list"),
        (of(&climbing), "Invalid distribution file"),
        (of(&bomb), "Invalid distribution file: the compression ratio is too high"),
    ] {
        let answer = wrong.upload(&alice).await.is(400);
        let said = String::from_utf8_lossy(&answer.body);
        assert!(said.starts_with(words), "{words}: {said}");
    }
    let mut many = honest();
    many.fields.extend((0..10_000).map(|number| ("classifiers", number.to_string())));
    many.upload(&alice).await.is(413);
    alice.get(&format!("{INDEX}/simple/foo/")).await.is(404);
    honest().upload(&alice).await.is(200);
}

#[tokio::test]
async fn who_may_not_publish_is_told_why_and_strangers_find_nothing() {
    let (wharf, alice) = acme().await;
    let (viewer, stranger) = (wharf.add_user("viewer", &["acme:viewer"]), wharf.add_user("stranger", &[]));
    let wheel = Distribution::wheel("foo", "1.0");
    let anonymous = wheel.upload(&wharf.anonymous()).await.is(401);
    assert!(anonymous.header("www-authenticate").starts_with("Basic"), "{anonymous:?}");
    let denied = wheel.upload(&viewer).await.is(403);
    assert!(String::from_utf8_lossy(&denied.body).contains("push needs the role writer"), "{denied:?}");
    wheel.upload(&stranger).await.is(404);
    wheel.upload(&alice).await.is(200);
    let page = format!("{INDEX}/simple/foo/");
    for path in [page.clone(), format!("{INDEX}/simple/"), format!("{INDEX}/files/foo/{}", wheel.filename)] {
        let challenged = wharf.anonymous().get(&path).await.is(401);
        assert!(challenged.header("www-authenticate").starts_with("Basic"), "{challenged:?}");
        stranger.get(&path).await.is(404);
        viewer.get(&path).await.is(200);
    }
    wharf.set_public("acme/main", true);
    wharf.anonymous().get(&page).await.is(200);
    wheel.upload(&wharf.anonymous()).await.is(401);
}

#[tokio::test]
async fn a_wheel_that_any_client_pushes_is_listed_or_refused() {
    let (_wharf, alice) = acme().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let repository = alice.repository("acme/main/pypi/foo");
    let (config, layer) = (bytes::Bytes::from("{}"), wheel.bytes.clone());
    repository.push_blob(&config).await;
    repository.push_blob(&layer).await;
    let manifest = |title: &str| {
        let mut layer = descriptor("application/octet-stream", &layer);
        layer["annotations"] = json!({ "org.opencontainers.image.title": title });
        let config = descriptor("application/vnd.oci.empty.v1+json", &config);
        json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] })
            .to_string()
    };
    for (title, tag) in
        [("bar-1.0-py3-none-any.whl", "1.0"), ("foo-2.0-py3-none-any.whl", "2.0"), (&wheel.filename, "2.0")]
    {
        repository
            .put_manifest(tag, OCI_MANIFEST, &manifest(title).into())
            .await
            .is(400)
            .error("MANIFEST_INVALID");
    }
    repository.put_manifest("1.0", OCI_MANIFEST, &manifest(&wheel.filename).into()).await.is(201);
    assert_eq!(filenames(&alice, "foo").await.as_slice(), std::slice::from_ref(&wheel.filename));
    alice.get(&format!("{INDEX}/files/foo/{}", wheel.filename)).await.is(200).has_body(&wheel.bytes);
    alice.get(&format!("{INDEX}/files/foo/{}.metadata", wheel.filename)).await.is(200);
    // The same file through the other door is there already; another one of the release makes an index of both.
    wheel.upload(&alice).await.is(200);
    Distribution::source("foo", "1.0").upload(&alice).await.is(200);
    let release = repository.manifest("1.0").await.is(200).json();
    assert_eq!(release["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(filenames(&alice, "foo").await.len(), 2);
}

#[tokio::test]
async fn a_server_that_is_killed_lists_a_file_whole_or_not_at_all() {
    let (mut wharf, alice) = acme().await;
    for round in 0..4_u64 {
        let wheel = Distribution::wheel("foo", &format!("1.{round}"));
        let upload = wheel.upload_as(&alice, FilePlace::Last);
        let kill = tokio::time::sleep(std::time::Duration::from_millis(3 * round));
        tokio::select! {
            () = kill => {}
            _ = upload => {}
        }
        wharf.kill();
        wharf.restart().await;
        let page = alice.request("GET", &format!("{INDEX}/simple/foo/")).header("accept", JSON).send().await;
        if page.status == 404 {
            continue;
        }
        for file in page.is(200).json()["files"].as_array().unwrap() {
            let url = file["url"].as_str().unwrap().replace("../..", INDEX);
            let bytes = alice.get(&url).await.is(200).body;
            assert_eq!(sha256(&bytes), format!("sha256:{}", file["hashes"]["sha256"].as_str().unwrap()));
            alice.get(&format!("{url}.metadata")).await.is(200);
        }
    }
}
