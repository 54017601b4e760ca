//! What an endpoint answers. A handler names the type; from that come the status, the headers, and the words in the
//! OpenAPI document.

use std::pin::Pin;

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use wharf_core::{Error, Page, Result};
use wharf_http::with_next;

use crate::{
    input::Wish,
    schema::{Schemas, schema_of},
};

/// Something a handler answers.
pub(crate) trait Output {
    /// The response.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    fn say(self) -> Result<Response>;

    /// The status and what it comes with, as OpenAPI writes it.
    fn described(schemas: &mut Schemas) -> (StatusCode, Value);
}

/// A thing: 200.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Serialize + ToSchema> Output for Shown<T> {
    fn say(self) -> Result<Response> {
        Ok(Json(self.0).into_response())
    }

    fn described(schemas: &mut Schemas) -> (StatusCode, Value) {
        (StatusCode::OK, json_of("Done.", &schema_of::<T>(schemas)))
    }
}

/// A thing that was made: 201, with the path where it is.
pub(crate) struct Created<T> {
    pub(crate) location: String,
    pub(crate) thing: T,
}

impl<T: Serialize + ToSchema> Output for Created<T> {
    fn say(self) -> Result<Response> {
        let location = HeaderValue::try_from(self.location).map_err(Error::internal)?;
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(self.thing)).into_response())
    }

    fn described(schemas: &mut Schemas) -> (StatusCode, Value) {
        let mut described = json_of("It was made.", &schema_of::<T>(schemas));
        let location = json!({ "description": "Its path.", "schema": { "type": "string" } });
        if let Some(fields) = described.as_object_mut() {
            fields.insert("headers".to_owned(), json!({ "Location": location }));
        }
        (StatusCode::CREATED, described)
    }
}

/// A page of a list: 200, and a `Link` to the next one if there is one (RFC 8288).
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// The path and query of the page after this one.
    pub(crate) next: Option<String>,
}

impl<T> Listed<T> {
    /// What was read with one entry more than the wish, as the page of a path. `key` tells where an entry stands.
    pub(crate) fn of(entries: Vec<T>, wish: &Wish, path: &str, key: impl Fn(&T) -> String) -> Self {
        Self::page(Page::cut(entries, wish.limit), wish, path, key)
    }

    /// The page of a path, and the link to the one after it.
    pub(crate) fn page(page: Page<T>, wish: &Wish, path: &str, key: impl Fn(&T) -> String) -> Self {
        let next = page.entries.last().filter(|_| page.more).map(|last| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("n", &wish.limit.get().to_string()).append_pair("last", &key(last));
            format!("{path}?{}", query.finish())
        });
        Self { items: page.entries, next }
    }
}

impl<T: Serialize + ToSchema> Output for Listed<T> {
    fn say(self) -> Result<Response> {
        with_next(Json(json!({ "items": self.items })).into_response(), self.next.as_deref())
    }

    fn described(schemas: &mut Schemas) -> (StatusCode, Value) {
        let items = json!({ "type": "array", "items": schema_of::<T>(schemas) });
        let list = json!({ "type": "object", "required": ["items"], "properties": { "items": items } });
        let mut described = json_of("A page of the list.", &list);
        let link =
            json!({ "description": "The next page, if there is one.", "schema": { "type": "string" } });
        if let Some(fields) = described.as_object_mut() {
            fields.insert("headers".to_owned(), json!({ "Link": link }));
        }
        (StatusCode::OK, described)
    }
}

/// Lines of JSON, as long as there are more.
pub(crate) struct Lines(pub(crate) Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>);

impl Output for Lines {
    fn say(self) -> Result<Response> {
        let kind = HeaderValue::from_static("application/x-ndjson");
        Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(self.0)).into_response())
    }

    fn described(_: &mut Schemas) -> (StatusCode, Value) {
        let content = json!({ "application/x-ndjson": { "schema": { "type": "string" } } });
        (StatusCode::OK, json!({ "description": "A line of JSON for each.", "content": content }))
    }
}

/// It is done, and there is nothing to show: 204.
pub(crate) struct Done;

impl Output for Done {
    fn say(self) -> Result<Response> {
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn described(_: &mut Schemas) -> (StatusCode, Value) {
        (StatusCode::NO_CONTENT, json!({ "description": "Done." }))
    }
}

/// A thing, and a cookie to keep: 200.
pub(crate) struct Kept<T> {
    pub(crate) cookie: HeaderValue,
    pub(crate) thing: T,
}

impl<T: Serialize + ToSchema> Output for Kept<T> {
    fn say(self) -> Result<Response> {
        let headers = [
            (header::SET_COOKIE, self.cookie),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Ok((headers, Json(self.thing)).into_response())
    }

    fn described(schemas: &mut Schemas) -> (StatusCode, Value) {
        let mut described = json_of("Done.", &schema_of::<T>(schemas));
        let cookie = json!({ "description": "What the browser keeps.", "schema": { "type": "string" } });
        if let Some(fields) = described.as_object_mut() {
            fields.insert("headers".to_owned(), json!({ "Set-Cookie": cookie }));
        }
        (StatusCode::OK, described)
    }
}

/// It is done, and the browser may forget its cookie: 204.
pub(crate) struct Forgotten(pub(crate) HeaderValue);

impl Output for Forgotten {
    fn say(self) -> Result<Response> {
        Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, self.0)]).into_response())
    }

    fn described(schemas: &mut Schemas) -> (StatusCode, Value) {
        Done::described(schemas)
    }
}

/// Bytes as they were stored, which no browser may take for anything else: they are a stranger's.
pub(crate) struct Stored {
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

impl Output for Stored {
    fn say(self) -> Result<Response> {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::try_from(self.media_type).map_err(Error::internal)?),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        ];
        Ok((headers, self.bytes).into_response())
    }

    fn described(_: &mut Schemas) -> (StatusCode, Value) {
        let content = json!({ "*/*": { "schema": { "type": "string", "format": "binary" } } });
        (StatusCode::OK, json!({ "description": "The bytes as they were stored.", "content": content }))
    }
}

fn json_of(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}
