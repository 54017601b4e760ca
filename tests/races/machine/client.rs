//! One of those who race: it has a node, a number and chance of its own, and does one thing after the other.

use std::sync::Arc;

use wharf_core::{Action, Grant, Kind, Result};
use wharf_registry::Registry;

use super::{
    house::{BLOBS, GRACE, House, REPOSITORIES},
    model::Began,
};
use crate::random::Random;

pub(super) struct Client {
    pub(super) house: Arc<House>,
    pub(super) registry: Registry,
    pub(super) number: u64,
    pub(super) random: Random,
}

impl Client {
    pub(super) fn new(house: Arc<House>, number: u64, random: Random) -> Self {
        let registry = house.nodes[usize::try_from(number % 2).unwrap()].clone();
        Self { house, registry, number, random }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.house.turnstile.begin().await;
            let repository = self.pick(REPOSITORIES);
            match self.random.below(100) {
                0..14 => self.push_any(repository).await,
                14..18 => self.upload_in_pieces(repository).await,
                18..28 => self.mount_any(repository).await,
                28..48 if self.house.model.has_many_images(repository) => self.delete_image(repository).await,
                28..43 => self.push_image(repository).await,
                43..48 => self.push_image_unasked(repository).await,
                48..53 => self.delete_tag(repository).await,
                53..61 => self.delete_image(repository).await,
                61..64 => self.delete_blob(repository).await,
                64..71 => self.read_image(repository).await,
                71..88 => self.ask(repository).await,
                _ => self.read_blob(repository).await,
            }
        }
    }

    pub(super) async fn grant<A: Action>(&self, repository: usize) -> Grant<A> {
        self.house.grant(&self.registry, repository).await
    }

    pub(super) fn pick(&mut self, of: usize) -> usize {
        usize::try_from(self.random.below(of as u64)).unwrap()
    }

    /// A few are everybody's favourites.
    pub(super) fn pick_blob(&mut self) -> usize {
        if self.random.below(3) == 0 { self.pick(6) } else { self.pick(BLOBS) }
    }

    pub(super) fn tell(&self, what: &str) {
        self.house.model.tell(format!("{}: {what}", self.number));
    }

    /// What fails where nothing may.
    pub(super) fn expect<T>(&self, what: &str, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.house.model.fault(format!("{}: {what} failed: {error:?}", self.number));
                None
            }
        }
    }

    /// Whether it was so short a while that the bytes of what was found then must still be there.
    pub(super) fn is_within_grace(&self, began: Began) -> bool {
        self.house.model.now() < began.advanced.plus_seconds(GRACE)
    }
}

/// Whether something was found; other errors stay.
pub(super) fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
