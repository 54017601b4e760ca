//! The HTTP words every face shares: who calls, from where, with which request id; what is taken; ranges;
//! pages; bodies and forms; problems.
//!
//! Only words: no face's protocol, no engine's rule. The connection itself (the accept loop, the limits on it)
//! belongs to the server, which puts a [`Peer`] and a [`RequestId`] into each request.

mod accept;
mod authority;
mod base_url;
mod blob_body;
mod bytes_of;
mod condition;
mod content;
mod credentials;
mod forwarded;
mod link;
mod multipart;
mod page;
mod path;
mod problem;
mod range;
mod refusal;
mod request;
mod status;

pub use accept::{Weighed, taken_coding, weighed};
pub use authority::expect_authority;
pub use base_url::{BaseUrl, BoundHost, bound_to};
pub use blob_body::{FilePart, blob_body};
pub use bytes_of::{body_stream, collect};
pub use condition::{conditions, not_modified};
pub use content::{Content, Served};
pub use credentials::presented;
pub use forwarded::{Proxies, Seen};
pub use link::with_next;
pub use multipart::{Boundary, FormBounds, Multipart, PartHead};
pub use page::{REVALIDATED, SentPage};
pub use path::decode_path;
pub use problem::{problem, problem_of};
pub use range::{ByteRange, byte_range};
pub use refusal::refusal_headers;
pub use request::{
    EndpointName, Peer, Reached, RequestId, Scheme, address_of, identify, named, request_id_of,
};
pub use status::{log_fault, status_of};
