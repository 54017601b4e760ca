//! The provenance file: a clear-signed text that names the packaged chart by its SHA-256 (Helm, "Provenance").

use wharf_core::manifest::Descriptor;

/// Whether a provenance file speaks of this packaged chart. The signature itself is not checked here.
pub(crate) fn names(provenance: &[u8], content: &Descriptor) -> bool {
    let text = String::from_utf8_lossy(provenance);
    let after_files = text.split_once("\nfiles:").map(|(_, after)| after);
    after_files.is_some_and(|files| {
        files
            .lines()
            .take_while(|line| !line.starts_with("-----"))
            .any(|line| line.rsplit_once(": ").is_some_and(|(_, digest)| digest.trim() == content.digest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digest_among_the_files_counts() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let content = Descriptor {
            media_type: "a/b".to_owned(),
            digest: digest.clone(),
            size: 1,
            annotations: Default::default(),
        };
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\n\nname: app\n\n...\nfiles:\n  app-1.0.0.tgz: {digest}\n"
        );
        assert!(names(signed.as_bytes(), &content));
        let elsewhere = format!(
            "description: {digest}\n...\nfiles:\n  app.tgz: sha256:00\n-----BEGIN PGP SIGNATURE-----\nx: {digest}\n"
        );
        assert!(!names(elsewhere.as_bytes(), &content));
        assert!(!names(b"\xff", &content));
    }
}
