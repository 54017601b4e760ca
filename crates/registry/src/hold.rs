//! Holding the bytes that the rows of this moment name, for somebody who copies them.
//!
//! A hold stops one thing only: no object is removed while one stands. So rows may come and go as always, and yet
//! every object stays that a snapshot made under the hold may name. It ends by itself, by the collector's time, if
//! whoever took it is gone.

use async_trait::async_trait;
use wharf_core::Result;

use crate::{
    Registry,
    port::{Transaction, Work},
};

/// How long a hold stands that nobody renews, in seconds of the collector's time.
const STANDS: i64 = 15 * 60;

impl Registry {
    /// Lets no object be removed for a quarter of an hour, or for another one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn hold_objects(&self, holder: &str) -> Result<()> {
        self.store().commit(Hold { holder: holder.to_owned() }).await
    }

    /// Ends a hold; false where it had ended before, and objects may have gone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn release_objects(&self, holder: &str) -> Result<bool> {
        self.store().commit(Release { holder: holder.to_owned() }).await
    }
}

struct Hold {
    holder: String,
}

#[async_trait]
impl Transaction for Hold {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.hold_objects(&self.holder, STANDS).await
    }
}

struct Release {
    holder: String,
}

#[async_trait]
impl Transaction for Release {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        work.release_objects(&self.holder).await
    }
}
