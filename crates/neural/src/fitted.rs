//! A trained net: what it answers, and how it is saved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Builtin, Compression, Error, Fitted, Result, Row, Run, Schema, State};
use tidemill_kernel::Classes;
use tidemill_kernel::answer::{Answer, output};
use tidemill_kernel::reduce::in_chunks;

use crate::NeuralNet;
use crate::body::Body;
use crate::encoders::{self, Encoder, Read};
use crate::head::Head;
use crate::net::{Net, PlainNet};
use crate::parameters::{Parameters, Part};
use crate::standard::Standard;

/// Rows that one thread takes at a time.
const CHUNK: usize = 512;
/// The newest version of their state: 1 holds every weight as it was learned, 2 packed matrices.
pub(crate) const VERSION: u32 = 2;

/// What the outputs of a net mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// A standardised number.
    Number(Standard),
    /// A score for each class that had training rows.
    Classes(Classes),
}

impl Meaning {
    /// How many outputs a net of this meaning has.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Meaning::Number(_) => 1,
            Meaning::Classes(classes) => classes.k(),
        }
    }
}

/// What a [`NeuralNet`] learned, or another learner whose net it is.
pub struct FittedNet {
    /// The learner, as its state says it.
    kind: &'static str,
    options: NeuralNet,
    net: Net,
    parameters: Parameters,
    plain: PlainNet,
    meaning: Meaning,
}

impl Net {
    /// The net that these parameters of a recipe describe, over these encoders.
    pub(crate) fn of(options: &NeuralNet, encoders: Vec<Box<dyn Encoder>>, outputs: usize) -> Self {
        let body = Body {
            inputs: encoders.iter().map(|e| e.width()).sum(),
            hidden: options.hidden.clone(),
            activation: options.activation,
            dropout: options.dropout as f32,
            layer_norm: options.layer_norm,
            residual: options.residual,
        };
        let head = Head { inputs: body.width(), outputs };
        Net::new(encoders, body, head)
    }
}

/// The parameters of a saved net: what its shape follows from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: NeuralNet,
    /// The names of the classes; none where a number is predicted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    classes: Option<Vec<String>>,
}

impl FittedNet {
    pub(crate) fn new(options: NeuralNet, net: Net, parameters: Parameters, meaning: Meaning) -> Self {
        let plain = net.plain(&parameters);
        FittedNet { kind: NeuralNet::KIND, options, net, parameters, plain, meaning }
    }

    /// The same as what another learner learned.
    pub(crate) fn of_kind(self, kind: &'static str) -> Self {
        FittedNet { kind, ..self }
    }

    pub(crate) fn load(state: &State) -> Result<Self> {
        let saved: Saved = state.params()?;
        if let Err(wrong) = saved.settings.check() {
            return Err(Error::state(&state.kind, format!("'{}' {}", wrong.path, wrong.problem)));
        }
        let encoders = state.children.iter().map(encoders::load).collect::<Result<Vec<_>>>()?;
        let meaning = match saved.classes {
            Some(names) => Meaning::Classes(Classes::load(state, names)?),
            None => {
                let [centre, factor] = *state.floats_of("target", 2)? else {
                    return Err(Error::state(&state.kind, "tensor 'target' should be two numbers"));
                };
                Meaning::Number(Standard { centre, factor })
            }
        };
        let net = Net::of(&saved.settings, encoders, meaning.outputs());
        let parameters = Parameters::load(net.declare(), state)?;
        Ok(FittedNet::new(saved.settings, net, parameters, meaning))
    }

    /// The learner, as its state says it.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// What the recipe said of it.
    pub(crate) fn options(&self) -> &NeuralNet {
        &self.options
    }

    /// All that it learned.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The shape of the net.
    pub(crate) fn net(&self) -> &Net {
        &self.net
    }

    /// The net in plain Rust.
    pub(crate) fn plain(&self) -> &PlainNet {
        &self.plain
    }

    /// What the outputs mean.
    pub(crate) fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// The parameters of the body, and those of the head.
    pub(crate) fn parts(&self) -> (Part<'_>, Part<'_>) {
        let n = self.net.encoders.len();
        (self.parameters.part(self.net.first(n)), self.parameters.part(self.net.first(n + 1)))
    }

    /// As it is saved, with these parameters.
    fn state_with(&self, parameters: &Parameters) -> State {
        let saved = Saved { settings: self.options.clone(), classes: self.classes().map(Classes::words) };
        // Plain weights are saved as they ever were, so that older builds open them.
        let version = if parameters.packing.is_plain() { 1 } else { VERSION };
        let mut state = parameters.save(State::new(self.kind, version, saved));
        state = match &self.meaning {
            Meaning::Number(target) => state.floats("target", &[target.centre, target.factor]),
            Meaning::Classes(classes) => classes.save(state),
        };
        self.net.encoders.iter().fold(state, |state, encoder| state.child(encoder.state()))
    }

    fn classes(&self) -> Option<&Classes> {
        match &self.meaning {
            Meaning::Number(_) => None,
            Meaning::Classes(classes) => Some(classes),
        }
    }

    /// The number that an output means.
    pub(crate) fn number(target: Standard, output: f32) -> f64 {
        match target.factor {
            0.0 => target.centre,
            factor => f64::from(output) / factor + target.centre,
        }
    }

    /// The probabilities of all classes that the outputs of a row mean.
    pub(crate) fn probabilities(classes: &Classes, outputs: &[f32], out: &mut [f64]) {
        let mut scores: Vec<f64> = outputs.iter().map(|&x| f64::from(x)).collect();
        classes.softmax(&mut scores, out);
    }
}

impl Fitted for FittedNet {
    fn output(&self, input: &Schema) -> Result<Schema> {
        self.net.bind(input)?;
        output(input, self.classes().map(|classes| &classes.names))
    }

    fn state(&self) -> State {
        self.state_with(&self.parameters)
    }

    fn compressed(&self, how: &Compression) -> Result<Option<Arc<dyn Fitted>>> {
        let smaller = self.parameters.compressed(how);
        Ok(Some(Arc::new(FittedNet::load(&self.state_with(&smaller))?.of_kind(self.kind))))
    }

    fn size(&self) -> u64 {
        let meaning = match &self.meaning {
            Meaning::Number(_) => 16,
            Meaning::Classes(classes) => classes.size(),
        };
        let encoders: u64 = self.net.encoders.iter().map(|encoder| encoder.state().bytes()).sum();
        self.parameters.size() + meaning + encoders
    }

    fn operations(&self) -> u64 {
        self.net.operations() as u64
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let answer = Answer::bind(input, self.classes().map(|classes| &classes.names))?;
        let places = self.net.bind(input)?;
        let reads = vec![Read::default(); places.len()];
        Ok(Box::new(BoundNet { fitted: self, answer, places, reads }))
    }
}

struct BoundNet {
    fitted: Arc<FittedNet>,
    answer: Answer,
    places: Vec<Vec<usize>>,
    /// What was read of the last single row: kept for its memory.
    reads: Vec<Read>,
}

impl BoundNet {
    /// The outputs of all rows of a batch, a chunk per thread at a time.
    fn outputs(&self, batch: &Batch) -> Result<Vec<f32>> {
        let fitted = &self.fitted;
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let n = rows.len();
            Ok(fitted.plain.run(&fitted.net.read(batch, &self.places, rows)?, n))
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }
}

impl Run for BoundNet {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let outputs = self.outputs(batch)?;
        match &self.fitted.meaning {
            Meaning::Number(target) => {
                let numbers = outputs.iter().map(|&x| FittedNet::number(*target, x)).collect();
                self.answer.numbers(batch, numbers)
            }
            Meaning::Classes(classes) => {
                let mut answers = vec![0.0; batch.n_rows() * classes.names.len()];
                let rows = answers.chunks_exact_mut(classes.names.len());
                for (out, outputs) in rows.zip(outputs.chunks_exact(classes.k())) {
                    FittedNet::probabilities(classes, outputs, out);
                }
                self.answer.probabilities(batch, answers)
            }
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let fitted = &self.fitted;
        fitted.net.read_row(row, &self.places, &mut self.reads)?;
        let outputs = fitted.plain.run(&self.reads, 1);
        match &fitted.meaning {
            Meaning::Number(target) => self.answer.number(row, FittedNet::number(*target, outputs[0])),
            Meaning::Classes(classes) => {
                let mut probabilities = vec![0.0; classes.names.len()];
                FittedNet::probabilities(classes, &outputs, &mut probabilities);
                self.answer.probability(row, probabilities);
            }
        }
        Ok(())
    }
}
