//! Answers: JSON, JSON lines, CSV, TSV or XML, written straight into the body.

mod csv;
mod explanation;
mod json;
mod xml;

use axum::http::HeaderValue;
use tidemill_engine::explain::Explained;
use tidemill_engine::serve::serving::{Answer, NOT_FINITE, Prediction, Serving};
use uuid::Uuid;

pub use xml::XSD;

use crate::live::Version;
use crate::rows::Format;

/// Everything an answer says.
pub struct Answered<'a> {
    /// Who answered.
    pub version: &'a Version,
    /// The answer of each row.
    pub answers: &'a [Answer],
    /// The name of each row's prediction.
    pub ids: &'a [Uuid],
    /// Why each answer is what it is, where that was asked.
    pub explained: Option<&'a Explained>,
    /// Columns that came and that the model does not know.
    pub unknown: &'a [String],
}

/// The body of an answer, and what it is.
pub fn write(answered: &Answered<'_>, format: Format) -> (Vec<u8>, HeaderValue) {
    let (body, media) = match format {
        Format::Json => (json::write(answered), "application/json"),
        Format::JsonLines => (json::write_lines(answered), "application/x-ndjson"),
        Format::Csv => (csv::write(answered, b','), "text/csv; charset=utf-8"),
        Format::Tsv => (csv::write(answered, b'\t'), "text/tab-separated-values; charset=utf-8"),
        Format::Xml => (xml::write(answered), "application/xml"),
    };
    (body, HeaderValue::from_static(media))
}

/// A prediction as people read it: the class, or the number; empty for none.
fn shown(prediction: Prediction, serving: &Serving) -> String {
    match prediction {
        Prediction::Number(x) if x.is_finite() => x.to_string(),
        Prediction::Number(_) => String::new(),
        Prediction::Class(code) => serving.classes.get(code as usize).cloned().unwrap_or_default(),
    }
}

/// What is said of each target, with the name of the target where there are several.
fn of_each<'a>(
    answer: &'a Answer,
    serving: &'a Serving,
) -> impl Iterator<Item = (Option<&'a str>, &'a Answer, &'a Serving)> {
    let one = serving.parts.is_empty().then_some((None, answer, serving));
    let parts = serving.parts.iter().zip(&answer.parts);
    one.into_iter().chain(parts.map(|(part, said)| (Some(part.serving.target()), said, &part.serving)))
}

/// Whether there is anything odd to say about a row.
pub(crate) fn is_odd(answer: &Answer) -> bool {
    !answer.flaws.is_empty() || answer.is_not_finite()
}

/// What is odd about a row: a code, the column where it is about one, a sentence without the value.
pub(crate) fn warnings(answer: &Answer) -> impl Iterator<Item = (&'static str, Option<&str>, String)> {
    let flaws = answer.flaws.iter().map(|flaw| (flaw.code(), Some(flaw.column()), flaw.message()));
    let not_finite =
        answer.is_not_finite().then(|| (NOT_FINITE, None, "the answer is not a finite number".into()));
    flaws.chain(not_finite)
}
