//! CSV rows: a line of names, then a line per row; an empty cell is a missing value.

use ::csv::{ErrorKind, ReaderBuilder, StringRecord};
use tidemill_core::Cell;

use super::Gathered;
use crate::fault::ApiError;

pub(super) fn read(body: &[u8], gathered: &mut Gathered<'_>) -> Result<(), ApiError> {
    let mut reader = ReaderBuilder::new().from_reader(body);
    let names = reader.headers().map_err(fault)?.clone();
    let mut order = Vec::with_capacity(names.len());
    for name in &names {
        let place = gathered.columns.find(name.trim_start_matches('\u{feff}').trim(), order.len());
        if place.is_none() {
            gathered.note_unknown(name);
        }
        order.push(place);
    }
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(fault)? {
        let line = record.position().map(|p| p.line());
        let at_line = |fault: ApiError| match line {
            Some(line) => fault.on_line(line),
            None => fault,
        };
        let mut row = gathered.begin()?;
        for (text, place) in record.iter().zip(&order) {
            let Some(place) = *place else { continue };
            let cell = if text.is_empty() { Cell::Missing } else { Cell::Text(text.into()) };
            gathered.set(&mut row, place, cell).map_err(at_line)?;
        }
        gathered.end(row).map_err(at_line)?;
    }
    Ok(())
}

fn fault(e: ::csv::Error) -> ApiError {
    let line = e.position().map(|p| p.line());
    let what = match e.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("a row has {len} values, the line of names has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => "it is not UTF-8 text".into(),
        _ => "it cannot be read".into(),
    };
    let fault = ApiError::bad("malformed_csv", format!("the body is no CSV: {what}"));
    match line {
        Some(line) => fault.on_line(line),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Columns, Format, read};
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_faults_by_line() {
        let columns = Columns::for_test(&["age", "sex"]);
        let rows = read(b"sex,age\nf,31\n\"m, or so\",\n", Format::Csv, &columns, 9).unwrap().rows;
        assert_eq!(rows[0].cells, [Cell::Text("31".into()), Cell::Text("f".into())]);
        assert_eq!(rows[1].cells, [Cell::Missing, Cell::Text("m, or so".into())]);
        let fault = read(b"sex,age\nf,31\nf\n", Format::Csv, &columns, 9).unwrap_err();
        assert_eq!((fault.code, fault.line), ("malformed_csv", Some(3)));
        assert_eq!(read(b"sex\nf\n", Format::Csv, &columns, 9).unwrap_err().code, "missing_column");
        assert_eq!(read(b"sex,age\nf,\xff\n", Format::Csv, &columns, 9).unwrap_err().code, "malformed_csv");
        assert_eq!(read(b"", Format::Csv, &columns, 9).unwrap_err().code, "no_rows");
    }
}
