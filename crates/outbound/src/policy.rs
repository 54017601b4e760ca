//! Where a door may lead. The address that is connected to is judged, so a name that changes its mind between the
//! judgement and the connection gains nothing.

use std::{
    collections::HashSet,
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use wharf_core::{Error, Kind};

use crate::address::{Class, class_of};

/// Where a door may lead.
#[derive(Debug)]
pub struct Policy {
    /// Hosts the operator or the user named, in lower case.
    named: HashSet<String>,
    /// The addresses those hosts turned out to have, where those are open by number too.
    own: Option<Mutex<HashSet<IpAddr>>>,
    /// The setting in which the operator names hosts, if it is one.
    setting: Option<&'static str>,
}

/// An address that no connection is made to.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    host: String,
    class: Class,
    setting: Option<&'static str>,
}

impl Policy {
    /// Only into the internet: for whatever a tenant or a stranger named.
    pub fn public() -> Self {
        Self::named(std::iter::empty::<String>())
    }

    /// Into the internet, and to these hosts wherever they are: for what the operator or the user named. Hosts are as
    /// in a URL, without a port, an IPv6 address in brackets. A redirect from one of them may lead to its own
    /// addresses, not to others of its network.
    pub fn named(hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let named = hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect::<HashSet<_>>();
        let own =
            named.iter().filter_map(|host| literal(host)).map(|address| address.to_canonical()).collect();
        Self { named, own: Some(Mutex::new(own)), setting: None }
    }

    /// The same where no redirect is followed: these hosts are open by the names they were given, and by no other.
    pub fn by_name(hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { own: None, ..Self::named(hosts) }
    }

    /// The same, where the hosts come from a setting of the operator's: refusals say which.
    #[must_use]
    pub fn of_setting(self, name: &'static str) -> Self {
        Self { setting: Some(name), ..self }
    }

    /// Whether the operator or the user named this host.
    pub(crate) fn names(&self, host: &str) -> bool {
        self.named.contains(&host.to_ascii_lowercase())
    }

    /// Judges the address that a connection to the host would be made to.
    pub(crate) fn judge(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let (class, address) = (class_of(address), address.to_canonical());
        let mut own = self.own.as_ref().map(|own| own.lock().unwrap_or_else(PoisonError::into_inner));
        let named = self.names(host);
        match class {
            Class::Public => {}
            Class::Private if named || own.as_ref().is_some_and(|own| own.contains(&address)) => {}
            Class::Private | Class::Never => {
                return Err(Refused { host: host.to_owned(), class, setting: self.setting });
            }
        }
        if let Some(own) = own.as_mut().filter(|_| named) {
            own.insert(address);
        }
        Ok(())
    }

    /// Judges a host by how it is written: an address. A name is judged when it is looked up.
    pub(crate) fn judge_written(&self, host: &str) -> Result<(), Refused> {
        literal(host).map_or(Ok(()), |address| self.judge(host, address))
    }
}

/// The address a host is, if it is not a name.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, class, setting } = self;
        match (class, setting) {
            (Class::Never, _) => {
                let what =
                    "at a link-local, metadata, multicast or reserved address, where nothing is fetched";
                write!(f, "{host} is {what}")
            }
            (_, Some(setting)) => {
                write!(
                    f,
                    "{host} is in a private network, and the operator's setting {setting} does not name it"
                )
            }
            (_, None) => write!(f, "{host} is in a private network, and nobody named it"),
        }
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::new(Kind::Denied, refused.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn may(policy: &Policy, host: &str, address: &str) -> bool {
        policy.judge(host, address.parse().unwrap()).is_ok()
    }

    #[test]
    fn without_a_name_only_the_internet_is_open() {
        let policy = Policy::public();
        assert!(may(&policy, "a.example", "93.184.215.14"));
        for private in ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:192.168.0.1"] {
            assert!(!may(&policy, "a.example", private), "{private}");
        }
    }

    #[test]
    fn a_named_host_opens_itself_and_nothing_beside_it() {
        let policy = Policy::named(["Registry.internal"]);
        assert!(!may(&policy, "10.0.0.5", "10.0.0.5"), "nobody knows yet that it is the named one's");
        assert!(may(&policy, "registry.internal", "10.0.0.5"));
        assert!(may(&policy, "10.0.0.5", "10.0.0.5"), "its own address, by number");
        assert!(!may(&policy, "10.0.0.6", "10.0.0.6"));
        assert!(!may(&policy, "registry.internal.evil.example", "127.0.0.1"));
    }

    #[test]
    fn where_no_redirect_is_followed_a_name_opens_no_number() {
        let policy = Policy::by_name(["ci.internal", "10.0.0.5"]);
        assert!(may(&policy, "ci.internal", "10.0.0.6"));
        assert!(!may(&policy, "10.0.0.6", "10.0.0.6"));
        assert!(may(&policy, "10.0.0.5", "10.0.0.5"));
        assert!(
            !may(&policy, "[::ffff:10.0.0.5]", "::ffff:10.0.0.5"),
            "another way to write it is another name"
        );
    }

    #[test]
    fn a_name_opens_no_metadata() {
        let policy = Policy::named(["evil.example", "169.254.169.254"]);
        assert!(!may(&policy, "evil.example", "169.254.169.254"));
        assert!(!may(&policy, "169.254.169.254", "169.254.169.254"));
    }

    proptest! {
        #[test]
        fn a_name_never_opens_what_is_closed_to_another(bits in any::<u128>(), v4 in any::<u32>()) {
            for address in [IpAddr::V6(bits.into()), IpAddr::V4(v4.into())] {
                let policy = Policy::named(["named.example"]);
                let stranger = policy.judge("other.example", address).is_ok();
                prop_assert_eq!(stranger, Policy::public().judge("other.example", address).is_ok());
                prop_assert_eq!(stranger, class_of(address) == Class::Public);
            }
        }
    }
}
