//! The verbs as commands: grown onto a grammar that may have commands of the same names for this machine's data.

use std::str::FromStr;

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{PossibleValuesParser, ValueParser},
    value_parser,
};
use wharf_core::{
    Allowance, Digest, Error, OrganisationName, Place, RegistryPlace, Result, RobotName, Tag, Timestamp,
    UserName,
};

use super::{
    settings,
    verb::{Argument, Form, Shows, Sort, Verb},
    verbs::ALL,
};
use crate::{
    argument::{ending, flag},
    config::quota,
    login,
};

/// Verbs that others call otherwise.
const ALIASES: [(&str, &str); 2] = [("change", "update"), ("remove", "delete")];

/// What somebody may do in an organisation.
const ROLES: [&str; 3] = ["viewer", "writer", "admin"];

/// What each command is about, where it is not one of this machine's too.
const GROUPS: [(&str, &str); 5] = [
    ("org", "Manage organisations on a server, with their members"),
    ("repository", "Manage the repositories of a registry on a server"),
    ("tag", "Look at the tags of a repository on a server, and set them back"),
    ("token", "Manage your API tokens on a server"),
    ("robot", "Manage the robots of an organisation on a server, with their tokens"),
];

/// The grammar, with every verb in it.
pub(crate) fn extend(mut grammar: Command) -> Command {
    for (group, about) in GROUPS {
        grammar = grammar.subcommand(Command::new(group).about(about).subcommand_required(true));
    }
    for verb in ALL {
        grammar = match verb.name {
            "" => grammar.subcommand(command(verb.group, verb)),
            name => grammar.mut_subcommand(verb.group, |group| group.subcommand(command(name, verb))),
        };
    }
    grammar
}

/// The verb that was written, with its arguments.
pub(super) fn find(matches: &ArgMatches) -> Option<(&'static Verb, &ArgMatches)> {
    let (group, arguments) = matches.subcommand()?;
    let (name, arguments) = arguments.subcommand().unwrap_or(("", arguments));
    let verb = ALL.iter().find(|verb| verb.group == group && verb.name == name)?;
    Some((verb, arguments))
}

fn command(name: &'static str, verb: &Verb) -> Command {
    let limit = Arg::new("limit").long("limit").value_name("N").value_parser(value_parser!(u64).range(1..));
    let alias = ALIASES.iter().find(|(verb, _)| *verb == name).map(|(_, alias)| *alias);
    let command = Command::new(name)
        .about(verb.about)
        .visible_aliases(alias)
        .args(verb.arguments.iter().flat_map(written))
        .args([login::server(), login::authorities()])
        .arg(flag("json", "Tell a line of JSON for each"));
    match verb.shows {
        Shows::List(_) => command.arg(limit.help("Show so many at most")),
        Shows::All(_) | Shows::One(_) | Shows::Nothing => command,
    }
}

/// How an argument is written: mostly as one, some as many, some not at all.
fn written(argument: &'static Argument) -> Vec<Arg> {
    match argument.form {
        Form::Settings => settings::arguments().into(),
        _ => single(argument).into_iter().collect(),
    }
}

fn single(argument: &'static Argument) -> Option<Arg> {
    let arg = Arg::new(argument.name).help(argument.help);
    let long = |arg: Arg| arg.long(argument.name.trim_end_matches("_at"));
    Some(match argument.form {
        Form::Word(sort) => arg.required(true).value_name(title(sort)).value_parser(parser(sort)),
        Form::Role => arg.required(true).value_name("ROLE").value_parser(PossibleValuesParser::new(ROLES)),
        Form::Option(sort) => long(arg).value_name(title(sort)).value_parser(parser(sort)),
        Form::Flag => long(arg).action(ArgAction::SetTrue),
        Form::Access => {
            let arg = long(arg).value_name("REPOSITORIES:ACTION,ACTION").action(ArgAction::Append);
            arg.value_parser(value_parser!(Allowance))
        }
        Form::Password => flag("password-stdin", argument.help),
        Form::Registry => {
            arg.required(true).value_name("ORGANISATION/REGISTRY").value_parser(value_parser!(RegistryPlace))
        }
        Form::Repository => arg.required(true).value_name("REPOSITORY").value_parser(value_parser!(Place)),
        Form::Quota => arg.required(true).value_name("SIZE").value_parser(|text: &str| {
            quota(text).ok_or("it must be a number of bytes like 100GiB, or unlimited")
        }),
        Form::Always(_) | Form::OwnName | Form::Settings => return None,
    })
}

/// What the help calls a word.
const fn title(sort: Sort) -> &'static str {
    match sort {
        Sort::Organisation => "ORGANISATION",
        Sort::User => "USER",
        Sort::Robot => "ROBOT",
        Sort::Repository => "REPOSITORY",
        Sort::Tag => "TAG",
        Sort::Digest => "DIGEST",
        Sort::Moment | Sort::End => "MOMENT",
        Sort::Text(title) => title,
    }
}

/// Takes what a word may be, and hands it on as it was written.
fn parser(sort: Sort) -> ValueParser {
    match sort {
        Sort::Organisation => checked::<OrganisationName>(),
        Sort::User => checked::<UserName>(),
        Sort::Robot => ValueParser::new(|text: &str| {
            RobotName::new(&OrganisationName::library(), text).map(|robot| robot.short().to_owned())
        }),
        Sort::Repository => checked::<Place>(),
        Sort::Tag => checked::<Tag>(),
        Sort::Digest => checked::<Digest>(),
        Sort::Moment => checked::<Timestamp>(),
        Sort::End => ValueParser::new(|text: &str| ending(text).and_then(Timestamp::written)),
        Sort::Text(_) => value_parser!(String),
    }
}

fn checked<T: FromStr<Err = Error>>() -> ValueParser {
    ValueParser::new(|text: &str| -> Result<String> { text.parse::<T>().map(|_| text.to_owned()) })
}
