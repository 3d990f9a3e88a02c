//! `encode_target`: each category becomes what the target is on average where it occurs.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath,
    Kind, Registry, Result, Role, Slot, State, Table, Target, Training, dense_vector,
};
use tidemill_kernel::{Random, blocks};

use crate::mapping::{self, Bound, ColumnOf, Learned, Mapping, Saved, wrong_cell};
use crate::recode::strings;

/// How much the average of a category is drawn towards that of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Smooth {
    /// `auto`: by how much the target varies within the category and overall (empirical Bayes).
    #[default]
    #[serde(with = "auto")]
    #[schemars(with = "Auto")]
    Auto,
    /// As if so many more rows had the overall average.
    Rows(f64),
}

/// The word for the automatic choice.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Auto {
    Auto,
}

mod auto {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Auto;

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        Auto::Auto.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        Auto::deserialize(deserializer).map(|_| ())
    }
}

/// Replaces each category column by the smoothed average of the target among the training rows of each category:
/// of a numeric target a number, of two classes the share of the second, of more classes a vector with the share of
/// each.
///
/// The training rows themselves never see their own target: they are divided into folds (by chance, classes in
/// proportion) and encoded with what the other folds say; everything else is encoded with what all training rows
/// say. Agrees with scikit-learn's `TargetEncoder` (Micci-Barreca 2001, "A preprocessing scheme for high-cardinality
/// categorical attributes"). Categories that did not occur in training become the overall average; missing values are a
/// category of their own. The weight column is not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeTarget {
    /// The columns to encode; by default, every category that is a feature.
    pub columns: Columns,
    /// How much the average of a category is drawn towards the overall one: `auto`, or a number of rows from 0 up.
    pub smooth: Smooth,
    /// Into how many folds the training rows are divided, at least 2.
    pub folds: usize,
}

impl Default for EncodeTarget {
    fn default() -> Self {
        EncodeTarget { columns: Columns::default(), smooth: Smooth::Auto, folds: 5 }
    }
}

impl Estimator for EncodeTarget {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let table = Table::new(training.train.collect()?);
        Ok(Arc::new(self.learn(&table, &Answers::of(&table)?, context)?))
    }

    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        context.check()?;
        let table = Table::new(training.train.collect()?);
        let answers = Answers::of(&table)?;
        let fitted = self.learn(&table, &answers, context)?;
        let folds = self.folds_of(&answers, table.batch().blocks()?.as_deref(), context);
        let encoded = fitted.replace(table.batch(), |whole, from| {
            context.check()?;
            self.out_of_fold(whole, from, &answers, &folds)
        })?;
        Ok((Arc::new(fitted), Table::new(encoded)))
    }
}

impl Builtin for EncodeTarget {
    const KIND: &'static str = "encode_target";

    fn check(&self) -> Result<(), KeyPath> {
        match self.smooth {
            Smooth::Rows(rows) if !(rows >= 0.0 && rows.is_finite()) => {
                Err(KeyPath::new("smooth", format!("must be 'auto' or a number from 0 up; it is {rows}")))
            }
            _ if self.folds < 2 => {
                Err(KeyPath::new("folds", format!("must be at least 2; it is {}", self.folds)))
            }
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(mapping::load_columns::<Averages>(Self::KIND, Self::VERSION, &state)?))
    }
}

impl BuiltinStep for EncodeTarget {
    const SLOT: Slot = Slot::Encode;
    const DONE: &'static str = "replaced by the mean of the target, out of fold";
}

impl EncodeTarget {
    fn learn(&self, table: &Table, answers: &Answers, context: &Context) -> Result<Mapping<Averages>> {
        let batch = table.batch();
        let handles = |c: &Column| c.kind == Kind::Category;
        let places = self.columns.places(batch.schema(), "a category", handles)?;
        mapping::learn_columns(Self::KIND, Self::VERSION, batch, &places, context, |from, _| {
            let names = from.column().categories()?.clone();
            let slots = slots(from.codes()?, names.len());
            let (encodings, prior) = average(&slots, names.len() + 1, answers, |_| true, self.smooth);
            Ok(Averages { names, classes: answers.classes.clone(), prior, encodings })
        })
    }

    /// The fold of each row: rows in random order, classes one after the other, dealt out in turn; copies of a row together.
    fn folds_of(&self, answers: &Answers, together: Option<&[u32]>, context: &Context) -> Vec<u32> {
        let mut order: Vec<u32> = (0..answers.n_rows as u32).collect();
        Random::new(context.seed_for(Self::KIND), 0).shuffle(&mut order);
        if let Some(classes) = &answers.strata {
            order.sort_by_key(|&row| classes[row as usize]);
        }
        blocks::deal(&order, together, self.folds)
    }

    fn out_of_fold(
        &self,
        whole: &Averages,
        from: ColumnOf<'_>,
        answers: &Answers,
        folds: &[u32],
    ) -> Result<Vec<ArrayRef>> {
        let n_slots = whole.names.len() + 1;
        let slots = slots(from.codes()?, whole.names.len());
        let by_fold: Vec<Averages> = (0..self.folds as u32)
            .map(|fold| {
                let (encodings, prior) =
                    average(&slots, n_slots, answers, |row| folds[row] != fold, self.smooth);
                Averages { encodings, prior, ..whole.clone() }
            })
            .collect();
        let n_out = whole.prior.len();
        let rows = slots.iter().zip(folds);
        whole.array(
            rows.flat_map(|(&slot, &fold)| by_fold[fold as usize].of(slot)).copied(),
            slots.len(),
            n_out,
        )
    }
}

/// The target in the form that is averaged: of each row `n_out` numbers, one output after the other.
pub(crate) struct Answers {
    pub(crate) n_rows: usize,
    pub(crate) outputs: Vec<Vec<f64>>,
    /// The class of each row, where there are classes.
    strata: Option<Vec<u32>>,
    /// The names of the classes, where there are more than two.
    pub(crate) classes: Option<Arc<Categories>>,
}

impl Answers {
    pub(crate) fn of(table: &Table) -> Result<Self> {
        use tidemill_core::Source;
        let batch = table.batch();
        let target = Target::of(batch)?;
        let n_rows = target.len();
        let is = |codes: &[u32], class: u32| codes.iter().map(|&c| f64::from(u8::from(c == class))).collect();
        Ok(match target {
            Target::Number(values) => {
                if let Some(row) = values.iter().position(|y| !y.is_finite()) {
                    return Err(Error::data(
                        format!("the target is {} in row {row}", values[row]),
                        "correct or remove this row",
                    ));
                }
                Answers { n_rows, outputs: vec![values], strata: None, classes: None }
            }
            Target::Class { codes, n_classes } if n_classes <= 2 => {
                Answers { n_rows, outputs: vec![is(&codes, 1)], strata: Some(codes), classes: None }
            }
            Target::Class { codes, n_classes } => {
                let at = table.schema().role(Role::Target);
                let names = at.and_then(|at| batch.schema().columns()[at].categories.clone());
                let outputs = (0..n_classes as u32).map(|class| is(&codes, class)).collect();
                Answers { n_rows, outputs, strata: Some(codes), classes: names }
            }
        })
    }
}

/// What an input code counts as: its own place, one more for missing values, none for values unseen before.
pub(crate) fn slots(codes: &UInt32Array, n_names: usize) -> Vec<Option<usize>> {
    let slot = |code: Option<u32>| match code {
        None => Some(n_names),
        Some(code) => ((code as usize) < n_names).then_some(code as usize),
    };
    codes.iter().map(slot).collect()
}

/// The encoding of each slot (`n_slots` times `n_out` numbers, slot after slot) and the overall averages, from the
/// rows for which `counts` holds. The arithmetic is that of scikit-learn's `_target_encoder_fast`.
pub(crate) fn average(
    slots: &[Option<usize>],
    n_slots: usize,
    answers: &Answers,
    counts: impl Fn(usize) -> bool,
    smooth: Smooth,
) -> (Vec<f64>, Vec<f64>) {
    let n_out = answers.outputs.len();
    let mut encodings = vec![0.0; n_slots * n_out];
    let mut priors = Vec::with_capacity(n_out);
    for (o, y) in answers.outputs.iter().enumerate() {
        let rows = || y.iter().enumerate().filter(|(row, _)| counts(*row)).map(|(row, &y)| (slots[row], y));
        let n = rows().count().max(1) as f64;
        let prior = rows().map(|(_, y)| y).sum::<f64>() / n;
        let mut groups = vec![Group::default(); n_slots];
        for (slot, y) in rows() {
            if let Some(slot) = slot {
                groups[slot].n += 1.0;
                groups[slot].sum += y;
            }
        }
        let spread = match smooth {
            Smooth::Rows(_) => 0.0,
            Smooth::Auto => {
                for (slot, y) in rows() {
                    if let Some(slot) = slot {
                        let group = &mut groups[slot];
                        group.squares += (y - group.sum / group.n).powi(2);
                    }
                }
                rows().map(|(_, y)| (y - prior).powi(2)).sum::<f64>() / n
            }
        };
        for (slot, group) in groups.iter().enumerate() {
            encodings[slot * n_out + o] = group.encoding(prior, spread, smooth);
        }
        priors.push(prior);
    }
    (encodings, priors)
}

/// The rows of one category.
#[derive(Clone, Copy, Default)]
struct Group {
    n: f64,
    sum: f64,
    /// Squared distances from the group's own average.
    squares: f64,
}

impl Group {
    fn encoding(&self, prior: f64, spread: f64, smooth: Smooth) -> f64 {
        if self.n == 0.0 {
            return prior;
        }
        match smooth {
            Smooth::Rows(rows) => (self.sum + rows * prior) / (self.n + rows),
            Smooth::Auto => {
                let own = spread * self.n / (spread * self.n + self.squares / self.n);
                if own.is_nan() { prior } else { own * (self.sum / self.n) + (1.0 - own) * prior }
            }
        }
    }
}

/// What was learned about one column.
#[derive(Clone, Debug)]
pub(crate) struct Averages {
    pub(crate) names: Arc<Categories>,
    /// The classes of a target of more than two: one output each.
    pub(crate) classes: Option<Arc<Categories>>,
    /// The overall average of each output.
    pub(crate) prior: Vec<f64>,
    /// By slot (the names, then missing): the number of each output.
    pub(crate) encodings: Vec<f64>,
}

impl Averages {
    fn of(&self, slot: Option<usize>) -> &[f64] {
        let n_out = self.prior.len();
        slot.and_then(|slot| self.encodings.get(slot * n_out..(slot + 1) * n_out)).unwrap_or(&self.prior)
    }

    /// A number column, or with classes a vector column, of these numbers.
    pub(crate) fn array(
        &self,
        numbers: impl Iterator<Item = f64>,
        n_rows: usize,
        n_out: usize,
    ) -> Result<Vec<ArrayRef>> {
        Ok(vec![if self.classes.is_some() {
            let mut values = Vec::with_capacity(n_rows * n_out);
            values.extend(numbers.map(|x| x as f32));
            dense_vector(values, n_out)?
        } else {
            Arc::new(Float64Array::from_iter_values(numbers))
        }])
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedNotes {
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    classes: Option<Vec<String>>,
}

impl Learned for Averages {
    fn save(&self) -> Saved {
        let classes = self.classes.as_ref().map(|c| strings(c.names()));
        let floats = self.prior.iter().chain(&self.encodings).copied().collect();
        Saved::new(SavedNotes { names: strings(self.names.names()), classes }, floats)
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let notes: SavedNotes = saved.read()?;
        let (names, classes) = (Categories::new(&notes.names), notes.classes.map(Categories::new));
        let n_out = classes.as_ref().map_or(1, |c| c.len());
        if n_out == 0 || saved.floats.len() != n_out * (names.len() + 2) {
            return Err(format!("{} numbers for {} categories", saved.floats.len(), names.len()));
        }
        let (prior, encodings) = saved.floats.split_at(n_out);
        Ok(Averages { names, classes, prior: prior.to_vec(), encodings: encodings.to_vec() })
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let column = match &self.classes {
            None => Column::number(&input.name),
            Some(classes) => {
                let parts = classes.names().iter().map(|class| format!("{}:{class}", input.name));
                Column::vector(&input.name, parts.collect::<Vec<String>>())
            }
        };
        Ok(vec![column.derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let own = |name: &Arc<str>| match self.names.code(name) {
            code if code < self.names.unseen() => Some(code as usize),
            _ => None,
        };
        let slots = input.categories()?.names().iter().map(own).collect();
        Ok(Box::new(BoundAverages { slots, averages: self.clone() }))
    }
}

struct BoundAverages {
    /// The slot of each input code.
    slots: Vec<Option<usize>>,
    averages: Averages,
}

impl BoundAverages {
    fn of(&self, code: Option<u32>) -> &[f64] {
        self.averages.of(match code {
            None => Some(self.averages.names.len()),
            Some(code) => self.slots.get(code as usize).copied().flatten(),
        })
    }
}

impl Bound for BoundAverages {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let codes = from.codes()?;
        let n_out = self.averages.prior.len();
        self.averages.array(codes.iter().flat_map(|code| self.of(code)).copied(), codes.len(), n_out)
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let numbers = match cell {
            Cell::Missing => self.of(None),
            Cell::Code(code) => self.of(Some(code)),
            other => return Err(wrong_cell("a category", &other)),
        };
        out.push(match (&self.averages.classes, numbers) {
            (None, [x]) => Cell::Number(*x),
            (_, numbers) => Cell::Vector(numbers.iter().map(|&x| x as f32).collect()),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tidemill_core::{Batch, Schema};

    use super::*;

    fn table(y: &[f64]) -> Table {
        let names = Categories::new(["a", "b", "c"]);
        let codes = UInt32Array::from_iter_values((0..y.len() as u32).map(|i| i * 7 % 3));
        let columns =
            vec![Column::category("letter", names.clone()), Column::number("y").with_role(Role::Target)];
        let arrays = vec![names.column(codes).unwrap(), Arc::new(Float64Array::from(y.to_vec())) as ArrayRef];
        Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
    }

    fn encoded(y: &[f64]) -> Vec<f64> {
        encoded_of(&table(y))
    }

    fn encoded_of(table: &Table) -> Vec<f64> {
        let step = EncodeTarget::default();
        let (_, out) = step.fit_apply(Training::on(table), &Context::default()).unwrap();
        out.batch().numbers(0).unwrap().values().to_vec()
    }

    #[test]
    fn no_training_row_sees_the_target_of_its_copy() {
        // Each letter comes in four blocks of five rows.
        let blocks = |row: usize| (row % 12) as f64;
        let of = |y: &[f64]| {
            let batch = table(y).batch().clone();
            let mut columns = batch.schema().columns().to_vec();
            columns.push(Column::number("(block)").with_role(Role::Block));
            let own: ArrayRef = Arc::new(Float64Array::from_iter_values((0..y.len()).map(blocks)));
            let arrays = [batch.columns(), &[own]].concat();
            encoded_of(&Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()))
        };
        let y: Vec<f64> = (0..60).map(|i| f64::from(i * i % 17)).collect();
        let before = of(&y);
        for row in 0..12 {
            let mut y = y.clone();
            y[row] = 1e6;
            let after = of(&y);
            for copy in (row..60).step_by(12) {
                assert_eq!(before[copy], after[copy], "rows {row} and {copy}");
            }
            assert_ne!(before, after, "the other rows do see it");
        }
    }

    #[test]
    fn no_training_row_sees_its_own_target() {
        let mut y: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17)).collect();
        let before = encoded(&y);
        for row in 0..y.len() {
            let kept = y[row];
            y[row] = 1e6;
            let after = encoded(&y);
            assert_eq!(before[row], after[row], "row {row}");
            assert_ne!(before, after, "the other rows do see it");
            y[row] = kept;
        }
    }

    #[test]
    fn smooth_reads_a_word_or_a_number() {
        let read = |text: &str| serde_json::from_str::<EncodeTarget>(text).map(|e| e.smooth).ok();
        assert_eq!(read(r#"{"smooth": "auto"}"#), Some(Smooth::Auto));
        assert_eq!(read(r#"{"smooth": 3}"#), Some(Smooth::Rows(3.0)));
        assert_eq!(read(r#"{"smooth": "much"}"#), None);
        assert_eq!(EncodeTarget::default().params()["smooth"], "auto");
    }
}
