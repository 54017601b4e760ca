//! Wheels and source distributions as build tools write them, and uploads as publishers send them.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, Crc, write::DeflateEncoder, write::GzEncoder};

use crate::harness::{Answer, Caller, sha256};

/// Where the tests upload to and install from.
pub(crate) const INDEX: &str = "/pypi/acme/main";
const BOUNDARY: &str = "a-boundary-of-a-form";
/// The type of a form.
pub(crate) const FORM: &str = "multipart/form-data; boundary=a-boundary-of-a-form";

/// A file to upload, with the fields that go along. Each can be made to lie.
#[derive(Clone)]
pub(crate) struct Distribution {
    pub(crate) filename: String,
    pub(crate) bytes: Bytes,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Distribution {
    /// A wheel of a module that says its version.
    pub(crate) fn wheel(name: &str, version: &str) -> Self {
        Self::tagged_wheel(name, version, "py3-none-any")
    }

    /// A wheel of other tags.
    pub(crate) fn tagged_wheel(name: &str, version: &str, tags: &str) -> Self {
        let stem = name.replace(['-', '.'], "_").to_lowercase();
        let module = format!("VERSION = '{version}'\nTAGS = '{tags}'\n");
        Self::wheel_of(&format!("{stem}-{version}-{tags}.whl"), &wheel_files(name, version, &module))
            .described(name, version, "bdist_wheel")
    }

    /// A wheel of these files.
    pub(crate) fn wheel_of(filename: &str, files: &[(String, Vec<u8>)]) -> Self {
        Self { filename: filename.to_owned(), bytes: zip(files).into(), fields: Vec::new() }
    }

    /// A source distribution.
    pub(crate) fn source(name: &str, version: &str) -> Self {
        let stem = format!("{}-{version}", name.replace('-', "_"));
        let metadata = metadata(name, version);
        let files = [(format!("{stem}/PKG-INFO"), metadata), (format!("{stem}/{name}.py"), String::new())];
        let filename = format!("{stem}.tar.gz");
        Self { filename, bytes: tarball(&files).into(), fields: Vec::new() }.described(name, version, "sdist")
    }

    /// With the fields that describe it.
    pub(crate) fn described(mut self, name: &str, version: &str, filetype: &str) -> Self {
        let digest = sha256(&self.bytes).replace("sha256:", "");
        let pyversion = if filetype == "sdist" { "source" } else { "py3" };
        self.fields = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", name),
            ("version", version),
            ("filetype", filetype),
            ("pyversion", pyversion),
            ("sha256_digest", &digest),
        ]
        .map(|(field, value)| (field, value.to_owned()))
        .into();
        self
    }

    /// With a field of another value, or without it.
    pub(crate) fn with(mut self, field: &'static str, value: Option<&str>) -> Self {
        self.fields.retain(|(name, _)| *name != field);
        self.fields.extend(value.map(|value| (field, value.to_owned())));
        self
    }

    /// The form, its file at the end as twine sends it, or in front.
    pub(crate) fn form(&self, place: FilePlace) -> Vec<u8> {
        let mut fields = Vec::new();
        for (name, value) in &self.fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            fields.extend(format!("{head}{value}\r\n").into_bytes());
        }
        let name = &self.filename;
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{name}\"\r\n\r\n"
        );
        let file = [head.as_bytes(), &self.bytes, b"\r\n"].concat();
        let end = format!("--{BOUNDARY}--\r\n").into_bytes();
        match place {
            FilePlace::Last => [fields, file, end].concat(),
            FilePlace::First => [file, fields, end].concat(),
        }
    }

    pub(crate) async fn upload(&self, caller: &Caller) -> Answer {
        self.upload_as(caller, FilePlace::Last).await
    }

    pub(crate) async fn upload_as(&self, caller: &Caller, place: FilePlace) -> Answer {
        self.send(caller, INDEX, place).await
    }

    /// Into a registry other than the usual one.
    pub(crate) async fn upload_to(&self, caller: &Caller, registry: &str) -> Answer {
        self.send(caller, &format!("/pypi/{registry}"), FilePlace::Last).await
    }

    async fn send(&self, caller: &Caller, index: &str, place: FilePlace) -> Answer {
        let request = caller.request("POST", &format!("{index}/legacy/"));
        request.header("content-type", FORM).body(self.form(place)).send().await
    }
}

/// Where a form has its file.
#[derive(Clone, Copy)]
pub(crate) enum FilePlace {
    First,
    Last,
}

pub(crate) fn metadata(name: &str, version: &str) -> String {
    format!(
        "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A test\nRequires-Python: >=3.8\n\nText\n"
    )
}

/// The files of a wheel with one module, its `RECORD` last.
pub(crate) fn wheel_files(name: &str, version: &str, module: &str) -> Vec<(String, Vec<u8>)> {
    let stem = name.replace(['-', '.'], "_").to_lowercase();
    let folder = format!("{stem}-{version}.dist-info");
    let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut files = vec![
        (format!("{stem}.py"), module.as_bytes().to_vec()),
        (format!("{folder}/METADATA"), metadata(name, version).into_bytes()),
        (format!("{folder}/WHEEL"), wheel.as_bytes().to_vec()),
    ];
    let record: String = files.iter().map(|(path, _)| format!("{path},,\n")).collect();
    files.push((format!("{folder}/RECORD"), format!("{record}{folder}/RECORD,,\n").into_bytes()));
    files
}

/// A zip, each file deflated.
pub(crate) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(content).unwrap();
        let (packed, mut crc) = (deflate.finish().unwrap(), Crc::new());
        crc.update(content);
        // Version, flags, method, time and date, then the sizes.
        let mut head = vec![20, 0, 0, 0, 8, 0, 0, 0, 33, 0];
        for number in [crc.sum(), packed.len() as u32, content.len() as u32] {
            head.extend(number.to_le_bytes());
        }
        head.extend((name.len() as u32).to_le_bytes());
        let offset = (bytes.len() as u32).to_le_bytes();
        bytes.extend([b"PK\x03\x04", &head[..], name.as_bytes(), &packed].concat());
        let central = [b"PK\x01\x02", &[20, 0][..], &head, &[0; 10], &offset, name.as_bytes()];
        directory.extend(central.concat());
    }
    let (start, length) = (bytes.len() as u32, directory.len() as u32);
    let count = (files.len() as u16).to_le_bytes();
    let end =
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length.to_le_bytes(), &start.to_le_bytes(), &[0; 2]];
    [bytes, directory, end.concat()].concat()
}

fn tarball(files: &[(String, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}
