//! Synthetic rows: the same for the same seed, like the real ones, and judged aloud.

use crate::desk::{Desk, example, small_table};

#[test]
fn rows_are_made_judged_and_the_same_for_the_same_seed() {
    let source = example("penguins/penguins.csv");
    let desk = Desk::new();
    let args = |out: &'static str, threads: &'static str| {
        ["-n", "400", "--seed", "3", "--threads", threads, "-o", out, "--target", "species", "--json"]
    };
    let run = |out, threads| {
        let mut all = vec!["synthesize", source.as_str()];
        all.extend(args(out, threads));
        desk.run(&all).done().json()
    };
    let facts = run("a.csv", "1");
    run("b.csv", "3");
    assert_eq!(desk.read("a.csv"), desk.read("b.csv"));
    assert_eq!(desk.read("a.csv").lines().count(), 401);
    let head = desk.read("a.csv").lines().next().unwrap().to_string();
    assert!(head.contains("species") && head.contains("bill_length_mm"), "{head}");

    let number = |at: &str| facts.pointer(at).and_then(serde_json::Value::as_f64).unwrap();
    // Of 400 and about 270 rows, the distance that chance exceeds in one of a thousand columns is 0.15.
    for column in facts["columns"].as_array().unwrap() {
        assert!(column["apart"].as_f64().unwrap() < 0.15, "{column}");
    }
    assert!(number("/pairs/mean") < 0.15, "{}", facts["pairs"]);
    assert!((0.3..0.8).contains(&number("/told/roc_auc")), "{}", facts["told"]);
    // A lower log loss is a better one.
    let (made, baseline) = (number("/use_of/made"), number("/use_of/baseline"));
    assert!(made < 0.6 * baseline, "{}", facts["use_of"]);
    // Penguins without any measurement are alike: two of the real ones are.
    assert!(number("/privacy/copies") < 0.01, "{}", facts["privacy"]);
    assert!(number("/privacy/closer") < 0.6, "{}", facts["privacy"]);
    assert_eq!(facts["learned"].as_u64().unwrap() + facts["held_out"].as_u64().unwrap(), 344);
}

#[test]
fn the_story_and_the_page_tell_fidelity_use_and_privacy() {
    let desk = Desk::new().with("a.csv", small_table(120));
    let args =
        ["synthesize", "a.csv", "--target", "churned", "-n", "100", "-o", "b.jsonl", "--report", "b.html"];
    let ran = desk.run(&args).done();
    for words in
        ["100 new rows", "Each column alone", "Told apart", "Use: for churned", "Privacy:", "b.jsonl"]
    {
        assert!(ran.out.contains(words), "no '{words}' in {}", ran.out);
    }
    let page = desk.read("b.html");
    for words in ["Synthetic rows", "Each column alone", "How near new rows come", "by chance"] {
        assert!(page.contains(words), "{words}");
    }
    let ran = desk.run(&["synthesize", "a.csv", "-n", "20", "-o", "-"]).done();
    assert_eq!(ran.out.lines().count(), 21, "{}", ran.out);
    let chinese = desk.run(&["synthesize", "a.csv", "-n", "20", "-o", "c.csv", "--lang", "zh"]).done();
    assert!(chinese.out.contains("新数据"), "{}", chinese.out);
}

#[test]
fn a_gan_makes_rows_that_are_judged_alike_and_the_same_for_the_same_seed() {
    let source = example("penguins/penguins.csv");
    let desk = Desk::new();
    let run = |out: &str, threads: &str, steps: &str| {
        let args =
            ["synthesize", &source, "--method", "gan", "-n", "400", "--seed", "3", "--target", "species"];
        let rest = ["--threads", threads, "-o", out, "--json", "--steps", steps, "--report", "gan.html"];
        desk.run(&[&args[..], &rest[..]].concat()).done().json()
    };
    run("a.csv", "1", "600");
    run("b.csv", "3", "600");
    assert_eq!(desk.read("a.csv"), desk.read("b.csv"));
    let facts = run("c.csv", "2", "3000");
    assert_eq!(facts["method"], "gan");
    assert!(desk.read("gan.html").contains("a conditional GAN"));
    let number = |at: &str| facts.pointer(at).and_then(serde_json::Value::as_f64).unwrap();
    for column in facts["columns"].as_array().unwrap() {
        assert!(column["apart"].as_f64().unwrap() < 0.4, "{column}");
        assert!(column["variety"].as_f64().unwrap() > 0.4, "{column}");
    }
    // A lower log loss is a better one.
    assert!(number("/use_of/made") < 0.6 * number("/use_of/baseline"), "{}", facts["use_of"]);
    assert!(number("/privacy/copies") < 0.01, "{}", facts["privacy"]);
}

#[test]
fn a_gan_that_learned_nothing_is_said() {
    let desk = Desk::new().with("a.csv", small_table(60)).with("b.csv", small_table(200));
    let gan = |source: &str, rest: &[&str]| {
        desk.run(&[&["synthesize", source, "--method", "gan", "-o", "c.csv"], rest].concat())
    };
    gan("a.csv", &[]).refused(&[
        "rows are too few for a GAN",
        "held out to judge by",
        "give 125 rows",
        "copula",
    ]);
    gan("b.csv", &["--steps", "0"]).refused(&["--steps 0", "1 to"]);
    let steps = ["synthesize", "b.csv", "-o", "c.csv", "--steps", "9"];
    desk.run(&steps).refused(&["--steps is for --method gan"]);
    assert_eq!(desk.files(), ["a.csv", "b.csv"]);
}

#[test]
fn refusals_leave_nothing() {
    let desk = Desk::new()
        .with("a.csv", small_table(60))
        .with("few.csv", "x,y\n1,2\n2,3\n3,1\n4,4\n5,9\n6,1\n7,3\n");
    desk.run(&["synthesize", "a.csv", "-n", "5"]).refused(&["nothing to write to", "-o"]);
    desk.run(&["synthesize", "a.csv", "-n", "0", "-o", "b.csv"]).refused(&["-n 0", "1 to 10000000"]);
    desk.run(&["synthesize", "few.csv", "-o", "b.csv"]).refused(&["rows are too few"]);
    desk.run(&["synthesize", "a.csv", "-n", "5", "-o", "b.xlsx"]).refused(&["not a format that is written"]);
    desk.run(&["synthesize", "a.csv", "-n", "5", "-o", "-", "--json"]).refused(&["standard output"]);
    assert_eq!(desk.files(), ["a.csv", "few.csv"]);
}
