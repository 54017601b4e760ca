//! The cases, one entry each: what is done, by how many clients, beside whom, and what is to be reached.

use std::time::Duration;

use crate::goal::{Figure, Goal, at_least, at_most};

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
}

/// Who can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SQLite and files, bearer tokens.
    Wharf,
    /// PostgreSQL and files.
    WharfOnPostgres,
    /// Three nodes on one PostgreSQL, each with files of its own: only rows are shared.
    ThreeNodes,
    /// SQLite and an S3 server.
    WharfOnS3,
    /// That S3 server by itself: the parts of each blob sent one after the other, then joined.
    VersityGw,
    /// The registry of the package `docker-registry`: files, no authentication.
    Distribution,
    /// Static files under the same paths, no authentication.
    Nginx,
    /// No server: the bytes hashed and written in this process, then flushed.
    HashAndWrite,
}

impl Kind {
    /// How many Wharfs it is.
    pub(crate) const fn nodes(self) -> usize {
        match self {
            Self::Wharf | Self::WharfOnPostgres | Self::WharfOnS3 => 1,
            Self::ThreeNodes => 3,
            Self::VersityGw | Self::Distribution | Self::Nginx | Self::HashAndWrite => 0,
        }
    }

    /// Whether it needs a server beside itself.
    pub(crate) const fn stands_on_another(self) -> bool {
        matches!(self, Self::WharfOnPostgres | Self::ThreeNodes | Self::WharfOnS3)
    }

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wharf => "wharf",
            Self::WharfOnPostgres => "wharf on postgresql",
            Self::ThreeNodes => "three nodes on postgresql",
            Self::WharfOnS3 => "wharf on S3",
            Self::VersityGw => "versitygw",
            Self::Distribution => "distribution",
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
    /// How long a turn of work without a count takes.
    pub(crate) turn: Duration,
    /// The largest blob that is pushed, in bytes.
    pub(crate) largest_push: u64,
}

impl Scale {
    pub(crate) const FULL: Self = Self { rounds: 5, turn: Duration::from_secs(2), largest_push: GIB };
    pub(crate) const QUICK: Self =
        Self { rounds: 2, turn: Duration::from_millis(700), largest_push: 100 * MIB };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// All of them, in the order of the report.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "manifest-get",
        about: "manifest GET by tag, 64 clients (wharf: bearer token; the others: no authentication)",
        clients: 64,
        work: Work::GetManifest,
        subject: Kind::Wharf,
        peers: &[Kind::Nginx, Kind::Distribution],
        goals: &[
            at_least(Figure::Speed(Kind::Distribution), 20.0),
            at_least(Figure::Speed(Kind::Nginx), 0.7),
        ],
    },
    Case {
        name: "blob-get-16k",
        about: "blob GET of 16 KiB, warm, 64 clients",
        clients: 64,
        work: Work::GetBlob(16 * KIB),
        subject: Kind::Wharf,
        peers: &[Kind::Nginx, Kind::Distribution],
        goals: &[at_least(Figure::Speed(Kind::Nginx), 0.7)],
    },
    Case {
        name: "blob-get-100m",
        about: "blob GET of 100 MiB, warm, 4 clients",
        clients: 4,
        work: Work::GetBlob(100 * MIB),
        subject: Kind::Wharf,
        peers: &[Kind::Nginx, Kind::Distribution],
        goals: &[
            at_least(Figure::Speed(Kind::Nginx), 0.9),
            at_most(Figure::Cpu(Kind::Nginx), 1.2),
            at_least(Figure::Speed(Kind::Distribution), 2.0),
        ],
    },
    Case {
        name: "blob-push-1g",
        about: "durable push of 1 GiB (POST + PUT), 1 client",
        clients: 1,
        work: Work::PushBlob { size: GIB, count: 1 },
        subject: Kind::Wharf,
        peers: &[Kind::HashAndWrite, Kind::Distribution],
        goals: &[
            at_least(Figure::Speed(Kind::HashAndWrite), 0.9),
            at_least(Figure::Speed(Kind::Distribution), 1.5),
        ],
    },
    Case {
        name: "blob-push-10k",
        about: "1,000 durable pushes of 10 KiB (POST + PUT), 32 clients",
        clients: 32,
        work: Work::PushBlob { size: 10 * KIB, count: 1000 },
        subject: Kind::Wharf,
        peers: &[Kind::Distribution],
        goals: &[at_least(Figure::Speed(Kind::Distribution), 10.0)],
    },
    Case {
        name: "manifest-push",
        about: "durable PUT of a new manifest by tag, 32 clients",
        clients: 32,
        work: Work::PushManifest,
        subject: Kind::Wharf,
        peers: &[Kind::Distribution],
        goals: &[at_least(Figure::Rate, 2000.0), at_least(Figure::Speed(Kind::Distribution), 10.0)],
    },
    Case {
        name: "memory",
        about: "8 parallel pushes of 100 MiB: resident memory, idle and at the peak",
        clients: 8,
        work: Work::PushBlob { size: 100 * MIB, count: 8 },
        subject: Kind::Wharf,
        peers: &[Kind::Distribution],
        goals: &[at_most(Figure::Idle, 20.0), at_most(Figure::GrowthPerClient, 8.0)],
    },
    Case {
        name: "manifest-get-postgres",
        about: "manifest GET by tag, 64 clients, on PostgreSQL and on SQLite",
        clients: 64,
        work: Work::GetManifest,
        subject: Kind::WharfOnPostgres,
        peers: &[Kind::Wharf],
        goals: &[at_least(Figure::Speed(Kind::Wharf), 0.5)],
    },
    Case {
        name: "tag-read-nodes",
        about: "600 manifest GETs by tag a second, 24 clients, three nodes and one",
        clients: 24,
        work: Work::GetManifestAt(600),
        subject: Kind::ThreeNodes,
        peers: &[Kind::WharfOnPostgres],
        goals: &[at_most(Figure::Slowest(Kind::WharfOnPostgres), 1.3)],
    },
    Case {
        name: "tag-push-nodes",
        about: "durable PUT of a new manifest by tag, 48 clients, three nodes and one",
        clients: 48,
        work: Work::PushManifest,
        subject: Kind::ThreeNodes,
        peers: &[Kind::WharfOnPostgres],
        goals: &[at_least(Figure::Speed(Kind::WharfOnPostgres), 1.5)],
    },
    Case {
        name: "blob-push-s3",
        about: "push of 1 GiB (POST + PUT) into a bucket, 1 client",
        clients: 1,
        work: Work::PushBlob { size: GIB, count: 1 },
        subject: Kind::WharfOnS3,
        peers: &[Kind::VersityGw],
        goals: &[at_least(Figure::Speed(Kind::VersityGw), 0.8), at_most(Figure::GrowthPerClient, 8.0)],
    },
];

impl Work {
    /// How many bytes of a blob one operation moves, where that is what is measured.
    pub(crate) fn bytes(self, scale: Scale) -> Option<u64> {
        match self {
            Self::GetBlob(size) | Self::PushBlob { size, .. } if size >= MIB => {
                Some(size.min(self.most(scale)))
            }
            _ => None,
        }
    }

    fn most(self, scale: Scale) -> u64 {
        if matches!(self, Self::PushBlob { .. }) { scale.largest_push } else { u64::MAX }
    }
}
