//! An explanation as text for people.

use std::fmt::Display;

use serde_json::Value;
use tidemill_report::words::{Words, fill};

use super::align::{left, width};
use crate::explain::{
    CellParts, Explained, ExplainedRow, InteractingPair, LocalFit, Method, Part, PartsOf, Reservation,
};
use crate::format::{cut, percent, short};

/// Columns of a row that are shown; the rest is summed.
const SHOWN: usize = 10;
/// Rows that are shown.
const ROWS: usize = 5;
/// Words of a text, or patches of a picture, that are shown.
const PARTS: usize = 8;
/// How wide the longest bar is.
const BAR: f64 = 24.0;

/// The whole explanation: what matters over all rows, then the first rows one by one.
pub fn story(words: &Words, explained: &Explained) -> String {
    let said = &words.story;
    let how = match explained.method {
        Method::TreeShap => said.why_trees,
        Method::InterventionalTreeShap => said.why_against,
        Method::LinearShap => said.why_linear,
        Method::CorrelatedLinearShap => words.insight.correlated,
        Method::AdditiveShap => words.insight.odds,
        Method::InterventionalShap => words.insight.of_answer,
        Method::PermutationShap | Method::KernelShap => said.why_sampled,
        Method::PartitionShap => said.why_groups,
        Method::Gradients => said.why_gradients,
        Method::Lime => said.why_lime,
    };
    let sort = match explained.method {
        Method::Lime => "LIME",
        Method::Gradients => said.why_path,
        _ => said.why_shap,
    };
    let units = words.term(&format!("units.{}", explained.units), explained.units);
    let n = explained.rows.len();
    let head: [(&str, &dyn Display); 5] =
        [("target", &explained.target), ("rows", &n), ("sort", &sort), ("how", &how), ("units", &units)];
    let mut text = doubts(words, explained) + &fidelity(words, explained) + &fill(said.why, &head) + "\n\n";
    if let Some(path) = explained.path {
        let values: [(&str, &dyn Display); 2] =
            [("gap", &format!("{:.0e}", path.gap)), ("points", &path.points)];
        text += &format!("{}\n\n", fill(said.why_complete, &values));
    }
    let most = explained.importance.first().copied().unwrap_or(0.0);
    if let Some(judged) = &explained.judged {
        let [deletion, insertion, gain] =
            [judged.deletion_area, judged.insertion_area, judged.gain()].map(short);
        let values: [(&str, &dyn Display); 4] =
            [("rows", &judged.n_rows), ("deletion", &deletion), ("insertion", &insertion), ("gain", &gain)];
        text += &format!("{}\n\n", fill(said.why_judged, &values));
    }
    let wide = explained.columns.iter().map(|c| width(c)).max().unwrap_or(0).min(32);
    // Where no local model is faithful, a picture of them would mislead.
    let misleads =
        |row: &ExplainedRow| !row.local.is_empty() && row.local.iter().all(LocalFit::is_unfaithful);
    let shown = if explained.rows.iter().all(misleads) { 0 } else { 2 * SHOWN };
    for (name, value) in explained.columns.iter().zip(&explained.importance).take(shown) {
        let name: String = name.chars().take(32).collect();
        text += &format!("  {}  {:>10}  {}\n", left(&name, wide), short(*value), bar(*value, most));
    }
    text += &pairs(words, explained);
    for row in explained.rows.iter().take(ROWS) {
        text += &of_row(words, explained, row);
    }
    if n > ROWS {
        text += &format!("\n{}\n", fill(said.why_more, &[("n", &(n - ROWS))]));
    }
    text
}

/// The pairs of columns that add most together, where that was asked.
fn pairs(words: &Words, explained: &Explained) -> String {
    let Some(found) = &explained.interactions else { return String::new() };
    let Some(first) = found.pairs.first() else { return format!("\n{}\n", words.insight.pairs_none) };
    let name = |pair: &InteractingPair| cut(&pair.columns.join(" × "), 48);
    let shown = || found.pairs.iter().take(SHOWN);
    let wide = shown().map(|pair| width(&name(pair))).max().unwrap_or(0);
    let line = |pair: &InteractingPair| {
        let bar = bar(pair.mean_absolute, first.mean_absolute);
        format!("  {}  {:>10}  {bar}\n", left(&name(pair), wide), short(pair.mean_absolute))
    };
    format!("\n{}\n\n{}", words.insight.pairs_head, shown().map(line).collect::<String>())
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
    if let Some(fit) = row.local.get(output) {
        text += &of_local(words, row, output, fit);
        if fit.is_unfaithful() {
            return text;
        }
    }
    text += &main_reasons(words, explained, row, output);
    text + &bars(words, explained, row, output) + &of_parts(words, explained, row, output)
}

/// What each column adds to an output of a row, a line for each of the greatest, and what all of it sums to.
fn bars(words: &Words, explained: &Explained, row: &ExplainedRow, output: usize) -> String {
    let said = &words.story;
    let mut text = String::new();
    let values = &row.values[output];
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()).then(a.cmp(b)));
    let shown = order.iter().copied().take(SHOWN).filter(|at| is_more_than_rounding(values, *at));
    let shown: Vec<usize> = shown.collect();
    let name = |at: usize| said_by(words, explained, row, at);
    // Where values are sampled, what chance may have done to them.
    let off = |at: usize| {
        let error = row.errors.get(output).map_or(0.0, |errors| errors[at]);
        if error > 0.0 { format!(" ± {}", short(error)) } else { String::new() }
    };
    let rest: f64 = order.iter().skip(shown.len()).map(|at| values[*at]).sum();
    let wide = shown.iter().map(|at| width(&name(*at))).max().unwrap_or(0).max(12);
    let most = shown.iter().map(|at| values[*at].abs()).fold(0.0, f64::max);
    let mut line = |name: &str, value: f64, off: &str| {
        let sign = if value < 0.0 { "-" } else { "+" };
        let number = format!("{}{off}", short(value.abs()));
        text += &format!("  {}  {sign}{number:<10} {}\n", left(name, wide), bar(value.abs(), most));
    };
    shown.iter().for_each(|at| line(&name(*at), values[*at], &off(*at)));
    if order.iter().skip(shown.len()).any(|at| is_more_than_rounding(values, *at)) {
        line(said.why_others, rest, "");
    }
    let (base, total) = (explained.base[output], row.totals[output]);
    let local = row.local.get(output);
    let (word, base) = local.map_or((said.why_usually, base), |fit| (said.why_elsewhere, fit.intercept));
    let sum = fill(said.why_sum, &[("base", &short(base)), ("total", &short(total))]);
    text + &format!("  {}  {sum}\n", left(word, wide))
}

/// What a row says in a column: its value, or of LIME the stretch of values that counts as its own.
pub(crate) fn said_by(words: &Words, explained: &Explained, row: &ExplainedRow, at: usize) -> String {
    let (column, range) = (&explained.columns[at], row.ranges.get(at).and_then(Option::as_ref));
    match range {
        Some(ends) => stretch(words, column, ends),
        None => {
            let cell: String = cell_text(words, &row.cells[at]).chars().take(24).collect();
            format!("{column} = {cell}")
        }
    }
}

/// The words of texts and the patches of pictures that add most to an output, a line for each cell.
fn of_parts(words: &Words, explained: &Explained, row: &ExplainedRow, output: usize) -> String {
    let line = |cell: &CellParts| {
        let values = &cell.values[output];
        let shown = strongest(values).into_iter().take(PARTS);
        let one =
            |at: usize| format!("{} {}", part_name(words, &cell.parts[at]), part_value(cell, values[at]));
        let parts: Vec<String> = shown.map(one).collect();
        let none = || fill(words.insight.parts_nothing, &[("of", &explained.outputs[output])]);
        let parts = if parts.is_empty() { none() } else { parts.join(words.list) };
        let template = match cell.what {
            PartsOf::Added => words.insight.parts,
            PartsOf::Attention => words.insight.attended,
            PartsOf::GradCam => words.insight.seen,
        };
        format!("  {}\n", fill(template, &[("column", &cell.column), ("parts", &parts)]))
    };
    row.parts.iter().map(line).collect()
}

/// What is said of a part of a cell.
pub(crate) fn part_value(cell: &CellParts, value: f64) -> String {
    match cell.what {
        PartsOf::Added => signed(value),
        PartsOf::GradCam => short(value),
        PartsOf::Attention => percent(value),
    }
}

/// The places of the values that are more than rounding, the greatest first.
pub(crate) fn strongest(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).filter(|at| is_more_than_rounding(values, *at)).collect();
    order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()).then(a.cmp(b)));
    order
}

/// A part of a text or a picture in words.
pub(crate) fn part_name(words: &Words, part: &Part) -> String {
    match part {
        Part::Word(text) => {
            // Marks around it are told only where there is no word.
            let word = text.trim_matches(|c: char| !c.is_alphanumeric());
            let word = if word.is_empty() { text.trim() } else { word };
            fill(words.insight.part_word, &[("text", &cut(word, 40))])
        }
        Part::Patch([x, y, wide, high]) => {
            let values: [(&str, &dyn Display); 4] =
                [("left", x), ("right", &(x + wide)), ("top", y), ("bottom", &(y + high))];
            fill(words.insight.part_patch, &values)
        }
    }
}

/// A number with its sign.
pub(crate) fn signed(x: f64) -> String {
    if x > 0.0 { format!("+{}", short(x)) } else { short(x) }
}

/// Why the explanation is to be trusted less, before anything is read off it.
fn doubts(words: &Words, explained: &Explained) -> String {
    if explained.reservations.is_empty() {
        return String::new();
    }
    let lines: String = reservations(words, explained).map(|line| format!("  {line}\n")).collect();
    format!("{}\n{lines}\n", words.insight.doubts)
}

/// Each reservation as a sentence.
pub(crate) fn reservations(words: &Words, explained: &Explained) -> impl Iterator<Item = String> {
    let (said, all) = (&words.insight, explained.rows.len());
    explained.reservations.iter().map(move |reservation| match reservation {
        Reservation::Together { columns: [first, second], correlation, more } => {
            let more = if *more > 0 { fill(said.doubt_more, &[("n", more)]) } else { String::new() };
            let values: [(&str, &dyn Display); 4] =
                [("first", first), ("second", second), ("by", &short(*correlation)), ("more", &more)];
            fill(said.doubt_together, &values)
        }
        Reservation::FewUsual { n } => fill(said.doubt_few, &[("n", n)]),
        Reservation::Unsure { n } => fill(said.doubt_unsure, &[("n", n), ("all", &all)]),
    })
}

/// How faithful the local models of LIME are, before anything is read off them.
pub(crate) fn fidelity(words: &Words, explained: &Explained) -> String {
    let said = &words.story;
    let fits = || explained.rows.iter().flat_map(|row| &row.local);
    let n = fits().count();
    if n == 0 {
        return String::new();
    }
    let unfaithful = fits().filter(|fit| fit.is_unfaithful()).count();
    let least = fits().map(|fit| fit.r2).fold(f64::INFINITY, f64::min);
    let warning = match unfaithful {
        0 => String::new(),
        _ => {
            let values: [(&str, &dyn Display); 3] =
                [("n", &unfaithful), ("all", &n), ("least", &LocalFit::FAITHFUL)];
            format!("\n{}", fill(said.why_unfaithful, &values))
        }
    };
    format!("{}{warning}\n\n", fill(said.why_fidelity, &[("r2", &short(least))]))
}

/// How well the local model of a row does, in a sentence or two.
pub(crate) fn of_local(words: &Words, row: &ExplainedRow, output: usize, fit: &LocalFit) -> String {
    let said = &words.story;
    let r2 = short(fit.r2);
    if fit.is_unfaithful() {
        return fill(said.why_not_faithful, &[("r2", &r2)]) + "\n";
    }
    let values: [(&str, &dyn Display); 3] =
        [("r2", &r2), ("local", &short(fit.local_answer)), ("answer", &short(fit.answer))];
    let mut text = fill(said.why_local, &values) + "\n";
    if row.is_unsteady(output) {
        text += said.why_not_steady;
        text.push('\n');
    }
    text
}

/// The stretch of numbers that a column lies in, in words.
fn stretch(words: &Words, column: &str, ends: &[Value; 2]) -> String {
    let said = &words.story;
    let template = match ends.each_ref().map(Value::is_null) {
        [false, false] => said.why_between,
        [false, true] => said.why_above,
        [true, false] => said.why_up_to,
        [true, true] => said.why_known,
    };
    let [low, high] = ends.each_ref().map(|end| cell_text(words, end));
    fill(template, &[("column", &column), ("low", &low), ("high", &high)])
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
        let said_more = |at: &usize| is_more_than_rounding(&row.values[output], *at);
        let signed = values.clone().filter(|(at, v)| **v * sign > 0.0 && said_more(at));
        signed
            .max_by(|a, b| (a.1 * sign).total_cmp(&(b.1 * sign)))
            .map(|(at, _)| (explained.columns[at].as_str(), cut(&cell_text(words, &row.cells[at]), 60)))
            .map(|(column, cell)| format!("'{column}' = {cell}"))
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

/// Whether a value is more than what rounding leaves of nothing beside the greatest of its row.
fn is_more_than_rounding(values: &[f64], at: usize) -> bool {
    let greatest = values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    values[at] != 0.0 && values[at].abs() > 1e-9 * greatest
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
