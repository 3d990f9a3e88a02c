//! Tables that testers wrote: what is contradictory is refused, what is read in one of several ways is said, and every sentence is true.

use crate::desk::{Desk, small_table};

/// Rows with a number that depends on another one, and a class.
fn rows(n: usize) -> String {
    let mut text = String::from("x,z,w,y,c\n");
    for i in 0..n {
        let (x, z) = (i * 37 % 101, i * 13 % 29);
        text += &format!("{}.5,{z},{},{}.25,{}\n", x, 1 + i % 3, 3 * x + z, ["a", "b", "b"][i % 3]);
    }
    text
}

#[test]
fn contradictions_are_refused_before_anything_is_read() {
    // The file is not there: nothing is read.
    let desk = Desk::new();
    for (more, words) in [
        ("--time y", ["--target", "--time"]),
        ("--ignore y", ["--target", "--ignore"]),
        ("--key y", ["--target", "--key"]),
        ("--group y", ["--target", "--group"]),
        ("--weight y", ["--target", "--weight"]),
        ("--key k --ignore k", ["--key", "--ignore"]),
        ("--task regression --positive b", ["--positive", "regression"]),
        ("--horizon 3 --positive b", ["--positive", "--horizon"]),
        ("--horizon 3 --task binary", ["--task", "--horizon"]),
        ("--task regression --decide f1", ["--decide", "regression"]),
        ("--task regression --metric roc_auc", ["--metric", "regression"]),
        ("--trials 0", ["--trials", "at least one"]),
    ] {
        let args: Vec<&str> = "train absent.csv --target y".split(' ').chain(more.split(' ')).collect();
        let ran = desk.run(&args);
        ran.refused(&words);
        assert!(!ran.err.contains("absent.csv"), "{ran:?}");
    }
    for (recipe, words) in [
        ("target = \"y\"\ntime = \"y\"", ["r.toml, line 4", "--time"]),
        ("target = \"y\"\nignore = [\"x\", \"y\"]", ["r.toml, line 4", "--ignore"]),
        ("target = \"y\"\n[folds]\nn = 1", ["r.toml, line 5", "2 to 1000"]),
        ("target = \"y\"\n[folds]\nn = 0", ["r.toml, line 5", "2 to 1000"]),
        ("target = \"y\"\n[train]\ntrials = 0", ["r.toml, line 5", "at least one"]),
        ("target = \"y\"\n[columns.y]\nrole = \"feature\"", ["r.toml, line 5", "feature"]),
        ("target = \"y\"\ntask = \"regression\"\npositive = \"a\"", ["r.toml, line 5", "--positive"]),
    ] {
        let desk = Desk::new().with("r.toml", format!("[data]\nsource = \"absent.csv\"\n{recipe}\n"));
        desk.run(&["train", "r.toml"]).refused(&words);
    }
    // What the rows show is as good as what was said.
    let desk = Desk::new().with("t.csv", rows(100));
    desk.run(&["train", "t.csv", "--target", "y", "--positive", "a"]).refused(&["--positive", "is a number"]);
    desk.run(&["train", "t.csv", "--target", "y", "--decide", "f1"]).refused(&["--decide", "'y'"]);
    assert_eq!(desk.files(), ["t.csv"]);
}

#[test]
fn what_the_command_line_names_goes_before_the_roles_of_a_recipe() {
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[columns.town]\nrole = \"feature\"\n";
    let desk = Desk::new().with("t.csv", small_table(60)).with("r.toml", recipe);
    desk.run(&["check", "r.toml", "--ignore", "town"]).done();
    desk.run(&["check", "r.toml", "--target", "town"]).done();
    desk.run(&["check", "r.toml", "--group", "town"]).done();
}

#[test]
fn evaluate_says_no_where_there_is_nothing_to_judge_and_what_it_takes_as_one() {
    let desk = Desk::new()
        .with("none.csv", "y,p\n,1.5\nNA,2\n")
        .with("weightless.csv", "y,p,w\n1.5,1.25,0\n2.5,2,0\n")
        .with("words.csv", "y,p\nYes,yes\nNo,no\nYes,no\n")
        .with("bounds.csv", "y,p\n<5,5\n7,8\n9,9\n11,12\n");
    let judge = |file: &str, more: &str| {
        let args = ["evaluate", file, "--truth", "y", "--pred", "p", "--json"];
        let args: Vec<&str> = args.into_iter().chain(more.split_whitespace()).collect();
        desk.run(&args)
    };
    judge("none.csv", "").refused(&["no row with a known target"]);
    judge("weightless.csv", "--weight w").refused(&["no row with a known target"]);
    judge("words.csv", "--weight y").refused(&["'y' is named twice"]);
    let words = judge("words.csv", "").done();
    assert_eq!(words.json()["classes"].as_array().map(Vec::len), Some(2), "{words:?}");
    assert!(words.out.contains("'yes' is taken as 'Yes'"), "{words:?}");
    let bounds = judge("bounds.csv", "").done();
    assert!((bounds.json()["metrics"]["mae"].as_f64().unwrap() - 0.5).abs() < 1e-12, "{bounds:?}");
    assert!(bounds.out.contains("bounds, not measurements"), "{bounds:?}");
    // A column that is not there: those that are.
    judge("bounds.csv", "--weight height").refused(&["'height'", "'y', 'p'"]);
}

#[test]
fn a_target_written_in_several_ways_has_the_classes_it_means() {
    for (words, classes) in [
        (["0", "1", "0.0", "1.0"], ["0", "1"]),
        (["True", "False", "1", "0"], ["False", "True"]),
        (["yes", "no", "Y", "N"], ["no", "yes"]),
    ] {
        let lines = (0..200).map(|i| {
            // The first two ways are the commoner.
            let way = if i % 10 == 0 { 2 } else { 0 };
            format!("{}.5,{}\n", i * 37 % 101, words[way + usize::from(i * 37 % 101 > 50)])
        });
        let desk = Desk::new().with("t.csv", format!("x,y\n{}", lines.collect::<String>()));
        let ran = desk.run(&["check", "t.csv", "--target", "y", "--json"]).done();
        let json = ran.json();
        assert_eq!(json["target"]["task"], "binary", "{ran:?}");
        let top = &json["profile"]["columns"][1]["top"];
        let mut found: Vec<&str> =
            top.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, classes);
        assert!(ran.out.contains("spellings_merged"), "{ran:?}");
    }
}

#[test]
fn words_that_count_as_missing_are_named() {
    let lines = (0..100).map(|i| {
        let odd = |word: &str, every: usize| {
            if i % every == 3 { word.to_string() } else { format!("{}.5", i * 7 % 31) }
        };
        format!("{},{},{},{}\n", odd("?", 10), odd("NaN", 20), odd(".", 25), odd("inf", 50))
    });
    let desk = Desk::new().with("t.csv", format!("a,b,c,y\n{}", lines.collect::<String>()));
    let ran = desk.run(&["check", "t.csv", "--target", "y"]).done();
    for words in
        ["'?' (10 rows) in 'a'", "'NaN' (5 rows) in 'b'", "'.' (4 rows) in 'c'", "'inf' (2 rows)", "severe"]
    {
        assert!(ran.out.contains(words), "no {words}: {}", ran.out);
    }
}

#[test]
fn a_few_categories_repeat_by_nature() {
    let mut few = String::from("class,sex,age,survived\n");
    let mut copied = String::from("weight,height,y\n");
    for i in 0..400_usize {
        let at = |n: usize, words: &[&str]| words[i * n / 7 % words.len()].to_string();
        few += &format!(
            "{},{},{},{}\n",
            at(3, &["1st", "2nd", "3rd"]),
            at(5, &["male", "female"]),
            at(11, &["adult", "child"]),
            at(13, &["yes", "no"])
        );
        let j = i % 150;
        copied += &format!("{}.37,{}.81,{}\n", 40 + j * 37 % 101, 140 + j * 41 % 89, ["a", "b"][j % 2]);
    }
    let desk = Desk::new().with("few.csv", few).with("copied.csv", copied);
    let ran = desk.run(&["check", "few.csv", "--target", "survived"]).done();
    assert!(ran.out.contains("repeat by chance") && !ran.out.contains("severe   "), "{}", ran.out);
    let ran = desk.run(&["check", "copied.csv", "--target", "y"]).done();
    assert!(ran.out.contains("severe   250 of 400"), "{}", ran.out);
}

#[test]
fn sentences_about_a_useless_model_are_true() {
    // Nothing tells the target: a constant answer, no threshold, and no share of the variation.
    let mut text = String::from("x,c,y\n");
    for i in 0..160_u64 {
        let noise =
            i.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40;
        text += &format!(
            "{}.5,{},{}.25\n",
            i * 37 % 101,
            if noise % 9 == 0 { "rare" } else { "usual" },
            noise % 1000
        );
    }
    let desk = Desk::new().with("t.csv", text);
    let train = |target: &str, ignored: &str| {
        let args =
            ["train", "t.csv", "--target", target, "--ignore", ignored, "--out", "m", "--quality", "fast"];
        desk.run(&args).done().out
    };
    let class = train("c", "y");
    if class.contains("learner: baseline") || class.contains("No learner did better") {
        assert!(!class.contains("--decide"), "{class}");
    }
    let number = train("y", "c");
    assert!(!number.contains("explains -") && !number.contains("explains −"), "{number}");
    assert!(
        number.contains("explains none of the variation") || number.contains("of the variation (R2)"),
        "{number}"
    );
    assert!(!number.contains("as told") && !number.contains("0.000000000000"), "{number}");
}

#[test]
fn names_with_line_breaks_stay_on_their_line() {
    let desk = Desk::new().with("t.csv", "\"first\nname\",y\nAnn,1.5\nBob,2.5\nCid,3.5\n");
    let out = desk.run(&["check", "t.csv"]).done().out;
    assert!(out.contains("first\\nname") && !out.contains("first\nname"), "{out}");
}

#[test]
fn what_is_far_from_training_is_said_at_prediction() {
    let mut text = String::from("day,x,y\n");
    for i in 0..120 {
        text +=
            &format!("2023-{:02}-{:02},{}.5,{}.25\n", 1 + i % 12, 1 + i % 28, i * 37 % 101, i * 37 % 101 * 3);
    }
    let desk = Desk::new()
        .with("t.csv", text)
        .with("near.csv", "day,x\n2024-03-01,5.5\n")
        .with("far.csv", "day,x\n2043-03-01,5.5\n2023-05-05,5.5\n")
        .with("other.csv", "date,height\n2023-05-05,5.5\n");
    desk.run(&["train", "t.csv", "--target", "y", "--out", "m", "--quality", "fast"]).done();
    let far = desk.run(&["predict", "m/model.tidemill", "far.csv"]).done();
    assert!(far.err.contains("in training the times lay between 2023-01-01"), "{far:?}");
    let near = desk.run(&["predict", "m/model.tidemill", "near.csv"]).done();
    assert!(!near.err.contains("in training the times"), "{near:?}");
    desk.run(&["predict", "m/model.tidemill", "other.csv"]).refused(&["'date', 'height'"]);
}

#[test]
fn notes_of_check_are_lines_to_paste() {
    let lines =
        (0..60).map(|i| format!("{},{}.5\n", if i % 9 == 0 { "<5".into() } else { format!("{}", 6 + i) }, i));
    let desk = Desk::new().with("t.csv", format!("level,y\n{}", lines.collect::<String>()));
    let out = desk.run(&["check", "t.csv", "--target", "y"]).done().out;
    assert!(out.contains("[columns.level]\n            role = \"ignore\""), "{out}");
}
