//! Which real peers this machine has, and why it lacks the others.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::program::{find, in_ci, is_root, succeeds};
use crate::rig::install;

/// What the tests can be run against.
pub(crate) struct Components {
    found: Vec<(&'static str, Presence)>,
}

enum Presence {
    Here,
    Missing(String),
}

/// What one component is made of.
struct Component {
    name: &'static str,
    programs: &'static [&'static str],
    /// Debian's names. One that the machine's release does not know is left out.
    packages: &'static [&'static str],
    needs: Needs,
}

enum Needs {
    Nothing,
    Root,
    /// Root and this device.
    Device(&'static str),
    /// Root, or a user who may be root in a namespace of his own.
    RootSomewhere,
}

const COMPONENTS: &[Component] = &[
    Component {
        name: "docker",
        programs: &["dockerd", "containerd", "runc", "docker"],
        // From Debian 13 on the client is a package of its own.
        packages: &["docker.io", "docker-cli"],
        needs: Needs::Root,
    },
    Component { name: "podman", programs: &["podman"], packages: &["podman"], needs: Needs::Nothing },
    Component { name: "skopeo", programs: &["skopeo"], packages: &["skopeo"], needs: Needs::Nothing },
    Component {
        name: "ctr",
        programs: &["containerd", "ctr"],
        packages: &["containerd"],
        needs: Needs::Root,
    },
    Component {
        name: "docker-registry",
        programs: &["docker-registry"],
        packages: &["docker-registry"],
        needs: Needs::Nothing,
    },
    built_by_go("crane"),
    built_by_go("oras"),
    built_by_go("regctl"),
    built_by_go("helm3"),
    built_by_go("helm4"),
    built_by_go("cm-push"),
    built_by_go("cosign"),
    built_by_go("registry"),
    built_by_go("versitygw"),
    // pip, uv and twine, and moto.
    Component {
        name: "python",
        programs: &["python3"],
        packages: &["python3", "python3-venv"],
        needs: Needs::Nothing,
    },
    // oidc-provider, of a version that Debian's Node runs.
    Component {
        name: "node",
        programs: &["node", "npm"],
        packages: &["nodejs", "npm"],
        needs: Needs::Nothing,
    },
    // Cargo is there, for it runs this.
    Component { name: "memflowup", programs: &["setpriv"], packages: &["util-linux"], needs: Needs::Nothing },
    Component { name: "openssl", programs: &["openssl"], packages: &["openssl"], needs: Needs::Nothing },
    Component {
        name: "mmdebstrap",
        programs: &["mmdebstrap", "apt-get"],
        packages: &["mmdebstrap"],
        needs: Needs::RootSomewhere,
    },
    Component {
        name: "postgres",
        programs: &["initdb", "postgres", "pg_isready"],
        packages: &["postgresql"],
        needs: Needs::Nothing,
    },
    Component {
        name: "loop",
        programs: &["losetup", "mount", "mkfs.xfs", "mkfs.ext4"],
        packages: &["mount", "xfsprogs", "e2fsprogs"],
        needs: Needs::Device("/dev/loop-control"),
    },
];

/// One of `go_program::ALL`. Debian's Go is too old for them, so it is never installed from here.
const fn built_by_go(name: &'static str) -> Component {
    Component { name, programs: &["go"], packages: &[], needs: Needs::Nothing }
}

impl Components {
    /// Looks, installs what is missing where that is possible, and says what it found. In CI, fails unless
    /// everything is there.
    pub(crate) fn gather() -> Result<Self, Failure> {
        if let Some(packages) = missing_packages() {
            install::packages(&packages)?;
        }
        let found: Vec<_> = COMPONENTS.iter().map(|component| (component.name, look(component))).collect();
        let components = Self { found };
        for (name, why) in components.missing() {
            println!("{name} is missing: {why}");
        }
        println!("present: {}", components.present());
        let missing: Vec<&str> = components.missing().map(|(name, _)| name).collect();
        if in_ci() && !missing.is_empty() {
            return Err(Failure::Broken(format!("in CI nothing may be missing: {}", missing.join(", "))));
        }
        Ok(components)
    }

    /// The names of what is there, with commas.
    pub(crate) fn present(&self) -> String {
        let here =
            |(name, presence): &(&'static str, Presence)| matches!(presence, Presence::Here).then_some(*name);
        self.found.iter().filter_map(here).collect::<Vec<_>>().join(",")
    }

    /// Why `name` is not there; `None` if it is.
    pub(crate) fn why_missing(&self, name: &str) -> Option<&str> {
        self.missing().find(|(missing, _)| *missing == name).map(|(_, why)| why)
    }

    fn missing(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.found.iter().filter_map(|(name, presence)| match presence {
            Presence::Here => None,
            Presence::Missing(why) => Some((*name, why.as_str())),
        })
    }
}

/// The packages of every component that lacks a program.
fn missing_packages() -> Option<Vec<&'static str>> {
    let incomplete = COMPONENTS.iter().filter(|component| missing_program(component).is_some());
    let packages: Vec<_> = incomplete.flat_map(|component| component.packages).copied().collect();
    (!packages.is_empty()).then_some(packages)
}

fn missing_program(component: &Component) -> Option<&'static str> {
    component.programs.iter().copied().find(|program| find(program).is_none())
}

fn look(component: &Component) -> Presence {
    if let Some(program) = missing_program(component) {
        return Presence::Missing(format!("there is no program {program}"));
    }
    match component.needs {
        Needs::Root | Needs::Device(_) if !is_root() => {
            Presence::Missing("only root can start it".to_owned())
        }
        Needs::RootSomewhere if !is_root() && !succeeds(&mut user_namespace()) => {
            Presence::Missing("this user may not make a user namespace with subordinate ids".to_owned())
        }
        Needs::Device(path) if !Path::new(path).exists() => Presence::Missing(format!("there is no {path}")),
        _ => Presence::Here,
    }
}

/// What unpacking packages takes: many ids, of which this user is root.
fn user_namespace() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--map-auto", "true"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{cargo_program, go_program};

    #[test]
    fn what_is_missing_is_not_among_what_is_present() {
        let missing = Presence::Missing("there is no program go".to_owned());
        let found = vec![("podman", Presence::Here), ("crane", missing), ("loop", Presence::Here)];
        let components = Components { found };
        assert_eq!(components.present(), "podman,loop");
        assert_eq!(components.why_missing("crane"), Some("there is no program go"));
        assert_eq!(components.why_missing("podman"), None);
    }

    #[test]
    fn every_program_that_is_built_is_a_component() {
        let installed = cargo_program::ALL.iter().map(|program| program.name);
        for name in go_program::ALL.iter().map(|program| program.name).chain(installed) {
            assert!(COMPONENTS.iter().any(|component| component.name == name), "{name}");
        }
    }

    #[test]
    fn a_component_without_its_program_says_which() {
        let component = Component {
            name: "x",
            programs: &["ls", "no-such-program"],
            packages: &[],
            needs: Needs::Nothing,
        };
        let Presence::Missing(why) = look(&component) else { panic!("it is there") };
        assert_eq!(why, "there is no program no-such-program");
    }
}
