//! The agreement of predicted and true masks, compared with naive methods.

use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use tidemill_core::recipe::Spec;
use tidemill_core::{Batch, Context, Error, Fitted, Result, Role, Source, Training};
use tidemill_eval::masks::PixelCounts;
use tidemill_eval::policy::{ValueInterval, difference};
use tidemill_kernel::mask::Mask;
use tidemill_kernel::picture::{self, Picture};
use tidemill_kernel::segment::picture_place;

use super::AnsweredRows;
use crate::model::Opened;
use crate::search::apply;

/// The confidence of every interval.
const CONFIDENCE: f64 = 0.95;
/// So many pictures a report shows.
const SHOWN: usize = 6;

/// How well masks agree with the true ones.
#[derive(Clone, Debug, Serialize)]
pub struct MasksJudged {
    /// How many pictures it rests on.
    pub pictures: usize,
    /// The mean of the classes' IoU.
    pub mean_iou: f64,
    /// The mean of the classes' Dice.
    pub mean_dice: f64,
    /// The share of pixels that are right.
    pub accuracy: f64,
    /// The mean over pictures of each one's mean IoU.
    pub iou_per_picture: ValueInterval,
    /// Each class.
    pub classes: Vec<ClassScores>,
}

/// How well one class is cut.
#[derive(Clone, Debug, Serialize)]
pub struct ClassScores {
    /// The value of its pixels.
    pub class: u8,
    /// How many pixels truly are of it.
    pub pixels: f64,
    /// Intersection over union; none where no pixel is of it nor said to be.
    pub iou: Option<f64>,
    /// Dice, as `iou`.
    pub dice: Option<f64>,
}

/// How much better masks are than those of a naive learner on the same pictures.
#[derive(Clone, Debug, Serialize)]
pub struct NaiveMasks {
    /// The naive learner.
    pub learner: Spec,
    /// The mean of the classes' IoU.
    pub mean_iou: f64,
    /// The mean of the classes' Dice.
    pub mean_dice: f64,
    /// By how much the mean IoU of a picture is better than the naive one: the mean of the differences, picture by picture.
    pub gain: ValueInterval,
}

/// A picture with its true mask and the one that was answered.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// The row among those judged, from 1.
    pub row: usize,
    /// The mean IoU of this picture.
    pub iou: f64,
    /// The picture.
    pub picture: Picture,
    /// What is true.
    pub truth: Mask,
    /// What was answered.
    pub said: Mask,
}

/// True masks with those that were answered.
pub(crate) struct AnsweredMasks {
    classes: Vec<u8>,
    pairs: Vec<(Mask, Mask)>,
    /// The mean IoU of each picture.
    each: Vec<f64>,
}

impl AnsweredMasks {
    /// Of rows that a model has answered; `classes` are those of all masks.
    pub(crate) fn of(answered: &Batch, classes: &[u8]) -> Result<Self> {
        let schema = answered.schema();
        let none = |what: &str| Error::internal(format!("no {what} in answers with masks"));
        let truth = answered.images(schema.role(Role::Target).ok_or_else(|| none("target"))?)?;
        let said = answered.texts(schema.role(Role::Prediction).ok_or_else(|| none("prediction"))?)?;
        let pair = |row: usize| {
            let wrong =
                |why: String| Error::data(format!("the mask in row {}: {why}", row + 1), "correct the row");
            let truth = Mask::of_picture(truth.value(row)).map_err(|why| wrong(why.to_string()))?;
            if said.is_null(row) {
                return Err(wrong("there is no picture to it".into()));
            }
            Ok((truth, Mask::of_rle(said.value(row)).map_err(|why| wrong(why.to_string()))?))
        };
        let pairs = (0..answered.n_rows()).map(pair).collect::<Result<Vec<_>>>()?;
        let of_one = |(truth, said): &(Mask, Mask)| {
            let mut counts = PixelCounts::new(classes);
            counts.add(truth.values(), said.values());
            counts.mean_iou().unwrap_or(0.0)
        };
        let each = pairs.iter().map(of_one).collect();
        Ok(AnsweredMasks { classes: classes.to_vec(), pairs, each })
    }

    pub(crate) fn judged(&self) -> MasksJudged {
        let mut counts = PixelCounts::new(&self.classes);
        self.pairs.iter().for_each(|(truth, said)| counts.add(truth.values(), said.values()));
        let of_class = |(at, class): (usize, &u8)| ClassScores {
            class: *class,
            pixels: counts.support(at),
            iou: counts.iou(at),
            dice: counts.dice(at),
        };
        MasksJudged {
            pictures: self.pairs.len(),
            mean_iou: counts.mean_iou().unwrap_or(f64::NAN),
            mean_dice: counts.mean_dice().unwrap_or(f64::NAN),
            accuracy: counts.accuracy().unwrap_or(f64::NAN),
            iou_per_picture: ValueInterval::of_mean(&self.each, CONFIDENCE),
            classes: self.classes.iter().enumerate().map(of_class).collect(),
        }
    }

    /// How much better these are than naive answers to the same pictures.
    pub(crate) fn against(&self, naive: &Self, learner: Spec) -> Result<NaiveMasks> {
        let MasksJudged { mean_iou, mean_dice, .. } = naive.judged();
        let gain = difference(&self.each, &naive.each, CONFIDENCE)?;
        Ok(NaiveMasks { learner, mean_iou, mean_dice, gain })
    }

    /// A few pictures of `rows` (the same rows before they were answered), from the worst to the best.
    pub(crate) fn overlays(&self, rows: &Batch) -> Result<Vec<Overlay>> {
        let pictures = rows.images(picture_place(rows.schema())?)?;
        let mut order: Vec<usize> = (0..self.each.len()).collect();
        order.sort_by(|a, b| self.each[*a].total_cmp(&self.each[*b]));
        let (n, shown) = (order.len(), order.len().min(SHOWN));
        let spread = (0..shown).map(|k| order[if shown > 1 { k * (n - 1) / (shown - 1) } else { 0 }]);
        let overlay = |row: usize| {
            let found = picture::decode(pictures.value(row));
            let picture =
                found.map_err(|why| Error::data(format!("row {}: {why}", row + 1), "correct the row"))?;
            let (truth, said) = self.pairs[row].clone();
            Ok(Overlay { row: row + 1, iou: self.each[row], picture, truth, said })
        };
        spread.map(overlay).collect()
    }
}

/// A learner of masks fitted on these rows.
pub(crate) fn learned(spec: &Spec, train: Batch, context: &Context) -> Result<Arc<dyn Fitted>> {
    let learner = context.build(&spec.kind, serde_json::Value::Object(spec.params.clone()))?;
    learner.fit(Training::on(&tidemill_core::Table::new(train)), &context.with_stream(&spec.kind))
}

/// The rows as what was learned answers them.
pub(crate) fn answered(fitted: &Arc<dyn Fitted>, rows: Batch, classes: &[u8]) -> Result<AnsweredMasks> {
    AnsweredMasks::of(&apply(std::slice::from_ref(fitted), rows)?, classes)
}

/// The classes that a model's masks have.
///
/// # Errors
/// A model file that says none.
pub(crate) fn classes_of(opened: &Opened) -> Result<Vec<u8>> {
    let classes = opened.provenance.classes.iter().map(|class| class.parse());
    classes
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::state("model", "its classes are no values of masks"))
}

/// Judges an open model by pictures with their masks; a few of them to be shown.
///
/// # Errors
/// Those of [`tidemill_data::check_masks`].
pub(crate) fn judged(
    opened: &Opened,
    source: &dyn Source,
    context: &Context,
) -> Result<(MasksJudged, Vec<Overlay>)> {
    let classes = classes_of(opened)?;
    let plan = opened.model.intake()?.plan();
    tidemill_data::check_masks(source, plan, Some(&classes), context)?;
    let AnsweredRows { rows, answered, .. } = AnsweredRows::of_rows(opened, source, true, context)?;
    let found = AnsweredMasks::of(&answered, &classes)?;
    let overlays = rows.map(|rows| found.overlays(&rows)).transpose()?;
    Ok((found.judged(), overlays.unwrap_or_default()))
}

/// The learners that say what a mask is without learning shapes.
pub(crate) const NAIVE: [&str; 2] = ["otsu", "k_means"];
