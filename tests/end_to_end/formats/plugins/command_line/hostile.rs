//! A registry that lies: it has good files with good signatures, and sends others than were asked for.

use bytes::Bytes;
use serde_json::json;
use tempfile::TempDir;

use super::super::super::plugin::{Pair, hex};
use super::{Told, files, here, told};
use crate::harness::{Image, Shell};
use crate::import::stage::{Said, Stage};

/// What it says when it is asked for `fixture`.
#[derive(Clone)]
struct Lie {
    /// The name and version it lists.
    listed: (&'static str, &'static str),
    /// Under which digest.
    digest: String,
    signature: String,
    file: Bytes,
}

async fn pull(lie: Lie, key: &Pair) -> (Told, Shell) {
    let stage = Stage::start(&Image::oci(1), move |heard, _| {
        let (name, version) = lie.listed;
        let path = heard.target.split('?').next().unwrap_or_default();
        let file_type = json!(if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" });
        let descriptor = json!({
            "plugin_kind": "connector", "export_name": "MEMFLOW_CONNECTOR_FIXTURE", "file_type": "elf",
            "architecture": file_type, "plugin_version": 1, "name": name, "version": version, "description": "",
        });
        let known = json!({
            "digest": lie.digest, "signature": lie.signature, "created_at": "2024-03-22T18:14:53",
            "descriptor": descriptor, "descriptors": [descriptor],
        });
        let said = match path {
            "/plugins/fixture" => json!({ "plugins": [known], "skip": 0 }).to_string().into(),
            path if path.ends_with("/metadata") => known.to_string().into(),
            _ => lie.file.clone(),
        };
        Some(Said::new(200, said))
    })
    .await;
    let shell = Shell::new();
    let key = key.public.display().to_string();
    let arguments = ["plugin", "pull", "-r", &stage.host, "fixture", "--public-key", &key, "--into", "here"];
    (told(&shell, &arguments).await, shell)
}

#[tokio::test]
async fn no_other_file_than_was_asked_for_is_installed_whoever_signed_it() {
    let keys = TempDir::new().unwrap();
    let key = Pair::secp256k1(keys.path());
    let (asked, other) = (here("fixture", "0.2.0"), here("other", "0.2.0"));
    let honest = Lie {
        listed: ("fixture", "0.2.0"),
        digest: hex(&asked),
        // The registry of the original shows what `openssl` made as it is, with a high S or a low one.
        signature: key.sign(&asked).to_uppercase(),
        file: asked.clone(),
    };
    let (told, shell) = pull(honest.clone(), &key).await;
    told.ends_with(0);
    assert_eq!(files(&shell, "here").len(), 2);

    let of_other =
        Lie { digest: hex(&other), signature: key.sign(&other), file: other.clone(), ..honest.clone() };
    let lies = [
        (Lie { listed: ("other", "0.2.0"), ..of_other.clone() }, "answered with another plugin"),
        (of_other.clone(), "not the plugin that the registry says"),
        (Lie { listed: ("fixture", "9.0.0"), ..honest.clone() }, "not the plugin that the registry says"),
        (Lie { digest: hex(&asked), ..of_other }, "a file of another digest"),
        (Lie { signature: key.sign(&other), ..honest.clone() }, "no signature by a key that is believed"),
        (Lie { digest: "../../x".to_owned(), ..honest }, "digest"),
    ];
    for (lie, words) in lies {
        let (told, shell) = pull(lie, &key).await;
        let told = told.ends_with(3);
        assert!(told.reason().contains(words), "{}", told.reason());
        assert!(files(&shell, "here").is_empty());
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_left() {
    let descriptor = json!({
        "plugin_kind": "connector", "export_name": "MEMFLOW_CONNECTOR_FIXTURE", "file_type": "elf",
        "architecture": "x86_64", "plugin_version": 1, "name": "fixture", "version": "0.1.0", "description": "",
    });
    let variant = json!({
        "digest": "0".repeat(64), "signature": "", "created_at": "2024-03-22T18:14:53", "descriptor": descriptor,
    });
    let page = json!({ "plugins": vec![variant; 50], "skip": 0 }).to_string();
    let stage = Stage::start(&Image::oci(1), move |_, _| Some(Said::new(200, page.clone()))).await;

    let listed = Shell::new().run(&["plugin", "list", "-r", &stage.host, "fixture"], "").await;

    assert_eq!(listed.status.code(), Some(1));
    let said = String::from_utf8(listed.stderr).unwrap();
    assert!(said.contains("lists more than 10000 variants"), "{said}");
}
