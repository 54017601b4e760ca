//! A case from start to end: contenders made ready, turns taken A B C A B C, outcomes.

use std::path::Path;

use crate::{
    case::{Case, Kind, Scale},
    contender::{Contender, Sample},
    filled::Filled,
    fixture::Fixture,
    process,
};

/// What a run works with.
pub(crate) struct Site<'a> {
    /// The program that is measured.
    pub(crate) wharf: &'a Path,
    /// How much of everything.
    pub(crate) scale: Scale,
    /// What takes long to fill, once a case needs it.
    pub(crate) filled: Filled,
}

/// What came of one contender.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Who.
    pub(crate) kind: Kind,
    /// Whether there was such a program.
    pub(crate) installed: bool,
    /// What was resident before anything was asked, in bytes.
    pub(crate) idle: Option<u64>,
    /// Its turns.
    pub(crate) samples: Vec<Sample>,
    /// The machine's load after each turn.
    pub(crate) loads: Vec<f64>,
    /// Why its figures are worth nothing.
    pub(crate) void: Option<String>,
}

/// Runs a case; its subject's outcome comes first. Whoever cannot be made ready, or meets an error, has a void outcome.
pub(crate) async fn run(case: &Case, site: &Site<'_>) -> Vec<Outcome> {
    let fixture = match Fixture::new(case.work, site.scale) {
        Ok(fixture) => fixture,
        Err(error) => return vec![outcome(case.subject, None, Some(error.to_string()))],
    };
    let mut contenders = Vec::new();
    for kind in std::iter::once(case.subject).chain(case.peers.iter().copied()) {
        eprintln!("{}: {} gets ready", case.name, kind.name());
        let made = Contender::new(kind, site, &fixture).await;
        let void = made.as_ref().err().map(ToString::to_string);
        let contender = made.unwrap_or_default();
        contenders.push((outcome(kind, contender.as_ref(), void), contender));
    }
    process::await_rest(site.scale.rest);
    for round in 1..=site.scale.rounds {
        eprintln!("{}: round {round} of {}", case.name, site.scale.rounds);
        for (outcome, contender) in &mut contenders {
            let (Some(contender), None) = (contender, &outcome.void) else { continue };
            match contender.turn(case, &fixture, site).await {
                Ok(sample) => outcome.samples.push(sample),
                Err(error) => outcome.void = Some(error.to_string()),
            }
            outcome.loads.push(process::load_average());
        }
    }
    contenders.into_iter().map(|(outcome, _)| outcome).collect()
}

fn outcome(kind: Kind, contender: Option<&Contender>, void: Option<String>) -> Outcome {
    let installed = contender.is_some() || void.is_some();
    let idle = contender.and_then(Contender::idle);
    Outcome { kind, installed, idle, samples: Vec::new(), loads: Vec::new(), void }
}
