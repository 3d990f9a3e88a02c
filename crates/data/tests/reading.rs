//! Tables as people send them, each read as a person would: one test per kind of difficulty. Files lie in `reading/`; those with types were
//! made by the program beside them, the others are as users sent them.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop the test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use proptest::prelude::*;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Column, Context, Error, Kind, Role, Schema, Source};
use tidemill_data::source::{BodyFormat, gunzip, open_body};
use tidemill_data::{InferredColumn, InferredSchema, Ingest, ReadOptions, create, infer, open};

fn file(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reading").join(name);
    path.display().to_string()
}

pub(crate) fn opened(name: &str) -> Box<dyn Source> {
    open(&file(name), &ReadOptions::default()).unwrap()
}

/// A CSV of one's own, as a file would be read.
pub(crate) fn text(csv: &str) -> Box<dyn Source> {
    open_body(csv.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, &ReadOptions::default()).unwrap()
}

pub(crate) fn plan_of(source: &dyn Source, target: Option<&str>) -> InferredSchema {
    let mut recipe = Recipe::default();
    recipe.data.target = target.map(String::from);
    infer(source, &recipe, &Context::default()).unwrap()
}

pub(crate) fn column(source: &dyn Source, name: &str) -> InferredColumn {
    plan_of(source, None).column(name).unwrap().clone()
}

/// The numbers of a column of a table that has no target.
pub(crate) fn numbers(source: &dyn Source, name: &str) -> Vec<f64> {
    let mut plan = plan_of(source, None);
    plan.columns
        .iter_mut()
        .filter(|c| c.role == Role::Ignore || c.role == Role::Key)
        .for_each(|c| c.role = Role::Feature);
    let (_, table) = Ingest::fit(source, plan, &Context::default()).unwrap();
    let at = table.batch().schema().index(name).unwrap();
    table.batch().numbers(at).unwrap().iter().map(|x| x.unwrap_or(f64::NAN)).collect()
}

fn names(source: &dyn Source) -> Vec<String> {
    source.schema().names().map(String::from).collect()
}

pub(crate) fn texts(source: &dyn Source, name: &str) -> Vec<String> {
    let rows = source.collect().unwrap();
    let at = rows.schema().index(name).unwrap();
    rows.texts(at).unwrap().iter().map(|t| t.unwrap_or("(null)").to_string()).collect()
}

pub(crate) fn codes(plan: &InferredSchema) -> Vec<&str> {
    plan.notes.iter().map(|note| note.code.as_str()).collect()
}

fn refusal(result: tidemill_core::Result<Box<dyn Source>>) -> Error {
    result.and_then(|source| source.collect()).map(|rows| rows.n_rows()).unwrap_err()
}

#[test]
fn headers_are_found_below_titles_and_comments() {
    for name in ["title.csv", "title_lines.csv"] {
        let source = opened(name);
        assert_eq!(names(&*source), ["Customer", "Age", "Income", "City", "Left"], "{name}");
        assert_eq!(source.reading().unwrap().skip, Some(3));
        assert!(source.reading().unwrap().notes[0].starts_with("3 lines stand above the table"));
        // Read again as it was found, it is the same.
        let again = open(&file(name), &ReadOptions::again(source.reading().unwrap())).unwrap();
        assert_eq!(again.collect().unwrap().n_rows(), source.collect().unwrap().n_rows());
    }
    for (csv, skip, rows) in [
        ("# made today\n# by hand, at night\nage,city\n1,Oslo\n2,Bonn\n", 2, 2),
        ("Report\n\nage;city;n\n1;Oslo;2\n2;Bonn;3\n3;Rome;4\n", 2, 3),
        ("\"Sales, by shop\nand month\",,\nage,city,n\n1,Oslo,2\n2,Bonn,2\n", 2, 2),
        ("#age,city\n1,Oslo\n2,Bonn\n", 0, 2),
        ("age,city,n\n1,,\n,,\n3,Oslo,1\n", 0, 3),
    ] {
        let source = text(csv);
        assert_eq!(source.reading().unwrap().skip, Some(skip), "{csv:?}");
        assert_eq!(source.collect().unwrap().n_rows(), rows, "{csv:?}");
        assert!(names(&*source)[1] == "city", "{csv:?}");
    }
    let told = ReadOptions { skip: Some(1), header: Some(true), ..ReadOptions::default() };
    let source = open_body(&b"1,2\n3,4\n5,6\n"[..], "a.csv", BodyFormat::Csv, &told).unwrap();
    assert_eq!((names(&*source), texts(&*source, "4")), (vec!["3".into(), "4".into()], vec!["6".into()]));
}

#[test]
fn a_missing_column_is_said_with_those_that_are_there() {
    let mut recipe = Recipe::default();
    recipe.data.target = Some("profit".into());
    let source = text("Some words\n\nmore words\n");
    let said = infer(&*source, &recipe, &Context::default()).unwrap_err().to_string();
    assert!(
        said.contains("the columns are 'Some words'") && said.contains("line 1 of the file is 'Some words'"),
        "{said}"
    );
}

#[test]
fn units_below_the_names_are_passed_over() {
    for (csv, names_wanted) in [
        ("time,temp,wind\ns,°C,m/s\n1,20.5,3\n2,21.0,4\n3,21.5,5\n", ["time", "temp", "wind"]),
        ("site,depth,mass\n-,(m),(kg)\nA,1.5,3\nB,2.5,4\nC,3.5,5\n", ["site", "depth", "mass"]),
        ("a;b;c\n[mm];[mm];[g]\n1,5;2;3\n2,5;3;4\n3,5;4;5\n", ["a", "b", "c"]),
    ] {
        let source = text(csv);
        assert_eq!(names(&*source), names_wanted, "{csv:?}");
        assert_eq!(source.collect().unwrap().n_rows(), 3, "{csv:?}");
        assert!(source.reading().unwrap().notes[0].contains("units"));
    }
    // A first row of values that are missing is none.
    assert_eq!(text("name,age\nAda,unknown\nBo,41\nCy,42\n").collect().unwrap().n_rows(), 3);
    assert_eq!(text("a,b\nlow,high\n1,2\n3,4\n").collect().unwrap().n_rows(), 3);
}

#[test]
fn trailing_delimiters_are_no_column() {
    let source = opened("trailing.csv");
    assert_eq!(
        (names(&*source), source.collect().unwrap().n_rows()),
        (vec!["a".into(), "b".into(), "y".into()], 400)
    );
    for csv in ["a;b\n1;2;\n3;4;\n", "a,b,,\n1,2,,\n3,4,,\n", "a,b\n1,2,\n3,4\n", "a\tb\t\n1\t2\t\n3\t4\t\n"]
    {
        let source = text(csv);
        assert_eq!(
            (names(&*source), texts(&*source, "b")),
            (vec!["a".into(), "b".into()], vec!["2".into(), "4".into()]),
            "{csv:?}"
        );
    }
    let mut late = "a,b\n".to_string() + &"1,2,\n".repeat(600);
    late += "1,2,3\n";
    let e = refusal(open_body(late.into_bytes(), "a.csv", BodyFormat::Csv, &ReadOptions::default()));
    assert_eq!((e.code(), e.line()), ("csv_ragged_row", Some(602)));
}

#[test]
fn unusual_shapes_of_text_are_read() {
    for (csv, wanted) in [
        ("sep=|\na|b\n1|2\n", "2"),
        ("a,b\r1,2\r", "2"),
        ("a  b\n1   2\n", "2"),
        ("# a b\n1 2\n3 4\n", "2"),
        ("  x1    b\n  1.5   2e3\n -2.5   7\n", "2e3"),
    ] {
        let source = text(csv);
        assert_eq!(names(&*source)[1], "b", "{csv:?}");
        assert_eq!(texts(&*source, "b")[0], wanted, "{csv:?}");
    }
    // Words and timestamps are divided by spaces, too.
    for csv in [
        "title\ngood film\nbad film\n",
        "when\n2024-01-01 10:00\n2024-01-02 11:00\n",
        "amount\n1 234\n56 789\n",
    ] {
        assert_eq!(names(&*text(csv)).len(), 1, "{csv:?}");
    }
    let source = opened("utf16.csv");
    assert_eq!(
        (names(&*source), source.reading().unwrap().encoding.as_deref()),
        (vec!["name".into(), "age".into(), "y".into()], Some("UTF-16LE"))
    );
    for big in [false, true] {
        let units = "a,Größe\n1,ж\n2,世\n".encode_utf16();
        let bytes: Vec<u8> =
            units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
        let source = open_body(bytes, "a.csv", BodyFormat::Csv, &ReadOptions::default()).unwrap();
        assert_eq!(texts(&*source, "Größe"), ["ж", "世"]);
    }
}

#[test]
fn what_is_no_table_says_what_it_is() {
    let e = refusal(open(&file("nul.csv"), &ReadOptions::default()));
    assert!(e.to_string().contains("line 7") && e.to_string().contains("NUL"), "{e}");
    for csv in ["a,b\nf,31\nm,3\0\n", "a,b\nf,3\0\n", "a,b\n\0,3\n1,2\n"] {
        let e = refusal(open_body(csv.as_bytes(), "a.csv", BodyFormat::Csv, &ReadOptions::default()));
        assert_eq!(e.code(), "data_binary", "{csv:?}");
    }
    for (bytes, wanted) in [
        ("<!DOCTYPE html>\n<html><body>Log in</body></html>", "an HTML page"),
        ("\n<table><tr><td>1</td></tr></table>", "an HTML page"),
        (
            "<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">",
            "Excel workbook in XML",
        ),
        ("PK\u{3}\u{4}xl/", "workbook"),
    ] {
        let e =
            refusal(open_body(bytes.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, &ReadOptions::default()));
        assert!(e.to_string().contains(wanted) && e.remedy().is_some(), "{e}");
    }
    for location in ["https://example.com/a.csv", "s3://bucket/a.csv", "postgres://host/db"] {
        let e = refusal(open(location, &ReadOptions::default()));
        assert!(e.remedy().unwrap().contains("first"), "{e}");
    }
}

#[test]
fn gzip_members_and_padding_are_read_as_gzip_reads_them() {
    assert_eq!(opened("padded.csv.gz").collect().unwrap().n_rows(), 400);
    assert_eq!(opened("members.csv.gz").collect().unwrap().n_rows(), 4);
    let packed = std::fs::read(file("members.csv.gz")).unwrap();
    for (tail, sound) in
        [(&b"\0\0\0\0"[..], true), (b"", true), (b"x", false), (b"\0\0x", false), (b"\x1f\x8b", false)]
    {
        let bytes = [&packed, tail].concat();
        let read =
            open_body(bytes.clone(), "a", BodyFormat::Csv, &ReadOptions::default()).and_then(|s| s.collect());
        assert_eq!(read.is_ok(), sound, "{tail:?}");
        assert_eq!(gunzip(&bytes, 1 << 20).is_ok(), sound, "{tail:?}");
    }
    assert_eq!(gunzip(&packed, 10).unwrap(), None);
}

/// The rows of a source, or its refusal without the name.
fn outcome(
    source: tidemill_core::Result<Box<dyn Source>>,
    name: &str,
) -> Result<(Vec<String>, String), String> {
    let rows = source.and_then(|s| s.collect()).map_err(|e| e.to_string().replace(name, "it"))?;
    Ok((rows.schema().names().map(String::from).collect(), format!("{:?}", columns_of(&rows))))
}

fn columns_of(rows: &Batch) -> Vec<ArrayRef> {
    (0..rows.schema().len()).map(|i| Arc::clone(rows.column(i))).collect()
}

#[test]
fn a_body_and_a_file_of_the_same_bytes_give_the_same() {
    let folder = std::fs::read_dir(file("")).unwrap();
    let mut n = 0;
    for entry in folder {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        let format = match name.trim_end_matches(".gz").rsplit_once('.').unwrap().1 {
            "csv" => BodyFormat::Csv,
            "jsonl" => BodyFormat::JsonLines,
            _ => continue,
        };
        let options = ReadOptions::at_prediction([]);
        let body = open_body(std::fs::read(&path).unwrap(), "the body", format, &options);
        assert_eq!(outcome(body, "the body"), outcome(open(&name, &options), &name), "{name}");
        n += 1;
    }
    assert!(n > 15);
    let e = refusal(open(&file("open_quote.csv"), &ReadOptions::default()));
    assert_eq!((e.code(), e.line()), ("csv_unclosed_quote", Some(2)));
}

#[test]
fn what_is_not_used_does_not_block() {
    let mut recipe = Recipe::default();
    recipe.data.target = Some("left".into());
    for (name, ignored) in
        [("nested.parquet", vec!["tags", "addr", "m", "bin"]), ("nested.jsonl", vec!["user", "tags"])]
    {
        recipe.data.ignore = ignored.into_iter().map(String::from).collect();
        let source = opened(name);
        let plan = infer(&*source, &recipe, &Context::default()).unwrap();
        let used = plan.columns.iter().filter(|c| c.is_used());
        assert!(
            used.clone().count() > 1 && used.clone().all(|c| !c.name.contains('.') && c.name != "tags"),
            "{name}"
        );
    }
    let source = opened("typed.parquet");
    assert_eq!(names(&*source), ["id", "n", "user.age", "user.home.city", "tags", "point"]);
    assert_eq!(texts(&*source, "user.home.city"), ["Oslo", "(null)", "(null)", "Bonn"]);
    assert_eq!(texts(&*source, "tags"), ["[\"a\",\"b\"]", "[]", "(null)", "[\"c\\\"d\"]"]);
    assert_eq!(source.collect().unwrap().vector(5).unwrap(), [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 5.0, 6.0]);
    assert_eq!(source.reading().unwrap().left_out[0].0, "map");
    let recipe = |target: &str| {
        let mut recipe = Recipe::default();
        recipe.data.target = Some(target.into());
        infer(&*source, &recipe, &Context::default())
    };
    assert_eq!(recipe("map").unwrap_err().code(), "data_nested");
    assert!(codes(&recipe("n").unwrap()).contains(&"left_out"));
    let embedding = opened("embedding.parquet");
    let plan = plan_of(&*embedding, None);
    assert!(plan.columns.iter().any(|c| matches!(c.kind, Kind::Vector { len: 8, .. }) && c.is_used()));
    let lines = "{\"v\": [1, 2.5], \"w\": [1], \"x\": 1.5}\n{\"v\": [3, 4], \"w\": [], \"x\": 2.5}\n";
    let source = open_body(lines.as_bytes(), "a", BodyFormat::JsonLines, &ReadOptions::default()).unwrap();
    let (_, table) = Ingest::fit(&*source, plan_of(&*source, None), &Context::default()).unwrap();
    assert_eq!(table.batch().vector(0).unwrap(), [1.0, 2.5, 3.0, 4.0]);
}

#[test]
fn workbooks_and_sqlite_tables_are_read() {
    let source = opened("sales.xlsx");
    assert_eq!(names(&*source), ["shop", "sold on", "amount"]);
    assert_eq!(
        (texts(&*source, "shop")[0].as_str(), texts(&*source, "sold on")[1].as_str()),
        ("001", "2024-01-02")
    );
    assert_eq!(numbers(&*source, "amount")[5], 1005.5);
    assert!(source.reading().unwrap().notes.iter().any(|n| n.contains("Stock")));
    let stock = open(&(file("sales.xlsx") + "?sheet=Stock"), &ReadOptions::default()).unwrap();
    assert_eq!(texts(&*stock, "shop"), ["011"]);
    let e = refusal(open(&(file("sales.xlsx") + "?sheet=None"), &ReadOptions::default()));
    assert!(e.remedy().unwrap().contains("Sales, Stock"), "{e}");
    let table = |what: &str| open(&format!("sqlite:{}{what}", file("shop.db")), &ReadOptions::default());
    let orders = table("?table=orders").unwrap();
    assert_eq!(texts(&*orders, "id"), ["9007199254740993", "2", "3"]);
    assert_eq!(texts(&*orders, "country"), ["\"NA\"", "", "a \"b\", c"]);
    assert_eq!(table("?query=select count(*) as n from orders").unwrap().collect().unwrap().n_rows(), 1);
    assert!(refusal(table("")).remedy().unwrap().contains("orders"));
    assert!(refusal(table("?table=oders")).remedy().unwrap().contains("orders"));
}

#[test]
fn names_with_line_breaks_are_shown_on_one_line() {
    let source = text("\"Total\n(EUR)\",b\n1.5,2\n2.5,3\n");
    assert_eq!(names(&*source)[0], "Total\n(EUR)");
    let mut recipe = Recipe::default();
    recipe.data.target = Some("Total (EUR)".into());
    let said = infer(&*source, &recipe, &Context::default()).unwrap_err().to_string();
    assert!(said.contains("Total\\n(EUR)") && !said.contains('\n'), "{said}");
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c,;\"'\n .é世]{0,6}",
        "[a-c]{1,2}",
        "-?[0-9]{1,4}(\\.[0-9]{1,3})?",
        Just("NA".to_string()),
        Just("None".to_string()),
        Just(String::new()),
        Just("2024-01-31".to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_file_a_body_and_a_typed_file_give_the_same_rows(
        rows in proptest::collection::vec((cell(), cell(), -99i32..99), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let schema = ["a", "b", "n"].map(|name| Column::new(name, Kind::Text)).to_vec();
        let columns: [Vec<String>; 3] = [
            rows.iter().map(|r| r.0.clone()).collect(),
            rows.iter().map(|r| r.1.clone()).collect(),
            rows.iter().map(|r| r.2.to_string()).collect(),
        ];
        let arrays = columns.into_iter().map(|c| Arc::new(StringArray::from(c)) as ArrayRef).collect();
        let batch = Batch::new(Arc::new(Schema::new(schema).unwrap()), arrays).unwrap();
        for name in ["t.csv", "t.parquet", "t.jsonl"] {
            let mut sink = create(&at(name), batch.schema()).unwrap();
            sink.write(&batch).unwrap();
            sink.finish().unwrap();
        }
        let told = ReadOptions { delimiter: Some(','), header: Some(true), skip: Some(0), ..ReadOptions::default() };
        let sources: Vec<Box<dyn Source>> = vec![
            open(&at("t.csv"), &told).unwrap(),
            open_body(std::fs::read(at("t.csv")).unwrap(), "a body", BodyFormat::Csv, &told).unwrap(),
            open_body(std::fs::read(at("t.jsonl")).unwrap(), "a body", BodyFormat::JsonLines, &told).unwrap(),
            open(&at("t.parquet"), &told).unwrap(),
        ];
        let plan = InferredSchema { reading: None, ..plan_of(&*sources[0], None) };
        let read = |source: &dyn Source| {
            let (intake, table) = Ingest::fit(source, plan.clone(), &Context::default()).unwrap();
            (intake.plan().clone(), columns_of(table.batch()))
        };
        let first = read(&*sources[0]);
        for (i, source) in sources.iter().enumerate().skip(1) {
            prop_assert_eq!(&read(&**source), &first, "source {}", i);
        }
    }
}

/// The header is found: below a title that happens to be nearly as wide as the table, and where files were put one behind the other.
#[test]
fn headers_are_found_below_wide_titles_and_between_files() {
    let source = text("Quarterly report\tInternal\n\na\tb\ty\n1.5\t2\tyes\n2.5\t3\tno\n");
    assert_eq!(names(&*source), ["a", "b", "y"]);
    assert_eq!(source.collect().unwrap().n_rows(), 2);
    // As R writes it: the rows have names, the header has none for them.
    assert!(
        open_body(&b"x,y\nr1,1,2\nr2,3,4\n"[..], "a.csv", BodyFormat::Csv, &ReadOptions::default()).is_ok()
    );

    for csv in [
        "a,b,y\n1.5,2,yes\na,b,y\n2.5,3,no\n",
        "a,b,y\r\n1.5,2,yes\r\na,b,y\r\na,b,y\r\n2.5,3,no\r\na,b,y\r\n",
        "a;b;y\na;b;y\n1.5;2;yes\n\na;b;y\n2.5;3;no",
    ] {
        let source = text(csv);
        assert_eq!(names(&*source), ["a", "b", "y"], "{csv:?}");
        assert_eq!(texts(&*source, "y"), ["yes", "no"], "{csv:?}");
        assert_eq!(numbers(&*source, "a"), [1.5, 2.5], "{csv:?}");
        assert!(source.reading().unwrap().notes.iter().any(|n| n.contains("names comes")), "{csv:?}");
    }
    // A table of names alone in which a row comes again has no header.
    assert_eq!(text("Oslo,yes\nBonn,no\nOslo,yes\n").collect().unwrap().n_rows(), 3);
}

#[test]
fn a_workbook_is_read_where_its_table_is() {
    let source = opened("cover.xlsx");
    assert_eq!(names(&*source), ["shop", "sold"]);
    assert_eq!(texts(&*source, "shop").len(), 40);
    let notes = &source.reading().unwrap().notes;
    assert!(notes.iter().any(|n| n.contains("'Data' is read") && n.contains("Cover, Old")), "{notes:?}");
    // Who names a sheet gets it, hidden or not.
    let old = open(&(file("cover.xlsx") + "?sheet=Old"), &ReadOptions::default()).unwrap();
    assert_eq!(texts(&*old, "shop").len(), 29);
    let e = refusal(open(&file("formulas.xlsx"), &ReadOptions::default()));
    assert!(e.to_string().contains("column 3 of sheet 'Data' holds 6 formulas without their values"), "{e}");
    // Who leaves the column out needs no values of it.
    let ignored = ReadOptions { ignored: vec!["tax".into()], ..ReadOptions::default() };
    assert_eq!(texts(&*open(&file("formulas.xlsx"), &ignored).unwrap(), "price").len(), 6);
    // What stands in a merged cell is that of each of its rows.
    let merged = opened("merged.xlsx");
    assert_eq!(names(&*merged), ["region", "sold", "back"]);
    assert_eq!(texts(&*merged, "region"), ["North", "North", "North", "South", "South", "South"]);
    // An empty row divides the table from its total.
    let total = opened("total.xlsx");
    assert_eq!(texts(&*total, "shop").last().map(String::as_str), Some("s10"));
    assert!(total.reading().unwrap().notes.iter().any(|n| n.contains("Total")));
}

#[test]
fn quotes_behind_a_backslash_are_part_of_their_cell() {
    let read = |text: &str| {
        let source =
            open_body(text.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, &ReadOptions::default()).unwrap();
        texts(&*source, "said")
    };
    assert_eq!(read("n,said\n1,\"He said \\\"hi\\\", twice\"\n2,\"no\"\n"), ["He said \"hi\", twice", "no"]);
    assert_eq!(read("n;said\n1;\"\\\"a\\\" or \\\"b\\\"\"\n2;no\n"), ["\"a\" or \"b\"", "no"]);
    // A path that ends with a backslash, and doubled quotes, stay what they are.
    assert_eq!(read("n,said\n1,\"C:\\dir\\\"\n2,\"D:\\\"\n"), ["C:\\dir\\", "D:\\"]);
    assert_eq!(read("n,said\n1,\"a \"\"b\"\" c\"\n2,x\n"), ["a \"b\" c", "x"]);
}
