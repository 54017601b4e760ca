//! Values and rows, as the driver wants and gives them.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::session::{Field, Row, Value};

/// The parameters of a statement.
pub(super) fn parameters<'a>(values: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA, Type::JSON].contains(kind)
    }

    to_sql_checked!();
}

/// A row of the driver's.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let field = |index: usize, kind: &Type| {
        Ok(match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Field::Integer),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map(Field::Bytes),
            _ => row.try_get::<_, Option<String>>(index)?.map(Field::Text),
        })
    };
    let columns = row.columns().iter().enumerate();
    let fields = columns.map(|(index, column)| Ok(field(index, column.type_())?.unwrap_or(Field::Null)));
    fields.collect::<Result<_, _>>().map(Row::new)
}
