//! Method, path and query → what is wanted, in words. Pure, and read from the right end of the path: a repository
//! may be called `blobs` or `manifests`, so what stands last decides.

use axum::http::{Method, request::Parts};
use wharf_core::{
    Algorithm, Detail, Digest, Error, Kind, Limit, Place, Reference, Result, Scope, Subject, Tag, UploadId,
    Verb,
};
use wharf_http::decode_path;

/// Every method that some path takes.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Whether this is a registry, and who may speak to it.
    Ping,
    /// The extensions of the server or of a repository.
    Extensions,
    /// The repositories the caller may read.
    Catalog(PageQuery),
    /// The tags of a repository.
    Tags(Place, PageQuery),
    /// What GET of a blob would say.
    HeadBlob(Place, Digest),
    /// A blob, or a part of it.
    GetBlob(Place, Digest),
    /// The end of a blob in a repository.
    DeleteBlob(Place, Digest),
    /// An upload, a whole blob, or a mount.
    BeginUpload(Place, Begin),
    /// How far an upload is.
    UploadStatus(Place, UploadId),
    /// The next bytes of an upload.
    Append(Place, UploadId),
    /// The last bytes of an upload, and its digest.
    FinishUpload(Place, UploadId, Digest),
    /// The end of an upload that becomes nothing.
    CancelUpload(Place, UploadId),
    /// What GET of a manifest would say.
    HeadManifest(Place, Reference),
    /// A manifest.
    GetManifest(Place, Reference),
    /// A manifest to be stored, and further tags for it.
    PutManifest(Place, Reference, Vec<Tag>),
    /// The end of a tag, or of a manifest with all its tags.
    DeleteManifest(Place, Reference),
    /// The manifests that are about one.
    Referrers(Place, ReferrersQuery),
}

/// The names of all endpoints.
pub const NAMES: [&str; 8] =
    ["ping", "extensions", "catalog", "tags", "blob", "upload", "manifest", "referrers"];

/// How an upload begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With nothing, to be hashed with this algorithm.
    Empty(Algorithm),
    /// With everything: the body is the blob.
    Whole(Digest),
    /// With a blob another repository may hold.
    Mount(Digest, Option<Place>),
}

/// Which referrers of which manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrersQuery {
    /// The manifest they are about.
    pub subject: Digest,
    /// Only those of this type; the empty type is that of manifests without.
    pub artifact_type: Option<String>,
    /// Only those after this one.
    pub last: Option<Digest>,
}

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Only what comes after this name.
    pub last: Option<String>,
    /// How many at most.
    pub limit: Limit,
}

impl Endpoint {
    /// Reads a request below `/v2`.
    ///
    /// # Errors
    /// `Invalid` for names, digests and numbers that are not; `NotFound` for a path that is none of the API's;
    /// `Unsupported` for a method the path does not have.
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let path = decode_path(path)?;
        let query = Query::parse(query);
        let rest = path.strip_prefix("/v2").unwrap_or(&path);
        let segments: Vec<&str> = rest.strip_prefix('/').unwrap_or(rest).split('/').collect();
        match segments.as_slice() {
            [""] => only(method, &[Method::GET, Method::HEAD], Self::Ping),
            ["_catalog"] => only(method, &[Method::GET, Method::HEAD], Self::Catalog(query.page()?)),
            [name @ .., "tags", "list"] => {
                only(method, &[Method::GET, Method::HEAD], Self::Tags(place(name)?, query.page()?))
            }
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                only(method, &[Method::POST], Self::BeginUpload(place(name)?, query.begin()?))
            }
            [name @ .., "blobs", "uploads", id] => Self::upload(method, place(name)?, id, &query),
            ["_oci", "ext", "discover"] => only(method, &[Method::GET, Method::HEAD], Self::Extensions),
            [name @ .., "_oci", "ext", "discover"] => {
                place(name).and_then(|_| only(method, &[Method::GET, Method::HEAD], Self::Extensions))
            }
            [name @ .., "referrers", subject] => only(
                method,
                &[Method::GET, Method::HEAD],
                Self::Referrers(place(name)?, query.referrers(subject)?),
            ),
            [name @ .., "blobs", digest] => Self::blob(method, place(name)?, digest),
            [name @ .., "manifests", reference] => Self::manifest(method, place(name)?, reference, &query),
            _ => Err(Error::not_found(Subject::Name)),
        }
    }

    /// The methods that the path of a refused request does take: what `Allow` says.
    pub(crate) fn allowed(refused: &Parts) -> String {
        let (path, query) = (refused.uri.path(), refused.uri.query());
        let takes = |method: &&Method| match Self::parse(method, path, query) {
            Ok(_) => true,
            Err(error) => error.kind() != Kind::Unsupported,
        };
        let others = METHODS.iter().filter(|method| **method != refused.method);
        let allowed: Vec<&str> = others.filter(takes).map(Method::as_str).collect();
        allowed.join(", ")
    }

    fn upload(method: &Method, place: Place, id: &str, query: &Query) -> Result<Self> {
        let id: UploadId = id.parse()?;
        match *method {
            Method::GET => Ok(Self::UploadStatus(place, id)),
            Method::PATCH => Ok(Self::Append(place, id)),
            Method::DELETE => Ok(Self::CancelUpload(place, id)),
            Method::PUT => {
                let missing = || wrong_digest("the closing PUT needs ?digest=");
                Ok(Self::FinishUpload(place, id, digest(query.first("digest").ok_or_else(missing)?)?))
            }
            _ => Err(wrong_method()),
        }
    }

    fn blob(method: &Method, place: Place, text: &str) -> Result<Self> {
        let digest = digest(text)?;
        match *method {
            Method::HEAD => Ok(Self::HeadBlob(place, digest)),
            Method::GET => Ok(Self::GetBlob(place, digest)),
            Method::DELETE => Ok(Self::DeleteBlob(place, digest)),
            _ => Err(wrong_method()),
        }
    }

    fn manifest(method: &Method, place: Place, reference: &str, query: &Query) -> Result<Self> {
        let reference: Reference = reference.parse()?;
        match *method {
            Method::HEAD => Ok(Self::HeadManifest(place, reference)),
            Method::GET => Ok(Self::GetManifest(place, reference)),
            Method::PUT => {
                let tags = query.tags()?;
                expect_digest_with(&tags, &reference)?;
                Ok(Self::PutManifest(place, reference, tags))
            }
            Method::DELETE => Ok(Self::DeleteManifest(place, reference)),
            _ => Err(wrong_method()),
        }
    }

    /// What it is called in logs and metrics: one of [`NAMES`].
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Extensions => "extensions",
            Self::Catalog(_) => "catalog",
            Self::Tags(..) => "tags",
            Self::HeadBlob(..) | Self::GetBlob(..) | Self::DeleteBlob(..) => "blob",
            Self::BeginUpload(..)
            | Self::UploadStatus(..)
            | Self::Append(..)
            | Self::FinishUpload(..)
            | Self::CancelUpload(..) => "upload",
            Self::HeadManifest(..)
            | Self::GetManifest(..)
            | Self::PutManifest(..)
            | Self::DeleteManifest(..) => "manifest",
            Self::Referrers(..) => "referrers",
        }
    }

    /// The scopes a token needs for this.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let (pull, push) = ([Verb::Pull].as_slice(), [Verb::Pull, Verb::Push].as_slice());
        let (place, verbs) = match self {
            Self::Ping | Self::Extensions => return Vec::new(),
            Self::Catalog(_) => return vec![Scope::catalog()],
            Self::BeginUpload(place, Begin::Mount(_, Some(from))) => {
                return vec![Scope::of(place, push), Scope::of(from, pull)];
            }
            Self::Tags(place, _)
            | Self::Referrers(place, _)
            | Self::HeadBlob(place, _)
            | Self::GetBlob(place, _)
            | Self::HeadManifest(place, _)
            | Self::GetManifest(place, _) => (place, pull),
            Self::BeginUpload(place, _)
            | Self::UploadStatus(place, _)
            | Self::Append(place, _)
            | Self::FinishUpload(place, ..)
            | Self::CancelUpload(place, _)
            | Self::PutManifest(place, ..) => (place, push),
            Self::DeleteBlob(place, _) | Self::DeleteManifest(place, _) => (place, [Verb::Delete].as_slice()),
        };
        vec![Scope::of(place, verbs)]
    }
}

/// The parameters of a query, decoded.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn page(&self) -> Result<PageQuery> {
        let limit = self.first("n").map_or(Ok(Limit::MOST), Limit::parse)?;
        let last = self.first("last").filter(|last| !last.contains('\0')).map(str::to_owned);
        Ok(PageQuery { last, limit })
    }

    fn tags(&self) -> Result<Vec<Tag>> {
        self.0.iter().filter(|(name, _)| name == "tag").map(|(_, tag)| tag.parse()).collect()
    }

    fn referrers(&self, subject: &str) -> Result<ReferrersQuery> {
        Ok(ReferrersQuery {
            subject: digest(subject)?,
            artifact_type: self.first("artifactType").filter(|kind| !kind.contains('\0')).map(str::to_owned),
            last: self.first("last").map(digest).transpose()?,
        })
    }

    fn begin(&self) -> Result<Begin> {
        if let Some(mount) = self.first("mount") {
            // A source that cannot be a repository holds nothing: the upload begins instead.
            let from = self.first("from").map(str::parse::<Place>);
            return match from.transpose() {
                Ok(from) => Ok(Begin::Mount(digest(mount)?, from)),
                Err(_) => Ok(Begin::Empty(digest(mount)?.algorithm())),
            };
        }
        if let Some(whole) = self.first("digest") {
            return Ok(Begin::Whole(digest(whole)?));
        }
        match self.first("digest-algorithm") {
            None => Ok(Begin::Empty(Algorithm::Sha256)),
            Some(name) => name.parse().map(Begin::Empty).map_err(|error: Error| error.with(Detail::Digest)),
        }
    }
}

/// Tags go with a manifest that is pushed by its digest (distribution-spec, pushing manifests). What a client means that
/// names one in the path too is nowhere said, and half of it done would look like all.
fn expect_digest_with(tags: &[Tag], reference: &Reference) -> Result<()> {
    match reference {
        Reference::Tag(_) if !tags.is_empty() => {
            let message = "?tag= goes with a manifest that is pushed by its digest, not by a tag";
            Err(Error::new(Kind::Invalid, message).with(Detail::Manifest))
        }
        _ => Ok(()),
    }
}

fn only(method: &Method, allowed: &[Method], endpoint: Endpoint) -> Result<Endpoint> {
    if allowed.contains(method) { Ok(endpoint) } else { Err(wrong_method()) }
}

fn place(segments: &[&str]) -> Result<Place> {
    segments.join("/").parse()
}

fn digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|error: Error| error.with(Detail::Digest))
}

fn wrong_digest(message: &str) -> Error {
    Error::new(Kind::Invalid, message).with(Detail::Digest)
}

fn wrong_method() -> Error {
    Error::new(Kind::Unsupported, "this path does not take that method")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const SHA256: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    const ID: &str = "018f0000-0000-7000-8000-000000000000";

    fn parse(method: &str, path: &str) -> Result<Endpoint> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        Endpoint::parse(&method.parse().unwrap(), path, query)
    }

    fn at(name: &str) -> Place {
        name.parse().unwrap()
    }

    #[test]
    fn names_may_hold_the_words_of_the_api() {
        let tag: Reference = "list".parse().unwrap();
        let uploads = parse("GET", &format!("/v2/a/blobs/uploads/x/blobs/{SHA256}")).unwrap();
        assert_eq!(uploads, Endpoint::GetBlob(at("a/blobs/uploads/x"), SHA256.parse().unwrap()));
        assert_eq!(
            parse("GET", "/v2/a/tags/manifests/list").unwrap(),
            Endpoint::GetManifest(at("a/tags"), tag)
        );
        let page = PageQuery { last: None, limit: Limit::MOST };
        assert_eq!(
            parse("GET", "/v2/manifests/tags/tags/list").unwrap(),
            Endpoint::Tags(at("manifests/tags"), page)
        );
        let begin = Begin::Empty(Algorithm::Sha256);
        assert_eq!(
            parse("POST", "/v2/blobs/uploads/blobs/uploads/").unwrap(),
            Endpoint::BeginUpload(at("blobs/uploads"), begin)
        );
    }

    #[test]
    fn every_name_of_an_endpoint_is_listed() {
        let paths = [
            ("GET", "/v2/".to_owned()),
            ("GET", "/v2/_oci/ext/discover".to_owned()),
            ("GET", "/v2/_catalog".to_owned()),
            ("GET", "/v2/a/tags/list".to_owned()),
            ("GET", format!("/v2/a/blobs/{SHA256}")),
            ("PATCH", format!("/v2/a/blobs/uploads/{ID}")),
            ("PUT", "/v2/a/manifests/v1".to_owned()),
            ("GET", format!("/v2/a/referrers/{SHA256}")),
        ];
        assert_eq!(paths.map(|(method, path)| parse(method, &path).unwrap().name()), NAMES);
    }

    #[test]
    fn an_upload_begins_as_its_query_says() {
        let begin = |query: &str| match parse("POST", &format!("/v2/a/blobs/uploads/?{query}")) {
            Ok(Endpoint::BeginUpload(_, begin)) => Ok(begin),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        };
        let digest: Digest = SHA256.parse().unwrap();
        assert_eq!(begin(""), Ok(Begin::Empty(Algorithm::Sha256)));
        assert_eq!(begin("digest-algorithm=sha512"), Ok(Begin::Empty(Algorithm::Sha512)));
        assert_eq!(begin("digest-algorithm=md5"), Err(Kind::Invalid));
        assert_eq!(begin(&format!("digest={SHA256}")), Ok(Begin::Whole(digest)));
        assert_eq!(begin(&format!("mount={SHA256}")), Ok(Begin::Mount(digest, None)));
        let from = Some(at("acme/app"));
        assert_eq!(begin(&format!("mount={SHA256}&from=acme%2Fapp")), Ok(Begin::Mount(digest, from)));
        assert_eq!(begin(&format!("mount={SHA256}&from=..")), Ok(Begin::Empty(Algorithm::Sha256)));
        assert_eq!(begin("mount=nonsense"), Err(Kind::Invalid));
    }

    #[test]
    fn referrers_and_tags_are_read_from_the_query() {
        let query = |text: &str| match parse("GET", &format!("/v2/a/referrers/{SHA256}{text}")) {
            Ok(Endpoint::Referrers(_, query)) => (query.artifact_type, query.last),
            other => panic!("{other:?}"),
        };
        assert_eq!(query(""), (None, None));
        assert_eq!(query("?artifactType="), (Some(String::new()), None));
        let last: Digest = SHA256.parse().unwrap();
        assert_eq!(
            query(&format!("?artifactType=a%2Fb&last={SHA256}")),
            (Some("a/b".to_owned()), Some(last))
        );
        assert!(parse("GET", "/v2/a/referrers/latest").is_err());
        let put = parse("PUT", &format!("/v2/a/manifests/{SHA256}?tag=x&tag=y")).unwrap();
        let tags = vec!["x".parse().unwrap(), "y".parse().unwrap()];
        assert_eq!(put, Endpoint::PutManifest(at("a"), SHA256.parse().unwrap(), tags));
        assert!(parse("PUT", &format!("/v2/a/manifests/{SHA256}?tag=-")).is_err());
        assert_eq!(parse("PUT", "/v2/a/manifests/v1?tag=x").unwrap_err().kind(), Kind::Invalid);
        assert!(parse("GET", "/v2/a/manifests/v1?tag=x").is_ok(), "only what is pushed gets tags");
    }

    #[test]
    fn what_is_not_the_api_is_refused_by_kind() {
        for (method, path, kind) in [
            ("GET", "/v2/a", Kind::NotFound(Subject::Name)),
            ("GET", "/v2/a/b/c", Kind::NotFound(Subject::Name)),
            ("GET", "/v2/A/manifests/x", Kind::Invalid),
            ("GET", "/v2/../manifests/x", Kind::Invalid),
            ("GET", "/v2/%2e%2e/manifests/x", Kind::Invalid),
            ("GET", "/v2/manifests/x", Kind::Invalid),
            ("GET", "/v2/a/manifests/sha256:short", Kind::Invalid),
            ("GET", "/v2/a/blobs/latest", Kind::Invalid),
            ("POST", "/v2/a/manifests/x", Kind::Unsupported),
            ("PUT", "/v2/_catalog", Kind::Unsupported),
            ("GET", "/v2/_catalog?n=-1", Kind::Invalid),
            ("GET", "/v2/a/blobs/uploads/not-an-id", Kind::NotFound(Subject::Upload)),
        ] {
            assert_eq!(parse(method, path).unwrap_err().kind(), kind, "{method} {path}");
        }
        let closing = format!("/v2/a/blobs/uploads/{ID}");
        assert_eq!(parse("PUT", &closing).unwrap_err().detail(), Some(&Detail::Digest));
    }

    #[test]
    fn a_refused_method_is_told_which_ones_are_taken() {
        let allowed = |method: &str, uri: &str| {
            let request = axum::http::Request::builder().method(method).uri(uri).body(()).unwrap();
            Endpoint::allowed(&request.into_parts().0)
        };
        assert_eq!(allowed("OPTIONS", "/v2/"), "GET, HEAD");
        assert_eq!(allowed("POST", "/v2/a/manifests/x"), "GET, HEAD, PUT, DELETE");
        assert_eq!(allowed("POST", &format!("/v2/a/blobs/{SHA256}")), "GET, HEAD, DELETE");
        assert_eq!(allowed("GET", "/v2/a/blobs/uploads/"), "POST");
        assert_eq!(allowed("HEAD", &format!("/v2/a/blobs/uploads/{ID}")), "GET, PUT, PATCH, DELETE");
        // Where deletion is switched off it is the engine that refuses it.
        assert_eq!(allowed("DELETE", "/v2/a/manifests/x"), "GET, HEAD, PUT");
    }

    /// Lists the variants of an enum for good: one that is missing does not compile.
    macro_rules! variants {
        ($all:ident, $name_of:ident: $of:ident { $($variant:ident),* $(,)? }) => {
            const $all: &[&str] = &[$(stringify!($variant)),*];

            fn $name_of(it: &$of) -> &'static str {
                match it {
                    $($of::$variant { .. } => stringify!($variant)),*
                }
            }
        };
    }

    variants!(ENDPOINTS, endpoint_name: Endpoint {
        Ping, Extensions, Catalog, Tags, HeadBlob, GetBlob, DeleteBlob, BeginUpload, UploadStatus, Append, FinishUpload,
        CancelUpload, HeadManifest, GetManifest, PutManifest, DeleteManifest, Referrers,
    });
    variants!(BEGINNINGS, beginning_name: Begin { Empty, Whole, Mount });

    /// The endpoints that the rows of one kind of registry are for, and how uploads begin there.
    fn covered(kind: &str) -> BTreeSet<&'static str> {
        let table = include_str!("../../../tests/end_to_end/access_table.txt");
        let upload = format!("/v2/acme/app/blobs/uploads/{ID}");
        let mut covered = BTreeSet::new();
        for line in table.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [of_kind, method, path, ..] = words.as_slice() else { continue };
            let path = path.replace("{foreign-upload}", &upload).replace("{upload}", &upload);
            let path = path.replace("{repository}", "acme/app").replace("{source}", "acme/source");
            let path = path.replace("{fresh-tag}", "v2");
            // What is left of names in braces are digests.
            let pieces = path.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, rest)| rest));
            let path = pieces.collect::<Vec<_>>().join(SHA256);
            if *of_kind != kind || !path.starts_with("/v2") {
                continue;
            }
            let endpoint = parse(method, &path).unwrap_or_else(|error| panic!("{line}: {error}"));
            covered.insert(endpoint_name(&endpoint));
            if let Endpoint::BeginUpload(_, begin) = &endpoint {
                covered.insert(beginning_name(begin));
            }
        }
        covered
    }

    /// Who may do what is one table, and it says so of every endpoint.
    #[test]
    fn every_endpoint_has_its_rows_in_the_table_of_access() {
        let all: BTreeSet<&str> = ENDPOINTS.iter().chain(BEGINNINGS).copied().collect();
        let of_no_repository = BTreeSet::from(["Ping", "Catalog"]);
        assert_eq!(covered("private"), all);
        assert_eq!(covered("public"), &all - &of_no_repository);
    }

    proptest! {
        #[test]
        fn no_path_panics_the_parser(path in "/v2/[a-zA-Z0-9/:%._-]{0,60}", query in proptest::option::of("\\PC{0,40}")) {
            for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE, Method::HEAD] {
                let _ = Endpoint::parse(&method, &path, query.as_deref());
            }
        }
    }
}
