//! Who signed the token of a job: asked of all sources at once, of which those who believe its issuer read the keys.
//!
//! Nobody's slow server stands in anybody's way: once one source knows the signature the others have a moment. But what was
//! not heard is no refusal: a token that nobody could look into may be good, and whoever brought it is to come again.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use wharf_core::{Error, Kind, Result, Secret};

use crate::{
    issuers::{Asker, Claims, Issuers},
    port::IssuerSource,
};

/// How long a job waits for what its issuer publishes.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it waits for the sources that are slower, once one of them knows its token.
const GRACE: Duration = Duration::from_millis(500);

/// A token that its issuer signed.
pub(super) struct Heard {
    /// What it says.
    pub(super) claims: Claims,
    /// The sources whose keys signed it.
    pub(super) sources: Vec<IssuerSource>,
    /// What came of a source that could not be read, or was too slow.
    pub(super) missing: Option<Error>,
}

impl Heard {
    /// Who signed it, as it calls itself.
    pub(super) fn issuer(&self) -> &str {
        self.claims.text("iss").unwrap_or_default()
    }
}

/// Hears what the sources say of a token.
///
/// # Errors
/// `Unauthenticated` where none of them signed it; `Unavailable` where one that may have cannot be read now.
pub(super) async fn hear(
    issuers: &Issuers,
    sources: Vec<IssuerSource>,
    token: &Secret<String>,
) -> Result<Heard> {
    let mut asked = ask(issuers, sources, token);
    let (mut said, mut signers): (Option<Claims>, Vec<IssuerSource>) = (None, Vec::new());
    let (mut refusal, mut missing) = (None, None);
    let mut until = Instant::now() + PATIENCE;
    loop {
        let Ok(next) = timeout_at(until, asked.join_next()).await else {
            missing =
                Some(Error::new(Kind::Unavailable, "the issuer is too slow to answer, try again later"));
            break;
        };
        let Some(answer) = next else { break };
        match answer.map_err(Error::internal).flatten() {
            Ok((claims, source)) => {
                until = until.min(Instant::now() + GRACE);
                said = Some(claims);
                signers.push(source);
            }
            Err(error) if error.kind() == Kind::Unauthenticated => refusal = Some(error),
            Err(error) => missing = Some(error),
        }
    }
    // What the slow ones say is known the next time.
    asked.detach_all();
    match said {
        Some(claims) => Ok(Heard { claims, sources: signers, missing }),
        None => Err(missing.or(refusal).unwrap_or_else(crate::unauthenticated)),
    }
}

/// Each source on a task of its own.
fn ask(
    issuers: &Issuers,
    sources: Vec<IssuerSource>,
    token: &Secret<String>,
) -> JoinSet<Result<(Claims, IssuerSource)>> {
    let mut asked = JoinSet::new();
    for source in sources {
        let (issuers, token) = (issuers.clone(), token.clone());
        let askers: Vec<Asker> = source.organisations.iter().copied().map(Asker::Organisation).collect();
        asked.spawn(async move {
            let claims = issuers.claims(&askers, &source.issuer, token.expose()).await?;
            Ok((claims, source))
        });
    }
    asked
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    use wharf_core::{Clock, Timestamp, gate::OrganisationId};

    use super::*;
    use crate::issuers::{Documents, Issuer, Wanted};

    /// An issuer that takes every request and answers none.
    struct Silent;

    #[async_trait]
    impl Documents for Silent {
        async fn fetch(&self, _: Wanted, _: usize) -> Result<Vec<u8>> {
            std::future::pending().await
        }

        fn expect_open(&self, _: &Wanted) -> Result<()> {
            Ok(())
        }
    }

    impl Clock for Silent {
        fn now(&self) -> Timestamp {
            Timestamp::from_microseconds(0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_is_to_come_again_and_was_not_refused() {
        let silent = Arc::new(Silent);
        let issuers = Issuers::new(silent.clone(), silent);
        let url = "https://ci.example".parse().unwrap();
        let issuer = Issuer { url, keys_url: None, authorities: None };
        let source = IssuerSource { id: 1, issuer, organisations: vec![OrganisationId(1)] };
        let text = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        let token =
            format!("{}.{}.AAAA", text(r#"{"alg":"ES256"}"#), text(r#"{"iss":"https://ci.example"}"#));

        let error = hear(&issuers, vec![source], &Secret::new(token)).await.err().unwrap();

        assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
    }
}
