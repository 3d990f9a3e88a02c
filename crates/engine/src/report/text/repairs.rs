//! The repairs that `train` tried, as text.

use std::fmt::Display;

use tidemill_core::recipe::Repair;
use tidemill_report::words::{Words, fill};

use crate::facts::Outcome;
use crate::format::short;

/// What each repair does, in English.
const DONE: [(&str, &str); 10] = [
    ("merge_spellings", "spellings of one name are merged"),
    ("clip_outliers", "numbers far out are brought to the nearest bound"),
    ("outliers_missing", "numbers far out are taken for missing"),
    ("impute_iterative", "missing numbers are predicted from the other columns"),
    ("power", "skewed columns are made more like a normal distribution"),
    ("class_weights", "all classes weigh alike in training"),
    ("smote", "rare classes get more rows to learn from (SMOTE)"),
    ("labels", "rows of doubtful label are left out of training"),
    ("together", "all of them at once"),
    ("augment", "synthetic rows are added to those that are learned from"),
];

/// A sentence for each repair that was kept, and one for all that were not.
pub(crate) fn repairs(words: &Words, o: &Outcome) -> Vec<String> {
    let said = &words.story;
    let mut lines: Vec<String> =
        o.repairs.iter().filter(|r| r.kept).map(|repair| kept(words, repair, &o.metric)).collect();
    let refused: Vec<String> = o.repairs.iter().filter(|r| !r.kept).map(|r| done(words, r)).collect();
    if !refused.is_empty() {
        lines.push(fill(said.repairs_refused, &[("list", &refused.join(words.list))]));
    }
    lines
}

/// How likely a difference is by chance.
pub(super) fn p_said(p_value: f64) -> String {
    match p_value {
        ..0.001 => "p < 0.001".to_string(),
        p => format!("p = {p:.3}"),
    }
}

fn kept(words: &Words, repair: &Repair, metric: &str) -> String {
    let p = p_said(repair.p_value);
    let values: [(&str, &dyn Display); 6] = [
        ("what", &done(words, repair)),
        ("why", &repair.why),
        ("metric", &metric),
        ("by", &short(repair.better_by)),
        ("learner", &repair.learner),
        ("p", &p),
    ];
    fill(words.story.repair_kept, &values)
}

/// What it does, and to which columns.
fn done(words: &Words, repair: &Repair) -> String {
    let english = DONE.iter().find(|(kind, _)| *kind == repair.kind).map_or(&*repair.kind, |(_, text)| *text);
    let what = words.term(&format!("repair.{}", repair.kind), english);
    match repair.columns.as_slice() {
        [] => what.to_string(),
        columns => {
            let columns = columns.join(words.list);
            fill(words.story.repair_columns, &[("what", &what), ("columns", &columns)])
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_report::words::{EN, ZH};

    use super::DONE;

    #[test]
    fn every_repair_has_words_of_its_own_in_every_language() {
        for (kind, english) in DONE {
            let code = format!("repair.{kind}");
            assert_ne!(ZH.term(&code, english), english, "{kind}");
            assert_eq!(EN.term(&code, english), english, "{kind}");
        }
    }
}
