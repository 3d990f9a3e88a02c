//! `judge quality_trees`: our held-out score against the best of LightGBM, scikit-learn's five and AutoGluon on the same
//! splits of real and generated tables.

use std::path::PathBuf;

use crate::{Outcome, peer};

/// We are within this share of the best peer's score, or better, …
const NEAR: f64 = 0.01;
/// … on all but so many tables.
const MISSES: usize = 3;

/// Runs the comparison, prints it and says whether enough tables hold.
pub(crate) fn run(data: Option<PathBuf>, splits: usize) -> Outcome<bool> {
    let data = data.unwrap_or_else(|| peer::root().join("../shared/data"));
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let work = peer::work_folder()?.join("quality_trees");
    let [program, data, work] = [&program, &data, &work].map(|path| path.display().to_string());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let lines = peer::run("quality_trees", &[&program, &data, &work, &splits.to_string()], cores)?;
    println!(
        "| table | metric | ours | best peer | its score | difference | 95% interval | secs | verdict |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut misses = 0;
    for line in &lines {
        let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        let holds = number("difference") >= -NEAR * number("theirs").abs();
        misses += usize::from(!holds);
        println!(
            "| {} | {} | {:.4} | {} | {:.4} | {:+.4} | {:+.4} to {:+.4} | {:.1} | {} |",
            text("table"),
            text("metric"),
            number("ours"),
            text("best"),
            number("theirs"),
            number("difference"),
            number("low"),
            number("high"),
            number("secs"),
            if holds { "holds" } else { "**more than 1% behind**" }
        );
    }
    if lines.is_empty() {
        return Err("no table was judged".into());
    }
    Ok(misses <= MISSES)
}
