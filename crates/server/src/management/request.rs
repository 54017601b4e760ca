//! A verb and its arguments as a request.

use clap::ArgMatches;
use serde_json::{Map, Value, json};
use wharf_core::{Allowance, Place, RegistryPlace, Result, Verb as Action};

use super::{
    RegistrySettings,
    verb::{Argument, Form, Goes, Verb},
};
use crate::{argument::many, prompt::password};

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
            body.extend(RegistrySettings::read(arguments)?.fields()?);
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
        Form::Word(_) | Form::Role | Form::Option(_) => text(),
        Form::Flag => arguments.get_flag(argument.name).then_some(json!(true)),
        Form::Registry | Form::Repository | Form::Settings => None,
        Form::Quota => arguments.get_one::<Option<u64>>(argument.name).map(|bytes| json!(bytes)),
        Form::Always(value) => Some(json!(value)),
        Form::OwnName => registry(arguments).map(|place| json!(place.registry.as_str())),
        Form::Password => Some(json!(password(arguments)?)),
        Form::Access => {
            let allowances: Vec<_> = many(arguments, argument.name).iter().map(shown).collect();
            (!allowances.is_empty()).then_some(json!(allowances))
        }
    })
}

/// As the API has it.
fn shown(allowance: &Allowance) -> Value {
    let actions: Vec<_> = allowance.verbs.iter().copied().map(Action::word).collect();
    json!({ "repositories": allowance.repositories.to_string(), "actions": actions })
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;
    use crate::management::{extend, grammar::find};

    fn read(words: &[&str]) -> Result<ArgMatches, clap::Error> {
        let groups = ["user", "audit", "registry"].map(|name| Command::new(name).subcommand_required(true));
        extend(Command::new("wharf").subcommands(groups)).try_get_matches_from(words)
    }

    fn of(words: &[&str]) -> Result<Request> {
        let matches = read(words).unwrap();
        let (verb, arguments) = find(&matches).unwrap();
        request(verb, arguments)
    }

    #[test]
    fn every_argument_goes_where_it_belongs() {
        let member = of(&["wharf", "org", "set-member", "acme", "alice", "writer"]).unwrap();
        assert_eq!(member.path, ["orgs", "acme", "members", "alice"]);
        assert_eq!(member.body, Some(json!({ "role": "writer" })));
        let token = of(&["wharf", "token", "remove", "a/../b"]).unwrap();
        assert_eq!(token.path, ["tokens", "a/../b"]);
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
        let upstream = json!({ "url": "https://a.example/", "protocol": "python" });
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
        let (reach, end) = ("acme/*:pull, push", "2027-01-31T00:00:00Z");
        let words = ["wharf", "token", "create", "ci", "--access", reach, "--expires", end];
        let access = json!([{ "repositories": "acme/*", "actions": ["pull", "push"] }]);
        let body = json!({ "name": "ci", "access": access, "expires_at": "2027-01-31T00:00:00.000000Z" });
        assert_eq!(of(&words).unwrap().body, Some(body));
    }

    #[test]
    fn a_word_that_is_none_is_refused_before_anything_is_asked() {
        for words in [
            "org show Acme",
            "org set-member acme alice owner",
            "org set-member acme a/../b writer",
            "org set-quota acme much",
            "org audit acme --from yesterday",
            "org audit acme --digest sha256:ab",
            "org audit acme --repository acme//app",
            "registry show acme",
            "registry change acme/main --cooldown-days 366",
            "registry change acme/main --members a,B",
            "registry change acme/main --reserved a--b",
            "registry change acme/main --upstream ftp://a.example",
            "registry change acme/main --upstream-protocol memflow",
            "tag history acme/app .v1",
            "tag rollback acme/app v1 v2",
            "robot show acme ci/1",
            "token create ci --expires 2027",
            "token create ci --access acme/app",
            "token create ci --access :pull",
            "token create ci --access acme/app:pull,",
            "token create ci --access acme/app:fetch",
        ] {
            let words: Vec<&str> = ["wharf"].into_iter().chain(words.split(' ')).collect();
            let refusal = read(&words).unwrap_err();
            assert_eq!(refusal.exit_code(), 2, "{words:?}: {refusal}");
        }
        let upstream = "https://alice:hunter2@index.example/";
        let secret = read(&["wharf", "registry", "change", "acme/main", "--upstream", upstream]).unwrap_err();
        assert_eq!(secret.exit_code(), 2);
        let said = secret.to_string();
        assert!(said.contains("'--upstream <URL>': ") && !said.contains("hunter2"), "{said}");
    }
}
