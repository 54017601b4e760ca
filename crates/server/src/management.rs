//! `wharf whoami`, `org`, `user`, `token`, `robot` and `audit search`: the management API of a server, from the command
//! line. What there is to do stands in [`verbs`]; everything here serves any of them.

mod grammar;
mod request;
mod verb;
mod verbs;

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::Value;
use wharf_core::{Entropy, Error, Kind, Result};
use wharf_outbound::{Api, Asked, Door, Policy, RegistryAddress, Said};

pub(crate) use self::grammar::extend;
use self::{
    request::{Request, request},
    verb::{Shows, Verb},
};
use crate::{
    login::{DockerFile, read_authorities, trust},
    output::{printable, remark, say},
    table::lines,
    world::{SystemEntropy, variable},
};

/// The longest page that there is.
const PAGE: u64 = 1000;

/// What is to be done, and where.
pub(crate) struct Options {
    verb: &'static Verb,
    server: RegistryAddress,
    authorities: Option<Vec<u8>>,
    request: Request,
    limit: u64,
    json: bool,
}

impl Options {
    /// What the arguments ask of a server, if it is one of the commands here.
    ///
    /// # Errors
    /// `Invalid` for arguments that mean nothing, and where no server is named.
    pub(crate) fn read(matches: &ArgMatches) -> Option<Result<Self>> {
        let (verb, arguments) = grammar::find(matches)?;
        Some(Self::of(verb, arguments))
    }

    fn of(verb: &'static Verb, arguments: &ArgMatches) -> Result<Self> {
        let nowhere = || Error::new(Kind::Invalid, "name the server: --server HOST, or in WHARF_SERVER");
        let server = arguments.get_one::<String>("server").cloned().or_else(|| variable("WHARF_SERVER"));
        let authorities = arguments.get_one::<PathBuf>("ca-file");
        Ok(Self {
            verb,
            server: server.ok_or_else(nowhere)?.parse()?,
            authorities: authorities.map(|path| read_authorities(path)).transpose()?,
            request: request(verb, arguments)?,
            limit: arguments.try_get_one("limit").ok().flatten().copied().unwrap_or(u64::MAX),
            json: arguments.get_flag("json"),
        })
    }
}

/// Asks the server, and says what it answered.
///
/// # Errors
/// The server's refusal, in its words; `Unavailable` where it cannot be reached.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let door = Door::open(Policy::named([options.server.host()]), trust(options.authorities.as_deref())?)?;
    let login = DockerFile::read()?.login(&options.server);
    let api = Api::new(door, (&options.server, &["api", "v1"]), login.as_ref())?;
    match options.verb.shows {
        Shows::List(columns) => list(&api, options, columns).await,
        Shows::All(columns) => show(options, columns, items(&api.ask(asked(options, None)).await?)?),
        Shows::One(columns) => {
            let said = api.ask(asked(options, None)).await?;
            let one = said.body.ok_or_else(|| Error::new(Kind::Invalid, "the server answered nothing"))?;
            show(options, columns, &[one])
        }
        Shows::Nothing => {
            api.ask(asked(options, None)).await?;
            remark("done");
            Ok(())
        }
    }
}

/// Shows a list page by page, as it comes.
async fn list(api: &Api, options: &Options, columns: &[&str]) -> Result<()> {
    let (mut last, mut left) = (None, options.limit);
    loop {
        let page =
            [("n", PAGE.min(left).to_string())].into_iter().chain(last.take().map(|last| ("last", last)));
        let said = api.ask(asked(options, Some(page.collect()))).await?;
        let items = items(&said)?;
        show(options, columns, items)?;
        left = left.saturating_sub(items.len() as u64);
        match said.next {
            Some(next) if left > 0 => last = Some(next),
            _ => return Ok(()),
        }
    }
}

fn items(said: &Said) -> Result<&Vec<Value>> {
    let odd = || Error::new(Kind::Invalid, "the server answered with what nobody expected");
    said.body.as_ref().and_then(|body| body.get("items")?.as_array()).ok_or_else(odd)
}

fn asked<'a>(options: &'a Options, page: Option<Vec<(&'a str, String)>>) -> Asked<'a> {
    let Request { path, query, body } = &options.request;
    let query = query.iter().map(|(name, value)| (*name, value.clone()));
    let entropy: &dyn Entropy = &SystemEntropy::new();
    Asked {
        method: options.verb.method.into(),
        path,
        query: query.chain(page.unwrap_or_default()).collect(),
        body: body.as_ref(),
        key: format!("{:032x}", u128::from_be_bytes(entropy.bytes())),
    }
}

fn show(options: &Options, columns: &[&str], items: &[Value]) -> Result<()> {
    if options.json {
        return say(&items.iter().map(|item| format!("{item}\n")).collect::<String>());
    }
    let titles = columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    let cells = |item: &Value| columns.iter().map(|column| cell(item.get(column))).collect();
    let table: Vec<Vec<String>> = std::iter::once(titles).chain(items.iter().map(cells)).collect();
    say(&lines(&table).map(|line| line + "\n").collect::<String>())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Bool(is)) => if *is { "yes" } else { "no" }.to_owned(),
        Some(other) => printable(&other.to_string()),
    }
}
