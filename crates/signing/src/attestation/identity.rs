//! Whether a certificate was made for a job: by what its issuer says of the job, and what certificates say of such jobs
//! (Fulcio, oid-info.md and its configuration of issuers).

use wharf_core::{Build, Error, Kind, Result, Workload};

use super::Certificate;

/// What a certificate for a job must say.
struct Expected {
    /// One of these it was made for.
    subjects: Vec<String>,
    source: Option<String>,
    instructions: Option<String>,
}

impl Certificate {
    /// Refuses a certificate that was not made for this job: on the word of the same issuer, for the same subject, source
    /// and instructions.
    ///
    /// # Errors
    /// `Invalid`, naming what differs.
    pub fn expect_of(&self, workload: &Workload) -> Result<()> {
        let expected = Expected::of(workload);
        let differs = |what: &str, found: &str, expected: &str| {
            let words = format!("{what} of the attestation is {found:?}, but {expected:?} uploads");
            Err(Error::new(Kind::Invalid, words))
        };
        if self.issuer != workload.issuer {
            return differs("the issuer", &self.issuer, &workload.issuer);
        }
        if !expected.subjects.contains(&self.subject) {
            return differs("the identity", &self.subject, &expected.subjects.join(" or "));
        }
        for (what, found, expected) in [
            ("the source repository", &self.source, &expected.source),
            ("the workflow", &self.instructions, &expected.instructions),
        ] {
            if let Some(expected) = expected.as_ref().filter(|expected| found.as_ref() != Some(*expected)) {
                return differs(what, found.as_deref().unwrap_or_default(), expected);
            }
        }
        Ok(())
    }
}

impl Expected {
    fn of(workload: &Workload) -> Self {
        workload.build().map_or_else(|| Self::of_other(workload), Self::of_build)
    }

    /// A job of a build service: by the file with its steps.
    fn of_build(build: Build) -> Self {
        Self {
            subjects: vec![build.steps_url],
            source: Some(build.repository_url),
            instructions: Some(build.workflow_url),
        }
    }

    /// Whoever else: by his confirmed address, or by what his issuer calls him.
    fn of_other(workload: &Workload) -> Self {
        let subjects = workload.address().into_iter().chain(workload.claim("sub")).map(str::to_owned);
        Self { subjects: subjects.collect(), source: None, instructions: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(issuer: &str, claims: &[(&str, &str)]) -> Workload {
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Workload { issuer: issuer.to_owned(), claims: claims.collect() }
    }

    fn certificate(issuer: &str, subject: &str, build: Option<(&str, &str)>) -> Certificate {
        Certificate {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            source: build.map(|(source, _)| source.to_owned()),
            instructions: build.map(|(_, instructions)| instructions.to_owned()),
        }
    }

    #[test]
    fn a_certificate_of_a_job_is_known_by_what_its_issuer_says() {
        let workflow = "acme/app/.github/workflows/release.yml@refs/tags/v1";
        for (issuer, server) in [
            ("https://token.actions.githubusercontent.com", "https://github.com"),
            ("https://git.example/_services/token", "https://git.example"),
        ] {
            let claims =
                [("repository", "acme/app"), ("workflow_ref", workflow), ("job_workflow_ref", workflow)];
            let job = workload(issuer, &claims);
            let (source, subject) = (format!("{server}/acme/app"), format!("{server}/{workflow}"));
            let good = certificate(issuer, &subject, Some((&source, &subject)));
            good.expect_of(&job).unwrap();
            let other = "https://github.com/acme/other";
            for (what, wrong) in [
                ("the issuer", Certificate { issuer: other.to_owned(), ..good.clone() }),
                ("the identity", Certificate { subject: other.to_owned(), ..good.clone() }),
                ("the source repository", Certificate { source: Some(other.to_owned()), ..good.clone() }),
                ("the source repository", Certificate { source: None, ..good.clone() }),
                ("the workflow", Certificate { instructions: Some(other.to_owned()), ..good.clone() }),
                ("the workflow", Certificate { instructions: None, ..good.clone() }),
            ] {
                let refused = wrong.expect_of(&job).unwrap_err();
                assert!(refused.message().starts_with(what), "{}", refused.message());
            }
        }
        let file = "gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main";
        let job =
            workload("https://gitlab.com", &[("project_path", "acme/app"), ("ci_config_ref_uri", file)]);
        let subject = format!("https://{file}");
        let source = Some(("https://gitlab.com/acme/app", subject.as_str()));
        certificate("https://gitlab.com", &subject, source).expect_of(&job).unwrap();
        assert!(certificate("https://gitlab.com", &subject, None).expect_of(&job).is_err());
    }

    #[test]
    fn an_address_counts_where_its_issuer_confirms_it() {
        let issuer = "https://accounts.google.com";
        let of = |verified| {
            workload(issuer, &[("sub", "117"), ("email", "ci@acme.example"), ("email_verified", verified)])
        };
        let address = certificate(issuer, "ci@acme.example", None);
        address.expect_of(&of("true")).unwrap();
        assert!(address.expect_of(&of("false")).is_err());
        certificate(issuer, "117", None).expect_of(&of("false")).unwrap();
        assert!(certificate(issuer, "", None).expect_of(&workload(issuer, &[])).is_err());
    }
}
