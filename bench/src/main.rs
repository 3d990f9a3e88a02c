//! Our side against peers': `cargo xtask bench [NAME]` and `cargo xtask judge NAME` build and run this.
//!
//! A row is a function of this crate that gives [`Row`]s; its peer is a Python program of the same name in
//! `bench/peers`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its user")]

mod csv_read;
mod explain;
mod feedback;
mod held_out;
mod impute;
mod language;
mod language_speed;
mod linear;
mod metrics;
mod neighbors;
mod neural;
mod one_row;
mod outliers;
mod peer;
mod prepare;
mod profile;
mod report;
mod row;
mod scaling;
mod serve;
mod serve_trees;
mod service;
mod smote;
mod svm;
mod tensorboard;
mod trees;

use std::process::ExitCode;

use row::Row;

/// As in the binary: large columns and tensors come and go.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A bench: its name, and what it measures.
type Bench = (&'static str, fn() -> Outcome<Vec<Row>>);

/// The benches by name.
const BENCHES: &[Bench] = &[
    ("csv_read", csv_read::run),
    ("explain", explain::run),
    ("feedback", feedback::run),
    ("gpu", neural::on_gpu),
    ("impute", impute::run),
    ("language", language_speed::run),
    ("linear", linear::run),
    ("metrics", metrics::run),
    ("neighbors", neighbors::run),
    ("neural", neural::run),
    ("one_row", one_row::run),
    ("outliers", outliers::run),
    ("prepare", prepare::run),
    ("profile", profile::run),
    ("serve", serve::run),
    ("serve_trees", serve_trees::run),
    ("smote", smote::run),
    ("svm", svm::run),
    ("trees", trees::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["bench", "scaling"] => scaling::run().map(|()| true),
        ["bench", rest @ ..] => bench(rest.first().copied()),
        ["judge", rest @ ..] => judge(rest),
        // Not for people: the benches start these.
        ["scale", learner, rows] => scaling::fit(learner, rows).map(|()| true),
        ["empty"] => serve::serve_nothing().map(|()| true),
        _ => Err("say `bench [NAME]` or `judge NAME`".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

/// Runs the benches (of this name), prints their table and records it; a missed goal is a fact, not an error.
fn bench(name: Option<&str>) -> Outcome<bool> {
    let chosen: Vec<_> = BENCHES.iter().filter(|(bench, _)| name.is_none_or(|name| name == *bench)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(bench, _)| *bench).collect();
        return Err(format!(
            "there is no bench '{}'; there are: {}",
            name.unwrap_or_default(),
            names.join(", ")
        )
        .into());
    }
    let mut rows = Vec::new();
    for (bench, run) in chosen {
        eprintln!("bench {bench}");
        let found = run()?;
        row::record(&peer::root().join("bench/RESULTS.md"), &found)?;
        rows.extend(found);
    }
    print!("{}", row::table(&rows));
    Ok(true)
}

/// A judge that takes no arguments: its name, and whether all was well.
type Judge = (&'static str, fn() -> Outcome<bool>);

/// The judges by name, but for those of [`held_out`], which take arguments.
const JUDGES: &[Judge] = &[
    ("api", service::api),
    ("language", language::run),
    ("page", service::page),
    ("postgres", service::postgres),
    ("report", report::run),
    ("soak", service::soak),
    ("tensorboard", tensorboard::run),
];

fn judge(arguments: &[&str]) -> Outcome<bool> {
    if let [name] = arguments
        && let Some((_, run)) = JUDGES.iter().find(|(judge, _)| judge == name)
    {
        return run();
    }
    let Some((name, rest)) = arguments.split_first() else {
        return Err(format!("name a judge; there are: {}", judges()).into());
    };
    match held_out::JUDGES.iter().find(|judge| judge.name == *name) {
        Some(judge) => judge.run(rest),
        None => Err(format!("'{}' is not a judge; there are: {}", arguments.join(" "), judges()).into()),
    }
}

fn judges() -> String {
    let names = JUDGES.iter().map(|(name, _)| *name).chain(held_out::JUDGES.iter().map(|judge| judge.name));
    names.collect::<Vec<_>>().join(", ")
}
