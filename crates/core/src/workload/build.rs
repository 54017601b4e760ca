//! Builds: where the source of a job lies, and what told the job what to do, as build services say it of their jobs. Each make
//! of them has claims of its own, and this is the one place that knows them.

use super::Workload;

/// Who speaks for GitHub's own jobs; for those of an enterprise there, with its name behind.
const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// Where GitHub's own repositories are.
const GITHUB: &str = "https://github.com";
/// Where the issuer of another server of that make is, below its own address.
const GITHUB_ELSEWHERE: &str = "/_services/token";
/// Where GitLab's own repositories are, and who speaks for its jobs; so it is with each server of that make.
const GITLAB: &str = "https://gitlab.com";

/// Whose build service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildService {
    /// GitHub's own.
    GitHub,
    /// GitLab's own.
    GitLab,
    /// Another's server, of whatever make.
    Another,
}

/// What a build service says of where a job comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Whose it is: what is called alike at two of them is not the same.
    pub service: BuildService,
    /// Address of the repository: `https://github.com/acme/app`.
    pub repository_url: String,
    /// The same without the server: `acme/app`.
    pub repository: String,
    /// The file there that tells the job what to do: `.github/workflows/release.yml`.
    pub workflow: String,
    /// Address of that file, with its branch or tag.
    pub workflow_url: String,
    /// Address of the file in which the job's own steps stand, which the workflow may call from elsewhere.
    pub steps_url: String,
}

impl Build {
    pub(super) fn of(workload: &Workload) -> Option<Self> {
        Self::of_github(workload).or_else(|| Self::of_gitlab(workload))
    }

    /// GitHub's jobs, and Gitea's, which say the same of themselves.
    fn of_github(workload: &Workload) -> Option<Self> {
        let (repository, workflow) = (workload.claim("repository")?, workload.claim("workflow_ref")?);
        let (service, server) = github(&workload.issuer);
        let below = |path: &str| format!("{server}/{path}");
        let file = path_of(workflow);
        let inside = file.strip_prefix(repository).and_then(|rest| rest.strip_prefix('/'));
        Some(Self {
            service,
            repository_url: below(repository),
            repository: repository.to_owned(),
            workflow: inside.unwrap_or(file).to_owned(),
            workflow_url: below(workflow),
            steps_url: below(workload.claim("job_workflow_ref").unwrap_or(workflow)),
        })
    }

    fn of_gitlab(workload: &Workload) -> Option<Self> {
        let (project, file) = (workload.claim("project_path")?, workload.claim("ci_config_ref_uri")?);
        let server = workload.issuer.trim_end_matches('/');
        let service = if server == GITLAB { BuildService::GitLab } else { BuildService::Another };
        let workflow_url = format!("https://{file}");
        Some(Self {
            service,
            repository_url: format!("{server}/{project}"),
            repository: project.to_owned(),
            workflow: path_of(file).rsplit("//").next().unwrap_or_default().to_owned(),
            steps_url: workflow_url.clone(),
            workflow_url,
        })
    }
}

/// Whose issuer it is, and where the repositories are that it speaks of.
fn github(issuer: &str) -> (BuildService, &str) {
    let enterprise = issuer.strip_prefix(GITHUB_ISSUER);
    if enterprise.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return (BuildService::GitHub, GITHUB);
    }
    (BuildService::Another, issuer.strip_suffix(GITHUB_ELSEWHERE).unwrap_or(issuer))
}

/// A file without the branch behind it.
fn path_of(file: &str) -> &str {
    file.split_once('@').map_or(file, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(issuer: &str, claims: &[(&str, &str)]) -> Option<Build> {
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Workload { issuer: issuer.to_owned(), claims: claims.collect() }.build()
    }

    #[test]
    fn a_job_of_githubs_make_comes_from_the_server_that_its_issuer_speaks_for() {
        let workflow = "acme/app/.github/workflows/release.yml@refs/heads/x@y";
        let claims = [("repository", "acme/app"), ("workflow_ref", workflow)];
        for (issuer, service, server) in [
            (GITHUB_ISSUER, BuildService::GitHub, GITHUB),
            ("https://token.actions.githubusercontent.com/acme", BuildService::GitHub, GITHUB),
            ("https://token.actions.githubusercontent.com.evil.example", BuildService::Another, ""),
            ("https://git.example/_services/token", BuildService::Another, "https://git.example"),
            ("https://gitea.example", BuildService::Another, "https://gitea.example"),
        ] {
            let server = if server.is_empty() { issuer } else { server };
            let expected = Build {
                service,
                repository_url: format!("{server}/acme/app"),
                repository: "acme/app".to_owned(),
                workflow: ".github/workflows/release.yml".to_owned(),
                workflow_url: format!("{server}/{workflow}"),
                steps_url: format!("{server}/{workflow}"),
            };
            assert_eq!(build(issuer, &claims), Some(expected), "{issuer}");
        }
        let called = "acme/shared/.github/workflows/steps.yml@refs/heads/main";
        let calling = [claims[0], claims[1], ("job_workflow_ref", called)];
        assert_eq!(build(GITHUB_ISSUER, &calling).unwrap().steps_url, format!("{GITHUB}/{called}"));
    }

    #[test]
    fn a_job_of_gitlabs_make_comes_from_the_server_that_is_its_issuer() {
        for (issuer, service) in [
            ("https://gitlab.com", BuildService::GitLab),
            ("https://gitlab.example/", BuildService::Another),
            ("https://gitlab.com.evil.example", BuildService::Another),
        ] {
            let server = issuer.trim_end_matches('/');
            let file = format!(
                "{}/acme/team/app//ci/release.yml@refs/tags/v1",
                server.trim_start_matches("https://")
            );
            let claims = [("project_path", "acme/team/app"), ("ci_config_ref_uri", file.as_str())];
            let expected = Build {
                service,
                repository_url: format!("{server}/acme/team/app"),
                repository: "acme/team/app".to_owned(),
                workflow: "ci/release.yml".to_owned(),
                workflow_url: format!("https://{file}"),
                steps_url: format!("https://{file}"),
            };
            assert_eq!(build(issuer, &claims), Some(expected), "{issuer}");
        }
    }

    #[test]
    fn whoever_says_less_is_no_build() {
        for claims in [&[("sub", "117")][..], &[("repository", "acme/app")], &[("project_path", "acme/app")]]
        {
            assert_eq!(build(GITHUB_ISSUER, claims), None);
        }
    }
}
