//! How answers go along with columns, as text for people.

use std::fmt::Display;

use tidemill_eval::explain::GridValue;
use tidemill_report::words::{Words, fill};

use super::align::{left, width};
use super::counterfactual::listed;
use crate::explain::{ColumnEffect, Effects, PairEffect};
use crate::format::{percent, plain, short};

/// Columns that are shown.
const SHOWN: usize = 20;
/// How wide the longest bar is.
const BAR: f64 = 24.0;
/// What moves the answer less than this share of the strongest column hardly does.
const HARDLY: f64 = 0.02;
/// Two columns that share less than this hardly work together.
const APART: f64 = 0.01;

/// What moves the answer, a line and a sentence for each column, and what works together.
pub fn story(words: &Words, found: &Effects) -> String {
    let said = &words.insight;
    let output = found.most_moved();
    let head: [(&str, &dyn Display); 4] = [
        ("target", &found.target),
        ("what", &what(words, found, output)),
        ("asked", &found.n_asked),
        ("rows", &found.n_rows),
    ];
    let mut text = fill(said.effects_head, &head) + "\n\n";
    let most = strongest(found, output);
    let wide = found.columns.iter().map(|c| width(&c.column)).max().unwrap_or(0).min(32);
    for column in found.columns.iter().take(SHOWN) {
        let (name, reach): (String, f64) = (column.column.chars().take(32).collect(), column.reach[output]);
        let bar = if most > 0.0 { "#".repeat((BAR * reach / most).round() as usize) } else { String::new() };
        text += &format!("  {}  {:>10}  {bar}\n", left(&name, wide), short(reach));
    }
    text.push('\n');
    for column in found.columns.iter().take(SHOWN) {
        text += &(sentence(words, found, column, output) + "\n");
        if column.disagrees(output) {
            text += &(fill(said.disagrees, &[("column", &column.column)]) + "\n");
        }
    }
    for pair in &found.pairs {
        text += &(together(words, found, pair, output) + "\n");
    }
    if !found.passed_over.is_empty() {
        let columns = listed(words, found.passed_over.clone());
        text += &(fill(said.passed_over, &[("columns", &columns)]) + "\n");
    }
    text
}

/// What the answers are: the probability of a class, or the target.
pub(crate) fn what(words: &Words, found: &Effects, output: usize) -> String {
    let said = &words.insight;
    let template = if found.units == "probability" { said.of_class } else { said.of_number };
    fill(template, &[("of", &found.outputs[output])])
}

fn strongest(found: &Effects, output: usize) -> f64 {
    found.columns.iter().map(|column| column.reach[output]).fold(0.0, f64::max)
}

/// How the answer goes along with a column, in one sentence.
pub(crate) fn sentence(words: &Words, found: &Effects, column: &ColumnEffect, output: usize) -> String {
    let said = &words.insight;
    let values = &column.partial[output];
    let what = what(words, found, output);
    if column.reach[output] <= HARDLY * strongest(found, output) {
        return fill(said.flat, &[("column", &column.column), ("what", &what)]);
    }
    let pick = |better: fn(f64, f64) -> bool| {
        (1..values.len()).fold(0, |best, i| if better(values[i], values[best]) { i } else { best })
    };
    let (least, most) = (pick(|a, b| a < b), pick(|a, b| a > b));
    let last = values.len().saturating_sub(1);
    // Along a number, little of the way may go back for it to rise or fall.
    let is_number = matches!(column.grid.first(), Some(GridValue::Number(_)));
    let back = |sign: f64| values.windows(2).map(|w| (sign * (w[0] - w[1])).max(0.0)).sum::<f64>();
    let goes = |sign: f64| is_number && back(sign) <= 0.1 * column.reach[output];
    let (template, from, to) = match (goes(1.0), goes(-1.0)) {
        (true, _) => (said.rises, 0, last),
        (_, true) => (said.falls, 0, last),
        _ => (said.peaks, least, most),
    };
    let values: [(&str, &dyn Display); 6] = [
        ("column", &column.column),
        ("what", &what),
        ("from", &value(&column.grid[from])),
        ("to", &value(&column.grid[to])),
        ("low", &short(values[from])),
        ("high", &short(values[to])),
    ];
    fill(template, &values)
}

/// Whether two columns do together what they do not do apart, in one sentence.
pub(crate) fn together(words: &Words, found: &Effects, pair: &PairEffect, output: usize) -> String {
    let said = &words.insight;
    let share = pair.together[output].share;
    let template = if share < APART { said.apart } else { said.together };
    let values: [(&str, &dyn Display); 4] = [
        ("first", &pair.columns[0]),
        ("second", &pair.columns[1]),
        ("share", &percent(share)),
        ("what", &what(words, found, output)),
    ];
    fill(template, &values)
}

/// A value of a column as people read it.
pub(crate) fn value(value: &GridValue) -> String {
    match value {
        // Most values of a grid lie between those of the table.
        GridValue::Number(x) if x.fract() == 0.0 => plain(*x),
        GridValue::Number(x) => short(*x),
        GridValue::Flag(yes) => yes.to_string(),
        GridValue::Name(name) => name.clone(),
    }
}
