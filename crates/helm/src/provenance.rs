//! The provenance file: a clear-signed text that names the packaged chart by its SHA-256 (Helm, "Provenance").

use wharf_core::manifest::Descriptor;
use wharf_registry::format::Refusal;

use crate::chart::Chart;

/// Whether a provenance file speaks of this packaged chart. The signature itself is not checked here.
pub(crate) fn names(provenance: &[u8], content: &Descriptor) -> bool {
    names_digest(provenance, &content.digest)
}

/// The chart that a provenance file describes: what was signed begins with its `Chart.yaml`.
pub(crate) fn chart(provenance: &[u8]) -> Result<Chart, Refusal> {
    let text = String::from_utf8_lossy(provenance).replace("\r\n", "\n");
    let signed =
        text.split_once("-----BEGIN PGP SIGNED MESSAGE-----").and_then(|(_, rest)| rest.split_once("\n\n"));
    let described = signed.and_then(|(_, body)| body.split_once("\n...\n")).map(|(described, _)| described);
    let described = described.ok_or_else(|| Refusal::new("the provenance file describes no chart"))?;
    // What is clear-signed has a dash before every line that begins with one (RFC 9580, section 7.2).
    let lines: Vec<_> = described.lines().map(|line| line.strip_prefix("- ").unwrap_or(line)).collect();
    Chart::from_yaml(lines.join("\n").as_bytes())
}

/// Whether a provenance file speaks of the packaged chart of this digest.
pub(crate) fn names_digest(provenance: &[u8], content: &str) -> bool {
    let text = String::from_utf8_lossy(provenance);
    let after_files = text.split_once("\nfiles:").map(|(_, after)| after);
    after_files.is_some_and(|files| {
        files
            .lines()
            .take_while(|line| !line.starts_with("-----"))
            .any(|line| line.rsplit_once(": ").is_some_and(|(_, digest)| digest.trim() == content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_is_read_from_what_was_signed() {
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\nkeywords:\n- - web\nname: app\n\
                      version: 1.0.0\n\n...\nfiles:\n  app-1.0.0.tgz: sha256:00\n";
        let chart = chart(signed.as_bytes()).unwrap();
        assert_eq!((chart.name.as_str(), chart.version.as_str()), ("app", "1.0.0"));
        for bad in
            ["", "name: app\nversion: 1.0.0\n...\n", "-----BEGIN PGP SIGNED MESSAGE-----\n\nname: app\n...\n"]
        {
            assert!(super::chart(bad.as_bytes()).is_err(), "{bad}");
        }
    }

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
