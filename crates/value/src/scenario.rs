//! One way the plan may turn out: a value for each of its ranges.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use tidemill_core::nearest;
use tidemill_kernel::Random;

use crate::fault::Fault;
use crate::quantity::{Expr, Quantity};
use crate::range::Range;

/// Where each range stands.
pub(crate) enum Draw {
    /// All at their medians.
    Median,
    /// All at their low ends (`false`) or at their high ends.
    Ends(bool),
    /// The one of this number at its low or high end, the others at their medians.
    Moved(usize, bool),
    /// Each drawn.
    Random(Box<Random>),
}

/// Gives quantities their values. The ranges of a plan are numbered in the order of reading, which is the same in each scenario.
pub(crate) struct Scenario<'a> {
    draw: Draw,
    assumptions: &'a IndexMap<String, Quantity>,
    values: BTreeMap<&'a str, f64>,
    /// The assumptions that are being evaluated, the outermost first.
    open: Vec<&'a str>,
    /// Each range that was met, with the key it stands in.
    pub(crate) met: Vec<(String, Range)>,
    n_met: usize,
}

impl<'a> Scenario<'a> {
    /// Evaluates the assumptions.
    pub(crate) fn new(assumptions: &'a IndexMap<String, Quantity>, draw: Draw) -> Result<Self, Fault> {
        let mut scenario = Scenario {
            draw,
            assumptions,
            values: BTreeMap::new(),
            open: Vec::new(),
            met: Vec::new(),
            n_met: 0,
        };
        for name in assumptions.keys() {
            scenario.named(name, &format!("assumptions.{name}"))?;
        }
        Ok(scenario)
    }

    /// Gives a name a value for the formulas that follow.
    pub(crate) fn define(&mut self, name: &'static str, value: f64) {
        self.values.insert(name, value);
    }

    /// Whether values out of bounds are errors: in a draw they stand at the bound.
    pub(crate) fn is_checked(&self) -> bool {
        matches!(self.draw, Draw::Median | Draw::Ends(_))
    }

    /// The value of the quantity at `key`.
    pub(crate) fn value(&mut self, key: &str, quantity: &'a Quantity) -> Result<f64, Fault> {
        let value = self.eval(key, &quantity.0)?;
        if value.is_finite() {
            return Ok(value);
        }
        Err(Fault::new(key, "comes to no finite number", "see whether something is divided by zero"))
    }

    /// The value of the quantity at `key`, which must lie within the ends. What a draw puts beyond them stands at the end.
    pub(crate) fn within(
        &mut self,
        key: &str,
        quantity: &'a Quantity,
        [low, high]: [f64; 2],
    ) -> Result<f64, Fault> {
        let value = self.value(key, quantity)?;
        if (low..=high).contains(&value) || !self.is_checked() {
            return Ok(value.clamp(low, high));
        }
        let wanted = match (low, high) {
            (low, f64::INFINITY) => format!("at least {low}"),
            (low, high) => format!("from {low} to {high}"),
        };
        Err(Fault::new(
            key,
            format!("comes to {value}, but must be {wanted}"),
            "correct the value or its range",
        ))
    }

    /// As [`Scenario::within`], of what must be above zero.
    pub(crate) fn positive(&mut self, key: &str, quantity: &'a Quantity) -> Result<f64, Fault> {
        let value = self.value(key, quantity)?;
        if value > 0.0 {
            return Ok(value);
        }
        if self.is_checked() {
            let problem = format!("comes to {value}, but must be above 0");
            return Err(Fault::new(key, problem, "correct the value, or leave the entry out"));
        }
        Ok(f64::MIN_POSITIVE)
    }

    fn named(&mut self, name: &str, key: &str) -> Result<f64, Fault> {
        if let Some(value) = self.values.get(name) {
            return Ok(*value);
        }
        let Some((name, quantity)) = self.assumptions.get_key_value(name) else {
            let known = self.assumptions.keys().map(String::as_str).chain(self.values.keys().copied());
            let remedy = match nearest(name, known) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("add `{name} = …` to [assumptions]"),
            };
            return Err(Fault::new(key, format!("refers to '{name}', which is not an assumption"), remedy));
        };
        if let Some(at) = self.open.iter().position(|open| open == name) {
            let circle: Vec<&str> = self.open[at..].iter().copied().chain([name.as_str()]).collect();
            return Err(Fault::new(
                format!("assumptions.{}", self.open[at]),
                format!("depends on itself: {}", circle.join(" -> ")),
                "give one of them a number or a range of its own",
            ));
        }
        self.open.push(name);
        let value = self.value(&format!("assumptions.{name}"), quantity)?;
        self.open.pop();
        self.values.insert(name, value);
        Ok(value)
    }

    fn eval(&mut self, key: &str, expr: &Expr) -> Result<f64, Fault> {
        Ok(match expr {
            Expr::Number(x) => *x,
            Expr::Range(range) => self.range(key, range),
            Expr::Name(name) => self.named(name, key)?,
            Expr::Negative(inner) => -self.eval(key, inner)?,
            Expr::Binary(sign, left, right) => {
                let (left, right) = (self.eval(key, left)?, self.eval(key, right)?);
                match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                }
            }
        })
    }

    fn range(&mut self, key: &str, range: &Range) -> f64 {
        let number = self.n_met;
        self.n_met += 1;
        let end = |high: bool| if high { range.high } else { range.low };
        match &mut self.draw {
            Draw::Median => {
                self.met.push((key.strip_prefix("assumptions.").unwrap_or(key).to_string(), *range));
                range.median()
            }
            Draw::Ends(high) => end(*high),
            Draw::Moved(which, high) if *which == number => end(*high),
            Draw::Moved(..) => range.median(),
            Draw::Random(random) => range.draw(random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assumptions(of: &[(&str, &str)]) -> IndexMap<String, Quantity> {
        of.iter().map(|(name, text)| ((*name).to_string(), Quantity::parse(text).unwrap())).collect()
    }

    #[test]
    fn names_stand_for_values_in_any_order() {
        let given = assumptions(&[("sales", "firms * price"), ("firms", "20k"), ("price", "2 to 8")]);
        let mut scenario = Scenario::new(&given, Draw::Median).unwrap();
        assert_eq!(scenario.named("sales", "x").unwrap(), 80_000.0);
        assert_eq!(scenario.met.len(), 1);
        let mut moved = Scenario::new(&given, Draw::Moved(0, true)).unwrap();
        assert_eq!(moved.named("sales", "x").unwrap(), 160_000.0);
    }

    #[test]
    fn circles_and_unknown_names_are_named() {
        let given = assumptions(&[("a", "b + 1"), ("b", "c"), ("c", "2 * b")]);
        let fault = Scenario::new(&given, Draw::Median).err().unwrap();
        assert_eq!(
            (fault.key.as_str(), fault.problem.as_str()),
            ("assumptions.b", "depends on itself: b -> c -> b")
        );
        let given = assumptions(&[("price", "10"), ("sales", "3 * prise")]);
        let fault = Scenario::new(&given, Draw::Median).err().unwrap();
        assert_eq!(
            (fault.key.as_str(), fault.remedy.as_str()),
            ("assumptions.sales", "did you mean 'price'?")
        );
    }
}
