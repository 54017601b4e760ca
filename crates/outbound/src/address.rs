//! What kind of place an address is, by the registries of special addresses (IANA; RFC 6890 and its updates).
//!
//! The policy asks. What is not known to be public is not public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies, as far as the policy cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Out in the internet.
    Public,
    /// On this machine, in a private network, or nowhere in particular.
    Private,
    /// Nowhere a registry could be: multicast, unspecified, reserved, link-local, and where clouds tell machines
    /// their secrets.
    Never,
}

use Class::{Never, Private, Public};

/// The first that holds an address says what it is; what none holds is public.
const V4: &[(Ipv4Addr, u32, Class)] = &[
    // The metadata services of clouds that keep them outside of 169.254.0.0/16.
    (Ipv4Addr::new(100, 100, 100, 200), 32, Never),
    (Ipv4Addr::new(168, 63, 129, 16), 32, Never),
    (Ipv4Addr::new(192, 0, 0, 192), 32, Never),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Never),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Never),
    (Ipv4Addr::new(224, 0, 0, 0), 3, Never),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Private),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Private),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Private),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Private),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Private),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Private),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Private),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Private),
];

/// The same; what none holds is private, for of IPv6 only 2000::/3 is given out.
const V6: &[(Ipv6Addr, u32, Class)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Never),
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, Never),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Never),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Never),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Private),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Private),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Private),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Public),
];

/// What kind of place this is.
pub(crate) fn class_of(address: IpAddr) -> Class {
    match address.to_canonical() {
        IpAddr::V4(address) => class_of_v4(address),
        IpAddr::V6(address) => class_of_v6(address),
    }
}

fn class_of_v4(address: Ipv4Addr) -> Class {
    let holds = |(first, bits, _): &&(Ipv4Addr, u32, Class)| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *bits
    };
    V4.iter().find(holds).map_or(Public, |(_, _, class)| *class)
}

/// An address that carries one of IPv4 leads there: through NAT64 (RFC 6052) for all the world, through 6to4
/// (RFC 3056) at best for those who still run it.
fn class_of_v6(address: Ipv6Addr) -> Class {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => return class_of_v4(joined(high, low)),
        [0x2002, high, low, ..] if class_of_v4(joined(high, low)) == Never => return Never,
        [0x2002, ..] => return Private,
        _ => {}
    }
    let holds = |(first, bits, _): &&(Ipv6Addr, u32, Class)| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *bits
    };
    V6.iter().find(holds).map_or(Private, |(_, _, class)| *class)
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(text: &str) -> Class {
        class_of(text.parse().unwrap())
    }

    #[test]
    fn every_special_address_is_what_its_registry_says() {
        for public in
            ["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "2606:4700::1111", "64:ff9b::808:808"]
        {
            assert_eq!(class(public), Public, "{public}");
        }
        for private in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "203.0.113.9",
            "::1",
            "fc00::1",
            "fd12:3456::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2002:808:808::1",
            "2001::1",
            "fec0::1",
            "4000::1",
        ] {
            assert_eq!(class(private), Private, "{private}");
        }
        for never in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert_eq!(class(never), Never, "{never}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_the_same_place_however_it_is_written(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = address.octets().map(u16::from);
            let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a << 8 | b, c << 8 | d);
            prop_assert_eq!(class_of(address.into()), class_of(address.to_ipv6_mapped().into()));
            prop_assert_eq!(class_of(address.into()), class_of(translated.into()));
        }

        #[test]
        fn the_standard_library_calls_nothing_private_that_is_public_here(bits in any::<u32>(), high in any::<u128>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            if class_of(v4.into()) == Public {
                prop_assert!(!(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()));
                prop_assert!(!(v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()));
            }
            let v6 = Ipv6Addr::from_bits(high);
            if class_of(v6.into()) == Public {
                prop_assert!(!(v6.is_loopback() || v6.is_multicast() || v6.is_unspecified()));
                prop_assert!(!(v6.is_unique_local() || v6.is_unicast_link_local()));
            }
        }
    }
}
