//! What trusted proxies say of a request they pass on: `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! Anybody can send these headers, so they count only from a peer that is trusted, and a list of hops is read from the
//! right: each proxy adds at the end whom it saw, and what stands further left than the first stranger is that
//! stranger's invention. `Forwarded` (RFC 7239) is not read.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use wharf_core::{Error, Network};

use crate::{
    authority::is_authority,
    request::{Peer, Reached, Scheme},
};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies whose word counts; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Proxy>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Proxy {
    /// Whoever comes over a local socket.
    Local,
    Within(Network),
}

/// Where a request came from and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The client.
    pub peer: Peer,
    /// Its way here.
    pub reached: Reached,
}

impl Proxies {
    /// Whether the other end of a connection is one of them.
    pub fn trust(&self, peer: Peer) -> bool {
        self.0.iter().any(|proxy| match (proxy, peer.0) {
            (Proxy::Local, None) => true,
            (Proxy::Within(network), Some(address)) => network.contains(address),
            (Proxy::Local, Some(_)) | (Proxy::Within(_), None) => false,
        })
    }

    /// Reads what is to be believed of a request that came from this peer over this scheme.
    pub fn read(&self, peer: Peer, scheme: Scheme, headers: &HeaderMap) -> Seen {
        if !self.trust(peer) {
            return Seen { peer, reached: Reached { scheme, authority: None } };
        }
        let nearest = |name| hops(headers, &name).next();
        let scheme = nearest(PROTO).and_then(scheme_of).unwrap_or(scheme);
        let authority = nearest(HOST).filter(|host| is_authority(host)).map(str::to_owned);
        Seen { peer: self.client(peer, headers), reached: Reached { scheme, authority } }
    }

    /// The last hop before the first stranger's, or before one that cannot be read.
    fn client(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        let mut client = peer;
        for hop in hops(headers, &FOR).map_while(address_of) {
            client = Peer(Some(hop));
            if !self.trust(client) {
                break;
            }
        }
        client
    }
}

/// The entries of a list that may stand in several headers, from the right.
fn hops<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    // Each hop is read alone: what a stranger wrote must not make what a proxy added behind it unreadable.
    let hops = lines.into_iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    hops.map(|hop| str::from_utf8(hop).unwrap_or_default().trim())
}

/// An address, with a port behind it where a proxy adds one.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

fn scheme_of(word: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https].into_iter().find(|scheme| word.eq_ignore_ascii_case(scheme.word()))
}

impl FromStr for Proxies {
    type Err = Error;

    /// Reads addresses, networks and the word `local`, with commas between; nothing is none.
    fn from_str(text: &str) -> Result<Self, Error> {
        let proxy = |entry: &str| match entry {
            "local" => Ok(Proxy::Local),
            network => network.parse().map(Proxy::Within),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(str::trim).map(proxy).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn read(peer: Option<&str>, lines: &[(HeaderName, &str)]) -> Seen {
        let proxies: Proxies = "10.0.0.0/8, ::1, local".parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(name, line.parse().unwrap());
        }
        proxies.read(Peer(peer.map(|peer| peer.parse().unwrap())), Scheme::Http, &headers)
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| (FOR, *line)).collect();
        read(Some(peer), &lines).peer.0.unwrap().to_string()
    }

    #[test]
    fn the_client_is_the_last_hop_before_the_first_stranger() {
        assert_eq!(client("203.0.113.9", &["192.0.2.1"]), "203.0.113.9", "nobody trusts the peer");
        assert_eq!(client(PROXY, &[]), PROXY);
        assert_eq!(client(PROXY, &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(PROXY, &["192.0.2.66, 192.0.2.1, 10.9.9.9"]), "192.0.2.1");
        assert_eq!(client(PROXY, &["192.0.2.66", "192.0.2.1", "10.9.9.9"]), "192.0.2.1");
        assert_eq!(client(PROXY, &["10.7.7.7, 10.9.9.9"]), "10.7.7.7", "all of them are trusted");
        assert_eq!(client(PROXY, &["192.0.2.1:4711"]), "192.0.2.1");
        assert_eq!(client(PROXY, &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client(PROXY, &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client(PROXY, &["::ffff:192.0.2.1"]), "192.0.2.1");
    }

    #[test]
    fn bytes_that_are_no_text_hide_nothing_behind_them() {
        let proxies: Proxies = "10.0.0.0/8".parse().unwrap();
        let line = HeaderValue::from_bytes(b"\xff, 192.0.2.1").unwrap();
        let headers = HeaderMap::from_iter([(FOR, line)]);
        let seen = proxies.read(Peer(Some([10, 0, 0, 1].into())), Scheme::Http, &headers);
        assert_eq!(seen.peer, Peer(Some([192, 0, 2, 1].into())));
    }

    #[test]
    fn what_cannot_be_read_ends_the_list() {
        for bad in ["", "unknown", "_hidden", "192.0.2.1.", "1", ",", "192.0.2.1 192.0.2.2", "10.0.0.0/8"] {
            assert_eq!(client(PROXY, &["192.0.2.66", bad]), PROXY, "{bad:?}");
            assert_eq!(client(PROXY, &["192.0.2.66", bad, "10.9.9.9"]), "10.9.9.9", "{bad:?}");
        }
    }

    #[test]
    fn scheme_and_name_are_those_of_the_nearest_hop() {
        let lines = [(PROTO, "http, HTTPS"), (HOST, "evil.example, wharf.example:8443")];
        let seen = read(Some(PROXY), &lines).reached;
        assert_eq!((seen.scheme, seen.authority.as_deref()), (Scheme::Https, Some("wharf.example:8443")));
        let seen = read(Some("203.0.113.9"), &lines).reached;
        assert_eq!((seen.scheme, seen.authority), (Scheme::Http, None));
        let seen = read(Some(PROXY), &[(PROTO, "gopher"), (HOST, "a\"b")]).reached;
        assert_eq!((seen.scheme, seen.authority), (Scheme::Http, None));
    }

    #[test]
    fn a_local_socket_is_trusted_where_that_is_said() {
        let line = [(FOR, "192.0.2.1")];
        assert_eq!(read(None, &line).peer, Peer(Some([192, 0, 2, 1].into())));
        let headers = HeaderMap::from_iter([(FOR, "192.0.2.1".parse().unwrap())]);
        let seen = Proxies::default().read(Peer(None), Scheme::Http, &headers);
        assert_eq!(seen.peer, Peer(None));
    }

    #[test]
    fn a_list_of_proxies_is_read_whole_or_not() {
        assert_eq!("".parse::<Proxies>().unwrap(), Proxies::default());
        for bad in ["10.0.0.1,", "10.0.0.1 10.0.0.2", "proxy.example", "10.0.0.1/8", ","] {
            assert!(bad.parse::<Proxies>().is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn a_stranger_never_gets_to_choose_its_address(
            claimed in proptest::collection::vec("[0-9a-f.:, \\[\\]x]{0,40}", 0..4),
            stranger in any::<u32>().prop_map(std::net::Ipv4Addr::from).prop_filter("trusted", |address| address.octets()[0] != 10),
            trusted in proptest::collection::vec(any::<[u8; 3]>(), 0..4),
        ) {
            let proxies = trusted.iter().map(|[b, c, d]| format!("10.{b}.{c}.{d}"));
            let added: Vec<String> = std::iter::once(stranger.to_string()).chain(proxies).collect();
            let line = claimed.iter().cloned().chain(added).collect::<Vec<_>>().join(",");
            prop_assert_eq!(client(PROXY, &[&line]), stranger.to_string());
            let lines: Vec<&str> = line.split(',').collect();
            prop_assert_eq!(client(PROXY, &lines), stranger.to_string());
        }

        #[test]
        fn no_list_of_proxies_panics_its_parser(text in "\\PC{0,40}") {
            let _ = text.parse::<Proxies>();
        }
    }
}
