//! `tidemill compress`.

use tidemill_engine::core::Result;
use tidemill_engine::facts::Bound;
use tidemill_engine::report::text;
use tidemill_engine::verbs::compress::{self, Job};

use super::{context, json_of};
use crate::args::Cli;
use crate::args::compress::Compress;
use crate::show::Shown;

/// Writes a model to a smaller file.
pub(super) fn compress(args: &Compress, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, args.threads)?;
    let job = Job {
        model: args.model.clone(),
        source: args.data.clone(),
        prune: args.prune,
        eight_bits: args.int8,
        bound: Bound { greatest: args.max_change, mean: args.mean_change },
        out: args.out.clone(),
    };
    let facts = compress::compress(&job, &context)?;
    Ok(Shown::new(text::compressed(args.lang.words(), &facts), json_of(&facts)?))
}
