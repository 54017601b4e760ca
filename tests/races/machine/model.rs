//! What was acknowledged, and for how long that is a promise.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wharf_core::{Digest, Timestamp};

use super::{
    house::{REPOSITORIES, StillClock, TAGS},
    register::Register,
    turnstile::Turnstile,
};

/// How much is told of what went before a fault.
const REMEMBERED: usize = 120;
/// And of what happened to one blob.
const REMEMBERED_OF_ONE: usize = 9;
/// So many images are enough for a repository: every inspection looks at all of them.
const MANY: usize = 60;

/// A blob in a repository, by their numbers.
pub(super) type Place = (usize, usize);

/// What deletes without waiting: a deletion of the blob, or a collection that skips the delay.
#[derive(Debug, Default)]
struct Haste {
    running: u32,
    begun: u64,
    ended_at: u64,
}

/// What is known of a blob in a repository.
#[derive(Debug, Default)]
struct Member {
    /// Whether anybody ever tried to put it there.
    attempted: bool,
    /// Until when it may be counted on.
    promised: Option<Timestamp>,
    /// What happened to it, for whoever reads of a fault later.
    past: VecDeque<String>,
    deletions: Haste,
}

impl Member {
    fn tell(&mut self, what: String) {
        remember(&mut self.past, what, REMEMBERED_OF_ONE);
    }
}

fn remember(past: &mut VecDeque<String>, what: String, most: usize) {
    past.push_back(what);
    if past.len() > most {
        past.pop_front();
    }
}

/// The moment at which an operation began.
#[derive(Clone, Copy)]
pub(super) struct Began {
    moment: u64,
    /// Up to here the collector's time was moved, at least.
    pub(super) advanced: Timestamp,
}

/// A promise that stood at a moment.
#[derive(Clone, Copy)]
pub(super) struct Promised {
    pub(super) until: Timestamp,
    haste: (u64, u64),
}

pub(super) struct Image {
    pub(super) blobs: Vec<usize>,
    pub(super) is_there: Register<bool>,
}

impl Image {
    /// Whether it is not there for certain.
    pub(super) fn is_gone(&self) -> bool {
        self.is_there.value() == Some(&false)
    }
}

pub(super) struct Pages {
    moment: u64,
    advanced: Timestamp,
    members: BTreeMap<Place, Member>,
    hurries: Haste,
    /// By repository and digest.
    pub(super) images: BTreeMap<(usize, Digest), Image>,
    /// By repository and number.
    pub(super) tags: BTreeMap<(usize, u64), Register<Option<Digest>>>,
    faults: Vec<String>,
    past: VecDeque<String>,
    activity: BTreeMap<&'static str, u64>,
}

impl Pages {
    pub(super) fn fault(&mut self, what: String) {
        self.past.push_back(format!("FAULT {what}"));
        self.faults.push(what);
    }
}

/// The model, shared by all who race.
pub(super) struct Model {
    pages: Mutex<Pages>,
    clock: Arc<StillClock>,
    turnstile: Arc<Turnstile>,
}

impl Model {
    pub(super) fn new(clock: Arc<StillClock>, turnstile: Arc<Turnstile>) -> Self {
        let places = (0..REPOSITORIES).flat_map(|repository| (0..TAGS).map(move |tag| (repository, tag)));
        let tags = places.map(|place| (place, Register::holding(None)));
        let pages = Pages {
            moment: 0,
            advanced: clock.read(),
            members: BTreeMap::new(),
            hurries: Haste::default(),
            images: BTreeMap::new(),
            tags: tags.collect(),
            faults: Vec::new(),
            past: VecDeque::new(),
            activity: BTreeMap::new(),
        };
        Self { pages: Mutex::new(pages), clock, turnstile }
    }

    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.read()
    }

    pub(super) fn close_turnstile(&self) {
        self.turnstile.close();
    }

    /// An operation begins.
    pub(super) fn begin(&self) -> Began {
        let mut pages = self.pages();
        pages.moment += 1;
        Began { moment: pages.moment, advanced: pages.advanced }
    }

    /// The collector's time was moved up to here.
    pub(super) fn advanced(&self, to: Timestamp) {
        let mut pages = self.pages();
        pages.advanced = pages.advanced.max(to);
    }

    /// Somebody tries to put a blob there.
    pub(super) fn attempt(&self, place: Place) {
        self.pages().members.entry(place).or_default().attempted = true;
    }

    pub(super) fn was_attempted(&self, place: Place) -> bool {
        self.pages().members.get(&place).is_some_and(|member| member.attempted)
    }

    /// An operation that began then was told that the blob is there, and that counts for so many seconds.
    pub(super) fn promise(&self, place: Place, began: Began, seconds: i64) {
        let pages = &mut *self.pages();
        let member = pages.members.entry(place).or_default();
        let is_hasty = |haste: &Haste| haste.running > 0 || haste.ended_at >= began.moment;
        if !is_hasty(&member.deletions) && !is_hasty(&pages.hurries) {
            let line = format!("{} promised for {seconds} s from {}", self.clock.read(), began.advanced);
            member.tell(line);
            member.promised = member.promised.max(Some(began.advanced.plus_seconds(seconds)));
        }
    }

    /// The promise that stands for a blob.
    pub(super) fn promised(&self, place: Place) -> Option<Promised> {
        let pages = self.pages();
        let member = pages.members.get(&place)?;
        let haste = (member.deletions.begun, pages.hurries.begun);
        member.promised.filter(|until| self.now() < *until).map(|until| Promised { until, haste })
    }

    /// What happened to a blob.
    pub(super) fn past(&self, place: Place) -> String {
        let pages = self.pages();
        let past = pages.members.get(&place).into_iter().flat_map(|member| &member.past);
        past.map(String::as_str).collect::<Vec<_>>().join("\n  ")
    }

    /// Whether a promise still stands, so many seconds before its end.
    pub(super) fn stands(&self, place: Place, promised: Promised, before: i64) -> bool {
        let pages = self.pages();
        let begun = pages.members.get(&place).map_or(0, |member| member.deletions.begun);
        promised.haste == (begun, pages.hurries.begun) && self.now().plus_seconds(before) < promised.until
    }

    /// A blob is about to be deleted, whoever counts on it.
    pub(super) fn begin_deletion(&self, place: Place) {
        let mut pages = self.pages();
        let member = pages.members.entry(place).or_default();
        member.tell(format!("{} deleted", self.clock.read()));
        member.promised = None;
        member.deletions.running += 1;
        member.deletions.begun += 1;
    }

    pub(super) fn end_deletion(&self, place: Place) {
        let mut pages = self.pages();
        pages.moment += 1;
        let moment = pages.moment;
        let deletions = &mut pages.members.entry(place).or_default().deletions;
        deletions.running -= 1;
        deletions.ended_at = moment;
    }

    /// A collection begins that waits for no delay.
    pub(super) fn begin_hurry(&self) {
        let mut pages = self.pages();
        pages.members.values_mut().for_each(|member| member.promised = None);
        pages.hurries.running += 1;
        pages.hurries.begun += 1;
    }

    pub(super) fn end_hurry(&self) {
        let mut pages = self.pages();
        pages.moment += 1;
        pages.hurries.ended_at = pages.moment;
        pages.hurries.running -= 1;
    }

    /// Something happened, for whoever reads of a fault later.
    pub(super) fn tell(&self, what: String) {
        let mut pages = self.pages();
        let line = format!("{} {what}", self.clock.read());
        remember(&mut pages.past, line, REMEMBERED);
    }

    /// Whether it is time to delete images rather than to push more.
    pub(super) fn has_many_images(&self, repository: usize) -> bool {
        let pages = self.pages();
        let here = pages.images.iter().filter(|((at, _), image)| *at == repository && !image.is_gone());
        here.count() > MANY
    }

    /// Nobody does anything, and what is gone was looked for: it is not looked for any more.
    pub(super) fn forget_what_is_gone(&self) {
        self.pages().images.retain(|_, image| !image.is_gone());
    }

    pub(super) fn count(&self, what: &'static str, times: u64) {
        *self.pages().activity.entry(what).or_default() += times;
    }

    pub(super) fn fault(&self, what: String) {
        self.pages().fault(what);
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.pages().faults.is_empty()
    }

    pub(super) fn expect_no_faults(&self, context: &str) {
        let pages = self.pages();
        let past = || pages.past.iter().cloned().collect::<Vec<_>>().join("\n");
        assert!(pages.faults.is_empty(), "{context}:\n{}\n{}", past(), pages.faults.join("\n"));
    }

    /// A race in which nothing happens proves nothing.
    pub(super) fn expect_activity(&self) {
        const ALL: [&str; 10] = [
            "pushed",
            "mounted",
            "told",
            "hidden",
            "imaged",
            "refused",
            "untagged",
            "deleted",
            "collected",
            "removed",
        ];
        let pages = self.pages();
        let is_idle = |name: &&&str| pages.activity.get(**name).is_none_or(|times| *times == 0);
        let idle: Vec<_> = ALL.iter().filter(is_idle).collect();
        assert!(idle.is_empty(), "it never happened: {idle:?}");
    }

    pub(super) fn activity(&self) -> String {
        format!("{:?}", self.pages().activity)
    }
}
