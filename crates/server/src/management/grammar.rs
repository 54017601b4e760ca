//! The verbs as commands: grown onto a grammar that may have commands of the same names for this machine's data.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};

use super::{
    verb::{Argument, Form, Shows, Verb},
    verbs::ALL,
};
use crate::import;

/// What each command is about, where it is not one of this machine's too.
const GROUPS: [(&str, &str); 3] = [
    ("org", "Manage organisations on a server, with their members"),
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
    let server = Arg::new("server").long("server").value_name("HOST");
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let limit = Arg::new("limit").long("limit").value_name("N").value_parser(value_parser!(u64).range(1..));
    let command = Command::new(name)
        .about(verb.about)
        .args(verb.arguments.iter().filter_map(argument))
        .arg(server.help("The server that `wharf login` knows; if not said, that of WHARF_SERVER"))
        .arg(import::authorities())
        .arg(json.help("Tell a line of JSON for each"));
    match verb.shows {
        Shows::List(_) => command.arg(limit.help("Show so many at most")),
        Shows::All(_) | Shows::One(_) | Shows::Nothing => command,
    }
}

fn argument(argument: &'static Argument) -> Option<Arg> {
    let arg = Arg::new(argument.name).help(argument.help);
    let long = |arg: Arg| arg.long(argument.name.trim_end_matches("_at"));
    Some(match argument.form {
        Form::Word => arg.required(true),
        Form::Choice(words) => arg.required(true).value_parser(PossibleValuesParser::new(words)),
        Form::Option => long(arg).value_name("VALUE"),
        Form::Flag => long(arg).action(ArgAction::SetTrue),
        Form::Access => long(arg).value_name("ACCESS").action(ArgAction::Append),
        Form::Password => {
            Arg::new("password-stdin").long("password-stdin").help(argument.help).action(ArgAction::SetTrue)
        }
        Form::Always(_) => return None,
    })
}
