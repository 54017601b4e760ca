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
use crate::{Actor, Digest, Place, Timestamp};

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
            notes.leave_out(&record);
        }
    }

    /// Puts back what could not be written down. What is a record already has paid for that.
    pub fn put_back(&self, records: &[AuditRecord]) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let same = Sameness::of(record);
            if let Some(known) = notes.records.get_mut(&same) {
                known.times = known.times.saturating_add(record.times);
                known.at = known.at.min(record.at);
            } else if notes.records.len() < MOST {
                notes.records.insert(same, record.clone());
            } else {
                notes.leave_out(record);
            }
        }
    }

    /// Takes out what was noted since the last time, the earliest first, and now and then how much was left out.
    #[expect(clippy::disallowed_methods, reason = "the notebook itself says how much it left out")]
    pub fn take(&self, now: Timestamp) -> Vec<AuditRecord> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<_> = mem::take(&mut notes.records).into_values().collect();
        // A clock that went back is no reason to be silent until it is there again.
        let is_due = |since: Timestamp| !(0..SUMMED).contains(&(now.microseconds() - since.microseconds()));
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
        let most = now.saturating_add(BURST * PACE);
        // No more can be spent than all there is, even if the clock went back.
        self.spent = self.spent.clamp(now, most);
        let spent = self.spent.saturating_add(PACE);
        let affords = spent <= most;
        if affords {
            self.spent = spent;
        }
        affords
    }

    /// Counts what is no record of its own.
    fn leave_out(&mut self, record: &AuditRecord) {
        let (times, _) = self.left_out.entry(record.action).or_insert((0, record.at));
        *times = times.saturating_add(record.times);
    }
}

/// Whether a stranger can cause as many such records as he likes. A refusal costs who is refused nothing, whoever it is.
fn is_anybodys(record: &AuditRecord) -> bool {
    record.action.ends_with("refused") || record.actor.is_anonymous()
}

impl Sameness {
    fn of(record: &AuditRecord) -> Self {
        Self {
            action: record.action,
            actor: record.actor.principal().name().to_owned(),
            credential: record.actor.credential().record(),
            address: record.actor.address(),
            place: record.place.clone(),
            organisation: record.organisation.as_ref().map(ToString::to_string),
            target: record.target.clone(),
            digest: record.digest,
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "somebody must act")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::default().plus_seconds(second)
    }

    fn refusal(second: i64, client: u32) -> AuditRecord {
        let stranger = Actor::nobody(Some(IpAddr::V4(client.into())), "");
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
    fn what_is_put_back_is_paid_for_once() {
        let notebook = Notebook::default();
        let most = u32::try_from(BURST).unwrap();
        (0..most).for_each(|client| notebook.note(refusal(1, client)));
        // The database is away for some seconds.
        for _ in 0..5 {
            let records = notebook.take(at(1));
            assert_eq!(records.len(), most as usize);
            notebook.put_back(&records);
        }
        notebook.note(refusal(1, 0));
        let records = notebook.take(at(1));
        assert_eq!(records.iter().map(|record| record.times).sum::<u64>(), u64::from(most) + 1);
        assert_eq!(records.len(), most as usize);
    }

    #[test]
    fn a_clock_that_goes_back_silences_nobody() {
        let notebook = Notebook::default();
        (0..100).for_each(|client| notebook.note(refusal(3600, client)));
        notebook.take(at(3600));
        let mut written = Vec::new();
        for second in 0..10 {
            (0..10).for_each(|client| {
                notebook.note(refusal(second, 1000 * u32::try_from(second).unwrap() + client))
            });
            written.extend(notebook.take(at(second)));
        }
        let (others, own): (Vec<_>, Vec<_>) =
            written.iter().partition(|record| record.target.as_deref() == Some("others"));
        assert!(own.len() >= 9, "{} records in ten seconds", own.len());
        assert_eq!(
            others.iter().map(|record| record.times).sum::<u64>(),
            50,
            "what was left out so far is told"
        );
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
