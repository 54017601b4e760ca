//! Whose uploads are read at all: for which plugin the gate is asked before any name is known. Pure.

use wharf_core::{Access, Allowance, Place, RegistryPlace, RepositorySet, Result, Scope, Verb};

use crate::artifact::{FOLDER, place};

/// The plugin that a credential would most likely push into a registry: one that it reaches, else one that it speaks of,
/// else any. Who may not push that may push none.
pub(crate) fn likely(access: &Access, registry: &RegistryPlace) -> Result<Place> {
    let mut named = named(access, registry);
    named.retain(|place| is_plugin(place, registry));
    let reached = named.iter().find(|place| access.reaches(place, Verb::Push)).or_else(|| named.first());
    Ok(reached.cloned().map_or_else(|| place(registry, "any"), Ok)?)
}

/// What a narrowed credential names, or an example of it.
fn named(access: &Access, registry: &RegistryPlace) -> Vec<Place> {
    match access {
        Access::Whole => Vec::new(),
        Access::Only(scopes) | Access::OnlyWithin(scopes, _) => {
            scopes.iter().filter_map(Scope::place).collect()
        }
        Access::Within(reach) => {
            reach.allowances().iter().filter_map(|allowance| example(allowance, registry)).collect()
        }
    }
}

fn example(allowance: &Allowance, registry: &RegistryPlace) -> Option<Place> {
    let RegistryPlace { organisation, registry } = registry;
    let folder = format!("{organisation}/{registry}/{FOLDER}/");
    match &allowance.repositories {
        RepositorySet::One(place) => Some(place.clone()),
        RepositorySet::Below(prefix) if folder.starts_with(prefix) => format!("{folder}any").parse().ok(),
        RepositorySet::Below(prefix) => format!("{prefix}a").parse().ok(),
    }
}

fn is_plugin(place: &Place, registry: &RegistryPlace) -> bool {
    let below = place.repository.as_str().strip_prefix(FOLDER);
    place.organisation == registry.organisation
        && place.registry == registry.registry
        && below.is_some_and(|below| below.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use wharf_core::Reach;

    use super::*;

    fn likely_of(access: &Access) -> (String, bool) {
        let place = likely(
            access,
            &RegistryPlace { organisation: "acme".parse().unwrap(), registry: "plugins".parse().unwrap() },
        );
        let place = place.unwrap();
        (place.to_string(), access.reaches(&place, Verb::Push))
    }

    fn within(allowances: &[(&str, Verb)]) -> Access {
        let allowance = |(pattern, verb): &(&str, Verb)| Allowance {
            repositories: pattern.parse().unwrap(),
            verbs: vec![*verb],
        };
        Access::Within(Reach::new(allowances.iter().map(allowance).collect()).unwrap())
    }

    #[test]
    fn a_token_that_reaches_a_plugin_is_asked_for_that() {
        for (pattern, place) in [
            ("*", "acme/plugins/memflow/any"),
            ("acme/*", "acme/plugins/memflow/any"),
            ("acme/plugins/mem*", "acme/plugins/memflow/any"),
            ("acme/plugins/memflow/dump-*", "acme/plugins/memflow/dump-a"),
            ("acme/plugins/memflow/dump", "acme/plugins/memflow/dump"),
        ] {
            let access =
                within(&[("other/nothing", Verb::Push), (pattern, Verb::Pull), (pattern, Verb::Push)]);
            assert_eq!(likely_of(&access), (place.to_owned(), true), "{pattern}");
        }
        let scopes = ["repository:acme/plugins/app:push", "repository:acme/plugins/memflow/dump:pull,push"];
        let only = Access::Only(scopes.map(|scope| scope.parse().unwrap()).to_vec());
        assert_eq!(likely_of(&only), ("acme/plugins/memflow/dump".to_owned(), true));
        assert_eq!(likely_of(&Access::Whole), ("acme/plugins/memflow/any".to_owned(), true));
    }

    #[test]
    fn a_token_that_reaches_no_plugin_stays_outside() {
        for (pattern, verb, place) in [
            ("other/*", Verb::Push, "acme/plugins/memflow/any"),
            ("acme/other/memflow/dump", Verb::Push, "acme/plugins/memflow/any"),
            ("acme/plugins/app*", Verb::Push, "acme/plugins/memflow/any"),
            ("acme/plugins/memflows", Verb::Push, "acme/plugins/memflow/any"),
            ("acme/plugins/memflow/dump", Verb::Pull, "acme/plugins/memflow/dump"),
        ] {
            assert_eq!(likely_of(&within(&[(pattern, verb)])), (place.to_owned(), false), "{pattern}");
        }
    }
}
