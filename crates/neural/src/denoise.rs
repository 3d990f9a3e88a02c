//! `denoise`: a denoising autoencoder, a net that learns to tell what numbers of a row ought to be from noisy ones.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind,
    Registry, Result, Role, Row, Run, Schema, Slot, State, Table, Training,
};
use tidemill_kernel::Random;
use tidemill_kernel::reduce::in_chunks;

use crate::encoders::{self, Read};
use crate::head::Truth;
use crate::net::{Net, PlainNet};
use crate::parameters::Parameters;
use crate::standard::{Standard, Sums};
use crate::training::{self, Schedule};
use crate::{FittedNet, NeuralNet, Noise};

/// Rows that are learned from, at most.
const SAMPLE: usize = 100_000;
/// Rows that one thread takes at a time.
const CHUNK: usize = 1024;

/// A denoising autoencoder (Vincent and others 2008, "Extracting and composing robust features with denoising autoencoders"): a net
/// that is shown training rows with noise and learns to give them back without.
///
/// What it gives for a row is what the columns say of each other: it can replace the numbers, or its error can tell rows that are not
/// like the others. Numbers are standardised within; a missing or infinite one counts as missing, and is not part of the error.
/// Learned from at most 100,000 training rows, drawn at random; the weight column is not used.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_neural::Denoise;
/// assert!(Denoise::default().check().is_ok());
/// assert!(Denoise { hidden: vec![0], ..Denoise::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Denoise {
    /// The columns to use; by default, every feature that is a number.
    pub columns: Columns,
    /// What comes of it.
    pub output: DenoiseOutput,
    /// With `output = "flag"`, the share of training rows, above 0 up to 0.5, that are outliers.
    #[schemars(extend("with" = { "key": "output", "is": ["flag"], "name": "contamination" }))]
    pub contamination: f64,
    /// The width of each hidden layer. The narrowest should be narrower than the columns are many, or noise can be learned by heart.
    pub hidden: Vec<usize>,
    /// How wrong the rows are made that it is shown.
    pub noise: Noise,
    /// The size of a step, above 0.
    pub learning_rate: f64,
    /// The most passes over the rows.
    pub epochs: usize,
    /// Stop after so many epochs without progress on a tenth of the rows, which are only watched.
    pub patience: usize,
}

/// What comes of a denoising autoencoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenoiseOutput {
    /// The numbers are replaced by what it gives for them, missing ones too.
    #[default]
    Replace,
    /// A number column `reconstruction_error` is added: the mean squared error of the row's known numbers, in squared standard
    /// deviations of their columns.
    Error,
    /// A flag column `outlier` is added, which marks rows whose error is greater than that of nearly all training rows.
    Flag,
}

impl Default for Denoise {
    fn default() -> Self {
        Denoise {
            columns: Columns::default(),
            output: DenoiseOutput::Replace,
            contamination: 0.01,
            hidden: vec![64, 8, 64],
            noise: Noise { gaussian: 0.1, swap: 0.1, drop: 0.1, ..Noise::default() },
            learning_rate: 3e-3,
            epochs: 100,
            patience: 15,
        }
    }
}

impl Denoise {
    /// The net and its training.
    fn as_net(&self) -> NeuralNet {
        NeuralNet {
            hidden: self.hidden.clone(),
            dropout: 0.0,
            noise: self.noise,
            weight_decay: 0.0,
            schedule: Schedule::Cosine,
            learning_rate: self.learning_rate,
            epochs: self.epochs,
            patience: self.patience,
            ..NeuralNet::default()
        }
    }

    fn learn(&self, batch: &Batch, places: &[usize], context: &Context) -> Result<FittedDenoise> {
        let whole = readied(batch, places)?;
        let mut rows: Vec<u32> = (0..batch.n_rows() as u32).collect();
        if rows.len() > SAMPLE {
            Random::new(context.seed_for("denoise/sample"), 0).shuffle(&mut rows);
            rows.truncate(SAMPLE);
            rows.sort_unstable();
        }
        let blocks = batch.blocks()?.map(|all| rows.iter().map(|&r| all[r as usize]).collect::<Vec<u32>>());
        let sample = if rows.len() < batch.n_rows() { whole.take(&rows)? } else { whole.clone() };
        let standards = standards(&sample)?;
        let truth = Truth::Rows(standardised(&sample, &standards)?, places.len());
        let options = self.as_net();
        let table = Table::new(sample);
        let net = Net::of(&options, encoders::learn(&table, &options, &[], context)?, places.len());
        let parameters = match places.is_empty() {
            true => Parameters::start(net.declare(), 0),
            false => training::train_rows(&options, &net, &table, &truth, blocks.as_deref(), context)?,
        };
        let names: Vec<String> = places.iter().map(|&at| batch.schema().columns()[at].name.clone()).collect();
        let mut fitted = FittedDenoise {
            added: added(self.output, batch.schema()),
            plain: net.plain(&parameters),
            settings: self.clone(),
            names,
            standards,
            limit: 0.0,
            net,
            parameters,
        };
        if self.output == DenoiseOutput::Flag {
            let net_places = fitted.net.bind(table.batch().schema())?;
            let outputs = fitted.outputs(table.batch(), &net_places)?;
            let Truth::Rows(truth, _) = &truth else { return Err(Error::internal("a truth of one number")) };
            fitted.limit = quantile(fitted.errors(truth, &outputs), 1.0 - self.contamination);
        }
        Ok(fitted)
    }
}

/// The name of the column that is added, which no other has.
fn added(output: DenoiseOutput, schema: &Schema) -> Option<String> {
    let name = match output {
        DenoiseOutput::Replace => return None,
        DenoiseOutput::Error => "reconstruction_error",
        DenoiseOutput::Flag => "outlier",
    };
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    std::iter::once(name.to_string()).chain(numbered).find(|name| schema.position(name).is_none())
}

/// The columns alone, as features; infinite numbers are missing.
fn readied(batch: &Batch, places: &[usize]) -> Result<Batch> {
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(places.len());
    let mut columns = Vec::with_capacity(places.len());
    for &at in places {
        columns.push(Column::number(&batch.schema().columns()[at].name));
        let numbers = batch.numbers(at)?.iter().map(|x| x.filter(|x| x.is_finite()));
        arrays.push(Arc::new(Float64Array::from_iter(numbers)));
    }
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, batch.n_rows())
}

fn standards(batch: &Batch) -> Result<Vec<Standard>> {
    let column = |at: usize| {
        let mut sums = Sums::default();
        batch.numbers(at)?.iter().flatten().for_each(|x| sums.add(x, 1.0));
        Ok(sums.standard())
    };
    (0..batch.schema().len()).map(column).collect()
}

/// Row after row, `NaN` where a number is missing.
fn standardised(batch: &Batch, standards: &[Standard]) -> Result<Vec<f32>> {
    let p = standards.len();
    let mut all = vec![f32::NAN; batch.n_rows() * p];
    for (j, standard) in standards.iter().enumerate() {
        let column = all.iter_mut().skip(j).step_by(p).zip(batch.numbers(j)?.iter());
        column.for_each(|(to, x)| *to = x.map_or(f32::NAN, |x| standard.apply(x)));
    }
    Ok(all)
}

/// Linear between the two nearest; of no values, infinite.
fn quantile(errors: Vec<f64>, share: f64) -> f64 {
    let mut errors: Vec<f64> = errors.into_iter().filter(|e| !e.is_nan()).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let Some(last) = errors.len().checked_sub(1) else { return f64::MAX };
    let place = share * last as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    (1.0 - part) * errors[low] + part * errors[(low + 1).min(last)]
}

impl Estimator for Denoise {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = self.columns.places(schema, "a number", |c| c.kind == Kind::Number)?;
        if let Some(target) = places.iter().find(|at| schema.columns()[**at].role == Role::Target) {
            let name = &schema.columns()[*target].name;
            return Err(Error::parameter("columns", format!("names '{name}', which is the target")));
        }
        let batch = training.train.collect()?;
        if batch.n_rows() == 0 {
            return Err(crate::NeuralError::NoRows.into());
        }
        Ok(Arc::new(self.learn(&batch, &places, &context.with_stream(Self::KIND))?))
    }
}

impl Builtin for Denoise {
    const KIND: &'static str = "denoise";

    fn check(&self) -> Result<(), KeyPath> {
        if !(self.contamination > 0.0 && self.contamination <= 0.5) {
            let problem = format!("must be above 0 and at most 0.5, but is {}", self.contamination);
            return Err(KeyPath::new("contamination", problem));
        }
        if self.hidden.is_empty() {
            return Err(KeyPath::new("hidden", "is empty, but must have at least one layer"));
        }
        self.as_net().check()
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedDenoise::load(&state)?))
    }
}

impl BuiltinStep for Denoise {
    const SLOT: Slot = Slot::Outliers;
    const DONE: &'static str = "read by a denoising autoencoder";
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: Denoise,
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added: Option<String>,
}

struct FittedDenoise {
    settings: Denoise,
    names: Vec<String>,
    /// The column that is added behind all others.
    added: Option<String>,
    standards: Vec<Standard>,
    /// The error beyond which a row is an outlier.
    limit: f64,
    net: Net,
    parameters: Parameters,
    plain: PlainNet,
}

impl FittedDenoise {
    fn load(state: &State) -> Result<Self> {
        let Saved { settings, names, added } = state.params()?;
        if let Err(wrong) = settings.check() {
            return Err(Error::state(&state.kind, format!("'{}' {}", wrong.path, wrong.problem)));
        }
        let p = names.len();
        let (centres, factors) = (state.floats_of("centres", p)?, state.floats_of("factors", p)?);
        let standards =
            centres.iter().zip(factors).map(|(&centre, &factor)| Standard { centre, factor }).collect();
        let limit = state.floats_of("limit", 1)?[0];
        let encoders = state.children.iter().map(encoders::load).collect::<Result<Vec<_>>>()?;
        let read: Vec<&str> = encoders.iter().flat_map(|encoder| encoder.columns()).collect();
        if read != names || added.is_some() == (settings.output == DenoiseOutput::Replace) {
            return Err(Error::state(&state.kind, "its columns do not fit together"));
        }
        let net = Net::of(&settings.as_net(), encoders, p);
        let parameters = Parameters::load(net.declare(), state)?;
        let plain = net.plain(&parameters);
        Ok(FittedDenoise { settings, names, added, standards, limit, net, parameters, plain })
    }

    fn places(&self, input: &Schema) -> Result<Vec<usize>> {
        let place = |name: &String| {
            let at = input.index(name)?;
            match input.columns()[at].kind {
                Kind::Number => Ok(at),
                found => {
                    let wanted = "the number it was in training".into();
                    Err(Error::WrongKind { column: name.clone(), found, wanted })
                }
            }
        };
        self.names.iter().map(place).collect()
    }

    /// What the net gives for rows of the columns alone, standardised.
    fn outputs(&self, batch: &Batch, places: &[Vec<usize>]) -> Result<Vec<f32>> {
        if self.names.is_empty() {
            return Ok(Vec::new());
        }
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let n = rows.len();
            Ok(self.plain.run(&self.net.read(batch, places, rows)?, n))
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// The mean squared error of each row; `NaN` where no number is known.
    fn errors(&self, truth: &[f32], outputs: &[f32]) -> Vec<f64> {
        let p = self.names.len().max(1);
        truth.chunks_exact(p).zip(outputs.chunks_exact(p)).map(|(row, said)| error(row, said)).collect()
    }
}

fn error(truth: &[f32], outputs: &[f32]) -> f64 {
    let known = truth.iter().zip(outputs).filter(|(x, _)| !x.is_nan());
    let (sum, n) = known.fold((0.0, 0.0), |(sum, n), (x, said)| {
        let apart = f64::from(*x) - f64::from(*said);
        (sum + apart * apart, n + 1.0)
    });
    if n > 0.0 { sum / n } else { f64::NAN }
}

impl Fitted for FittedDenoise {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let places = self.places(input)?;
        let mut columns = input.columns().to_vec();
        let Some(added) = &self.added else {
            for at in places {
                let old = &input.columns()[at];
                columns[at] = Column::number(&old.name).derived_from(old).with_role(old.role);
            }
            return Schema::new(columns);
        };
        let flag = self.settings.output == DenoiseOutput::Flag;
        let column = Column::new(added, if flag { Kind::Flag } else { Kind::Number });
        columns.push(match places.first() {
            Some(&at) => column.derived_from(&input.columns()[at]),
            None => column,
        });
        Schema::new(columns)
    }

    fn state(&self) -> State {
        let saved =
            Saved { settings: self.settings.clone(), names: self.names.clone(), added: self.added.clone() };
        let centres: Vec<f64> = self.standards.iter().map(|s| s.centre).collect();
        let factors: Vec<f64> = self.standards.iter().map(|s| s.factor).collect();
        let state = self.parameters.save(State::new(Denoise::KIND, Denoise::VERSION, saved));
        let state =
            state.floats("centres", &centres).floats("factors", &factors).floats("limit", &[self.limit]);
        self.net.encoders.iter().fold(state, |state, encoder| state.child(encoder.state()))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let columns = self.names.iter().map(Column::number).collect();
        let own_places = self.net.bind(&Schema::new(columns)?)?;
        Ok(Box::new(BoundDenoise {
            output: Arc::new(self.output(input)?),
            places: self.places(input)?,
            reads: vec![Read::default(); own_places.len()],
            own_places,
            fitted: self,
        }))
    }

    fn operations(&self) -> u64 {
        self.net.operations() as u64
    }
}

struct BoundDenoise {
    fitted: Arc<FittedDenoise>,
    output: Arc<Schema>,
    places: Vec<usize>,
    /// Where each encoder's columns are among those of the step alone.
    own_places: Vec<Vec<usize>>,
    /// What was read of the last single row: kept for its memory.
    reads: Vec<Read>,
}

impl Run for BoundDenoise {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (fitted, p) = (&self.fitted, self.places.len());
        let own = readied(batch, &self.places)?;
        let outputs = fitted.outputs(&own, &self.own_places)?;
        let mut columns = batch.columns().to_vec();
        if fitted.added.is_none() {
            for (j, (&at, standard)) in self.places.iter().zip(&fitted.standards).enumerate() {
                let said = outputs.iter().skip(j).step_by(p);
                let numbers = said.map(|x| FittedNet::number(*standard, *x));
                columns[at] = Arc::new(Float64Array::from_iter_values(numbers));
            }
            return Batch::with_rows(self.output.clone(), columns, batch.n_rows());
        }
        let errors = match p {
            0 => vec![f64::NAN; batch.n_rows()],
            _ => fitted.errors(&standardised(&own, &fitted.standards)?, &outputs),
        };
        columns.push(match fitted.settings.output {
            DenoiseOutput::Flag => {
                Arc::new(BooleanArray::from_iter(errors.iter().map(|e| Some(*e > fitted.limit))))
            }
            _ => Arc::new(Float64Array::from_iter(errors.iter().map(|e| Some(*e).filter(|e| !e.is_nan())))),
        });
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let fitted = &self.fitted;
        let mut cells = Vec::with_capacity(self.places.len());
        for &at in &self.places {
            cells.push(match row.cells.get(at) {
                Some(Cell::Number(x)) if x.is_finite() => Cell::Number(*x),
                Some(Cell::Number(_) | Cell::Missing) => Cell::Missing,
                other => return Err(Error::internal(format!("a number was promised, {other:?} came"))),
            });
        }
        let own = Row { cells };
        fitted.net.read_row(&own, &self.own_places, &mut self.reads)?;
        let outputs = if own.cells.is_empty() { Vec::new() } else { fitted.plain.run(&self.reads, 1) };
        if fitted.added.is_none() {
            for ((&at, standard), said) in self.places.iter().zip(&fitted.standards).zip(&outputs) {
                row.cells[at] = Cell::Number(FittedNet::number(*standard, *said));
            }
            return Ok(());
        }
        let truth = own.cells.iter().zip(&fitted.standards).map(|(cell, standard)| match cell {
            Cell::Number(x) => standard.apply(*x),
            _ => f32::NAN,
        });
        let error = error(&truth.collect::<Vec<f32>>(), &outputs);
        row.cells.push(match fitted.settings.output {
            DenoiseOutput::Flag => Cell::Flag(error > fitted.limit),
            _ if error.is_nan() => Cell::Missing,
            _ => Cell::Number(error),
        });
        Ok(())
    }
}
