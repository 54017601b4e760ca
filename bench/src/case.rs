//! A case: what is done, by how many clients, beside whom, and what is to be reached.

use std::time::Duration;

use crate::goal::Goal;

/// Something to measure.
#[derive(Debug)]
pub(crate) struct Case {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// A line for the report.
    pub(crate) about: &'static str,
    /// How many clients work at once, each on a connection of its own.
    pub(crate) clients: usize,
    /// What each does over and over.
    pub(crate) work: Work,
    /// Which Wharf is measured.
    pub(crate) subject: Kind,
    /// Who takes turns with it.
    pub(crate) peers: &'static [Kind],
    /// What is to be reached.
    pub(crate) goals: &'static [Goal],
}

/// What a client does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// GET of a manifest by its tag, for the time of a round.
    GetManifest,
    /// The same, so often a second by all clients together: what is looked at is how long each takes.
    GetManifestAt(u32),
    /// GET of one blob of so many bytes, for the time of a round.
    GetBlob(u64),
    /// POST, then PUT of a blob nobody has: so many bytes, so often in a round.
    PushBlob { size: u64, count: usize },
    /// PUT of a manifest nobody has under a tag of its own, for the time of a round.
    PushManifest,
    /// An image whose layer has so many bytes, config and manifest with it: pulled, for the time of a round.
    PullImage(u64),
    /// An image nobody has, pushed: layer, config, manifest.
    PushImage { size: u64, count: usize },
    /// GET of manifests by tags at random among many, so often a second by all clients together.
    GetTagsAt(u32),
    /// GET of a page of repositories that begins at random, for the time of a round.
    ListRepositories,
    /// GET of a page of tags that begins at random, for the time of a round.
    ListTags,
    /// The server stopped, started, and asked until it says that it is ready: so often in a round.
    Start(usize),
    /// GET of a filtered list of a memflow plugin's variants, so often a second by all clients together.
    ListVariantsAt(u32),
    /// GET of the names of all memflow plugins, for the time of a round.
    ListPlugins,
    /// Upload of a memflow plugin of 10 MB that nobody has, so often in a round.
    UploadPlugin(usize),
    /// GET of the page of a Python project, for the time of a round.
    GetPage,
    /// The same by one who has the page.
    RevalidatePage,
    /// Upload of a wheel nobody has, with a module of so many bytes, so often in a round.
    UploadWheels { size: u64, count: usize },
    /// A user given a role in an organisation, both at random, for the time of a round.
    ChangeMember,
    /// The end of an API token, so often in a round.
    EndToken(usize),
    /// A search of the audit log, for the time of a round.
    SearchAudit,
}

/// Who can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SQLite and files, bearer tokens.
    Wharf,
    /// The same with an API token in the place of a bearer token.
    ApiTokenWharf,
    /// The same with a webhook that is told everything.
    HookedWharf,
    /// The same without a webhook, and with pulls that are not recorded: all that can be turned off of the audit log.
    UnheardWharf,
    /// The same with many organisations.
    TenantsWharf,
    /// The same with a crowd of repositories and tags.
    CrowdedWharf,
    /// The same with thousands of memflow plugins.
    StockedWharf,
    /// The same with few files where a Python project has many.
    FewFilesWharf,
    /// The same, pushed blobs where wheels are uploaded.
    BlobWharf,
    /// PostgreSQL and files.
    WharfOnPostgres,
    /// Three nodes on one PostgreSQL, each with files of its own: only rows are shared.
    ThreeNodes,
    /// SQLite and an S3 server.
    WharfOnS3,
    /// That S3 server by itself: the parts of each blob sent one after the other, then joined.
    VersityGw,
    /// The same, the bytes of each part signed, as Wharf signs them.
    SignedVersityGw,
    /// The registry of the package `docker-registry`: files, no authentication.
    Distribution,
    /// Its successor of the third major version, the same settings.
    DistributionThree,
    /// zot on files, told to flush, no authentication.
    Zot,
    /// A Python index that keeps a folder: no authentication.
    Pypiserver,
    /// A Python index with a database.
    Devpi,
    /// Static files under the same paths, no authentication.
    Nginx,
    /// No server: the bytes hashed and written in this process, then flushed.
    HashAndWrite,
}

impl Kind {
    /// How many Wharfs it is.
    pub(crate) const fn nodes(self) -> usize {
        match self {
            Self::Wharf
            | Self::ApiTokenWharf
            | Self::HookedWharf
            | Self::UnheardWharf
            | Self::TenantsWharf
            | Self::CrowdedWharf
            | Self::StockedWharf
            | Self::FewFilesWharf
            | Self::BlobWharf
            | Self::WharfOnPostgres
            | Self::WharfOnS3 => 1,
            Self::ThreeNodes => 3,
            Self::VersityGw
            | Self::SignedVersityGw
            | Self::Distribution
            | Self::DistributionThree
            | Self::Zot
            | Self::Pypiserver
            | Self::Devpi
            | Self::Nginx
            | Self::HashAndWrite => 0,
        }
    }

    /// Whether it answers as registries do.
    pub(crate) const fn is_registry(self) -> bool {
        !matches!(self, Self::Pypiserver | Self::Devpi)
    }

    /// Whether it needs a server beside itself.
    pub(crate) const fn stands_on_another(self) -> bool {
        matches!(self, Self::WharfOnPostgres | Self::ThreeNodes | Self::WharfOnS3)
    }

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wharf => "wharf",
            Self::ApiTokenWharf => "wharf, API token",
            Self::HookedWharf => "wharf, webhook",
            Self::UnheardWharf => "wharf, no webhook, pulls not recorded",
            Self::TenantsWharf => "wharf, many organisations",
            Self::CrowdedWharf => "wharf, crowded",
            Self::StockedWharf => "wharf, many plugins",
            Self::FewFilesWharf => "wharf, five files",
            Self::BlobWharf => "wharf, blobs",
            Self::WharfOnPostgres => "wharf on postgresql",
            Self::ThreeNodes => "three nodes on postgresql",
            Self::WharfOnS3 => "wharf on S3",
            Self::VersityGw => "versitygw",
            Self::SignedVersityGw => "versitygw, bytes signed",
            Self::Distribution => "distribution 2.8",
            Self::DistributionThree => "distribution 3.1",
            Self::Zot => "zot",
            Self::Pypiserver => "pypiserver",
            Self::Devpi => "devpi",
            Self::Nginx => "nginx",
            Self::HashAndWrite => "hash and write",
        }
    }
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// How often each contender takes its turn.
    pub(crate) rounds: usize,
    /// How long the first turn waits at most for what the filling left to be done: vacuums, seals, folded logs.
    pub(crate) rest: Duration,
    /// How long a turn of work without a count takes.
    pub(crate) turn: Duration,
    /// The largest blob that is pushed, in bytes.
    pub(crate) largest_push: u64,
    /// How many repositories and tags a crowded registry has.
    pub(crate) crowd: Crowd,
    /// How many organisations and repositories one of many tenants has.
    pub(crate) tenants: Tenants,
    /// How many memflow plugins are listed.
    pub(crate) plugins: usize,
    /// How many files a Python project has.
    pub(crate) files: usize,
    /// How many it has where its page is not sent.
    pub(crate) most_files: usize,
}

/// A crowd of repositories and tags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// How many share one half of the tags.
    pub(crate) repositories: u64,
    /// How many tags there are, half of them in one repository.
    pub(crate) tags: u64,
}

/// Many organisations, each with as many repositories.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenants {
    /// How many there are.
    pub(crate) organisations: u64,
    /// How many repositories they have together, each with a tag.
    pub(crate) repositories: u64,
}

impl Crowd {
    /// What a registry without a crowd is given, where a case asks for one of many tags.
    pub(crate) const FEW: Self = Self { repositories: 100, tags: 2_000 };
}

impl Scale {
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        rest: Duration::from_secs(60),
        turn: Duration::from_secs(2),
        largest_push: GIB,
        crowd: Crowd { repositories: 100_000, tags: 1_000_000 },
        tenants: Tenants { organisations: 1_000, repositories: 100_000 },
        plugins: 10_000,
        files: 500,
        most_files: 5_000,
    };
    pub(crate) const QUICK: Self = Self {
        rounds: 2,
        rest: Duration::ZERO,
        turn: Duration::from_millis(700),
        largest_push: 100 * MIB,
        crowd: Crowd { repositories: 1_000, tags: 10_000 },
        tenants: Tenants { organisations: 20, repositories: 1_000 },
        plugins: 500,
        files: 50,
        most_files: 500,
    };

    /// The crowd of a contender.
    pub(crate) fn crowd_of(self, kind: Kind) -> Crowd {
        if kind == Kind::CrowdedWharf { self.crowd } else { Crowd::FEW }
    }
}

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

impl Work {
    /// Whether its clients show a password: a token is for one repository, and these ask for more.
    pub(crate) const fn needs_password(self) -> bool {
        matches!(
            self,
            Self::PushImage { .. }
                | Self::ListVariantsAt(_)
                | Self::ListPlugins
                | Self::UploadPlugin(_)
                | Self::GetPage
                | Self::RevalidatePage
                | Self::UploadWheels { .. }
                | Self::ChangeMember
                | Self::EndToken(_)
                | Self::SearchAudit
        )
    }

    /// What a contender does in its place.
    pub(crate) const fn done_by(self, kind: Kind) -> Self {
        match (self, kind) {
            (Self::UploadWheels { size, count }, Kind::BlobWharf) => Self::PushBlob { size, count },
            (work, _) => work,
        }
    }

    /// Whether memflow plugins are listed.
    pub(crate) const fn lists_plugins(self) -> bool {
        matches!(self, Self::ListVariantsAt(_) | Self::ListPlugins)
    }

    /// Whether a turn ends with its last operation, and not when its time is over.
    pub(crate) const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::PushBlob { .. }
                | Self::PushImage { .. }
                | Self::Start(_)
                | Self::UploadPlugin(_)
                | Self::UploadWheels { .. }
                | Self::EndToken(_)
        )
    }

    /// How many operations are due in a second, where they come at a rate.
    pub(crate) const fn rate(self) -> Option<u32> {
        match self {
            Self::GetManifestAt(rate) | Self::GetTagsAt(rate) | Self::ListVariantsAt(rate) => Some(rate),
            _ => None,
        }
    }

    /// How many bytes of a blob one operation moves, where that is what is measured.
    pub(crate) fn bytes(self, scale: Scale) -> Option<u64> {
        match self {
            Self::GetBlob(size) | Self::PushBlob { size, .. } | Self::UploadWheels { size, .. }
                if size >= MIB =>
            {
                Some(size.min(self.most(scale)))
            }
            _ => None,
        }
    }

    fn most(self, scale: Scale) -> u64 {
        if matches!(self, Self::PushBlob { .. }) { scale.largest_push } else { u64::MAX }
    }
}
