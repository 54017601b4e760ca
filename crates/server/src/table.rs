//! Tables on a terminal.

/// A table that may come in pieces. Its columns are as wide as their widest cell so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// The next rows as lines.
    pub(crate) fn lines(&mut self, rows: &[Vec<String>]) -> Vec<String> {
        rows.iter().for_each(|row| self.widen(row));
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn widen(&mut self, row: &[String]) {
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }

    fn line(&self, row: &[String]) -> String {
        let cells = row.iter().zip(&self.widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

/// All rows of a table as lines.
pub(crate) fn lines(rows: &[Vec<String>]) -> impl Iterator<Item = String> {
    Table::default().lines(rows).into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 2]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = rows(&[["NAME", "FOR"], ["dump", "x"], ["é", "yy"]]);
        assert_eq!(lines(&table).collect::<Vec<_>>(), ["NAME  FOR", "dump  x", "é     yy"]);
    }

    #[test]
    fn what_comes_later_goes_on_in_the_same_columns() {
        let mut table = Table::default();
        assert_eq!(table.lines(&rows(&[["long name", "a"]])), ["long name  a"]);
        assert_eq!(table.lines(&rows(&[["b", "c"]])), ["b          c"]);
    }
}
