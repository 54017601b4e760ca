//! memflow plugins: thousands of them with twenty variants each, the lists that are asked of them, and uploads through
//! memflow's own door.

mod filling;

use std::sync::Arc;

use serde_json::{Value, json};
use wharf_core::{Algorithm, Digest};
use wharf_memflow::{
    descriptor::Architecture,
    samples::{Addends, Plugin, elf, large_elf, pe},
};
use wharf_signing::{Message, SecretKey};

use crate::{
    Result,
    client::{Body, Connection, Request, Sink},
    form::Form,
    payload::{self, Payload},
    peer::wharf::BASIC,
};

/// Where files are uploaded.
pub(crate) const UPLOADS: &str = "/memflow/bench/main/files";
/// Where the names of all are listed.
pub(crate) const NAMES: &str = "/memflow/bench/main/plugins";

/// How many plugins share a file: the most that one may hold.
const TOGETHER: usize = 64;
/// How many versions of each there are, for each of two systems.
const VERSIONS: usize = 10;
/// So many symbols beside the plugin make a file of 10 MB.
const SYMBOLS: usize = 230_000;

/// The key that signs, and its public half, as `openssl` made them.
const SECRET: &str = include_str!("../../crates/signing/src/samples/secp256k1.pem");
const PUBLIC: &str = include_str!("../../crates/signing/src/samples/secp256k1.pub.pem");

/// So many plugins, in files that several share.
#[derive(Clone, Debug)]
pub(crate) struct Plugins {
    count: usize,
    files: Arc<Vec<File>>,
}

/// A file of a group of plugins, for one version and system.
#[derive(Debug)]
struct File {
    group: usize,
    tag: String,
    bytes: Vec<u8>,
    digest: Digest,
    signature: String,
}

impl Plugins {
    /// So many plugins, twenty variants of each. They are the same every time.
    ///
    /// # Errors
    /// None, as long as the key is one.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let mut files = Vec::new();
        for group in 0..count.div_ceil(TOGETHER) {
            let numbers = group * TOGETHER..count.min((group + 1) * TOGETHER);
            for version in 0..VERSIONS {
                let plugin = |number| Plugin::connector(&name(number), &format!("0.{version}.0"));
                let plugins: Vec<Plugin> = numbers.clone().map(plugin).collect();
                let linux = elf(Architecture::X86_64, Addends::Apart, &plugins);
                for (system, bytes) in [("elf", linux), ("pe", pe(Architecture::X86_64, &plugins))] {
                    let digest = wharf_hash::digest(Algorithm::Sha256, &bytes);
                    let (tag, signature) = (format!("0.{version}.0-{system}"), sign(&bytes)?);
                    files.push(File { group, tag, bytes, digest, signature });
                }
            }
        }
        Ok(Self { count, files: Arc::new(files) })
    }

    /// Pushes all of them into the server at a host and port, which believes their key from now on.
    ///
    /// # Errors
    /// Any push that is not a success.
    pub(crate) async fn push(&self, authority: &str) -> Result<()> {
        believe(&mut Connection::open(authority).await?).await?;
        filling::push(self, authority).await
    }

    /// One of the lists that clients ask for: by platform, version and platform, file type, first digits of a digest.
    pub(crate) fn list(&self, number: u64) -> String {
        // Neighbours are not asked for one after the other.
        let number = usize::try_from(number).unwrap_or_default();
        let (plugin, version) = (number * 7_919 % self.count.max(1), number / 4 % VERSIONS);
        let of_machine = "file_type=elf&architecture=x86_64";
        let query = match number % 4 {
            0 => format!("{of_machine}&limit=1"),
            1 => format!("version=0.{version}.0&{of_machine}&limit=1"),
            2 => "memflow_plugin_version=1&file_type=pe&limit=25".to_owned(),
            _ => {
                let mut files = self.files.iter().skip(plugin / TOGETHER * VERSIONS * 2 + version);
                let hex = files.next().map(|file| file.digest.hex()).unwrap_or_default();
                format!("version={}&limit=1", hex.split_at_checked(7).unwrap_or_default().0)
            }
        };
        format!("{NAMES}/{}?{query}", name(plugin))
    }

    /// Every plugin must be listed, the last one have all its variants, and every kind of list show some.
    ///
    /// # Errors
    /// Fewer of them.
    pub(crate) async fn check(&self, connection: &mut Connection) -> Result<()> {
        let all = format!("{NAMES}/{}?limit=50", name(self.count.saturating_sub(1)));
        let lists = (0..4).map(|number| (self.list(number), 1));
        let whole = [(all, 2 * VERSIONS), (NAMES.to_owned(), self.count)];
        for (target, least) in lists.chain(whole) {
            let mut body = Vec::new();
            let request = Request { method: "GET", target: &target, headers: BASIC, body: Body::Nothing };
            connection.call(request, Sink::Reader(&mut |piece| body.extend_from_slice(piece))).await?;
            let answer: Value = serde_json::from_slice(&body)?;
            let found = answer.get("plugins").and_then(Value::as_array).map_or(0, Vec::len);
            if found < least {
                return Err(format!("{target} shows {found} of {least}").into());
            }
        }
        Ok(())
    }
}

/// A plugin of 10 MB that nobody has, in the form it is uploaded in.
///
/// # Errors
/// None, as long as the key is one.
pub(crate) fn upload() -> Result<Form> {
    let plugin = Plugin::connector("large", &format!("0.{}.0", payload::number()));
    let bytes = large_elf(&[plugin], SYMBOLS);
    let signature = sign(&bytes)?;
    Ok(Form::new(&[("signature", &signature)], ("file", "large.so"), Payload::of(bytes)))
}

/// Lets the registry believe the key.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn believe(connection: &mut Connection) -> Result<()> {
    let body = json!({ "name": "bench", "pem": PUBLIC, "primary": true }).to_string();
    let headers = format!("{BASIC}content-type: application/json\r\n");
    let target = "/api/v1/orgs/bench/registries/main/keys";
    let request = Request { method: "POST", target, headers: &headers, body: Body::Bytes(body.as_bytes()) };
    connection.call(request, Sink::Nobody).await.map(drop)
}

fn sign(bytes: &[u8]) -> Result<String> {
    let key = SecretKey::from_pem(SECRET).map_err(|error| error.to_string())?;
    Ok(key.sign(&Message::new(bytes)).map_err(|error| error.to_string())?.to_string())
}

fn name(number: usize) -> String {
    format!("plugin-{number:05}")
}
