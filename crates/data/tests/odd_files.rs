//! Files as consoles, spreadsheets and other tools write them: what they hold is read, or it is said what they are.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop the test")]

use std::io::Write;

use tidemill_core::{Context, Kind, Layout, Source};
use tidemill_data::source::{BodyFormat, open_body};
use tidemill_data::{Ingest, ReadOptions, open};

use crate::reading::{codes, column, numbers, plan_of, text, texts};

fn names(source: &dyn Source) -> Vec<String> {
    source.schema().names().map(String::from).collect()
}

fn n_rows(source: &dyn Source) -> usize {
    source.collect().unwrap().n_rows()
}

fn written(suffix: &str, text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn opened(file: &tempfile::NamedTempFile) -> tidemill_core::Result<Box<dyn Source>> {
    open(&file.path().display().to_string(), &ReadOptions::default())
}

fn lines(of: impl Fn(usize) -> String) -> String {
    (0..40).map(of).collect()
}

#[test]
fn spaces_before_quotes_are_no_part_of_a_cell() {
    let csv = format!("\"x\", \"b\", \"y\"\n{}", lines(|i| format!("{i}.5, \"a, {}\", \"no\"\n", i % 3)));
    let source = text(&csv);
    assert_eq!(names(&*source), ["x", "b", "y"]);
    assert_eq!(texts(&*source, "b")[1], "a, 1");
    assert_eq!(texts(&*source, "y")[39], "no");
    // Where the quotes stand for themselves, nothing changes.
    let inches = format!("size,b\n{}", lines(|i| format!("{i} \", a \" b\n")));
    assert_eq!(texts(&*text(&inches), "b")[0], " a \" b");
}

#[test]
fn tables_of_consoles_are_read() {
    let markdown =
        format!("| x | b | y |\n|---|:-:|---|\n{}", lines(|i| format!("| {i}.5 | a{} | no |\n", i % 3)));
    let source = text(&markdown);
    assert_eq!(n_rows(&*source), 40);
    assert_eq!(texts(&*source, "y")[0].trim(), "no");
    let padded = format!("x       b   y\n{}", lines(|i| format!("{:<8}a{:<3}no\n", format!("{i}.5"), i % 3)));
    assert_eq!((names(&*text(&padded)).len(), n_rows(&*text(&padded))), (3, 40));
    let rule = "+------+----+-----+\n";
    let rows = lines(|i| format!("| {i:>3}.5 | a{} | no  |\n", i % 3));
    let mysql = format!("{rule}| x    | b  | y   |\n{rule}{rows}{rule}40 rows in set (0.01 sec)\n");
    let source = text(&mysql);
    assert_eq!(n_rows(&*source), 40, "{:?}", source.reading().unwrap().notes);
    assert!(names(&*source).contains(&"y".to_string()), "{:?}", names(&*source));
}

#[test]
fn a_quote_that_another_one_was_taken_for_is_an_error_with_its_line() {
    let csv = format!(
        "id,name,age\n2,\"Ann, B\",30\n1,\"John, Doe,25\n3,\"Bob\",35\n{}",
        lines(|i| format!("{i},N,4\n"))
    );
    let said = text(&csv).collect().unwrap_err().to_string();
    assert!(said.contains("line 3"), "{said}");
    // Cells of several lines are sound, and so are spaces behind their quotes.
    let sound = format!("id,name,age\n2,\"Ann\nB\" ,30\n{}", lines(|i| format!("{i},N,4\n")));
    assert_eq!(n_rows(&*text(&sound)), 41);
}

#[test]
fn rows_that_were_only_formatted_are_none() {
    let csv = format!("x,b\n{}{}", lines(|i| format!("{i}.5,a\n")), ",\n".repeat(60));
    let file = written(".csv", &csv);
    let source = opened(&file).unwrap();
    assert_eq!(n_rows(&*source), 40);
    assert!(
        source
            .reading()
            .unwrap()
            .notes
            .iter()
            .any(|note| note == "the last 60 lines are empty and passed over")
    );
    // Where each row is answered, each is one.
    let every = ReadOptions { every_line: true, ..ReadOptions::default() };
    let body = open_body(csv.into_bytes(), "a.csv", BodyFormat::Csv, &every).unwrap();
    assert_eq!(n_rows(&*body), 100);
}

#[test]
fn files_of_other_tools_are_named() {
    for (text_of, wanted) in [
        ("@relation a\n@attribute x numeric\n@attribute y {p,q}\n@data\n1.5,p\n", "ARFF"),
        ("1 1:0.5 3:2.25\n0 2:1e-3\n", "LIBSVM"),
    ] {
        let Err(e) = opened(&written(".csv", text_of)) else { panic!("{wanted}") };
        assert!(e.to_string().contains(wanted), "{e}");
    }
    // Times and ratios are no pairs of an index and a number.
    assert!(text("5 10:30\n6 11:45\n").collect().is_ok());
}

#[test]
fn tables_in_one_object_of_json_are_rows() {
    let columns = format!(
        "{{\"x\":{{{}}},\"b\":{{{}}}}}",
        (0..5).map(|i| format!("\"{i}\":{i}.5")).collect::<Vec<_>>().join(","),
        (0..5).map(|i| format!("\"{i}\":\"n{i}\"")).collect::<Vec<_>>().join(",")
    );
    let file = written(".json", &columns);
    let source = opened(&file).unwrap();
    assert_eq!((names(&*source), n_rows(&*source)), (vec!["x".to_string(), "b".to_string()], 5));
    let rows = "{\"x\":1.5,\"b\":\"p\"}\n{\"x\":Infinity,\"b\":\"q\"}\n{\"x\":NaN,\"b\":\"-Infinity\"}\n";
    let file = written(".json", rows);
    let source = opened(&file).unwrap();
    assert_eq!(texts(&*source, "x"), ["1.5", "Infinity", "(null)"]);
}

#[test]
fn latitude_and_longitude_in_one_cell_are_a_place() {
    for write in [
        |i: usize| format!("\"(40.{:04}, -73.{:04})\"", 5000 + 37 * i, 9000 + 11 * i),
        |i: usize| format!("40.{:04};-73.{:04}", 5000 + 37 * i, 9000 + 11 * i),
        |i: usize| format!("40°{}'N 73°{}'W", i, i + 10),
    ] {
        let csv = format!("where,y\n{}", lines(|i| format!("{},{}\n", write(i), i % 2)));
        let found = column(&*text(&csv), "where");
        assert_eq!(
            (found.kind, found.layout),
            (Kind::Point, Some(Layout::Point { degrees: true })),
            "{}",
            found.why
        );
    }
}

#[test]
fn names_and_digits_say_what_numbers_are() {
    let csv = |name: &str, write: &dyn Fn(usize) -> String| {
        format!("{name},y\n{}", lines(|i| format!("{},a\n", write(i))))
    };
    let of = |name: &str, write: &dyn Fn(usize) -> String| column(&*text(&csv(name, write)), name);
    let found = of("created_at", &|i| format!("{}.25", 1_700_000_000 + 3600 * i));
    assert_eq!((found.kind, found.format.to_string().as_str()), (Kind::Time, "unix_seconds"));
    assert_eq!(of("price", &|i| format!("{}.25", 1_700_000_000 + 3600 * i)).kind, Kind::Number);
    assert_ne!(
        of("card", &|i| format!("{}", 4_000_123_412_341_237_u64 + (i as u64 * 3 / 4))).kind,
        Kind::Number
    );
    for name in ["market_cap", "phone_minutes", "lines_of_code", "token_count"] {
        assert_eq!(of(name, &|i| format!("{}", 1000 + 97 * i % 1300)).kind, Kind::Number, "{name}");
    }
    let phone = of("contact", &|i| format!("+49 170 {}", 1_000_000 + 7919 * i));
    assert!(phone.why.contains("identifier"), "{}", phone.why);
}

#[test]
fn times_of_day_and_ages_are_numbers() {
    for (csv, wanted) in [
        ("x,y\n7.30 Uhr,a\n19.05 Uhr,b\n8 Uhr,c\n", vec![27_000.0, 68_700.0, 28_800.0]),
        ("x,y\n7h30,a\n19h05,b\n8h00,c\n", vec![27_000.0, 68_700.0, 28_800.0]),
        ("x,y\n3 pct,a\n-5 %,b\n12 percent,c\n", vec![3.0, -5.0, 12.0]),
        ("x,y\n5.1 ± 0.2,a\n6.0 ± 1.5,b\n-2 ± 0.1,c\n", vec![5.1, 6.0, -2.0]),
        ("x,y\n2 weeks,a\n3 weeks,b\n7 days,c\n1 week,a\n", vec![2.0, 3.0, 1.0, 1.0]),
    ] {
        let found = numbers(&*text(csv), "x");
        assert!(
            found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-9),
            "{csv:?}: {found:?}"
        );
    }
}

#[test]
fn what_is_read_as_names_but_holds_numbers_is_said() {
    for (write, code) in [
        (&(|i: usize| format!("{}/{}", 100 + i, 60 + i / 2)) as &dyn Fn(usize) -> String, "several_numbers"),
        (&|i: usize| format!("{}x{}", 640 + i, 480 + i), "several_numbers"),
        (&|i: usize| format!("{}.5 {}", 3 * i, ["CR", "DR"][i % 2]), "numbers_with_words"),
    ] {
        let csv = format!("v,y\n{}", lines(|i| format!("{},{}\n", write(i), i % 2)));
        let plan = plan_of(&*text(&csv), Some("y"));
        assert!(codes(&plan).contains(&code), "{}: {:?}", write(0), codes(&plan));
    }
}

/// By Unicode, both forms are one text: Apple's file systems and keyboards write the one, most others the other.
#[test]
fn accents_are_the_same_however_they_are_written() {
    let csv = |u: &str, e: &str| {
        let town = |i: usize| [format!("Z{u}rich"), format!("Gen{e}ve"), "Bern".into()][i % 3].clone();
        let rows = (0..30).map(|i| format!("{},{i}.5\n", town(i)));
        format!("gr{u}n,y\n{}", rows.collect::<String>())
    };
    let (composed, apart) = (csv("\u{fc}", "\u{e8}"), csv("u\u{308}", "e\u{300}"));
    for (train, new) in [(&composed, &apart), (&apart, &composed)] {
        let (train, new) = (text(train), text(new));
        let plan = plan_of(&*train, Some("y"));
        let (intake, table) = Ingest::fit(&*train, plan, &Context::default()).unwrap();
        let mut run = intake.clone().bind_to(&*new).unwrap();
        let batch = new.scan().unwrap().next().unwrap().unwrap();
        let typed = run.apply(&batch).unwrap();
        assert_eq!(typed.codes(0).unwrap(), table.batch().codes(0).unwrap());
        assert!(intake.warnings().is_empty() && intake.unknown(new.schema()).is_empty());
    }
}
