//! The table of a case, in Markdown, so that it can be pasted into `README.md`.

use std::{fmt, fs, time::Duration};

use crate::{
    case::{Case, Kind, Scale},
    contender::Sample,
    goal::{Bound, Figure, Goal},
    process,
    run::Outcome,
    statistics::{Spread, percentile},
};

const MIB: f64 = 1_048_576.0;

/// A case and what came of it.
pub(crate) struct Report<'a> {
    pub(crate) case: &'a Case,
    pub(crate) scale: Scale,
    pub(crate) outcomes: &'a [Outcome],
}

/// What the figures were taken on.
pub(crate) fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    };
    let sha = if field("flags").split(' ').any(|flag| flag == "sha_ni") { "with" } else { "without" };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = process::load_average();
    let (model, kernel) = (field("model name"), kernel.trim());
    format!("{model}, {cores} cores, {sha} SHA instructions, Linux {kernel}, load at the start {load:.2}\n")
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}: {}\n", self.case.name, self.case.about)?;
        let unit = if self.bytes().is_some() { "MB/s" } else { "per s" };
        writeln!(
            f,
            "| who | wall s (min–max) | {unit} (min–max) | CPU ms/op | p50 ms | p99 ms | first row's speed ÷ | first row's CPU ÷ | idle MiB | peak growth MiB | load |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|---|")?;
        self.outcomes.iter().try_for_each(|outcome| self.row(f, outcome))?;
        writeln!(f)?;
        self.case.goals.iter().try_for_each(|goal| self.goal(f, *goal))
    }
}

impl Report<'_> {
    fn row(&self, f: &mut fmt::Formatter<'_>, outcome: &Outcome) -> fmt::Result {
        let name = outcome.kind.name();
        match &outcome.void {
            Some(reason) => return writeln!(f, "| {name} | **void**: {reason} |"),
            None if !outcome.installed => return writeln!(f, "| {name} | **skipped**: not installed |"),
            None => (),
        }
        let wall = Spread::of(outcome.samples.iter().map(|sample| sample.load.wall.as_secs_f64()));
        let rate = Spread::of(outcome.samples.iter().map(|sample| self.rate(sample)));
        let cpu = Spread::of(outcome.samples.iter().map(cpu)).median;
        let mut latencies: Vec<Duration> =
            outcome.samples.iter().flat_map(|sample| sample.load.latencies.iter().copied()).collect();
        latencies.sort();
        let (half, most) = (percentile(&latencies, 0.5), percentile(&latencies, 0.99));
        write!(f, "| {name} | {:.2} ({:.2}–{:.2}) ", wall.median, wall.least, wall.most)?;
        write!(f, "| {:.0} ({:.0}–{:.0}) ", rate.median, rate.least, rate.most)?;
        write!(f, "| {cpu:.3} | {half:.2} | {most:.2} ")?;
        write!(f, "| {} | {} ", times(self.speed(outcome.kind)), times(self.cpu(outcome.kind)))?;
        let load = Spread::of(outcome.loads.iter().copied()).median;
        let (idle, growth) = (mib(idle(outcome)), mib(growth(outcome)));
        writeln!(f, "| {idle} | {growth} | {load:.1} |")
    }

    fn goal(&self, f: &mut fmt::Formatter<'_>, goal: Goal) -> fmt::Result {
        match goal.figure {
            Figure::Speed(peer) => write!(f, "- speed over {}", peer.name())?,
            Figure::Cpu(peer) => write!(f, "- CPU over {}", peer.name())?,
            Figure::Median(peer) => write!(f, "- p50 over {}", peer.name())?,
            Figure::Slowest(peer) => write!(f, "- p99 over {}", peer.name())?,
            Figure::P99 => write!(f, "- p99 in ms")?,
            Figure::Rate => write!(f, "- operations per second")?,
            Figure::Idle => write!(f, "- MiB idle")?,
            Figure::GrowthPerClient => write!(f, "- MiB of growth for each client")?,
        }
        let found = self.figure(goal.figure).unwrap_or(f64::NAN);
        let met = match goal.bound {
            Bound::Least(least) => {
                write!(f, ", at least {least}: ")?;
                found >= least
            }
            Bound::Most(most) => {
                write!(f, ", at most {most}: ")?;
                found <= most
            }
        };
        match (found.is_nan(), met) {
            (true, _) => writeln!(f, "not measured"),
            (false, true) => writeln!(f, "{found:.2}, met"),
            (false, false) => writeln!(f, "{found:.2}, **missed**"),
        }
    }

    fn figure(&self, figure: Figure) -> Option<f64> {
        let wharf = self.of(self.case.subject)?;
        match figure {
            Figure::Speed(peer) => self.speed(peer),
            Figure::Cpu(peer) => self.cpu(peer),
            Figure::Median(peer) => self.ratio(peer, |sample| latency(sample, 0.5)),
            Figure::Slowest(peer) => self.ratio(peer, slowest),
            Figure::P99 => Some(Spread::of(wharf.samples.iter().map(slowest)).median),
            Figure::Rate => Some(Spread::of(wharf.samples.iter().map(|sample| self.rate(sample))).median),
            Figure::Idle => idle(wharf),
            Figure::GrowthPerClient => growth(wharf).map(|growth| growth / self.case.clients as f64),
        }
    }

    fn of(&self, kind: Kind) -> Option<&Outcome> {
        let valid = |outcome: &&Outcome| outcome.kind == kind && outcome.void.is_none();
        self.outcomes.iter().find(valid)
    }

    /// Wharf's work per second over that of a peer: the median of the rounds' ratios.
    fn speed(&self, peer: Kind) -> Option<f64> {
        self.ratio(peer, |sample| self.rate(sample))
    }

    fn cpu(&self, peer: Kind) -> Option<f64> {
        self.ratio(peer, cpu)
    }

    fn ratio(&self, peer: Kind, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        let (wharf, peer) = (self.of(self.case.subject)?, self.of(peer)?);
        let rounds = wharf.samples.iter().zip(&peer.samples);
        let ratio = Spread::of(rounds.map(|(wharf, peer)| figure(wharf) / figure(peer))).median;
        ratio.is_finite().then_some(ratio)
    }

    /// Operations, or megabytes, a second.
    fn rate(&self, sample: &Sample) -> f64 {
        let each = self.bytes().map_or(1.0, |bytes| bytes as f64 / 1e6);
        sample.load.latencies.len() as f64 * each / sample.load.wall.as_secs_f64()
    }

    fn bytes(&self) -> Option<u64> {
        self.case.work.bytes(self.scale)
    }
}

/// Processor time of an operation, in milliseconds.
fn cpu(sample: &Sample) -> f64 {
    sample.cpu.as_secs_f64() * 1e3 / sample.load.latencies.len() as f64
}

/// The 99th percentile of a turn's latencies, in milliseconds.
fn slowest(sample: &Sample) -> f64 {
    latency(sample, 0.99)
}

/// A percentile of a turn's latencies, in milliseconds.
fn latency(sample: &Sample, share: f64) -> f64 {
    let mut latencies = sample.load.latencies.clone();
    latencies.sort();
    percentile(&latencies, share)
}

fn idle(outcome: &Outcome) -> Option<f64> {
    outcome.idle.map(|bytes| bytes as f64 / MIB)
}

/// How far the worst moment of any turn lies above the idle server, in MiB.
fn growth(outcome: &Outcome) -> Option<f64> {
    let peak = outcome.samples.iter().map(|sample| sample.peak).max()?;
    Some(peak.saturating_sub(outcome.idle?) as f64 / MIB)
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn mib(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.1}"))
}
