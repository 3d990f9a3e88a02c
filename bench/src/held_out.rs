//! Judges that hold our held-out scores against the field's, on the same rows over repeated splits. The Python of the same name in
//! `bench/peers` says how each is compared, and prints one line of JSON per table, with the bound that it must keep.

use std::path::Path;

use serde_json::Value;

use crate::{Outcome, peer};

/// What such a judge is.
pub(crate) struct HeldOut {
    /// Its name, and that of its Python.
    pub(crate) name: &'static str,
    splits: &'static str,
    /// All that it compares on.
    all: &'static str,
    /// The environment of a further peer; without it the one that `--python` names, if any.
    further: Option<&'static str>,
    /// The share of lines that must hold.
    share: f64,
    /// The file below `bench` that it writes, and what stands on top of it.
    page: &'static str,
    head: &'static str,
}

const CORRECTED: &str = "The lower bound is that of 95% of our score minus theirs by the corrected resampled t test (Nadeau and Bengio \
     2003); it must be above what is allowed.";

/// Each of them.
pub(crate) const JUDGES: &[HeldOut] = &[
    HeldOut {
        name: "quality",
        splits: "20",
        all: "all",
        further: None,
        share: 1.0,
        page: "QUALITY.md",
        head: "# Our held-out score against scikit-learn's\n\n`cargo xtask judge quality` writes this file: `tidemill train` without a \
               recipe but for the split, against `LogisticRegressionCV` and `RidgeCV` behind imputation, scaling and one-hot encoding.",
    },
    HeldOut {
        name: "contest",
        splits: "10",
        all: "all",
        further: None,
        // Of the 19 tables of the goal.
        share: 16.0 / 19.0,
        page: "CONTEST.md",
        head: "# Our held-out score against the field's\n\n`cargo xtask judge contest` writes this file: `tidemill train` without a recipe \
               but for the split, against the best (by mean score, known only afterwards) of LightGBM and scikit-learn's linear model, \
               random forest, extra trees, histogram boosting and SVM (and AutoGluon's `medium`, 60 s on two cores or 120 s on one, \
               where `--python` has it; for the texts of kjv TF-IDF with linear SVM, logistic regression and naive Bayes).",
    },
    HeldOut {
        name: "beyond",
        splits: "5",
        all: "kjv,digits,bikeshare",
        further: Some("torch"),
        share: 1.0,
        page: "BEYOND.md",
        head: "# Texts, images and forecasts against the field\n\n`cargo xtask judge beyond` writes this file.",
    },
];

/// What is asked of it.
struct Asked<'a> {
    data: String,
    splits: &'a str,
    tables: &'a str,
    python: String,
}

impl HeldOut {
    const HELP: &'static str = "[--data DIR] [--splits N] [--tables A,B] [--python PYTHON]";

    fn asked<'a>(&self, arguments: &[&'a str]) -> Outcome<Asked<'a>> {
        let mut asked = Asked {
            data: peer::root().join("../shared/data").display().to_string(),
            splits: self.splits,
            tables: self.all,
            python: "none".into(),
        };
        for pair in arguments.chunks(2) {
            match pair {
                ["--data", folder] => asked.data = folder.to_string(),
                ["--splits", n] => asked.splits = n,
                ["--tables", names] => asked.tables = names,
                ["--python", python] => asked.python = python.to_string(),
                _ => {
                    let (name, help) = (self.name, Self::HELP);
                    return Err(format!("'{}' is no option of: judge {name} {help}", pair.join(" ")).into());
                }
            }
        }
        // Without the real tables, the generated ones alone would pass for all of them.
        if !Path::new(&asked.data).is_dir() {
            return Err(
                format!("{}: no such folder; name that of the tables by --data DIR", asked.data).into()
            );
        }
        if let Some(environment) = self.further {
            asked.python = peer::environment(environment)?.display().to_string();
        }
        Ok(asked)
    }

    /// Compares, prints, writes the page where all was compared, and says whether enough holds.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome<bool> {
        let asked = self.asked(arguments)?;
        let suffix = std::env::consts::EXE_SUFFIX;
        let program = std::env::current_exe()?.with_file_name(format!("tidemill{suffix}"));
        let work = peer::work_folder()?.join(self.name);
        let [program, work] = [&program, &work].map(|path| path.display().to_string());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let arguments = [&program, &asked.data, &work, asked.splits, asked.tables, &asked.python];
        let lines = peer::run(self.name, &arguments, cores)?;
        if lines.is_empty() {
            return Err(format!("there is no table '{}' in {}", asked.tables, asked.data).into());
        }
        let held = lines.iter().filter(|line| holds(line)).count();
        let text = format!("{}\n{held} of {} hold.\n", table(&lines), lines.len());
        print!("{text}");
        if asked.tables == self.all {
            let page = peer::root().join("bench").join(self.page);
            std::fs::write(page, format!("{} {CORRECTED}\n\n{text}", self.head))?;
        }
        Ok(held as f64 >= self.share * lines.len() as f64)
    }
}

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
        let secs = |key: &str| line[key].as_f64().map_or("-".into(), |secs| format!("{secs:.1}"));
        text += &format!(
            "| {} | {} | {:.4} | {} | {:.4} | {:+.4} | {:+.4} | {} | {} | {} | {} |\n",
            word("table"),
            word("metric"),
            number("ours"),
            word("best"),
            number("theirs"),
            number("lower_bound"),
            number("allowed"),
            if holds(line) { "holds" } else { "**missed**" },
            line["splits"],
            secs("secs"),
            secs("autogluon_secs"),
        );
    }
    text
}
