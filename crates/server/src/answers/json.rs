//! The answer as JSON, and as JSON lines.

use tidemill_engine::serve::record::{RecordedTarget, write_each, write_number};
use tidemill_engine::serve::serving::Answer;

use super::explanation::Explanation;
use super::{Answered, MaskForm, UNKNOWN_COLUMN, is_odd, warnings};

pub(super) fn write(answered: &Answered<'_>, masks: MaskForm) -> Vec<u8> {
    let version = answered.version;
    let recorder = &version.model.recorder;
    let class_texts = recorder.class_texts();
    let mut out = Vec::with_capacity(128 + answered.answers.len() * (96 + 32 * class_texts.len()));
    out.extend_from_slice(b"{\"model\":");
    text(&mut out, &version.serving().name);
    out.extend_from_slice(b",\"version\":\"");
    out.extend_from_slice(version.short().as_bytes());
    out.extend_from_slice(b"\",\"predictions\":[");
    for i in 0..answered.answers.len() {
        if i > 0 {
            out.push(b',');
        }
        one(&mut out, answered, i, masks, &[]);
    }
    out.push(b']');
    if !answered.unknown.is_empty() {
        out.extend_from_slice(b",\"warnings\":[");
        unknown_columns(&mut out, answered.unknown);
        out.push(b']');
    }
    out.push(b'}');
    out
}

/// The columns that the model does not know, each as a warning.
fn unknown_columns(out: &mut Vec<u8>, names: &[String]) {
    for (i, column) in names.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        said(out, UNKNOWN_COLUMN, Some(column), "the model has no such column; it was ignored");
    }
}

/// An object per line and row. Columns that the model does not know are named once, among the warnings of the first row.
pub(super) fn write_lines(answered: &Answered<'_>, masks: MaskForm) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 * answered.answers.len());
    for i in 0..answered.answers.len() {
        let unknown = if i == 0 { answered.unknown } else { &[] };
        one(&mut out, answered, i, masks, unknown);
        out.push(b'\n');
    }
    out
}

/// The answer of a row. Its warnings begin with these unknown columns.
fn one(out: &mut Vec<u8>, answered: &Answered<'_>, i: usize, masks: MaskForm, unknown: &[String]) {
    let (Some(answer), Some(id)) = (answered.answers.get(i), answered.ids.get(i)) else { return };
    let recorder = &answered.version.model.recorder;
    out.extend_from_slice(b"{\"prediction_id\":\"");
    out.extend_from_slice(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes());
    out.extend_from_slice(b"\",\"prediction\":");
    match (&answer.mask, masks) {
        (Some(runs), MaskForm::Png) => text(out, &masks.text(runs)),
        _ => recorder.write_prediction(out, answer),
    }
    if !answer.probabilities.is_empty() {
        out.extend_from_slice(b",\"probabilities\":");
        by_class(out, recorder.class_texts(), &answer.probabilities);
    }
    if let Some(propensity) = answer.propensity() {
        out.extend_from_slice(b",\"propensity\":");
        write_number(out, propensity);
        out.extend_from_slice(b",\"expected_rewards\":");
        by_class(out, recorder.class_texts(), &answer.expected_rewards);
    }
    let of_classes = |(_, answer): &(&RecordedTarget, &Answer)| !answer.probabilities.is_empty();
    if recorder.parts().iter().zip(&answer.parts).any(|pair| of_classes(&pair)) {
        out.extend_from_slice(b",\"probabilities\":");
        let said = recorder.parts().iter().zip(&answer.parts).filter(of_classes);
        write_each(out, said, |out, part, answer| by_class(out, &part.class_texts, &answer.probabilities));
    }
    if let Some(explanation) = Explanation::of(answered, i) {
        explained(out, &explanation);
    }
    if is_odd(answer) || !unknown.is_empty() {
        out.extend_from_slice(b",\"warnings\":[");
        unknown_columns(out, unknown);
        for (w, (code, column, message)) in warnings(answer).enumerate() {
            if w > 0 || !unknown.is_empty() {
                out.push(b',');
            }
            said(out, code, column, &message);
        }
        out.push(b']');
    }
    out.push(b'}');
}

/// A number for each class by its name.
fn by_class(out: &mut Vec<u8>, class_texts: &[String], numbers: &[f64]) {
    out.push(b'{');
    for (c, (class, p)) in class_texts.iter().zip(numbers).enumerate() {
        if c > 0 {
            out.push(b',');
        }
        out.extend_from_slice(class.as_bytes());
        out.push(b':');
        write_number(out, *p);
    }
    out.push(b'}');
}

fn explained(out: &mut Vec<u8>, explanation: &Explanation<'_>) {
    out.extend_from_slice(b",\"explanation\":{\"method\":");
    text(out, explanation.method);
    out.extend_from_slice(b",\"units\":");
    text(out, explanation.units);
    out.extend_from_slice(b",\"of\":");
    text(out, explanation.of);
    out.extend_from_slice(b",\"base\":");
    write_number(out, explanation.base);
    out.extend_from_slice(b",\"values\":{");
    for (i, (column, value)) in explanation.columns.iter().zip(explanation.values).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(out, column);
        out.push(b':');
        write_number(out, *value);
    }
    out.extend_from_slice(b"}}");
}

fn said(out: &mut Vec<u8>, code: &str, column: Option<&str>, message: &str) {
    out.extend_from_slice(b"{\"code\":");
    text(out, code);
    if let Some(column) = column {
        out.extend_from_slice(b",\"column\":");
        text(out, column);
    }
    out.extend_from_slice(b",\"message\":");
    text(out, message);
    out.push(b'}');
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}
