//! `judge contest`: our held-out score against the best of the field on real and generated tables.

use std::path::PathBuf;

use serde_json::Value;

use crate::{Outcome, peer};

/// Of the 19 tables of the goal, at least so many must be within 1% of the best peer.
const SHARE: f64 = 16.0 / 19.0;

/// What is asked: `judge contest [--data DIR] [--splits N] [--tables A,B] [--autogluon PYTHON]`.
pub(crate) fn run(arguments: &[&str]) -> Outcome<bool> {
    let mut data = peer::root().join("../shared/data").display().to_string();
    let (mut splits, mut tables, mut autogluon) = ("10", "all", "none");
    for pair in arguments.chunks(2) {
        match pair {
            ["--data", folder] => data = PathBuf::from(folder).display().to_string(),
            ["--splits", n] => splits = n,
            ["--tables", names] => tables = names,
            ["--autogluon", python] => autogluon = python,
            _ => return Err(format!("'{}' is no option of this judge: {HELP}", pair.join(" ")).into()),
        }
    }
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let work = peer::work_folder()?.join("contest");
    let [program, work] = [&program, &work].map(|path| path.display().to_string());
    let lines = peer::run("contest", &[&program, &data, &work, splits, tables, autogluon], 2)?;
    let held = lines.iter().filter(|line| holds(line)).count();
    let text = table(&lines);
    print!("{text}");
    println!("{held} of {} tables within 1% of the best peer", lines.len());
    if tables == "all" {
        let head = "# Our held-out score against the field's\n\n`cargo xtask judge contest` writes this file: `tidemill \
                    train` without a recipe but for the split, against the best (by mean score, known only \
                    afterwards) of LightGBM and scikit-learn's linear model, random forest, extra trees, histogram \
                    boosting and SVM (and AutoGluon's `medium` at 60 s where it is named; for the texts of kjv TF-IDF \
                    with linear SVM, logistic regression and naive Bayes) on the same splits. The \
                    lower bound is that of 95% of our score minus theirs by the corrected resampled t test; it must \
                    be above minus 1% of theirs.\n\n";
        std::fs::write(peer::root().join("bench/CONTEST.md"), format!("{head}{text}"))?;
    }
    Ok(held as f64 >= SHARE * lines.len() as f64)
}

const HELP: &str = "judge contest [--data DIR] [--splits N] [--tables A,B] [--autogluon PYTHON]";

fn holds(line: &Value) -> bool {
    let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
    number("lower_bound") >= number("allowed")
}

fn table(lines: &[Value]) -> String {
    let mut text = String::from(
        "| table | metric | ours | best peer | theirs | 95% lower bound | allowed | verdict | splits | seconds a train | AutoGluon's |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for line in lines {
        let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
        let word = |key: &str| line[key].as_str().unwrap_or_default();
        text += &format!(
            "| {} | {} | {:.4} | {} | {:.4} | {:+.4} | {:+.4} | {} | {} | {:.1} | {} |\n",
            word("table"),
            word("metric"),
            number("ours"),
            word("best"),
            number("theirs"),
            number("lower_bound"),
            number("allowed"),
            if holds(line) { "holds" } else { "**missed**" },
            line["splits"],
            number("secs"),
            line["autogluon_secs"].as_f64().map_or("-".into(), |secs| format!("{secs:.1}")),
        );
    }
    text
}
