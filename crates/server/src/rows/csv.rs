//! CSV rows: read by the code that reads files, so that a file and a body of the same bytes give the same rows or the same refusal.

use tidemill_core::{Cell, Error};
use tidemill_data::source::{BodyFormat, ReadOptions, open_body};

use super::Gathered;
use crate::fault::ApiError;

pub(super) fn read(body: &[u8], gathered: &mut Gathered<'_>) -> Result<(), ApiError> {
    let options = ReadOptions::at_prediction(gathered.columns.names.iter().map(String::as_str));
    let rows = open_body(body.to_vec(), "the body", BodyFormat::Csv, &options).map_err(|e| fault(&e))?;
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
        let columns = known.map(|(at, place)| Ok((batch.texts(at)?, place)));
        let columns = columns.collect::<Result<Vec<_>, Error>>()?;
        for i in 0..batch.n_rows() {
            let mut row = gathered.begin()?;
            for &(texts, place) in &columns {
                let text = texts.value(i);
                let cell = if text.is_empty() { Cell::Missing } else { Cell::Text(text.into()) };
                gathered.set(&mut row, place, cell)?;
            }
            gathered.end(row)?;
        }
    }
    Ok(())
}

/// What is wrong with the body, with its line.
fn fault(e: &Error) -> ApiError {
    let fault = match e.code() {
        "data_empty" => ApiError::bad("no_rows", "the request has no rows"),
        _ => ApiError::bad("malformed_csv", e.to_string()),
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
    use super::super::{Columns, Format, read};
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
        // The names of the model are a header, whatever stands below; names that come again are no row, as in a file.
        assert_eq!(read(b"age,sex\nsex,age\n", Format::Csv, &columns(), 9).unwrap().rows.len(), 1);
        let again = read(b"age,sex\nage,sex\n31,f\n", Format::Csv, &columns(), 9).unwrap();
        assert_eq!(again.rows, wanted);
    }
}
