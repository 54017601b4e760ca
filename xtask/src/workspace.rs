//! The workspace as its manifests tell it, by `cargo metadata`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::program::{capture, cargo, workspace_root};

/// Every member and where cargo builds.
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
    pub(crate) root: PathBuf,
    pub(crate) target_directory: PathBuf,
}

/// One package of the workspace.
pub(crate) struct Member {
    /// The short name: `core` for `wharf-core`.
    pub(crate) name: String,
    pub(crate) imports: Vec<Import>,
    /// The directories in which its targets' first files are.
    pub(crate) roots: Vec<PathBuf>,
}

/// One dependency.
pub(crate) struct Import {
    /// A member's short name, or a library's whole one.
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) kind: Kind,
}

/// Where a dependency comes from. `http` is both a member's short name and a library's whole one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    /// This workspace.
    Member,
    /// A registry.
    Library,
}

/// Who needs a dependency.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The crate itself, or its build script.
    Ordinary,
    /// Its tests.
    Dev,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo; resolves nothing and downloads nothing.
    pub(crate) fn load() -> Result<Self, Failure> {
        let mut question = cargo(["metadata", "--format-version", "1", "--no-deps"]);
        let answer = capture(question.current_dir(workspace_root()))?;
        let metadata: Metadata = serde_json::from_str(&answer)
            .map_err(|source| Failure::Answer { program: "cargo metadata", source })?;
        let members = metadata.packages.into_iter().map(Member::from).collect();
        Ok(Self { members, root: metadata.workspace_root, target_directory: metadata.target_directory })
    }

    /// The directories in which some target's first file is, relative to the workspace.
    pub(crate) fn roots(&self) -> Vec<&Path> {
        let roots = self.members.iter().flat_map(|member| &member.roots);
        roots.filter_map(|root| root.strip_prefix(&self.root).ok()).collect()
    }
}

impl From<Package> for Member {
    fn from(package: Package) -> Self {
        let roots = package.targets.iter().filter_map(|target| target.src_path.parent());
        Self {
            name: short(&package.name),
            roots: roots.map(Path::to_path_buf).collect(),
            imports: package.dependencies.into_iter().map(Import::from).collect(),
        }
    }
}

impl From<Dependency> for Import {
    fn from(dependency: Dependency) -> Self {
        let kind = if dependency.kind.as_deref() == Some("dev") { Kind::Dev } else { Kind::Ordinary };
        match dependency.path {
            Some(_) => Self { name: short(&dependency.name), origin: Origin::Member, kind },
            None => Self { name: dependency.name, origin: Origin::Library, kind },
        }
    }
}

fn short(name: &str) -> String {
    name.strip_prefix("wharf-").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_go_by_their_short_names() {
        assert_eq!(short("wharf-core"), "core");
        assert_eq!(short("xtask"), "xtask");
    }

    #[test]
    fn this_workspace_is_read_with_its_roots() {
        let workspace = Workspace::load().unwrap();
        assert!(workspace.members.iter().any(|member| member.name == "xtask"));
        assert!(workspace.roots().contains(&Path::new("xtask/src")));
    }
}
