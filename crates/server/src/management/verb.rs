//! What a verb of the command line is: one request of the management API.

/// One request.
pub(super) struct Verb {
    /// The command that it is of.
    pub(super) group: &'static str,
    /// Nothing where the command itself is the verb.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) method: Method,
    /// Below `/api/v1/`; a part in braces is the argument of that name.
    pub(super) path: &'static str,
    pub(super) arguments: &'static [Argument],
    pub(super) shows: Shows,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What is said of the answer: fields of each object, in order.
#[derive(Clone, Copy)]
pub(super) enum Shows {
    List(&'static [&'static str]),
    /// A list of one page.
    All(&'static [&'static str]),
    One(&'static [&'static str]),
    Nothing,
}

/// Something that a verb is told.
pub(super) struct Argument {
    /// As the API calls it.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) form: Form,
    pub(super) goes: Goes,
}

/// How it is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// A word that must be there, at its place.
    Word(Sort),
    /// What somebody may do, at its place.
    Role,
    /// `--name VALUE`.
    Option(Sort),
    /// `--name`.
    Flag,
    /// `--access REPOSITORIES:ACTION,ACTION`, any number of times.
    Access,
    /// Read from standard input or asked for, and never written on the command line.
    Password,
    /// A registry, `ORGANISATION/REGISTRY`, at its place. It stands for the parts `{org}` and `{registry}` of a path.
    Registry,
    /// A repository as it is pulled, at its place. It stands for `{org}`, `{registry}` and `{repository}`.
    Repository,
    /// All that can be set of a registry, each as an option.
    Settings,
    /// A number of bytes like `100GiB`, or `unlimited`, at its place.
    Quota,
    /// Not written at all: always this.
    Always(bool),
    /// Not written at all: what the registry that is named is called within its organisation.
    OwnName,
}

/// What a word is, so that what is none is refused before anything is asked.
#[derive(Clone, Copy)]
pub(super) enum Sort {
    Organisation,
    User,
    Robot,
    Repository,
    Tag,
    Digest,
    /// A moment of RFC 3339.
    Moment,
    /// The same, or how long from now.
    End,
    /// Whatever the server takes; the help calls it so.
    Text(&'static str),
}

/// Where in the request it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goes {
    Path,
    Query,
    Body,
}

impl From<Method> for wharf_outbound::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}
