//! The states of the model, and what each of its actors may do next.

use super::Guard;

/// What nothing needs is looked at after so many ticks.
const DELAY: u8 = 3;
/// HEAD hides it for so many before.
const LEAVING: u8 = 1;
/// Bytes stay for so many after their row.
const GRACE: u8 = 1;
/// Here time ends.
const END: u8 = 5;

/// The repositories: of the pusher, and of the mounter.
const REPOSITORIES: [usize; 2] = [0, 1];

/// Who moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Time,
    Pusher,
    Asker,
    Mounter,
    Deleter,
    Reader,
    Collector(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Review {
    due: u8,
    epoch: u8,
}

/// A blob in a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Member {
    epoch: Option<u8>,
    review: Option<Review>,
    /// The manifests that name it, one bit each.
    named: u8,
    /// Until when somebody may count on it.
    promised: u8,
}

/// What a collector is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Collecting {
    Nothing,
    /// It listed these reviews.
    Listed([Option<Review>; 2]),
    /// It listed this object.
    Due(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    without: Option<u8>,
    time: u8,
    members: [Member; 2],
    /// The object that the blob's row leads to.
    row: Option<u8>,
    /// The objects there are, one bit each.
    objects: u8,
    condemned: [Option<u8>; 2],
    pusher: u8,
    asker: u8,
    mounter: u8,
    deleter: u8,
    /// The object that the reader is about to open, and when it learnt of it.
    reader: Option<(u8, u8)>,
    collectors: [Collecting; 2],
    wrong: Option<&'static str>,
}

impl State {
    pub(super) fn first(without: Option<Guard>) -> Self {
        Self {
            without: without.map(|guard| guard as u8),
            time: 0,
            members: [Member::default(); 2],
            row: None,
            objects: 0,
            condemned: [None; 2],
            pusher: 0,
            asker: 0,
            mounter: 0,
            deleter: 0,
            reader: None,
            collectors: [Collecting::Nothing; 2],
            wrong: None,
        }
    }

    /// The same without what can make no difference any more: states that differ in nothing else are one.
    fn forgetting(mut self) -> Self {
        for member in self.members.iter_mut().filter(|member| member.promised <= self.time) {
            member.promised = 0;
        }
        self.reader = self.reader.filter(|(_, since)| self.time < since + GRACE);
        self.collectors.sort_unstable();
        self
    }

    fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard as u8)
    }

    fn has_object(&self, object: u8) -> bool {
        self.objects & (1 << object) != 0
    }

    /// What must hold in every state.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(wrong) = self.wrong {
            return Err(wrong.to_owned());
        }
        for (number, member) in self.members.iter().enumerate() {
            let is_there = member.epoch.is_some();
            if member.named != 0 && !is_there {
                return Err(format!("a manifest of {number} lacks its blob"));
            }
            if self.time < member.promised && !is_there {
                return Err(format!("{number} lost the blob before its time"));
            }
            if is_there && !self.row.is_some_and(|object| self.has_object(object)) {
                return Err(format!("{number} holds a blob without bytes"));
            }
        }
        if self.is_quiet() { self.clone().rest() } else { Ok(()) }
    }

    /// Nobody is in the middle of anything, and no time is left for more.
    fn is_quiet(&self) -> bool {
        self.time == END && self.reader.is_none() && self.collectors == [Collecting::Nothing; 2]
    }

    /// In the end only what manifests need is there: no row more, and no bytes.
    fn rest(mut self) -> Result<(), String> {
        for _ in 0..4 {
            self.time += DELAY;
            self.list_and_review();
        }
        self.time += GRACE;
        for object in 0..2_u8 {
            if self.condemned[usize::from(object)].is_some_and(|due| due <= self.time) {
                self.objects &= !(1 << object);
            }
        }
        let unneeded = |member: &&Member| member.named == 0 && member.epoch.is_some();
        if self.members.iter().any(|member| unneeded(&member)) {
            return Err("what nothing needs stays for ever".to_owned());
        }
        // An upload that was never finished expires by itself.
        let unfinished = if matches!(self.pusher, 1 | 5) { 1 << (self.pusher / 3) } else { 0 };
        if self.objects & !unfinished != self.row.map_or(0, |object| 1 << object) {
            return Err("bytes stay that no row leads to".to_owned());
        }
        Ok(())
    }

    fn list_and_review(&mut self) {
        let listed = self.due_reviews();
        self.review(listed);
    }

    fn ask_review(&mut self, repository: usize) {
        let due = self.time + DELAY;
        let member = &mut self.members[repository];
        member.review = member.epoch.map(|epoch| Review { due, epoch });
    }

    /// Makes the blob a member, or names it.
    fn add(&mut self, repository: usize) {
        let member = &mut self.members[repository];
        member.epoch = Some(member.epoch.map_or(0, |epoch| epoch + 1));
        self.ask_review(repository);
        self.promise(repository, DELAY);
    }

    fn promise(&mut self, repository: usize, ticks: u8) {
        let promised = &mut self.members[repository].promised;
        *promised = (*promised).max(self.time + ticks);
    }

    /// Finishes the upload of an object.
    fn finish(&mut self, object: u8) {
        if let Some(known) = self.row.replace(object) {
            self.condemn(known);
        }
        self.add(0);
    }

    fn condemn(&mut self, object: u8) {
        let grace = if self.has(Guard::Grace) { GRACE } else { 0 };
        self.condemned[usize::from(object)].get_or_insert(self.time + grace);
    }

    /// Pushes a manifest that names the blob, or is refused.
    fn name(&mut self, repository: usize, manifest: u8) {
        let member = &mut self.members[repository];
        if let Some(epoch) = &mut member.epoch {
            *epoch += 1;
            member.named |= 1 << manifest;
        }
    }

    fn is_leaving(&self, repository: usize) -> bool {
        let member = &self.members[repository];
        let is_close = |review: Review| review.due <= self.time + LEAVING;
        self.has(Guard::Hiding) && member.named == 0 && member.review.is_some_and(is_close)
    }

    fn due_reviews(&self) -> [Option<Review>; 2] {
        self.members.map(|member| member.review.filter(|review| review.due <= self.time))
    }

    /// One transaction, which looks at each review that was listed.
    fn review(&mut self, listed: [Option<Review>; 2]) {
        for repository in REPOSITORIES {
            let Some(seen) = listed[repository] else { continue };
            let standing = self.members[repository].review;
            let is_standing = standing.is_some_and(|review| review.due == seen.due);
            if standing.is_none() || (self.has(Guard::Putting) && !is_standing) {
                continue;
            }
            let member = &mut self.members[repository];
            member.review = None;
            let is_needed = member.named != 0;
            let Some(epoch) = member.epoch else { continue };
            let may_end =
                (epoch == seen.epoch || !self.has(Guard::Epoch)) && (!is_needed || !self.has(Guard::Need));
            if may_end {
                self.members[repository].epoch = None;
                self.release();
            } else if !is_needed {
                self.ask_review(repository);
            }
        }
    }

    fn release(&mut self) {
        let is_orphan = self.members.iter().all(|member| member.epoch.is_none());
        if (is_orphan || !self.has(Guard::Orphan))
            && let Some(object) = self.row.take()
        {
            self.condemn(object);
        }
    }
}

/// What an actor does next; false where it can do nothing.
type Step = fn(&mut State) -> bool;

/// Every state that one step leads to, and whose step it is.
pub(super) fn next(state: &State) -> Vec<(Actor, State)> {
    const ACTORS: [(Actor, Step); 8] = [
        (Actor::Time, time),
        (Actor::Pusher, pusher),
        (Actor::Asker, asker),
        (Actor::Mounter, mounter),
        (Actor::Deleter, deleter),
        (Actor::Reader, reader),
        (Actor::Collector(0), |state| collector(state, 0)),
        (Actor::Collector(1), |state| collector(state, 1)),
    ];
    let step = |(actor, step): (Actor, Step)| {
        let mut state = state.clone();
        step(&mut state).then(|| (actor, state.forgetting()))
    };
    ACTORS.into_iter().filter_map(step).collect()
}

fn time(state: &mut State) -> bool {
    state.time += 1;
    state.time <= END
}

/// Uploads the blob, names it, and uploads it once more.
fn pusher(state: &mut State) -> bool {
    match state.pusher {
        0 => state.objects |= 1,
        1 => state.finish(0),
        2 => state.name(0, 0),
        3 => {}
        4 => state.objects |= 2,
        5 => state.finish(1),
        _ => return false,
    }
    state.pusher += 1;
    true
}

/// HEAD, and a manifest if the blob is there.
fn asker(state: &mut State) -> bool {
    let is_there = state.members[0].epoch.is_some();
    state.asker = match state.asker {
        0 if !is_there => 3,
        0 if !state.has(Guard::OneLook) => 1,
        0 | 1 if state.is_leaving(0) => 3,
        0 | 1 => {
            state.promise(0, LEAVING);
            2
        }
        2 => {
            state.name(0, 1);
            3
        }
        _ => return false,
    };
    true
}

/// Finds the blob in the first repository, mounts it into the second, and names it there.
fn mounter(state: &mut State) -> bool {
    state.mounter = match state.mounter {
        0 if state.members[0].epoch.is_some() => 1,
        1 => match state.members[0].epoch {
            None => 3,
            Some(epoch) => {
                if state.has(Guard::Source) {
                    state.members[0].epoch = Some(epoch + 1);
                }
                state.promise(0, DELAY);
                state.add(1);
                2
            }
        },
        2 => {
            state.name(1, 0);
            3
        }
        _ => return false,
    };
    true
}

/// Deletes the manifests of the first repository.
fn deleter(state: &mut State) -> bool {
    if state.deleter > 0 || state.members[0].named == 0 {
        return false;
    }
    state.deleter = 1;
    if state.has(Guard::Delay) {
        state.ask_review(0);
    }
    state.members[0].named = 0;
    state.promise(0, DELAY);
    true
}

/// Learns where the bytes lie, and opens them soon after.
fn reader(state: &mut State) -> bool {
    match state.reader.take() {
        None => {
            state.reader = state.row.map(|object| (object, state.time));
            state.reader.is_some()
        }
        Some((object, since)) => {
            if !state.has_object(object) && state.time < since + GRACE {
                state.wrong = Some("a reader found the row and no bytes");
            }
            true
        }
    }
}

fn collector(state: &mut State, number: usize) -> bool {
    let standing = std::mem::replace(&mut state.collectors[number], Collecting::Nothing);
    match standing {
        Collecting::Nothing => {
            let due = |object: &u8| {
                let due = state.condemned[usize::from(*object)];
                state.has_object(*object) && due.is_some_and(|due| due <= state.time)
            };
            let reviews = state.due_reviews();
            state.collectors[number] = match (0..2_u8).find(due) {
                Some(object) => Collecting::Due(object),
                None if reviews != [None, None] => Collecting::Listed(reviews),
                None => return false,
            };
        }
        Collecting::Listed(reviews) => state.review(reviews),
        Collecting::Due(object) => state.objects &= !(1 << object),
    }
    true
}
