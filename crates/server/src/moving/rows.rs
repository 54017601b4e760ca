//! The rows of a backup: compressed lines of JSON, the same for both databases.
//!
//! A table begins with an object, `{"table":"tag","columns":[["name","text"],…]}`, and each of its rows is an array.
//! Whole numbers are numbers, text is text, bytes are text in base64, and nothing is null.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use wharf_core::{Digest, Error, Kind, Result};
use wharf_meta::{Column, ColumnKind, Field, RowSink, Table};

use super::{hashed::Hashed, unusable};
use crate::control::{Progress, Step, Unit};

/// No line is longer: a manifest has 4 MiB at most, a document less.
const LONGEST: u64 = 64 << 20;
/// A batch has so many rows at most …
const BATCH: usize = 500;
/// … or ends with the line that makes it longer than this, in bytes.
const BATCH_BYTES: usize = 4 << 20;
/// How often the writer says how far it is, in rows.
const SAY: u64 = 256;

/// Writes the rows that a database hands over.
pub(super) struct RowsWriter {
    path: PathBuf,
    file: Option<GzEncoder<Hashed<BufWriter<File>>>>,
    written: Written,
    table: Option<&'static Table>,
    progress: Progress,
}

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    /// How many rows of each table.
    pub(super) tables: BTreeMap<String, u64>,
    /// How many rows.
    pub(super) rows: u64,
    /// How many blobs they name.
    pub(super) blobs: u64,
    /// The sizes of these, in bytes.
    pub(super) bytes: u64,
}

impl RowsWriter {
    pub(super) fn new(path: PathBuf, progress: Progress) -> Self {
        Self { path, file: None, written: Written::default(), table: None, progress }
    }

    /// Ends the file, durably; its digest, and what is in it.
    pub(super) fn end(&mut self) -> Result<(Digest, Written)> {
        let file = self.file.take().ok_or_else(|| Error::internal("a dump that never began has ended"))?;
        let (inner, digest) = file.finish().map_err(unusable)?.end();
        let file = inner.into_inner().map_err(|error| unusable(error.into_error()))?;
        file.sync_all().map_err(unusable)?;
        Ok((digest, std::mem::take(&mut self.written)))
    }

    fn line(&mut self, line: &Value) -> Result<()> {
        let file = self.file.as_mut().ok_or_else(|| Error::internal("a dump has not begun"))?;
        writeln!(file, "{line}").map_err(unusable)
    }
}

#[expect(clippy::disallowed_methods, reason = "a backup is files")]
impl RowSink for RowsWriter {
    fn begin(&mut self) -> Result<()> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&self.path);
        let hashed = Hashed::new(BufWriter::new(file.map_err(unusable)?));
        self.file = Some(GzEncoder::new(hashed, Compression::fast()));
        self.written = Written::default();
        Ok(())
    }

    fn table(&mut self, table: &'static Table) -> Result<()> {
        self.table = Some(table);
        self.written.tables.insert(table.name.to_owned(), 0);
        let columns: Vec<_> = table.columns.iter().map(described).collect();
        self.line(&json!({ "table": table.name, "columns": columns }))
    }

    fn row(&mut self, fields: &[Field]) -> Result<()> {
        let table = self.table.ok_or_else(|| Error::internal("a row without a table"))?;
        if let Some(blob) = table.blob_of(fields)? {
            self.written.blobs += 1;
            self.written.bytes += blob.size;
        }
        self.written.rows += 1;
        *self.written.tables.entry(table.name.to_owned()).or_default() += 1;
        if self.written.rows.is_multiple_of(SAY) {
            let (what, done) = ("reading rows".to_owned(), self.written.rows);
            self.progress.step(Step { what, done, total: None, unit: Unit::Rows })?;
        }
        self.line(&fields.iter().map(to_json).collect())
    }
}

fn described(column: &Column) -> [&'static str; 2] {
    [column.name, column.kind.name()]
}

fn to_json(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Integer(value) => (*value).into(),
        Field::Text(value) => value.as_str().into(),
        Field::Bytes(value) => BASE64_STANDARD.encode(value).into(),
    }
}

/// Reads the rows of a backup, in batches of one table each.
pub(super) struct RowsReader {
    lines: BufReader<GzDecoder<BufReader<File>>>,
    table: Option<&'static Table>,
    number: u64,
}

/// Some rows of one table.
pub(super) struct Batch {
    /// The table.
    pub(super) table: &'static Table,
    /// The rows.
    pub(super) rows: Vec<Vec<Field>>,
}

/// A line, understood.
enum Line {
    Table(&'static Table),
    Row(Vec<Field>),
}

#[expect(clippy::disallowed_methods, reason = "a backup is files")]
impl RowsReader {
    /// Opens the rows.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(unusable)?;
        let lines = BufReader::new(GzDecoder::new(BufReader::new(file)));
        Ok(Self { lines, table: None, number: 0 })
    }

    /// The next rows; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Batch>> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            // A batch belongs to one table, so it ends before the next one begins.
            if !rows.is_empty() && (rows.len() >= BATCH || bytes >= BATCH_BYTES || self.at_table()?) {
                return Ok(self.table.map(|table| Batch { table, rows }));
            }
            match self.line()? {
                Some((Line::Table(table), _)) => self.table = Some(table),
                Some((Line::Row(row), length)) => {
                    rows.push(row);
                    bytes += length;
                }
                None if rows.is_empty() => return Ok(None),
                None => return Ok(self.table.map(|table| Batch { table, rows })),
            }
        }
    }

    fn at_table(&mut self) -> Result<bool> {
        Ok(self.lines.fill_buf().map_err(unusable)?.first() == Some(&b'{'))
    }

    fn line(&mut self) -> Result<Option<(Line, usize)>> {
        let mut text = Vec::new();
        (&mut self.lines).take(LONGEST).read_until(b'\n', &mut text).map_err(unusable)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let line = serde_json::from_slice(&text).ok().and_then(|line| self.understand(line));
        let wrong = || {
            let message =
                format!("line {} of the backup's rows is no row of this wharf's tables", self.number);
            Error::new(Kind::Invalid, message)
        };
        line.map(|line| Some((line, text.len()))).ok_or_else(wrong)
    }

    fn understand(&self, line: Value) -> Option<Line> {
        match line {
            Value::Array(fields) => {
                let columns = self.table?.columns;
                let row =
                    fields.into_iter().zip(columns).map(|(field, column)| from_json(field, column.kind));
                let row = row.collect::<Option<Vec<_>>>()?;
                (row.len() == columns.len()).then_some(Line::Row(row))
            }
            Value::Object(head) => {
                let table = Table::named(head.get("table")?.as_str()?)?;
                let columns: Vec<_> = table.columns.iter().map(described).collect();
                (*head.get("columns")? == json!(columns)).then_some(Line::Table(table))
            }
            _ => None,
        }
    }
}

fn from_json(value: Value, kind: ColumnKind) -> Option<Field> {
    match (value, kind) {
        (Value::Null, _) => Some(Field::Null),
        (Value::Number(number), ColumnKind::Integer) => number.as_i64().map(Field::Integer),
        (Value::String(text), ColumnKind::Text) => Some(Field::Text(text)),
        (Value::String(text), ColumnKind::Bytes) => BASE64_STANDARD.decode(text).ok().map(Field::Bytes),
        _ => None,
    }
}

/// Refuses rows that are not those the backup was finished with.
#[expect(clippy::disallowed_methods, reason = "a backup is files")]
pub(super) fn expect_digest(path: &Path, digest: &str) -> Result<()> {
    let mut hashed = Hashed::new(io::sink());
    let mut file = File::open(path).map_err(unusable)?;
    io::copy(&mut file, &mut hashed).map_err(unusable)?;
    match hashed.end().1.to_string() == digest {
        true => Ok(()),
        false => {
            Err(Error::new(Kind::Invalid, "the rows of the backup are damaged: their digest is another"))
        }
    }
}
