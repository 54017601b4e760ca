//! A chart as `helm package` and `helm push` write it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::harness::{Repository, descriptor, media_type::OCI_MANIFEST};

pub(crate) const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
pub(crate) const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// A chart whose parts can be made to disagree.
#[derive(Clone)]
pub(crate) struct Chart {
    pub(crate) config: Value,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) provenance: Option<String>,
}

impl Chart {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let yaml = format!(
            "apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: 1.10\nkeywords: [web, {name}]\n\
             dependencies:\n- name: redis\n  version: ~1.2\n  repository: https://charts.example\n"
        );
        let config = json!({
            "apiVersion": "v2", "name": name, "version": version, "appVersion": "1.10",
            "keywords": ["web", name],
        });
        let files = [
            ("Chart.yaml", yaml),
            ("README.md", format!("# {name}\n")),
            ("values.yaml", "a: 1\n".to_owned()),
        ];
        let files = files.map(|(path, text)| (format!("{name}/{path}"), text.into_bytes())).into();
        Self { config, files, provenance: None }
    }

    /// The packaged chart.
    pub(crate) fn packaged(&self) -> Bytes {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, bytes) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, &bytes[..]).unwrap();
        }
        let mut gzip = builder.into_inner().unwrap();
        gzip.flush().unwrap();
        gzip.finish().unwrap().into()
    }

    /// Pushes the parts and says what the manifest must be.
    pub(crate) async fn push_blobs(&self, repository: &Repository) -> Bytes {
        let mut layers = vec![(CONTENT, self.packaged())];
        layers.extend(self.provenance.clone().map(|text| (PROVENANCE, Bytes::from(text))));
        let config = Bytes::from(self.config.to_string());
        repository.push_blob(&config).await;
        for (_, layer) in &layers {
            repository.push_blob(layer).await;
        }
        let layers: Vec<Value> = layers.iter().map(|(kind, layer)| descriptor(kind, layer)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(CONFIG, &config), "layers": layers,
        });
        Bytes::from(manifest.to_string())
    }

    /// Pushes everything under a tag, and says what came back.
    pub(crate) async fn push(&self, repository: &Repository, tag: &str) -> crate::harness::Answer {
        let manifest = self.push_blobs(repository).await;
        repository.put_manifest(tag, OCI_MANIFEST, &manifest).await
    }
}
