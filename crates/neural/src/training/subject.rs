//! What there is to learn: the truth and the weight of every row, what the net's outputs will mean, and which rows are set
//! aside to watch.

use tidemill_core::{Batch, Context, Error, Kind, Result, Role, Schema, Source, Target};
use tidemill_kernel::{ClassWeight, Classes, Random};

use super::batches::Rows;
use crate::fitted::Meaning;
use crate::head::{Loss, NetLoss, Truth};
use crate::standard::Sums;
use crate::{NeuralError, NeuralNet};

/// The truth of a source's rows, and how much each counts (0 for those that nothing can be learned from).
pub(crate) struct Subject {
    pub truth: Truth,
    pub weights: Vec<f32>,
    /// The block of each row, where some belong together.
    pub blocks: Option<Vec<u32>>,
}

/// The target, the weights and the blocks of all rows of a source.
struct Raw {
    target: Target,
    weights: Vec<f64>,
    blocks: Option<Vec<u32>>,
}

impl Raw {
    fn of(source: &dyn Source, context: &Context) -> Result<Raw> {
        let (mut numbers, mut classes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        let (mut n_classes, mut blocks) = (None, None);
        for batch in source.scan()? {
            context.check()?;
            let batch = batch?;
            match Target::of(&batch)? {
                Target::Number(values) => {
                    check_finite(&batch, &values, numbers.len())?;
                    numbers.extend(values);
                }
                Target::Class { codes, n_classes: n } => {
                    classes.extend(codes);
                    n_classes = Some(n);
                }
            }
            if let Some(own) = batch.blocks()? {
                blocks.get_or_insert_with(Vec::new).extend(own);
            }
            weights.extend(batch.weights()?.unwrap_or_else(|| vec![1.0; batch.n_rows()]));
        }
        let target = match n_classes {
            Some(n_classes) => Target::Class { codes: classes, n_classes },
            None => Target::Number(numbers),
        };
        Ok(Raw { target, weights, blocks })
    }
}

fn check_finite(batch: &Batch, values: &[f64], before: usize) -> Result<()> {
    match values.iter().position(|y| !y.is_finite()) {
        None => Ok(()),
        Some(row) => {
            let column = target_name(batch.schema());
            Err(NeuralError::TargetNotFinite { column, row: before + row }.into())
        }
    }
}

fn target_name(schema: &Schema) -> String {
    schema.role(Role::Target).map(|at| schema.columns()[at].name.clone()).unwrap_or_default()
}

impl Subject {
    /// The training rows, and what a net's outputs mean that learned from them.
    pub(crate) fn learn(
        options: &NeuralNet,
        source: &dyn Source,
        context: &Context,
    ) -> Result<(Self, Meaning)> {
        let raw = Raw::of(source, context)?;
        if raw.weights.is_empty() {
            return Err(NeuralError::NoRows.into());
        }
        if raw.weights.iter().all(|&w| w == 0.0) {
            return Err(NeuralError::NoWeight.into());
        }
        let meaning = match &raw.target {
            Target::Number(values) => {
                let mut sums = Sums::default();
                values.iter().zip(&raw.weights).for_each(|(&y, &w)| sums.add(y, w));
                Meaning::Number(sums.standard())
            }
            Target::Class { codes, .. } => {
                let at = source.schema().role(Role::Target).unwrap_or_default();
                let names = source.schema().columns()[at].categories()?.clone();
                let (classes, _) = Classes::of(names, codes.clone(), Some(&raw.weights));
                classes.warn_if_one(context);
                Meaning::Classes(classes)
            }
        };
        let mut subject = Subject::of(raw, &meaning)?;
        if let (ClassWeight::Balanced, Meaning::Classes(classes), Truth::Classes(codes)) =
            (options.class_weight, &meaning, &subject.truth)
        {
            let shares = classes.present_shares();
            for (weight, &code) in subject.weights.iter_mut().zip(codes) {
                if *weight > 0.0 {
                    *weight /= (shares[code as usize] * shares.len() as f64) as f32;
                }
            }
        }
        Ok((subject, meaning))
    }

    /// Rows to watch, under the meaning that the training rows gave.
    pub(crate) fn watched(source: &dyn Source, meaning: &Meaning, context: &Context) -> Result<Self> {
        Subject::of(Raw::of(source, context)?, meaning)
    }

    fn of(raw: Raw, meaning: &Meaning) -> Result<Self> {
        let mut weights: Vec<f32> = raw.weights.iter().map(|&w| w as f32).collect();
        let truth = match (raw.target, meaning) {
            (Target::Number(values), Meaning::Number(standard)) => {
                Truth::Numbers(values.iter().map(|&y| standard.apply(y)).collect())
            }
            (Target::Class { mut codes, .. }, Meaning::Classes(classes)) => {
                for (code, weight) in codes.iter_mut().zip(&mut weights) {
                    match classes.present.binary_search(code) {
                        Ok(place) => *code = place as u32,
                        // A class that training never saw can be learned from nothing.
                        Err(_) => (*code, *weight) = (0, 0.0),
                    }
                }
                Truth::Classes(codes)
            }
            _ => return Err(Error::internal("the rows to watch have a target of another kind")),
        };
        Ok(Subject { truth, weights, blocks: raw.blocks })
    }

    /// The rows that count, of `source`.
    pub(crate) fn rows<'a>(&'a self, source: &'a dyn Source) -> Rows<'a> {
        let counts = |&row: &u32| self.weights[row as usize] > 0.0;
        let rows = (0..self.weights.len() as u32).filter(counts).collect();
        Rows { source, rows, truth: &self.truth, weights: &self.weights }
    }
}

/// Takes a share of the rows away, chosen by the seed, to watch; none where so few would be left that they say nothing. Rows of
/// one block go together.
pub(crate) fn set_aside<'a>(
    rows: &mut Rows<'a>,
    blocks: Option<&[u32]>,
    share: f64,
    seed: u64,
) -> Option<Rows<'a>> {
    const FEWEST: usize = 4;
    let n = (share * rows.rows.len() as f64).round() as usize;
    if n < FEWEST {
        return None;
    }
    Random::new(seed, 0).shuffle(&mut rows.rows);
    let mut watched = match blocks {
        None => rows.rows.split_off(rows.rows.len() - n),
        Some(blocks) => {
            let own: Vec<u32> = rows.rows.iter().map(|&row| blocks[row as usize]).collect();
            let order: Vec<u32> = (0..own.len() as u32).collect();
            let places = tidemill_kernel::blocks::held_out(&order, &own, share);
            let watched: Vec<u32> = places.iter().map(|&at| rows.rows[at as usize]).collect();
            let mut at = 0u32..;
            rows.rows.retain(|_| at.next().is_some_and(|at| places.binary_search(&at).is_err()));
            watched
        }
    };
    watched.sort_unstable();
    rows.rows.sort_unstable();
    if watched.len() < FEWEST || rows.rows.is_empty() {
        rows.rows.append(&mut watched);
        rows.rows.sort_unstable();
        return None;
    }
    Some(Rows { source: rows.source, rows: watched, truth: rows.truth, weights: rows.weights })
}

/// The loss that the recipe asks for, or the one that suits the target.
pub(crate) fn loss(options: &NeuralNet, schema: &Schema) -> Result<Loss> {
    let target = schema.role(Role::Target).map(|at| schema.columns()[at].kind);
    let classes = target == Some(Kind::Category);
    let kind = options.loss.unwrap_or(if classes { NetLoss::CrossEntropy } else { NetLoss::Squared });
    if kind.is_for_classes() != classes {
        let wanted = if kind.is_for_classes() { "classes" } else { "numbers" };
        let (loss, column) = (kind.word().into(), target_name(schema));
        return Err(NeuralError::LossUnsuited { loss, wanted, column }.into());
    }
    Ok(Loss {
        kind,
        smoothing: options.label_smoothing as f32,
        gamma: options.focal_gamma as f32,
        delta: options.huber_delta as f32,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, UInt32Array};
    use serde_json::Value;
    use tidemill_core::{Categories, Column, Table};

    use super::*;

    #[test]
    fn rows_to_watch_are_no_copies_of_those_learned_from() {
        let column = Column::number("y").with_role(Role::Target);
        let block = Column::number("(block)").with_role(Role::Block);
        let schema = Arc::new(Schema::new(vec![column, block]).unwrap());
        let numbers = |of: fn(u32) -> f64| -> ArrayRef {
            Arc::new(arrow_array::Float64Array::from_iter_values((0..200).map(of)))
        };
        let batch = Batch::new(schema, vec![numbers(f64::from), numbers(|i| f64::from(i % 40))]).unwrap();
        let table = Table::new(batch);
        let (subject, _) = Subject::learn(&NeuralNet::default(), &table, &Context::default()).unwrap();
        let mut rows = subject.rows(&table);
        let watched = set_aside(&mut rows, subject.blocks.as_deref(), 0.1, 3).unwrap();
        assert_eq!((rows.rows.len(), watched.rows.len()), (180, 20));
        assert!(watched.rows.iter().all(|w| rows.rows.iter().all(|r| r % 40 != w % 40)));
    }

    /// Weights of `compute_class_weight("balanced")`, from `reference/nets.py`; a class without rows has none.
    #[test]
    fn balanced_classes_weigh_as_in_scikit_learn() {
        let all: Value = serde_json::from_str(include_str!("../../tests/reference/nets.json")).unwrap();
        let names = Categories::new(["a", "none", "b", "c"]);
        let codes: Vec<u32> = [[0; 6].as_slice(), &[2; 3], &[3]].concat();
        let array: ArrayRef = names.column(UInt32Array::from(codes)).unwrap();
        let column = Column::category("y", names).with_role(Role::Target);
        let schema = Arc::new(Schema::new(vec![column]).unwrap());
        let table = Table::new(Batch::new(schema, vec![array]).unwrap());
        let options = NeuralNet { class_weight: ClassWeight::Balanced, ..NeuralNet::default() };
        let (subject, meaning) = Subject::learn(&options, &table, &Context::default()).unwrap();
        assert_eq!(meaning.outputs(), 3);
        for (row, class) in [(0, 0), (6, 1), (9, 2)] {
            let wanted = all["balanced"][class].as_f64().unwrap();
            assert!((f64::from(subject.weights[row]) - wanted).abs() < 1e-6);
        }
    }
}
