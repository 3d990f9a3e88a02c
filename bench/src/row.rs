//! A line of the table of results, and `bench/RESULTS.md`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Outcome;

/// Our time against a peer's for the same work with the same answer.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The work.
    pub(crate) name: String,
    /// Whom we are held against.
    pub(crate) peer: String,
    /// The median of our times, in seconds.
    pub(crate) ours_secs: f64,
    /// The median of theirs.
    pub(crate) peer_secs: f64,
    /// The ratio that must be met (their time over ours).
    pub(crate) goal_at_least: f64,
    /// The ratio to reach for.
    pub(crate) reach: f64,
    /// How far the answers agree, in words; benches fail by themselves where they do not.
    pub(crate) same_answer: String,
}

impl Row {
    /// Their time over ours.
    pub(crate) fn ratio(&self) -> f64 {
        self.peer_secs / self.ours_secs
    }

    fn cells(&self) -> String {
        let verdict = match self.ratio() {
            ratio if ratio >= self.reach => "reached",
            ratio if ratio >= self.goal_at_least => "met",
            _ => "**missed**",
        };
        format!(
            "| {} | {} | {} | {} | **{:.2}** | {} | {} | {verdict} | {} |",
            self.name,
            self.peer,
            seconds(self.ours_secs),
            seconds(self.peer_secs),
            self.ratio(),
            self.goal_at_least,
            self.reach,
            self.same_answer
        )
    }
}

fn seconds(secs: f64) -> String {
    match secs {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s if s >= 1e-6 => format!("{:.2} us", s * 1e6),
        s => format!("{:.1} ns", s * 1e9),
    }
}

const HEAD: &str = "\
| work | peer | ours | theirs | ratio | at least | reach | verdict | same answer |
|---|---|---|---|---|---|---|---|---|";

/// The rows as a table.
pub(crate) fn table(rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().map(Row::cells).collect();
    format!("{HEAD}\n{}\n", lines.join("\n"))
}

/// Writes the rows into the file of results; rows of other work that are there stay.
pub(crate) fn record(path: &Path, rows: &[Row]) -> Outcome<()> {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let old = before.lines().filter_map(|line| Some((name_of(line)?.to_owned(), line.to_owned())));
    let mut lines: BTreeMap<String, String> = old.collect();
    lines.extend(rows.iter().map(|row| (row.name.clone(), row.cells())));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = format!(
        "# Our time against peers'\n\n\
         `cargo xtask bench` writes this file: the medians of at least 5 runs on one machine ({cores} cores), our \
         side and the peer's (its versions: `bench/requirements.txt`) in one go. The ratio is their time over \
         ours. Rows of a GPU (`cargo xtask bench gpu`) are from the machine that has it.\n\n{HEAD}\n{}\n",
        lines.into_values().collect::<Vec<_>>().join("\n")
    );
    Ok(std::fs::write(path, text)?)
}

/// The work of a line of the table; `None` for any other line.
fn name_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix("| ")?.split(" | ").next()?;
    (name != "work").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_rows_of_other_work() {
        let row = |name: &str, ours_secs| Row {
            name: name.into(),
            peer: "peer".into(),
            ours_secs,
            peer_secs: 3.0,
            goal_at_least: 1.5,
            reach: 4.0,
            same_answer: "yes".into(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("RESULTS.md");
        record(&path, &[row("b", 1.0), row("a", 2e-5)]).unwrap();
        record(&path, &[row("b", 6.0)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| name_of(line).is_some()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].starts_with("| a | peer | 20.00 us | 3.00 s | **150000.00** |"), "{text}");
        assert!(lines[1].contains("| **0.50** | 1.5 | 4 | **missed** | yes |"), "{text}");
    }
}
