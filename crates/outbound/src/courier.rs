//! Brings messages of webhooks: one request each, of bounded time, and never where a redirect points.

use async_trait::async_trait;
use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::timeout;
use wharf_core::{Error, Kind, Result};
use wharf_registry::port::{Courier, DELIVERY_TIMEOUT, Letter};

use crate::door::{Ask, Body, Door};

#[async_trait]
impl Courier for Door {
    fn expect_open(&self, url: &str) -> Result<()> {
        self.expect_target(&parsed(url)?)
    }

    async fn deliver(&self, letter: Letter) -> Result<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in letter.headers {
            let value = HeaderValue::try_from(value).map_err(Error::internal)?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let url = parsed(&letter.url)?;
        let ask = Ask { method: Method::POST, url, headers, body: Body::Whole(letter.body) };
        let late = |_| Error::new(Kind::Timeout, "no answer within ten seconds");
        let answer = timeout(DELIVERY_TIMEOUT, self.send(ask)).await.map_err(late)??;
        Ok(answer.status().as_u16())
    }
}

fn parsed(url: &str) -> Result<Url> {
    let wrong = |_| Error::new(Kind::Invalid, "the URL of a webhook is no URL");
    Url::parse(url).map_err(wrong)
}
