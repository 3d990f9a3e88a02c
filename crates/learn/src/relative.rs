//! `relative`: the target in units of another column, or as its difference from that column.

use std::any::Any;
use std::sync::Arc;

use arrow_array::Float64Array;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Cell, Context, Error, Estimator, Family, FitCost, Fitted, KeyPath, Kind,
    Needs, Registry, Result, Role, Row, Run, Schema, Shape, State, Table, Training, tagged,
};
use tidemill_kernel::answer::output;

use crate::rows;
use crate::trees::{BoostedTrees, ExtraTrees, RandomForest};

/// How the target is seen from another column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// As a multiple of its size, and of a hundredth of its mean size in training, so that nothing is divided by 0.
    #[default]
    Ratio,
    /// As what there is beyond it.
    Difference,
}

/// The learner behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BaseLearner {
    /// Boosted trees.
    BoostedTrees(BoostedTrees),
    /// Extremely randomised trees.
    ExtraTrees(ExtraTrees),
    /// A random forest.
    RandomForest(RandomForest),
}

impl BaseLearner {
    fn learner(&self) -> &dyn Estimator {
        match self {
            BaseLearner::BoostedTrees(learner) => learner,
            BaseLearner::ExtraTrees(learner) => learner,
            BaseLearner::RandomForest(learner) => learner,
        }
    }
}

/// Reads the learner as the registry would, with parameters that stand in a table of another.
fn with_tables<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<BaseLearner, D::Error> {
    let mut learner = Map::deserialize(from)?;
    if learner.get("kind").and_then(Value::as_str) == Some(BoostedTrees::KIND) {
        let schema = || schemars::schema_for!(BoostedTrees).to_value();
        let beside = tagged::beside(learner, schema);
        learner = beside.map_err(|e| D::Error::custom(format!("{}: {}", e.path, e.problem)))?.0;
    }
    BaseLearner::deserialize(Value::Object(learner)).map_err(D::Error::custom)
}

/// Trees that learn a number relative to a column: as a multiple of it, or as the difference from it (differencing, where the
/// column is the value before).
///
/// Trees know no answer beyond those they have seen, so a series that grows leaves them behind; of a share of the recent level
/// they have seen all there is (the scaling of Salinas et al. 2020, "DeepAR", section 3.3). Where the column misses, its mean in training stands
/// for it. Without a column, the learner behind learns the target as it is.
///
/// ```
/// use tidemill_learn::{Relation, TransformedTarget};
/// let learner = TransformedTarget { to: Some("last_month".into()), relation: Relation::Ratio, ..Default::default() };
/// # use tidemill_core::Estimator;
/// assert_eq!(learner.params()["learner"]["kind"], "boosted_trees");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransformedTarget {
    /// The column, a number.
    pub to: Option<String>,
    /// How the target is seen from it.
    pub relation: Relation,
    /// Further columns of numbers that are seen in the same way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The learner, with its `kind` and its own parameters.
    #[serde(deserialize_with = "with_tables")]
    pub learner: BaseLearner,
}

impl Default for TransformedTarget {
    fn default() -> Self {
        let learner = BaseLearner::BoostedTrees(BoostedTrees::default());
        TransformedTarget { to: None, relation: Relation::default(), also: Vec::new(), learner }
    }
}

impl Builtin for TransformedTarget {
    const KIND: &'static str = "relative";

    fn check(&self) -> Result<(), KeyPath> {
        let checked = match &self.learner {
            BaseLearner::BoostedTrees(learner) => learner.check(),
            BaseLearner::ExtraTrees(learner) => learner.check(),
            BaseLearner::RandomForest(learner) => learner.check(),
        };
        checked.map_err(|e| KeyPath::new(format!("learner.{}", e.path), e.problem))
    }

    fn load(registry: &Registry, mut state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { to, relation, also } = state.params()?;
        let [typical] = *state.floats_of("typical", 1)? else {
            return Err(Error::state(Self::KIND, "tensor 'typical' should be one number"));
        };
        let (Some(behind), true) = (state.children.pop(), state.children.is_empty()) else {
            return Err(Error::state(Self::KIND, "it needs one learner behind"));
        };
        let view = View { relation, typical };
        Ok(Arc::new(FittedRelative { to, also, view, behind: registry.load(behind)? }))
    }
}

impl BuiltinLearner for TransformedTarget {
    const FAMILY: Family = Family::Ensemble;
    const COLUMN_ORDER_MATTERS: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        match &self.learner {
            BaseLearner::BoostedTrees(learner) => learner.fit_cost(shape),
            BaseLearner::ExtraTrees(learner) => learner.fit_cost(shape),
            BaseLearner::RandomForest(learner) => learner.fit_cost(shape),
        }
    }
}

impl Estimator for TransformedTarget {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        self.learner.learner().needs()
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let places = Places::of(batch.schema(), self.to.as_deref(), &self.also)?;
        let view = View::of(self.relation, places.to.map(|at| numbers(&batch, at)).transpose()?.as_deref());
        let seen = |batch: &Batch| {
            Ok::<_, Error>(Table::new(view.target(&view.features(batch, &places)?, &places)?))
        };
        let train = seen(&batch)?;
        let valid = training.valid.map(|valid| seen(&valid.collect()?)).transpose()?;
        let prior = training.prior.and_then(|prior| (prior as &dyn Any).downcast_ref::<FittedRelative>());
        let training = Training {
            train: &train,
            valid: valid.as_ref().map(|valid| valid as _),
            prior: prior.map(|prior| &*prior.behind),
        };
        let behind = self.learner.learner().fit(training, context)?;
        Ok(Arc::new(FittedRelative { to: self.to.clone(), also: self.also.clone(), view, behind }))
    }
}

/// The numbers of a column, `NaN` where missing.
fn numbers(batch: &Batch, at: usize) -> Result<Vec<f64>> {
    Ok(batch.numbers(at)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// Where the column and those seen in the same way are.
#[derive(Clone)]
struct Places {
    to: Option<usize>,
    also: Vec<usize>,
}

impl Places {
    fn of(schema: &Schema, to: Option<&str>, also: &[String]) -> Result<Self> {
        let also = also.iter().map(|name| place(schema, name)).collect::<Result<_>>()?;
        Ok(Places { to: to.map(|name| place(schema, name)).transpose()?, also })
    }

    /// What stands beside each row; `NaN` without a column.
    fn beside(&self, batch: &Batch) -> Result<Vec<f64>> {
        self.to.map_or_else(|| Ok(vec![f64::NAN; batch.n_rows()]), |at| numbers(batch, at))
    }
}

fn place(schema: &Schema, name: &str) -> Result<usize> {
    let at = schema.index(name)?;
    match schema.columns()[at].kind {
        Kind::Number => Ok(at),
        found => Err(Error::WrongKind { column: name.into(), found, wanted: "a number".into() }),
    }
}

/// How a target is seen from the number beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct View {
    relation: Relation,
    /// The mean size (for a ratio) or the mean of the column; of no column such that the target stays as it is.
    typical: f64,
}

/// The share of the mean size that is added to each size.
const FLOOR: f64 = 0.01;

impl View {
    fn of(relation: Relation, column: Option<&[f64]>) -> Self {
        let known = column.unwrap_or_default().iter().filter(|x| x.is_finite());
        let (mut sum, mut n) = (0.0, 0.0);
        for x in known {
            sum += if relation == Relation::Ratio { x.abs() } else { *x };
            n += 1.0;
        }
        let typical = match (n > 0.0, relation) {
            (true, Relation::Ratio) if sum > 0.0 => sum / n,
            (true, Relation::Difference) => sum / n,
            (_, Relation::Ratio) => 1.0 / (1.0 + FLOOR),
            (_, Relation::Difference) => 0.0,
        };
        View { relation, typical }
    }

    /// The unit of a ratio, or what is taken off.
    fn base(&self, beside: f64) -> f64 {
        let beside = if beside.is_finite() { beside } else { self.typical };
        match self.relation {
            Relation::Ratio => beside.abs() + FLOOR * self.typical,
            Relation::Difference => beside,
        }
    }

    fn there(&self, y: f64, beside: f64) -> f64 {
        match self.relation {
            Relation::Ratio => y / self.base(beside),
            Relation::Difference => y - self.base(beside),
        }
    }

    fn back(&self, seen: f64, beside: f64) -> f64 {
        match self.relation {
            Relation::Ratio => seen * self.base(beside),
            Relation::Difference => seen + self.base(beside),
        }
    }

    /// The rows with the further columns as the learner behind sees them.
    fn features(&self, batch: &Batch, places: &Places) -> Result<Batch> {
        let beside = places.beside(batch)?;
        let mut columns = batch.columns().to_vec();
        for &at in &places.also {
            let pairs = batch.numbers(at)?.iter().zip(&beside);
            columns[at] =
                Arc::new(pairs.map(|(x, &b)| x.map(|x| self.there(x, b))).collect::<Float64Array>());
        }
        Batch::with_rows(batch.schema().clone(), columns, batch.n_rows())
    }

    /// The rows with the target as the learner behind sees it.
    fn target(&self, batch: &Batch, places: &Places) -> Result<Batch> {
        let (y, beside) = (rows::moderate_numbers(batch)?, places.beside(batch)?);
        let seen = y.iter().zip(&beside).map(|(&y, &beside)| Some(self.there(y, beside)));
        let mut columns = batch.columns().to_vec();
        if let Some(at) = batch.schema().role(Role::Target) {
            columns[at] = Arc::new(seen.collect::<Float64Array>());
        }
        Batch::with_rows(batch.schema().clone(), columns, batch.n_rows())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    to: Option<String>,
    relation: Relation,
    also: Vec<String>,
}

/// What a [`TransformedTarget`] learned.
pub struct FittedRelative {
    to: Option<String>,
    also: Vec<String>,
    view: View,
    behind: Arc<dyn Fitted>,
}

impl Fitted for FittedRelative {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        vec![&self.behind]
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Places::of(input, self.to.as_deref(), &self.also)?;
        self.behind.output(input)?;
        output(input, None)
    }

    fn state(&self) -> State {
        let saved = Saved { to: self.to.clone(), relation: self.view.relation, also: self.also.clone() };
        State::new(TransformedTarget::KIND, TransformedTarget::VERSION, saved)
            .floats("typical", &[self.view.typical])
            .child(self.behind.state())
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let places = Places::of(input, self.to.as_deref(), &self.also)?;
        Ok(Box::new(BoundRelative { behind: self.behind.clone().bind(input)?, view: self.view, places }))
    }

    fn size(&self) -> u64 {
        8 + self.behind.size()
    }

    fn operations(&self) -> u64 {
        self.behind.operations() + 1 + self.also.len() as u64
    }
}

struct BoundRelative {
    behind: Box<dyn Run>,
    view: View,
    places: Places,
}

impl Run for BoundRelative {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let answered = self.behind.apply(&self.view.features(batch, &self.places)?)?;
        let last = answered.schema().len() - 1;
        let beside = self.places.beside(batch)?;
        let seen = answered.numbers(last)?.values().iter().zip(&beside);
        let numbers = seen.map(|(&seen, &beside)| Some(self.view.back(seen, beside)));
        let mut columns = answered.columns().to_vec();
        columns[last] = Arc::new(numbers.collect::<Float64Array>());
        Batch::with_rows(answered.schema().clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let beside = match self.places.to.and_then(|at| row.cells.get(at)) {
            Some(Cell::Number(x)) => *x,
            _ => f64::NAN,
        };
        for &at in &self.places.also {
            if let Some(Cell::Number(x)) = row.cells.get_mut(at) {
                *x = self.view.there(*x, beside);
            }
        }
        self.behind.row(row)?;
        if let Some(Cell::Number(seen)) = row.cells.last_mut() {
            *seen = self.view.back(*seen, beside);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::ArrayRef;
    use serde_json::json;
    use tidemill_core::Column;

    use super::*;

    /// Sales that double every ten rows, a share of which is told by `x`.
    fn grows(rows: std::ops::Range<usize>) -> Table {
        let level: Vec<f64> = rows.clone().map(|i| 100.0 * 2f64.powf(i as f64 / 10.0)).collect();
        let x: Vec<f64> = rows.clone().map(|i| f64::from((i % 3) as u32)).collect();
        let y: Vec<f64> = level.iter().zip(&x).map(|(level, x)| level * (1.0 + x)).collect();
        let columns =
            vec![Column::number("level"), Column::number("x"), Column::number("y").with_role(Role::Target)];
        let arrays: Vec<ArrayRef> =
            [level, x, y].map(|values| Arc::new(Float64Array::from(values)) as ArrayRef).to_vec();
        Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
    }

    fn worst(learner: &dyn Estimator) -> f64 {
        let context = Context::default();
        let later = grows(200..230);
        let fitted = learner.fit(Training::on(&grows(0..200)), &context).unwrap();
        let answered = fitted.bind(later.batch().schema()).unwrap().apply(later.batch()).unwrap();
        let last = answered.schema().len() - 1;
        let (said, truth) = (answered.numbers(last).unwrap(), later.batch().numbers(2).unwrap());
        said.values().iter().zip(truth.values()).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_learner_may_have_tables_of_its_own() {
        let read = |loss: Value| {
            let mut learner = json!({ "kind": "boosted_trees", "loss": loss });
            if learner["loss"] == "huber" {
                learner["huber_delta"] = json!(2.0);
            }
            serde_json::from_value::<TransformedTarget>(json!({ "to": "level", "learner": learner }))
        };
        let table = read(json!({ "kind": "huber", "delta": 2.0 })).unwrap();
        assert_eq!(table, read(json!("huber")).unwrap());
        let BaseLearner::BoostedTrees(trees) = table.learner else { panic!("another learner") };
        assert_eq!(trees.huber_delta, 2.0);
        assert!(read(json!({ "kind": "squared", "delta": 2.0 })).is_err());
    }

    #[test]
    fn trees_follow_a_level_beyond_all_they_have_seen() {
        let trees =
            BoostedTrees { min_samples_leaf: 2, early_stopping: 0, n_trees: 200, ..BoostedTrees::default() };
        assert!(worst(&trees) > 0.3);
        let ratio = TransformedTarget {
            to: Some("level".into()),
            learner: BaseLearner::BoostedTrees(trees),
            ..TransformedTarget::default()
        };
        assert!(worst(&ratio) < 0.05, "{}", worst(&ratio));
    }

    #[test]
    fn there_and_back_is_the_same_number() {
        for relation in [Relation::Ratio, Relation::Difference] {
            let view = View::of(relation, Some(&[4.0, -2.0, f64::NAN, 0.0]));
            for beside in [3.0, -7.0, 0.0, f64::NAN, f64::INFINITY] {
                let y = view.back(view.there(12.5, beside), beside);
                assert!((y - 12.5).abs() < 1e-12, "{relation:?} {beside} {y}");
            }
        }
        let alone = View::of(Relation::Ratio, None);
        assert!((alone.there(2.5, f64::NAN) - 2.5).abs() < 1e-15);
        assert_eq!(View::of(Relation::Difference, None).there(2.5, f64::NAN), 2.5);
    }
}
