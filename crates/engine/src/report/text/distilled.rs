//! A student and its teacher, as text for people.

use std::fmt::Display;

use tidemill_report::number::{percent, short};
use tidemill_report::words::{EN, Words, fill};

use super::costs::costs;
use crate::facts::{Change, DistilledFacts};

/// What was made, how much the answers change, and what both cost.
pub fn story(words: &Words, facts: &DistilledFacts) -> String {
    let said = &words.story;
    let mut lines = told(words, facts);
    lines.push(String::new());
    lines.push(costs(words, [said.distill_cost_teacher, said.distill_cost_student], &facts.cost));
    lines.push(fill(said.written_file, &[("file", &facts.model.display())]));
    lines.join("\n") + "\n"
}

/// What was made and how much the answers change.
fn told(words: &Words, facts: &DistilledFacts) -> Vec<String> {
    let said = &words.story;
    let rows = match facts.change {
        Change::Classes { rows, .. } | Change::Numbers { rows, .. } => rows,
    };
    let values: [(&str, &dyn Display); 6] = [
        ("learner", &facts.learner.kind),
        ("teacher", &facts.teacher),
        ("target", &facts.target),
        ("learned", &facts.learned),
        ("source", &facts.source),
        ("rows", &rows),
    ];
    let mut lines = vec![fill(said.distill_made, &values), changed(words, &facts.change)];
    if let Some(truth) = &facts.truth {
        let figure = |value: Option<f64>| value.map_or_else(|| "–".into(), short);
        let title = words.metric(truth.metric, truth.title);
        let values: [(&str, &dyn Display); 4] = [
            ("rows", &truth.rows),
            ("metric", &title),
            ("teacher", &figure(truth.teacher)),
            ("student", &figure(truth.student)),
        ];
        lines.push(fill(said.distill_truth, &values));
    }
    lines
}

fn changed(words: &Words, change: &Change) -> String {
    match change {
        Change::Classes { agreement, divergence, .. } => {
            let values: [(&str, &dyn Display); 2] =
                [("agreement", &percent(*agreement)), ("divergence", &short(*divergence))];
            fill(words.story.distill_classes, &values)
        }
        Change::Numbers { rmse, r2, .. } => {
            let values: [(&str, &dyn Display); 2] = [("rmse", &short(*rmse)), ("r2", &percent(*r2))];
            fill(words.story.distill_numbers, &values)
        }
    }
}

/// The card of a student: what it is, and how far it is from its teacher. English, and without times, which differ from run to run.
pub fn card(facts: &DistilledFacts, teacher: &str) -> String {
    let told = told(&EN, facts);
    let of = facts.teacher_learner.as_ref().map(|spec| format!(" (`{}`)", spec.kind)).unwrap_or_default();
    format!(
        "# Model for `{}`\n\nA student: it learned what another model says, not what is true.\n\n## How good it is\n\n{}\n\n\
         ## How it was made\n\nDistilled from `{}`{of}, model `{teacher}`, by a student of part of the rows; the one in this file \
         learned from all of them.\n",
        facts.target,
        told[1..].join("\n\n"),
        facts.teacher.rsplit(['/', '\\']).next().unwrap_or(&facts.teacher),
    )
}
