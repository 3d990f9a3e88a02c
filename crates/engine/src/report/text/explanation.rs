//! An explanation as text for people.

use std::fmt::Write;

use serde_json::Value;

use crate::explain::{Explained, ExplainedRow, LocalFit, Method};
use crate::format::short;

/// Columns of a row that are shown; the rest is summed.
const SHOWN: usize = 10;
/// Rows that are shown.
const ROWS: usize = 5;
/// How wide the longest bar is.
const BAR: f64 = 24.0;

/// The whole explanation: what matters over all rows, then the first rows one by one.
pub fn story(explained: &Explained) -> String {
    let mut text = String::new();
    let how = match explained.method {
        Method::TreeShap => "exact, of the trees' own score",
        Method::LinearShap => {
            "exact, of the linear function; what is not known of a row is as in the usual row"
        }
        Method::PermutationShap | Method::KernelShap => "sampled, of the answer itself",
        Method::Lime => "coefficients of a linear model of the answer near each row",
    };
    let sort = if explained.method == Method::Lime { "LIME" } else { "SHAP values" };
    text += &fidelity(explained);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "What '{}' goes by, over {} rows ({sort}, {how}; in units of the {}):\n",
        explained.target,
        explained.rows.len(),
        explained.units
    );
    let most = explained.importance.first().copied().unwrap_or(0.0);
    let wide = explained.columns.iter().map(|c| c.chars().count()).max().unwrap_or(0).min(32);
    // Where no local model is faithful, a picture of them would mislead.
    let misleads =
        |row: &ExplainedRow| !row.local.is_empty() && row.local.iter().all(LocalFit::is_unfaithful);
    let shown = if explained.rows.iter().all(misleads) { 0 } else { 2 * SHOWN };
    for (name, value) in explained.columns.iter().zip(&explained.importance).take(shown) {
        let name: String = name.chars().take(32).collect();
        let _ = writeln!(text, "  {name:wide$}  {:>10}  {}", short(*value), bar(*value, most));
    }
    for row in explained.rows.iter().take(ROWS) {
        text += &of_row(explained, row);
    }
    if explained.rows.len() > ROWS {
        let _ = writeln!(text, "\nand {} rows more; -o FILE writes all of them", explained.rows.len() - ROWS);
    }
    text
}

/// One row: what it says in each column, and what that adds.
fn of_row(explained: &Explained, row: &ExplainedRow) -> String {
    let key = row.key.as_ref().map(|key| format!(" ({})", cell_text(key))).unwrap_or_default();
    let mut text = format!("\nRow {}{key}: {} = {}\n", row.row, explained.target, cell_text(&row.prediction));
    // Of many classes, the one that was predicted.
    let said = cell_text(&row.prediction);
    let output = explained.outputs.iter().position(|name| *name == said).unwrap_or(0);
    if let Some(fit) = row.local.get(output) {
        text += &of_local(row, output, fit);
        if fit.is_unfaithful() {
            return text;
        }
    }
    text += &main_reasons(explained, row, output);
    let values = &row.values[output];
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()).then(a.cmp(b)));
    let shown: Vec<usize> = order.iter().copied().take(SHOWN).filter(|at| values[*at] != 0.0).collect();
    let name = |at: usize| {
        let cell: String = cell_text(&row.cells[at]).chars().take(24).collect();
        match row.ranges.get(at).copied().flatten() {
            Some([low, high]) => format!("{} {}", explained.columns[at], stretch(low, high)),
            None => format!("{} = {cell}", explained.columns[at]),
        }
    };
    // Where values are sampled, what chance may have done to them.
    let off = |at: usize| {
        let error = row.errors.get(output).map_or(0.0, |errors| errors[at]);
        if error > 0.0 { format!(" ± {}", short(error)) } else { String::new() }
    };
    let rest: f64 = order.iter().skip(shown.len()).map(|at| values[*at]).sum();
    let wide = shown.iter().map(|at| name(*at).chars().count()).max().unwrap_or(0).max(12);
    let most = shown.iter().map(|at| values[*at].abs()).fold(0.0, f64::max);
    let mut line = |name: &str, value: f64, off: &str| {
        let sign = if value < 0.0 { "-" } else { "+" };
        let number = format!("{}{off}", short(value.abs()));
        let _ = writeln!(text, "  {name:wide$}  {sign}{number:<10} {}", bar(value.abs(), most));
    };
    shown.iter().for_each(|at| line(&name(*at), values[*at], &off(*at)));
    if rest != 0.0 {
        line("all others", rest, "");
    }
    let (base, total) = (explained.base[output], row.totals[output]);
    let (word, base) = row.local.get(output).map_or(("usually", base), |fit| ("elsewhere", fit.intercept));
    let _ = writeln!(text, "  {word:wide$}  {} + the above = {}", short(base), short(total));
    text
}

/// How faithful the local models of LIME are, before anything is read off them.
fn fidelity(explained: &Explained) -> String {
    let fits = || explained.rows.iter().flat_map(|row| &row.local);
    let n = fits().count();
    if n == 0 {
        return String::new();
    }
    let unfaithful = fits().filter(|fit| fit.is_unfaithful()).count();
    let least = fits().map(|fit| fit.r2).fold(f64::INFINITY, f64::min);
    let warning = match unfaithful {
        0 => String::new(),
        _ => format!(
            "\nWARNING: {unfaithful} of {n} are below {}: a straight line says little of this model there. Do not go by their \
             coefficients; use a SHAP method, or another --kernel-width.",
            LocalFit::FAITHFUL
        ),
    };
    format!("Fidelity of the local models (weighted R2): {} at least.{warning}\n\n", short(least))
}

/// How well the local model of a row does, in a sentence or two.
fn of_local(row: &ExplainedRow, output: usize, fit: &LocalFit) -> String {
    let (r2, said, answer) = (short(fit.r2), short(fit.local_answer), short(fit.answer));
    if fit.is_unfaithful() {
        return format!(
            "WARNING: not faithful. Its linear model explains {r2} of the variance near the row, so nothing is shown (-o FILE and \
             --json hold it).\n"
        );
    }
    let unsteady = if row.is_unsteady(output) {
        "WARNING: not steady. From run to run the greatest coefficient changes by more than half of it; more --samples help.\n"
    } else {
        ""
    };
    format!(
        "The linear model explains {r2} of the variance near the row; it says {said}, the model {answer}.\n{unsteady}"
    )
}

/// A stretch of numbers in words.
fn stretch(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("above {} up to {}", short(low), short(high)),
        (Some(low), None) => format!("above {}", short(low)),
        (None, Some(high)) => format!("up to {}", short(high)),
        (None, None) => "known".into(),
    }
}

/// What raises and what lowers it most, in one sentence.
pub(crate) fn main_reasons(explained: &Explained, row: &ExplainedRow, output: usize) -> String {
    let values = row.values[output].iter().enumerate();
    let most = |sign: f64| {
        let signed = values.clone().filter(|(_, v)| **v * sign > 0.0);
        signed
            .max_by(|a, b| (a.1 * sign).total_cmp(&(b.1 * sign)))
            .map(|(at, _)| format!("'{}' = {}", explained.columns[at], cell_text(&row.cells[at])))
    };
    let about = if explained.outputs.len() > 1 || explained.outputs[0] != explained.target {
        format!("'{}'", explained.outputs[output])
    } else {
        "it".into()
    };
    match (most(1.0), most(-1.0)) {
        (Some(up), Some(down)) => format!("{up} raises {about} most, {down} lowers it most.\n"),
        (Some(up), None) => format!("{up} raises {about} most; nothing lowers it.\n"),
        (None, Some(down)) => format!("{down} lowers {about} most; nothing raises it.\n"),
        (None, None) => "No column changes what is usual.\n".into(),
    }
}

/// A cell or an answer as people read it.
pub(crate) fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => "missing".into(),
        Value::String(text) => text.clone(),
        Value::Number(x) if x.is_f64() => x.as_f64().map(short).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn bar(value: f64, most: f64) -> String {
    if most > 0.0 { "#".repeat((BAR * value / most).round() as usize) } else { String::new() }
}
