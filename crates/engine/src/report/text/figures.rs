//! The table of metrics in any language. In English, it equals the output of [`Report`].

use tidemill_core::recipe::Task;
use tidemill_eval::{Confusion, Line, Report};
use tidemill_report::words::{Words, counted, fill};

use super::align::{left, right, width};
use crate::format::cut;

/// Up to so many classes the confusion matrix is shown.
const CLASSES: usize = 12;

/// The table, its lines ended.
pub fn story(words: &Words, report: &Report) -> String {
    let said = &words.story;
    let mut text = counted([said.figures_row, said.figures_rows], report.n_rows);
    if report.weight != report.n_rows as f64 {
        text += &fill(said.figures_weight, &[("weight", &figure(report.weight))]);
    }
    text += &report.positive.iter().map(|c| fill(said.figures_positive, &[("class", c)])).collect::<String>();
    text += "\n\n";
    for line in report.lines.iter().filter(|line| is_shown(report, line)) {
        let title = words.metric(line.name, line.title);
        text += &format!("  {} {:>12}\n", left(title, 40), figure(line.value));
    }
    if !report.classes.is_empty() {
        text += &classes(words, report);
    }
    if let Some(confusion) = &report.confusion {
        text += &matrix(words, confusion);
    }
    for warning in &report.warnings {
        text += &format!(
            "\n{}",
            fill(said.warning, &[("message", &words.told(&warning.code, &warning.message))])
        );
    }
    if report.warnings.is_empty() { text } else { text + "\n" }
}

/// Of two classes the averages over classes say little that the positive class does not.
fn is_shown(report: &Report, line: &Line) -> bool {
    let averages = ["_macro", "_micro", "_weighted"];
    report.task != Task::Binary || !averages.iter().any(|end| line.name.ends_with(end))
}

fn classes(words: &Words, report: &Report) -> String {
    let line = |name: &str, cells: [&str; 4]| {
        let cells: String = cells.iter().map(|cell| format!(" {}", right(cell, 10))).collect();
        format!("  {}{cells}\n", left(name, 22))
    };
    let head = [words.precision, words.recall, words.f1, words.story.figures_support];
    let mut text = format!("\n{}", line(words.class, head));
    for class in &report.classes {
        let [precision, recall, f1] = [class.precision, class.recall, class.f1].map(figure);
        text += &line(&cut(&class.name, 22), [&precision, &recall, &f1, &count(class.support)]);
    }
    text
}

fn matrix(words: &Words, confusion: &Confusion) -> String {
    let said = &words.story;
    let k = confusion.classes.len();
    if k == 0 {
        return String::new();
    }
    if k > CLASSES {
        return format!("\n{}\n", fill(said.figures_many, &[("n", &k)]));
    }
    let cells = confusion.counts.iter().flatten().map(|&c| count(c));
    let names = confusion.classes.iter().map(|n| cut(n, 12));
    let wide = cells.chain(names).map(|cell| width(&cell)).max().unwrap_or(0).max(5);
    let line = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!(" {}", right(cell, wide))).collect();
        format!("  {}{cells}\n", left(name, 22))
    };
    let mut text = format!("\n  {} {}\n", left(said.figures_true, 22), said.figures_predicted);
    text += &line("", confusion.classes.iter().map(|n| cut(n, 12)).collect());
    for (name, row) in confusion.classes.iter().zip(&confusion.counts) {
        text += &line(&cut(name, 22), row.iter().map(|&c| count(c)).collect());
    }
    text
}

/// A figure with four digits that matter at least, or a dash.
fn figure(x: f64) -> String {
    match x.abs() {
        _ if x.is_nan() => "-".into(),
        0.0 => "0.0000".into(),
        a if (1e-3..1e6).contains(&a) => format!("{x:.4}"),
        _ => format!("{x:.3e}"),
    }
}

/// A weight: whole numbers without decimals.
fn count(x: f64) -> String {
    if x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x:.2}") }
}

#[cfg(test)]
mod tests {
    use tidemill_eval::Answers;
    use tidemill_report::words::{EN, ZH};

    use super::story;

    #[test]
    fn in_english_it_is_what_the_report_prints() {
        let labels = |n: usize| (0..n).map(|i| format!("c{i}")).collect::<Vec<_>>();
        for (n, k) in [(1, 2), (40, 2), (40, 3), (60, 20)] {
            let codes = |by: usize| (0..n).map(|i| ((i * by) % k) as u32).collect::<Vec<u32>>();
            let names = labels(k);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let answers = Answers::classes(codes(1), codes(3), &names).unwrap();
            let report = tidemill_eval::report(&answers);
            assert_eq!(story(&EN, &report), report.to_string(), "{n} rows of {k} classes");
        }
        let numbers = |by: f64| (0..9).map(|i| f64::from(i) * by).collect::<Vec<_>>();
        let answers = Answers::numbers(numbers(1.0), numbers(1.1)).unwrap();
        let report = tidemill_eval::report(&answers);
        assert_eq!(story(&EN, &report), report.to_string());
        let chinese = story(&ZH, &report);
        assert!(chinese.starts_with("9 个样本\n") && chinese.contains("均方根误差"), "{chinese}");
    }
}
