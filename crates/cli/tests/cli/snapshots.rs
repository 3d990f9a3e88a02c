//! Snapshots: rows kept, compared, checked, brought back, forgotten.

use std::path::{Path, PathBuf};

use crate::desk::{Desk, example, small_table};

fn chunks(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(folder.join("chunks")).unwrap() {
        found.extend(std::fs::read_dir(folder.unwrap().path()).unwrap().map(|e| e.unwrap().path()));
    }
    found.sort();
    found
}

#[test]
fn what_comes_back_is_the_snapshot_it_came_from() {
    let source = example("penguins/penguins.csv");
    let desk = Desk::new();
    let id = desk.run(&["data", "snapshot", &source, "--json"]).done().json()["snapshot"]["id"].clone();
    let id = id.as_str().unwrap();
    // Cells, quotes and all: what was restored is the same table to the last byte of every value.
    desk.run(&["data", "restore", &id[..8], "-o", "back.csv"]).done();
    let again = desk.run(&["data", "snapshot", "back.csv", "--json"]).done().json();
    assert_eq!((again["snapshot"]["id"].as_str(), again["known"].as_bool()), (Some(id), Some(true)));
    for typed in ["back.parquet", "back.arrow"] {
        desk.run(&["data", "restore", "penguins.csv", "-o", typed]).done();
        let one = desk.run(&["data", "snapshot", typed, "--json"]).done().json();
        assert_eq!(one["snapshot"]["rows"], 344);
        assert_eq!(desk.run(&["data", "diff", id, one["snapshot"]["id"].as_str().unwrap()]).code, 0);
    }
    assert!(desk.run(&["data", "verify"]).done().out.contains("all as they were written"));
}

#[test]
fn a_model_leads_to_the_rows_it_was_trained_on() {
    let recipe = "[data]\nsource = \"a.csv\"\ntarget = \"churned\"\nkey = \"id\"\nsnapshot = true\n\
                  [[learners]]\nkind = \"gaussian_nb\"\n";
    let desk = Desk::new().with("a.csv", small_table(60)).with("r.toml", recipe);
    let train = ["train", "r.toml", "-o", "m", "--trials", "1"];
    desk.run(&train).done();
    let first = desk.bytes("m/model.tidemill");
    // The rows go; the model has them brought back.
    std::fs::rename(desk.path("a.csv"), desk.path("gone.csv")).unwrap();
    let ran = desk.run(&["data", "restore", "--of", "m/model.tidemill", "-o", "back.csv"]).done();
    assert!(ran.out.contains("60 rows"), "{}", ran.out);
    assert_eq!(desk.read("back.csv"), desk.read("gone.csv"));
    std::fs::rename(desk.path("gone.csv"), desk.path("a.csv")).unwrap();
    // A snapshot has a time, a model has none.
    desk.run(&train).done();
    assert_eq!(desk.bytes("m/model.tidemill"), first);

    // A person goes, from the snapshot too; the model's name for it still leads there.
    let ran = desk.run(&["forget", "c0007x"]).done();
    assert!(ran.out.contains("forgot 1 row in 1 snapshot"), "{}", ran.out);
    let ran = desk.run(&["data", "restore", "--of", "m/model.tidemill", "-o", "less.csv"]).done();
    assert!(ran.out.contains("59 rows") && ran.out.contains("1 row that was there before"), "{}", ran.out);
    assert!(!desk.read("less.csv").contains("c0007x"));
    assert_eq!(desk.run(&["forget", "c0007x"]).code, 1, "nobody is left of this name");
}

#[test]
fn damage_is_named_and_nothing_half_is_restored() {
    let desk = Desk::new().with("a.csv", small_table(60));
    desk.run(&["data", "snapshot", "a.csv"]).done();
    let chunk = &chunks(&desk.path("tidemill-snapshots"))[0];
    let mut bytes = std::fs::read(chunk).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(chunk, bytes).unwrap();
    let ran = desk.run(&["data", "verify"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("column '") && ran.out.contains("rows 1 to 60"), "{}", ran.out);
    desk.run(&["data", "restore", "a.csv", "-o", "b.csv"]).refused(&["column '", "rows 1 to 60", "again"]);
    assert_eq!(desk.files(), ["a.csv", "tidemill-snapshots"]);
}

#[test]
fn refusals_and_differences_are_told() {
    let table = small_table(20);
    let narrow: String = table.lines().map(|l| format!("{}\n", l.rsplit_once(',').unwrap().0)).collect();
    let desk = Desk::new().with("a.csv", table).with("b.csv", narrow).with("empty.csv", "id,age\n");
    desk.run(&["data", "list"]).refused(&["no snapshots", "--in"]);
    desk.run(&["data", "snapshot", "a.csv"]).done();
    desk.run(&["data", "snapshot", "b.csv"]).done();
    desk.run(&["data", "snapshot", "empty.csv"]).refused(&["empty.csv"]);
    let ran = desk.run(&["data", "diff", "a.csv", "b.csv"]);
    assert!(ran.code == 1 && ran.out.contains("column 'churned' vanished"), "{ran:?}");
    // Whoever names the file may mean what is in it now.
    let desk = desk.with("a.csv", small_table(21)).with("new.csv", small_table(5));
    let ran = desk.run(&["data", "diff", "b.csv", "a.csv"]);
    assert!(ran.code == 1 && ran.out.contains("the file has changed since"), "{ran:?}");
    assert_eq!(ran.out.matches("changed since").count(), 1, "b.csv is as it was: {}", ran.out);
    let notes = desk.run(&["data", "diff", "b.csv", "a.csv", "--json"]).json()["notes"].clone();
    assert_eq!(notes.as_array().map(Vec::len), Some(1), "{notes}");
    desk.run(&["data", "diff", "a.csv", "new.csv"])
        .refused(&["no snapshot 'new.csv'", "data snapshot new.csv"]);
    desk.run(&["data", "show", "a.cvs"]).refused(&["is 'a.csv' meant?"]);
    desk.run(&["data", "restore", "a.csv", "-o", "x.xlsx"]).refused(&["not a format that is written"]);
    desk.run(&["data", "prune", "--keep", "0"]).refused(&["every snapshot"]);
    assert!(desk.run(&["data", "prune", "b.csv"]).done().out.contains("removed 1 snapshot"));
}
