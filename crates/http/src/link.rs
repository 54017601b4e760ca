//! `Link` (RFC 8288): where a list goes on.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use wharf_core::{Error, Result};

/// A page of a list, with a `Link` to the one after it: its path and query as they stand in a URL, if there is one.
///
/// # Errors
/// `Internal` for what no header may hold.
pub fn with_next(mut page: Response, next: Option<&str>) -> Result<Response> {
    if let Some(next) = next {
        let link = HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).map_err(Error::internal)?;
        page.headers_mut().insert(header::LINK, link);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_the_next_one_where_there_is_one() {
        let page = |next| with_next(Response::default(), next);
        assert_eq!(
            page(Some("/v2/_catalog?n=1")).unwrap().headers()["link"],
            "</v2/_catalog?n=1>; rel=\"next\""
        );
        assert!(page(None).unwrap().headers().is_empty());
        assert!(page(Some("/a\r\nset-cookie: b")).is_err());
    }
}
