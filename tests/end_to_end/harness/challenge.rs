//! The `WWW-Authenticate` header of a 401, read the way clients read it.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// Reads `Scheme key="value",key="value"`; a value may hold commas.
    pub(crate) fn parse(header: &str) -> Self {
        let (scheme, mut rest) = header.split_once(' ').unwrap_or((header, ""));
        let mut parameters = BTreeMap::new();
        while let Some((key, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"').expect("a quoted value ends");
            parameters.insert(key.trim_matches([',', ' ']).to_owned(), value.to_owned());
            rest = after;
        }
        Self { scheme: scheme.to_owned(), parameters }
    }

    #[track_caller]
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("the challenge has no {name}: {self:?}"))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Whether one of the scopes asked for is on this repository and covers this action.
    pub(crate) fn asks_for(&self, repository: &str, action: &str) -> bool {
        let scopes = self.get("scope").unwrap_or_default();
        let prefix = format!("repository:{repository}:");
        let mut on_repository = scopes.split(' ').filter_map(|scope| scope.strip_prefix(&prefix));
        on_repository.any(|actions| actions.split(',').any(|one| one == action))
    }
}
