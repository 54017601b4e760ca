//! Searching among what a registry shows: of each subject the newest fact that answers a question.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_core::{Error, Kind, Limit, ReachGrant, Result};

use super::{Answers, FactCursor, Question, fact::LONGEST};
use crate::{
    Registry,
    port::{Extent, ShownOf, ShownRow, Transaction, Work},
};

/// How many facts are read at a time.
const CHUNK: u32 = 200;
/// How many facts one page looks at: it ends there, however few it found, and the next one goes on.
const MOST_LOOKED_AT: usize = 5000;

/// Which facts are wanted.
#[derive(Clone, Debug)]
pub struct SubjectSearch {
    /// Of which format.
    pub format: String,
    /// What they must answer.
    pub question: Question,
    /// Where the page before ended.
    pub last: Option<FactCursor>,
}

/// A page of what was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FoundFacts {
    /// By subject, each once, within the caller's reach.
    pub rows: Vec<ShownRow>,
    /// Where to go on; nothing at the end.
    pub next: Option<FactCursor>,
}

impl Registry {
    /// A page of a search among what a registry shows.
    ///
    /// # Errors
    /// `Invalid` for a format that is not known, and for a question that its format does not understand.
    pub async fn search_shown(
        &self,
        grant: &ReachGrant,
        search: SubjectSearch,
        limit: Limit,
    ) -> Result<FoundFacts> {
        let SubjectSearch { format, question, last } = search;
        let known = self.formats().iter().find(|known| known.name() == format);
        let known = known.ok_or_else(|| Error::new(Kind::Invalid, "there is no such format"))?;
        let answers = Arc::new(known.answers(&question)?);
        let wanted = ShownOf { registry: grant.registry(), format, pair: None, last, most: CHUNK };
        self.store().view(Search { grant: grant.clone(), wanted, answers, limit }).await
    }
}

struct Search {
    grant: ReachGrant,
    wanted: ShownOf,
    answers: Arc<Answers>,
    limit: Limit,
}

#[async_trait]
impl Transaction for Search {
    type Output = FoundFacts;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<FoundFacts> {
        let (mut wanted, mut found, mut looked_at) = (self.wanted.clone(), FoundFacts::default(), 0);
        loop {
            let rows = work.shown(&wanted).await?;
            let is_last = rows.len() < wanted.most as usize;
            looked_at += rows.len();
            for row in rows {
                wanted.last = Some(self.take(row, &mut found));
                if found.rows.len() == self.limit.get() {
                    return Ok(FoundFacts { next: wanted.last, ..found });
                }
            }
            if is_last {
                return Ok(found);
            }
            if looked_at >= MOST_LOOKED_AT {
                return Ok(FoundFacts { next: wanted.last, ..found });
            }
        }
    }
}

impl Search {
    /// Takes a row in if it is the first of its subject that answers; says behind what to go on.
    fn take(&self, row: ShownRow, found: &mut FoundFacts) -> FactCursor {
        let known = found.rows.last().map(|row| row.cursor.subject.as_str());
        let cursor = row.cursor.clone();
        if known == Some(cursor.subject.as_str()) {
            return behind(cursor.subject);
        }
        if self.grant.reaches(&row.place) && (self.answers)(&row) {
            found.rows.push(row);
            return behind(cursor.subject);
        }
        cursor
    }
}

/// Behind every fact about a subject: no sort key is as long.
fn behind(subject: String) -> FactCursor {
    FactCursor { subject, sort_key: vec![u8::MAX; LONGEST + 1], id: i64::MAX }
}
