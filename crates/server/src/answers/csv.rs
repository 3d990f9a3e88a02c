//! The answer as CSV: `prediction_id, prediction, probability_CLASS…, warnings`.

use super::{Answered, shown, warnings};

pub(super) fn write(answered: &Answered<'_>) -> Vec<u8> {
    let version = answered.version;
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut record = vec!["prediction_id".to_string(), "prediction".into()];
    record.extend(version.serving().classes.iter().map(|class| format!("probability_{class}")));
    record.push("warnings".into());
    // Writing to memory cannot fail.
    let _ = writer.write_record(&record);
    for (answer, id) in answered.answers.iter().zip(answered.ids) {
        record.clear();
        record.push(id.to_string());
        record.push(shown(answer.prediction, version));
        record.extend(answer.probabilities.iter().map(|p| p.to_string()));
        let notes = warnings(answer).map(|(code, column, _)| match column {
            Some(column) => format!("{code}: {column}"),
            None => code.to_string(),
        });
        record.push(notes.collect::<Vec<_>>().join("; "));
        let _ = writer.write_record(&record);
    }
    writer.into_inner().unwrap_or_default()
}
