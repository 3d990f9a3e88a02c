//! Feedback on answers to several targets: what is said of each, and the answers as if there were one target alone.

use serde_json::{Map, Value};
use tidemill_store::{FeedbackKind, LoggedPrediction};

/// What is said of each target: an object, or a text that spells one, as the cell of a table does. What is null is not known.
pub(super) fn each(value: &Value) -> Option<Map<String, Value>> {
    let mut object = match value {
        Value::Object(object) => object.clone(),
        Value::String(text) => serde_json::from_str(text).ok()?,
        _ => return None,
    };
    object.retain(|_, value| !value.is_null());
    Some(object)
}

/// A logged prediction as if its model answered this target alone; `None` where the answer says nothing of it. A `reject` falls
/// away: it does not say which of the answers was wrong.
pub fn of_target(logged: LoggedPrediction, target: &str) -> Option<LoggedPrediction> {
    let prediction = each(&serde_json::from_str(&logged.prediction).ok()?)?.remove(target)?;
    let probabilities = logged.probabilities.as_deref().and_then(|text| {
        let of_each: Map<String, Value> = serde_json::from_str(text).ok()?;
        of_each.get(target).map(Value::to_string)
    });
    let mut feedback = logged.feedback;
    feedback.retain_mut(|given| match given.kind {
        FeedbackKind::Label | FeedbackKind::Correction => {
            given.value = given.value.as_ref().and_then(each).and_then(|mut said| said.remove(target));
            given.value.is_some()
        }
        FeedbackKind::Reject => false,
        _ => true,
    });
    Some(LoggedPrediction { prediction: prediction.to_string(), probabilities, feedback, ..logged })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidemill_store::Given;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_target_is_seen_alone() {
        let given = |kind, value: Value| Given {
            kind,
            value: Some(value).filter(|v| !v.is_null()),
            at: 0,
            received_at: 0,
            user: None,
            key_id: None,
        };
        let logged = || LoggedPrediction {
            id: Uuid::nil(),
            at: 0,
            version: 1,
            features: "[]".into(),
            prediction: json!({ "species": "Gentoo", "mass": 5000.5 }).to_string(),
            probabilities: Some(json!({ "species": [0.25, 0.75] }).to_string()),
            row_key: None,
            latency_us: 1,
            feedback: vec![
                given(FeedbackKind::Label, json!({ "mass": 4900, "species": null })),
                given(FeedbackKind::Correction, json!("{\"species\": \"Adelie\"}")),
                given(FeedbackKind::Reject, json!(null)),
                given(FeedbackKind::Accept, json!(null)),
            ],
        };
        let species = of_target(logged(), "species").unwrap();
        assert_eq!(
            (species.prediction.as_str(), species.probabilities.as_deref()),
            ("\"Gentoo\"", Some("[0.25,0.75]"))
        );
        let said: Vec<_> = species.feedback.iter().map(|given| (given.kind, given.value.clone())).collect();
        assert_eq!(said, [(FeedbackKind::Correction, Some(json!("Adelie"))), (FeedbackKind::Accept, None)]);
        let mass = of_target(logged(), "mass").unwrap();
        assert_eq!((mass.prediction.as_str(), mass.probabilities), ("5000.5", None));
        assert_eq!(mass.feedback[0].value, Some(json!(4900)));
        assert!(of_target(logged(), "sex").is_none());
        let alone = LoggedPrediction { prediction: "\"Gentoo\"".into(), ..logged() };
        assert!(of_target(alone, "species").is_none());
    }
}
