//! What an endpoint takes beside the names in its path. A handler names the type; from that come the reading, the
//! refusals, and the words in the OpenAPI document.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;
use wharf_auth::port::Span;
use wharf_core::{Detail, Error, Kind, Limit, PageAfter, Result, json::read};

use crate::{
    call::Call,
    schema::{Schemas, schema_of},
};

/// The largest body, in bytes.
pub(crate) const LARGEST: usize = 64 * 1024;

/// Something a handler takes.
pub(crate) trait Input: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// `Invalid` in words that name the field or the parameter.
    fn read(call: &Call) -> Result<Self>;

    /// The parameters of the query, as OpenAPI writes them.
    fn parameters() -> Vec<Value> {
        Vec::new()
    }

    /// The body, as OpenAPI writes it; none where none is taken.
    fn body(_schemas: &mut Schemas) -> Option<Value> {
        None
    }
}

/// Nothing at all.
impl Input for () {
    fn read(call: &Call) -> Result<()> {
        known(call, &[])?;
        if call.body.is_empty() { Ok(()) } else { Err(invalid("this endpoint takes no body")) }
    }
}

/// A body of JSON. A field that it has not is refused, by `deny_unknown_fields` on the type.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> Body<T> {
    /// Reads the body, whatever the query is.
    ///
    /// # Errors
    /// `Invalid`.
    fn of(call: &Call) -> Result<Self> {
        let wrong = |fault| Error::new(Kind::Invalid, format!("the body is not as it must be: {fault}"));
        // Else a list would stand for the fields in their order.
        if !call.body.trim_ascii_start().starts_with(b"{") {
            return Err(invalid("the body must be a JSON object"));
        }
        read(&call.body).map(Self).map_err(wrong)
    }
}

impl<T: DeserializeOwned + ToSchema> Input for Body<T> {
    fn read(call: &Call) -> Result<Self> {
        known(call, &[])?;
        Self::of(call)
    }

    fn body(schemas: &mut Schemas) -> Option<Value> {
        let content = json!({ "application/json": { "schema": schema_of::<T>(schemas) } });
        Some(json!({ "required": true, "content": content }))
    }
}

/// Which page of a list is wanted: how many entries, and after which.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) limit: Limit,
    pub(crate) last: Option<String>,
}

impl Wish {
    /// What an engine is asked for.
    pub(crate) fn page(&self) -> PageAfter<String> {
        PageAfter { last: self.last.clone(), limit: self.limit }
    }

    /// What a store is asked for: one more than is shown, to know whether more follows.
    pub(crate) fn span(&self) -> Span {
        Span { last: self.last.clone(), most: u32::try_from(self.limit.get() + 1).unwrap_or(u32::MAX) }
    }
}

impl Input for Wish {
    fn read(call: &Call) -> Result<Self> {
        known(call, &["n", "last"])?;
        let mut wish = Self { limit: Limit::MOST, last: None };
        for (name, value) in &call.query {
            match name.as_str() {
                "n" => wish.limit = Limit::parse(value)?,
                _ => wish.last = Some(value.clone()),
            }
        }
        Ok(wish)
    }

    fn parameters() -> Vec<Value> {
        page_parameters()
    }
}

/// A body, and which page of a list about it is wanted.
pub(crate) struct PageFor<T> {
    pub(crate) body: T,
    pub(crate) wish: Wish,
}

impl<T: DeserializeOwned + ToSchema> Input for PageFor<T> {
    fn read(call: &Call) -> Result<Self> {
        let (wish, Body(body)) = (Wish::read(call)?, Body::of(call)?);
        Ok(Self { body, wish })
    }

    fn parameters() -> Vec<Value> {
        Wish::parameters()
    }

    fn body(schemas: &mut Schemas) -> Option<Value> {
        <Body<T> as Input>::body(schemas)
    }
}

/// `n`, as OpenAPI writes it.
fn most_parameter() -> Value {
    let words = format!("How many entries at most; more than {} are never given", Limit::MOST.get());
    parameter("n", &words, &json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }))
}

/// `n` and `last`, as OpenAPI writes them.
pub(crate) fn page_parameters() -> Vec<Value> {
    vec![
        most_parameter(),
        parameter(
            "last",
            "After which entry, as the Link of the page before has it",
            &json!({ "type": "string" }),
        ),
    ]
}

/// A parameter of a query that may be left out.
pub(crate) fn parameter(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
}

/// Refuses a parameter that the endpoint does not take: a misspelt one must not be as good as none.
///
/// # Errors
/// `Invalid`.
pub(crate) fn known(call: &Call, names: &[&str]) -> Result<()> {
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        return Err(invalid(&format!("this endpoint takes no parameter {name}")));
    }
    expect_once(&call.query.iter().collect::<Vec<_>>())
}

/// Refuses a parameter that stands twice: nobody could say which of them counts.
///
/// # Errors
/// `Invalid`.
pub(crate) fn expect_once(query: &[&(String, String)]) -> Result<()> {
    for (position, (name, _)) in query.iter().enumerate() {
        if query.iter().take(position).any(|(earlier, _)| earlier == name) {
            return Err(invalid(&format!("the parameter {name} stands twice")));
        }
    }
    Ok(())
}

/// The refusal of a query.
pub(crate) fn invalid(message: &str) -> Error {
    Error::new(Kind::Invalid, message).with(Detail::Page)
}
