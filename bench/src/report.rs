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
    reports.push(train(&hostile, &["--target", "what's <the> \"target\" & more?"], &folder)?);
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

/// The report of a training, under the table's name.
fn train(table: &Path, flags: &[&str], folder: &Path) -> Outcome<std::path::PathBuf> {
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let name = table.file_stem().unwrap_or_default();
    let out = folder.join(name).with_extension("model");
    let mut command = Command::new(program);
    command.arg("train").arg(table).args(flags).args(["--trials", "3", "--quiet", "--out"]).arg(&out);
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let report = folder.join(name).with_extension("html");
    std::fs::copy(out.join("report.html"), &report)?;
    Ok(report)
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
