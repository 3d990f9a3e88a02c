//! A surrogate tree as text for people: a line for each leaf.

use std::fmt::Display;

use tidemill_report::words::{Words, fill};

use super::counterfactual::listed;
use crate::explain::{Condition, Surrogate, SurrogateLeaf, Test};
use crate::format::{percent, short};

/// How faithful it is, then its leaves.
pub fn story(words: &Words, found: &Surrogate) -> String {
    let said = &words.insight;
    let mut text = head(words, found) + "\n";
    if !found.is_faithful() {
        text += &(said.surrogate_unfaithful.to_string() + "\n");
    }
    text.push('\n');
    for [answer, share, conditions] in leaves(words, found) {
        let values: [(&str, &dyn Display); 3] =
            [("answer", &answer), ("share", &share), ("conditions", &conditions)];
        text += &format!("  {}\n", fill(said.surrogate_leaf, &values));
    }
    if !found.passed_over.is_empty() {
        let columns = listed(words, found.passed_over.clone());
        text += &format!("\n{}\n", fill(said.passed_over, &[("columns", &columns)]));
    }
    text
}

/// What it is and how faithful.
pub(crate) fn head(words: &Words, found: &Surrogate) -> String {
    let said = &words.insight;
    let template = if found.units == "probability" { said.of_class } else { said.of_number };
    let what = fill(template, &[("of", &found.of)]);
    let fidelity = percent(found.fidelity.max(0.0));
    let values: [(&str, &dyn Display); 4] =
        [("what", &what), ("fidelity", &fidelity), ("asked", &found.n_asked), ("rows", &found.n_rows)];
    fill(said.surrogate, &values)
}

/// Answer, share of the rows and conditions of each leaf, the greatest answers first.
pub(crate) fn leaves(words: &Words, found: &Surrogate) -> Vec<[String; 3]> {
    let said = &words.insight;
    let mut leaves: Vec<_> = found.leaves.iter().collect();
    leaves.sort_by(|a, b| b.answer.total_cmp(&a.answer));
    let of_leaf = |leaf: &SurrogateLeaf| {
        let all: Vec<String> = leaf.conditions.iter().map(|one| condition(words, one)).collect();
        let all = if all.is_empty() { said.surrogate_all.into() } else { all.join(said.surrogate_and) };
        [short(leaf.answer), percent(leaf.share), all]
    };
    leaves.into_iter().map(of_leaf).collect()
}

fn condition(words: &Words, asked: &Condition) -> String {
    let said = &words.insight;
    let (template, value) = match &asked.test {
        Test::UpTo(most) => (said.surrogate_up_to, short(*most)),
        Test::Above(least) => (said.surrogate_above, short(*least)),
        Test::OneOf(names) => (said.surrogate_one_of, listed(words, names.clone())),
    };
    let text = fill(template, &[("column", &asked.column), ("value", &value)]);
    if asked.or_missing { fill(said.surrogate_missing, &[("condition", &text)]) } else { text }
}
