//! Everything that the command line asks of the management API: a line for each.

use super::verb::{Argument, Form, Goes, Method, Shows, Sort, Verb};

const ORG: Argument = place("org", Sort::Organisation, "The organisation");
const REGISTRY: Argument = Argument {
    form: Form::Registry,
    ..place("registry", Sort::Text("ORGANISATION/REGISTRY"), "The registry")
};
const OWN_NAME: Argument = body("name", Form::OwnName, "");
const SETTINGS: Argument = body("", Form::Settings, "");
const PULLED: Argument = Argument {
    form: Form::Repository,
    ..place("repository", Sort::Repository, "The repository, as it is pulled: acme/app or acme/team/app")
};
const TAG: Argument = place("tag", Sort::Tag, "The tag");
const USER: Argument = place("user", Sort::User, "The login");
const ROBOT: Argument = place("robot", Sort::Robot, "Its name within its organisation");
const TOKEN: Argument = place("token", Sort::Text("TOKEN"), "The id of the token, as a list shows it");
const NAME: Argument = named(Sort::Text("NAME"));
const FORCE: Argument = query("force", Form::Flag, "Also with everything that it holds");
const EXPIRES: Argument =
    body("expires_at", Form::Option(Sort::End), "When it ends: 2027-01-31T00:00:00Z, or 30d from now");
const ACCESS: Argument = body(
    "access",
    Form::Access,
    "Reach no further than REPOSITORIES:ACTION,ACTION, like acme/app:pull,push; may stand several times",
);

const ORGANISATION: &[&str] = &["name", "role", "created_at"];
const SHOWN_REGISTRY: &[&str] = &[
    "name",
    "organisation",
    "kind",
    "upstream",
    "members",
    "public",
    "missing_content",
    "redirect",
    "unverified",
    "created_at",
];
const MEMBER: &[&str] = &["user", "role", "created_at"];
const ACCOUNT: &[&str] = &["name", "operator", "disabled", "created_at"];
const MACHINE: &[&str] = &["name", "login", "role", "created_at"];
const KEPT_TOKEN: &[&str] = &["id", "name", "access", "expires_at", "used_at", "created_at"];
const MADE_TOKEN: &[&str] = &["id", "token", "expires_at"];
const RECORD: &[&str] = &["id", "at", "actor", "action", "repository", "target", "address"];

const ACTOR: Argument = query("actor", Form::Option(Sort::Text("LOGIN")), "Only what this login did");
const ACTION: Argument = query("action", Form::Option(Sort::Text("ACTION")), "Only this, like manifest.push");
const REPOSITORY: Argument =
    query("repository", Form::Option(Sort::Repository), "Only what concerns this one");
const DIGEST: Argument = query("digest", Form::Option(Sort::Digest), "Only what concerns this content");
const FROM: Argument = query("from", Form::Option(Sort::Moment), "Nothing before this moment");
const TO: Argument = query("to", Form::Option(Sort::Moment), "Nothing from this moment on");

#[rustfmt::skip]
pub(super) const ALL: &[Verb] = &[
    verb(("whoami", "", "Say who this is to the server"), (Method::Get, "me"), &[],
        Shows::One(&["name", "kind", "operator", "credential"])),

    verb(("org", "list", "Show the organisations of the caller; all of them to an operator"), (Method::Get, "orgs"), &[],
        Shows::List(ORGANISATION)),
    verb(("org", "show", "Show an organisation"), (Method::Get, "orgs/{org}"), &[ORG], Shows::One(ORGANISATION)),
    verb(("org", "create", "Make an organisation, and be its admin"), (Method::Post, "orgs"), &[named(Sort::Organisation)],
        Shows::One(ORGANISATION)),
    verb(("org", "remove", "Remove an organisation; nobody else gets its name"), (Method::Delete, "orgs/{org}"),
        &[ORG, FORCE], Shows::Nothing),
    verb(("org", "members", "Show who belongs to an organisation"), (Method::Get, "orgs/{org}/members"), &[ORG],
        Shows::List(MEMBER)),
    verb(("org", "set-member", "Give a user a role in an organisation"), (Method::Put, "orgs/{org}/members/{user}"),
        &[ORG, USER, body("role", Form::Role, "What the user may do")], Shows::One(MEMBER)),
    verb(("org", "remove-member", "Take a user out of an organisation"),
        (Method::Delete, "orgs/{org}/members/{user}"), &[ORG, USER], Shows::Nothing),
    verb(("org", "usage", "Show the bytes of an organisation, and its quota"), (Method::Get, "orgs/{org}/usage"), &[ORG],
        Shows::One(&["used_bytes", "quota_bytes"])),
    verb(("org", "set-quota", "Set how much an organisation may store, as the operator"),
        (Method::Put, "orgs/{org}/quota"), &[ORG, body("quota_bytes", Form::Quota, "A number of bytes like 100GiB, or unlimited")],
        Shows::Nothing),
    verb(("org", "audit", "Search what was done in an organisation, the newest first"),
        (Method::Get, "orgs/{org}/audit"), &[ORG, ACTOR, ACTION, REPOSITORY, DIGEST, FROM, TO], Shows::List(RECORD)),

    verb(("registry", "list", "Show the registries of an organisation"), (Method::Get, "orgs/{org}/registries"), &[ORG],
        Shows::List(&["name", "kind", "public", "created_at"])),
    verb(("registry", "show", "Show a registry"), (Method::Get, "orgs/{org}/registries/{registry}"), &[REGISTRY],
        Shows::One(SHOWN_REGISTRY)),
    verb(("registry", "create", "Make a registry on a server"), (Method::Post, "orgs/{org}/registries"),
        &[REGISTRY, OWN_NAME, SETTINGS], Shows::One(SHOWN_REGISTRY)),
    verb(("registry", "change", "Change a registry on a server; what is not said stays"),
        (Method::Patch, "orgs/{org}/registries/{registry}"), &[REGISTRY, SETTINGS], Shows::One(SHOWN_REGISTRY)),
    verb(("registry", "remove", "Remove a registry"), (Method::Delete, "orgs/{org}/registries/{registry}"),
        &[REGISTRY, FORCE], Shows::Nothing),
    verb(("registry", "expiring", "Show what the retention rules would let go now; nothing goes"),
        (Method::Get, "orgs/{org}/registries/{registry}/expiring"), &[REGISTRY],
        Shows::List(&["repository", "tag", "digest", "since", "rule"])),

    verb(("repository", "list", "Show the repositories of a registry"),
        (Method::Get, "orgs/{org}/registries/{registry}/repositories"), &[REGISTRY],
        Shows::List(&["name", "path", "created_at"])),
    verb(("repository", "remove", "Remove a repository with everything in it"),
        (Method::Delete, "orgs/{org}/registries/{registry}/repositories/{repository}"), &[PULLED], Shows::Nothing),

    verb(("tag", "list", "Show the tags of a repository"),
        (Method::Get, "orgs/{org}/registries/{registry}/repositories/{repository}/tags"), &[PULLED],
        Shows::List(&["name", "digest", "updated_at"])),
    verb(("tag", "history", "Show the moves of a tag, the latest first"),
        (Method::Get, "orgs/{org}/registries/{registry}/repositories/{repository}/tags/{tag}/history"), &[PULLED, TAG],
        Shows::List(&["at", "by", "from", "to", "stands"])),
    verb(("tag", "rollback", "Set a tag back to where it pointed before"),
        (Method::Post, "orgs/{org}/registries/{registry}/repositories/{repository}/tags/{tag}/rollback"),
        &[PULLED, TAG, body("digest", Form::Word(Sort::Digest), "The digest that it pointed to, as its history shows it")], Shows::Nothing),
    verb(("tag", "remove", "Remove a tag; the manifest stays"),
        (Method::Delete, "orgs/{org}/registries/{registry}/repositories/{repository}/tags/{tag}"), &[PULLED, TAG],
        Shows::Nothing),

    verb(("user", "list", "Show the users of the platform"), (Method::Get, "users"), &[], Shows::List(ACCOUNT)),
    verb(("user", "show", "Show a user"), (Method::Get, "users/{user}"), &[USER], Shows::One(ACCOUNT)),
    verb(("user", "create", "Make a user on a server"), (Method::Post, "users"),
        &[named(Sort::User), body("password", Form::Password, "Read the password from standard input")], Shows::One(ACCOUNT)),
    verb(("user", "disable", "Let a user log in no more; what the user holds ends at once"),
        (Method::Patch, "users/{user}"), &[USER, body("disabled", Form::Always(true), "")], Shows::One(ACCOUNT)),
    verb(("user", "enable", "Let a user log in again"), (Method::Patch, "users/{user}"),
        &[USER, body("disabled", Form::Always(false), "")], Shows::One(ACCOUNT)),
    verb(("user", "remove", "Remove a user; nobody else gets the name"), (Method::Delete, "users/{user}"), &[USER],
        Shows::Nothing),

    verb(("token", "list", "Show your API tokens"), (Method::Get, "tokens"), &[], Shows::All(KEPT_TOKEN)),
    verb(("token", "create", "Make an API token, which is shown this once"), (Method::Post, "tokens"),
        &[NAME, EXPIRES, ACCESS], Shows::One(MADE_TOKEN)),
    verb(("token", "remove", "End an API token at once"), (Method::Delete, "tokens/{token}"), &[TOKEN],
        Shows::Nothing),

    verb(("robot", "list", "Show the robots of an organisation"), (Method::Get, "orgs/{org}/robots"), &[ORG],
        Shows::List(MACHINE)),
    verb(("robot", "show", "Show a robot"), (Method::Get, "orgs/{org}/robots/{robot}"), &[ORG, ROBOT],
        Shows::One(MACHINE)),
    verb(("robot", "create", "Make a robot"), (Method::Post, "orgs/{org}/robots"),
        &[ORG, named(Sort::Robot), body("role", Form::Role, "What it may do")], Shows::One(MACHINE)),
    verb(("robot", "remove", "Remove a robot; its tokens end at once"), (Method::Delete, "orgs/{org}/robots/{robot}"),
        &[ORG, ROBOT], Shows::Nothing),
    verb(("robot", "tokens", "Show the tokens of a robot"), (Method::Get, "orgs/{org}/robots/{robot}/tokens"),
        &[ORG, ROBOT], Shows::All(KEPT_TOKEN)),
    verb(("robot", "create-token", "Make a token for a robot, which is shown this once"),
        (Method::Post, "orgs/{org}/robots/{robot}/tokens"), &[ORG, ROBOT, NAME, EXPIRES, ACCESS],
        Shows::One(MADE_TOKEN)),
    verb(("robot", "remove-token", "End a token of a robot at once"),
        (Method::Delete, "orgs/{org}/robots/{robot}/tokens/{token}"), &[ORG, ROBOT, TOKEN], Shows::Nothing),

    verb(("audit", "search", "Search what was done on a server, the newest first, as its operator"),
        (Method::Get, "audit"), &[ACTOR, ACTION, REPOSITORY, DIGEST, FROM, TO], Shows::List(RECORD)),
];

const fn verb(
    (group, name, about): (&'static str, &'static str, &'static str),
    (method, path): (Method, &'static str),
    arguments: &'static [Argument],
    shows: Shows,
) -> Verb {
    Verb { group, name, about, method, path, arguments, shows }
}

const fn place(name: &'static str, sort: Sort, help: &'static str) -> Argument {
    Argument { name, help, form: Form::Word(sort), goes: Goes::Path }
}

const fn named(sort: Sort) -> Argument {
    body("name", Form::Word(sort), "What it is to be called")
}

const fn query(name: &'static str, form: Form, help: &'static str) -> Argument {
    Argument { name, help, form, goes: Goes::Query }
}

const fn body(name: &'static str, form: Form, help: &'static str) -> Argument {
    Argument { name, help, form, goes: Goes::Body }
}
