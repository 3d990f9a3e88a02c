//! `judge quality`: our held-out score against scikit-learn's on the same splits of real tables.

use std::path::PathBuf;

use crate::{Outcome, peer};

/// The lower bound of 95% of our score minus theirs must be above this, on every table.
const BOUND: f64 = -0.005;

/// Runs the comparison on the tables of `data`, prints it and says whether every bound holds.
pub(crate) fn run(data: Option<PathBuf>, splits: usize) -> Outcome<bool> {
    let data = data.unwrap_or_else(|| peer::root().join("../shared/data"));
    if !data.is_dir() {
        return Err(format!("{}: no such folder; name the tables' by --data DIR", data.display()).into());
    }
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let work = peer::work_folder()?.join("quality");
    let [program, data, work] = [&program, &data, &work].map(|path| path.display().to_string());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let lines = peer::run("quality", &[&program, &data, &work, &splits.to_string()], cores)?;
    println!("| table | metric | ours | scikit-learn | difference | 95% lower bound | verdict |");
    println!("|---|---|---|---|---|---|---|");
    let mut all = true;
    for line in &lines {
        let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
        let holds = number("lower_bound") > BOUND;
        all &= holds;
        println!(
            "| {} | {} | {:.4} | {:.4} | {:+.4} | {:+.4} | {} |",
            line["table"].as_str().unwrap_or_default(),
            line["metric"].as_str().unwrap_or_default(),
            number("ours"),
            number("theirs"),
            number("difference"),
            number("lower_bound"),
            if holds { "holds" } else { "**broken**" }
        );
    }
    if lines.is_empty() {
        return Err("none of the tables is in that folder".into());
    }
    Ok(all)
}
