//! Rows as CSV, TSV or JSON lines: read by the code that reads files, so that a file and a body of the same bytes give the same rows or
//! the same refusal.

use tidemill_core::{Batch, Cell, Error, Kind};
use tidemill_data::source::{BodyFormat, ReadOptions, open_body};

use super::{Format, Gathered};
use crate::fault::ApiError;

/// The byte-order marks of UTF-8 and of both orders of UTF-16.
const MARKS: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFE\xFF", b"\xFF\xFE"];

pub(super) fn read(
    body: &[u8],
    format: Format,
    charset: Option<&str>,
    gathered: &mut Gathered<'_>,
) -> Result<(), ApiError> {
    let columns = gathered.columns;
    let known = columns.names.iter().chain(&columns.passed_over);
    let options =
        ReadOptions::at_prediction(known.map(String::as_str)).usually_in(columns.encoding.as_deref());
    // A byte-order mark knows better.
    let said = charset.filter(|_| !MARKS.iter().any(|mark| body.starts_with(mark)));
    let options = ReadOptions { encoding: said.map(String::from), ..options };
    let (format, code) = match format {
        Format::JsonLines => (BodyFormat::JsonLines, "malformed_json"),
        Format::Tsv => (BodyFormat::Tsv, "malformed_csv"),
        _ => (BodyFormat::Csv, "malformed_csv"),
    };
    let fault = |e: &Error| fault(e, code);
    let rows = open_body(body.to_vec(), "the body", format, &options).map_err(|e| fault(&e))?;
    let mut order = Vec::with_capacity(rows.schema().len());
    for name in rows.schema().names() {
        let place = gathered.columns.find(name, order.len());
        if place.is_none() {
            gathered.note_unknown(name);
        }
        order.push(place);
    }
    for batch in rows.scan().map_err(|e| fault(&e))? {
        let batch = batch.map_err(|e| fault(&e))?;
        let known = order.iter().enumerate().filter_map(|(at, place)| Some((at, (*place)?)));
        let known: Vec<(usize, usize)> = known.collect();
        for i in 0..batch.n_rows() {
            let mut row = gathered.begin()?;
            for &(at, place) in &known {
                let cell = cell(&batch, at, i)?;
                let cell =
                    if format == BodyFormat::JsonLines { gathered.columns.said(place, cell) } else { cell };
                gathered.set(&mut row, place, cell)?;
            }
            gathered.end(row)?;
        }
    }
    Ok(())
}

/// A cell as its format holds it.
fn cell(batch: &Batch, column: usize, row: usize) -> Result<Cell, Error> {
    if batch.column(column).is_null(row) {
        return Ok(Cell::Missing);
    }
    Ok(match batch.schema().columns()[column].kind {
        Kind::Number => Cell::Number(batch.numbers(column)?.value(row)),
        Kind::Flag => Cell::Flag(batch.flags(column)?.value(row)),
        _ => match batch.texts(column)?.value(row) {
            "" => Cell::Missing,
            text => Cell::Text(text.into()),
        },
    })
}

/// What is wrong with the body, with its line.
fn fault(e: &Error, code: &'static str) -> ApiError {
    let fault = match e.code() {
        "data_empty" => ApiError::bad("no_rows", "the request has no rows"),
        _ => ApiError::bad(code, e.to_string()),
    };
    let fault = match e.remedy() {
        Some(remedy) => fault.help(remedy),
        None => fault,
    };
    match e.line() {
        Some(line) => fault.on_line(line),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Columns, read};
    use super::*;

    fn columns() -> Columns {
        Columns::for_test(&["age", "sex"])
    }

    #[test]
    fn columns_are_found_by_name_and_faults_by_line() {
        let rows = read(b"sex,age\nf,31\n\"m, or so\",\n", Format::Csv, &columns(), 9).unwrap().rows;
        assert_eq!(rows[0].cells, [Cell::Text("31".into()), Cell::Text("f".into())]);
        assert_eq!(rows[1].cells, [Cell::Missing, Cell::Text("m, or so".into())]);
        for (body, line) in
            [("sex,age\nf,31\nf\n", 3), ("sex,age\n\"f,31\nm,32\nm,33\n", 2), ("sex,age\nf,31\nm,3\0\n", 3)]
        {
            let fault = read(body.as_bytes(), Format::Csv, &columns(), 9).unwrap_err();
            assert_eq!((fault.code, fault.line), ("malformed_csv", Some(line)), "{body:?}");
        }
        assert_eq!(read(b"sex\nf\n", Format::Csv, &columns(), 9).unwrap_err().code, "missing_column");
        assert_eq!(read(b"", Format::Csv, &columns(), 9).unwrap_err().code, "no_rows");
        let four = "age,sex\n1,f\n2,f\n3,f\n4,f\n";
        assert_eq!(read(four.as_bytes(), Format::Csv, &columns(), 3).unwrap_err().code, "too_many_rows");
    }

    #[test]
    fn a_body_is_read_as_a_file_is() {
        let wanted = read(b"age,sex\n31,f\n", Format::Csv, &columns(), 9).unwrap().rows;
        for body in [
            "\u{feff}age;sex\r\n31;f\r\n",
            "sep=;\nage;sex\n31;f\n",
            "\n\nage\tsex\n\n31\tf\n",
            "age,sex,\n31,f,\n",
            "# exported today\nage,sex\n31,f\n",
            "age sex\n31  f\n",
            "age,sex\r31,f\r",
        ] {
            let rows = read(body.as_bytes(), Format::Csv, &columns(), 9)
                .unwrap_or_else(|e| panic!("{body:?}: {e:?}"))
                .rows;
            assert_eq!(rows, wanted, "{body:?}");
        }
        // The names of the model are a header, whatever stands below.
        assert_eq!(read(b"age,sex\nsex,age\n", Format::Csv, &columns(), 9).unwrap().rows.len(), 1);
        for (body, format) in [
            ("age\tsex\n31\tf\n", Format::Tsv),
            ("sex\tage\tnew, too\nf\t31\t\"a\tb\"\n", Format::Tsv),
            ("{\"sex\": \"f\", \"age\": \"31\"}\n", Format::JsonLines),
            ("\n{\"age\": \"31\", \"new\": [1], \"sex\": \"f\"}", Format::JsonLines),
        ] {
            assert_eq!(read(body.as_bytes(), format, &columns(), 9).unwrap().rows, wanted, "{body:?}");
        }
        let lines = b"{\"age\": 31, \"sex\": true}\n{\"age\": null, \"sex\": false}\n";
        let rows = read(lines, Format::JsonLines, &columns(), 9).unwrap().rows;
        assert_eq!(rows[0].cells, [Cell::Number(31.0), Cell::Flag(true)]);
        assert_eq!(rows[1].cells, [Cell::Missing, Cell::Flag(false)]);
        let fault =
            read(b"{\"age\": 31, \"sex\": 1}\n[1, 2]\n", Format::JsonLines, &columns(), 9).unwrap_err();
        assert_eq!((fault.code, fault.line), ("malformed_json", Some(2)));
    }

    #[test]
    fn as_many_answers_as_rows() {
        // Names that come again, and what stands below a table, are no rows: who sent them is told, and nothing is answered.
        for (body, line) in [
            ("age,sex\nage,sex\n31,f\n", 2),
            ("age,sex\n31,f\nage,sex\n31,f\n", 3),
            ("age;sex\r\n31;f\r\n32;m\r\nage;sex\r\n", 4),
            ("age,sex\n31,f\n(1 row)\n", 3),
        ] {
            let fault = read(body.as_bytes(), Format::Csv, &columns(), 9).unwrap_err();
            assert_eq!((fault.code, fault.line), ("malformed_csv", Some(line)), "{body:?}");
        }
    }
}
