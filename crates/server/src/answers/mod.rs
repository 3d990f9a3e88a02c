//! Answers: JSON, JSON lines, CSV, TSV or XML, written straight into the body.

mod csv;
mod explanation;
mod json;
mod xml;

use axum::http::HeaderValue;
use tidemill_engine::explain::Explained;
use tidemill_engine::serve::record::mask_png;
use tidemill_engine::serve::serving::{Answer, NOT_FINITE, Prediction, Serving};
use uuid::Uuid;

pub use xml::XSD;

use crate::fault::ApiError;
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

/// The code of the warning about a column that the model does not know. CSV, TSV and JSON lines have no place for what is not about a
/// row, so they give it with the first row.
const UNKNOWN_COLUMN: &str = "unknown_column";

/// How a mask is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaskForm {
    /// A grey PNG, in base64.
    #[default]
    Png,
    /// Its runs.
    Runs,
}

impl MaskForm {
    /// What the address asks for: `?mask=rle`.
    ///
    /// # Errors
    /// 400 for another word.
    pub fn of(word: &str) -> Result<Self, ApiError> {
        match word {
            "png" => Ok(MaskForm::Png),
            "rle" => Ok(MaskForm::Runs),
            _ => Err(ApiError::bad("unknown_mask_form", "'mask' names no form of masks")
                .help("ask for 'png' or 'rle'")),
        }
    }

    /// A mask as text, from its runs.
    fn text(self, runs: &str) -> String {
        match self {
            MaskForm::Runs => runs.to_string(),
            MaskForm::Png => mask_png(runs),
        }
    }
}

/// The body of an answer, and what it is.
pub fn write(answered: &Answered<'_>, format: Format, masks: MaskForm) -> (Vec<u8>, HeaderValue) {
    let (body, media) = match format {
        Format::Json => (json::write(answered, masks), "application/json"),
        Format::JsonLines => (json::write_lines(answered, masks), "application/x-ndjson"),
        Format::Csv => (csv::write(answered, b',', masks), "text/csv; charset=utf-8"),
        Format::Tsv => (csv::write(answered, b'\t', masks), "text/tab-separated-values; charset=utf-8"),
        Format::Xml => (xml::write(answered, masks), "application/xml"),
    };
    (body, HeaderValue::from_static(media))
}

/// A prediction as people read it: the class, the number or the mask; empty for none.
fn shown(said: &Answer, serving: &Serving, masks: MaskForm) -> String {
    match said.prediction {
        Prediction::Mask => masks.text(said.mask.as_deref().unwrap_or_default()),
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
