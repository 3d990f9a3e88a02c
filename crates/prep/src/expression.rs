//! `expression`: new columns by formulas over others.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot, State,
    Training,
};

use crate::formula::{Formula, Type};
use crate::joint::{self, Added, Joint, Together};
use crate::mapping::Saved;

/// Adds a column for each formula, such as `ratio = "price / area"`.
///
/// A formula is made of number columns (by name, or in backquotes where a name is no word), numbers, `+ - * / % ^`, comparisons,
/// `and`, `or`, `not`, `if(condition, then, else)` and the functions `abs`, `ceil`, `exp`, `floor`, `log`, `log10`, `log1p`, `max`,
/// `min`, `round` and `sqrt`. A condition gives a flag column. What is missing makes the result missing, as does a result that is
/// no finite number: a division by zero, the logarithm of a negative number. Formulas have at most 1,000 characters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expression {
    /// The formula of each new column, by its name.
    pub new: BTreeMap<String, String>,
}

impl Expression {
    fn formulas(&self) -> Result<Vec<Formula>, KeyPath> {
        let read = |(name, text): (&String, &String)| {
            Formula::read(text).map_err(|problem| KeyPath::new(format!("new.{name}"), problem))
        };
        self.new.iter().map(read).collect()
    }
}

impl Estimator for Expression {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let formulas = self.formulas().map_err(|e| Error::parameter(e.path, e.problem))?;
        let mut names: Vec<&String> = formulas.iter().flat_map(|f| &f.columns).collect();
        names.sort_unstable();
        names.dedup();
        let mut places = Vec::with_capacity(names.len());
        for name in &names {
            let at = schema.index(name)?;
            let found = schema.columns()[at].kind;
            if found != Kind::Number {
                let (column, wanted) = (name.to_string(), "a number".into());
                return Err(Error::WrongKind { column, found, wanted });
            }
            places.push(at);
        }
        joint::refuse_target(Self::KIND, schema, &places)?;
        if let Some(name) = self.new.keys().find(|name| schema.position(name).is_some()) {
            let problem = format!("there is a column '{name}' already");
            return Err(Error::parameter(format!("new.{name}"), problem));
        }
        let place = |name: &String| names.binary_search(&name).unwrap_or(0);
        let added = self.new.keys().zip(&formulas).map(|(name, formula)| Added {
            name: name.clone(),
            flag: formula.result == Type::Flag,
            from: formula.columns.first().map_or(0, place),
        });
        let added = added.collect();
        let inputs: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let learned = Formulas::new(self.new.values().cloned().collect(), &formulas, inputs);
        let changed = vec![false; places.len()];
        let kind = (Self::KIND, Self::VERSION);
        Ok(Arc::new(Together::new(kind, schema, &places, changed, added, learned)))
    }
}

impl Builtin for Expression {
    const KIND: &'static str = "expression";

    fn check(&self) -> Result<(), KeyPath> {
        let formulas = self.formulas()?;
        match self.new.keys().zip(&formulas).find(|(_, formula)| formula.columns.is_empty()) {
            Some((name, _)) => Err(KeyPath::new(format!("new.{name}"), "names no column")),
            None => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Formulas>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for Expression {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "part of a formula";
}

/// Formulas over the inputs of a step.
struct Formulas {
    texts: Vec<String>,
    /// The inputs, by name.
    inputs: Vec<String>,
    /// Each formula, its columns seen as places among the inputs.
    formulas: Vec<Formula>,
}

impl Formulas {
    fn new(texts: Vec<String>, formulas: &[Formula], inputs: Vec<String>) -> Self {
        let formulas = formulas.iter().map(|formula| formula.over(&inputs)).collect();
        Formulas { texts, inputs, formulas }
    }
}

impl Joint for Formulas {
    fn save(&self) -> Saved {
        Saved::new((&self.texts, &self.inputs), Vec::new())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let (texts, inputs): (Vec<String>, Vec<String>) = saved.read()?;
        let formulas: Vec<Formula> =
            texts.iter().map(|text| Formula::read(text)).collect::<Result<_, _>>()?;
        let known = |name: &String| inputs.contains(name);
        if inputs.len() != p || !formulas.iter().flat_map(|f| &f.columns).all(known) {
            return Err("a formula names a column that is not there".into());
        }
        Ok(Formulas::new(texts, &formulas, inputs))
    }

    fn work(&self, row: &mut [f64], added: &mut [f64]) {
        added.iter_mut().zip(&self.formulas).for_each(|(to, formula)| *to = formula.value(row));
    }
}
