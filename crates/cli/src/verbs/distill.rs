//! `tidemill distill`.

use tidemill_engine::core::Result;
use tidemill_engine::report::text;
use tidemill_engine::verbs::distill::{self, Job};

use super::{context, json_of};
use crate::args::Cli;
use crate::args::distill::Distill;
use crate::show::Shown;

/// Trains a lighter model on what a model says.
pub(super) fn distill(args: &Distill, cli: &Cli) -> Result<Shown> {
    let context = context(cli, args.seed, args.threads)?;
    let job = Job {
        teacher: args.model.clone(),
        source: args.data.clone(),
        to: args.to.into(),
        out: args.out.clone(),
    };
    let facts = distill::distill(&job, &context)?;
    Ok(Shown::new(text::distilled(args.lang.words(), &facts), json_of(&facts)?))
}
