//! JSON rows: every shape, and what is wrong with some.

use tidemill_core::Cell;

use super::super::{Columns, Format, read};
use crate::fault::ApiError;

fn rows(body: &str) -> Result<Vec<Vec<Cell>>, ApiError> {
    let parsed = read(body.as_bytes(), Format::Json, &Columns::for_test(&["age", "sex"]), 3)?;
    Ok(parsed.rows.into_iter().map(|row| row.cells).collect())
}

#[test]
fn every_shape_gives_the_same_rows() {
    let ada = vec![Cell::Number(31.0), Cell::Text("f".into())];
    for body in [
        r#"{"age": 31, "sex": "f"}"#,
        r#"{"sex": "f", "age": 31.0}"#,
        r#"[{"age": 31, "sex": "f"}]"#,
        r#"[[31, "f"]]"#,
        r#"{"columns": ["sex", "age"], "rows": [["f", 31]]}"#,
        r#"{"columns": ["sex", "new", "age"], "rows": [["f", [1], 31]]}"#,
        r#"{"rows": [{"age": 31, "sex": "f", "target": 1}]}"#,
    ] {
        assert_eq!(rows(body).unwrap(), vec![ada.clone()], "{body}");
    }
    assert_eq!(rows(r#"{"age": null, "sex": true}"#).unwrap()[0], [Cell::Missing, Cell::Flag(true)]);
}

#[test]
fn fields_of_objects_are_columns_as_in_files() {
    let columns = Columns::for_test(&["user.age", "user.home.city", "sex"]);
    let rows = |body: &str| Ok::<_, ApiError>(read(body.as_bytes(), Format::Json, &columns, 3)?.rows);
    let wanted = [Cell::Number(31.0), Cell::Text("Oslo".into()), Cell::Text("f".into())];
    for body in [
        r#"{"user": {"age": 31, "home": {"city": "Oslo"}}, "sex": "f"}"#,
        r#"[{"sex": "f", "user": {"home": {"city": "Oslo", "new": [1]}, "age": 31}}]"#,
        r#"{"user.age": 31, "user.home.city": "Oslo", "sex": "f"}"#,
        r#"{"rows": [{"user.age": 31, "user": {"home": {"city": "Oslo"}}, "sex": "f"}]}"#,
    ] {
        assert_eq!(rows(body).unwrap()[0].cells, wanted, "{body}");
        if !body.contains("rows") && !body.starts_with('[') {
            let lines = read(body.as_bytes(), Format::JsonLines, &columns, 3).unwrap().rows;
            assert_eq!(lines[0].cells, wanted, "{body}");
        }
    }
    let none = rows(r#"{"user": null, "sex": "f"}"#).unwrap();
    assert_eq!(none[0].cells, [Cell::Missing, Cell::Missing, Cell::Text("f".into())]);
    let fault = |body: &str| rows(body).unwrap_err();
    assert_eq!(fault(r#"{"user": {"age": 31}, "sex": "f"}"#).code, "missing_column");
    assert_eq!(fault(r#"{"user": 7, "sex": "f"}"#).code, "missing_column");
    assert_eq!(fault(r#"{"user": {"age": [1], "home": null}, "sex": "f"}"#).code, "wrong_type");
    assert_eq!(fault(r#"{"user": {"age": 1}, "user.age": 2, "sex": "f"}"#).code, "repeated_column");
}

#[test]
fn half_a_character_is_said_to_be_one() {
    for (body, column) in [
        (r#"{"age": 1, "sex": "\ud800"}"#, Some("sex")),
        (r#"{"age": 1, "sex": "a\udc00b"}"#, Some("sex")),
        (r#"{"age": 1, "\ud800": 1, "sex": "f"}"#, None),
    ] {
        let fault = rows(body).unwrap_err();
        assert_eq!(
            (fault.code, fault.column.as_deref()),
            ("malformed_json", column),
            "{body}: {}",
            fault.message
        );
        assert!(fault.message.contains("two escapes"), "{body}: {}", fault.message);
    }
}

#[test]
fn a_word_that_training_learned_as_a_name_is_one() {
    let mut columns = Columns::for_test(&["land", "age"]);
    columns.words[0] = vec!["NA".into(), "none".into()];
    for (body, format, wanted) in [
        (r#"{"land": "NA", "age": "NA"}"#, Format::Json, "\"NA\""),
        (r#"[["NA", "NA"]]"#, Format::Json, "\"NA\""),
        (r#"{"land": " none", "age": "NA"}"#, Format::JsonLines, "\"none\""),
        (r#"{"land": "na", "age": "NA"}"#, Format::JsonLines, "na"),
        ("land,age\nNA,NA\n", Format::Csv, "NA"),
        ("land\tage\n\"NA\"\tNA\n", Format::Tsv, "\"NA\""),
    ] {
        let rows = read(body.as_bytes(), format, &columns, 3).unwrap().rows;
        assert_eq!(rows[0].cells, [Cell::Text(wanted.into()), Cell::Text("NA".into())], "{body}");
    }
}

#[test]
fn long_identities_stay_as_they_are_written() {
    for id in
        ["1234567890123456789", "9007199254740993", "-9007199254740993", "123456789012345678901234567890"]
    {
        let found = rows(&format!("{{\"age\": 1, \"sex\": {id}}}")).unwrap();
        assert_eq!(found[0][1], Cell::Text(id.into()));
    }
    assert_eq!(
        rows(r#"{"age": 1, "sex": 9007199254740992}"#).unwrap()[0][1],
        Cell::Text("9007199254740992".into())
    );
    assert_eq!(rows(r#"{"age": 1, "sex": 7.0}"#).unwrap()[0][1], Cell::Number(7.0));
    assert_eq!(rows(r#"{"age": 1, "sex": "\u0041\n"}"#).unwrap()[0][1], Cell::Text("A\n".into()));
}

#[test]
fn faults_name_the_place_and_never_the_value() {
    let fault = |body: &str| rows(body).unwrap_err();
    let found = fault(r#"[{"age": 31, "sex": "f"}, {"age": ["secret"], "sex": "m"}]"#);
    assert_eq!((found.code, found.row, found.column.as_deref()), ("wrong_type", Some(2), Some("age")));
    assert_eq!(fault(r#"{"age": 31}"#).code, "missing_column");
    assert_eq!(fault(r#"{"age": 1, "sex": "f", "age": 2}"#).code, "repeated_column");
    assert_eq!(fault("[[1]]").code, "wrong_width");
    assert_eq!(fault("[[1, 2, 3]]").code, "wrong_width");
    assert_eq!(fault("[1]").code, "wrong_shape");
    assert_eq!(fault("{\"age\": 1,\n \"sex\" 2}").line, Some(2));
    assert_eq!(fault("").code, "malformed_json");
    assert_eq!(fault("\"secret\"").code, "malformed_json");
    assert!(!fault("\"secret\"").message.contains("secret"));
    assert_eq!(fault("[]").code, "no_rows");
    assert_eq!(fault(&format!("[{}]", ["[1,2]"; 4].join(","))).code, "too_many_rows");
    assert_eq!(fault(&"[".repeat(5000)).code, "malformed_json");
    assert_eq!(fault(&format!("[[{}1{}, 2]]", "[".repeat(5000), "]".repeat(5000))).code, "wrong_type");
    assert_eq!(fault(&format!("{{\"x\": {}", "[".repeat(100_000))).code, "malformed_json");
    let help = fault(r#"{"aeg": 31, "sex": "f"}"#).remedy.unwrap();
    assert!(help.contains("'aeg'") && help.contains("'age'"), "{help}");
}

/// Kind 2: as in a file, what Python writes for no value is none.
#[test]
fn nan_is_no_value_and_what_is_no_json_is_told_how_it_is_written() {
    let bodies = [
        r#"[{"age": NaN, "sex": "f"}, {"age": 2, "sex": "NaN"}]"#,
        r#"[[NaN, "f"], [2, "NaN"]]"#,
        r#"{"columns": ["sex", "age"], "rows": [["f", NaN], ["NaN", 2]]}"#,
        r#"{"rows": [{"sex": "f", "age": NaN}, {"sex": "NaN", "age": 2}]}"#,
    ];
    for body in bodies {
        let found = rows(body).unwrap_or_else(|e| panic!("{body}: {e:?}"));
        assert_eq!(found[0], [Cell::Missing, Cell::Text("f".into())], "{body}");
        assert_eq!(found[1], [Cell::Number(2.0), Cell::Text("NaN".into())], "{body}");
    }
    for body in [r#"{"age": None, "sex": "f"}"#, "{'age': 1, 'sex': 'f'}", r#"{"age": +1, "sex": NaN}"#] {
        let fault = rows(body).unwrap_err();
        let help = fault.remedy.as_deref().unwrap_or_default();
        assert!(fault.code == "malformed_json" && help.contains("null"), "{body}: {help}");
    }
}

#[test]
fn rows_as_other_servers_want_them_are_told_how_they_are_sent_here() {
    for body in [
        r#"{"instances": [{"age": 1, "sex": "f"}]}"#,
        r#"{"inputs": {"age": [1], "sex": ["f"]}}"#,
        r#"{"dataframe_split": {"columns": ["age", "sex"], "data": [[1, "f"]]}}"#,
        r#"{"dataframe_records": [{"age": 1, "sex": "f"}]}"#,
    ] {
        let fault = rows(body).unwrap_err();
        let help = fault.remedy.unwrap_or_default();
        assert!(
            fault.code == "missing_column" && help.contains("send the rows themselves"),
            "{body}: {help}"
        );
    }
    let columns = rows(r#"{"age": {"0": 1}, "sex": {"0": "f"}}"#).unwrap_err();
    assert!(columns.code == "wrong_type" && columns.remedy.unwrap_or_default().contains("records"));
}
