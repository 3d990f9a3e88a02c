//! An explanation as text for people.

use std::fmt::Display;

use serde_json::Value;
use tidemill_report::words::{Words, fill};

use super::align::{left, width};

use crate::explain::{Explained, ExplainedRow, Method};
use crate::format::short;

/// Columns of a row that are shown; the rest is summed.
const SHOWN: usize = 10;
/// Rows that are shown.
const ROWS: usize = 5;
/// How wide the longest bar is.
const BAR: f64 = 24.0;

/// The whole explanation: what matters over all rows, then the first rows one by one.
pub fn story(words: &Words, explained: &Explained) -> String {
    let said = &words.story;
    let how = match explained.method {
        Method::TreeShap => said.why_trees,
        Method::LinearShap => said.why_linear,
        Method::PermutationShap => said.why_sampled,
    };
    let units = words.term(&format!("units.{}", explained.units), explained.units);
    let n = explained.rows.len();
    let head: [(&str, &dyn Display); 4] =
        [("target", &explained.target), ("rows", &n), ("how", &how), ("units", &units)];
    let mut text = fill(said.why, &head) + "\n\n";
    let most = explained.importance.first().copied().unwrap_or(0.0);
    let wide = explained.columns.iter().map(|c| width(c)).max().unwrap_or(0).min(32);
    for (name, value) in explained.columns.iter().zip(&explained.importance).take(2 * SHOWN) {
        let name: String = name.chars().take(32).collect();
        text += &format!("  {}  {:>10}  {}\n", left(&name, wide), short(*value), bar(*value, most));
    }
    for row in explained.rows.iter().take(ROWS) {
        text += &of_row(words, explained, row);
    }
    if n > ROWS {
        text += &format!("\n{}\n", fill(said.why_more, &[("n", &(n - ROWS))]));
    }
    text
}

/// One row: what it says in each column, and what that adds.
fn of_row(words: &Words, explained: &Explained, row: &ExplainedRow) -> String {
    let said = &words.story;
    let answer = cell_text(words, &row.prediction);
    let key = row.key.as_ref().map(|key| fill(said.why_key, &[("key", &cell_text(words, key))]));
    let head: [(&str, &dyn Display); 4] = [
        ("row", &row.row),
        ("key", &key.unwrap_or_default()),
        ("target", &explained.target),
        ("answer", &answer),
    ];
    let mut text = format!("\n{}\n", fill(said.why_row, &head));
    // Of many classes, the one that was predicted.
    let output = explained.outputs.iter().position(|name| *name == answer).unwrap_or(0);
    text += &main_reasons(words, explained, row, output);
    let values = &row.values[output];
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()).then(a.cmp(b)));
    let shown: Vec<usize> = order.iter().copied().take(SHOWN).filter(|at| values[*at] != 0.0).collect();
    let name = |at: usize| {
        let cell: String = cell_text(words, &row.cells[at]).chars().take(24).collect();
        format!("{} = {cell}", explained.columns[at])
    };
    let rest: f64 = order.iter().skip(shown.len()).map(|at| values[*at]).sum();
    let wide = shown.iter().map(|at| width(&name(*at))).max().unwrap_or(0).max(12);
    let most = shown.iter().map(|at| values[*at].abs()).fold(0.0, f64::max);
    let mut line = |name: &str, value: f64| {
        let sign = if value < 0.0 { "-" } else { "+" };
        text +=
            &format!("  {}  {sign}{:<10} {}\n", left(name, wide), short(value.abs()), bar(value.abs(), most));
    };
    shown.iter().for_each(|at| line(&name(*at), values[*at]));
    if rest != 0.0 {
        line(said.why_others, rest);
    }
    let (base, total) = (explained.base[output], row.totals[output]);
    let sum = fill(said.why_sum, &[("base", &short(base)), ("total", &short(total))]);
    text + &format!("  {}  {sum}\n", left(said.why_usually, wide))
}

/// What raises and what lowers it most, in one sentence.
pub(crate) fn main_reasons(
    words: &Words,
    explained: &Explained,
    row: &ExplainedRow,
    output: usize,
) -> String {
    let said = &words.story;
    let values = row.values[output].iter().enumerate();
    let most = |sign: f64| {
        let signed = values.clone().filter(|(_, v)| **v * sign > 0.0);
        signed
            .max_by(|a, b| (a.1 * sign).total_cmp(&(b.1 * sign)))
            .map(|(at, _)| format!("'{}' = {}", explained.columns[at], cell_text(words, &row.cells[at])))
    };
    let about = if explained.outputs.len() > 1 || explained.outputs[0] != explained.target {
        format!("'{}'", explained.outputs[output])
    } else {
        said.why_it.into()
    };
    let (up, down) = (most(1.0), most(-1.0));
    let template = match (&up, &down) {
        (Some(_), Some(_)) => said.why_up_down,
        (Some(_), None) => said.why_up,
        (None, Some(_)) => said.why_down,
        (None, None) => said.why_nothing,
    };
    let (up, down) = (up.unwrap_or_default(), down.unwrap_or_default());
    fill(template, &[("up", &up), ("about", &about), ("down", &down)]) + "\n"
}

/// A cell or an answer as people read it.
pub(crate) fn cell_text(words: &Words, value: &Value) -> String {
    match value {
        Value::Null => words.story.missing.into(),
        Value::String(text) => text.clone(),
        Value::Number(x) if x.is_f64() => x.as_f64().map(short).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn bar(value: f64, most: f64) -> String {
    if most > 0.0 { "#".repeat((BAR * value / most).round() as usize) } else { String::new() }
}
