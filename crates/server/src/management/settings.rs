//! What can be set of a registry: as arguments, and as the API has it. `wharf registry set`, on the data of this machine,
//! takes the same.

use clap::{
    Arg, ArgMatches,
    builder::{PossibleValuesParser, TypedValueParser as _, ValueParser},
    value_parser,
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IntoDeserializer, value},
};
use serde_json::{Map, Value};
use wharf_core::{Error, Guard, Lookalikes, Protocol, RegistryKind, RegistryName, Result, UpstreamUrl};

use crate::{
    argument::{Word, flag, optional, unrepeated},
    as_text::AsText,
    prompt::password,
};

/// What is to be set; what is not said stays. The fields are the API's. It may hold a password, so nothing prints it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrySettings {
    /// Whether anybody may pull.
    pub(crate) public: Option<bool>,
    /// What becomes of manifests that name content the repository lacks.
    pub(crate) missing_content: Option<Acceptance>,
    /// Whether who pulls may be sent to where the bytes lie.
    pub(crate) redirect: Option<Switch>,
    /// What becomes, as long as it has no key, of plugins that nobody signed.
    pub(crate) unverified: Option<Acceptance>,
    /// Where its content comes from.
    pub(crate) kind: Option<AsText<RegistryKind>>,
    /// What a proxy fetches from: all of it anew.
    pub(crate) upstream: Option<UpstreamSettings>,
    /// The registries that a virtual one shows, in order.
    pub(crate) members: Option<Vec<AsText<RegistryName>>>,
    /// Names that no upstream is asked for.
    pub(crate) reserved: Option<Vec<String>>,
    /// Files younger than so many days are hidden.
    pub(crate) cooldown_days: Option<u16>,
    /// What becomes of names that look like another.
    pub(crate) lookalikes: Option<Lookalikes>,
    /// Names that others are made to look like.
    pub(crate) popular: Option<Vec<String>>,
}

/// What a proxy fetches from.
#[derive(Serialize, Deserialize)]
pub(crate) struct UpstreamSettings {
    pub(crate) url: UpstreamUrl,
    pub(crate) protocol: Protocol,
    #[serde(flatten)]
    pub(crate) login: Option<UpstreamLogin>,
}

/// As whom to log in there.
#[derive(Serialize, Deserialize)]
pub(crate) struct UpstreamLogin {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// What becomes of something that not every registry wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Acceptance {
    Accept,
    Refuse,
}

/// Whether something is done at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    On,
    Off,
}

/// The arguments.
pub(crate) fn arguments() -> [Arg; 14] {
    let named = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let choice = |name: &'static str, words: ValueParser, help: &'static str| {
        named(name, "WORD", help).value_parser(words)
    };
    let acceptance = || one_of::<Acceptance>(&["accept", "refuse"]);
    let missing = "Whether manifests may name content the repository lacks";
    let redirect = "Whether who pulls is sent to the bucket, where the storage does that";
    let unverified = "Whether, as long as it has no key, it takes plugins that nobody signed";
    let kinds = one_of::<AsText<RegistryKind>>(&["hosted", "proxy", "virtual"]);
    let protocols = one_of::<Protocol>(&["python", "memflow"]);
    let members = "The registries that a virtual one shows, in order, with commas between";
    let reserved = "Names that no upstream is asked for, each with all that begin with it and a dash";
    let lookalikes = "What becomes of names that differ from another by a letter or a dash";
    let days = value_parser!(u16).range(..=i64::from(Guard::MOST_DAYS));
    [
        choice("public", value_parser!(bool), "Whether anybody may pull"),
        choice("missing-content", acceptance(), missing),
        choice("redirect", one_of::<Switch>(&["on", "off"]), redirect),
        choice("unverified", acceptance(), unverified),
        choice("kind", kinds, "Where its content comes from"),
        named("upstream", "URL", "What a proxy fetches from")
            .value_parser(unrepeated(|url| url.parse::<UpstreamUrl>())),
        choice("upstream-protocol", protocols, "What the upstream speaks; python if not said")
            .requires("upstream"),
        named("upstream-user", "USER", "Log in there as this user; the password is asked for")
            .requires("upstream"),
        flag("password-stdin", "Read that password from standard input").requires("upstream-user"),
        named("members", "NAMES", members).value_parser(registries),
        named("reserved", "NAMES", reserved).value_parser(guarded),
        named("cooldown-days", "DAYS", "Hide what the upstream published less than so many days ago")
            .value_parser(days),
        choice("lookalikes", one_of::<Lookalikes>(&["pass", "warn", "refuse"]), lookalikes),
        named("popular", "NAMES", "Names that others are made to look like, with commas between")
            .value_parser(guarded),
    ]
}

/// One of these words.
fn one_of<T: Word + DeserializeOwned>(words: &'static [&'static str]) -> ValueParser {
    let read = |word: String| T::deserialize(IntoDeserializer::<value::Error>::into_deserializer(word));
    PossibleValuesParser::new(words).try_map(read).into()
}

/// Names of registries with commas between; none where there is nothing.
fn registries(text: &str) -> Result<Vec<AsText<RegistryName>>> {
    listed(text).map(|name| name.parse().map(AsText)).collect()
}

/// Names that a registry guards, with commas between.
fn guarded(text: &str) -> Result<Vec<String>, Error> {
    let guard = Guard { reserved: listed(text).map(str::to_owned).collect(), ..Guard::default() };
    guard.expect_sound().map(|()| guard.reserved)
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

impl RegistrySettings {
    /// What the arguments say.
    ///
    /// # Errors
    /// `Invalid` where the password of an upstream cannot be had.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self> {
        Ok(Self {
            public: optional(arguments, "public"),
            missing_content: optional(arguments, "missing-content"),
            redirect: optional(arguments, "redirect"),
            unverified: optional(arguments, "unverified"),
            kind: optional(arguments, "kind"),
            members: optional(arguments, "members"),
            reserved: optional(arguments, "reserved"),
            cooldown_days: optional(arguments, "cooldown-days"),
            lookalikes: optional(arguments, "lookalikes"),
            popular: optional(arguments, "popular"),
            upstream: UpstreamSettings::read(arguments)?,
        })
    }

    /// What is said, as the body of a request has it.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub(super) fn fields(&self) -> Result<Map<String, Value>> {
        let fields = serde_json::to_value(self).map_err(Error::internal)?;
        let Value::Object(mut fields) = fields else { return Ok(Map::new()) };
        fields.retain(|_, value| !value.is_null());
        Ok(fields)
    }
}

impl UpstreamSettings {
    fn read(arguments: &ArgMatches) -> Result<Option<Self>> {
        let Some(url) = optional(arguments, "upstream") else { return Ok(None) };
        // Asked for last, when nothing else can be wrong with the arguments.
        let login =
            |username| -> Result<_> { Ok(UpstreamLogin { username, password: password(arguments)? }) };
        Ok(Some(Self {
            url,
            protocol: optional(arguments, "upstream-protocol").unwrap_or(Protocol::Python),
            login: optional(arguments, "upstream-user").map(login).transpose()?,
        }))
    }
}
