//! What a provider says of somebody: in the token that it signed, and where that is short, beside it at its userinfo
//! endpoint (OpenID Connect Core, sections 3.1.3.7 and 5.3), which providers may keep names and groups for.

use wharf_core::{Error, Result, Secret};

use super::{
    Question, TokenKind, Tokens,
    fault::{failed, unusable},
};
use crate::{
    Auth,
    issuers::{Claims, Issuer, Metadata, Recipient, Wanted, expect_access_token},
    port::ProviderRow,
};

impl Auth {
    /// What its tokens say that it just gave for us. A provider whose own token is not good is at fault, not the user.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn said_by(&self, provider: &ProviderRow, tokens: Tokens) -> Result<Claims> {
        let Tokens { judged, kind, access } = tokens;
        let recipient = match kind {
            TokenKind::Identity => Recipient::Audiences([provider.client_id.clone()].into()),
            TokenKind::Access => Recipient::Client(provider.client_id.clone()),
        };
        let bad = |error: Error| failed(provider, error);
        let claims =
            self.0.issuers.verify(&provider.issuer, &recipient, judged.expose()).await.map_err(bad)?;
        if kind == TokenKind::Access {
            return Ok(claims);
        }
        if !is_for_us_alone(&claims, &provider.client_id) {
            return Err(unusable(provider, "its token was given to another client"));
        }
        let Some(access) = access else { return Ok(claims) };
        expect_access_token(judged.expose(), &claims, access.expose()).map_err(bad)?;
        let is_complete = claims.says(&provider.user_claim) && claims.says(&provider.groups_claim);
        if is_complete { Ok(claims) } else { self.completed(provider, claims, &access).await }
    }

    /// With what is told beside, where the provider has a place for that.
    async fn completed(
        &self,
        provider: &ProviderRow,
        claims: Claims,
        access: &Secret<String>,
    ) -> Result<Claims> {
        let document = match self.document_of(provider).await {
            // Whose keys were named may have none.
            Err(_) if provider.issuer.keys_url.is_some() => return Ok(claims),
            document => document?,
        };
        let Some(url) = document.userinfo_endpoint else { return Ok(claims) };
        let bearer = Secret::new(format!("Bearer {}", access.expose()));
        let wanted = Wanted { url, authorities: provider.issuer.authorities.clone() };
        let question = Question { wanted, headers: vec![("authorization", bearer)], body: None };
        let reply = self.ask_provider(provider, question).await?;
        if reply.status != 200 {
            return Err(unusable(provider, format!("its userinfo endpoint answered {}", reply.status)));
        }
        claims.completed_by(&reply.body).map_err(|error| unusable(provider, error))
    }

    /// The provider's own document, also of one whose keys were named.
    pub(super) async fn document_of(&self, provider: &ProviderRow) -> Result<Metadata> {
        self.0.issuers.metadata(&Issuer { keys_url: None, ..provider.issuer.clone() }).await
    }
}

/// Whether a token that has us among its audiences was given to us: one for several names whom it was given to (section
/// 3.1.3.7).
fn is_for_us_alone(claims: &Claims, client: &str) -> bool {
    match claims.text("azp") {
        Some(party) => party == client,
        None => !claims.says("azp") && claims.values("aud").len() == 1,
    }
}
