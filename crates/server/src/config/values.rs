//! Text → value, for each kind of key. `None` where the text is not one.

use std::{path::PathBuf, time::Duration};

use wharf_auth::SealingKey;
use wharf_core::{Secret, gate::CreateOnPush};
use wharf_http::BaseUrl;
use wharf_registry::Deletion;

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

pub(super) fn deletion(text: &str) -> Option<Deletion> {
    match text {
        "on" => Some(Deletion::On),
        "off" => Some(Deletion::Off),
        _ => None,
    }
}

/// A number above 0.
pub(super) fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

/// A whole number and one of `s`, `m`, `h`, `d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn times_are_read() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("2d"), Some(Duration::from_secs(2 * 24 * 3600)));
        for bad in ["", "s", "1", "1.5h", "-1s", "1w", "1ü"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
