//! A request on its way through the API: who asks, for which names, with which query and body.

use std::str::FromStr;

use axum::http::HeaderMap;
use bytes::Bytes;
use wharf_core::{Actor, Error, Kind, OrganisationName, Place, RegistryName, RegistryPlace, Result};

use crate::{Api, cookie::Origin, template::Parameters};

/// A request, its body read and its caller known.
pub(crate) struct Call {
    pub(crate) face: Api,
    pub(crate) actor: Actor,
    /// The path as it was sent, without its query.
    pub(crate) path: String,
    pub(crate) parameters: Parameters,
    /// The pairs of the query, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// Our own origin as the caller sees it, where the request tells.
    pub(crate) origin: Option<Origin>,
    pub(crate) body: Bytes,
}

impl Call {
    /// What stands in the path for a name of its template.
    ///
    /// # Errors
    /// `Invalid` where it is no such thing.
    pub(crate) fn parameter<T: FromStr<Err = Error>>(&self, name: &str) -> Result<T> {
        self.text(name)?.parse()
    }

    /// The same as it was written.
    ///
    /// # Errors
    /// `Internal` where the template has no such name.
    pub(crate) fn text(&self, name: &str) -> Result<&str> {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        let missing = || Error::internal(format!("the template has no {name}"));
        found.map(|(_, value)| value.as_str()).ok_or_else(missing)
    }

    /// The organisation of the path.
    ///
    /// # Errors
    /// As [`Call::parameter`].
    pub(crate) fn organisation(&self) -> Result<OrganisationName> {
        self.parameter("org")
    }

    /// The registry of the path.
    ///
    /// # Errors
    /// As [`Call::parameter`].
    pub(crate) fn registry(&self) -> Result<RegistryPlace> {
        let registry: RegistryName = self.parameter("registry")?;
        Ok(RegistryPlace { organisation: self.organisation()?, registry })
    }

    /// The repository of the path.
    ///
    /// # Errors
    /// As [`Call::parameter`].
    pub(crate) fn place(&self) -> Result<Place> {
        let RegistryPlace { organisation, registry } = self.registry()?;
        Ok(Place { organisation, registry, repository: self.parameter("repository")? })
    }
}

/// The pairs of a query.
///
/// # Errors
/// `Invalid` for an empty name or a control character.
pub(crate) fn query(text: Option<&str>) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
        if name.is_empty() || [&name, &value].into_iter().any(|text| text.contains(char::is_control)) {
            return Err(Error::new(Kind::Invalid, "the query holds an empty name or a control character"));
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}
