//! Text → value, for each kind of key. `None` where the text is not one.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    time::Duration,
};

use wharf_auth::SealingKey;
use wharf_core::{
    Network, RegistryPlace, Secret,
    gate::{CreateOnPush, Founders},
};
use wharf_http::{BaseUrl, BoundHost};
use wharf_outbound::IssuerHost;
use wharf_registry::{AuditPulls, Deletion};

use super::{DatabaseChoice, Listen, LogFormat};

pub(super) fn optional(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn public_url(text: &str) -> Option<BaseUrl> {
    BaseUrl::new(optional(text).as_deref()).ok()
}

pub(super) fn listen(text: &str) -> Option<Listen> {
    if let Some(path) = text.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| Listen::Unix(PathBuf::from(path)));
    }
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    // A port alone means every address, of both families.
    Some(Listen::Tcp(if host.is_empty() { format!("[::]:{port}") } else { text.to_owned() }))
}

pub(super) fn database(text: &str) -> Option<DatabaseChoice> {
    match text {
        "sqlite" => Some(DatabaseChoice::Sqlite),
        url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Some(DatabaseChoice::Postgres(Secret::new(url.to_owned())))
        }
        _ => None,
    }
}

#[expect(clippy::option_option, reason = "outside: is it a value; inside: is there one")]
pub(super) fn secret_key(text: &str) -> Option<Option<SealingKey>> {
    if text.is_empty() { Some(None) } else { SealingKey::parse(text).ok().map(Some) }
}

pub(super) fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "auto" => Some(LogFormat::Auto),
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

pub(super) fn create_on_push(text: &str) -> Option<CreateOnPush> {
    match text {
        "operator" => Some(CreateOnPush::Operator),
        "off" => Some(CreateOnPush::Off),
        _ => None,
    }
}

pub(super) fn org_create(text: &str) -> Option<Founders> {
    match text {
        "operator" => Some(Founders::Operators),
        "users" => Some(Founders::Users),
        _ => None,
    }
}

pub(super) fn audit_pulls(text: &str) -> Option<AuditPulls> {
    match text {
        "on" => Some(AuditPulls::On),
        "off" => Some(AuditPulls::Off),
        _ => None,
    }
}

pub(super) fn deletion(text: &str) -> Option<Deletion> {
    match text {
        "on" => Some(Deletion::On),
        "off" => Some(Deletion::Off),
        _ => None,
    }
}

/// The longest time a key may hold: a century. Beyond three thousand of them the times in rows would overflow.
const LONGEST: Duration = Duration::from_secs(36_525 * 24 * 3600);

/// A whole number and one of `s`, `m`, `h`, `d`, of at most [`LONGEST`].
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * seconds)).filter(|time| *time <= LONGEST)
}

/// Networks with commas between; nothing is none.
pub(super) fn networks(text: &str) -> Option<Vec<Network>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|network| network.trim().parse().ok()).collect()
}

/// Hosts as they stand in a URL, an address of IPv6 in brackets, with commas between; nothing is none.
pub(super) fn hosts(text: &str) -> Option<Vec<String>> {
    let host = |entry: &str| {
        let host = entry.trim();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_one = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(is_name),
        };
        is_one.then(|| host.to_owned())
    };
    entries(text).map(host).collect()
}

/// Hosts as in a URL, perhaps with a port or `*` for any, with commas between; nothing is none.
pub(super) fn issuer_hosts(text: &str) -> Option<Vec<IssuerHost>> {
    entries(text).map(|entry| entry.trim().parse().ok()).collect()
}

/// `organisation/registry=file`, with commas between; nothing is none.
pub(super) fn signing_keys(text: &str) -> Option<Vec<(RegistryPlace, PathBuf)>> {
    let key = |entry: &str| {
        let (registry, file) = entry.trim().split_once('=')?;
        Some((registry.parse().ok()?, PathBuf::from(file)))
    };
    entries(text).map(key).collect()
}

/// `host=organisation/registry`, with commas between; nothing is none. Hosts are told apart without regard to case.
pub(super) fn registry_hosts(text: &str) -> Option<Vec<BoundHost>> {
    let host = |entry: &str| {
        let (host, registry) = entry.trim().split_once('=')?;
        let host = Some(host.to_ascii_lowercase()).filter(|host| !host.is_empty())?;
        Some(BoundHost { host, registry: registry.parse().ok()? })
    };
    entries(text).map(host).collect()
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(move |_| !text.trim().is_empty())
}

/// A time that somebody waits: more than none.
pub(super) fn patience(text: &str) -> Option<Duration> {
    duration(text).filter(|time| !time.is_zero())
}

/// A number above 0, and one that can be counted to.
pub(super) fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| (1..=1_000_000).contains(number))
}

#[expect(clippy::option_option, reason = "outside: is it a value; inside: is there one")]
pub(super) fn automatic(text: &str) -> Option<Option<usize>> {
    if text == "auto" { Some(None) } else { count(text).map(Some) }
}

#[expect(clippy::option_option, reason = "outside: is it a value; inside: is there one")]
pub(super) fn rate(text: &str) -> Option<Option<NonZeroU32>> {
    if text == "off" { Some(None) } else { text.parse().ok().map(NonZeroU32::new) }
}

#[expect(clippy::option_option, reason = "outside: is it a value; inside: is there one")]
pub(super) fn byte_rate(text: &str) -> Option<Option<NonZeroU64>> {
    if text == "off" { Some(None) } else { size(text).map(NonZeroU64::new) }
}

/// Enough for a request of any client, and not so much that a few of them fill the memory.
pub(super) fn head_size(text: &str) -> Option<usize> {
    size(text)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| (4 << 10..=1 << 20).contains(bytes))
}

/// Enough for a few of the largest manifests.
pub(super) fn answer_memory(text: &str) -> Option<usize> {
    size(text).and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes >= 16 << 20)
}

/// A whole number of bytes, `KiB`, `MiB`, `GiB` or `TiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let of_unit = units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits)));
    let (number, bits) = of_unit.unwrap_or((text, 0));
    let digits = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(1 << bits)
}

/// How much may be stored, in bytes: a size, or `unlimited`. It is kept as a number of 63 bits.
#[expect(clippy::option_option, reason = "outside: is it a value; inside: is there a limit")]
pub(crate) fn quota(text: &str) -> Option<Option<u64>> {
    if text == "unlimited" {
        return Some(None);
    }
    size(text).filter(|bytes| i64::try_from(*bytes).is_ok()).map(Some)
}

/// A value that may be left out: the empty text is none.
pub(super) fn if_any<T>(parse: impl FnOnce(&str) -> Option<T>) -> impl FnOnce(&str) -> Option<Option<T>> {
    |text| if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}

/// A time, or `off`.
#[expect(clippy::option_option, reason = "outside: is it a value; inside: is it on")]
pub(super) fn duration_or_off(text: &str) -> Option<Option<Duration>> {
    if matches!(text, "off" | "0") { Some(None) } else { duration(text).map(Some) }
}

/// Where traces go: plain HTTP, for a collector stands beside the server or behind a network one trusts.
pub(super) fn collector(text: &str) -> Option<String> {
    let uri: axum::http::Uri = text.parse().ok()?;
    let is_plain = uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none();
    is_plain.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_may_be_off_is_read() {
        assert_eq!(duration_or_off("off"), Some(None));
        assert_eq!(duration_or_off("0"), Some(None));
        assert_eq!(duration_or_off("5s"), Some(Some(Duration::from_secs(5))));
        assert_eq!(duration_or_off("on"), None);
        assert_eq!(if_any(listen)(""), Some(None));
        assert_eq!(if_any(listen)("nonsense"), None);
        assert_eq!(collector("http://[::1]:4318/"), Some("http://[::1]:4318".to_owned()));
        for bad in ["https://a:4318", "a:4318", "http://", "http://a/?b"] {
            assert_eq!(collector(bad), None, "{bad}");
        }
    }

    #[test]
    fn places_to_listen_are_read() {
        assert_eq!(listen("[::1]:80"), Some(Listen::Tcp("[::1]:80".to_owned())));
        assert_eq!(listen(":80"), Some(Listen::Tcp("[::]:80".to_owned())));
        assert_eq!(listen("unix:/run/w"), Some(Listen::Unix("/run/w".into())));
        for bad in ["", "80", "host", "host:", "host:99999", "unix:"] {
            assert_eq!(listen(bad), None, "{bad}");
        }
    }

    #[test]
    fn networks_are_read() {
        let read = |text: &str| networks(text).map(|networks| networks.len());
        assert_eq!((read(""), read("10.0.0.0/8, 2001:db8::/32 ,192.0.2.7")), (Some(0), Some(3)));
        for bad in ["local", "10.0.0.0/8,", "10.0.0.1/8", "example.com"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("2d"), Some(Duration::from_secs(2 * 24 * 3600)));
        for bad in ["", "s", "1", "1.5h", "-1s", "1w", "1ü", "36526d", "4294967295d", "4294967296s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(duration("36525d"), Some(LONGEST));
    }

    proptest! {
        #[test]
        fn a_time_is_its_number_of_seconds(number in any::<u32>(), unit in 0_usize..4) {
            let (unit, seconds) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)][unit];
            let expected = Duration::from_secs(u64::from(number) * seconds);
            let found = duration(&format!("{number}{unit}"));
            prop_assert_eq!(found, (expected <= LONGEST).then_some(expected));
        }

        #[test]
        fn no_text_panics_a_reader_and_what_is_listened_on_has_a_port(text in "(unix:|\\[::1\\]|[a-z.]{1,9})?\\PC{0,9}(:[0-9]{0,6})?") {
            let _ = (duration(&text), database(&text), secret_key(&text), log_format(&text));
            let _ = (create_on_push(&text), org_create(&text), deletion(&text), public_url(&text), optional(&text));
            match listen(&text) {
                Some(Listen::Tcp(address)) => {
                    let (host, port) = address.rsplit_once(':').unwrap();
                    prop_assert!(!host.is_empty() && port.parse::<u16>().is_ok());
                }
                Some(Listen::Unix(path)) => prop_assert!(!path.as_os_str().is_empty()),
                None => {}
            }
        }
    }

    #[test]
    fn sizes_and_rates_are_read() {
        assert_eq!(size("0"), Some(0));
        assert_eq!(size("32KiB"), Some(32 * 1024));
        assert_eq!(size("2GiB"), Some(2 << 30));
        for bad in ["", "KiB", "1kb", "1.5KiB", "-1", "+1", "1 KiB", "99999999999999999999", "17179869184GiB"]
        {
            assert_eq!(size(bad), None, "{bad}");
        }
        assert_eq!(
            (quota("unlimited"), quota("0"), quota("1TiB")),
            (Some(None), Some(Some(0)), Some(Some(1 << 40)))
        );
        assert_eq!((quota("off"), quota("9223372036854775808")), (None, None));
        assert_eq!((rate("0"), rate("off"), rate("x")), (Some(None), Some(None), None));
        assert_eq!((byte_rate("off"), byte_rate("0")), (Some(None), Some(None)));
        assert_eq!((automatic("auto"), automatic("0"), automatic("9")), (Some(None), None, Some(Some(9))));
    }
}
