//! `wharf whoami`, `org`, `registry`, `repository`, `tag`, `user`, `token`, `robot` and `audit search`: the management API of a
//! server, from the command line. What there is to do stands in [`verbs`]; everything here serves any of them.

mod cell;
mod grammar;
mod request;
mod settings;
mod verb;
mod verbs;

use clap::ArgMatches;
use serde_json::Value;
use wharf_core::{Entropy, Error, Kind, Result};
use wharf_outbound::{Api, Asked, Door, Policy, RegistryAddress, Said};

use self::{
    cell::cell,
    request::{Request, request},
    verb::{Shows, Verb},
};
pub(crate) use self::{
    grammar::extend,
    settings::{
        Acceptance, RegistrySettings, Switch, UpstreamLogin, UpstreamSettings, arguments as settings,
    },
};
use crate::{
    course::Course,
    failure::Failure,
    login::{DockerFile, authorities_of, server_of, trust},
    output::{OutputFormat, remark, say},
    table::Table,
    world::SystemEntropy,
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
    output: OutputFormat,
}

impl Options {
    /// What the arguments ask of a server, if it is one of the commands here.
    ///
    /// # Errors
    /// `Usage` where no server is named; `Invalid` where authorities cannot be read or a password cannot be had.
    pub(crate) fn read(matches: &ArgMatches) -> Option<Result<Self, Failure>> {
        let (verb, arguments) = grammar::find(matches)?;
        Some(Self::of(verb, arguments))
    }

    fn of(verb: &'static Verb, arguments: &ArgMatches) -> Result<Self, Failure> {
        Ok(Self {
            verb,
            server: server_of(arguments)?,
            authorities: authorities_of(arguments)?,
            request: request(verb, arguments)?,
            limit: arguments.try_get_one("limit").ok().flatten().copied().unwrap_or(u64::MAX),
            output: OutputFormat::of(arguments),
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
    let api = Api::new(door, &options.server, &["api", "v1"], login.as_ref())?;
    match options.verb.shows {
        Shows::List(columns) => list(&api, options, columns).await,
        Shows::All(columns) => {
            let said = api.ask(asked(options, None)).await?;
            Listing::new(options.output, columns).show(items(&said)?)
        }
        Shows::One(columns) => {
            let said = api.ask(asked(options, None)).await?;
            let one = said.body.ok_or_else(|| Error::new(Kind::Invalid, "the server answered nothing"))?;
            Listing::new(options.output, columns).show(&[one])
        }
        Shows::Nothing => {
            api.ask(asked(options, None)).await?;
            remark("done");
            Ok(())
        }
    }
}

/// Shows a list page by page, as it comes.
async fn list(api: &Api, options: &Options, columns: &'static [&'static str]) -> Result<()> {
    let (mut listing, mut course) = (Listing::new(options.output, columns), Course::default());
    let (mut last, mut left) = (None, options.limit);
    loop {
        let page =
            [("n", PAGE.min(left).to_string())].into_iter().chain(last.take().map(|last| ("last", last)));
        let said = api.ask(asked(options, Some(page.collect()))).await?;
        let items = items(&said)?;
        listing.show(items)?;
        left = left.saturating_sub(items.len() as u64);
        match &said.next {
            Some(next) if left > 0 => last = Some(course.follow(items, next)?),
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
        key: entropy.id::<16>(),
    }
}

/// What is told of objects: a line of JSON each, or a table that goes on from page to page.
struct Listing {
    output: OutputFormat,
    columns: &'static [&'static str],
    table: Table,
    /// Until they were told.
    titles: Option<Vec<String>>,
}

impl Listing {
    fn new(output: OutputFormat, columns: &'static [&'static str]) -> Self {
        let titles = columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
        Self { output, columns, table: Table::default(), titles: Some(titles) }
    }

    fn show(&mut self, items: &[Value]) -> Result<()> {
        say(&self.lines(items).into_iter().map(|line| line + "\n").collect::<String>())
    }

    fn lines(&mut self, items: &[Value]) -> Vec<String> {
        if self.output == OutputFormat::Json {
            return items.iter().map(ToString::to_string).collect();
        }
        let cells = |item: &Value| self.columns.iter().map(|column| cell(column, item.get(column))).collect();
        let rows: Vec<Vec<String>> = self.titles.take().into_iter().chain(items.iter().map(cells)).collect();
        self.table.lines(&rows)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn titles_stand_once_above_however_many_pages() {
        let mut listing = Listing::new(OutputFormat::Text, &["name", "used_at"]);
        let page = |name: &str| [json!({ "name": name, "used_at": null })];
        let lines = [listing.lines(&page("laptop")), listing.lines(&page("ci"))].concat();
        assert_eq!(lines, ["NAME    USED AT", "laptop  -", "ci      -"]);
    }
}
