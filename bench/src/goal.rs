//! What a case is to reach: a figure of Wharf's, and a bound for it.

use crate::case::Kind;

/// Something to be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) figure: Figure,
    pub(crate) bound: Bound,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    /// Wharf's work per second over that of a peer in the same run.
    Speed(Kind),
    /// Wharf's CPU for the same work over a peer's.
    Cpu(Kind),
    /// Its median latency over a peer's.
    Median(Kind),
    /// Its 99th percentile of latency over a peer's.
    Slowest(Kind),
    /// Its 99th percentile of latency, in milliseconds.
    P99,
    /// Wharf's operations per second.
    Rate,
    /// MiB resident when nothing was asked yet.
    Idle,
    /// MiB more for each client, at the worst moment.
    GrowthPerClient,
}

/// How far it must, or may, go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Least(f64),
    Most(f64),
}

pub(crate) const fn at_least(figure: Figure, least: f64) -> Goal {
    Goal { figure, bound: Bound::Least(least) }
}

pub(crate) const fn at_most(figure: Figure, most: f64) -> Goal {
    Goal { figure, bound: Bound::Most(most) }
}
