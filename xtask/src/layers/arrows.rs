//! Compares what the manifests import with what the picture allows.

use crate::layers::fault::{Fault, Rule};
use crate::layers::picture::{Floor, HOMES, Room, room};
use crate::workspace::{Import, Kind, Member, Origin};

/// Every import that is not in the picture, and every crate that is not.
pub(crate) fn faults(members: &[Member]) -> Vec<Fault> {
    members.iter().flat_map(faults_of).collect()
}

fn faults_of(member: &Member) -> Vec<Fault> {
    let Some(from) = room(&member.name) else {
        let how = "is missing from the picture; give it a floor and its arrows".to_owned();
        return vec![Fault { rule: Rule::Arrow, place: member.name.clone(), how }];
    };
    let broken = |import: &Import| match import.origin {
        Origin::Member => arrow(from, import),
        Origin::Library => stray(from, import),
    };
    member.imports.iter().filter_map(broken).collect()
}

/// A fault if the picture has no such arrow. A target outside the picture is reported at its own manifest.
fn arrow(from: &Room, import: &Import) -> Option<Fault> {
    let to = room(&import.name)?;
    let allowed = match import.kind {
        Kind::Ordinary => from.may_import(to),
        Kind::Dev => from.may_test_with(to),
    };
    let how = "the picture has no such arrow".to_owned();
    (!allowed).then(|| Fault { rule: Rule::Arrow, place: place(from, import), how })
}

/// A fault if the library has a home and this is not it.
fn stray(from: &Room, import: &Import) -> Option<Fault> {
    let home = HOMES.iter().find(|home| home.houses(&import.name))?;
    let allowed = from.floor == Floor::Roof || home.crates.contains(&from.name);
    let how = format!("{} lives only in {}", home.family, home.crates.join(", "));
    (!allowed).then(|| Fault { rule: Rule::Home, place: place(from, import), how })
}

fn place(from: &Room, import: &Import) -> String {
    format!("{} -> {}", from.name, import.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places where a crate with this one import is at fault.
    fn places(name: &str, import: &str, origin: Origin, kind: Kind) -> Vec<String> {
        let imports = vec![Import { name: import.to_owned(), origin, kind }];
        let member = Member { name: name.to_owned(), imports, roots: Vec::new() };
        faults(&[member]).into_iter().map(|fault| fault.place).collect()
    }

    fn arrow(from: &str, to: &str) -> Vec<String> {
        places(from, to, Origin::Member, Kind::Ordinary)
    }

    fn test_arrow(from: &str, to: &str) -> Vec<String> {
        places(from, to, Origin::Member, Kind::Dev)
    }

    fn library(from: &str, name: &str) -> Vec<String> {
        places(from, name, Origin::Library, Kind::Ordinary)
    }

    #[test]
    fn an_arrow_of_the_picture_is_allowed() {
        assert!(arrow("oci", "registry").is_empty());
        assert!(arrow("server", "meta").is_empty());
        assert!(arrow("tests", "server").is_empty());
    }

    #[test]
    fn an_arrow_up_is_a_fault() {
        assert_eq!(arrow("core", "registry"), ["core -> registry"]);
        assert_eq!(arrow("meta", "server"), ["meta -> server"]);
    }

    #[test]
    fn an_arrow_on_one_floor_is_a_fault() {
        assert_eq!(arrow("auth", "registry"), ["auth -> registry"]);
    }

    #[test]
    fn left_never_imports_right() {
        assert_eq!(arrow("oci", "meta"), ["oci -> meta"]);
    }

    #[test]
    fn an_arrow_down_that_the_picture_lacks_is_a_fault_and_may_be_tested_with() {
        assert_eq!(arrow("oci", "auth"), ["oci -> auth"]);
        assert!(test_arrow("oci", "auth").is_empty());
    }

    #[test]
    fn tests_too_look_only_down() {
        assert_eq!(test_arrow("registry", "meta"), ["registry -> meta"]);
        assert_eq!(test_arrow("blobs", "meta"), ["blobs -> meta"]);
    }

    #[test]
    fn a_crate_that_is_not_in_the_picture_is_a_fault() {
        assert_eq!(arrow("plumbing", "core"), ["plumbing"]);
    }

    #[test]
    fn a_library_outside_its_home_is_a_fault() {
        for (name, stray) in [
            ("registry", "axum"),
            ("meta", "hyper-util"),
            ("auth", "tower-http"),
            ("registry", "rusqlite"),
            ("server", "tokio-postgres"),
            ("auth", "deadpool-postgres"),
            ("registry", "object_store"),
            ("server", "reqwest"),
            ("registry", "prometheus-client"),
            ("meta", "opentelemetry"),
        ] {
            assert_eq!(library(name, stray), [format!("{name} -> {stray}")]);
        }
    }

    #[test]
    fn a_library_at_home_and_on_the_roof_is_allowed() {
        assert!(library("http", "axum").is_empty());
        assert!(library("meta", "rusqlite").is_empty());
        assert!(library("tests", "reqwest").is_empty());
        assert!(library("bench", "reqwest").is_empty());
        assert!(library("registry", "bytes").is_empty());
    }

    #[test]
    fn a_library_is_no_member_of_the_same_name() {
        assert!(library("oci", "http").is_empty() && arrow("oci", "http").is_empty());
        assert!(library("blobs", "http").is_empty());
        assert_eq!(arrow("blobs", "http"), ["blobs -> http"]);
    }
}
