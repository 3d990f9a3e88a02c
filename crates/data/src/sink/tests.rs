use std::sync::Arc;

use arrow_array::{BooleanArray, Float64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use proptest::prelude::*;
use tidemill_core::{Categories, Column, Kind, PREDICTION, PROBABILITY, Role, probability_vector};

use super::*;
use crate::source::{ReadOptions, open, open_in_chunks};

/// Every kind that is written, with a missing value in each.
fn everything() -> Batch {
    let classes = Categories::new(["no", "yes, \"maybe\""]);
    let probability = Column {
        categories: Some(classes.clone()),
        role: Role::Probability,
        ..Column::new(PROBABILITY, Kind::Vector { len: 2, sparse: false })
    };
    let times = TimestampMicrosecondArray::from(vec![Some(1_577_923_445_250_000), None, Some(-1)]);
    let schema = Schema::new(vec![
        Column::number("x"),
        Column::new("loud", Kind::Flag),
        Column::category(PREDICTION, classes.clone()),
        Column::new("note", Kind::Text),
        Column::new("when", Kind::Time),
        probability,
    ]);
    let columns: Vec<arrow_array::ArrayRef> = vec![
        Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-1e300)])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        classes.column(UInt32Array::from(vec![Some(1), None, Some(0)])).unwrap(),
        Arc::new(StringArray::from(vec![Some("a\n\"b\", c"), None, Some("'q'")])),
        Arc::new(times.with_timezone("UTC")),
        probability_vector(vec![0.25, 0.75, 1.0, 0.0, 0.5, 0.5], 2).unwrap(),
    ];
    Batch::new(Arc::new(schema.unwrap()), columns).unwrap()
}

/// Writes the batch to a file of this name; gives its path. The folder stays while the first value does.
fn written(name: &str, batch: &Batch) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name).display().to_string();
    let mut sink = create(&path, batch.schema()).unwrap();
    sink.write(batch).unwrap();
    sink.finish().unwrap();
    (folder, path)
}

#[test]
fn csv_as_people_read_it() {
    let (_folder, path) = written("out.csv", &everything());
    let wanted = "x,loud,prediction,note,when,probability_no,\"probability_yes, \"\"maybe\"\"\"\n\
                  0.1,true,\"yes, \"\"maybe\"\"\",\"a\n\"\"b\"\", c\",2020-01-02T00:04:05.25Z,0.25,0.75\n\
                  ,,,,,1,0\n\
                  -1e300,false,no,\"'q'\",1969-12-31T23:59:59.999999Z,0.5,0.5\n";
    assert_eq!(std::fs::read_to_string(path).unwrap(), wanted);
}

#[test]
fn json_lines_as_people_read_them() {
    let (_folder, path) = written("out.jsonl", &everything());
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        lines[0],
        serde_json::json!({
            "x": 0.1, "loud": true, "prediction": "yes, \"maybe\"", "note": "a\n\"b\", c",
            "when": "2020-01-02T00:04:05.25Z", "probability_no": 0.25, "probability_yes, \"maybe\"": 0.75
        })
    );
    assert_eq!(lines[1]["x"], serde_json::Value::Null);
    assert_eq!(lines.len(), 3);
}

#[test]
fn typed_files_come_back_as_they_were() {
    let batch = everything();
    for name in ["out.parquet", "out.arrow"] {
        let (_folder, path) = written(name, &batch);
        let source = open(&path, &ReadOptions::default()).unwrap();
        let back = source.collect().unwrap();
        assert_eq!(back.columns()[..2], batch.columns()[..2], "{name}");
        assert_eq!(back.columns()[3..5], batch.columns()[3..5], "{name}");
        let names: Vec<_> = back.texts(2).unwrap().iter().collect();
        assert_eq!(names, [Some("yes, \"maybe\""), None, Some("no")]);
        assert_eq!(back.numbers(6).unwrap().values(), &[0.75, 0.0, 0.5]);
        assert_eq!(source.take(&[2, 0]).unwrap().numbers(0).unwrap().values(), &[-1e300, 0.1]);
    }
}

#[test]
fn nothing_half_written_stays() {
    let batch = everything();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    std::fs::write(&path, "older").unwrap();
    let name = path.display().to_string();
    for name in [&name, &name.replace("csv", "parquet")] {
        let mut sink = create(name, batch.schema()).unwrap();
        sink.write(&batch).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "older");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn targets_that_cannot_be_written() {
    let schema = everything().schema().clone();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none/out.csv").display().to_string();
    let e = create(&missing, &schema).err().unwrap();
    assert_eq!(e.code(), "data_write");
    assert!(e.to_string().contains("none/out.csv"), "{e}");
    std::fs::create_dir(folder.path().join("is-a-folder.csv")).unwrap();
    let e = create(&folder.path().join("is-a-folder.csv").display().to_string(), &schema);
    assert_eq!(e.err().unwrap().code(), "data_write");
    assert_eq!(create("out.xlsx", &schema).err().unwrap().code(), "data_format");
    let nested = Schema::new(vec![Column::new("photo", Kind::Image)]).unwrap();
    assert_eq!(create("out.csv", &nested).err().unwrap().code(), "data_unwritable");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let batch = everything();
    let link = tempfile::tempdir().unwrap();
    for name in ["out.csv", "out.parquet", "out.jsonl"] {
        let path = link.path().join(name);
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        // The device refuses every byte; its name has no extension, the link's has.
        let mut sink = create(&path.display().to_string(), batch.schema()).unwrap();
        let e = sink.write(&batch).and_then(|()| sink.finish()).unwrap_err();
        assert_eq!(e.code(), "data_write", "{name}: {e}");
    }
}

#[test]
#[cfg(unix)]
fn links_are_followed_and_files_are_readable() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = written("out.csv", &everything());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o400, 0o400);
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    assert_eq!(mode, std::fs::metadata(&plain).unwrap().permissions().mode());
}

fn cells() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(",".to_string()),
        Just("\"".into()),
        Just("\n".into()),
        Just("\r\n".into()),
        Just("\r".into()),
        Just("'".into()),
        Just(";".into()),
        Just(" ".into()),
        Just("é世".into()),
        proptest::string::string_regex("[a-z0-9.]{0,20}").unwrap(),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_table_of_texts_comes_back(
        width in 1usize..5,
        cells in proptest::collection::vec(cells(), 0..60),
        chunk in 1usize..200,
        tab in any::<bool>(),
    ) {
        let n_rows = cells.len() / width;
        let columns = (0..width).map(|c| Column::new(format!("column {c}"), Kind::Text)).collect();
        let arrays = (0..width).map(|c| {
            let column = (0..n_rows).map(|r| cells[r * width + c].as_str());
            Arc::new(StringArray::from_iter_values(column)) as arrow_array::ArrayRef
        });
        let batch = Batch::with_rows(Arc::new(Schema::new(columns).unwrap()), arrays.collect(), n_rows).unwrap();
        let (_folder, path) = written(if tab { "t.tsv" } else { "t.csv" }, &batch);
        let delimiter = Some(if tab { '\t' } else { ',' });
        let options = ReadOptions { header: Some(true), delimiter, ..ReadOptions::default() };
        let (source, _) = open_in_chunks(&path, &options, chunk).unwrap();
        let back = source.collect().unwrap();
        prop_assert_eq!(back.schema(), batch.schema());
        prop_assert_eq!(back.columns(), batch.columns());
    }
}
