//! Tables on a terminal.

/// The rows with columns as wide as their widest cell.
pub(crate) fn lines(table: &[Vec<String>]) -> impl Iterator<Item = String> {
    let columns = table.first().map_or(0, Vec::len);
    let length = |column: usize, row: &Vec<String>| row.get(column).map_or(0, |cell| cell.chars().count());
    let width = |column| table.iter().map(|row| length(column, row)).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    table.iter().map(move |row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = [["NAME", "FOR"], ["dump", "x"], ["é", "yy"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lines(&table).collect::<Vec<_>>(), ["NAME  FOR", "dump  x", "é     yy"]);
    }
}
