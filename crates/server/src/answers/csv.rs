//! The answer as CSV or TSV: `prediction_id, prediction, probability_CLASS…, warnings`, and where explanations were asked for
//! `shap_base, shap_COLUMN…` (`gradient_…` of gradients). A policy says `propensity` behind its prediction, and `expected_reward_ACTION…`. Of several targets, `prediction_TARGET, probability_TARGET_CLASS…` for each.

use tidemill_core::{EXPECTED_REWARD, PREDICTION, PROBABILITY};
use tidemill_engine::model::several::answer_name;
use tidemill_engine::serve::serving::Answer;

use super::explanation::Explanation;
use super::{Answered, MaskForm, UNKNOWN_COLUMN, of_each, shown, warnings};

pub(super) fn write(answered: &Answered<'_>, delimiter: u8, masks: MaskForm) -> Vec<u8> {
    let version = answered.version;
    let mut writer = ::csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    let serving = version.serving();
    let mut record = vec!["prediction_id".to_string()];
    // An answer with nothing in it has the shape of any other.
    let empty = Answer { parts: vec![Answer::default(); serving.parts.len()], ..Answer::default() };
    for (target, _, serving) in of_each(&empty, serving) {
        let named = |name: &str| target.map_or_else(|| name.to_string(), |target| answer_name(name, target));
        record.push(named(PREDICTION));
        if serving.is_policy() {
            record.push("propensity".into());
        }
        record.extend(serving.classes.iter().map(|class| format!("{}_{class}", named(PROBABILITY))));
        if serving.is_policy() {
            record.extend(serving.classes.iter().map(|action| format!("{EXPECTED_REWARD}_{action}")));
        }
    }
    record.push("warnings".into());
    if let Some(explained) = answered.explained {
        let word = explained.method.prefix();
        record.push(format!("{word}_base"));
        record.extend(explained.columns.iter().map(|column| format!("{word}_{column}")));
    }
    // Writing to memory cannot fail.
    let _ = writer.write_record(&record);
    for (i, (answer, id)) in answered.answers.iter().zip(answered.ids).enumerate() {
        record.clear();
        record.push(id.to_string());
        for (_, said, serving) in of_each(answer, serving) {
            record.push(shown(said, serving, masks));
            record.extend(said.propensity().map(|p| p.to_string()));
            record.extend(said.probabilities.iter().map(|p| p.to_string()));
            record.extend(said.expected_rewards.iter().map(|q| q.to_string()));
        }
        let unknown = if i == 0 { answered.unknown } else { &[] };
        let unknown = unknown.iter().map(|column| format!("{UNKNOWN_COLUMN}: {column}"));
        let notes = unknown.chain(warnings(answer).map(|(code, column, _)| match column {
            Some(column) => format!("{code}: {column}"),
            None => code.to_string(),
        }));
        record.push(notes.collect::<Vec<_>>().join("; "));
        if let Some(explanation) = Explanation::of(answered, i) {
            record.push(explanation.base.to_string());
            record.extend(explanation.values.iter().map(f64::to_string));
        }
        let _ = writer.write_record(&record);
    }
    writer.into_inner().unwrap_or_default()
}
