//! Who published a file, as provenance names him (PEP 740). The kinds are those of the public index, and mean what they mean
//! there: a repository of `GitHub` is one of github.com. Whoever has a server of that make himself is named by its address.

use serde::{Deserialize, Serialize};
use wharf_core::{Build, BuildService, Workload};

/// The issuer of Google's service accounts.
const GOOGLE: &str = "https://accounts.google.com";

/// A publisher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Publisher {
    /// A workflow at GitHub itself.
    GitHub {
        /// Its repository, with its owner.
        repository: String,
        /// The name of its file.
        workflow: String,
        /// The environment that the job runs in, if in one.
        environment: Option<String>,
    },
    /// A pipeline at GitLab itself.
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
        /// Of a job at somebody's own server: the address of its repository.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repository: Option<String>,
        /// Its file there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workflow: Option<String>,
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
    },
}

impl Publisher {
    /// A job that attestations were found to be of.
    pub(super) fn of(workload: &Workload) -> Self {
        match (workload.build(), workload.address()) {
            (Some(build), _) => Self::of_build(build, workload),
            (None, Some(email)) if workload.issuer == GOOGLE => Self::Google { email: email.to_owned() },
            (None, _) => Self::Other {
                issuer: workload.issuer.clone(),
                subject: subject_of(workload),
                repository: None,
                workflow: None,
                environment: None,
            },
        }
    }

    fn of_build(build: Build, workload: &Workload) -> Self {
        let Build { service, repository, repository_url, workflow, .. } = build;
        let environment = workload.claim("environment").map(str::to_owned);
        match service {
            BuildService::GitHub => {
                let workflow = workflow.rsplit('/').next().unwrap_or_default().to_owned();
                Self::GitHub { repository, workflow, environment }
            }
            BuildService::GitLab => Self::GitLab { repository, workflow_filepath: workflow, environment },
            BuildService::Another => Self::Other {
                issuer: workload.issuer.clone(),
                subject: subject_of(workload),
                repository: Some(repository_url),
                workflow: Some(workflow),
                environment,
            },
        }
    }
}

fn subject_of(workload: &Workload) -> String {
    workload.claim("sub").unwrap_or_default().to_owned()
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
        assert_eq!(of("https://token.actions.githubusercontent.com", github.clone()), named);
        let gitlab = json!({
            "project_path": "acme/team/app", "ci_config_ref_uri": "gitlab.com/acme/team/app//ci/release.yml@refs/tags/v1",
        });
        let named = json!({
            "kind": "GitLab", "repository": "acme/team/app", "workflow_filepath": "ci/release.yml", "environment": null,
        });
        assert_eq!(of("https://gitlab.com", gitlab.clone()), named);
        let named = json!({
            "kind": "OpenID Connect", "issuer": "https://git.example/_services/token", "subject": "",
            "repository": "https://git.example/acme/app", "workflow": ".github/workflows/a.yml", "environment": "pypi",
        });
        assert_eq!(of("https://git.example/_services/token", github), named);
        let named = json!({
            "kind": "OpenID Connect", "issuer": "https://gitlab.example", "subject": "",
            "repository": "https://gitlab.example/acme/team/app", "workflow": "ci/release.yml",
        });
        assert_eq!(of("https://gitlab.example", gitlab), named);
        assert_eq!(json!(serde_json::from_value::<Publisher>(named.clone()).unwrap()), named);
        let account = json!({ "sub": "117", "email": "ci@acme.example", "email_verified": "true" });
        assert_eq!(of(GOOGLE, account.clone()), json!({ "kind": "Google", "email": "ci@acme.example" }));
        let named = json!({ "kind": "OpenID Connect", "issuer": "https://ci.example", "subject": "117" });
        assert_eq!(of("https://ci.example", account), named);
        let unconfirmed = of(GOOGLE, json!({ "sub": "117", "email": "ci@acme.example" }));
        assert_eq!(unconfirmed["kind"], "OpenID Connect");
    }
}
