//! What a user can get wrong: each has a message that says what, where and what to do, exit code 2, and leaves
//! nothing half-written.

use crate::desk::{Desk, small_table};

fn train(desk: &Desk) -> crate::desk::Ran {
    desk.run(&["train", "t.csv", "--target", "churned", "--trials", "2", "--out", "m"])
}

/// Training on `content` is refused with these words and leaves nothing behind.
#[track_caller]
fn refused(content: impl AsRef<[u8]>, words: &[&str]) {
    let desk = Desk::new().with("t.csv", content);
    train(&desk).refused(words);
    assert_eq!(desk.files(), ["t.csv"]);
}

#[test]
fn a_file_that_is_no_table() {
    refused("", &["t.csv", "empty"]);
    refused("id,age,churned\n", &["t.csv", "rows"]);
    refused([0u8, 159, 146, 150, 0, 1, 2, 3, 0, 0, 7, 8].repeat(400), &["t.csv"]);
    Desk::new().run(&["train", "absent.csv", "-t", "y"]).refused(&["absent.csv"]);
}

#[test]
fn a_ragged_row_is_named_by_its_line() {
    let ragged = small_table(100).replacen("c0049x,", "c0049x,7,", 1);
    refused(ragged, &["t.csv", "line 51", "6", "5"]);
}

#[test]
fn a_column_name_that_comes_twice() {
    refused(small_table(100).replacen("income", "age", 1), &["t.csv", "'age'"]);
}

#[test]
fn a_target_that_cannot_be_learned() {
    refused(small_table(100).replacen("churned", "churnd", 1), &["churned", "did you mean 'churnd'?"]);
    let constant: String = small_table(100).replace(",yes\n", ",no\n");
    refused(constant, &["churned", "no"]);
    let empty = small_table(100).replace(",yes\n", ",\n").replace(",no\n", ",\n");
    refused(empty, &["churned", "missing"]);
    Desk::new().with("t.csv", small_table(100)).run(&["train", "t.csv"]).refused(&["--target"]);
}

#[test]
fn one_row_of_a_class_goes_on_with_a_warning() {
    let desk = Desk::new().with("t.csv", small_table(100) + "c9999x,30,1500.5,Ulm,maybe\n");
    let ran = train(&desk).done();
    assert!(ran.err.contains("maybe"), "{}", ran.err);
}

#[test]
fn an_all_missing_column_and_hard_numbers_go_on() {
    let mut table = String::from("void,big,odd,x,churned\n");
    for i in 0..100 {
        let big = ["1e400", "NaN", "-1e400", "12"][i % 4];
        table += &format!(
            ",{big},{},{},{}\n",
            i % 10,
            (i * 31) % 17,
            if (i * 31) % 17 > 8 { "yes" } else { "no" }
        );
    }
    let desk = Desk::new().with("t.csv", table);
    let ran = train(&desk).done();
    assert!(ran.out.contains("'void'"), "{}", ran.out);
}

#[test]
fn a_hundred_thousand_categories() {
    let mut table = String::from("name,x,churned\n");
    for i in 0..120_000u32 {
        table += &format!(
            "n{},{},{}\n",
            i % 100_000,
            (i * 31) % 1009,
            if (i * 31) % 1009 > 500 { "yes" } else { "no" }
        );
    }
    let desk = Desk::new().with("t.csv", table);
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[columns.name]\nkind = \"category\"\nrole = \"feature\"\n\
                  [folds]\nn = 2\n[train]\ntrials = 1\n";
    std::fs::write(desk.path("r.toml"), recipe).unwrap();
    desk.run(&["train", "r.toml", "--out", "m"]).done();
}

#[test]
fn latin_1_is_read_as_such() {
    let table = small_table(100).replace("Ulm", "K\u{f6}ln");
    let latin: Vec<u8> = table.chars().map(|c| c as u32 as u8).collect();
    let desk = Desk::new().with("t.csv", latin);
    train(&desk).done();
    assert!(desk.run(&["inspect", "m/model.tidemill"]).done().out.contains("Köln"));
}

fn trained() -> Desk {
    let desk = Desk::new().with("t.csv", small_table(120));
    train(&desk).done();
    desk
}

#[test]
fn columns_to_predict_on_may_be_reordered_or_more_but_not_fewer() {
    let desk = trained();
    let predict = |content: &str| {
        std::fs::write(desk.path("new.csv"), content).unwrap();
        desk.run(&["predict", "m/model.tidemill", "new.csv"])
    };
    let plain = predict("age,income,town\n31,1500.5,Ulm\n").done().out;
    assert_eq!(predict("extra,town,income,age\nz,Ulm,1500.5,31\n").done().out, plain);
    predict("age,town\n31,Ulm\n").refused(&["'income'", "missing"]);
    predict("age,incom,town\n31,1500.5,Ulm\n").refused(&["'income'", "did you mean 'incom'?"]);
    let retyped = predict("age,income,town\nold,1500.5,Ulm\n31,1500.5,Ulm\n").done();
    assert!(retyped.err.contains("'age'") && retyped.err.contains("old"), "{}", retyped.err);
    let unseen = predict("age,income,town\n31,1500.5,Atlantis\n").done();
    assert!(unseen.err.contains("Atlantis"), "{}", unseen.err);
}

#[test]
fn a_damaged_model_is_refused() {
    let desk = trained();
    let whole = desk.bytes("m/model.tidemill");
    for damaged in [whole[..whole.len() / 2].to_vec(), Vec::new(), b"PK\x03\x04".to_vec(), {
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        flipped
    }] {
        std::fs::write(desk.path("bad.tidemill"), damaged).unwrap();
        desk.run(&["predict", "bad.tidemill", "t.csv"]).refused(&["bad.tidemill", "help:"]);
    }
    desk.run(&["predict", "t.csv", "m/model.tidemill"]).refused(&["t.csv", "model"]);
    desk.run(&["evaluate", "m/model.tidemill", "absent.csv"]).refused(&["absent.csv"]);
}

#[test]
fn a_recipe_with_a_typo_shows_the_line() {
    let desk = Desk::new().with("t.csv", small_table(100));
    let desk =
        desk.with("r.toml", "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n\n[split]\ntset = 0.3\n");
    let ran = desk.run(&["train", "r.toml"]);
    ran.refused(&["r.toml, line 6", "'tset'", "did you mean 'test'?"]);
}

#[test]
fn a_place_that_cannot_be_written_is_found_before_the_work() {
    let desk = Desk::new().with("t.csv", small_table(100)).with("m", "a file, not a folder");
    train(&desk).refused(&["m"]);
    assert_eq!(desk.read("m"), "a file, not a folder");
    let desk = trained();
    desk.run(&["predict", "m/model.tidemill", "t.csv", "-o", "no/such/folder/a.csv"])
        .refused(&["no/such/folder"]);
    desk.run(&["predict", "m/model.tidemill", "t.csv", "-o", "answers.docx"])
        .refused(&["answers.docx", ".csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_so() {
    let desk = trained();
    let full = std::path::Path::new("/dev/full");
    if full.exists() {
        let program = assert_cmd::cargo::cargo_bin("tidemill");
        let out = std::fs::OpenOptions::new().write(true).open(full).unwrap();
        let status = std::process::Command::new(program)
            .args(["predict", "m/model.tidemill", "t.csv"])
            .current_dir(desk.path(""))
            .stdout(out)
            .output()
            .unwrap();
        assert_eq!(status.status.code(), Some(2), "{status:?}");
        assert!(String::from_utf8_lossy(&status.stderr).contains("space"), "{status:?}");
    }
}

#[test]
fn rows_are_never_written_over_those_that_are_read() {
    let table = small_table(120);
    let desk = Desk::new().with("t.csv", &table);
    desk.run(&["train", "t.csv", "-t", "churned", "--key", "id", "--trials", "1", "--out", "m"]).done();
    let model = "m/model.tidemill";
    for args in [
        &["predict", model, "t.csv", "-o", "t.csv"][..],
        &["predict", model, "*.csv", "-o", "./t.csv"],
        &["explain", model, "t.csv", "--rows", "2", "-o", "t.csv"],
        &["prepare", "t.csv", "-o", "t.csv"],
        &["synthesize", "t.csv", "-n", "10", "-o", "t.csv"],
    ] {
        desk.run(args).refused(&["t.csv is what is read: its rows would be lost", "another file with -o"]);
        assert!(desk.read("t.csv") == table, "{args:?}");
    }
}
