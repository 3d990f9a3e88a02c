//! Kind "the header is found", continued: names in two rows, rules, types below the names, rows with names of their own, and what stands
//! below a table. What is right is what a person sees in the text.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop the test")]

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Reading, Source};
use tidemill_data::source::{BodyFormat, open_body};
use tidemill_data::{Ingest, ReadOptions, infer, open};

fn read(csv: &str, options: &ReadOptions) -> Box<dyn Source> {
    open_body(csv.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, options).unwrap()
}

fn names(source: &dyn Source) -> Vec<&str> {
    source.schema().names().collect()
}

fn n_rows(source: &dyn Source) -> usize {
    source.collect().unwrap().n_rows()
}

fn said(source: &dyn Source) -> String {
    source.reading().unwrap().notes.join("; ")
}

const ROWS: &str = "Oslo,1.5,3,7.25\nRome,2.5,4,8.5\nOslo,3.5,5,9.75\nBonn,4.5,6,8\n";

#[test]
fn names_in_two_rows_are_read() {
    let free = ReadOptions::default();
    for (header, wanted) in [
        ("place,size,rank,y\n", ["place", "size", "rank", "y"]),
        ("where,plant,plant,plant\nplace,size,rank,y\n", ["place", "size", "rank", "y"]),
        ("where,plant,,\nplace,size,rank,y\n", ["place", "size", "rank", "y"]),
        (",2023,2023,2024\nplace,size,rank,y\n", ["place", "size", "rank", "y"]),
        ("Report of 2024,,,\n,,,\nwhere,,2023,\nplace,size,rank,y\n", ["place", "size", "rank", "y"]),
        ("where,A,,B\nplace,mean,sd,mean\n", ["where place", "A mean", "A sd", "B mean"]),
        ("place,size,rank,y\n-----,----,----,-\n", ["place", "size", "rank", "y"]),
        ("place,size,rank,y\nstring,float,int,float\n", ["place", "size", "rank", "y"]),
        ("place,size,rank,y\nvarchar,double,bigint,real\n", ["place", "size", "rank", "y"]),
    ] {
        let source = read(&format!("{header}{ROWS}"), &free);
        assert_eq!((names(&*source), n_rows(&*source)), (wanted.to_vec(), 4), "{header:?}");
        // What was found, said again, gives the same rows.
        let again = read(&format!("{header}{ROWS}"), &ReadOptions::again(source.reading().unwrap()));
        assert_eq!((names(&*again), n_rows(&*again)), (wanted.to_vec(), 4), "{header:?}");
    }
    // A console's table, and one of Markdown.
    for drawn in [
        " place | size | rank | y \n-------+------+------+----\n Oslo | 1.5 | 3 | 7.25\n Rome | 2.5 | 4 | 8.5\n Oslo | 3.5 | 5 | 9\n(3 rows)\n\n",
        "place | size | rank | y\n---|---:|---:|---:\nOslo | 1.5 | 3 | 7.25\nRome | 2.5 | 4 | 8.5\nOslo | 3.5 | 5 | 9\n",
    ] {
        let source = read(drawn, &free);
        assert_eq!((names(&*source), n_rows(&*source)), (vec!["place", "size", "rank", "y"], 3), "{drawn:?}");
    }
}

#[test]
fn rows_with_names_of_their_own_are_read() {
    for (csv, first) in [
        ("size,rank,y\nOslo,1.5,3,7.25\nRome,2.5,4,8.5\n", "row"),
        ("\"size\" \"rank\" \"y\"\n\"1\" 1.5 3 7.25\n\"2\" 2.5 4 8.5\n", "row"),
        (",size,rank,y\n1,1.5,3,7.25\n2,2.5,4,8.5\n", "column_1"),
    ] {
        let source = read(csv, &ReadOptions::default());
        assert_eq!((names(&*source), n_rows(&*source)), (vec![first, "size", "rank", "y"], 2), "{csv:?}");
    }
}

/// Files of Windows put one behind the other: each with its mark and its names, in quotes or not, with its own line ends.
#[test]
fn files_put_one_behind_the_other_are_one_table() {
    let free = ReadOptions::default();
    for second in [
        "\u{feff}a,b,y\n3,4,u\n",
        "a,b,y\r\n3,4,u\r\n",
        "\"a\",\"b\",\"y\"\n3,4,u\n",
        "\u{feff}\"a\", b ,y\r\n3,4,u\r\n",
        "\u{feff}3,4,u\n",
        "\u{feff}\"3\",4,u\n",
    ] {
        let source = read(&format!("a,b,y\n1,2,v\n5,6,u\n{second}"), &free);
        let rows = source.collect().unwrap();
        let first: Vec<_> = rows.texts(0).unwrap().iter().flatten().collect();
        assert_eq!((names(&*source), first), (vec!["a", "b", "y"], vec!["1", "5", "3"]), "{second:?}");
        // Where each row is answered, the names are no row.
        let told = ReadOptions::at_prediction(["a", "b"]);
        let answered = read(&format!("a,b,y\n1,2,v\n5,6,u\n{second}"), &told).collect();
        assert_eq!(answered.is_err(), second.contains("a"), "{second:?}");
    }
    let lines = "{\"a\":1}\n\u{feff}{\"a\":NaN}\n{\"a\":3}\n";
    let source = open_body(lines.as_bytes().to_vec(), "a.jsonl", BodyFormat::JsonLines, &free).unwrap();
    let rows = source.collect().unwrap();
    assert_eq!(rows.numbers(0).unwrap().iter().collect::<Vec<_>>(), [Some(1.0), None, Some(3.0)]);
}

#[test]
fn years_and_dates_in_order_are_names() {
    let free = ReadOptions::default();
    for (header, rows, wanted) in [
        ("country,1990,1991,1992\n", "A,3.5,2,1\nB,4.5,3,2\nA,1,2,3\n", 3),
        (",2024-01-01,2024-02-01\n", "A,3.5,2\nB,4.5,3\n", 2),
        ("2021,2020,2019\n", "3.5,2,7\n4.5,3,8\n", 2),
        // Rows with years of their own, years out of order, and one year alone.
        ("Ann,1990,1995\n", "Bob,1991,1999\nEve,1985,2001\n", 3),
        ("A,1991,1990,1992\n", "B,3.5,2,1\nC,4.5,3,2\n", 3),
        ("A,1990\n", "B,3.5\nC,4.5\n", 3),
    ] {
        assert_eq!(n_rows(&*read(&format!("{header}{rows}"), &free)), wanted, "{header}");
    }
}

#[test]
fn the_names_that_a_user_gives_find_the_header() {
    let mut recipe = Recipe::default();
    recipe.data.target = Some("2021".into());
    let told = ReadOptions::of(&recipe.data).unwrap();
    for csv in [
        "place,2019,2020,2021\nOslo,1.5,3,7.25\nRome,2.5,4,8.5\nOslo,3.5,5,9.75\n",
        "Sales, by year\nplace,2019,2020,2021\nOslo,1.5,3,7.25\nRome,2.5,4,8.5\nOslo,3.5,5,9.75\n",
    ] {
        let source = read(csv, &told);
        assert_eq!(
            (names(&*source), n_rows(&*source)),
            (vec!["place", "2019", "2020", "2021"], 3),
            "{csv:?}: {}",
            said(&*source)
        );
    }
}

#[test]
fn what_stands_below_a_table_is_no_row() {
    let head = "place,size,rank,y\n";
    for (below, says) in [
        ("Total,,,33.5\n", "'Total,,,33.5'"),
        ("(4 rows)\n", "'(4 rows)'"),
        ("\n4 rows selected.\n", "the last 2 lines, from '4 rows selected.' on"),
        ("Source: Office of Works, 2024\nNote: preliminary", "the last 2 lines"),
        ("Summe;;;\n", "'Summe;;;'"),
        ("\u{1a}", "\\u{1a}"),
    ] {
        let (head, rows) = match below.contains(';') {
            true => (head.replace(',', ";"), ROWS.replace(',', ";")),
            false => (head.to_string(), ROWS.to_string()),
        };
        let source = read(&format!("{head}{rows}{below}"), &ReadOptions::default());
        assert_eq!(n_rows(&*source), 4, "{below:?}");
        assert!(said(&*source).contains(says), "{below:?}: {}", said(&*source));
        let Reading { footer, .. } = source.reading().unwrap();
        let lines = below.lines().count();
        assert_eq!(*footer, Some(lines), "{below:?}");
        // Told that there is none, the line is a row, or an error with its number.
        let none = ReadOptions { footer: Some(0), ..ReadOptions::default() };
        let rows = read(&format!("{head}{rows}{below}"), &none).collect();
        assert!(rows.map_or_else(|e| e.line() >= Some(6), |rows| rows.n_rows() == 5), "{below:?}");
    }
    let source = read(&format!("{head}{ROWS}"), &ReadOptions::default());
    assert_eq!((n_rows(&*source), source.reading().unwrap().footer), (4, None));
}

#[test]
fn what_stands_below_a_long_table_and_each_of_several_is_found() {
    let folder = std::env::temp_dir().join(format!("tidemill-footer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let long = format!("place,size,rank,y\n{}Total,,,1\n", ROWS.repeat(30_000));
    assert!(long.len() > 1 << 20);
    for (name, text) in [
        ("a.csv", &*long),
        ("b.csv", &*format!("place,size,rank,y\n{ROWS}")),
        ("c.csv", "place,size,rank,y\nOslo,1,2,3\nRome,2,3,4\n(2 rows)\n"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let at = |name: &str| folder.join(name).display().to_string();
    let source = open(&at("a.csv"), &ReadOptions::default()).unwrap();
    assert_eq!((n_rows(&*source), source.reading().unwrap().footer), (120_000, Some(1)));
    let all = open(&at("*.csv"), &ReadOptions::default()).unwrap();
    assert_eq!(n_rows(&*all), 120_000 + 4 + 2);
    assert!(said(&*all).contains("Total") && said(&*all).contains("(2 rows)"), "{}", said(&*all));
    // Each file has its own: what is written down must not cost another one a row.
    assert_eq!(all.reading().unwrap().footer, None);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn where_each_row_is_answered_no_line_is_passed_over() {
    let options = ReadOptions::at_prediction(["place", "y"]);
    for (csv, line) in [
        ("place,y\nOslo,1\nplace,y\nRome,2\n", 3),
        ("place,y\nplace,y\nRome,2\n", 2),
        ("place,y\nOslo,1\nRome,2\n(2 rows)\n", 4),
        ("place;y\r\nOslo;1\r\n\r\nplace;y\r\n", 4),
    ] {
        let refused =
            open_body(csv.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, &options).and_then(|s| s.collect());
        assert_eq!(refused.unwrap_err().line(), Some(line), "{csv:?}");
    }
    assert_eq!(n_rows(&*read("place,y\nOslo,1\nTotal,1\n", &options)), 2);
    // A cell too many is a fault, and no name of the row, unless the model knows that rows have names.
    for csv in
        ["place,y\nOslo,1,2\n", "a,b,c\n10.5,59.5,3,59.5\n10.6,59.5,3,4\n", "place;y\n1;Oslo;2\n2;Rome;3\n"]
    {
        let refused =
            open_body(csv.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, &options).and_then(|s| s.collect());
        assert_eq!(refused.unwrap_err().line(), Some(2), "{csv:?}");
    }
    let with_rows = ReadOptions::at_prediction(["row", "place", "y"]);
    assert_eq!(names(&*read("place,y\n1,Oslo,2\n2,Rome,3\n", &with_rows)), ["row", "place", "y"]);
    // To learn from: names of rows are different names.
    assert_eq!(
        names(&*read("place,y\n1,Oslo,2\n2,Rome,3\n", &ReadOptions::default())),
        ["row", "place", "y"]
    );
    let open =
        |csv: &str| open_body(csv.as_bytes().to_vec(), "a.csv", BodyFormat::Csv, &ReadOptions::default());
    assert!(open("size,rank,y\nOslo,1.5,3,7.25\nOslo,2.5,4,8.5\n").and_then(|s| s.collect()).is_err());
    // To learn from, files may be put one behind the other.
    assert_eq!(n_rows(&*read("place,y\nOslo,1\nplace,y\nRome,2\n", &ReadOptions::default())), 2);
}

/// Kind "missing words can be given back": where training learned a word as a name, a source that tells texts from nothing may say it bare.
#[test]
fn a_word_that_training_learned_as_a_name_is_one_where_texts_have_types() {
    let mut train = String::from("land,x,y\n");
    for i in 0..60 {
        let land = ["\"NA\"", "DE", "FR", "NA", "\"none\""][i % 5];
        train.push_str(&format!("{land},{},{}\n", i % 7, i % 2));
    }
    let rows = read(&train, &ReadOptions::default());
    let mut recipe = Recipe::default();
    recipe.data.target = Some("y".into());
    let plan = infer(&*rows, &recipe, &Context::default()).unwrap();
    let (intake, _) = Ingest::fit(&*rows, plan, &Context::default()).unwrap();
    let codes = |body: &str, format: BodyFormat| {
        let options = ReadOptions::at_prediction(["land", "x"]);
        let source = open_body(body.as_bytes().to_vec(), "a body", format, &options).unwrap();
        let mut run = intake.clone().bind_to(&*source).unwrap();
        let batch = run.apply(&source.collect().unwrap()).unwrap();
        let at = batch.schema().index("land").unwrap();
        let names = batch.schema().columns()[at].categories().unwrap().clone();
        let codes = batch.codes(at).unwrap();
        codes
            .iter()
            .map(|code| code.map_or("(missing)".into(), |code| names.name(code).to_string()))
            .collect::<Vec<_>>()
    };
    for (body, format, wanted) in [
        ("{\"land\":\"NA\",\"x\":1}\n{\"land\":null,\"x\":1}\n", BodyFormat::JsonLines, ["NA", "(missing)"]),
        (
            "{\"land\":\"none\",\"x\":1}\n{\"land\":\"\",\"x\":1}\n",
            BodyFormat::JsonLines,
            ["none", "(missing)"],
        ),
        (
            "{\"land\":\"null\",\"x\":1}\n{\"land\":\"FR\",\"x\":1}\n",
            BodyFormat::JsonLines,
            ["(missing)", "FR"],
        ),
        ("land,x\n\"NA\",1\nNA,1\n", BodyFormat::Csv, ["NA", "(missing)"]),
        ("land\tx\n\"none\"\t1\nDE\t1\n", BodyFormat::Tsv, ["none", "DE"]),
    ] {
        assert_eq!(codes(body, format), wanted, "{body}");
    }
}
