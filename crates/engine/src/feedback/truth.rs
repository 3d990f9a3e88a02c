//! What feedback says the right answer is, and what of it cannot count.

use serde_json::Value;
use tidemill_core::recipe::Task;
use tidemill_kernel::mask::Mask;
use tidemill_store::{FeedbackKind, LoggedPrediction};

/// What a model can answer with.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The task, where it is known.
    pub task: Option<Task>,
    /// The classes; empty for numbers.
    pub classes: &'a [String],
}

/// Why a word about the right answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uncounted {
    /// It names no class of the model.
    UnknownClass,
    /// It is not a number, but the target is.
    NotANumber,
    /// It is no mask of the size and the classes of the one that was answered.
    NotAMask,
    /// A later word says something else.
    Superseded,
    /// The prediction was made by a version with other classes.
    OtherClasses,
}

impl Uncounted {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Uncounted::UnknownClass => "unknown_class",
            Uncounted::NotANumber => "not_a_number",
            Uncounted::NotAMask => "not_a_mask",
            Uncounted::Superseded => "superseded",
            Uncounted::OtherClasses => "other_classes",
        }
    }
}

impl Target<'_> {
    /// The value as the target has it, so that equal answers are equal texts.
    pub fn normal(&self, value: &Value) -> Result<String, Uncounted> {
        if self.task == Some(Task::Policy) {
            return reward_of(value).map(|x| x.to_string()).ok_or(Uncounted::NotANumber);
        }
        if self.task == Some(Task::Masks) {
            let mask = mask_of(value).filter(|mask| self.holds(mask));
            return mask.map(|mask| mask.to_rle()).ok_or(Uncounted::NotAMask);
        }
        if !self.classes.is_empty() {
            let class = class_of(value, self.classes).and_then(|place| self.classes.get(place as usize));
            return class.cloned().ok_or(Uncounted::UnknownClass);
        }
        match self.task {
            Some(Task::Regression) => number_of(value).map(|x| x.to_string()).ok_or(Uncounted::NotANumber),
            _ => Ok(value.to_string()),
        }
    }
}

impl Target<'_> {
    /// Whether a mask has no other classes than those that are known.
    fn holds(&self, mask: &Mask) -> bool {
        let known: Vec<u8> = self.classes.iter().filter_map(|class| class.parse().ok()).collect();
        known.is_empty() || mask.values().iter().all(|value| known.contains(value))
    }
}

/// The mask that a value is: its runs, or a PNG in base64.
pub fn mask_of(value: &Value) -> Option<Mask> {
    match value {
        Value::Object(_) => Mask::of_rle(&value.to_string()).ok(),
        Value::String(text) => Mask::of_rle(text).or_else(|_| Mask::of_base64(text)).ok(),
        _ => None,
    }
}

/// The reward behind a value: a number, or whether something came of the action.
pub fn reward_of(value: &Value) -> Option<f64> {
    value.as_bool().map(|yes| f64::from(u8::from(yes))).or_else(|| number_of(value))
}

/// What a piece of feedback on a decision of a policy says of its reward: a label, a correction or an outcome says it, nothing else does.
fn reward_said(kind: FeedbackKind, value: Option<&Value>) -> Option<Value> {
    matches!(kind, FeedbackKind::Label | FeedbackKind::Correction | FeedbackKind::Outcome)
        .then(|| value.cloned())
        .flatten()
}

/// What a piece of feedback says the right answer is: a label or a correction says it, an `accept` confirms the prediction (which is
/// given as JSON), and of two classes a `reject` means the other one.
///
/// Of a policy it is the reward.
pub(super) fn says(
    kind: FeedbackKind,
    value: Option<&Value>,
    prediction: &str,
    target: Target<'_>,
) -> Option<Value> {
    let classes = target.classes;
    if target.task == Some(Task::Policy) {
        return reward_said(kind, value);
    }
    match kind {
        FeedbackKind::Label | FeedbackKind::Correction => value.cloned(),
        FeedbackKind::Accept => serde_json::from_str(prediction).ok(),
        FeedbackKind::Reject if classes.len() == 2 => {
            let prediction: String = serde_json::from_str(prediction).ok()?;
            let other = classes.iter().find(|class| **class != prediction);
            other.map(|class| Value::String(class.clone()))
        }
        _ => None,
    }
}

/// The right answer to a prediction, by all that was said of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// The latest word that can count.
    pub value: Option<Value>,
    /// Whose word it is: the user's, else that of the API key; unknown without either.
    pub by: Option<String>,
    /// When the first word that can count came in, in microseconds since 1970: from then on a model can have learned from the row.
    pub known_since: Option<i64>,
    /// The latest word that can count of anyone else, and whose it is.
    pub otherwise: Option<(Value, Option<String>)>,
    /// Why other words do not count.
    pub uncounted: Vec<Uncounted>,
}

/// What was said of the right answer; the latest word that the target can hold counts.
pub fn truth(logged: &LoggedPrediction, target: Target<'_>) -> Truth {
    let mut truth = Truth::default();
    let mut counting: Option<String> = None;
    let mut agreeing = 0;
    for given in &logged.feedback {
        let said = says(given.kind, given.value.as_ref(), &logged.prediction, target);
        let Some(value) = said else { continue };
        match target.normal(&value) {
            Err(why) => truth.uncounted.push(why),
            Ok(normal) => {
                if counting.as_ref().is_some_and(|earlier| *earlier != normal) {
                    truth.uncounted.extend(std::iter::repeat_n(Uncounted::Superseded, agreeing));
                    agreeing = 0;
                }
                agreeing += 1;
                counting = Some(normal);
                let since = truth.known_since.unwrap_or(given.received_at);
                truth.known_since = Some(since.min(given.received_at));
                let by = given.by().map(String::from);
                if by != truth.by
                    && let Some(earlier) = truth.value.take()
                {
                    truth.otherwise = Some((earlier, truth.by.take()));
                }
                (truth.value, truth.by) = (Some(value), by);
            }
        }
    }
    truth
}

/// The place of a class among `classes`: by its name, or for numbers by their value. A code such as `007` is no number, and what a 64-bit
/// float does not keep is no value to compare by.
pub fn class_of(value: &Value, classes: &[String]) -> Option<u32> {
    let text = match value {
        Value::String(text) => text.trim().to_string(),
        other => other.to_string(),
    };
    let is_code = |text: &str| text.len() > 1 && text.starts_with('0') && text.as_bytes()[1].is_ascii_digit();
    let number = |text: &str| text.parse::<f64>().ok().filter(|x| x.abs() < EXACT && !is_code(text));
    let exact = classes.iter().position(|c| *c == text);
    let place = exact.or_else(|| {
        let wanted = number(&text)?;
        classes.iter().position(|c| number(c) == Some(wanted))
    });
    place.map(|p| p as u32)
}

/// Whole numbers below are exact.
const EXACT: f64 = (1_u64 << 53) as f64;

/// The largest size of a right answer: squares of errors up to here still add up to a finite sum over many rows.
const LARGEST: f64 = 1e150;

/// The number behind a value: itself, or a text that spells one. What is not finite, or beyond 1e150 in size, is none: one such label
/// would make every error of the monitor and of `improve` infinite.
pub fn number_of(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|x| x.abs() <= LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tidemill_store::Given;
    use uuid::Uuid;

    fn logged(prediction: &str, said: &[(FeedbackKind, Value)]) -> LoggedPrediction {
        let given = |(i, (kind, value)): (usize, &(FeedbackKind, Value))| Given {
            kind: *kind,
            value: Some(value.clone()).filter(|v| !v.is_null()),
            at: i as i64,
            received_at: i as i64,
            user: Some(format!("u{i}")),
            key_id: None,
        };
        LoggedPrediction {
            id: Uuid::nil(),
            at: 0,
            version: 1,
            features: "[]".into(),
            prediction: prediction.into(),
            probabilities: None,
            row_key: None,
            latency_us: 1,
            feedback: said.iter().enumerate().map(given).collect(),
        }
    }

    #[test]
    fn the_latest_word_that_the_target_can_hold_counts() {
        use FeedbackKind::{Accept, Comment, Label, Reject};
        let classes = ["no".to_string(), "yes".into()];
        let target = Target { task: Some(Task::Binary), classes: &classes };
        let found = truth(&logged("\"no\"", &[(Label, json!("yes")), (Label, json!("perhaps"))]), target);
        assert_eq!((found.value, found.by.as_deref()), (Some(json!("yes")), Some("u0")));
        assert_eq!(found.uncounted, [Uncounted::UnknownClass]);
        let found = truth(
            &logged(
                "\"no\"",
                &[(Accept, json!(null)), (Accept, json!(null)), (Reject, json!(null)), (Comment, json!("x"))],
            ),
            target,
        );
        assert_eq!((found.value, found.uncounted), (Some(json!("yes")), vec![Uncounted::Superseded; 2]));
        let found = truth(&logged("\"no\"", &[(Label, json!("YES")), (Label, json!(true))]), target);
        assert_eq!((found.value, found.uncounted.len()), (None, 2));
    }

    #[test]
    fn the_word_before_that_of_another_user_is_kept() {
        use FeedbackKind::Label;
        let classes = ["no".to_string(), "yes".into()];
        let target = Target { task: Some(Task::Binary), classes: &classes };
        let of = |words: &[(&str, &str)]| {
            let mut logged = logged("\"no\"", &vec![(Label, json!("yes")); words.len()]);
            for (given, (user, value)) in logged.feedback.iter_mut().zip(words) {
                (given.user, given.value) = (Some(user.to_string()), Some(json!(value)));
            }
            let found = truth(&logged, target);
            let text = |value: Value| value.as_str().unwrap_or_default().to_string();
            let other = found.otherwise.map(|(value, by)| (text(value), by.unwrap_or_default()));
            (found.value.map(text).unwrap_or_default(), found.by.unwrap_or_default(), other)
        };
        let other = |value: &str, by: &str| Some((value.to_string(), by.to_string()));
        assert_eq!(of(&[("ann", "yes")]), ("yes".into(), "ann".into(), None));
        assert_eq!(of(&[("ann", "yes"), ("ann", "no")]), ("no".into(), "ann".into(), None));
        assert_eq!(of(&[("ann", "yes"), ("bob", "no")]), ("no".into(), "bob".into(), other("yes", "ann")));
        let thrice = [("ann", "yes"), ("bob", "no"), ("bob", "yes"), ("ann", "no")];
        assert_eq!(of(&thrice), ("no".into(), "ann".into(), other("yes", "bob")));
        let unknown = [("ann", "yes"), ("bob", "perhaps")];
        assert_eq!(of(&unknown), ("yes".into(), "ann".into(), None));
    }

    #[test]
    fn numbers_are_numbers_and_classes_that_are_numbers_are_found_by_value() {
        let digits = ["0".to_string(), "1".into()];
        let binary = Target { task: Some(Task::Binary), classes: &digits };
        for (value, class) in [
            (json!("1"), Some("1")),
            (json!(1), Some("1")),
            (json!(1.0), Some("1")),
            (json!(true), None),
            (json!("one"), None),
        ] {
            assert_eq!(binary.normal(&value).ok().as_deref(), class, "{value}");
        }
        // A code is no number, and numbers that a float rounds to the same are not the same.
        let codes = ["007".to_string(), "9007199254740993".into(), "7.5".into()];
        let codes = Target { task: Some(Task::Multiclass), classes: &codes };
        for (value, class) in [
            (json!("007"), Some("007")),
            (json!(7), None),
            (json!("7.50"), Some("7.5")),
            (json!(9_007_199_254_740_993_u64), Some("9007199254740993")),
            (json!(9_007_199_254_740_992_u64), None),
        ] {
            assert_eq!(codes.normal(&value).ok().as_deref(), class, "{value}");
        }
        let number = Target { task: Some(Task::Regression), classes: &[] };
        for (value, sound) in [
            (json!(2), true),
            (json!("2.50"), true),
            (json!("two"), false),
            (json!(true), false),
            (json!("inf"), false),
        ] {
            assert_eq!(number.normal(&value).is_ok(), sound, "{value}");
        }
        assert_eq!(number.normal(&json!("2.50")), number.normal(&json!(2.5)));
    }
}
