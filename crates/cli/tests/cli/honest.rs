//! What `train` says is so: scores by the metric that was asked for, copies that judge nothing, refusals that name what is at fault.

use std::fmt::Write;

use crate::desk::{Desk, small_table};

/// Numbers that follow nothing, the same on every machine (a linear congruential generator).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// Three measurements of four decimals.
    fn measured(&mut self) -> String {
        let mut one = || format!("{}.{:04}", self.next(90), self.next(10_000));
        [one(), one(), one()].join(",")
    }
}

/// 150 records, each three times in an order by chance, with a class that follows nothing; `differ` is what differs each time.
fn recorded_thrice(header: &str, mut differ: impl FnMut(&mut Chance) -> String) -> String {
    let mut chance = Chance(7);
    let records: Vec<(String, u64)> = (0..150).map(|_| (chance.measured(), chance.next(2))).collect();
    let mut order: Vec<(u64, usize)> = (0..450).map(|i| (chance.next(1 << 30), i % 150)).collect();
    order.sort_unstable();
    let mut table = format!("{header}\n");
    for (_, i) in order {
        let (measured, class) = &records[i];
        writeln!(table, "{},{measured},{class}", differ(&mut chance)).unwrap();
    }
    table
}

/// How often the model is right on the test rows.
fn right(desk: &Desk, args: &[&str]) -> f64 {
    let ran = desk.run(&[&["train"], args, &["--quality", "fast", "--out", "m", "--json"]].concat()).done();
    ran.json()["test"]["metrics"]["accuracy"].as_f64().unwrap()
}

#[test]
fn copies_under_another_number_or_date_do_not_judge() {
    let numbered = recorded_thrice("ref,a,b,c,y", |chance| format!("{}", chance.next(90_000)));
    let dated = recorded_thrice("seen,a,b,c,y", |chance| {
        format!("2024-{:02}-{:02}", 1 + chance.next(12), 1 + chance.next(28))
    });
    for table in [numbered, dated] {
        let desk = Desk::new().with("t.csv", table);
        // Of 90 rows by chance: half of them, give or take four standard deviations.
        let share = right(&desk, &["t.csv", "--target", "y"]);
        assert!((0.28..0.72).contains(&share), "{share} of rows right whose class follows nothing");
        let ran = desk.run(&["check", "t.csv", "--target", "y"]);
        assert!(ran.out.contains("nearly equal to an earlier one"), "{}", ran.out);
    }
}

#[test]
fn copies_across_a_given_split_are_said_in_the_verdict() {
    let mut n = 0;
    let table = recorded_thrice("part,a,b,c,y", |_| {
        n += 1;
        (if n % 4 == 0 { "test" } else { "train" }).into()
    });
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"y\"\n[split]\nkind = \"given\"\ncolumn = \"part\"\n[train]\nquality = \"fast\"\n";
    let desk = Desk::new().with("t.csv", table).with("r.toml", recipe);
    let ran = desk.run(&["train", "r.toml", "--out", "m"]).done();
    let severe =
        ran.out.lines().find(|line| line.starts_with("Severe:") && line.contains("copies of training"));
    assert!(severe.is_some_and(|line| line.contains("as the given split has it")), "{}", ran.out);
}

#[test]
fn the_metric_that_chooses_is_scored_on_the_test_rows() {
    let mut table = String::from("x,z,y\n");
    let mut chance = Chance(3);
    for _ in 0..200 {
        let x = chance.next(1000);
        writeln!(table, "{x},{},{}", chance.next(50), 500 + 2 * x + chance.next(200)).unwrap();
    }
    let desk = Desk::new().with("t.csv", table).with("c.csv", small_table(300));
    let ask = |file: &str, target: &str, metric: &str| {
        let args = ["train", file, "-t", target, "--metric", metric, "--quality", "fast", "--out", "m"];
        let said = desk.run(&args).done().out;
        let json = desk.run(&[&args[..], &["--json"]].concat()).done().json();
        let figure = |part: &str| json[part]["metrics"][metric].as_f64();
        assert!(figure("test").is_some() && figure("baseline").is_some(), "{metric}: {}", json["test"]);
        assert!(said.contains(&format!("{metric}: ")) && said.contains(", baseline "), "{metric}: {said}");
    };
    for metric in ["mape", "rmsle", "explained_variance", "max_error"] {
        ask("t.csv", "y", metric);
    }
    for metric in ["f2", "cohen_kappa"] {
        ask("c.csv", "churned", metric);
    }
}

#[test]
fn a_metric_that_is_undefined_is_the_reason_and_not_the_learners() {
    let mut table = String::from("x,y\n");
    (0..100).for_each(|i| writeln!(table, "{}.5,{}", i * 37 % 101, if i % 3 == 0 { 0 } else { i }).unwrap());
    let desk = Desk::new().with("t.csv", table);
    let ran = desk.run(&["train", "t.csv", "-t", "y", "--metric", "mape", "--quality", "fast", "--out", "m"]);
    ran.refused(&["undefined", "choose another metric"]);
    assert!(!ran.err.contains("time-limit"), "{}", ran.err);
}

#[test]
fn no_threshold_is_chosen_by_the_order_of_rows() {
    let desk = Desk::new().with("t.csv", small_table(100));
    for metric in ["roc_auc", "average_precision"] {
        desk.run(&["train", "t.csv", "-t", "churned", "--decide", metric, "--out", "m"]).refused(&[
            metric,
            "which no threshold changes",
            "f1",
        ]);
    }
}

#[test]
fn a_fault_of_a_step_is_not_one_of_the_learners() {
    let refused = |step: &str, words: &[&str]| {
        let recipe =
            format!("[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[train]\nquality = \"fast\"\n{step}");
        let desk = Desk::new().with("t.csv", small_table(100)).with("r.toml", recipe);
        let ran = desk.run(&["train", "r.toml", "--out", "m"]);
        ran.refused(words);
        let blamed = ran.err.contains("failed and is left out") || ran.err.contains("name other learners");
        assert!(!blamed && !ran.err.contains("time-limit"), "{}", ran.err);
    };
    refused("[[steps]]\nkind = \"expression\"\nnew = { r = \"age / nothing\" }\n", &["'nothing' is missing"]);
    refused("[[steps]]\nkind = \"expression\"\nnew = { r = \"age / town\" }\n", &["'town'", "category"]);
    refused(
        "[[steps]]\nkind = \"outliers\"\ndetect = \"iqr\"\ncolumns = [\"town\"]\n",
        &["'town'", "category"],
    );
    refused("[labels]\naction = \"down_weight\"\nweight = -1\n", &["line 8", "from 0 to 1"]);
    refused("[labels]\nfolds = 1\n", &["line 7", "2 to 1000"]);
}

#[test]
fn doubted_labels_leave_every_class_its_rows() {
    let mut table = String::from("a,b,y\n");
    let mut chance = Chance(11);
    for i in 0..61 {
        let class = if i == 0 { "rare" } else { ["left", "right"][chance.next(2) as usize] };
        writeln!(table, "{},{},{class}", chance.next(1000), chance.next(1000)).unwrap();
    }
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"y\"\n[labels]\naction = \"drop\"\n[train]\nquality = \"fast\"\n";
    let desk = Desk::new().with("t.csv", table).with("r.toml", recipe);
    let ran = desk.run(&["train", "r.toml", "--out", "m"]).done();
    assert!(ran.err.contains("every row of a class has a doubtful label (1 row); these stay"), "{}", ran.err);
    // Labels that follow nothing are no mistakes.
    assert!(ran.err.contains("more than a third of the labels"), "{}", ran.err);
}
