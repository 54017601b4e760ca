//! A verb and its arguments as a request.

use clap::ArgMatches;
use serde_json::{Map, Value, json};
use wharf_core::{Error, Kind, Place, RegistryPlace, Result};

use super::{
    settings,
    verb::{Argument, Form, Goes, Verb},
};
use crate::prompt::password;

/// A request below `/api/v1/`. It may hold a password, so nothing prints it.
pub(super) struct Request {
    /// The parts of the path, whatever characters are in them.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

/// Puts every argument where it goes.
pub(super) fn request(verb: &Verb, arguments: &ArgMatches) -> Result<Request> {
    let (mut query, mut body) = (Vec::new(), Map::new());
    for argument in verb.arguments.iter().filter(|argument| argument.goes != Goes::Path) {
        if let Form::Settings = argument.form {
            body.extend(settings::fields(arguments)?);
            continue;
        }
        let Some(value) = value(argument, arguments)? else { continue };
        match argument.goes {
            Goes::Query => {
                query.push((argument.name, value.as_str().map_or(value.to_string(), str::to_owned)))
            }
            Goes::Body | Goes::Path => drop(body.insert(argument.name.to_owned(), value)),
        }
    }
    let part = |part: &str| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => named(name, arguments),
        None => part.to_owned(),
    };
    let path = verb.path.split('/').map(part).collect();
    let says = verb.arguments.iter().any(|argument| argument.goes == Goes::Body);
    Ok(Request { path, query, body: says.then_some(Value::Object(body)) })
}

/// What a part of the path is called.
fn named(part: &str, arguments: &ArgMatches) -> String {
    let repository = arguments.try_get_one::<Place>("repository").ok().flatten();
    let registry = registry(arguments).or_else(|| repository.map(Place::registry_place));
    match (part, registry, repository) {
        ("org", Some(registry), _) => registry.organisation.to_string(),
        ("registry", Some(registry), _) => registry.registry.to_string(),
        ("repository", _, Some(repository)) => repository.repository.to_string(),
        _ => arguments.get_one::<String>(part).cloned().unwrap_or_default(),
    }
}

fn registry(arguments: &ArgMatches) -> Option<RegistryPlace> {
    arguments.try_get_one("registry").ok().flatten().cloned()
}

fn value(argument: &Argument, arguments: &ArgMatches) -> Result<Option<Value>> {
    let text = || arguments.get_one::<String>(argument.name).map(|text| json!(text));
    Ok(match argument.form {
        Form::Word | Form::Choice(_) | Form::Option => text(),
        Form::Flag => arguments.get_flag(argument.name).then_some(json!(true)),
        Form::Registry | Form::Repository | Form::Settings => None,
        Form::Quota => arguments.get_one::<Option<u64>>(argument.name).map(|bytes| json!(bytes)),
        Form::Always(value) => Some(json!(value)),
        Form::OwnName => registry(arguments).map(|place| json!(place.registry.as_str())),
        Form::Password => Some(json!(password(arguments)?)),
        Form::Access => {
            let allowances = arguments.get_many::<String>(argument.name).into_iter().flatten();
            let allowances = allowances.map(|text| allowance(text)).collect::<Result<Vec<_>>>()?;
            (!allowances.is_empty()).then_some(json!(allowances))
        }
    })
}

/// `REPOSITORIES:ACTION,ACTION`.
fn allowance(text: &str) -> Result<Value> {
    let odd = || {
        let words = format!("{text:?} is no REPOSITORIES:ACTION,ACTION such as acme/app:pull,push");
        Error::new(Kind::Invalid, words)
    };
    let (repositories, actions) = text.rsplit_once(':').ok_or_else(odd)?;
    let actions: Vec<&str> = actions.split(',').map(str::trim).collect();
    if repositories.is_empty() || actions.contains(&"") {
        return Err(odd());
    }
    Ok(json!({ "repositories": repositories, "actions": actions }))
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;
    use crate::management::{extend, grammar::find};

    fn of(words: &[&str]) -> Result<Request> {
        let groups = ["user", "audit", "registry"].map(|name| Command::new(name).subcommand_required(true));
        let matches = extend(Command::new("wharf").subcommands(groups)).get_matches_from(words);
        let (verb, arguments) = find(&matches).unwrap();
        request(verb, arguments)
    }

    #[test]
    fn every_argument_goes_where_it_belongs() {
        let member = of(&["wharf", "org", "set-member", "acme", "a/../b", "writer"]).unwrap();
        assert_eq!(member.path, ["orgs", "acme", "members", "a/../b"]);
        assert_eq!(member.body, Some(json!({ "role": "writer" })));
        let removal = of(&["wharf", "org", "remove", "acme", "--force"]).unwrap();
        assert_eq!((removal.query, removal.body), (vec![("force", "true".to_owned())], None));
        assert_eq!(of(&["wharf", "user", "disable", "bob"]).unwrap().body, Some(json!({ "disabled": true })));
    }

    #[test]
    fn a_registry_and_a_repository_are_one_word_each() {
        let team = of(&["wharf", "registry", "create", "acme/team", "--public", "true"]).unwrap();
        assert_eq!(team.path, ["orgs", "acme", "registries"]);
        assert_eq!(team.body, Some(json!({ "name": "team", "public": true })));
        let proxy = [
            "wharf",
            "registry",
            "change",
            "acme/team",
            "--upstream",
            "https://a.example",
            "--reserved",
            "a, b",
        ];
        let upstream = json!({ "url": "https://a.example", "protocol": "python" });
        let body = json!({ "upstream": upstream, "reserved": ["a", "b"] });
        assert_eq!(of(&proxy).unwrap().body, Some(body));
        let history = of(&["wharf", "tag", "history", "acme/team/a/b", "v1"]).unwrap();
        let path = ["orgs", "acme", "registries", "team", "repositories", "a/b", "tags", "v1", "history"];
        assert_eq!((history.path, history.body), (path.map(str::to_owned).to_vec(), None));
        let alone = of(&["wharf", "tag", "list", "acme/app"]).unwrap();
        assert_eq!(alone.path[3..6], ["main", "repositories", "app"]);
    }

    #[test]
    fn a_quota_is_a_size_or_none() {
        let body = |size| of(&["wharf", "org", "set-quota", "acme", size]).unwrap().body;
        assert_eq!(body("2GiB"), Some(json!({ "quota_bytes": 2_u64 << 30 })));
        assert_eq!(body("unlimited"), Some(json!({ "quota_bytes": null })));
    }

    #[test]
    fn what_a_token_reaches_is_repositories_and_actions() {
        let words = ["wharf", "token", "create", "ci", "--access", "acme/*:pull,push", "--expires", "2027"];
        let access = json!([{ "repositories": "acme/*", "actions": ["pull", "push"] }]);
        let body = json!({ "name": "ci", "access": access, "expires_at": "2027" });
        assert_eq!(of(&words).unwrap().body, Some(body));
        for odd in ["acme/app", ":pull", "acme/app:", "acme/app:pull,"] {
            assert!(of(&["wharf", "token", "create", "ci", "--access", odd]).is_err(), "{odd}");
        }
    }
}
