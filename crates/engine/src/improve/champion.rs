//! The model in service, and what it was made by.

use std::any::Any;
use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Context, Error, Fitted, Result};
use tidemill_data::InferredSchema;
use tidemill_eval::Metric;

use super::Job;
use crate::error::EngineError;
use crate::judge::metric_of;
use crate::links::calibrate::Calibrate;
use crate::links::smooth::Smooth;
use crate::links::threshold::Threshold;
use crate::model::{Learned, Opened};
use crate::recipe::{self, resolve};
use crate::serve::serving::name_of;

/// The champion, and what it was made by.
pub(super) struct Champion {
    pub(super) opened: Opened,
    pub(super) recipe: Recipe,
    pub(super) plan: InferredSchema,
    pub(super) name: String,
    /// Of several targets, the one that it answers.
    pub(super) target: Option<String>,
    pub(super) metric: &'static Metric,
}

impl Champion {
    pub(super) fn of(opened: Opened, target: Option<String>, job: &Job, context: &Context) -> Result<Self> {
        let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
        let mut recipe = recipe::located(recipe, &job.model, context.registry());
        // A challenger learns from all rows and the feedback, from nothing.
        (recipe.train.start, recipe.train.start_sha256) = (None, None);
        let plan = opened.model.intake()?.plan().clone();
        let metric = metric_of(&recipe, resolve::task(&plan)?)?;
        let name = job.name.clone().unwrap_or_else(|| name_of(&job.model));
        Ok(Champion { opened, recipe, plan, name, target, metric })
    }

    /// What feedback it was made with.
    pub(super) fn learned(&self) -> Learned {
        self.opened.provenance.learned()
    }

    /// What comes after its learners: calibration and the threshold.
    pub(super) fn links(&self) -> Vec<Arc<dyn Fitted>> {
        let after = |link: &&Arc<dyn Fitted>| {
            let link: &dyn Any = &***link;
            link.is::<Calibrate>() || link.is::<Smooth>() || link.is::<Threshold>()
        };
        self.opened.model.chain.0.iter().filter(after).cloned().collect()
    }

    pub(super) fn learner(&self) -> Result<Spec> {
        let about = &self.opened.provenance;
        if let Some(from) = &about.imported {
            let problem =
                format!("this model was imported from {}: it cannot be trained again here", from.program);
            return Err(
                EngineError::usage(problem, "train a model on your rows with `tidemill train`").into()
            );
        }
        let learner = about.learner.clone();
        learner.ok_or_else(|| Error::state("model", "manifest.json, about.learner: it names no learner"))
    }
}
