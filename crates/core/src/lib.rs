//! The vocabulary of Wharf and the laws its words obey.
//!
//! Every other crate speaks in these types. Nothing here does I/O, waits, or knows HTTP or SQL. The glossary,
//! one word for one thing everywhere (code, logs, columns, JSON):
//!
//! | word | meaning |
//! |---|---|
//! | organisation, registry, repository | the three levels of tenancy; a [`Place`] names one repository |
//! | member | a user with a [`Role`] in an organisation; of a virtual registry, a registry that it shows |
//! | manifest, blob, tag, digest, referrer, descriptor | as in the OCI image and distribution specifications |
//! | object | the bytes of a blob or an unfinished upload in the blob store, under an [`ObjectKey`] |
//! | upload, tap | bytes on their way to become a blob, over one request or many; what looks on while they come |
//! | membership | that a repository has a blob; whoever reaches the repository reaches the blob |
//! | account, user, robot | who has a row and logs in; a person's account; an organisation's |
//! | principal | who: nobody, a user, a robot, a job; an [`Actor`] is a principal with the credential and address it used |
//! | credential, token, login | by what a principal is known; a text that stands for an account; what a browser's cookie stands for |
//! | assurance | how sure it is who logs in, by what was shown: a password, a code too, or what a provider wants |
//! | verb, role, reach | pull, push or delete; what a member may do; what of that an API token may do, and where |
//! | right | what the store says that an actor is at a place: [`gate::Rights`] |
//! | grant | the proof that an actor may do one thing at one place; only [`gate`] makes one, in `decide` and those called after it |
//! | warrant | what a grant rests on, asked for once more in the transaction that uses it |
//! | duty | what is done to an organisation itself, as an action is what is done to content |
//! | source, upstream | where a registry has its content from: from who pushes, from its members, or from its upstream, which is elsewhere |
//! | guard | what a proxy or a virtual registry does not let through |
//! | view | what a virtual registry shows: its members and theirs, in the order in which they are asked |
//! | format, fact, document | a kind of content Wharf understands; one record of what a manifest holds, by which it is found; a small text kept with it |
//! | subject, release, part | what a fact is about, as a project or a chart; one version of it, under one tag; one file of that |
//! | notice | what was said about a subject, a release or a part since: yanked, archived |
//! | listing, page | what a format lists in a repository or a registry; that as a client reads it, rendered |
//! | claim | a name that only one manifest of a repository may hold |
//! | rule | what an organisation set about a registry's tags: which of them never move, which of them go; a [`RuleName`] names it, [`Pattern`]s say what it is about |
//! | review, epoch | the look, after a delay, at a membership that may be without use; a number that moves when something needs it, and so ends what was seen before |
//! | job, lease, turn | what Wharf does by itself; the right of one node to do it for a while; the right to do one of the few things that are done at once |
//! | record, event | a line of the audit log; what happened to content, numbered in its repository |
//! | webhook, delivery | who is told of events; one message to one of them |
//! | belief | whose signatures a registry takes |
//! | issuer, claim rule, workload | who signs tokens and is believed, known by what they name as `iss`; what such a token must say of a job, and what that may do then; a job that was let in |
//! | provider | an issuer that users log in at, with what the operator set about that: the issuers of the platform are its providers, those of an organisation speak for jobs alone |
//! | build | where a job comes from, as a build service says: repository and workflow |
//! | attestation | a statement about a file, signed with a certificate that was made for whoever publishes it, its publisher |
//! | letter, link, invitation | a message by mail; what a user opens once in place of a password; what lets somebody become a member |
//! | scrub | reading all blobs again while serving, in rounds; to verify is to look at everything when told to |
//! | meter | a number a part keeps about its own work; the server shows it as a metric |

mod actor;
pub mod audit;
mod body;
mod clock;
mod condition;
mod digest;
mod error;
pub mod gate;
pub mod hex;
pub mod json;
pub mod manifest;
mod media_type;
pub mod meter;
mod name;
mod network;
mod object_key;
mod page;
mod patience;
mod pattern;
mod person;
mod principal;
mod reach;
mod recent;
mod reference;
mod right;
mod secret;
mod shared;
mod size;
mod source;
mod workload;

pub use actor::Actor;
pub use body::{BlobBody, ByteStream, cut_short};
pub use clock::{Clock, Entropy, Timestamp};
pub use condition::{Condition, Expected};
pub use digest::{Algorithm, Digest};
pub use error::{Detail, Error, Kind, Result, Subject, causes};
pub use gate::{
    Duty, Grant, OperatorGrant, OrganisationGrant, ReachGrant, ReadGrant, RegistryGrant, SelfGrant, duty,
};
pub use media_type::MediaType;
pub use name::{
    IssuerName, OrganisationName, Place, ProviderName, RegistryName, RegistryPlace, RepositoryName,
    RobotName, RuleName, UserName,
};
pub use network::Network;
pub use object_key::{ObjectKey, UploadId};
pub use page::{Limit, Page, PageAfter};
pub use patience::Patience;
pub use pattern::Pattern;
pub use person::{EmailAddress, PersonName};
pub use principal::{AccountId, Authenticator, Credential, Presented, Principal, TokenHash};
pub use reach::{Allowance, Prefix, Reach, RepositorySet};
pub use recent::Recent;
pub use reference::{Reference, Tag};
pub use right::{Access, Action, Role, Scope, Verb, action};
pub use secret::{Secret, Vault};
pub use shared::Shared;
pub use size::Size;
pub use source::{Guard, Lookalikes, Protocol, RegistryKind, SealedLogin, Upstream, UpstreamUrl};
pub use workload::{Build, BuildService, Workload, Workloads};
