//! The answer that somebody would rather have, and how far an answer is from it.

use tidemill_core::{Batch, Error, Result, Role, nearest};

use crate::error::EngineError;

/// What is wanted instead.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// Any other class.
    Other,
    /// The class of this name.
    Class(String),
    /// A number from the first to the second, both among them.
    Within([f64; 2]),
}

impl Wanted {
    /// As the command line says it; `classes` are those of the model, none of a model of numbers.
    pub(super) fn parse(text: Option<&str>, classes: &[String]) -> Result<Self> {
        let refused = |problem: String, remedy: String| Err(EngineError::usage(problem, remedy).into());
        match (text.map(str::trim), classes.is_empty()) {
            (None, false) => Ok(Wanted::Other),
            (None, true) => refused(
                "a model of numbers has no other class to change to".into(),
                "say what is wanted: --wanted '>= 5', '< 3' or '5..8'".into(),
            ),
            (Some(name), false) if classes.iter().any(|class| class == name) => {
                Ok(Wanted::Class(name.into()))
            }
            (Some(name), false) => {
                let known: Vec<String> = classes.iter().take(20).map(|class| format!("'{class}'")).collect();
                let remedy = match nearest(name, classes.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("the classes are {}", known.join(", ")),
                };
                refused(format!("--wanted '{name}' is not a class of this model"), remedy)
            }
            (Some(text), true) => match range(text) {
                Some(ends) => Ok(Wanted::Within(ends)),
                None => refused(
                    format!("--wanted '{text}' is no range of numbers"),
                    "write it as '>= 5', '< 3' or '5..8'".into(),
                ),
            },
        }
    }

    /// How far each answer is from the wanted one: 0 where it is that, above 0 elsewhere. `own` is the answer to the row as it is,
    /// where that is a class.
    pub(super) fn gaps(&self, answered: &Batch, own: Option<&str>) -> Result<Vec<f64>> {
        let at = answered.schema().role(Role::Prediction);
        let at = at.ok_or_else(|| Error::state("model", "it predicts nothing"))?;
        let n = answered.n_rows();
        if let Wanted::Within([low, high]) = *self {
            let numbers = answered.numbers(at)?;
            let gap = |x: f64| match x {
                x if x < low => low - x,
                x if x > high => x - high,
                x if x.is_nan() => f64::INFINITY,
                _ => 0.0,
            };
            return Ok(numbers.values().iter().map(|x| gap(*x)).collect());
        }
        let names = answered.schema().columns()[at].categories()?;
        let codes = answered.codes(at)?;
        let (class, away) = match self {
            Wanted::Class(name) => (name.as_str(), false),
            _ => (own.unwrap_or_default(), true),
        };
        let chances = chances(answered, class)?;
        let gap = |i: usize| {
            let is_there = names.name(codes.value(i)) == class;
            let chance = chances.as_ref().map(|chances| chances[i]);
            match (is_there == away, away) {
                (false, _) => 0.0,
                // An answer that is not the wanted one is never taken for it, however small the gap.
                (true, true) => chance.unwrap_or(1.0).max(f64::MIN_POSITIVE),
                (true, false) => (1.0 - chance.unwrap_or(0.0)).max(f64::MIN_POSITIVE),
            }
        };
        Ok((0..n).map(gap).collect())
    }
}

/// The probability of a class for each row, where the model gives any.
pub(super) fn chances(answered: &Batch, class: &str) -> Result<Option<Vec<f64>>> {
    let Some(at) = answered.schema().role(Role::Probability) else { return Ok(None) };
    let classes = answered.schema().columns()[at].categories()?;
    let code = classes.code(class) as usize;
    if code >= classes.len() {
        return Ok(None);
    }
    let of_class = answered.probabilities(at)?.iter().skip(code).step_by(classes.len());
    Ok(Some(of_class.copied().collect()))
}

/// `>= 5`, `> 5`, `<= 5`, `< 5` or `5..8` as the least and the greatest number that will do.
fn range(text: &str) -> Option<[f64; 2]> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    let after = |sign: &str| text.strip_prefix(sign).map(number);
    if let Some(low) = after(">=").or_else(|| after("≥")) {
        return Some([low?, f64::INFINITY]);
    }
    if let Some(high) = after("<=").or_else(|| after("≤")) {
        return Some([f64::NEG_INFINITY, high?]);
    }
    if let Some(low) = after(">") {
        return Some([low?.next_up(), f64::INFINITY]);
    }
    if let Some(high) = after("<") {
        return Some([f64::NEG_INFINITY, high?.next_down()]);
    }
    let (low, high) = text.split_once("..")?;
    Some([number(low)?, number(high)?]).filter(|[low, high]| low <= high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        assert_eq!(range(">= 5"), Some([5.0, f64::INFINITY]));
        assert_eq!(range("<-2.5"), Some([f64::NEG_INFINITY, (-2.5f64).next_down()]));
        assert_eq!(range("5..8"), Some([5.0, 8.0]));
        for wrong in ["", "5", "8..5", "> much", "yes", ">= inf"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_wish_that_the_model_cannot_fulfil_is_refused() {
        let classes = ["no".to_string(), "yes".to_string()];
        let said = |text: Option<&str>, classes: &[String]| {
            let e = Wanted::parse(text, classes).unwrap_err();
            format!("{e} | {}", e.remedy().unwrap_or_default())
        };
        assert!(said(Some("yse"), &classes).contains("not a class of this model"));
        assert!(said(Some("maybe"), &classes).contains("'no', 'yes'"));
        assert!(said(None, &[]).contains("--wanted '>= 5'"));
        assert!(said(Some("yes"), &[]).contains("no range of numbers"));
        assert_eq!(Wanted::parse(None, &classes).unwrap(), Wanted::Other);
    }
}
