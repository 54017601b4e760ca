//! One connection in one transaction, as both databases can be.
//!
//! Statements are `&'static str`, so none can be put together at run time. Placeholders are `$1`, `$2`, … and
//! stand in that order at their first use (the SQLite driver checks it). Whole numbers are 64 bits, truth values
//! numbers, and every NULL has a type. A list is one parameter, an object in JSON that `json_each` takes apart (`rows/list.rs`).

use async_trait::async_trait;
use wharf_core::{Error, Result};
use wharf_registry::port::Extent;

use crate::memory::Content;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Nothing.
    Null,
    /// A whole number, a time or a truth value.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A row, read from left to right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Field>);

impl Row {
    pub(crate) fn new(fields: Vec<Field>) -> Self {
        Self(fields.into_iter())
    }

    /// All fields.
    pub(crate) fn into_fields(self) -> Vec<Field> {
        self.0.collect()
    }

    /// The next field.
    pub(crate) fn next<T: FromField>(&mut self) -> Result<T> {
        self.0
            .next()
            .and_then(T::from_field)
            .ok_or_else(|| Error::internal("a row has not the fields it must have"))
    }

    /// The next field, read further by a parser of rows.
    pub(crate) fn parse<T: FromField, U>(&mut self, parse: impl FnOnce(T) -> Option<U>) -> Result<U> {
        parse(self.next()?).ok_or_else(|| Error::internal("a row holds what no version of Wharf wrote"))
    }
}

/// A type a field can be.
pub(crate) trait FromField: Sized {
    fn from_field(field: Field) -> Option<Self>;
}

impl FromField for i64 {
    fn from_field(field: Field) -> Option<Self> {
        match field {
            Field::Integer(value) => Some(value),
            _ => None,
        }
    }
}

impl FromField for u64 {
    fn from_field(field: Field) -> Option<Self> {
        i64::from_field(field)?.try_into().ok()
    }
}

impl FromField for bool {
    fn from_field(field: Field) -> Option<Self> {
        i64::from_field(field).map(|value| value != 0)
    }
}

impl FromField for String {
    fn from_field(field: Field) -> Option<Self> {
        match field {
            Field::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl FromField for Vec<u8> {
    fn from_field(field: Field) -> Option<Self> {
        match field {
            Field::Bytes(value) => Some(value),
            _ => None,
        }
    }
}

impl<T: FromField> FromField for Option<T> {
    fn from_field(field: Field) -> Option<Self> {
        match field {
            Field::Null => Some(None),
            field => T::from_field(field).map(Some),
        }
    }
}

/// Who writes to the database at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    /// One transaction: nothing it read can change before it ends.
    One,
    /// Many: what is to stay as it was read must be held.
    Many,
}

/// One connection in one transaction.
#[async_trait]
pub(crate) trait Session: Send {
    /// Runs a statement; says how many rows it touched.
    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64>;
    /// Runs a statement and reads all its rows, which the statement must bound.
    async fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>>;
    /// Whether others write at the same time.
    fn writers(&self) -> Writers;
    /// Says which content the transaction changes, for whoever remembers what it was.
    fn changes(&mut self, content: Content);
}

impl dyn Session + '_ {
    /// The first row, if there is one.
    pub(crate) async fn query_first(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }
}

/// Something done in one transaction that yields nothing, so that a queue can hold it.
#[async_trait]
pub(crate) trait Unit: Send + Sync {
    /// How much it reads.
    fn extent(&self) -> Extent {
        Extent::Few
    }

    async fn run(&self, session: &mut dyn Session) -> Result<()>;
}
