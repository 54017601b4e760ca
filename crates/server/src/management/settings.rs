//! What can be set of a registry: as arguments, and as the fields that the API has for it. `wharf registry set`, on the
//! data of this machine, takes the same arguments.

use clap::{Arg, ArgAction, ArgMatches, builder::PossibleValuesParser, value_parser};
use serde_json::{Map, Value, json};
use wharf_core::Result;

use crate::prompt::password;

/// What an upstream speaks, if it is not said.
const PROTOCOL: &str = "python";

/// The arguments.
pub(crate) fn arguments() -> [Arg; 14] {
    let choice = |name: &'static str, words: &'static [&'static str], help: &'static str| {
        let arg = Arg::new(name).long(name).value_name("WORD").help(help);
        arg.value_parser(PossibleValuesParser::new(words))
    };
    let named = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let missing = "Whether manifests may name content the repository lacks";
    let redirect = "Whether who pulls is sent to the bucket, where the storage does that";
    let unverified = "Whether, as long as it has no key, it takes plugins that nobody signed";
    let reserved = "Names that no upstream is asked for, each with all that begin with it and a dash";
    let stdin = Arg::new("password-stdin").long("password-stdin").action(ArgAction::SetTrue);
    [
        choice("public", &["true", "false"], "Whether anybody may pull"),
        choice("missing-content", &["accept", "refuse"], missing),
        choice("redirect", &["on", "off"], redirect),
        choice("unverified", &["accept", "refuse"], unverified),
        choice("kind", &["hosted", "proxy", "virtual"], "Where its content comes from"),
        named("upstream", "URL", "What a proxy fetches from"),
        choice("upstream-protocol", &[PROTOCOL, "memflow"], "What the upstream speaks; python if not said")
            .requires("upstream"),
        named("upstream-user", "USER", "Log in there as this user; the password is asked for")
            .requires("upstream"),
        stdin.help("Read that password from standard input").requires("upstream-user"),
        named("members", "NAMES", "The registries that a virtual one shows, in order, with commas between"),
        named("reserved", "NAMES", reserved),
        named("cooldown-days", "DAYS", "Hide what the upstream published less than so many days ago")
            .value_parser(value_parser!(u16)),
        choice(
            "lookalikes",
            &["pass", "warn", "refuse"],
            "What becomes of names that differ from another by a letter or a dash",
        ),
        named("popular", "NAMES", "Names that others are made to look like, with commas between"),
    ]
}

/// The fields that these arguments are.
///
/// # Errors
/// `Invalid` where the password of an upstream cannot be had.
pub(super) fn fields(arguments: &ArgMatches) -> Result<Map<String, Value>> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned();
    let names = |name: &str| text(name).map(|names| json!(listed(&names)));
    let mut fields = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        fields.extend(value.map(|value| (field.to_owned(), value)));
    };
    put("public", text("public").map(|word| json!(word == "true")));
    for (field, argument) in [
        ("missing_content", "missing-content"),
        ("redirect", "redirect"),
        ("unverified", "unverified"),
        ("kind", "kind"),
        ("lookalikes", "lookalikes"),
    ] {
        put(field, text(argument).map(Value::String));
    }
    for field in ["members", "reserved", "popular"] {
        put(field, names(field));
    }
    put("cooldown_days", arguments.get_one::<u16>("cooldown-days").map(|days| json!(days)));
    put("upstream", upstream(arguments)?);
    Ok(fields)
}

fn upstream(arguments: &ArgMatches) -> Result<Option<Value>> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned();
    let Some(url) = text("upstream") else { return Ok(None) };
    let protocol = text("upstream-protocol").unwrap_or_else(|| PROTOCOL.to_owned());
    Ok(Some(match text("upstream-user") {
        // Asked for last, when nothing else can be wrong with the arguments.
        Some(user) => {
            json!({ "url": url, "protocol": protocol, "username": user, "password": password(arguments)? })
        }
        None => json!({ "url": url, "protocol": protocol }),
    }))
}

/// Names with commas between; none where there is nothing.
pub(crate) fn listed(names: &str) -> Vec<String> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
