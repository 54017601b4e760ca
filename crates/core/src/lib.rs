//! The vocabulary of Wharf and the laws its words obey.
//!
//! Every other crate speaks in these types. Nothing here does I/O, waits, or knows HTTP or SQL. The glossary,
//! one word for one thing everywhere (code, logs, columns, JSON):
//!
//! | word | meaning |
//! |---|---|
//! | organisation, registry, repository | the three levels of tenancy; a [`Place`] names one repository |
//! | manifest, blob, tag, digest, referrer, descriptor | as in the OCI image and distribution specifications |
//! | object | the bytes of a blob or an unfinished upload in the blob store, under an [`ObjectKey`] |
//! | principal | who: nobody, a user, a job; an [`Actor`] is a principal with the credential and address it used |
//! | grant | the proof that an actor may do one thing at one place; only [`gate`] makes one, in `decide` and those called after it |
//! | format, fact, document | a kind of content Wharf understands; one record of what a manifest holds, by which it is found; a small text kept with it |
//! | claim | a name that only one manifest of a repository may hold |
//! | rule | what an organisation set about a registry's tags: which of them never move, which of them go; a [`RuleName`] names it, [`Pattern`]s say what it is about |
//! | issuer, claim rule, workload | who signs tokens and is believed, known by what they name as `iss`; what such a token must say of a job, and what that may do then; a job that was let in |
//! | provider | an issuer that users log in at, with what the operator set about that: the issuers of the platform are its providers, those of an organisation speak for jobs alone |
//! | build | where a job comes from, as a build service says: repository and workflow |
//! | attestation | a statement about a file, signed with a certificate that was made for whoever publishes it, its publisher |
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
mod reference;
mod right;
mod secret;
mod shared;
mod size;
mod source;
mod workload;

pub use actor::Actor;
pub use body::{BlobBody, ByteStream};
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
pub use page::{Limit, Page};
pub use patience::Patience;
pub use pattern::Pattern;
pub use person::{EmailAddress, PersonName};
pub use principal::{AccountId, Authenticator, Credential, Presented, Principal, TokenHash};
pub use reach::{Allowance, Prefix, Reach, RepositorySet};
pub use reference::{Reference, Tag};
pub use right::{Access, Action, Role, Scope, Verb, action};
pub use secret::{Secret, Vault};
pub use shared::Shared;
pub use size::Size;
pub use source::{Guard, Lookalikes, Protocol, RegistryKind, SealedLogin, Upstream, UpstreamUrl};
pub use workload::{Build, BuildService, Workload, Workloads};
