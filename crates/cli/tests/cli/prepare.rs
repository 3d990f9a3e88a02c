//! Preparation alone: what is written, what is said of it, and that other rows are treated alike.

use crate::desk::{Desk, example, small_table};

/// Ten ages, two of them missing: the median of the other eight is 36.5 (Python's `statistics.median`).
const HOLES: &str = "\
id,age,town,churned
a,31,Ulm,yes
b,,Ulm,no
c,33,Bonn,yes
d,35,Ulm,no
e,40,Bonn,no
f,,Bonn,yes
g,38,Ulm,no
h,44,Bonn,yes
i,29,Ulm,no
j,51,Bonn,yes
";

#[test]
fn holes_are_filled_and_counted_and_new_rows_get_what_was_learned() {
    let desk = Desk::new().with("a.csv", HOLES).with("new.csv", "id,age,town\nz,,Ulm\ny,12,Rome\n");
    let args =
        ["prepare", "a.csv", "--target", "churned", "-o", "clean.csv", "--save", "p.tidemill", "--json"];
    let facts = desk.run(&args).done().json();
    assert_eq!((facts["rows_before"].as_u64(), facts["rows_after"].as_u64()), (Some(10), Some(10)));
    assert_eq!(facts["rows_touched"], 2);
    assert_eq!(facts["steps"][0]["spec"]["kind"], "impute_median");
    assert_eq!(facts["steps"][0]["changed"]["age"]["filled"], 2);
    let age = facts["columns"].as_array().unwrap().iter().find(|c| c["name"] == "age").unwrap();
    assert_eq!((age["before"]["missing"].as_u64(), age["after"]["missing"].as_u64()), (Some(2), Some(0)));
    // Python's statistics.mean and statistics.stdev of 31, 33, 35, 40, 38, 44, 29, 51.
    let mean = age["before"]["numbers"]["mean"].as_f64().unwrap();
    assert!((mean - 37.625).abs() < 1e-12, "{mean}");
    let std = age["before"]["numbers"]["std"].as_f64().unwrap();
    assert!((std - 7.288_689_868_556_625_5).abs() < 1e-12, "{std}");
    assert_eq!(desk.read("clean.csv").matches("36.5").count(), 2, "{}", desk.read("clean.csv"));
    let ran = desk.run(&["prepare", "new.csv", "--with", "p.tidemill", "-o", "new-clean.csv"]).done();
    assert!(ran.out.contains("2 rows in, 2 rows out, 1 with a changed cell"), "{}", ran.out);
    assert!(desk.read("new-clean.csv").contains("36.5"), "{}", desk.read("new-clean.csv"));
    // A preparation predicts nothing, and a model is no preparation.
    desk.run(&["predict", "p.tidemill", "new.csv"]).refused(&["holds a preparation", "--with"]);
}

#[test]
fn the_same_rows_come_out_whether_they_are_learned_from_or_streamed() {
    let source = example("penguins/penguins.csv");
    let desk = Desk::new();
    let fit =
        ["prepare", &source, "--target", "species", "--for", "ridge", "-o", "a.csv", "--save", "p.tidemill"];
    desk.run(&fit).done();
    for threads in ["1", "3"] {
        let out = format!("b{threads}.csv");
        desk.run(&["prepare", &source, "--with", "p.tidemill", "-o", &out, "--threads", threads]).done();
        assert_eq!(desk.read("a.csv"), desk.read(&out));
    }
}

#[test]
fn the_report_shows_both_sides() {
    let desk = Desk::new().with("a.csv", HOLES);
    desk.run(&["prepare", "a.csv", "--target", "churned", "--report", "p.html"]).done();
    let page = desk.read("p.html");
    for words in ["Preparation report", "impute_median", "age · before", "age · after", "2 filled"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn balance_is_applied_when_asked_alone_and_said_either_way() {
    let recipe = "[data]\nsource = \"a.csv\"\ntarget = \"churned\"\n[balance]\nkind = \"random_over\"\n";
    let desk = Desk::new().with("a.csv", small_table(60)).with("r.toml", recipe);
    let plain = desk.run(&["prepare", "r.toml", "-o", "a.parquet"]).done();
    assert!(plain.out.contains("60 rows out") && plain.out.contains("was not applied"), "{}", plain.out);
    let facts = desk.run(&["prepare", "r.toml", "--balance", "-o", "b.parquet", "--json"]).done().json();
    let after = facts["balance"]["after"].as_array().unwrap();
    assert_eq!(after[0], after[1], "{facts}");
    assert!(facts["rows_after"].as_u64() > Some(60));
}

#[test]
fn refusals_come_before_work() {
    let desk = Desk::new().with("a.csv", HOLES);
    desk.run(&["prepare", "a.csv"]).refused(&["nothing to write to", "--save"]);
    desk.run(&["prepare", "a.csv", "-o", "a.xlsx"]).refused(&["not a format that is written"]);
    desk.run(&["prepare", "a.csv", "--balance", "-o", "b.csv"]).refused(&["no [balance]"]);
    desk.run(&["prepare", "a.csv", "--for", "rigde", "-o", "b.csv"]).refused(&["ridge"]);
    desk.run(&["prepare", "a.csv", "--with", "a.csv", "-o", "b.csv"]).refused(&["a.csv"]);
    assert_eq!(desk.files(), ["a.csv"]);
}
