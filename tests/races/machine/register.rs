//! One thing that holds a value, written by many.

/// What is known of it. Of writes that overlap nobody knows which came last, until somebody looks.
#[derive(Debug)]
pub(super) struct Register<T> {
    known: Option<T>,
    running: u32,
    overlapped: bool,
    changes: u64,
}

/// A value that stood at a moment.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

impl<T: Clone + PartialEq> Register<T> {
    pub(super) fn holding(value: T) -> Self {
        Self { known: Some(value), running: 0, overlapped: false, changes: 0 }
    }

    /// A write begins.
    pub(super) fn begin(&mut self) {
        self.overlapped |= self.running > 0;
        self.running += 1;
        self.changes += 1;
    }

    /// A write ends, and wrote what this makes of the value before; nothing, where it gives none. Yields the value
    /// before, where that is known.
    pub(super) fn end(&mut self, wrote: impl FnOnce(&T) -> Option<T>) -> Option<T> {
        self.running -= 1;
        self.changes += 1;
        let before = self.known.clone().filter(|_| !self.overlapped);
        self.known = before.as_ref().map(|before| wrote(before).unwrap_or_else(|| before.clone()));
        self.overlapped &= self.running > 0;
        before
    }

    /// The same for a write that does not look at what stood there; nothing, where it failed.
    pub(super) fn end_with(&mut self, wrote: Option<T>) {
        let is_alone = !self.overlapped;
        self.end(|_| None);
        if wrote.is_some() && is_alone {
            self.known = wrote;
        }
    }

    /// The value, where it is known and nobody writes.
    pub(super) fn value(&self) -> Option<&T> {
        self.known.as_ref().filter(|_| self.running == 0)
    }

    /// To ask later whether it stood still meanwhile.
    pub(super) fn look(&self) -> Seen {
        Seen(self.changes)
    }

    pub(super) fn stood_since(&self, seen: Seen) -> bool {
        self.running == 0 && self.changes == seen.0
    }

    /// Nobody writes, and somebody looked: false where something else was known.
    pub(super) fn settle(&mut self, seen: T) -> bool {
        let is_right = self.known.as_ref().is_none_or(|known| *known == seen);
        self.known = Some(seen);
        is_right
    }
}

#[test]
fn a_register_knows_what_it_holds_unless_writes_overlapped() {
    let mut register = Register::holding(0);
    register.begin();
    assert_eq!(register.value(), None);
    register.end_with(Some(1));
    assert_eq!(register.value(), Some(&1));
    register.begin();
    register.begin();
    register.end_with(Some(2));
    register.end_with(Some(3));
    assert_eq!(register.value(), None);
    assert!(register.settle(2) && !register.settle(3));
    let seen = register.look();
    assert!(register.stood_since(seen));
    register.begin();
    assert_eq!(register.end(|before| (*before == 4).then_some(5)), Some(3));
    assert!(!register.stood_since(seen) && register.value() == Some(&3));
}
