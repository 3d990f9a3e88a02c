//! `[labels]`: rows whose label is probably wrong, found by models that did not see them, and what becomes of them in training.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tidemill_core::recipe::{Folds, LabelAction, Labels, Recipe, Split, SplitKind};
use tidemill_core::{Context, Event, Result, Role, Source, Table, Target, Training, View};
use tidemill_data::split;
use tidemill_kernel::confident_learning::{Suspect, suspects};
use tidemill_kernel::far_off::{FarOff, far_off};
use tidemill_report::words::count;

use super::{apply, preparation};
use crate::links::answer::Place;

/// A greater share of doubtful labels is no fault of the labels: the columns do not say them.
pub(super) const MOST_DOUBTFUL: f64 = 1.0 / 3.0;
/// A number is doubted from so many robust deviations on. Of a normal distribution nothing lies there, of Laplace's 0.7%.
const DEVIATIONS: f64 = 5.0;

/// What became of rows with a doubtful label, among those that the model in the file was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelFacts {
    /// The rows there were.
    pub rows: usize,
    /// Those whose label is probably wrong.
    pub doubtful: usize,
    /// What was done with them.
    pub action: LabelAction,
}

/// Rows whose label is probably wrong.
#[derive(Clone, Debug, Serialize)]
pub struct DoubtfulLabels {
    /// The column.
    pub target: String,
    /// The learner whose probabilities say so.
    pub learner: String,
    /// The rows that have a label.
    pub rows: usize,
    /// Whether rows without a label came between them, so that `row` counts the labelled ones alone.
    pub labelled_only: bool,
    /// The rows, the surest first.
    pub doubtful: Vec<Doubt>,
}

/// A row whose label is probably wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Doubt {
    /// The row, from 1; the line with the column names is not counted.
    pub row: usize,
    /// What its key column says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The label it has.
    pub given: String,
    /// The label it probably should have.
    pub likely: String,
    /// Of a class, from 0 to 1: the less, the surer it is that the label is wrong; at 0.5 both labels are as probable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Of a number: how many robust deviations it lies from the likely one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviations: Option<f64>,
}

/// The rows whose target is probably wrong, the surest first.
pub enum Doubted {
    /// Of classes, by confident learning.
    Classes(Vec<Suspect>),
    /// Of numbers, by how far they lie from what a model says.
    Numbers(Vec<FarOff>),
}

impl Doubted {
    /// The rows.
    pub fn rows(&self) -> Vec<usize> {
        match self {
            Doubted::Classes(found) => found.iter().map(|one| one.row).collect(),
            Doubted::Numbers(found) => found.iter().map(|one| one.row).collect(),
        }
    }
}

/// The rows whose target is probably wrong, the surest first: by the answers of `labels.learner` on folds that it was not
/// fitted on, each with preparation of its own. A class is doubted by confident learning, a number by its distance.
///
/// # Errors
/// A learner that gives no probabilities for classes; too few rows to divide.
pub fn doubtful(table: &Table, recipe: &Recipe, labels: &Labels, context: &Context) -> Result<Doubted> {
    let (judged, answers) = unseen(table, recipe, labels, &context.quiet().with_stream("labels"))?;
    match Target::of(table.batch())? {
        Target::Class { codes, n_classes } => {
            let given: Vec<u32> = judged.iter().map(|row| codes[*row]).collect();
            let mut found = suspects(&given, &answers, n_classes);
            found.iter_mut().for_each(|one| one.row = judged[one.row]);
            Ok(Doubted::Classes(found))
        }
        Target::Number(values) => {
            let given: Vec<f64> = judged.iter().map(|row| values[*row]).collect();
            let mut found = far_off(&given, &answers, DEVIATIONS);
            found.iter_mut().for_each(|one| one.row = judged[one.row]);
            Ok(Doubted::Numbers(found))
        }
    }
}

/// The rows that were judged by a learner which was not fitted on them, and its answers: a number or the probabilities of each. There may
/// be fewer groups than folds; rows that no fold judged are left out.
fn unseen(
    table: &Table,
    recipe: &Recipe,
    labels: &Labels,
    context: &Context,
) -> Result<(Vec<usize>, Vec<f64>)> {
    let target = Target::of(table.batch())?;
    let rows: Vec<u32> = (0..target.len() as u32).collect();
    // By chance whatever the split: each row must be judged once, the earliest too.
    let group = table.schema().role(Role::Group).is_some();
    let kind = if group { SplitKind::StratifiedGroup } else { SplitKind::Stratified };
    let asked = Folds { n: Some(labels.folds), kind: Some(kind), ..Folds::default() };
    let by_chance = Split { gap: None, ..recipe.split.clone() };
    let folds = split::folds(table, &rows, &asked, &by_chance, context)?;
    let shared = Arc::new(table.clone());
    let mut known: Vec<(usize, Vec<f64>)> = Vec::with_capacity(rows.len());
    for fold in &folds {
        context.check()?;
        let part = |rows: &[u32]| View::new(shared.clone(), rows)?.collect();
        let learner = context.build(&labels.learner, Value::Null)?;
        let prepared = preparation::fit(part(&fold.train)?.into(), recipe, learner.needs(), context)?;
        let fitted = learner.fit(Training::on(&prepared.train), context)?;
        let valid = apply(&prepared.steps, part(&fold.valid)?)?;
        let output = fitted.bind(valid.schema())?.apply(&valid)?;
        let place = match target {
            Target::Class { .. } => Place::of_classes(output.schema())?,
            Target::Number(_) => Place::of(output.schema())?,
        };
        let values = place.values(&output)?;
        let width = (values.len() / fold.valid.len().max(1)).max(1);
        known.extend(
            fold.valid.iter().map(|row| *row as usize).zip(values.chunks_exact(width).map(<[f64]>::to_vec)),
        );
        context.tell(&Event::Step(1));
    }
    known.sort_by_key(|(row, _)| *row);
    let (judged, answers): (Vec<usize>, Vec<Vec<f64>>) = known.into_iter().unzip();
    Ok((judged, answers.concat()))
}

/// The rows that a learner is fitted on, without those of doubtful label or with less weight on them; as they are where the recipe
/// has no `[labels]`. To be called on training rows alone.
pub(crate) fn cleaned(
    table: Table,
    recipe: &Recipe,
    context: &Context,
) -> Result<(Table, Option<LabelFacts>)> {
    let Some(labels) = &recipe.labels else { return Ok((table, None)) };
    let mut doubted = vec![false; table.batch().n_rows()];
    doubtful(&table, recipe, labels, context)?.rows().into_iter().for_each(|row| doubted[row] = true);
    if labels.action == LabelAction::Drop {
        keep_every_class(&table, &mut doubted, context)?;
    }
    let n = doubted.iter().filter(|doubted| **doubted).count();
    if n as f64 > MOST_DOUBTFUL * doubted.len() as f64 {
        let message = "[labels] doubts more than a third of the labels: so many are no mistakes, but labels that these columns do not tell";
        context.warn("labels_mostly_doubtful", message);
    }
    let facts = LabelFacts { rows: doubted.len(), doubtful: n, action: labels.action };
    let batch = table.batch();
    let cleaned = match labels.action {
        LabelAction::Drop => {
            let kept: Vec<u32> = (0..doubted.len() as u32).filter(|row| !doubted[*row as usize]).collect();
            batch.take(&kept)?
        }
        LabelAction::DownWeight => {
            tidemill_prep::scaled_weights(batch, |row| if doubted[row] { labels.weight } else { 1.0 })?
        }
    };
    Ok((Table::new(cleaned), Some(facts)))
}

/// A class of which every row is doubted stays: with none of them left it could never be predicted.
fn keep_every_class(table: &Table, doubted: &mut [bool], context: &Context) -> Result<()> {
    let Target::Class { codes, n_classes } = Target::of(table.batch())? else { return Ok(()) };
    let mut left = vec![[0usize; 2]; n_classes];
    codes.iter().zip(&*doubted).for_each(|(code, doubted)| left[*code as usize][usize::from(*doubted)] += 1);
    let gone = |code: u32| left[code as usize][0] == 0;
    codes
        .iter()
        .zip(&mut *doubted)
        .filter(|(code, _)| gone(**code))
        .for_each(|(_, doubted)| *doubted = false);
    let rows: usize = left.iter().filter(|[kept, _]| *kept == 0).map(|[_, doubted]| doubted).sum();
    if rows > 0 {
        let message = format!(
            "[labels]: every row of a class has a doubtful label ({}); these stay",
            count(rows as u64, "row")
        );
        context.warn("labels_of_a_whole_class", message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use tidemill_kernel::confident_learning::suspects;

    #[derive(Deserialize)]
    struct Case {
        labels: Vec<u32>,
        probabilities: Vec<Vec<f64>>,
        doubtful: Vec<usize>,
        likely: Vec<u32>,
    }

    /// Stored by `tests/reference/labels.py`.
    #[test]
    fn cleanlab_doubts_the_same_labels_in_the_same_order() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/reference/labels.json")).unwrap();
        for case in cases {
            let k = case.probabilities[0].len();
            let found = suspects(&case.labels, &case.probabilities.concat(), k);
            assert_eq!(found.iter().map(|s| s.row).collect::<Vec<_>>(), case.doubtful);
            assert_eq!(found.iter().map(|s| s.likely).collect::<Vec<_>>(), case.likely);
        }
    }
}
