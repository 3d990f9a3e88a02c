//! What synthetic rows are like, what they are good for and what they give away, as text for people.

use std::fmt::Display;

use tidemill_report::number::{percent, short};
use tidemill_report::words::{Words, fill};

use super::align;
use crate::facts::{PairFacts, PairLikeness, Privacy, SynthesizedFacts, Usefulness};

/// Pairs that are told.
const PAIRS: usize = 3;
/// How often of all pairs a new row may be closer than a held-out one before it is said.
const CLOSER: f64 = 0.6;
/// How many more copies there may be among new rows than among held-out ones.
const COPIES: f64 = 0.01;

/// The whole of it: the rows, their fidelity, their use, and what they give away.
pub fn story(words: &Words, facts: &SynthesizedFacts) -> String {
    let said = &words.story;
    let values: [(&str, &dyn Display); 4] = [
        ("made", &facts.made),
        ("learned", &facts.learned),
        ("source", &facts.source),
        ("held", &facts.held_out),
    ];
    let mut lines = vec![fill(said.synth_made, &values)];
    let left = facts.left_out.iter();
    lines.extend(
        left.map(|left| fill(said.prepared_left_out, &[("column", &left.column), ("why", &left.why)])),
    );
    lines.extend([String::new(), said.synth_columns.into(), columns(words, facts)]);
    lines.extend(pairs(words, &facts.pairs));
    lines.push(told(words, facts));
    lines.push(match &facts.use_of {
        Some(usefulness) => use_of(words, usefulness),
        None => said.synth_no_use.into(),
    });
    lines.extend(privacy(words, &facts.privacy));
    let out = facts.out.iter().filter(|out| *out != "-");
    lines.extend(out.map(|out| format!("\n{}", fill(said.written_file, &[("file", out)]))));
    lines.join("\n") + "\n"
}

fn columns(words: &Words, facts: &SynthesizedFacts) -> String {
    let said = &words.story;
    let head = [
        said.synth_column,
        said.synth_measure,
        said.synth_apart,
        said.synth_missing_real,
        said.synth_missing_made,
    ];
    let mut rows = vec![head.map(String::from)];
    for column in &facts.columns {
        let missing = column.missing.map(|share| if share > 0.0 { percent(share) } else { String::new() });
        let [real, made] = missing;
        let name = column.name.chars().take(32).collect();
        rows.push([name, measure(words, column.measure).into(), short(column.apart), real, made]);
    }
    align::table(&rows, [false, false, true, true, true])
}

fn pairs(words: &Words, pairs: &PairLikeness) -> Vec<String> {
    let Some(mean) = pairs.mean else { return Vec::new() };
    let mut lines = vec![fill(words.story.synth_pairs, &[("n", &pairs.n), ("mean", &short(mean))])];
    lines.extend(pairs.most.iter().take(PAIRS).map(|pair| told_pair(words, pair)));
    lines
}

fn told_pair(words: &Words, pair: &PairFacts) -> String {
    let [a, b] = &pair.columns;
    let values: [(&str, &dyn Display); 5] = [
        ("a", a),
        ("b", b),
        ("measure", &measure(words, pair.measure)),
        ("real", &short(pair.real)),
        ("made", &short(pair.made)),
    ];
    fill(words.story.synth_pair, &values)
}

/// The name for people of a measure.
pub(crate) fn measure<'a>(words: &'a Words, measure: &'a str) -> &'a str {
    match measure {
        "ks" => words.story.synth_ks,
        "tvd" => words.story.synth_tvd,
        "pearson" => words.audit_pearson,
        "cramers_v" => words.audit_cramers_v,
        "correlation_ratio" => words.audit_correlation_ratio,
        other => other,
    }
}

fn told(words: &Words, facts: &SynthesizedFacts) -> String {
    match &facts.told {
        Some(told) => {
            let values: [(&str, &dyn Display); 2] =
                [("learner", &told.learner), ("auc", &short(told.roc_auc))];
            fill(words.story.synth_told, &values)
        }
        None => words.story.synth_not_told.into(),
    }
}

/// A figure that there may be.
pub(crate) fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), short)
}

fn use_of(words: &Words, found: &Usefulness) -> String {
    let title = words.metric(found.metric, found.title);
    let values: [(&str, &dyn Display); 7] = [
        ("target", &found.target),
        ("learner", &found.learner),
        ("metric", &title),
        ("made", &figure(found.made)),
        ("real", &figure(found.real)),
        ("baseline", &figure(found.baseline)),
        ("rows", &found.rows),
    ];
    fill(words.story.synth_use, &values)
}

fn privacy(words: &Words, privacy: &Privacy) -> Vec<String> {
    let said = &words.story;
    let values: [(&str, &dyn Display); 2] =
        [("copies", &percent(privacy.copies)), ("held", &percent(privacy.copies_held_out))];
    let copies = fill(said.synth_copies, &values);
    let values: [(&str, &dyn Display); 3] = [
        ("made", &short(privacy.nearest[1])),
        ("held", &short(privacy.nearest_held_out[1])),
        ("closer", &percent(privacy.closer)),
    ];
    let verdict = if is_close(privacy) { said.synth_close } else { said.synth_no_proof };
    vec![copies, fill(said.synth_near, &values), verdict.into()]
}

/// Whether new rows come nearer to real ones than chance would bring them.
pub(crate) fn is_close(privacy: &Privacy) -> bool {
    privacy.closer > CLOSER || privacy.copies > privacy.copies_held_out + COPIES
}
