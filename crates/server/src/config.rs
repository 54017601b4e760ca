//! The configuration: defaults, under `wharf.toml`, under the environment, under flags; each value with its origin.

mod file;
mod key;
mod keys;
mod limits;
mod people;
mod values;

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use wharf_auth::SealingKey;
use wharf_blobs::S3Settings;
use wharf_core::{
    Error, Kind, Network, RegistryPlace, Result, Secret,
    gate::{CreateOnPush, Founders},
};
use wharf_http::{BaseUrl, BoundHost, Proxies};
use wharf_outbound::IssuerHost;
use wharf_registry::{AuditPulls, Deletion};

pub(crate) use self::{
    key::Key,
    keys::{KEYS, REPLACED, example},
    limits::Limits,
    people::{Letters, People},
    values::{duration, quota},
};
use crate::{failure::Failure, first_start::PASSWORD_VARIABLE, listener::Files, world};

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "wharf.toml";
/// The server that commands ask, where they are not told.
pub(crate) const SERVER_VARIABLE: &str = "WHARF_SERVER";
/// Variables that are read, but not as settings.
const NO_SETTINGS: [&str; 2] = [PASSWORD_VARIABLE, SERVER_VARIABLE];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// Which database.
#[derive(Clone, Debug)]
pub(crate) enum DatabaseChoice {
    Sqlite,
    Postgres(Secret<String>),
}

/// Where bytes live.
#[derive(Clone, Debug)]
pub(crate) enum StorageChoice {
    File,
    S3(Box<S3Settings>),
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(String),
    Unix(PathBuf),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

/// The effective configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: Listen,
    pub(crate) tls: Option<Files>,
    pub(crate) trusted_proxies: Proxies,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: DatabaseChoice,
    pub(crate) database_password_file: Option<PathBuf>,
    pub(crate) database_connections: usize,
    pub(crate) storage: StorageChoice,
    pub(crate) redirect_networks: Vec<Network>,
    pub(crate) public_url: BaseUrl,
    pub(crate) secret_key: Option<SealingKey>,
    pub(crate) secret_key_file: Option<PathBuf>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    pub(crate) create_on_push: CreateOnPush,
    pub(crate) org_create: Founders,
    /// In bytes; none: as much as it likes.
    pub(crate) organisation_quota: Option<u64>,
    pub(crate) people: People,
    pub(crate) signing_keys: Vec<(RegistryPlace, PathBuf)>,
    pub(crate) attestation_roots: Option<PathBuf>,
    pub(crate) registry_hosts: Vec<BoundHost>,
    pub(crate) issuer_hosts: Vec<IssuerHost>,
    /// Upstreams that may be in a private network.
    pub(crate) upstream_hosts: Vec<String>,
    /// How long what an upstream said is not asked again.
    pub(crate) upstream_lifetime: Duration,
    /// How many bytes of what the upstream of one registry said are kept.
    pub(crate) upstream_kept: u64,
    pub(crate) deletion: Deletion,
    pub(crate) upload_expiry: Duration,
    pub(crate) collection_delay: Duration,
    pub(crate) object_grace: Duration,
    pub(crate) empty_repository_expiry: Duration,
    pub(crate) tag_history: Duration,
    /// None: for ever.
    pub(crate) audit_history: Option<Duration>,
    pub(crate) audit_pulls: AuditPulls,
    pub(crate) event_history: Duration,
    pub(crate) webhook_hosts: Vec<String>,
    pub(crate) webhook_patience: Duration,
    pub(crate) webhook_give_up: Duration,
    pub(crate) housekeeping_interval: Duration,
    /// None: no blob is read again by itself.
    pub(crate) scrub_interval: Option<Duration>,
    pub(crate) shutdown_grace: Duration,
    pub(crate) limits: Limits,
    pub(crate) metrics_listen: Option<Listen>,
    pub(crate) metrics_token_file: Option<PathBuf>,
    /// None: no request is called slow.
    pub(crate) slow_request: Option<Duration>,
    pub(crate) traces_endpoint: Option<String>,
}

impl Config {
    /// A link that was given out must not outlive the bytes that it leads to.
    fn expect_links_to_end(&self) -> Result<()> {
        let StorageChoice::S3(settings) = &self.storage else { return Ok(()) };
        match settings.redirect_lifetime() {
            Some(lifetime) if lifetime >= self.object_grace => {
                let (lifetime, grace) = (lifetime.as_secs(), self.object_grace.as_secs());
                let message = format!(
                    "redirect_lifetime is {lifetime} s and must be shorter than object_grace, which is {grace} s: \
                     a link would outlive the bytes it leads to"
                );
                Err(Error::new(Kind::Invalid, message))
            }
            _ => Ok(()),
        }
    }
}

/// Every value as written, with its origin.
pub(crate) struct RawValues(BTreeMap<&'static str, (String, Origin)>);

impl RawValues {
    /// Gathers the values. `flags` are those given on the command line; `file` is named there, or none.
    ///
    /// # Errors
    /// `Invalid` for a file that cannot be read or holds a key that is none.
    pub(crate) fn gather(flags: &[(&'static str, String)], file: Option<PathBuf>) -> Result<Self> {
        let mut values: BTreeMap<_, _> =
            KEYS.iter().map(|key| (key.name, (key.default.to_owned(), Origin::Default))).collect();
        for (name, value, path) in file::read(file, DEFAULT_FILE)? {
            values.insert(name, (value, Origin::File(path)));
        }
        for key in KEYS {
            for variable in key.variables() {
                if let Some(value) = world::variable(&variable) {
                    let value = Key::value_of(&variable, value);
                    values.insert(key.name, (value, Origin::Environment(variable)));
                    break;
                }
            }
        }
        for (name, value) in flags {
            if let Some(key) = KEYS.iter().find(|key| key.name == *name) {
                values.insert(key.name, (value.clone(), Origin::Flag(key.flag)));
            }
        }
        Ok(Self(values))
    }

    /// Variables of the environment that look like settings and are none, for a typing error is told by nobody else.
    pub(crate) fn unknown_variables() -> Vec<String> {
        let known = |name: &str| {
            NO_SETTINGS.contains(&name)
                || KEYS.iter().any(|key| key.variables().iter().any(|variable| variable == name))
        };
        let names = world::variables().map(|(name, _)| name);
        names.filter(|name| name.starts_with("WHARF_") && !known(name)).collect()
    }

    /// Variables of memflow's own registry that are set and are no settings here, each with what is in its place.
    pub(crate) fn replaced_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
        REPLACED.into_iter().filter(|(name, _)| world::variable(name).is_some())
    }

    /// Each key with its value, secrets masked, and origin.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static str, String, &Origin)> {
        KEYS.iter().filter_map(|key| {
            let (value, origin) = self.0.get(key.name)?;
            Some((key.name, key.masked(value), origin))
        })
    }

    /// The configuration these values are.
    ///
    /// # Errors
    /// With the key, its origin and what it must be: `Usage` where that is a flag, else `Invalid`.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let config = self.values()?;
        config.expect_links_to_end()?;
        Ok(config)
    }

    fn values(&self) -> Result<Config, Failure> {
        Ok(Config {
            listen: self.read("listen", values::listen)?,
            tls: self.tls()?,
            trusted_proxies: self.read("trusted_proxies", |text| text.parse().ok())?,
            data_dir: self.read("data_dir", |text| Some(PathBuf::from(text)))?,
            database: self.read("database", values::database)?,
            database_password_file: self
                .read("database_password_file", |text| Some(values::optional(text).map(PathBuf::from)))?,
            database_connections: self.read("database_connections", values::count)?,
            storage: self.storage()?,
            redirect_networks: self.read("redirect_networks", values::networks)?,
            public_url: self.read("public_url", values::public_url)?,
            secret_key: self.read("secret_key", values::secret_key)?,
            secret_key_file: self
                .read("secret_key_file", |text| Some(values::optional(text).map(PathBuf::from)))?,
            log: self.read("log", |text| Some(text.to_owned()))?,
            log_format: self.read("log_format", values::log_format)?,
            create_on_push: self.read("create_on_push", values::create_on_push)?,
            org_create: self.read("org_create", values::org_create)?,
            organisation_quota: self.read("organisation_quota", values::quota)?,
            people: People::read(self)?,
            signing_keys: self.read("signing_keys", values::signing_keys)?,
            attestation_roots: self
                .read("attestation_roots", |text| Some(values::optional(text).map(PathBuf::from)))?,
            registry_hosts: self.read("registry_hosts", values::registry_hosts)?,
            issuer_hosts: self.read("issuer_hosts", values::issuer_hosts)?,
            upstream_hosts: self.read("upstream_hosts", values::hosts)?,
            upstream_lifetime: self.read("upstream_lifetime", values::duration)?,
            upstream_kept: self.read("upstream_kept", values::size)?,
            deletion: self.read("deletion", values::deletion)?,
            upload_expiry: self.read("upload_expiry", values::duration)?,
            collection_delay: self.read("collection_delay", values::duration)?,
            object_grace: self.read("object_grace", values::duration)?,
            empty_repository_expiry: self.read("empty_repository_expiry", values::duration)?,
            tag_history: self.read("tag_history", values::duration)?,
            audit_history: self.read("audit_history", values::duration_or_off)?,
            audit_pulls: self.read("audit_pulls", values::audit_pulls)?,
            event_history: self.read("event_history", values::duration)?,
            webhook_hosts: self.read("webhook_hosts", values::hosts)?,
            webhook_patience: self.read("webhook_patience", values::duration)?,
            webhook_give_up: self.read("webhook_give_up", values::duration)?,
            housekeeping_interval: self.read("housekeeping_interval", |text| {
                values::duration(text).filter(|rest| !rest.is_zero())
            })?,
            scrub_interval: self.read("scrub_interval", |text| {
                values::duration_or_off(text).filter(|time| time.is_none_or(|time| !time.is_zero()))
            })?,
            shutdown_grace: self.read("shutdown_grace", values::duration)?,
            limits: Limits::read(self)?,
            metrics_listen: self.read("metrics_listen", values::if_any(values::listen))?,
            metrics_token_file: self
                .read("metrics_token_file", |text| Some(values::optional(text).map(PathBuf::from)))?,
            slow_request: self.read("slow_request", values::duration_or_off)?,
            traces_endpoint: self.read("traces_endpoint", values::if_any(values::collector))?,
        })
    }

    /// A storage URL has many parts, so what is wrong with it is said by whoever reads it.
    fn storage(&self) -> Result<StorageChoice, Failure> {
        let text = self.read("storage", |text| Some(text.to_owned()))?;
        match text.as_str() {
            "file" => Ok(StorageChoice::File),
            url if url.starts_with("s3:") => {
                let settings = S3Settings::parse(url, world::variables())?;
                Ok(StorageChoice::S3(Box::new(settings)))
            }
            _ => self.read("storage", |_| None),
        }
    }

    /// Where certificate and key lie: both are given, or neither.
    fn tls(&self) -> Result<Option<Files>, Failure> {
        let path = |name| self.read(name, |text| Some(values::optional(text).map(PathBuf::from)));
        let half = |words: &str| Err(Error::new(Kind::Invalid, words).into());
        match (path("tls_certificate")?, path("tls_key")?) {
            (Some(certificate), Some(key)) => Ok(Some(Files { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => half("tls_certificate is given, but no tls_key"),
            (None, Some(_)) => half("tls_key is given, but no tls_certificate"),
        }
    }

    fn read<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Failure> {
        let (value, origin) = self.0.get(name).ok_or_else(|| Error::internal("a key is not in the table"))?;
        let expected = KEYS.iter().find(|key| key.name == name).map_or("", |key| key.expected);
        parse(value).ok_or_else(|| {
            let words = format!("{name} (from {origin}) must be {expected}");
            match origin {
                Origin::Flag(_) => Failure::Usage(words),
                _ => Error::new(Kind::Invalid, words).into(),
            }
        })
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write the files they read")]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nconnections = 7\n").unwrap();
        let flags = [("listen", "127.0.0.1:2".to_owned())];
        let raw = RawValues::gather(&flags, Some(file.clone())).unwrap();
        let config = raw.config().unwrap();
        assert_eq!(config.listen, Listen::Tcp("127.0.0.1:2".to_owned()));
        assert_eq!(config.limits.connections, Some(7));
        let origin = |name: &str| raw.shown().find(|(shown, ..)| *shown == name).unwrap().2.to_string();
        assert_eq!(origin("listen"), "--listen");
        assert_eq!(origin("connections"), file.display().to_string());
        assert_eq!(origin("data_dir"), "default");
    }

    #[test]
    fn an_unknown_key_and_a_wrong_value_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.toml");
        std::fs::write(&file, "lisen = \"x\"\n").unwrap();
        let error = RawValues::gather(&[], Some(file)).err().unwrap();
        assert!(error.message().contains("lisen"), "{error}");
        let flags = [("upload_expiry", "soon".to_owned())];
        let error = RawValues::gather(&flags, None).unwrap().config().unwrap_err();
        assert!(error.to_string().contains("upload_expiry (from --upload-expiry) must be"), "{error}");
    }

    #[test]
    fn limits_that_would_let_nobody_in_are_refused() {
        for (key, value) in [
            ("connections", "0"),
            ("connections_per_address", "none"),
            ("requests_per_second", "-1"),
            ("head_size", "1KiB"),
            ("header_timeout", "0s"),
            ("minimum_rate", "1 KiB"),
            ("failed_logins", "0"),
            ("trusted_proxies", "proxy.example"),
        ] {
            let error = RawValues::gather(&[(key, value.to_owned())], None).unwrap().config().unwrap_err();
            assert!(error.to_string().starts_with(key), "{error}");
        }
    }

    #[test]
    fn half_of_a_pair_of_certificate_and_key_is_refused() {
        for half in ["tls_certificate", "tls_key"] {
            let error = RawValues::gather(&[(half, "x.pem".to_owned())], None).unwrap().config().unwrap_err();
            assert!(error.to_string().starts_with(&format!("{half} is given, but no tls_")), "{error}");
        }
    }

    #[test]
    fn a_storage_url_is_read_and_its_mistakes_are_named() {
        let storage = |text: &str| {
            let flags = [("storage", text.to_owned())];
            RawValues::gather(&flags, None).unwrap().config().map(|config| config.storage)
        };
        assert!(matches!(storage("file"), Ok(StorageChoice::File)));
        assert!(matches!(storage("s3://acme/images?region=eu-north-1"), Ok(StorageChoice::S3(_))));
        let error = storage("s3://acme?reggion=eu-north-1").unwrap_err();
        assert!(error.to_string().contains("no parameter reggion"), "{error}");
        let error = storage("/srv/blobs").unwrap_err();
        assert!(error.to_string().contains("storage (from --storage) must be file or s3://"), "{error}");
    }

    #[test]
    fn a_link_that_would_outlive_its_bytes_is_refused() {
        let config = |storage: &str, grace: &str| {
            let flags = [("storage", storage.to_owned()), ("object_grace", grace.to_owned())];
            RawValues::gather(&flags, None).unwrap().config()
        };
        let error = config("s3://acme?redirect_lifetime=90s", "90s").unwrap_err();
        assert!(error.to_string().starts_with("redirect_lifetime is 90 s and must be shorter"), "{error}");
        assert!(config("s3://acme?redirect_lifetime=90s", "91s").is_ok());
        assert!(config("s3://acme?redirect_lifetime=90s&redirect=off", "1s").is_ok());
        assert!(config("file", "1s").is_ok());
    }

    #[test]
    fn secrets_are_masked() {
        let flags = [
            ("database", "postgres://me:hunter2@db/wharf?password=hunter2".to_owned()),
            ("secret_key", "aGVsbG8=".to_owned()),
        ];
        let raw = RawValues::gather(&flags, None).unwrap();
        let shown: String = raw.shown().map(|(_, value, _)| value).collect();
        assert!(!shown.contains("hunter2") && !shown.contains("aGVsbG8="), "{shown}");
        assert!(shown.contains("postgres://me:***@db/wharf?***"));
    }

    #[test]
    fn the_checked_in_example_lists_every_key() {
        let example_file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wharf.example.toml");
        let checked_in = std::fs::read_to_string(example_file).unwrap();
        assert_eq!(checked_in, example(), "write it anew: wharf config --example > wharf.example.toml");
    }
}
