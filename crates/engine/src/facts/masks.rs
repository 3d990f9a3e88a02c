//! The results of training on masks.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;
use tidemill_core::Warning;
use tidemill_core::recipe::Spec;

use super::{ColumnFacts, DataFacts, Shipped, SplitFacts};
use crate::judge::{MasksJudged, NaiveMasks};

/// What `metrics.json` says of masks. Equal for equal data, recipe and seed.
#[derive(Clone, Debug, Serialize)]
pub struct MasksOutcome {
    /// The program that wrote it.
    pub tidemill: &'static str,
    /// Where the rows came from.
    pub data: DataFacts,
    /// The column of masks.
    pub target: String,
    /// The values of masks, ascending.
    pub classes: Vec<u8>,
    /// The columns used or left out, each with a word of why.
    pub columns: Vec<ColumnFacts>,
    /// How the rows were divided.
    pub split: SplitFacts,
    /// What was compared, the best first.
    pub leaderboard: Vec<MasksStanding>,
    /// The learner that was chosen, with its parameters.
    pub chosen: Spec,
    /// How well the chosen one, fitted on the training part, does on the test part.
    pub test: MasksJudged,
    /// The naive answers to the same pictures, the best first.
    pub naive: Vec<NaiveMasks>,
    /// What the model that ships was fitted on.
    pub shipped: Shipped,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl MasksOutcome {
    /// The figures by name, as a model file keeps them.
    pub(crate) fn metrics(&self) -> IndexMap<&'static str, f64> {
        let MasksJudged { mean_iou, mean_dice, accuracy, iou_per_picture, .. } = &self.test;
        let values = [*mean_iou, *mean_dice, *accuracy, iou_per_picture.value];
        ["mean_iou", "mean_dice", "accuracy", "iou_per_picture"].into_iter().zip(values).collect()
    }
}

/// How well a learner does on pictures of the training part that it was not fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct MasksStanding {
    /// The learner with its parameters.
    pub learner: Spec,
    /// The mean of the classes' IoU; absent where nothing was compared, or it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_iou: Option<f64>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A finished training of masks.
pub struct TrainedMasks {
    /// What happened.
    pub outcome: MasksOutcome,
    /// The model file.
    pub model: PathBuf,
    /// The resolved recipe.
    pub recipe: PathBuf,
    /// The metrics.
    pub metrics: PathBuf,
    /// The report.
    pub report: PathBuf,
    /// The SHA-256 of the model's manifest.
    pub hash: String,
}
