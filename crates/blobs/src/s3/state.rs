//! What an upload's row keeps for S3: the parts so far, and where the tail lies.
//!
//! A state belongs to one version of its form and is taken whole or not at all. An empty one is that of an upload
//! nothing was written to.

use wharf_core::{Error, Result};

/// The form that is written.
const VERSION: u8 = 1;

/// S3 takes no more parts of one object.
pub(super) const MOST_PARTS: usize = 10_000;

/// How far an unfinished object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Of this object, in bytes: the setting may have changed since it was begun.
    pub(super) part_size: u64,
    /// S3's id of the object's parts, from the first part on. It never changes.
    pub(super) id: Option<String>,
    /// The tags of the parts, all of them full.
    pub(super) parts: Vec<String>,
    /// What follows the parts.
    pub(super) tail: Option<Tail>,
    /// The name of the tail before, which nobody needs once this state stands in the row.
    pub(super) spent: Option<String>,
}

/// The last bytes, which do not fill a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) place: Place,
    /// In bytes, never 0.
    pub(super) length: u64,
}

/// Where a tail lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Under the object's own key: it is the whole object, if nothing more comes.
    Own,
    /// Under a name of its own.
    Beside(String),
}

impl Tail {
    pub(super) fn name(&self) -> Option<&String> {
        match &self.place {
            Place::Own => None,
            Place::Beside(name) => Some(name),
        }
    }
}

impl State {
    pub(super) fn new(part_size: u64) -> Self {
        Self { part_size, id: None, parts: Vec::new(), tail: None, spent: None }
    }

    /// How many bytes the parts hold.
    pub(super) fn in_parts(&self) -> u64 {
        self.parts.len() as u64 * self.part_size
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        self.in_parts() + self.tail.as_ref().map_or(0, |tail| tail.length)
    }

    /// Reads what [`State::save`] wrote.
    pub(super) fn read(saved: &[u8], part_size: u64) -> Result<Self> {
        if saved.is_empty() {
            return Ok(Self::new(part_size));
        }
        Decoder(saved).state().ok_or_else(|| Error::internal("the upload's saved parts cannot be read"))
    }

    /// The bytes for the row.
    pub(super) fn save(&self) -> Vec<u8> {
        let mut saved = vec![VERSION];
        number(&mut saved, self.part_size);
        text(&mut saved, self.id.as_deref());
        number(&mut saved, self.parts.len() as u64);
        self.parts.iter().for_each(|tag| text(&mut saved, Some(tag)));
        number(&mut saved, self.tail.as_ref().map_or(0, |tail| tail.length));
        text(&mut saved, self.tail.as_ref().and_then(Tail::name).map(String::as_str));
        text(&mut saved, self.spent.as_deref());
        saved
    }
}

fn number(saved: &mut Vec<u8>, number: u64) {
    saved.extend_from_slice(&number.to_be_bytes());
}

/// Nothing is written as an empty text: no id, tag or name is one.
fn text(saved: &mut Vec<u8>, text: Option<&str>) {
    let text = text.unwrap_or_default();
    number(saved, text.len() as u64);
    saved.extend_from_slice(text.as_bytes());
}

struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    fn state(&mut self) -> Option<State> {
        let version = self.bytes(1)?;
        let part_size = self.number()?;
        let id = self.text()?;
        let parts = usize::try_from(self.number()?).ok().filter(|parts| *parts <= MOST_PARTS)?;
        let parts = (0..parts).map(|_| self.text()?).collect::<Option<Vec<_>>>()?;
        let (length, name, spent) = (self.number()?, self.text()?, self.text()?);
        let tail = (length > 0).then(|| Tail { place: name.map_or(Place::Own, Place::Beside), length });
        let whole =
            version == [VERSION] && self.0.is_empty() && part_size > 0 && (id.is_some() || parts.is_empty());
        whole.then_some(State { part_size, id, parts, tail, spent })
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    #[expect(clippy::option_option, reason = "outside: can it be read; inside: is there one")]
    fn text(&mut self) -> Option<Option<String>> {
        let length = usize::try_from(self.number()?).ok()?;
        let text = std::str::from_utf8(self.bytes(length)?).ok()?;
        Some((!text.is_empty()).then(|| text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> State {
        let tail = Tail { place: Place::Beside("tails/x.7.0".to_owned()), length: 7 };
        State {
            part_size: 5 << 20,
            id: Some("2~upload".to_owned()),
            parts: vec!["\"one\"".to_owned(), "\"two\"".to_owned()],
            tail: Some(tail),
            spent: Some("tails/x.3.0".to_owned()),
        }
    }

    #[test]
    fn a_state_reads_back() {
        let own = State { tail: Some(Tail { place: Place::Own, length: 3 }), ..State::new(1) };
        for state in [State::new(9), own, full()] {
            assert_eq!(State::read(&state.save(), 1).unwrap(), state);
        }
        assert_eq!(State::read(&[], 4).unwrap(), State::new(4));
        assert_eq!(full().length(), (10 << 20) + 7);
    }

    #[test]
    fn what_is_cut_off_lengthened_or_of_another_version_is_refused() {
        let saved = full().save();
        for end in 1..saved.len() {
            assert!(State::read(&saved[..end], 1).is_err(), "{end} bytes");
        }
        assert!(State::read(&[saved.as_slice(), b"x"].concat(), 1).is_err());
        assert!(State::read(&[&[VERSION + 1], &saved[1..]].concat(), 1).is_err());
        let parts_of_nothing = State { id: None, ..full() };
        assert!(State::read(&parts_of_nothing.save(), 1).is_err());
    }
}
