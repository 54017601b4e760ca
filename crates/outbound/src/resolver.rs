//! Turns names into addresses and lets only those through that the policy allows: the connection is made to one of
//! the very addresses that were judged here.

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::Policy;

/// The system's resolver behind the policy.
pub(crate) struct Resolver(pub(crate) Arc<Policy>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let mut refusal = None;
            let judge = |address: &SocketAddr| match policy.judge(name.as_str(), address.ip()) {
                Ok(()) => true,
                Err(refused) => {
                    refusal = Some(refused);
                    false
                }
            };
            let allowed: Vec<SocketAddr> = found.filter(judge).collect();
            match refusal {
                Some(refused) if allowed.is_empty() => Err(refused.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
