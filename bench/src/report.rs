//! `judge report`: the reports of real trainings in a real browser.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, peer};

/// What is trained: a table of `examples`, and the flags that go with it.
const TRAINED: &[(&str, &[&str])] = &[
    ("penguins/penguins.csv", &["--target", "species"]),
    ("breast_cancer/breast_cancer.csv", &["--target", "target"]),
    ("wine/wine.csv", &["--target", "target"]),
    ("bikeshare/bikeshare.csv", &["--target", "bikers", "--time", "time", "--drop-leaks"]),
];

/// Trains, and looks at each report in both themes, on a desk and at a phone's width: `bench/peers/report.py` says
/// for what.
pub(crate) fn run() -> Outcome<bool> {
    let folder = peer::work_folder()?.join("report");
    std::fs::create_dir_all(&folder)?;
    let hostile = folder.join("hostile.csv");
    std::fs::write(&hostile, hostile_table())?;
    let mut reports = Vec::new();
    for (table, flags) in TRAINED {
        let table = peer::root().join("examples").join(table);
        reports.push(train(&table, flags, &folder)?);
    }
    let target = ["--target", "what's <the> \"target\" & more?"];
    reports.push(train(&hostile, &target, &folder)?);
    reports.push(train(&decided_table(&folder)?, &[], &folder)?);
    reports.push(check(
        &peer::root().join("examples/bikeshare/bikeshare.csv"),
        &["--target", "bikers"],
        &folder,
    )?);
    reports.push(check(&hostile, &target, &folder)?);
    let arguments: Vec<&str> =
        std::iter::once(folder.to_str()).chain(reports.iter().map(|r| r.to_str())).flatten().collect();
    let found = peer::run("report", &arguments, 1)?.pop().unwrap_or_default();
    for fault in found["faults"].as_array().into_iter().flatten() {
        println!("{}", fault.as_str().unwrap_or_default());
    }
    println!(
        "screenshots: {}\ncharts looked at: {}, least contrast of a text: {:.2}, faults: {}",
        folder.display(),
        found["charts"],
        found["least_contrast"].as_f64().unwrap_or_default(),
        found["faults"].as_array().map_or(0, Vec::len)
    );
    Ok(found["faults"].as_array().is_some_and(Vec::is_empty))
}

/// The page of an audit, under the table's name.
fn check(table: &Path, flags: &[&str], folder: &Path) -> Outcome<std::path::PathBuf> {
    let stem = table.file_stem().unwrap_or_default().to_string_lossy();
    let report = folder.join(format!("check-{stem}.html"));
    run_program(Command::new(program()?).arg("check").arg(table).args(flags).arg("--report").arg(&report))?;
    Ok(report)
}

fn program() -> Outcome<std::path::PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX)))
}

fn run_program(command: &mut Command) -> Outcome<()> {
    let output = command.output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

/// The report of a training, under the table's name.
fn train(table: &Path, flags: &[&str], folder: &Path) -> Outcome<std::path::PathBuf> {
    let name = table.file_stem().unwrap_or_default();
    let out = folder.join(name).with_extension("model");
    let mut command = Command::new(program()?);
    command.arg("train").arg(table).args(flags).args(["--trials", "3", "--quiet", "--out"]).arg(&out);
    run_program(&mut command)?;
    let report = folder.join(name).with_extension("html");
    std::fs::copy(out.join("report.html"), &report)?;
    Ok(report)
}

/// A recipe that calibrates and weighs mistakes, on a table whose classes overlap: the page shows both.
fn decided_table(folder: &Path) -> Outcome<std::path::PathBuf> {
    let mut text = String::from("amount,visits,town,left\n");
    for i in 0..2000u32 {
        // As good as random: multiples of primes.
        let part = |by: u64, of: u64| (u64::from(i) * by % of) as f64 / of as f64;
        let (a, b, chance) = (part(7919, 2003), part(104_729, 1999), part(15_485_863, 1997));
        let left = if chance < 0.05 + 0.5 * a * a + 0.2 * b { "yes" } else { "no" };
        text +=
            &format!("{:.3},{:.0},{},{left}\n", 100.0 * a, 40.0 * b, ["Ulm", "Bonn", "Kiel"][i as usize % 3]);
    }
    std::fs::write(folder.join("decided.csv"), text)?;
    let recipe = "[data]\nsource = \"decided.csv\"\ntarget = \"left\"\n[train]\ncalibrate = \"isotonic\"\n\
                  [decision]\ncost = { false_positive = 1, false_negative = 5 }\n\
                  [[learners]]\nkind = \"logistic\"\n[[learners]]\nkind = \"random_forest\"\nn_trees = 50\n";
    let file = folder.join("decided.toml");
    std::fs::write(&file, recipe)?;
    Ok(file)
}

/// Names that break careless pages: tags, quotes, 300 letters, right-to-left words, 40 classes.
fn hostile_table() -> String {
    let long = "a very long name ".repeat(18);
    let mut text = format!(
        "\"<script>alert(1)</script>\",{long},\"שם \"\"העמודה\"\"\",\"what's <the> \"\"target\"\" & more?\"\n"
    );
    for i in 0..1200u32 {
        let class = i * 7 % 40;
        let noise = f64::from(i * 7919 % 1009) / 1009.0;
        let name =
            if class == 3 { "<b onload=alert(1)>".to_string() } else { format!("class number {class}") };
        text += &format!("{},{:.4},\"word <{}>\",{name}\n", class * 3 + i % 5, noise, i % 6);
    }
    text
}
