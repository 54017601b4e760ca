//! The picture: which crate stands on which floor and what it may import, and which library lives where.
//!
//! This is the one table of allowed arrows. Rows for crates that are not there yet wait for their first line of
//! code. A change here is a change of the architecture and belongs into its page in the same commit.

/// One crate of the picture, by its short name: `wharf-core` is `core`.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) floor: Floor,
    pub(crate) imports: Imports,
}

/// The floors from the ground up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Floor {
    /// The vocabulary.
    Words,
    /// The use cases, which own their ports, and the shared HTTP words.
    Engines,
    /// Left the faces, right the adapters.
    Wings,
    /// The only place where the wings meet.
    Composition,
    /// Tests, tasks, benchmarks: what looks at everything.
    Roof,
}

/// What a crate may import of the others.
pub(crate) enum Imports {
    /// These, by short name.
    Only(&'static [&'static str]),
    /// Whatever stands on a lower floor.
    EverythingBelow,
}

use Floor::{Composition, Engines, Roof, Wings, Words};
use Imports::{EverythingBelow, Only};

/// Every crate there is or will be.
pub(crate) const PICTURE: &[Room] = &[
    Room { name: "core", floor: Words, imports: Only(&[]) },
    Room { name: "hash", floor: Words, imports: Only(&[]) },
    Room { name: "registry", floor: Engines, imports: Only(&["core", "hash"]) },
    Room { name: "auth", floor: Engines, imports: Only(&["core"]) },
    Room { name: "scan", floor: Engines, imports: Only(&["core", "hash"]) },
    Room { name: "signing", floor: Engines, imports: Only(&["core"]) },
    Room { name: "fleet", floor: Engines, imports: Only(&["core"]) },
    Room { name: "http", floor: Engines, imports: Only(&["core"]) },
    Room { name: "oci", floor: Wings, imports: Only(&["core", "registry", "http"]) },
    Room {
        name: "pypi",
        floor: Wings,
        // hash, for an index names files and their metadata by digest.
        imports: Only(&["core", "hash", "registry", "signing", "http"]),
    },
    Room { name: "helm", floor: Wings, imports: Only(&["core", "registry", "signing", "http"]) },
    Room { name: "memflow", floor: Wings, imports: Only(&["core", "registry", "signing", "http"]) },
    Room { name: "bpf", floor: Wings, imports: Only(&["core", "registry", "signing", "fleet", "http"]) },
    Room { name: "clair", floor: Wings, imports: Only(&["core", "registry", "scan", "http"]) },
    Room {
        name: "api",
        floor: Wings,
        imports: Only(&["core", "registry", "auth", "scan", "signing", "fleet", "http"]),
    },
    Room {
        name: "web",
        floor: Wings,
        imports: Only(&["core", "registry", "auth", "scan", "signing", "fleet", "http"]),
    },
    Room { name: "blobs", floor: Wings, imports: Only(&["core", "hash", "registry"]) },
    Room {
        name: "meta",
        floor: Wings,
        imports: Only(&["core", "registry", "auth", "scan", "signing", "fleet"]),
    },
    Room {
        name: "outbound",
        floor: Wings,
        // hash, for whatever comes in is held against its digest.
        imports: Only(&["core", "hash", "registry", "auth", "scan", "signing"]),
    },
    Room { name: "server", floor: Composition, imports: EverythingBelow },
    Room {
        name: "embed",
        floor: Composition,
        imports: Only(&["core", "registry", "http", "oci", "blobs", "meta"]),
    },
    Room { name: "tests", floor: Roof, imports: EverythingBelow },
    Room { name: "xtask", floor: Roof, imports: EverythingBelow },
    Room { name: "fuzz", floor: Roof, imports: EverythingBelow },
    Room { name: "bench", floor: Roof, imports: EverythingBelow },
];

/// Libraries that live only in some crates. The roof may use any.
pub(crate) struct Home {
    /// `tower` means `tower`, `tower-http`, `tower-service` and so on.
    pub(crate) family: &'static str,
    pub(crate) crates: &'static [&'static str],
}

/// The faces, the words they share, and where they are put together.
const HTTP_SERVERS: &[&str] =
    &["http", "oci", "pypi", "helm", "memflow", "bpf", "clair", "api", "web", "server", "embed"];

/// Every library with a home.
pub(crate) const HOMES: &[Home] = &[
    Home { family: "axum", crates: HTTP_SERVERS },
    Home { family: "hyper", crates: HTTP_SERVERS },
    Home { family: "tower", crates: HTTP_SERVERS },
    // scan opens a foreign rpm database, read-only; everything else of SQL is meta's.
    Home { family: "rusqlite", crates: &["meta", "scan"] },
    Home { family: "tokio-postgres", crates: &["meta"] },
    Home { family: "deadpool", crates: &["meta"] },
    Home { family: "object_store", crates: &["blobs"] },
    Home { family: "reqwest", crates: &["outbound"] },
    Home { family: "lettre", crates: &["outbound"] },
    // Parts count in core's meters and open plain spans; how that is shown is the server's affair.
    Home { family: "prometheus-client", crates: &["server"] },
    Home { family: "opentelemetry", crates: &["server"] },
    Home { family: "opentelemetry_sdk", crates: &["server"] },
    Home { family: "tracing-opentelemetry", crates: &["server"] },
];

/// The row of a crate, by short name.
pub(crate) fn room(name: &str) -> Option<&'static Room> {
    PICTURE.iter().find(|room| room.name == name)
}

impl Room {
    /// Whether an ordinary (or a build) dependency on `other` is in the picture.
    pub(crate) fn may_import(&self, other: &Room) -> bool {
        match self.imports {
            Only(names) => names.contains(&other.name),
            EverythingBelow => other.floor < self.floor,
        }
    }

    /// Whether a dev-dependency is: a crate's tests may look at anything that stands lower.
    pub(crate) fn may_test_with(&self, other: &Room) -> bool {
        other.floor < self.floor || self.may_import(other)
    }
}

impl Home {
    /// Whether library `name` belongs to this family.
    pub(crate) fn houses(&self, name: &str) -> bool {
        name.strip_prefix(self.family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrow_of_the_picture_goes_down() {
        for room in PICTURE {
            let Only(names) = room.imports else { continue };
            for name in names {
                let lower = super::room(name).unwrap_or_else(|| panic!("{name} is in the picture"));
                assert!(lower.floor < room.floor, "{} -> {name}", room.name);
            }
        }
    }

    #[test]
    fn a_family_is_a_name_and_what_hangs_on_it() {
        let tower = Home { family: "tower", crates: &[] };
        assert!(tower.houses("tower") && tower.houses("tower-http"));
        assert!(!tower.houses("towers"));
    }
}
