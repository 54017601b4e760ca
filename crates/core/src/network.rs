//! Addresses in groups: the networks an operator names, and the piece of the internet that is one client.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{Error, Kind};

/// How many leading bits of an IPv6 address name one client, who picks the others as he likes.
const CLIENT_BITS: u8 = 64;

/// All addresses that share their first bits, in CIDR notation: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The first of them.
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// What counts as one client: an IPv4 address, or the /64 an IPv6 address lies in.
    pub fn of_client(address: IpAddr) -> Self {
        match address.to_canonical() {
            address @ IpAddr::V4(_) => Self { first: address, bits: 32 },
            address @ IpAddr::V6(_) => Self { first: first(address, CLIENT_BITS), bits: CLIENT_BITS },
        }
    }

    /// Whether an address lies in it. An IPv4 address written as IPv6 is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && first(address, self.bits) == self.first
    }
}

/// The address with all but its leading bits cleared.
fn first(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or_default();
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or_default();
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = Error;

    /// Reads an address, or one with a number of bits. Bits set behind those are a mistake worth telling.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::new(Kind::Invalid, format!("{text:?} {what}"));
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong("is no address and no network"))?;
        if address.to_canonical() != address {
            return Err(wrong("is an IPv4 address and must be written as one"));
        }
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).ok().filter(|bits| *bits <= most);
        let bits = bits.ok_or_else(|| wrong(&format!("has a length that is not 0 to {most}")))?;
        if first(address, bits) != address {
            return Err(wrong(&format!(
                "has bits behind its length: {}/{bits} is meant",
                first(address, bits)
            )));
        }
        Ok(Self { first: address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_what_shares_its_first_bits() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::7f00:1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(address(inside)), "{inside} in {network}");
            assert!(!network.contains(address(outside)), "{outside} in {network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.1/8",
            "10.0.0.0/8/8",
            "a",
            "::ffff:10.0.0.1",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_client_is_an_address_or_a_64() {
        let of = |text| Network::of_client(address(text));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    proptest! {
        #[test]
        fn a_client_lies_in_its_own_network_which_can_be_written(bits in any::<u128>()) {
            let address = IpAddr::V6(bits.into());
            let network = Network::of_client(address);
            prop_assert!(network.contains(address));
            prop_assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
        }
    }
}
