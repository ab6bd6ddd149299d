//! Columns of text, as Docker prints them: as wide as their widest cell, three spaces apart.

/// A heading and its rows; the last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            text += &format!("{cell:width$}   ");
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up_and_lines_end_with_their_text() {
        let rows = [vec!["NAME".into(), "AGE".into()], vec!["a_long_name".into(), "1".into()]];
        assert_eq!(super::table(&rows), "NAME          AGE\na_long_name   1\n");
    }
}
