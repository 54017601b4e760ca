//! Which registry of plugins is meant: `host`, whose root says which, or `host/organisation/registry`.

use std::{fmt, str::FromStr};

use wharf_core::{Error, Kind, OrganisationName, RegistryName};
use wharf_outbound::RegistryAddress;

/// The address of a registry of plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PluginAddress {
    pub(super) server: RegistryAddress,
    place: Option<(OrganisationName, RegistryName)>,
}

impl PluginAddress {
    /// Where the API begins on the server.
    pub(super) fn below(&self) -> Vec<&str> {
        match &self.place {
            Some((organisation, registry)) => vec!["memflow", organisation.as_str(), registry.as_str()],
            None => Vec::new(),
        }
    }
}

impl FromStr for PluginAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) =
            text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let (host, path) =
            rest.trim_end_matches('/').split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
        let server = scheme.map_or_else(|| host.to_owned(), |scheme| format!("{scheme}://{host}")).parse()?;
        // What stands before it in the URL of the API may stand here too.
        let place = match path.strip_prefix("memflow/").unwrap_or(path).split_once('/') {
            Some((organisation, registry)) => Some((organisation.parse()?, registry.parse()?)),
            None if path.is_empty() => None,
            None => {
                let words = format!("{text:?} names a server, or server/organisation/registry");
                return Err(Error::new(Kind::Invalid, words));
            }
        };
        Ok(Self { server, place })
    }
}

impl fmt::Display for PluginAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.server)?;
        match &self.place {
            Some((organisation, registry)) => write!(f, "/{organisation}/{registry}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_or_a_registry_of_it_is_named() {
        for (text, shown, below) in [
            ("localhost:8080", "localhost:8080", vec![]),
            ("https://wharf.example/", "wharf.example", vec![]),
            ("wharf.example/acme/main", "wharf.example/acme/main", vec!["memflow", "acme", "main"]),
            ("http://10.0.0.1/memflow/acme/main/", "10.0.0.1/acme/main", vec!["memflow", "acme", "main"]),
        ] {
            let address: PluginAddress = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.below()), (shown, below));
        }
        for bad in ["", "wharf.example/acme", "wharf.example/acme/main/dump", "ftp://a", "a/Acme/main"] {
            assert!(bad.parse::<PluginAddress>().is_err(), "{bad}");
        }
    }
}
