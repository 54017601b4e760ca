//! The table of keys: the one place that names them.

use std::path::PathBuf;

use toml::{Table, Value};
use wharf_core::{Error, Kind, Result};

/// A key of the configuration: `name` in the file, `WHARF_<NAME>` in the environment, `--<flag>` on the command
/// line.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) flag: &'static str,
    pub(crate) default: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) about: &'static str,
    secret: Mask,
}

/// What of a value may be shown.
enum Mask {
    Nothing,
    Password,
    Everything,
}

/// Every key.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "listen",
        flag: "listen",
        default: "127.0.0.1:8080",
        expected: "host:port, :port or unix:/path",
        about: "Where to listen; :8080 listens on every address.",
        secret: Mask::Nothing,
    },
    Key {
        name: "data_dir",
        flag: "data-dir",
        default: "./wharf-data",
        expected: "a folder",
        about: "Where the SQLite database and the blobs live. Made if it is not there.",
        secret: Mask::Nothing,
    },
    Key {
        name: "database",
        flag: "database",
        default: "sqlite",
        expected: "sqlite or postgres://user:password@host:5432/name",
        about: "Where truth lives. PostgreSQL 14 or newer; the parameters of the URL (sslmode and more) are libpq's.",
        secret: Mask::Password,
    },
    Key {
        name: "database_password_file",
        flag: "database-password-file",
        default: "",
        expected: "a file that holds the password of the database",
        about: "Instead of a password in the URL. Read for each new connection, so that it can be changed meanwhile.",
        secret: Mask::Nothing,
    },
    Key {
        name: "database_connections",
        flag: "database-connections",
        default: "16",
        expected: "a number above 0",
        about: "The most connections to PostgreSQL; more requests wait. Together the nodes stay below max_connections.",
        secret: Mask::Nothing,
    },
    Key {
        name: "storage",
        flag: "storage",
        default: "file",
        expected: "file (S3 is planned)",
        about: "Where bytes live.",
        secret: Mask::Password,
    },
    Key {
        name: "public_url",
        flag: "public-url",
        default: "",
        expected: "http://host[:port] or https://host[:port]",
        about: "How clients reach this Wharf; needed behind a proxy that ends TLS. Empty: from each request's Host.",
        secret: Mask::Nothing,
    },
    Key {
        name: "secret_key",
        // The arguments of a process can be read by every user of the machine.
        flag: "",
        default: "",
        expected: "32 bytes in base64",
        about: "Seals secrets at rest. Empty: the file below.",
        secret: Mask::Everything,
    },
    Key {
        name: "secret_key_file",
        flag: "secret-key-file",
        default: "",
        expected: "a file that holds 32 bytes in base64",
        about: "Empty: <data_dir>/secret-key, made at the first start on SQLite.",
        secret: Mask::Nothing,
    },
    Key {
        name: "log",
        flag: "log",
        default: "info",
        expected: "error, warn, info, debug or trace, also by part: info,wharf_oci=debug",
        about: "What to log. Falls back to RUST_LOG.",
        secret: Mask::Nothing,
    },
    Key {
        name: "log_format",
        flag: "log-format",
        default: "auto",
        expected: "auto, text or json",
        about: "How log lines look. auto: text on a terminal, else json.",
        secret: Mask::Nothing,
    },
    Key {
        name: "create_on_push",
        flag: "create-on-push",
        default: "operator",
        expected: "operator or off",
        about: "Whether the operator's push creates the organisation and registry it names.",
        secret: Mask::Nothing,
    },
    Key {
        name: "deletion",
        flag: "deletion",
        default: "on",
        expected: "on or off",
        about: "Whether tags, manifests and blobs can be deleted through the API.",
        secret: Mask::Nothing,
    },
    Key {
        name: "upload_expiry",
        flag: "upload-expiry",
        default: "24h",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "An upload nobody touched for so long is given up.",
        secret: Mask::Nothing,
    },
    Key {
        name: "collection_delay",
        flag: "collection-delay",
        default: "24h",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "A blob that no manifest needs is taken away no sooner than this after it was last named.",
        secret: Mask::Nothing,
    },
    Key {
        name: "object_grace",
        flag: "object-grace",
        default: "1h",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "The bytes of a blob that is gone are kept for so long, for readers that still have them open.",
        secret: Mask::Nothing,
    },
    Key {
        name: "empty_repository_expiry",
        flag: "empty-repository-expiry",
        default: "24h",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "A repository that stays empty for so long is removed.",
        secret: Mask::Nothing,
    },
    Key {
        name: "tag_history",
        flag: "tag-history",
        default: "30d",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "Where a tag pointed before is remembered for so long.",
        secret: Mask::Nothing,
    },
    Key {
        name: "housekeeping_interval",
        flag: "housekeeping-interval",
        default: "60s",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "How long the housekeeping and the collector rest between two rounds.",
        secret: Mask::Nothing,
    },
    Key {
        name: "header_timeout",
        flag: "header-timeout",
        default: "10s",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "A request's head must be complete after so long.",
        secret: Mask::Nothing,
    },
    Key {
        name: "shutdown_grace",
        flag: "shutdown-grace",
        default: "30s",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "How long a stopping server lets running requests finish.",
        secret: Mask::Nothing,
    },
    Key {
        name: "connections",
        flag: "connections",
        default: "4096",
        expected: "a number above 0",
        about: "The most connections at once; more wait to be accepted.",
        secret: Mask::Nothing,
    },
];

impl Key {
    /// The variables that set it, the first found counts.
    pub(crate) fn variables(&self) -> Vec<String> {
        let own = format!("WHARF_{}", self.name.to_uppercase());
        if self.name == "log" { vec![own, "RUST_LOG".to_owned()] } else { vec![own] }
    }

    /// The value as it may be shown.
    pub(crate) fn masked(&self, value: &str) -> String {
        match self.secret {
            Mask::Everything if !value.is_empty() => "***".to_owned(),
            Mask::Password => mask_password(value),
            Mask::Nothing | Mask::Everything => value.to_owned(),
        }
    }
}

/// `scheme://user:***@rest`, and nothing of a query, which may hold a password too.
fn mask_password(url: &str) -> String {
    let url = url.split_once('?').map_or_else(|| url.to_owned(), |(url, _)| format!("{url}?***"));
    let masked = url.split_once("://").and_then(|(scheme, rest)| {
        let (login, host) = rest.rsplit_once('@')?;
        let user = login.split(':').next()?;
        Some(format!("{scheme}://{user}:***@{host}"))
    });
    masked.unwrap_or(url)
}

/// The text of `wharf.example.toml`.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# Every key of Wharf's configuration with its default. Each can also be given as the environment variable\n\
         # WHARF_<KEY> and, but for the secret key, as a flag; flags win over the environment, and that over this file.\n",
    );
    for key in KEYS {
        text += &format!("\n# {}\n# {}\n#{} = \"{}\"\n", key.about, key.expected, key.name, key.default);
    }
    text
}

/// The keys of a file: of the named one, which must be there, or of the default one, which need not.
#[allow(clippy::disallowed_methods, reason = "the configuration is a file")]
pub(super) fn read_file(
    named: Option<PathBuf>,
    default: &str,
) -> Result<Vec<(&'static str, String, PathBuf)>> {
    let path = named.clone().unwrap_or_else(|| PathBuf::from(default));
    let wrong = |what: String| Error::new(Kind::Invalid, format!("{}: {what}", path.display()));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    let table: Table = text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    let entry = |(name, value): (String, Value)| {
        let key = KEYS.iter().find(|key| key.name == name);
        let key = key.ok_or_else(|| wrong(format!("there is no key {name}; wharf config lists them")))?;
        let value = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            _ => return Err(wrong(format!("{name} must be {}", key.expected))),
        };
        Ok((key.name, value, path.clone()))
    };
    table.into_iter().map(entry).collect()
}
