//! A verb and its arguments as a request.

use clap::ArgMatches;
use serde_json::{Map, Value, json};
use wharf_core::{Error, Kind, Result};

use super::verb::{Argument, Form, Goes, Verb};
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
        let Some(value) = value(argument, arguments)? else { continue };
        match argument.goes {
            Goes::Query => {
                query.push((argument.name, value.as_str().map_or(value.to_string(), str::to_owned)))
            }
            Goes::Body | Goes::Path => drop(body.insert(argument.name.to_owned(), value)),
        }
    }
    let part = |part: &str| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => arguments.get_one::<String>(name).cloned().unwrap_or_default(),
        None => part.to_owned(),
    };
    let path = verb.path.split('/').map(part).collect();
    Ok(Request { path, query, body: (!body.is_empty()).then_some(Value::Object(body)) })
}

fn value(argument: &Argument, arguments: &ArgMatches) -> Result<Option<Value>> {
    let text = || arguments.get_one::<String>(argument.name).map(|text| json!(text));
    Ok(match argument.form {
        Form::Word | Form::Choice(_) | Form::Option => text(),
        Form::Flag => arguments.get_flag(argument.name).then_some(json!(true)),
        Form::Always(value) => Some(json!(value)),
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
        let groups = ["user", "audit"].map(|name| Command::new(name).subcommand_required(true));
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
