//! `judge beyond`: texts, pictures and forecasts against the field on the same rows, over repeated splits.

use serde_json::Value;

use crate::{Outcome, peer};

/// The lower bound of 95% of our score minus theirs must be above this, on every slice.
const BOUND: f64 = -0.01;
const ALL: &str = "kjv,digits,bikeshare";

/// What is asked: `judge beyond [--data DIR] [--splits N] [--slices A,B]`.
pub(crate) fn run(arguments: &[&str]) -> Outcome<bool> {
    let mut data = peer::root().join("../shared/data").display().to_string();
    let (mut splits, mut slices) = ("5", ALL);
    for pair in arguments.chunks(2) {
        match pair {
            ["--data", folder] => data = folder.to_string(),
            ["--splits", n] => splits = n,
            ["--slices", names] => slices = names,
            _ => return Err(format!("'{}' is no option of this judge: {HELP}", pair.join(" ")).into()),
        }
    }
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let (work, torch) = (peer::work_folder()?.join("beyond"), peer::environment("torch")?);
    let [program, work, torch] = [&program, &work, &torch].map(|path| path.display().to_string());
    let lines = peer::run("beyond", &[&program, &data, &work, splits, slices, &torch], 2)?;
    let text = table(&lines);
    print!("{text}");
    if slices == ALL {
        let head = "# Texts, pictures and forecasts against the field\n\n`cargo xtask judge beyond` writes this file; \
                    `bench/peers/beyond.py` says how each is compared. The lower bound is that of 95% of our score \
                    minus theirs by the corrected resampled t test; it must be above -0.01.\n\n";
        std::fs::write(peer::root().join("bench/BEYOND.md"), format!("{head}{text}"))?;
    }
    Ok(!lines.is_empty() && lines.iter().all(holds))
}

const HELP: &str = "judge beyond [--data DIR] [--splits N] [--slices A,B]";

fn holds(line: &Value) -> bool {
    line["lower_bound"].as_f64().is_some_and(|bound| bound > BOUND)
}

fn table(lines: &[Value]) -> String {
    let mut text = String::from(
        "| slice | metric | ours | peer | theirs | 95% lower bound | verdict | splits | seconds a train |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for line in lines {
        let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
        let word = |key: &str| line[key].as_str().unwrap_or_default();
        text += &format!(
            "| {} | {} | {:.4} | {} | {:.4} | {:+.4} | {} | {} | {:.1} |\n",
            word("slice"),
            word("metric"),
            number("ours"),
            word("peer"),
            number("theirs"),
            number("lower_bound"),
            if holds(line) { "holds" } else { "**missed**" },
            line["splits"],
            number("secs"),
        );
    }
    text
}
