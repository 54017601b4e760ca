//! One key: by which variables it is set, and what of its value may be shown.

/// A key of the configuration: `name` in the file, `WHARF_<NAME>` in the environment, `--<flag>` on the command
/// line.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) flag: &'static str,
    pub(crate) default: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) about: &'static str,
    pub(super) secret: Mask,
}

/// What of a value may be shown.
pub(super) enum Mask {
    Nothing,
    Password,
    Everything,
}

/// The variable by which memflow's own registry was given its key.
const MEMFLOW_KEY: &str = "MEMFLOW_PUBLIC_KEY_FILE";

impl Key {
    /// The variables that set it, the first found counts.
    pub(crate) fn variables(&self) -> Vec<String> {
        let own = format!("WHARF_{}", self.name.to_uppercase());
        match self.name {
            "log" => vec![own, "RUST_LOG".to_owned()],
            "traces_endpoint" => vec![own, "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned()],
            "listen" => vec![own, "MEMFLOW_ADDR".to_owned()],
            "signing_keys" => vec![own, MEMFLOW_KEY.to_owned()],
            _ => vec![own],
        }
    }

    /// The value that a variable gives it.
    pub(crate) fn value_of(variable: &str, value: String) -> String {
        // There one key was for the one registry there was.
        if variable == MEMFLOW_KEY { format!("library/main={value}") } else { value }
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
