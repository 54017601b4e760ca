//! All rows that move, out of one consistent state of the database.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use wharf_core::{Digest, Error, ObjectKey, Result};
use wharf_registry::port::BlobRow;

use crate::{
    Column, ColumnKind, Field, TABLES, Table,
    database::{Database, Step},
    session::{Row, Session, Value},
};

/// Takes what a database holds.
pub trait RowSink: Send {
    /// Begins, perhaps once more from the start.
    ///
    /// # Errors
    /// The sink's own, which end the dump.
    fn begin(&mut self) -> Result<()>;

    /// The next rows are of this table.
    ///
    /// # Errors
    /// The sink's own.
    fn table(&mut self, table: &'static Table) -> Result<()>;

    /// A row, its fields in the order of the table's columns.
    ///
    /// # Errors
    /// The sink's own.
    fn row(&mut self, fields: &[Field]) -> Result<()>;
}

impl Database {
    /// Hands over all rows that move, as of one moment, in the order of [`TABLES`].
    ///
    /// # Errors
    /// The sink's; `Unavailable`.
    pub async fn dump<S: RowSink + 'static>(&self, sink: Arc<Mutex<S>>) -> Result<()> {
        self.read(Dump(sink)).await
    }
}

struct Dump<S>(Arc<Mutex<S>>);

impl<S: RowSink> Dump<S> {
    fn sink(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn table(&self, session: &mut dyn Session, table: &'static Table) -> Result<()> {
        let statements = table.statements().ok_or_else(|| Error::internal("a table without statements"))?;
        self.sink().table(table)?;
        let mut page = session.query(statements.first, &[table.page().into()]).await?;
        loop {
            let mut last = None;
            for row in page {
                let fields = row.into_fields();
                self.sink().row(&fields)?;
                last = Some(fields);
            }
            let Some(last) = last else { return Ok(()) };
            let mut values: Vec<_> = last
                .iter()
                .zip(table.columns)
                .take(table.key)
                .map(|(field, column)| field.value(column))
                .collect();
            values.push(table.page().into());
            page = session.query(statements.next, &values).await?;
        }
    }
}

#[async_trait]
impl<S: RowSink + 'static> Step for Dump<S> {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        self.sink().begin()?;
        for table in TABLES {
            self.table(session, table).await?;
        }
        Ok(())
    }
}

impl Field {
    /// The field as a parameter. NULL has the type of its column.
    pub(crate) fn value(&self, column: &Column) -> Value<'_> {
        match (self, column.kind) {
            (Self::Integer(value), _) => (*value).into(),
            (Self::Text(value), _) => value.as_str().into(),
            (Self::Bytes(value), _) => value.as_slice().into(),
            (Self::Null, ColumnKind::Integer) => Value::Integer(None),
            (Self::Null, ColumnKind::Text) => Value::Text(None),
            (Self::Null, ColumnKind::Bytes) => Value::Bytes(None),
        }
    }

    /// Whether a column may hold it, NULL aside.
    pub(crate) fn is(&self, kind: ColumnKind) -> bool {
        match self {
            Self::Null => true,
            Self::Integer(_) => kind == ColumnKind::Integer,
            Self::Text(_) => kind == ColumnKind::Text,
            Self::Bytes(_) => kind == ColumnKind::Bytes,
        }
    }
}

impl Table {
    /// The blob that a row tells of; `None` for the rows of any other table.
    ///
    /// # Errors
    /// `Internal` for a row that no version of Wharf wrote.
    pub fn blob_of(&self, fields: &[Field]) -> Result<Option<BlobRow>> {
        if self.name != "blob" {
            return Ok(None);
        }
        let wanted = ["digest", "size", "object_key"].map(|name| {
            let position = self.columns.iter().position(|column| column.name == name);
            position.and_then(|position| fields.get(position)).cloned().unwrap_or(Field::Null)
        });
        let mut row = Row::new(wanted.into());
        Ok(Some(BlobRow {
            digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
            size: row.next()?,
            key: row.parse(|key: Vec<u8>| ObjectKey::from_row(&key))?,
        }))
    }
}
