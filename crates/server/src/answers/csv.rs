//! The answer as CSV or TSV: `prediction_id, prediction, probability_CLASS…, warnings`, and where explanations were asked for
//! `shap_base, shap_COLUMN…`.

use super::explanation::Explanation;
use super::{Answered, shown, warnings};

pub(super) fn write(answered: &Answered<'_>, delimiter: u8) -> Vec<u8> {
    let version = answered.version;
    let mut writer = ::csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    let mut record = vec!["prediction_id".to_string(), "prediction".into()];
    record.extend(version.serving().classes.iter().map(|class| format!("probability_{class}")));
    record.push("warnings".into());
    if let Some(explained) = answered.explained {
        record.push("shap_base".into());
        record.extend(explained.columns.iter().map(|column| format!("shap_{column}")));
    }
    // Writing to memory cannot fail.
    let _ = writer.write_record(&record);
    for (i, (answer, id)) in answered.answers.iter().zip(answered.ids).enumerate() {
        record.clear();
        record.push(id.to_string());
        record.push(shown(answer.prediction, version));
        record.extend(answer.probabilities.iter().map(|p| p.to_string()));
        let notes = warnings(answer).map(|(code, column, _)| match column {
            Some(column) => format!("{code}: {column}"),
            None => code.to_string(),
        });
        record.push(notes.collect::<Vec<_>>().join("; "));
        if let Some(explanation) = Explanation::of(answered, i) {
            record.push(explanation.base.to_string());
            record.extend(explanation.values.iter().map(f64::to_string));
        }
        let _ = writer.write_record(&record);
    }
    writer.into_inner().unwrap_or_default()
}
