//! What is to be recorded but changes nothing, and so has no transaction of its own: pulls, logins, refusals.
//!
//! Engines note it here, in memory; the server writes it down every second. What happens again within that second is one
//! record that counts. What strangers can cause without end has a budget of records: beyond it only their number is
//! kept. So a flood costs a bound in memory and on the disk, and a crash loses a second at most.

use std::{
    collections::HashMap,
    mem,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use super::AuditRecord;
use crate::{Actor, Digest, Place, Principal, Timestamp};

/// How many different records are kept between two writings.
const MOST: usize = 1000;
/// How many records of what strangers cause may be written at once.
const BURST: i64 = 60;
/// One more of them may be written after so many microseconds.
const PACE: i64 = 1_000_000;
/// What becomes of those beyond is written after so many microseconds.
const SUMMED: i64 = 60_000_000;

/// What makes two records the same but for their time.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sameness {
    action: &'static str,
    actor: String,
    credential: String,
    address: Option<IpAddr>,
    place: Option<Place>,
    organisation: Option<String>,
    target: Option<String>,
    digest: Option<Digest>,
}

/// Records on their way to the log. All who note share one.
#[derive(Debug, Default)]
pub struct Notebook(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    records: HashMap<Sameness, AuditRecord>,
    /// How many of each action were left out, since when.
    left_out: HashMap<&'static str, (u64, Timestamp)>,
    /// Until when the budget is spent: a time that may run ahead of the clock by as much as may be written at once.
    spent: i64,
}

impl Notebook {
    /// Notes what happened.
    pub fn note(&self, record: AuditRecord) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = Sameness::of(&record);
        if let Some(known) = notes.records.get_mut(&same) {
            known.times = known.times.saturating_add(record.times);
        } else if notes.records.len() < MOST && notes.afford(&record) {
            notes.records.insert(same, record);
        } else {
            let (times, _) = notes.left_out.entry(record.action).or_insert((0, record.at));
            *times = times.saturating_add(record.times);
        }
    }

    /// Takes out what was noted since the last time, the earliest first, and now and then how much was left out.
    #[allow(clippy::disallowed_methods, reason = "the notebook itself says how much it left out")]
    pub fn take(&self, now: Timestamp) -> Vec<AuditRecord> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<_> = mem::take(&mut notes.records).into_values().collect();
        let is_due = |since: Timestamp| now.microseconds() - since.microseconds() >= SUMMED;
        for (action, (times, since)) in notes.left_out.extract_if(|_, (_, since)| is_due(*since)) {
            let sum = AuditRecord::new(since, &Actor::job("audit"), action);
            records.push(AuditRecord { target: Some("others".to_owned()), times, ..sum });
        }
        records.sort_by_key(|record| record.at);
        records
    }
}

impl Notes {
    /// Whether there is a budget for one more record, which it then pays for.
    fn afford(&mut self, record: &AuditRecord) -> bool {
        if !is_anybodys(record) {
            return true;
        }
        let now = record.at.microseconds();
        let spent = self.spent.max(now).saturating_add(PACE);
        let affords = spent <= now.saturating_add(BURST * PACE);
        if affords {
            self.spent = spent;
        }
        affords
    }
}

/// Whether a stranger can cause as many such records as he likes. A refusal costs who is refused nothing, whoever it is.
fn is_anybodys(record: &AuditRecord) -> bool {
    record.action.ends_with("refused") || record.actor.principal == Principal::Anonymous
}

impl Sameness {
    fn of(record: &AuditRecord) -> Self {
        Self {
            action: record.action,
            actor: record.actor.principal.name().to_owned(),
            credential: record.actor.credential.record(),
            address: record.actor.address,
            place: record.place.clone(),
            organisation: record.organisation.as_ref().map(ToString::to_string),
            target: record.target.clone(),
            digest: record.digest,
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "somebody must act")]
mod tests {
    use super::*;
    use crate::{Access, Credential};

    fn at(second: i64) -> Timestamp {
        Timestamp::default().plus_seconds(second)
    }

    fn refusal(second: i64, client: u32) -> AuditRecord {
        let stranger = Actor {
            principal: Principal::Anonymous,
            credential: Credential::None,
            access: Access::Whole,
            address: Some(IpAddr::V4(client.into())),
            request_id: String::new(),
        };
        AuditRecord::new(at(second), &stranger, "login.refused")
    }

    #[test]
    fn what_happens_again_is_one_record_that_counts() {
        let notebook = Notebook::default();
        (0..5).for_each(|_| notebook.note(refusal(1, 7)));
        notebook.note(refusal(1, 8));
        let mut times: Vec<_> = notebook.take(at(2)).iter().map(|record| record.times).collect();
        times.sort_unstable();
        assert_eq!(times, [1, 5]);
        assert!(notebook.take(at(3)).is_empty());
    }

    #[test]
    fn a_flood_of_refusals_is_a_bounded_number_of_records_and_none_goes_uncounted() {
        let notebook = Notebook::default();
        let mut written = Vec::new();
        for second in 0..600_u32 {
            (0..1000).for_each(|client| notebook.note(refusal(second.into(), 1000 * second + client)));
            written.extend(notebook.take(at(second.into())));
        }
        written.extend(notebook.take(at(10_000)));
        assert_eq!(written.iter().map(|record| record.times).sum::<u64>(), 600_000);
        let most = usize::try_from(BURST).unwrap() + 600 + 12;
        assert!(written.len() <= most, "{} records", written.len());
    }

    #[test]
    fn what_the_known_do_has_no_budget_but_a_bound() {
        let notebook = Notebook::default();
        for client in 0..2000_i64 {
            let pull = AuditRecord::new(at(1), &Actor::job("test"), "manifest.pull");
            notebook.note(AuditRecord { target: Some(client.to_string()), ..pull });
        }
        assert_eq!(notebook.take(at(1)).len(), MOST);
        let [rest] = &notebook.take(at(100))[..] else { panic!("one sum") };
        assert_eq!((rest.times, rest.target.as_deref()), (1000, Some("others")));
    }
}
