//! The shapes of what is taken and answered, derived from the types themselves.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

/// The shapes that have a name, each once.
pub(crate) type Schemas = BTreeMap<String, Value>;

/// A reference to the shape of a type, which is kept under its name, with those it is made of.
pub(crate) fn schema_of<T: ToSchema>(schemas: &mut Schemas) -> Value {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    parts.push((T::name().into_owned(), T::schema()));
    for (name, schema) in parts {
        schemas.entry(name).or_insert_with(|| written(&schema));
    }
    json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
}

fn written(schema: &RefOr<Schema>) -> Value {
    // A schema is plain data; one that could not be written would be missing from the document, which a test compares.
    serde_json::to_value(schema).unwrap_or_default()
}
