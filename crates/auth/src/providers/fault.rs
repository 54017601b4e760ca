//! A provider that cannot be used as it is set, or that is away: the user is told that much, and the log, once, where the
//! request is answered, of which provider it is and why.

use std::{error::Error as StdError, fmt};

use wharf_core::{Error, Kind, ProviderName};

use crate::port::ProviderRow;

/// Of which it is, and why.
#[derive(Debug)]
struct Fault {
    provider: ProviderName,
    cause: Box<dyn StdError + Send + Sync>,
}

/// That a provider cannot be used, and nobody who logs in has done anything about it.
pub(super) fn unusable(provider: &ProviderRow, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let fault = Fault { provider: provider.name.clone(), cause: cause.into() };
    Error::new(Kind::Unavailable, "users cannot be checked at their provider now").because(fault)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider {} cannot be used", self.provider)
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause.as_ref())
    }
}
