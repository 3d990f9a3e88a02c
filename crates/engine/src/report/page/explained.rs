//! Pages of explanations: of rows, counterfactuals, effects.

use tidemill_report::{Report, Section, Text};

use super::{
    Words, coefficients as of_linear, counterfactual, explanation, file_name, fill, name, plain,
    surrogate as small_tree, teachers as taught,
};
use crate::explain::{Coefficients, Counterfactuals, Effects, Explained, Surrogate, Teachers};

/// The page about what each column adds to the answers to rows, in the language of these words; `source` is where the rows are from.
pub fn explained(words: &'static Words, found: &Explained, source: &str) -> String {
    page(words, &found.target, source, vec![explanation::section(words, found)])
}

/// The page about what would have to be otherwise for other answers.
pub fn counterfactuals(words: &'static Words, found: &Counterfactuals, source: &str) -> String {
    page(words, &found.target, source, vec![counterfactual::section(words, found)])
}

/// The page about how answers go along with columns.
pub fn effects(words: &'static Words, found: &Effects, source: &str) -> String {
    page(words, &found.target, source, super::effects::sections(words, found))
}

/// The page about the coefficients of a linear model.
pub fn coefficients(words: &'static Words, found: &Coefficients, source: &str) -> String {
    page(words, &found.target, source, vec![of_linear::section(words, found)])
}

/// The page about a small tree that says nearly what the model says.
pub fn surrogate(words: &'static Words, found: &Surrogate, source: &str) -> String {
    page(words, &found.target, source, vec![small_tree::section(words, found)])
}

/// The page about the training rows behind answers.
pub fn teachers(words: &'static Words, found: &Teachers, source: &str) -> String {
    page(words, &found.target, source, vec![taught::section(words, found)])
}

fn page(words: &'static Words, target: &str, source: &str, sections: Vec<Section>) -> String {
    let mut page = Report::new(words, fill(words.predicting, &[("target", name(target))]));
    page.kicker = Text::plain(format!("Tidemill · {}", words.insight.kicker));
    page.lead = fill(words.insight.lead, &[("source", name(file_name(words, source)))]);
    page.foot = fill(words.foot, &[("version", plain(env!("CARGO_PKG_VERSION")))]);
    sections.into_iter().fold(page, Report::with).html()
}
