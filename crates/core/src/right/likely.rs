//! Whose bodies are read at all: for which repository the gate is asked before any name is known. Pure.

use super::{Access, Scope, Verb};
use crate::{Place, RegistryPlace, Result};

impl Access {
    /// The repository below a folder of a registry, or anywhere in it, where it would most likely be used: one where it
    /// reaches the verb, else one that it speaks of, else any. Who may not do it there may do it nowhere below.
    ///
    /// # Errors
    /// `Invalid` for a folder that is none.
    pub fn likely_below(&self, registry: &RegistryPlace, folder: Option<&str>, verb: Verb) -> Result<Place> {
        let RegistryPlace { organisation, registry } = registry.clone();
        let begin = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
        let any = Place { organisation, registry, repository: format!("{begin}any").parse()? };
        let mut named = self.named(&any);
        named.retain(|place| {
            (&place.organisation, &place.registry) == (&any.organisation, &any.registry)
                && place.repository.as_str().starts_with(&begin)
        });
        let reached = named.iter().find(|place| self.reaches(place, verb)).or_else(|| named.first());
        Ok(reached.cloned().unwrap_or(any))
    }

    /// What it names, or examples of it: a place, where that is one.
    fn named(&self, place: &Place) -> Vec<Place> {
        match self {
            Self::Whole => Vec::new(),
            Self::Only(scopes) | Self::OnlyWithin(scopes, _) => {
                scopes.iter().filter_map(Scope::place).collect()
            }
            Self::Within(reach) => {
                reach.allowances().iter().filter_map(|one| one.repositories.example(place)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Allowance, Reach};

    fn likely_of(access: &Access) -> (String, bool) {
        likely_below(access, Some("memflow"))
    }

    fn likely_below(access: &Access, folder: Option<&str>) -> (String, bool) {
        let registry =
            RegistryPlace { organisation: "acme".parse().unwrap(), registry: "plugins".parse().unwrap() };
        let place = access.likely_below(&registry, folder, Verb::Push).unwrap();
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
    fn a_token_that_reaches_a_repository_is_asked_for_that() {
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
    fn without_a_folder_every_repository_of_the_registry_counts() {
        for (pattern, place, is_reached) in [
            ("acme/*", "acme/plugins/any", true),
            ("acme/plugins/app", "acme/plugins/app", true),
            ("acme/plugins/team/app-*", "acme/plugins/team/app-a", true),
            ("acme/other/app", "acme/plugins/any", false),
            ("other/*", "acme/plugins/any", false),
        ] {
            let found = likely_below(&within(&[(pattern, Verb::Push)]), None);
            assert_eq!(found, (place.to_owned(), is_reached), "{pattern}");
        }
        assert_eq!(likely_below(&Access::Whole, None), ("acme/plugins/any".to_owned(), true));
    }

    #[test]
    fn a_token_that_reaches_none_stays_outside() {
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
