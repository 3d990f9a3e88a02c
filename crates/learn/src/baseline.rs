//! The constant answer that every model must beat.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Context, Error, Estimator, Family, Fitted, Kind, Registry,
    Result, Role, Row, Run, Schema, State, Training, Weights,
};

use crate::rows;
use tidemill_kernel::answer::{Answer, output};

/// Always gives the (weighted) mean of the target or, for classes, how often each was seen; as scikit-learn's
/// `DummyRegressor` and `DummyClassifier` (`strategy = "prior"`). Reads no feature.
///
/// ```
/// use tidemill_learn::Baseline;
/// use tidemill_core::{Builtin, Estimator};
/// assert_eq!(Baseline::default().kind(), Baseline::KIND);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Baseline {}

impl Builtin for Baseline {
    const KIND: &'static str = "baseline";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let classes: Option<Vec<String>> = state.params()?;
        let classes = classes.map(Categories::new);
        let constants = state.floats_of("constants", classes.as_ref().map_or(1, |c| c.len()))?.to_vec();
        Ok(Arc::new(FittedBaseline { classes, constants }))
    }
}

impl BuiltinLearner for Baseline {
    const FAMILY: Family = Family::Baseline;
    const WEIGHTS: Weights = Weights::Equivalent;
}

impl Estimator for Baseline {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn params(&self) -> Value {
        serde_json::json!({})
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let weights = rows::weights(&batch)?;
        let weight = |i: usize| weights.as_ref().map_or(1.0, |w| w[i]);
        let total: f64 = (0..batch.n_rows()).map(weight).sum();
        let kind = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
        if kind == Some(Kind::Category) {
            let (codes, classes) = rows::classes(&batch)?;
            let mut constants = vec![0.0; classes.len()];
            codes.iter().enumerate().for_each(|(i, &c)| constants[c as usize] += weight(i));
            constants.iter_mut().for_each(|c| *c /= total);
            return Ok(Arc::new(FittedBaseline { classes: Some(classes), constants }));
        }
        let target = rows::numbers(&batch)?;
        // Differences to the first value: exact where the target is constant.
        let off: f64 = target.iter().enumerate().map(|(i, y)| weight(i) * (y - target[0])).sum();
        Ok(Arc::new(FittedBaseline { classes: None, constants: vec![target[0] + off / total] }))
    }
}

/// A constant: a number, or a probability per class.
#[derive(Clone, Debug)]
pub struct FittedBaseline {
    classes: Option<Arc<Categories>>,
    constants: Vec<f64>,
}

impl FittedBaseline {
    /// The mean of the target, or the share of each class in their order.
    pub fn constants(&self) -> &[f64] {
        &self.constants
    }
}

impl Fitted for FittedBaseline {
    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, self.classes.as_ref())
    }

    fn state(&self) -> State {
        let classes = self.classes.as_ref().map(|c| c.names().to_vec());
        State::new(Baseline::KIND, Baseline::VERSION, classes).floats("constants", &self.constants)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let answer = Answer::bind(input, self.classes.as_ref())?;
        Ok(Box::new(BoundBaseline { fitted: self, answer }))
    }
}

struct BoundBaseline {
    fitted: Arc<FittedBaseline>,
    answer: Answer,
}

impl Run for BoundBaseline {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let answers = self.fitted.constants.repeat(batch.n_rows());
        match self.fitted.classes {
            None => self.answer.numbers(batch, answers),
            Some(_) => self.answer.probabilities(batch, answers),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        match (&self.fitted.classes, self.fitted.constants.first()) {
            (Some(_), _) => self.answer.probability(row, self.fitted.constants.clone()),
            (None, Some(&mean)) => self.answer.number(row, mean),
            (None, None) => return Err(Error::internal("a baseline without its mean")),
        }
        Ok(())
    }
}
