//! Lists of a registry, page by page: tags, repositories, referrers. A list that never ends is given up.

use bytes::Bytes;
use reqwest::{Method, StatusCode, Url, header::LINK};
use serde::Deserialize;
use wharf_core::{Error, Kind, Result, Subject, Tag};

use super::{Call, Upstream, pull, refusal::refusal};
use crate::{door::host_of, repository::Repository};

/// The largest page, in bytes.
const LARGEST: usize = 8 * 1024 * 1024;
/// The most entries of a list.
const MOST: usize = 100_000;
/// The most pages without a new entry, which a registry that filters by rights may send.
const MOST_EMPTY: usize = 100;

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

/// What a listing yields, and how a page of it is read.
pub(super) struct Listing<T> {
    pub(super) path: String,
    pub(super) scopes: Vec<String>,
    pub(super) read: fn(&Bytes) -> Option<Vec<T>>,
}

impl Upstream {
    /// Every tag of a repository. A name outside the grammar is left out: no registry could serve it.
    ///
    /// # Errors
    /// `NotFound` without such a repository; `TooLarge` for a list that does not end.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        let read = |page: &Bytes| Some(serde_json::from_slice::<Tags>(page).ok()?.tags.unwrap_or_default());
        let path = format!("{repository}/tags/list?n=1000");
        let names = self.list(Listing { path, scopes: pull(repository), read }).await?;
        let names = names.ok_or_else(|| Error::not_found(Subject::Name))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Every repository the registry lists for this login.
    ///
    /// # Errors
    /// `Unsupported` where it lists none; `TooLarge` for a list that does not end.
    pub async fn repositories(&self) -> Result<Vec<Repository>> {
        let read = |page: &Bytes| {
            Some(serde_json::from_slice::<Catalog>(page).ok()?.repositories.unwrap_or_default())
        };
        let scopes = vec!["registry:catalog:*".to_owned()];
        let names = self.list(Listing { path: "_catalog?n=1000".to_owned(), scopes, read }).await?;
        let silent =
            || Error::new(Kind::Unsupported, format!("{} lists no repositories", host_of(&self.base)));
        Ok(names.ok_or_else(silent)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// All entries of a list; `None` where there is no such list.
    pub(super) async fn list<T>(&self, listing: Listing<T>) -> Result<Option<Vec<T>>> {
        let (mut url, mut entries, mut empty) = (self.url(&listing.path)?, Vec::new(), 0);
        loop {
            let answer = self.exchange(&Call::new(Method::GET, url.clone(), listing.scopes.clone())).await?;
            if answer.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !answer.status().is_success() {
                return Err(refusal(answer, Subject::Name).await);
            }
            let next = answer.headers(LINK.as_str()).find_map(next_of);
            let next: Option<Url> = next.map(|target| self.own_url(answer.url(), target)).transpose()?;
            let odd = || Error::new(Kind::Invalid, format!("{} sent an odd list", host_of(&self.base)));
            let page = (listing.read)(&answer.bytes(LARGEST).await?).ok_or_else(odd)?;
            empty = if page.is_empty() { empty + 1 } else { 0 };
            entries.extend(page);
            if entries.len() > MOST || empty > MOST_EMPTY {
                let words = format!("{} sent a list that does not end", host_of(&self.base));
                return Err(Error::new(Kind::TooLarge, words));
            }
            match next {
                Some(next) if next != url => url = next,
                _ => return Ok(Some(entries)),
            }
        }
    }
}

/// The target of `<…>; rel="next"`.
pub(crate) fn next_of(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim_start().strip_prefix('<')?.split_once('>')?;
    let is_next = |parameter: &str| {
        let parameter = parameter.trim();
        parameter.eq_ignore_ascii_case("rel=\"next\"") || parameter.eq_ignore_ascii_case("rel=next")
    };
    parameters.split([';', ',']).any(is_next).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_to_the_next_page_is_followed() {
        assert_eq!(next_of(r#"</v2/_catalog?n=1&last=a>; rel="next""#), Some("/v2/_catalog?n=1&last=a"));
        assert_eq!(next_of("<?last=a>; rel=next"), Some("?last=a"));
        assert_eq!(next_of(r#"</v2/a>; rel="prev""#), None);
        assert_eq!(next_of("nonsense"), None);
    }
}
