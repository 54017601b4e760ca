//! The fields of the upload form, and what they must say (the public index's legacy upload API; core metadata).

use wharf_core::{Error, Kind, Result, Subject};
use wharf_http::{Multipart, PartHead};
use wharf_registry::format::Refusal;

use super::{intake::Received, invalid};
use crate::{
    attestation::{Attestation, expect_about},
    metadata::{LONGEST_LINE, REPEATED, expect_requires_python, expect_version_of_metadata},
    name::ProjectName,
};

/// The largest field, in bytes: a description can be a whole README.
const LARGEST_FIELD: usize = 1024 * 1024;

/// The fields so far.
#[derive(Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Takes a field in. A value of `UNKNOWN` or nothing is none.
    pub(super) async fn take(&mut self, head: PartHead, parts: &mut Multipart) -> Result<()> {
        let PartHead { name, filename } = head;
        if filename.is_some() {
            return Err(invalid(format!("{name}: Should not be a tuple.")));
        }
        let value = parts.text(LARGEST_FIELD).await?;
        if !matches!(value.trim(), "" | "UNKNOWN") {
            self.fields.push((name, value.replace('\0', "\\x00")));
        }
        Ok(())
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Holds the form to the rules, in the order of the public index.
    pub(super) fn check(&self) -> Result<()> {
        self.check_request()?;
        self.check_file_fields()?;
        self.check_metadata().map_err(|refusal| invalid(refusal.to_string()))
    }

    fn check_request(&self) -> Result<()> {
        match self.get(":action").unwrap_or("file_upload") {
            "file_upload" => {}
            "submit" | "submit_pkg_info" | "doc_upload" => {
                let message =
                    "Project pre-registration and documentation are not taken, upload your files instead.";
                return Err(Error::new(Kind::NotFound(Subject::Name), message));
            }
            action => return Err(invalid(format!("Unknown action: {action:?}."))),
        }
        match self.get("protocol_version").unwrap_or("1") {
            "1" => Ok(()),
            _ => Err(invalid("Unknown protocol version.")),
        }
    }

    fn check_file_fields(&self) -> Result<()> {
        for name in ["metadata_version", "name", "version", "filetype"] {
            if self.get(name).is_none() {
                return Err(invalid(format!("{name}: This field is required.")));
            }
        }
        match (self.get("filetype"), self.get("pyversion")) {
            (Some("bdist_wheel"), None) => {
                return Err(invalid("Python version is required for binary distribution uploads."));
            }
            (Some("bdist_wheel"), Some(_)) | (Some("sdist"), None | Some("source")) => {}
            (Some("sdist"), Some(_)) => return Err(invalid("Use 'source' as Python version for an sdist.")),
            _ => return Err(invalid("Use a known file type: sdist or bdist_wheel.")),
        }
        let lengths = [("md5_digest", 32), ("sha256_digest", 64), ("blake2_256_digest", 64)];
        if lengths.iter().all(|(name, _)| self.get(name).is_none()) {
            return Err(invalid("Include at least one message digest."));
        }
        for (name, length) in lengths {
            let is_hex =
                |digest: &str| digest.len() == length && digest.bytes().all(|c| c.is_ascii_hexdigit());
            if self.get(name).is_some_and(|digest| !is_hex(digest)) {
                return Err(invalid(format!("{name}: Use a valid, hex-encoded, message digest.")));
            }
        }
        Ok(())
    }

    fn check_metadata(&self) -> Result<(), Refusal> {
        let field = |name: &str| self.get(name).unwrap_or_default();
        expect_version_of_metadata(field("metadata_version"))?;
        let name = field("name");
        name.parse::<ProjectName>().map_err(|error| Refusal::new(error.message()))?;
        let version = field("version");
        version
            .parse::<pep440_rs::Version>()
            .map_err(|_| Refusal::new(format!("{version:?} is invalid for 'version'")))?;
        if field("summary").chars().count() > LONGEST_LINE || field("summary").contains('\n') {
            return Err(Refusal::new("summary: Use one line of at most 512 characters."));
        }
        self.get("requires_python").map_or(Ok(()), expect_requires_python)?;
        let is_twice = |(at, (name, _)): (usize, &(String, String))| {
            let is_single = !REPEATED.contains(&name.as_str()) && name != "comment";
            is_single && self.fields.iter().take(at).any(|(other, _)| other == name)
        };
        match self.fields.iter().enumerate().find(|(at, field)| is_twice((*at, field))) {
            Some((_, (name, _))) => Err(Refusal::new(format!("{name}: Give this field once."))),
            None => Ok(()),
        }
    }

    /// What is attested of the file that came, if anything is. It must be about that file.
    pub(super) fn attestations(&self, received: &Received) -> Result<Vec<Attestation>> {
        let Some(text) = self.get("attestations") else { return Ok(Vec::new()) };
        let refused = |refusal: Refusal| invalid(refusal.to_string());
        let attestations = Attestation::of_field(text).map_err(refused)?;
        let Received { file, content, .. } = received;
        expect_about(&attestations, &file.text, &content.digest).map_err(refused)?;
        Ok(attestations)
    }

    /// Holds what came to what the form says of it.
    pub(super) fn expect(&self, received: &Received) -> Result<()> {
        let Received { file, content, md5, blake2, .. } = received;
        let field = |name: &str| self.get(name).unwrap_or_default();
        if field("filetype") != file.kind.word() {
            return Err(invalid(format!("{:?} is no {}.", file.text, field("filetype"))));
        }
        let sha256 = content.digest.to_string();
        let sha256 = sha256.rsplit(':').next().unwrap_or_default();
        for (name, found) in
            [("md5_digest", md5.as_str()), ("sha256_digest", sha256), ("blake2_256_digest", blake2)]
        {
            if self.get(name).is_some_and(|digest| !digest.eq_ignore_ascii_case(found)) {
                let words = "The digest supplied does not match a digest calculated from the uploaded file.";
                return Err(invalid(words));
            }
        }
        let is_name = field("name").parse::<ProjectName>().is_ok_and(|name| name == file.project);
        if !is_name {
            return Err(invalid(format!(
                "Start filename for {:?} with {:?}.",
                field("name"),
                expected_stem(field("name"))
            )));
        }
        let is_version =
            field("version").parse::<pep440_rs::Version>().is_ok_and(|version| version == file.version);
        if !is_version {
            let words =
                format!("Version in filename should be '{}' not '{}'.", field("version"), file.version);
            return Err(invalid(words));
        }
        Ok(())
    }
}

fn expected_stem(name: &str) -> String {
    name.parse::<ProjectName>().map(|name| name.in_filenames()).unwrap_or_default()
}
