//! The one training loop of all nets.

mod batches;
mod checkpoint;
pub(crate) mod earlier;
mod gradient;
mod optimizer;
mod progress;
mod run;
mod scale;
mod schedule;
mod subject;

use tidemill_core::{Context, Result, Source, Training};

use crate::encoders::Encoder;
use crate::fitted::Meaning;
use crate::head::{Loss, NetLoss, Truth};
use crate::net::Net;
use crate::parameters::Parameters;
use crate::{FittedNet, NeuralNet};

pub use earlier::shape_of;
pub use optimizer::Optimizer;
pub(crate) use optimizer::{Moments, norm};
pub use schedule::Schedule;

#[cfg(test)]
pub(crate) use {batches::Shard, gradient::Gradients};

use batches::Rows;
use run::Run;
use subject::Subject;

/// A net over these encoders, trained on the rows of `training`.
pub(crate) fn train(
    options: &NeuralNet,
    encoders: Vec<Box<dyn Encoder>>,
    training: Training<'_>,
    context: &Context,
) -> Result<FittedNet> {
    let loss = subject::loss(options, training.train.schema())?;
    let (taught, meaning) = Subject::learn(options, training.train, context)?;
    let net = Net::of(options, encoders, meaning.outputs());
    let mut parameters = Parameters::start(net.declare(), context.seed_for("net/start"));
    if let Some(earlier) = earlier::net(options, training.prior)? {
        earlier::take_over((&net, &meaning), earlier, &mut parameters);
    }
    let mut rows = taught.rows(training.train);
    let given = match training.valid {
        Some(valid) => Some((valid, Subject::watched(valid, &meaning, context)?)),
        None => None,
    };
    let watched = match &given {
        Some((source, subject)) => Some(subject.rows(*source)).filter(|rows| !rows.rows.is_empty()),
        None => {
            let (blocks, seed) = (taught.blocks.as_deref(), context.seed_for("net/watched"));
            subject::set_aside(&mut rows, blocks, options.validation_share, seed)
        }
    };
    // A single class has a probability of 1 whatever the net says.
    if !matches!(&meaning, Meaning::Classes(classes) if classes.k() == 1) {
        parameters = Run::new(options, &net, loss, (rows, watched), parameters, context)?.all()?;
    }
    Ok(FittedNet::new(options.clone(), net, parameters, meaning))
}

/// The parameters with which this net gives the rows of `truth` for those of `source`, by the squared error. Rows of one block are
/// watched or learned from together.
pub(crate) fn train_rows(
    options: &NeuralNet,
    net: &Net,
    source: &dyn Source,
    truth: &Truth,
    blocks: Option<&[u32]>,
    context: &Context,
) -> Result<Parameters> {
    let parameters = Parameters::start(net.declare(), context.seed_for("net/start"));
    let weights = vec![1.0; truth.len()];
    let mut rows = Rows { source, rows: (0..truth.len() as u32).collect(), truth, weights: &weights };
    let seed = context.seed_for("net/watched");
    let watched = subject::set_aside(&mut rows, blocks, options.validation_share, seed);
    let loss = Loss { kind: NetLoss::Squared, smoothing: 0.0, gamma: 0.0, delta: 1.0 };
    Run::new(options, net, loss, (rows, watched), parameters, context)?.all()
}

/// The gradient of a loss over a whole table: for tests of whole nets.
#[cfg(test)]
pub(crate) fn gradient_of(
    net: &Net,
    loss: Loss,
    parameters: &Parameters,
    table: &tidemill_core::Table,
    truth: Truth,
    weights: Vec<f32>,
) -> Result<gradient::Slope> {
    let rows = (0..weights.len() as u32).collect::<Vec<_>>();
    let all = Rows { source: table, rows: rows.clone(), truth: &truth, weights: &weights };
    let shards = all.shards(net, &net.bind(all.source.schema())?, (&rows, batches::shard_of(rows.len())))?;
    let arithmetic = crate::device::Arithmetic::plain();
    Gradients { net, loss, arithmetic }.of(parameters, &shards, 0, 1.0)
}
