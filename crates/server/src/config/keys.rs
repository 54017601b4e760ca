//! The table of keys: the one place that names them.

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

/// The variable by which memflow's own registry was given its key.
const MEMFLOW_KEY: &str = "MEMFLOW_PUBLIC_KEY_FILE";

/// What else memflow's own registry read from the environment, and what is there in its place.
pub(crate) const REPLACED: [(&str, &str); 2] = [
    ("MEMFLOW_BEARER_TOKEN", "one word for everybody opens nothing here: give each who uploads an API token"),
    ("MEMFLOW_STORAGE_ROOT", "its plugins move in by wharf import --from-memflow"),
];

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
        name: "tls_certificate",
        flag: "tls-certificate",
        default: "",
        expected: "a file in PEM",
        about: "Speak TLS with this certificate and those that lead from it to one that clients know. Empty: plain HTTP.",
        secret: Mask::Nothing,
    },
    Key {
        name: "tls_key",
        flag: "tls-key",
        default: "",
        expected: "a file in PEM: PKCS#8, PKCS#1 or SEC1, not encrypted",
        about: "The private key of the certificate.",
        secret: Mask::Nothing,
    },
    Key {
        name: "trusted_proxies",
        flag: "trusted-proxies",
        default: "",
        expected: "addresses, networks like 10.0.0.0/8 and the word local, with commas between",
        about: "Proxies whose X-Forwarded-For, -Proto and -Host are believed; local is whoever comes over a local socket.",
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
        about: "The most connections to PostgreSQL, beside one that reads what other nodes changed; more requests wait. Together the nodes stay below max_connections.",
        secret: Mask::Nothing,
    },
    Key {
        name: "storage",
        flag: "storage",
        default: "file",
        expected: "file or s3://bucket/prefix?endpoint=…&region=…, see docs/operation.md",
        about: "Where bytes live: below data_dir, or in a bucket, with keys from the AWS_… variables.",
        secret: Mask::Password,
    },
    Key {
        name: "redirect_networks",
        flag: "redirect-networks",
        default: "",
        expected: "addresses and networks like 10.0.0.0/8, with commas between",
        about: "Only clients in these are sent to the bucket for blobs, where storage redirects; empty: all.",
        secret: Mask::Nothing,
    },
    Key {
        name: "public_url",
        flag: "public-url",
        default: "",
        expected: "http://host[:port] or https://host[:port]",
        about: "How clients reach this Wharf; Empty: from each request, as it came or as a trusted proxy says.",
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
        name: "org_create",
        flag: "org-create",
        default: "operator",
        expected: "operator or users",
        about: "Who may make organisations: the operator, or every user.",
        secret: Mask::Nothing,
    },
    Key {
        name: "personal_orgs",
        flag: "personal-orgs",
        default: "on",
        expected: "on or off",
        about: "Whether the first login of a user makes an organisation of the user's own name, where that is free.",
        secret: Mask::Nothing,
    },
    Key {
        name: "sign_up",
        flag: "sign-up",
        default: "off",
        expected: "off, invite or open",
        about: "Who may become a user without the operator's doing: nobody, whom an admin invited, or everybody.",
        secret: Mask::Nothing,
    },
    Key {
        name: "login_idle",
        flag: "login-idle",
        default: "12h",
        expected: "a time like 90s, 30m, 24h or 7d, above 0",
        about: "A login of a browser that is not used for so long ends.",
        secret: Mask::Nothing,
    },
    Key {
        name: "login_lifetime",
        flag: "login-lifetime",
        default: "7d",
        expected: "a time like 90s, 30m, 24h or 7d, above 0",
        about: "A login of a browser ends after so long, used or not.",
        secret: Mask::Nothing,
    },
    Key {
        name: "smtp_url",
        flag: "smtp-url",
        default: "",
        expected: "smtps://, smtp:// or smtp+plain://, then [user@]host[:port]",
        about: "The server that letters to users are given to: with TLS from the start, with STARTTLS, or without. It needs public_url.",
        secret: Mask::Password,
    },
    Key {
        name: "smtp_from",
        flag: "smtp-from",
        default: "",
        expected: "an e-mail address",
        about: "The address that letters are from.",
        secret: Mask::Nothing,
    },
    Key {
        name: "smtp_password_file",
        flag: "smtp-password-file",
        default: "",
        expected: "a file that holds the password",
        about: "The password of the user of smtp_url.",
        secret: Mask::Nothing,
    },
    Key {
        name: "smtp_authorities",
        flag: "smtp-authorities",
        default: "",
        expected: "a file of certificates in PEM",
        about: "Whom to believe as that server, beside the authorities of the system.",
        secret: Mask::Nothing,
    },
    Key {
        name: "signing_keys",
        flag: "signing-keys",
        default: "",
        expected: "organisation/registry=file of a public key in PEM, with commas between",
        about: "Keys that registries believe beside those added later; each is called like its file.",
        secret: Mask::Nothing,
    },
    Key {
        name: "attestation_roots",
        flag: "attestation-roots",
        default: "",
        expected: "a file: the trusted_root.json of Sigstore, or of one's own instance of it",
        about: "Whom the attestations of Python files are believed from (PEP 740). Empty: uploads that bring some are refused.",
        secret: Mask::Nothing,
    },
    Key {
        name: "issuer_hosts",
        flag: "issuer-hosts",
        default: "",
        expected: "hosts as in a URL, perhaps with a port or :* for any, with commas between",
        about: "Issuers of tokens that may be on this machine or in a private network, and need not speak TLS. All others must be in the internet.",
        secret: Mask::Nothing,
    },
    Key {
        name: "upstream_hosts",
        flag: "upstream-hosts",
        default: "",
        expected: "hosts as in a URL, without a port, with commas between",
        about: "Upstreams of proxy registries that may be on this machine or in a private network. All others must be in the internet.",
        secret: Mask::Nothing,
    },
    Key {
        name: "upstream_lifetime",
        flag: "upstream-lifetime",
        default: "10m",
        expected: "a duration like 90s, 10m, 24h or 30d",
        about: "For so long a proxy shows a page of its upstream without asking whether it still stands.",
        secret: Mask::Nothing,
    },
    Key {
        name: "upstream_kept",
        flag: "upstream-kept",
        default: "256MiB",
        expected: "a number of bytes like 256MiB",
        about: "The most that a proxy keeps of its upstream's pages, packed; what was found to stand longest ago goes first.",
        secret: Mask::Nothing,
    },
    Key {
        name: "registry_hosts",
        flag: "registry-hosts",
        default: "",
        expected: "host=organisation/registry, with commas between",
        about: "Whose plugins /plugins and /files at the root are, by the name the client uses. Under others: of the one a token is narrowed to, else library/main.",
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
        name: "audit_history",
        flag: "audit-history",
        default: "365d",
        expected: "a time like 90s, 30m, 24h or 7d, or off",
        about: "Months of the audit log that are older may be forgotten, once they were exported; off: never.",
        secret: Mask::Nothing,
    },
    Key {
        name: "audit_pulls",
        flag: "audit-pulls",
        default: "on",
        expected: "on or off",
        about: "Whether the audit log says who pulled what.",
        secret: Mask::Nothing,
    },
    Key {
        name: "event_history",
        flag: "event-history",
        default: "30d",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "The events of pushes and deletions, and what webhooks were told of them, are remembered for so long.",
        secret: Mask::Nothing,
    },
    Key {
        name: "webhook_hosts",
        flag: "webhook-hosts",
        default: "",
        expected: "hosts as in a URL, without a port, with commas between",
        about: "Webhooks may lead to these hosts although their addresses are private. Others must be in the internet.",
        secret: Mask::Nothing,
    },
    Key {
        name: "webhook_patience",
        flag: "webhook-patience",
        default: "1d",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "For so long the message of a webhook is sent again where nobody takes it.",
        secret: Mask::Nothing,
    },
    Key {
        name: "webhook_give_up",
        flag: "webhook-give-up",
        default: "5d",
        expected: "a time like 90s, 30m, 24h or 7d",
        about: "A webhook that took nothing for so long is switched off.",
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
        default: "auto",
        expected: "auto or a number from 1 to 1000000",
        about: "The most connections at once; more wait to be accepted. auto: 10000, or as many as there are descriptors for.",
        secret: Mask::Nothing,
    },
    Key {
        name: "connections_per_address",
        flag: "connections-per-address",
        default: "256",
        expected: "a number from 1 to 1000000",
        about: "The most connections of one client: an IPv4 address, or a /64 of IPv6. More are closed at once.",
        secret: Mask::Nothing,
    },
    Key {
        name: "requests_per_second",
        flag: "requests-per-second",
        default: "1000",
        expected: "a number, or off",
        about: "How often one client may ask in the long run; four seconds' worth may come at once.",
        secret: Mask::Nothing,
    },
    Key {
        name: "tls_handshake_timeout",
        flag: "tls-handshake-timeout",
        default: "10s",
        expected: "a time like 90s, 30m, 24h or 7d, above 0",
        about: "A TLS handshake must be complete after so long.",
        secret: Mask::Nothing,
    },
    Key {
        name: "header_timeout",
        flag: "header-timeout",
        default: "10s",
        expected: "a time like 90s, 30m, 24h or 7d, above 0",
        about: "A request's head must be complete after so long; a connection may idle for as long.",
        secret: Mask::Nothing,
    },
    Key {
        name: "head_size",
        flag: "head-size",
        default: "32KiB",
        expected: "a size from 4KiB to 1MiB",
        about: "The largest head of a request; on HTTP/2 it is half of that.",
        secret: Mask::Nothing,
    },
    Key {
        name: "answer_memory",
        flag: "answer-memory",
        default: "256MiB",
        expected: "a size of at least 16MiB",
        about: "How much answers may hold in memory until their readers have taken them. Beyond that whoever has kept one longest is cut off.",
        secret: Mask::Nothing,
    },
    Key {
        name: "stall_timeout",
        flag: "stall-timeout",
        default: "60s",
        expected: "a time like 90s, 30m, 24h or 7d, above 0",
        about: "How long a client may pause in a body, or take nothing of an answer.",
        secret: Mask::Nothing,
    },
    Key {
        name: "minimum_rate",
        flag: "minimum-rate",
        default: "1KiB",
        expected: "a size like 512 or 1KiB, or off",
        about: "How many bytes a second a client must send of a body or take of an answer in the long run.",
        secret: Mask::Nothing,
    },
    Key {
        name: "uploads",
        flag: "uploads",
        default: "256",
        expected: "a number from 1 to 1000000",
        about: "The most bodies taken in at once; more wait for 10 seconds.",
        secret: Mask::Nothing,
    },
    Key {
        name: "uploads_per_organisation",
        flag: "uploads-per-organisation",
        default: "64",
        expected: "a number from 1 to 1000000",
        about: "The most of them for one organisation.",
        secret: Mask::Nothing,
    },
    Key {
        name: "open_uploads_per_organisation",
        flag: "open-uploads-per-organisation",
        default: "10000",
        expected: "a number from 1 to 1000000",
        about: "The most uploads of one organisation that are begun and not finished; more are refused.",
        secret: Mask::Nothing,
    },
    Key {
        name: "failed_logins",
        flag: "failed-logins",
        default: "10",
        expected: "a number above 0",
        about: "How many wrong passwords for one login and client are heard within the window.",
        secret: Mask::Nothing,
    },
    Key {
        name: "failed_logins_window",
        flag: "failed-logins-window",
        default: "5m",
        expected: "a time like 90s, 30m, 24h or 7d, above 0",
        about: "The window.",
        secret: Mask::Nothing,
    },
    Key {
        name: "password_queue",
        flag: "password-queue",
        default: "32",
        expected: "a number from 1 to 1000000",
        about: "How many password checks may wait for a core, 19 MiB each; more are refused.",
        secret: Mask::Nothing,
    },
    Key {
        name: "metrics_listen",
        flag: "metrics-listen",
        default: "",
        expected: "host:port, :port or unix:/path",
        about: "Where to show metrics to whoever asks. Empty: only at /metrics of the main address, to operators.",
        secret: Mask::Nothing,
    },
    Key {
        name: "metrics_token_file",
        flag: "metrics-token-file",
        default: "",
        expected: "a file that holds at least 16 characters",
        about: "Whoever shows this token as Bearer may read /metrics of the main address too.",
        secret: Mask::Nothing,
    },
    Key {
        name: "slow_request",
        flag: "slow-request",
        default: "5s",
        expected: "a time like 90s, 30m, 24h or 7d, or off",
        about: "A request whose answer begins later than that is named in the log; waiting for its body does not count.",
        secret: Mask::Nothing,
    },
    Key {
        name: "traces_endpoint",
        flag: "traces-endpoint",
        default: "",
        expected: "http://host:port",
        about: "A collector that takes traces (OTLP over HTTP). Falls back to OTEL_EXPORTER_OTLP_ENDPOINT.",
        secret: Mask::Nothing,
    },
];

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
