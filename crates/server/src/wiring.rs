//! Putting stores, engines and faces together.

use std::{path::Path, sync::Arc, time::Duration};

use axum::Router;
use wharf_auth::{Auth, SERVICE, Sealer, SealingKey, port::Postman};
use wharf_core::{Clock as _, Entropy, Error, Kind, Result, Secret, audit::Notebook};
use wharf_http::BaseUrl;
use wharf_memflow::{Memflow, Plugins};
use wharf_meta::{Database, PostgresSettings};
use wharf_outbound::{Door, Fetcher, IssuerDoor, Policy, Post, PostSettings, Trust};
use wharf_pypi::{Distributions, Notary};
use wharf_registry::{
    Parts, Registry, Settings,
    audit::{AuditLog, AuditParts},
    format::Format,
    port::BlobStore,
    upstream::{UpstreamSettings, Upstreams},
    webhooks::{WebhookParts, Webhooks},
};
use wharf_signing::{AttestationRoots, NewKey, PublicKey, Signing};

use crate::{
    config::{Config, DatabaseChoice, Letters},
    control::Desk,
    data_dir::{DataDir, read_key},
    endpoints, file_system, formats,
    front::LargestHead,
    layers::{self, Observer},
    listener::{Counts, Room},
    metrics::{self, Door as MetricsDoor, JobMeters, MeteredParts, Metrics, Process, RequestMeters},
    operation::{self, Durability, Operation},
    storage::Storage,
    world::{SystemClock, SystemEntropy},
};

/// So many rounds of the housekeeping may fail to begin before another node takes it over.
const ROUNDS: u32 = 3;

/// Both stores.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) database: Database,
    pub(crate) storage: Storage,
    /// What the engines on them note for the audit log.
    notebook: Arc<Notebook>,
}

impl Stores {
    /// Puts a database beside a storage, made where it is not there. The storage comes first, so that one that cannot be
    /// used leaves no database behind.
    pub(crate) async fn open(config: &Config, data_dir: &DataDir, storage: Storage) -> Result<Self> {
        let database = match &config.database {
            DatabaseChoice::Sqlite => {
                data_dir.keep_ballast()?;
                Database::sqlite(&data_dir.database(), &data_dir.ballast())?
            }
            DatabaseChoice::Postgres(url) => {
                let settings = PostgresSettings {
                    url: url.clone(),
                    password_file: config.database_password_file.clone(),
                    connections: config.database_connections,
                };
                Database::postgres(settings).await?
            }
        };
        let database = database.with_organisation_quota(config.organisation_quota)?;
        Ok(Self { database, storage, notebook: Arc::default() })
    }

    /// Opens them for a Wharf that is to serve from them, with the key that seals its secrets. A storage that is not its
    /// own is refused before anything is made or written, for a restore needs an empty database.
    async fn open_own(
        config: &Config,
        data_dir: &DataDir,
        entropy: &dyn Entropy,
    ) -> Result<(Self, SealingKey)> {
        let storage = Storage::open(config, data_dir, entropy).await?;
        if is_without_database(config, data_dir) {
            storage.expect_free().await?;
        }
        let key = sealing_key(config, data_dir, entropy)?;
        let stores = Self::open(config, data_dir, storage).await?;
        stores.database.expect_whole().await?;
        stores.storage.expect_own(&stores.database).await?;
        Ok((stores, key))
    }

    /// The bytes.
    pub(crate) fn blobs(&self) -> Arc<dyn BlobStore> {
        self.storage.blobs()
    }

    /// Which keys registries believe.
    pub(crate) fn signing(&self, config: &Config) -> Result<Signing> {
        let given =
            config.signing_keys.iter().map(|(registry, file)| Ok((registry.clone(), given_key(file)?)));
        Ok(Signing::new(wharf_signing::Parts {
            keys: Arc::new(self.database.clone()),
            given: given.collect::<Result<_>>()?,
            clock: Arc::new(SystemClock),
        }))
    }

    /// The registry on them, which understands these formats.
    pub(crate) fn registry(
        &self,
        config: &Config,
        formats: Vec<Arc<dyn Format>>,
        node: String,
        entropy: Arc<dyn Entropy>,
    ) -> Registry {
        let settings = settings(config, node);
        Registry::new(Parts {
            store: Arc::new(self.database.clone()),
            blobs: self.blobs(),
            rights: Arc::new(self.database.clone()),
            clock: Arc::new(SystemClock),
            entropy,
            formats,
            notebook: self.notebook.clone(),
            settings,
        })
    }

    /// The audit log in them. Nodes are told apart by their name.
    pub(crate) fn audit_log(&self, config: &Config, auth: &Auth, node: String) -> AuditLog {
        AuditLog::new(AuditParts {
            store: Arc::new(self.database.clone()),
            signer: auth.head_signer(),
            notebook: self.notebook.clone(),
            clock: Arc::new(SystemClock),
            node,
            history: config.audit_history.map(seconds),
        })
    }

    /// The webhooks in them.
    fn webhooks(
        &self,
        config: &Config,
        auth: &Auth,
        entropy: Arc<dyn Entropy>,
        node: String,
    ) -> Result<Webhooks> {
        let policy = Policy::named(&config.webhook_hosts).of_setting("webhook_hosts");
        let door = Door::open(policy, Trust::of_system())?;
        Ok(Webhooks::new(WebhookParts {
            store: Arc::new(self.database.clone()),
            vault: Arc::new(auth.clone()),
            courier: Arc::new(door),
            clock: Arc::new(SystemClock),
            entropy,
            node,
            patience: seconds(config.webhook_patience),
            give_up: seconds(config.webhook_give_up),
            history: seconds(config.event_history),
        }))
    }

    /// The accounts in them, opened by the key that seals their secrets.
    pub(crate) async fn auth(
        &self,
        config: &Config,
        key: &SealingKey,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Auth> {
        let issuers = Arc::new(IssuerDoor::new(config.issuer_hosts.clone()));
        Auth::open(wharf_auth::Parts {
            accounts: Arc::new(self.database.clone()),
            users: Arc::new(self.database.clone()),
            people: Arc::new(self.database.clone()),
            invitations: Arc::new(self.database.clone()),
            links: Arc::new(self.database.clone()),
            letters: Arc::new(self.database.clone()),
            postman: config.people.letters.as_ref().map(postman).transpose()?,
            logins: Arc::new(self.database.clone()),
            factors: Arc::new(self.database.clone()),
            tenancy: Arc::new(self.database.clone()),
            machines: Arc::new(self.database.clone()),
            repeats: Arc::new(self.database.clone()),
            beliefs: Arc::new(self.database.clone()),
            providers: Arc::new(self.database.clone()),
            provider_door: issuers.clone(),
            documents: issuers,
            audience: config.public_url.configured().map(str::to_owned),
            upstream_policy: Arc::new(Fetcher::policy(&config.upstream_hosts)),
            keys: Arc::new(self.database.clone()),
            sealer: Sealer::new(key)?,
            clock: Arc::new(SystemClock),
            entropy,
            limits: account_limits(config),
            founders: config.org_create,
            settings: account_settings(config),
            notebook: self.notebook.clone(),
        })
        .await
    }
}

/// Everything, put together.
pub(crate) struct Wharf {
    pub(crate) registry: Registry,
    pub(crate) auth: Auth,
    pub(crate) audit: AuditLog,
    pub(crate) webhooks: Webhooks,
    signing: Signing,
    distributions: Distributions,
    plugins: Plugins,
    upstreams: Upstreams,
    pub(crate) stores: Stores,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) durability: Arc<Durability>,
    pub(crate) metrics: Metrics,
    pub(crate) jobs: Arc<JobMeters>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) room: Arc<Room>,
    requests: Arc<RequestMeters>,
    base: BaseUrl,
    largest_head: LargestHead,
}

impl Wharf {
    /// Opens the stores and puts the engines on them.
    pub(crate) async fn open(config: &Config, data_dir: &DataDir) -> Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let (stores, key) = Stores::open_own(config, data_dir, entropy.as_ref()).await?;
        let file_system = file_system::under(data_dir.path())?;
        let durability = Durability { database: stores.database.durability(), file_system };
        let auth = stores.auth(config, &key, entropy.clone()).await?;
        let signing = stores.signing(config)?;
        let node = node(config, entropy.as_ref());
        let audit = stores.audit_log(config, &auth, node.clone());
        let webhooks = stores.webhooks(config, &auth, entropy.clone(), node.clone())?;
        let distributions = distributions(config, &auth)?;
        let plugins = Plugins::new(signing.clone(), Arc::new(SystemClock));
        let formats = formats::all(distributions.clone(), plugins.clone());
        let registry = stores.registry(config, formats, node, entropy.clone());
        stores.storage.expect_pair(&stores.database, &registry, entropy.as_ref()).await?;
        let fetcher = Arc::new(Fetcher::new(auth.clone(), config.upstream_hosts.clone()));
        let upstream_settings =
            UpstreamSettings { lifetime: seconds(config.upstream_lifetime), kept: config.upstream_kept };
        let upstreams = Upstreams::new(registry.clone(), fetcher, upstream_settings);
        let requests = Arc::new(RequestMeters::of(endpoints::names()));
        let (jobs, counts) = (Arc::<JobMeters>::default(), Arc::<Counts>::default());
        let room = Room::new(config.limits.answer_memory, counts.clone());
        let parts = MeteredParts {
            requests: requests.clone(),
            registry: registry.clone(),
            upstreams: upstreams.clone(),
            auth: auth.clone(),
            database: stores.database.clone(),
            storage: stores.storage.clone(),
            jobs: jobs.clone(),
            counts: counts.clone(),
            room: room.clone(),
        };
        Ok(Self {
            registry,
            auth,
            audit,
            webhooks,
            signing,
            distributions,
            plugins,
            upstreams,
            stores,
            entropy,
            durability: Arc::new(durability),
            metrics: Metrics::of(parts, Process { started: SystemClock.now().seconds() }),
            jobs,
            counts,
            room,
            requests,
            base: config.public_url.clone(),
            largest_head: LargestHead(config.limits.head_size),
        })
    }

    /// What commands work with.
    pub(crate) fn desk(&self, data_dir: Arc<DataDir>) -> Desk {
        Desk {
            registry: self.registry.clone(),
            auth: self.auth.clone(),
            audit: self.audit.clone(),
            signing: self.signing.clone(),
            database: self.stores.database.clone(),
            blobs: self.stores.blobs(),
            data_dir,
            pace: None,
        }
    }

    /// Every route of the main listener. The token reads the metrics.
    pub(crate) fn routes(&self, config: &Config, token: Option<Secret<String>>) -> Router {
        let oci = wharf_oci::Oci {
            registry: self.registry.clone(),
            authenticator: Arc::new(self.auth.clone()),
            base: self.base.clone(),
            service: SERVICE,
        };
        let api = wharf_api::Api {
            auth: self.auth.clone(),
            base: self.base.clone(),
            audit: self.audit.clone(),
            webhooks: self.webhooks.clone(),
            registry: self.registry.clone(),
            signing: self.signing.clone(),
            hosts: config.registry_hosts.clone(),
        };
        let pypi = wharf_pypi::Pypi {
            registry: self.registry.clone(),
            authenticator: Arc::new(self.auth.clone()),
            base: self.base.clone(),
            upstreams: self.upstreams.clone(),
            distributions: self.distributions.clone(),
        };
        let helm =
            wharf_helm::Helm { registry: self.registry.clone(), authenticator: Arc::new(self.auth.clone()) };
        let memflow = Memflow {
            registry: self.registry.clone(),
            authenticator: Arc::new(self.auth.clone()),
            plugins: self.plugins.clone(),
            upstreams: self.upstreams.clone(),
            hosts: config.registry_hosts.clone(),
        };
        let operation = Operation {
            registry: self.registry.clone(),
            clock: Arc::new(SystemClock),
            durability: self.durability.clone(),
        };
        let door = MetricsDoor { metrics: self.metrics.clone(), auth: self.auth.clone(), token };
        let routes = Router::new()
            .merge(wharf_oci::router(oci))
            .merge(wharf_api::router(api))
            .merge(wharf_pypi::router(pypi))
            .merge(wharf_helm::router(helm))
            .merge(wharf_memflow::router(memflow))
            .merge(operation::router(operation))
            .merge(metrics::guarded(door));
        layers::around(routes, self.largest_head, self.observer(config))
    }

    /// The routes of the listener for metrics.
    pub(crate) fn metrics_routes(&self, config: &Config) -> Router {
        layers::around(metrics::open(self.metrics.clone()), self.largest_head, self.observer(config))
    }

    fn observer(&self, config: &Config) -> Arc<Observer> {
        Arc::new(Observer {
            entropy: self.entropy.clone(),
            meters: self.requests.clone(),
            slow: config.slow_request,
        })
    }
}

/// A key that is given at the start; it is called like its file.
#[expect(clippy::disallowed_methods, reason = "the configuration names files")]
fn given_key(file: &Path) -> Result<NewKey> {
    let unreadable =
        |error| Error::new(Kind::Invalid, format!("{} cannot be read", file.display())).because(error);
    let pem = std::fs::read_to_string(file).map_err(unreadable)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy().parse()?;
    Ok(NewKey { name, key: PublicKey::from_pem(&pem)?, is_primary: false, expires_at: None })
}

/// Python distributions, as this configuration has them.
fn distributions(config: &Config, auth: &Auth) -> Result<Distributions> {
    let origin = config.public_url.configured().filter(|url| url.starts_with("https://"));
    let origin = origin.map(|url| url.trim_end_matches('/').to_owned());
    Ok(Distributions::new(origin, notary(config, auth)?))
}

/// Who verifies attestations, if roots are given.
#[expect(clippy::disallowed_methods, reason = "the configuration names files")]
fn notary(config: &Config, auth: &Auth) -> Result<Option<Notary>> {
    let Some(file) = &config.attestation_roots else { return Ok(None) };
    let unusable =
        |words: &str| Error::new(Kind::Invalid, format!("attestation_roots: {}: {words}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unusable("it cannot be read").because(error))?;
    let roots =
        AttestationRoots::from_json(&text).map_err(|error| unusable(error.message()).because(error))?;
    Ok(Some(Notary { roots: Arc::new(roots), workloads: Arc::new(auth.clone()) }))
}

/// Who brings letters.
#[expect(clippy::disallowed_methods, reason = "the configuration names files")]
fn postman(letters: &Letters) -> Result<Arc<dyn Postman>> {
    let read = |file: &std::path::PathBuf| {
        let unreadable =
            |error| Error::new(Kind::Invalid, format!("{} cannot be read", file.display())).because(error);
        std::fs::read(file).map_err(unreadable)
    };
    let password = letters.password_file.as_ref().map(read).transpose()?;
    let password = password.map(|bytes| Secret::new(String::from_utf8_lossy(&bytes).trim().to_owned()));
    Ok(Arc::new(Post::open(PostSettings {
        url: letters.url.clone(),
        from: letters.from.clone(),
        password,
        authorities: letters.authorities.as_ref().map(read).transpose()?,
    })?))
}

/// Whether nothing but a first start would make a database here.
fn is_without_database(config: &Config, data_dir: &DataDir) -> bool {
    matches!(config.database, DatabaseChoice::Sqlite) && !data_dir.has_database()
}

/// The key that seals secrets, made where there may be none yet.
pub(crate) fn sealing_key(config: &Config, data_dir: &DataDir, entropy: &dyn Entropy) -> Result<SealingKey> {
    match (&config.secret_key, &config.secret_key_file, &config.database) {
        (Some(key), _, _) => Ok(key.clone()),
        (None, Some(file), _) => read_key(file),
        (None, None, DatabaseChoice::Sqlite) => data_dir.sealing_key(entropy),
        (None, None, DatabaseChoice::Postgres(_)) => {
            let message =
                "PostgreSQL is shared by many nodes, so WHARF_SECRET_KEY or --secret-key-file is needed";
            Err(Error::new(Kind::Invalid, message))
        }
    }
}

fn account_limits(config: &Config) -> wharf_auth::Limits {
    let limits = &config.limits;
    wharf_auth::Limits {
        requests_per_second: limits.requests_per_second,
        failed_logins: limits.failed_logins,
        failed_logins_window: seconds(limits.failed_logins_window),
        password_queue: limits.password_queue,
    }
}

fn account_settings(config: &Config) -> wharf_auth::Settings {
    wharf_auth::Settings {
        personal_organisations: config.people.personal_organisations,
        sign_up: config.people.sign_up,
        login_idle: seconds(config.people.login_idle),
        login_lifetime: seconds(config.people.login_lifetime),
        public_url: config.public_url.configured().map(str::to_owned),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Who this process is among those that share the database; one that has it for itself needs no name.
pub(crate) fn node(config: &Config, entropy: &dyn Entropy) -> String {
    match config.database {
        DatabaseChoice::Sqlite => String::new(),
        DatabaseChoice::Postgres(_) => entropy.id::<16>(),
    }
}

fn settings(config: &Config, node: String) -> Settings {
    // The collector's time moves once a round, so what is asked between two rounds counts from the one before.
    let round = config.housekeeping_interval;
    Settings {
        create_on_push: config.create_on_push,
        deletion: config.deletion,
        upload_expiry: seconds(config.upload_expiry),
        collection_delay: seconds(config.collection_delay.saturating_add(round)),
        collection_unguarded: Settings::default().collection_unguarded,
        object_grace: seconds(config.object_grace.saturating_add(round)),
        tag_history: seconds(config.tag_history),
        event_history: seconds(config.event_history),
        empty_repository_expiry: seconds(config.empty_repository_expiry),
        node,
        lease: seconds(config.housekeeping_interval.saturating_mul(ROUNDS)),
        stall_timeout: config.limits.stall_timeout.as_secs(),
        uploads: config.limits.uploads,
        uploads_per_organisation: config.limits.uploads_per_organisation,
        redirect_networks: config.redirect_networks.clone(),
        audit_pulls: config.audit_pulls,
        open_uploads_per_organisation: config.limits.open_uploads_per_organisation,
    }
}
