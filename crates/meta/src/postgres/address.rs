//! The database's URL, read: libpq's words, as far as they mean something here.
//!
//! No error repeats a part of the URL, for any part may be a piece of a password that was not percent-encoded.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use wharf_core::{Error, Kind, Result};

use super::tls::{Mode, Roots, Tls};

/// What a URL looks like.
const SHAPE: &str = "database must be a URL like postgres://user:password@host:5432/name; \
                     percent-encode what is special in the password";
/// The parameters the driver reads itself.
const DRIVERS: &[&str] = &[
    "user",
    "password",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "application_name",
    "options",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "channel_binding",
    "load_balance_hosts",
];

/// A URL, read.
pub(super) struct Address {
    /// Everything for the driver, with ends to its waits.
    pub(super) config: Config,
    /// How to speak TLS.
    pub(super) tls: Tls,
    /// The hosts with their ports, for people.
    pub(super) hosts: String,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// `Invalid`, without a word of the URL's.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        expect_encoded(base, query)?;
        let (mut ours, mut drivers) = (Parameters::default(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| invalid(SHAPE))?;
            if DRIVERS.contains(&name) {
                drivers.push(pair);
            } else {
                ours.set(name, &decoded(value)?)?;
            }
        }
        let mut config: Config =
            format!("{base}?{}", drivers.join("&")).parse().map_err(|_| invalid(SHAPE))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("database names no host"));
        }
        let tls = ours.tls(&config)?;
        config.ssl_mode(match tls.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        end_waits(&mut config);
        let hosts = hosts(&config);
        Ok(Self { config, tls, hosts })
    }
}

/// The parameters that are read here.
#[derive(Default)]
struct Parameters {
    mode: Option<Mode>,
    roots: Option<Roots>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Parameters {
    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "sslmode" => self.mode = Some(mode(value)?),
            "sslrootcert" if value == "system" => self.roots = Some(Roots::System),
            "sslrootcert" => self.roots = Some(Roots::File(PathBuf::from(value))),
            "sslcert" => self.certificate = Some(PathBuf::from(value)),
            "sslkey" => self.key = Some(PathBuf::from(value)),
            "target_session_attrs" if ["any", "read-write", "primary"].contains(&value) => {}
            "target_session_attrs" => {
                return Err(invalid("target_session_attrs must be read-write: Wharf writes"));
            }
            _ => {
                let known = DRIVERS.join(", ");
                return Err(invalid(format!(
                    "database has a parameter that Wharf does not know; it knows sslmode, sslrootcert, sslcert, \
                     sslkey, target_session_attrs, {known}"
                )));
            }
        }
        Ok(())
    }

    /// What they mean together.
    fn tls(self, config: &Config) -> Result<Tls> {
        let local = config.get_hostaddrs().is_empty()
            && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let mode = match (self.mode.unwrap_or(Mode::Prefer), &self.roots) {
            // A local socket has no network to be protected from, and the server offers no TLS there.
            _ if local => Mode::Disable,
            // As in libpq: whoever names an authority wants it asked.
            (Mode::Require, Some(Roots::File(_))) => Mode::VerifyCa,
            (mode @ (Mode::Prefer | Mode::Require | Mode::VerifyCa), Some(Roots::System)) => {
                let weak =
                    "sslrootcert=system needs sslmode=verify-full: anybody can have a public certificate";
                return if mode == Mode::Prefer && self.mode.is_none() {
                    Err(invalid("sslrootcert needs an sslmode: verify-full, say"))
                } else {
                    Err(invalid(weak))
                };
            }
            (Mode::VerifyCa | Mode::VerifyFull, None) => {
                return Err(invalid("sslmode=verify-… needs sslrootcert: a file in PEM, or system"));
            }
            (mode, _) => mode,
        };
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(invalid("sslcert and sslkey belong together")),
        };
        Ok(Tls { mode, roots: self.roots, identity })
    }
}

fn mode(word: &str) -> Result<Mode> {
    match word {
        "disable" => Ok(Mode::Disable),
        "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => Err(invalid("sslmode must be disable, prefer, require, verify-ca or verify-full")),
    }
}

/// Refuses a URL whose password ends before it is over: the rest of it would be taken for the host, and shown.
fn expect_encoded(base: &str, query: &str) -> Result<()> {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    let (authority, path) = authority.split_once('/').unwrap_or((authority, ""));
    match authority.matches('@').count() > 1 || path.contains('@') || query.contains('@') {
        true => Err(invalid(SHAPE)),
        false => Ok(()),
    }
}

/// Gives every wait of the driver's an end, unless the URL gave it one, and asks for a host that takes writes.
fn end_waits(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(2));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(5));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(Duration::from_secs(10)).keepalives_interval(Duration::from_secs(3));
        config.keepalives_retries(3);
    }
    if config.get_application_name().is_none() {
        config.application_name("wharf");
    }
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
}

/// `one:5432,two:5433`
fn hosts(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let addresses = config.get_hostaddrs().iter().map(|address| Cow::from(address.to_string()));
    let names = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => Cow::from(name),
        Host::Unix(path) => path.to_string_lossy(),
    });
    let all: Vec<_> = if config.get_hosts().is_empty() { addresses.collect() } else { names.collect() };
    let all = all.iter().enumerate().map(|(index, host)| format!("{host}:{}", port(index)));
    all.collect::<Vec<_>>().join(",")
}

fn decoded(value: &str) -> Result<Cow<'_, str>> {
    percent_decode_str(value).decode_utf8().map_err(|_| invalid(SHAPE))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Address {
        Address::parse(url).unwrap()
    }

    #[test]
    fn the_modes_are_those_of_libpq_and_an_authority_that_is_named_is_asked() {
        let mode = |query: &str| parsed(&format!("postgres://me@db/wharf{query}")).tls.mode;
        assert_eq!(mode(""), Mode::Prefer);
        assert_eq!(mode("?sslmode=disable"), Mode::Disable);
        assert_eq!(mode("?sslmode=require"), Mode::Require);
        assert_eq!(mode("?sslmode=require&sslrootcert=/ca.pem"), Mode::VerifyCa);
        assert_eq!(mode("?sslmode=verify-full&sslrootcert=system"), Mode::VerifyFull);
        assert_eq!(parsed("postgres://me@%2Frun%2Fpg/wharf?sslmode=require").tls.mode, Mode::Disable);
    }

    #[test]
    fn several_hosts_and_sockets_are_named_with_their_ports() {
        assert_eq!(
            parsed("postgres://me@one:1,two:2/wharf?target_session_attrs=read-write").hosts,
            "one:1,two:2"
        );
        assert_eq!(parsed("postgres://me@/wharf?host=/run/pg").hosts, "/run/pg:5432");
        assert_eq!(parsed("postgres://me@/wharf?hostaddr=::1&port=7").hosts, "::1:7");
    }

    #[test]
    fn what_is_wrong_is_said_without_a_word_of_the_password() {
        for query in [
            "sslmode=allow",
            "sslmode=verify-full",
            "sslmode=require&sslrootcert=system",
            "sslcert=/me.pem",
            "target_session_attrs=read-only",
            "hunter3=1",
            "hunter3",
            "port=hunter3",
        ] {
            let error = Address::parse(&format!("postgres://me:hunter2@db/wharf?{query}")).err().unwrap();
            assert_eq!(error.kind(), Kind::Invalid, "{query}");
            assert!(!format!("{error:?}").contains("hunter"), "{query}: {error:?}");
        }
        assert!(Address::parse("postgres:///wharf").is_err());
        for special in ["hun/ter", "hun?ter", "hun@ter"] {
            let error = Address::parse(&format!("postgres://me:{special}@db/wharf")).err().unwrap();
            assert!(error.message().contains("percent-encode"), "{special}: {error:?}");
        }
    }
}
