//! The subject of the gate: a principal on one request.
//!
//! The gate believes what an [`Actor`] says of itself, so not everybody makes one. Anybody may act for nobody; who is more
//! than that says one of the few places that have looked at a credential, and `clippy.toml` keeps it so.

use std::net::IpAddr;

use crate::{Access, Credential, Principal};

/// A principal on one request: with what, from where, how far.
#[derive(Clone, Debug)]
pub struct Actor {
    principal: Principal,
    credential: Credential,
    access: Access,
    address: Option<IpAddr>,
    request_id: String,
}

impl Actor {
    /// Nobody in particular: from where, if over the network, and on which request.
    pub fn nobody(address: Option<IpAddr>, request_id: impl Into<String>) -> Self {
        Self {
            principal: Principal::Anonymous,
            credential: Credential::None,
            access: Access::Whole,
            address,
            request_id: request_id.into(),
        }
    }

    /// Who a credential stands for and how far that reaches, on the same request and from the same address. Only whoever
    /// has looked at the credential may say so.
    #[must_use]
    pub fn known(self, principal: Principal, credential: Credential, access: Access) -> Self {
        Self { principal, credential, access, ..self }
    }

    /// A job of Wharf's own.
    #[expect(clippy::disallowed_methods, reason = "an actor that is a job is made here")]
    pub fn job(name: &'static str) -> Self {
        Self::nobody(None, name).known(Principal::job(name), Credential::Local, Access::Whole)
    }

    /// Who.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// By what.
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// How far the credential reaches.
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// From where, if over the network.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The id of the request, as in the logs; of a job its name.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Whether nobody in particular acts.
    pub fn is_anonymous(&self) -> bool {
        self.principal == Principal::Anonymous
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_nobody_is_made_by_everybody() {
        let lines = include_str!("actor.rs").lines().map(str::trim_start);
        let making = lines.filter(|line| line.ends_with("-> Self {"));
        let names: Vec<_> = making.filter_map(|line| line.split_once("fn ")?.1.split('(').next()).collect();
        let forbidden = include_str!("../../../clippy.toml");
        let free = names.iter().filter(|name| !forbidden.contains(&format!("\"wharf_core::Actor::{name}\"")));

        assert_eq!(names, ["nobody", "known", "job"]);
        assert_eq!(free.collect::<Vec<_>>(), [&"nobody"]);
    }
}
