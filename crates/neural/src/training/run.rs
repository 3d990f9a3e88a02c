//! A run of training: epoch after epoch, batch after batch, until nothing is gained any more.

use std::time::{Duration, Instant};

use tidemill_core::{Context, Error, Event, EventFile, Result, Runtime};
use tidemill_kernel::Random;
use tidemill_kernel::reduce::in_chunks;

use super::batches::{Rows, Shard, each_batch, shard_of};
use super::checkpoint::{Checkpoint, fingerprint};
use super::gradient::{Gradients, Slope};
use super::optimizer::{Moments, norm};
use super::progress::Progress;
use super::scale::Scale;
use super::schedule::Schedule;
use crate::device::{Arithmetic, Precision, device};
use crate::head::Loss;
use crate::net::Net;
use crate::parameters::Parameters;
use crate::{NeuralError, NeuralNet};

/// How often training may go back to its last good state with smaller steps, and how much smaller they become.
const RETRIES: usize = 3;
const SMALLER: f64 = 0.1;
/// Steps after which the state is kept in memory, besides at the start of every epoch.
const KEEP_EVERY: u64 = 1000;
/// States are written to disk no more often than this.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// Rows watched that one thread takes at a time.
const CHUNK: usize = 1024;
/// What takes no longer than this needs no words on the way.
const SAY_EVERY: Duration = Duration::from_secs(3);
/// Beyond so many standard deviations a number is worth naming when the loss leaves the numbers.
const SUSPICIOUS: f32 = 10.0;

/// One net, the rows it learns from and those it is watched on, and how far it has come.
pub(crate) struct Run<'a> {
    options: &'a NeuralNet,
    net: &'a Net,
    loss: Loss,
    context: &'a Context,
    rows: Rows<'a>,
    watched: Option<Rows<'a>>,
    places: Vec<Vec<usize>>,
    batch_size: usize,
    /// The mean weight of the training rows.
    weight: f64,
    gradients: Gradients<'a>,
    /// Where a deadline that was still ahead at the start ends training.
    hurried: bool,
    parameters: Parameters,
    progress: Progress,
    /// The last good state: where training goes on from after the loss left the numbers.
    kept: Progress,
    checkpoint: Option<Checkpoint>,
    events: Option<EventFile>,
    /// The length of the last gradient, before it was shortened.
    length: f64,
    /// When people were last told how far it is.
    told: Instant,
    /// When the state was last written, and whether what is kept is what was written.
    written: Instant,
    is_written: bool,
}

/// What a batch led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    GoOn,
    OutOfTime,
    Diverged,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        options: &'a NeuralNet,
        net: &'a Net,
        loss: Loss,
        (rows, watched): (Rows<'a>, Option<Rows<'a>>),
        mut parameters: Parameters,
        context: &'a Context,
    ) -> Result<Self> {
        let (n, runtime) = (rows.rows.len(), context.runtime());
        if n == 0 {
            return Err(NeuralError::NoWeight.into());
        }
        let total: f64 = rows.rows.iter().map(|&r| f64::from(rows.weights[r as usize])).sum();
        let moments = Moments::start(options.optimizer, parameters.values.len());
        let fingerprint = fingerprint(options, net, context.seed, &rows)?;
        let checkpoint = Checkpoint::of(runtime, fingerprint, parameters.values.len())?;
        let found = match checkpoint.as_ref().map(Checkpoint::read).transpose() {
            // A file that is not what was written says nothing: as if there was none.
            Err(damaged @ Error::Data { .. }) => {
                context.alarm("checkpoint_damaged", format!("{damaged}; training starts anew"));
                None
            }
            found => found?.flatten(),
        };
        let progress = match found {
            Some(progress) => progress,
            None => Progress {
                scale: (options.precision == Precision::Float16).then(Scale::start),
                ..Progress::start(parameters.values.clone(), moments)
            },
        };
        let batch_size = options.batch_size.unwrap_or_else(|| batch_size(n)).min(n);
        // Who asks for 16 bits means a GPU.
        let size = if options.precision.is_full() { net.operations() * batch_size } else { usize::MAX };
        let arithmetic = Arithmetic { device: device(runtime, size)?, precision: options.precision };
        parameters.values.clone_from(&progress.values);
        Ok(Run {
            places: net.bind(rows.source.schema())?,
            batch_size,
            weight: total / n as f64,
            gradients: Gradients { net, loss, arithmetic },
            hurried: !context.out_of_time(),
            events: events(runtime, fingerprint)?,
            checkpoint,
            length: 0.0,
            told: Instant::now(),
            written: context.now(),
            is_written: true,
            kept: progress.clone(),
            options,
            net,
            loss,
            context,
            rows,
            watched,
            parameters,
            progress,
        })
    }

    /// Trains to the end; gives the parameters that did best.
    pub(crate) fn all(mut self) -> Result<Parameters> {
        let steps = self.n_batches() * self.options.epochs;
        let what = format!("training a net of {} parameters", self.parameters.values.len());
        self.context.tell(&Event::Begin { what, steps: Some(steps as u64) });
        let done = self.progress.epoch * self.n_batches() + self.progress.batch;
        self.context.tell(&Event::Step(done as u64));
        while !self.progress.finished {
            if let Err(error) = self.epoch() {
                // Who stops it can go on from here, whenever the state was last written.
                if matches!(error, Error::Cancelled) {
                    self.write()?;
                }
                return Err(error);
            }
        }
        self.context.tell(&Event::End);
        self.parameters.values = self.progress.chosen();
        Ok(self.parameters)
    }

    fn n_batches(&self) -> usize {
        self.rows.rows.len().div_ceil(self.batch_size)
    }

    /// One pass over the rows, from where it stands.
    fn epoch(&mut self) -> Result<()> {
        let (epoch, first) = (self.progress.epoch, self.progress.batch);
        let order = self.rows.order(self.context.seed_for("net/order"), epoch);
        let whole = self.gradients.arithmetic.is_one_graph();
        let shard = if whole { self.batch_size } else { shard_of(self.batch_size) };
        let mut pending = Pending::new(self.parameters.values.len());
        let mut after = After::GoOn;
        // The loop holds the run; the thread that reads ahead sees only what does not change.
        let rows = Rows { rows: Vec::new(), ..self.rows };
        let (net, places) = (self.net, self.places.clone());
        let (noise, noise_seed) = (self.options.noise, self.context.seed_for(&format!("net/noise/{epoch}")));
        each_batch(&rows, net, &places, (&order, self.batch_size, shard), first, |b, mut shards| {
            if !noise.is_none() {
                for (s, shard) in shards.iter_mut().enumerate() {
                    let mut random = Random::new(noise_seed, ((b as u64) << 20) + s as u64);
                    let reads = net.encoders.iter().zip(&mut shard.reads);
                    reads.for_each(|(encoder, read)| encoder.corrupt(read, &noise, &mut random));
                }
            }
            after = self.batch(b, &shards, &mut pending)?;
            Ok(after == After::GoOn)
        })?;
        match after {
            After::GoOn => self.end_of_epoch(),
            After::Diverged => self.retry(),
            After::OutOfTime => {
                let done = format!(
                    "the time limit ended training in epoch {} of {}",
                    epoch + 1,
                    self.options.epochs
                );
                self.context.warn("net_out_of_time", done);
                self.progress.values.clone_from(&self.parameters.values);
                self.progress.finished = true;
                Ok(())
            }
        }
    }

    /// One batch, and the step that its gradient makes, alone or with those before it.
    fn batch(&mut self, b: usize, shards: &[Shard], pending: &mut Pending) -> Result<After> {
        self.context.check()?;
        if self.hurried && self.context.out_of_time() {
            return Ok(After::OutOfTime);
        }
        let seed = self.context.seed_for(&format!("net/drop/{}/{b}", self.progress.epoch));
        let scale = self.progress.scale.map_or(1.0, |scale| scale.factor);
        let slope = self.gradients.of(&self.parameters, shards, seed, scale)?;
        pending.add(&slope, shards);
        self.context.tell(&Event::Step(1));
        if !(b + 1).is_multiple_of(self.options.accumulate) && b + 1 < self.n_batches() {
            return Ok(After::GoOn);
        }
        let mut scale = 1.0 / (pending.n_rows as f64 * self.weight);
        let length = norm(&pending.sum.gradient) * scale;
        self.length = length;
        if !pending.sum.loss.is_finite() {
            return Ok(After::Diverged);
        }
        if !length.is_finite() {
            if !self.progress.scale.as_mut().is_some_and(Scale::left) {
                return Ok(After::Diverged);
            }
            // The gradient was too large for 16 bits, not the step: this one is left out, the next scaled less.
            self.progress.batch = b + 1;
            *pending = Pending::new(self.parameters.values.len());
            return Ok(After::GoOn);
        }
        if let Some(scale) = &mut self.progress.scale {
            scale.fitted();
        }
        if self.options.clip_norm > 0.0 && length > self.options.clip_norm {
            scale *= self.options.clip_norm / length;
        }
        let (options, rate) = (self.options, self.rate());
        let moments = &mut self.progress.moments;
        moments.step(options, &mut self.parameters, &pending.sum.gradient, scale as f32, rate);
        self.progress.loss += pending.sum.loss;
        self.progress.weight += pending.weight;
        self.progress.batch = b + 1;
        *pending = Pending::new(self.parameters.values.len());
        if self.progress.moments.steps.is_multiple_of(KEEP_EVERY) {
            if !self.is_finite() {
                return Ok(After::Diverged);
            }
            self.keep()?;
        }
        Ok(After::GoOn)
    }

    /// The size of the next step.
    fn rate(&self) -> f64 {
        let per_epoch = self.n_batches().div_ceil(self.options.accumulate) as u64;
        let (step, total) = (self.progress.moments.steps, per_epoch * self.options.epochs as u64);
        let share = self.options.schedule.share(step, total, self.options.warm_up);
        self.options.learning_rate * share * self.progress.shrink
    }

    /// Looks at the rows watched, and decides whether to go on.
    fn end_of_epoch(&mut self) -> Result<()> {
        let loss = self.watched_loss()?;
        if !self.is_finite() || loss.is_some_and(|loss| !loss.is_finite()) {
            return self.retry();
        }
        let progress = &mut self.progress;
        if let Some(loss) = loss {
            if progress.best.as_ref().is_none_or(|(best, _)| loss < *best) {
                progress.best = Some((loss, self.parameters.values.clone()));
                (progress.waited, progress.flat) = (0, 0);
            } else {
                progress.waited += 1;
                progress.flat += 1;
            }
            if self.options.schedule == Schedule::Plateau && progress.flat > self.options.patience / 3 {
                (progress.shrink, progress.flat) = (progress.shrink * 0.5, 0);
            }
        }
        self.tell(loss)?;
        let progress = &mut self.progress;
        progress.epoch += 1;
        (progress.batch, progress.loss, progress.weight) = (0, 0.0, 0.0);
        progress.finished = progress.epoch == self.options.epochs || progress.waited >= self.options.patience;
        self.keep()
    }

    /// The mean loss on the rows watched.
    fn watched_loss(&self) -> Result<Option<f64>> {
        let Some(watched) = &self.watched else { return Ok(None) };
        self.context.check()?;
        let plain = self.net.plain(&self.parameters);
        let places = self.net.bind(watched.source.schema())?;
        let whole = self.gradients.arithmetic.is_one_graph();
        let of_rows = |rows: &[u32]| {
            let batch = watched.source.take(rows)?;
            let reads = self.net.read(&batch, &places, 0..rows.len())?;
            let outputs = match whole {
                true => self.gradients.outputs(&self.parameters, &reads)?,
                false => plain.run(&reads, rows.len()),
            };
            let (mut sum, mut total) = (0.0, 0.0);
            for (outputs, &row) in outputs.chunks_exact(plain.outputs()).zip(rows) {
                let weight = f64::from(watched.weights[row as usize]);
                sum += weight * self.loss.of_row(outputs, watched.truth, row as usize);
                total += weight;
            }
            Ok((sum, total))
        };
        // What a device holds of a batch in training it holds here.
        let parts = match whole {
            true => watched.rows.chunks(self.batch_size).map(of_rows).collect(),
            false => in_chunks(watched.rows.len(), CHUNK, |range| of_rows(&watched.rows[range])),
        };
        let (mut sum, mut total) = (0.0, 0.0);
        for part in parts {
            let part: Result<(f64, f64)> = part;
            let (s, t) = part?;
            (sum, total) = (sum + s, total + t);
        }
        Ok(Some(sum / total))
    }

    /// Whether every parameter is a number: no other state is one to go back to.
    fn is_finite(&self) -> bool {
        self.parameters.values.iter().all(|w| w.is_finite())
    }

    /// Keeps the state as a good one.
    fn keep(&mut self) -> Result<()> {
        self.progress.values.clone_from(&self.parameters.values);
        self.kept.clone_from(&self.progress);
        self.is_written = false;
        // By the clock and not by the epoch: writing waits for the disk, and short epochs would wait for nothing else.
        if self.context.now().saturating_duration_since(self.written) < WRITE_EVERY {
            return Ok(());
        }
        self.write()
    }

    /// Writes the state that is kept, where the user asked for it and it is not on disk yet.
    fn write(&mut self) -> Result<()> {
        if let Some(checkpoint) = self.checkpoint.as_ref().filter(|_| !self.is_written) {
            checkpoint.write(&self.kept)?;
            (self.written, self.is_written) = (self.context.now(), true);
        }
        Ok(())
    }

    /// Shows where training stands at the end of an epoch: some lines for people, all of it for TensorBoard.
    fn tell(&mut self, watched: Option<f64>) -> Result<()> {
        let (epoch, epochs) = (self.progress.epoch + 1, self.options.epochs);
        let loss = self.progress.loss / self.progress.weight;
        if epoch.is_multiple_of((epochs / 10).max(1)) && self.told.elapsed() >= SAY_EVERY {
            self.told = Instant::now();
            let of_watched = watched.map(|l| format!(", on the rows watched {l:.5}")).unwrap_or_default();
            self.context.tell(&Event::Note(format!("epoch {epoch} of {epochs}: loss {loss:.5}{of_watched}")));
        }
        let rate = self.rate();
        let Some(events) = &mut self.events else { return Ok(()) };
        let step = self.progress.moments.steps;
        events.scalar(step, "loss/train", loss)?;
        if let Some(watched) = watched {
            events.scalar(step, "loss/watched", watched)?;
        }
        events.scalar(step, "learning_rate", rate)?;
        events.scalar(step, "gradient_norm", self.length)?;
        for (i, declared) in self.parameters.declared().iter().enumerate() {
            let weights = self.parameters.array(i).iter().map(|&x| f64::from(x));
            events.histogram(step, &declared.name, weights)?;
        }
        events.flush()
    }

    /// Back to the last good state, to go on from there with smaller steps.
    fn retry(&mut self) -> Result<()> {
        let (epoch, retries) = (self.progress.epoch + 1, self.progress.retries + 1);
        if retries > RETRIES {
            let suspect = self.suspect()?;
            return Err(NeuralError::Diverged { epoch, retries: RETRIES, suspect }.into());
        }
        self.kept.retries = retries;
        self.kept.shrink *= SMALLER;
        self.progress.clone_from(&self.kept);
        self.parameters.values.clone_from(&self.kept.values);
        let message = format!(
            "the loss was not a number any more in epoch {epoch}: going back to the last good state, with steps a tenth as large{}",
            self.suspect()?
        );
        self.context.warn("net_diverged", message);
        Ok(())
    }

    /// The column with the largest standardised number among the training rows, if it is suspiciously large.
    fn suspect(&self) -> Result<String> {
        let mut worst = (SUSPICIOUS, String::new());
        for rows in self.rows.rows.chunks(CHUNK) {
            let batch = self.rows.source.take(rows)?;
            let reads = self.net.read(&batch, &self.places, 0..rows.len())?;
            for (encoder, read) in self.net.encoders.iter().zip(&reads) {
                let width = (read.numbers.len() / rows.len()).max(1);
                for (at, x) in read.numbers.iter().enumerate() {
                    if x.abs() > worst.0 {
                        worst = (x.abs(), encoder.column_of(at % width).into());
                    }
                }
            }
        }
        if worst.1.is_empty() {
            return Ok(String::new());
        }
        Ok(format!("; column '{}' has a value {:.0} standard deviations from its mean", worst.1, worst.0))
    }
}

/// The event file of a run, where the user asked for one: runs lie side by side in the folder.
fn events(runtime: &Runtime, fingerprint: u64) -> Result<Option<EventFile>> {
    let Some(folder) = &runtime.tensorboard else { return Ok(None) };
    EventFile::create(&folder.join(format!("net-{fingerprint:016x}")), runtime.began).map(Some)
}

/// A fortieth of the rows, as a power of 2 from 16 to 256.
fn batch_size(n: usize) -> usize {
    (1 << (n / 40).max(1).ilog2()).clamp(16, 256)
}

/// The sum of the gradients that make the next step.
struct Pending {
    sum: Slope,
    n_rows: usize,
    weight: f64,
}

impl Pending {
    fn new(n: usize) -> Self {
        Pending { sum: Slope::none(n), n_rows: 0, weight: 0.0 }
    }

    fn add(&mut self, slope: &Slope, shards: &[Shard]) {
        self.sum.add(slope);
        self.n_rows += shards.iter().map(|shard| shard.truth.len()).sum::<usize>();
        self.weight += shards.iter().flat_map(|shard| &shard.weights).map(|&w| f64::from(w)).sum::<f64>();
    }
}
