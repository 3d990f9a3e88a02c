//! Answers: JSON, CSV or XML, written straight into the body.

mod csv;
mod json;
mod xml;

use axum::http::HeaderValue;
use tidemill_data::Flaw;
use tidemill_engine::serve::serving::{Answer, Prediction};
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
    /// Columns that came and that the model does not know.
    pub unknown: &'a [String],
}

/// The body of an answer, and what it is.
pub fn write(answered: &Answered<'_>, format: Format) -> (Vec<u8>, HeaderValue) {
    let (body, media) = match format {
        Format::Json => (json::write(answered), "application/json"),
        Format::Csv => (csv::write(answered), "text/csv; charset=utf-8"),
        Format::Xml => (xml::write(answered), "application/xml"),
    };
    (body, HeaderValue::from_static(media))
}

/// A prediction as people read it: the class, or the number; empty for none.
fn shown(prediction: Prediction, version: &Version) -> String {
    match prediction {
        Prediction::Number(x) if x.is_finite() => x.to_string(),
        Prediction::Number(_) => String::new(),
        Prediction::Class(code) => version.serving.classes.get(code as usize).cloned().unwrap_or_default(),
    }
}

/// A number as JSON; `null` for what JSON has no word for.
pub(crate) fn number(out: &mut Vec<u8>, x: f64) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, &x);
}

/// A prediction as JSON.
pub(crate) fn prediction(out: &mut Vec<u8>, prediction: Prediction, class_texts: &[String]) {
    match prediction {
        Prediction::Number(x) => number(out, x),
        Prediction::Class(code) => {
            out.extend_from_slice(class_texts.get(code as usize).map_or("null", String::as_str).as_bytes());
        }
    }
}

/// What is said about a row that is odd: a code, the column, a sentence without the value.
pub(crate) fn warning(flaw: &Flaw) -> (&'static str, &str, String) {
    match flaw {
        Flaw::Unreadable { column, wanted, .. } => {
            ("wrong_type", column, format!("the value is no {}", wanted.word()))
        }
        Flaw::Unseen { column, .. } => {
            ("unseen_category", column, "training never saw this value; the model knows nothing of it".into())
        }
        Flaw::Outside { column, range: [least, greatest], .. } => (
            "outside_training_range",
            column,
            format!("in training the values lay between {least} and {greatest}"),
        ),
    }
}
