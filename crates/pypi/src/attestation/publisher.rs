//! Who published a file, as provenance names him (PEP 740; the kinds are those of the public index).

use serde::{Deserialize, Serialize};
use wharf_core::Workload;

/// The issuer of Google's service accounts.
const GOOGLE: &str = "https://accounts.google.com";

/// A publisher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Publisher {
    /// A workflow of GitHub, or of a server of its make.
    GitHub {
        /// Its repository, with its owner.
        repository: String,
        /// The name of its file.
        workflow: String,
        /// The environment that the job runs in, if in one.
        environment: Option<String>,
    },
    /// A pipeline of GitLab.
    GitLab {
        /// Its project, with its groups.
        repository: String,
        /// Its file.
        workflow_filepath: String,
        /// As above.
        environment: Option<String>,
    },
    /// A service account of Google.
    Google {
        /// Its address.
        email: String,
    },
    /// Whoever else an issuer speaks for.
    #[serde(rename = "OpenID Connect")]
    Other {
        /// The issuer.
        issuer: String,
        /// What it calls him.
        subject: String,
    },
}

impl Publisher {
    /// A job that attestations were found to be of.
    pub(super) fn of(workload: &Workload) -> Self {
        let environment = workload.claim("environment").map(str::to_owned);
        let claims = |one, other| workload.claim(one).zip(workload.claim(other));
        if let Some((repository, workflow)) = claims("repository", "workflow_ref") {
            let file = path_of(workflow).rsplit('/').next().unwrap_or_default();
            let (repository, workflow) = (repository.to_owned(), file.to_owned());
            return Self::GitHub { repository, workflow, environment };
        }
        if let Some((project, file)) = claims("project_path", "ci_config_ref_uri") {
            let file = path_of(file).rsplit("//").next().unwrap_or_default();
            let (repository, workflow_filepath) = (project.to_owned(), file.to_owned());
            return Self::GitLab { repository, workflow_filepath, environment };
        }
        let subject = workload.claim("sub").unwrap_or_default().to_owned();
        match workload.address() {
            Some(email) if workload.issuer == GOOGLE => Self::Google { email: email.to_owned() },
            _ => Self::Other { issuer: workload.issuer.clone(), subject },
        }
    }
}

/// A file without the branch behind it.
fn path_of(file: &str) -> &str {
    file.split_once('@').map_or(file, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(issuer: &str, claims: Value) -> Value {
        let claims = serde_json::from_value(claims).unwrap();
        json!(Publisher::of(&Workload { issuer: issuer.to_owned(), claims }))
    }

    #[test]
    fn publishers_are_named_as_the_public_index_names_them() {
        let github = json!({
            "repository": "acme/app", "workflow_ref": "acme/app/.github/workflows/a.yml@refs/heads/x@y", "environment": "pypi",
        });
        let named =
            json!({ "kind": "GitHub", "repository": "acme/app", "workflow": "a.yml", "environment": "pypi" });
        assert_eq!(of("https://token.actions.githubusercontent.com", github), named);
        let gitlab = json!({
            "project_path": "acme/team/app", "ci_config_ref_uri": "gitlab.com/acme/team/app//ci/release.yml@refs/tags/v1",
        });
        let named = json!({
            "kind": "GitLab", "repository": "acme/team/app", "workflow_filepath": "ci/release.yml", "environment": null,
        });
        assert_eq!(of("https://gitlab.com", gitlab), named);
        let account = json!({ "sub": "117", "email": "ci@acme.example", "email_verified": "true" });
        assert_eq!(of(GOOGLE, account.clone()), json!({ "kind": "Google", "email": "ci@acme.example" }));
        let named = json!({ "kind": "OpenID Connect", "issuer": "https://ci.example", "subject": "117" });
        assert_eq!(of("https://ci.example", account), named);
        let unconfirmed = of(GOOGLE, json!({ "sub": "117", "email": "ci@acme.example" }));
        assert_eq!(unconfirmed["kind"], "OpenID Connect");
    }
}
