//! `cargo xtask test`: every check and every test, each with its time, and one line of totals.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::{Outcome, cargo, layers};

/// How a stage ended.
struct Stage {
    name: &'static str,
    took: Duration,
    passed: u64,
    failed: u64,
    note: String,
}

/// Runs every stage, the later ones also when an earlier one failed.
pub(crate) fn run() -> Outcome {
    let stages = [
        checked("format", || quiet(cargo(&["fmt", "--all", "--check"]))),
        checked("clippy", || {
            let lints = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
            quiet(cargo(&lints))
        }),
        checked("layers", layers::check),
        checked("licences", licences),
        tests("tests", unit_tests()),
        tests("doc tests", cargo(&["test", "--workspace", "--doc", "--no-fail-fast"])),
    ];
    let mut totals = (0, 0);
    println!();
    for stage in &stages {
        let seconds = stage.took.as_secs_f64();
        println!(
            "{:10} {seconds:7.1}s  {:5} passed {:3} failed  {}",
            stage.name, stage.passed, stage.failed, stage.note
        );
        totals = (totals.0 + stage.passed, totals.1 + stage.failed);
    }
    println!("\n{} passed, {} failed", totals.0, totals.1);
    if totals.1 == 0 { Ok(()) } else { Err("cargo xtask test failed".into()) }
}

/// A stage that passes or fails as one; what it says goes into the table.
fn checked(name: &'static str, check: impl FnOnce() -> Result<String, String>) -> Stage {
    println!("== {name}");
    let start = Instant::now();
    let outcome = check();
    let took = start.elapsed();
    match outcome {
        Ok(note) => Stage { name, took, passed: 1, failed: 0, note },
        Err(problem) => {
            eprintln!("{problem}");
            Stage { name, took, passed: 0, failed: 1, note: "see above".into() }
        }
    }
}

fn quiet(mut command: Command) -> Result<String, String> {
    match command.status() {
        Ok(status) if status.success() => Ok(String::new()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(e) => Err(format!("{command:?}: {e}")),
    }
}

/// Whether `cargo NAME` is there.
fn has(name: &str) -> bool {
    let output = cargo(&[name, "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}

fn licences() -> Result<String, String> {
    if !has("deny") {
        return Ok("skipped: cargo-deny not installed".into());
    }
    // Advisories need a download of their own; CI asks for them apart.
    quiet(cargo(&["deny", "--log-level", "error", "check", "licenses", "bans", "sources"]))
}

fn unit_tests() -> Command {
    if has("nextest") {
        let nextest = ["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "pass"];
        let mut command = cargo(&nextest);
        command.args(["--status-level", "slow", "--final-status-level", "fail"]);
        return command;
    }
    cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
}

/// A stage that runs many tests: its output is shown as it comes and its summaries are added up.
fn tests(name: &'static str, mut command: Command) -> Stage {
    println!("== {name}");
    let start = Instant::now();
    let counts = Mutex::new((0, 0));
    let succeeded = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().and_then(|mut child| {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            scope.spawn(|| follow(stdout, &counts));
            scope.spawn(|| follow(stderr, &counts));
        });
        child.wait().map(|status| status.success())
    });
    let (passed, mut failed) = counts.into_inner().unwrap_or_default();
    let mut note = String::new();
    if let Err(e) = &succeeded {
        note = format!("{command:?}: {e}");
    }
    // A build that broke, say: no test failed, and yet the stage did.
    if !succeeded.unwrap_or(false) && failed == 0 {
        failed = 1;
    }
    Stage { name, took: start.elapsed(), passed, failed, note }
}

fn follow(output: Option<impl Read>, counts: &Mutex<(u64, u64)>) {
    let Some(output) = output else { return };
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some((passed, failed)) = summary(&line)
            && let Ok(mut counts) = counts.lock()
        {
            counts.0 += passed;
            counts.1 += failed;
        }
    }
}

/// What a line of nextest's (`Summary [1.2s] 3 tests run: 2 passed, 1 failed, 0 skipped`) or of libtest's (`test
/// result: ok. 2 passed; 1 failed; …`) says.
fn summary(line: &str) -> Option<(u64, u64)> {
    let line = line.trim();
    if !line.starts_with("Summary [") && !line.starts_with("test result: ") {
        return None;
    }
    let words: Vec<&str> = line.split([' ', ',', ';', '(', ')']).filter(|w| !w.is_empty()).collect();
    let count = |wanted: &[&str]| {
        let mut places = words.windows(wanted.len() + 1).filter(|w| &w[1..] == wanted);
        places.find_map(|w| w[0].parse::<u64>().ok()).unwrap_or(0)
    };
    let failed = count(&["failed"]) + count(&["timed", "out"]) + count(&["exec", "failed"]);
    Some((count(&["passed"]), failed))
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn both_runners_are_understood() {
        let nextest = "     Summary [   0.018s] 45 tests run: 43 passed (1 slow), 2 failed, 7 skipped";
        assert_eq!(summary(nextest), Some((43, 2)));
        let timed_out = "     Summary [   9.018s] 4 tests run: 2 passed, 1 failed, 1 timed out, 0 skipped";
        assert_eq!(summary(timed_out), Some((2, 2)));
        let libtest = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(summary(libtest), Some((12, 3)));
        assert_eq!(summary("test learn::ridge ... ok"), None);
    }
}
