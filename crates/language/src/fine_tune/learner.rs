//! The learner: texts in, a class or a number out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Cell, Context, Error, Estimator, Family, Fitted, KeyPath,
    Kind, Registry, Result, Role, Row, Run, Schema, State, Tensor, TensorData, Training, Weights,
};
use tidemill_kernel::answer::{Answer, output};

use super::net::{Net, layout};
use super::ops::softmax;
use super::targets::{Learned, Meaning};
use super::tuner::{Material, Schedule, Tuner, Way};
use crate::blocks::bert::Bert;
use crate::checkpoint::{EncoderConfig, Pooling, Sentences, Shards, Tensors, read_bounded, read_json};
use crate::embed::pooled;
use crate::error::LanguageError;
use crate::tokens::Tokens;

/// Texts that are answered at once.
const TEXTS: usize = 64;
/// The tensor of answers that no text changes.
const CONSTANTS: &str = "constants";

/// What of an encoder learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FineTuning {
    /// Low-rank matrices beside its own (Hu et al. 2022), and the head: less is learned by heart from few texts.
    #[default]
    Lora,
    /// All of its weights.
    Full,
}

/// An encoder of the BERT or RoBERTa family whose weights learn to predict a class or a number from texts: fine-tuning. It reads texts alone, several columns
/// one after the other; other columns say nothing to it.
///
/// The head is one layer on the pooled states. Steps are those of AdamW with a rate that grows over the first tenth of them and then falls to 0. The model
/// file holds the tuned encoder (four bytes for each of its numbers) and needs no other file. Without a text column it gives what the baseline gives.
/// For few rows, or many columns beside the text, the step `embed_text` before another learner takes less time and often says more.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_language::FineTunedText;
/// assert!(FineTunedText::default().check().is_ok());
/// assert!(FineTunedText { epochs: 0, ..FineTunedText::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FineTunedText {
    /// The encoder's folder, as seen from where Tidemill is started. Needed where there is a text.
    pub model: String,
    /// What of it learns.
    pub method: FineTuning,
    /// With `method = "lora"`, the rank of the matrices, at least 1.
    pub rank: usize,
    /// With `method = "lora"`, what they add is times `alpha / rank`.
    pub alpha: f64,
    /// How the states of a text's tokens become its vector; without it, as the folder says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Tokens of a text beyond this many are left out; at least 2.
    pub max_length: usize,
    /// Passes over the texts, at least 1.
    pub epochs: usize,
    /// Texts of a step, at least 1.
    pub batch: usize,
    /// The highest rate; without it 5e-4 with `lora`, 5e-5 with `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// The share of matrices that a step of rate 1 takes away.
    pub weight_decay: f64,
}

impl Default for FineTunedText {
    fn default() -> Self {
        FineTunedText {
            model: String::new(),
            method: FineTuning::default(),
            rank: 8,
            alpha: 16.0,
            pooling: None,
            max_length: 128,
            epochs: 3,
            batch: 16,
            learning_rate: None,
            weight_decay: 0.01,
        }
    }
}

impl FineTunedText {
    fn way(&self) -> (Way, f64) {
        match self.method {
            FineTuning::Lora => {
                (Way::Lora { rank: self.rank, alpha: self.alpha }, self.learning_rate.unwrap_or(5e-4))
            }
            FineTuning::Full => (Way::Full, self.learning_rate.unwrap_or(5e-5)),
        }
    }

    /// Tunes the encoder in a folder.
    fn tune(&self, texts: &[String], learned: Learned, weights: &[f64], context: &Context) -> Result<Fine> {
        let folder = Path::new(&self.model);
        let file = folder.join("config.json");
        let config = read_json(&file)?;
        let read = EncoderConfig::of_json(&config, &file)?;
        let pooling = match self.pooling {
            Some(pooling) => pooling,
            None => Sentences::of(folder)?.pooling,
        };
        let tokenizer = String::from_utf8(read_bounded(&folder.join("tokenizer.json"), 256 << 20)?)
            .map_err(|_| Error::from(LanguageError::checkpoint(folder, "its tokenizer.json is not UTF-8")))?;
        let longest = self.max_length.min(read.room);
        let tokens = Tokens::new(tokenizer.as_bytes(), read.vocabulary)?.cut(longest)?;
        let encoded = texts.par_iter().map(|text| encoded(&tokens, text)).collect::<Result<Vec<_>>>()?;
        let net = Net::load(read, pooling, &mut Shards::open(folder)?, learned.meaning.outputs())?;
        let (way, rate) = self.way();
        let mut tuner = Tuner::new(net, way, context.seed_for("lora"));
        let material = Material { texts: &encoded, goals: &learned.goals, weights };
        let schedule =
            Schedule { epochs: self.epochs, batch: self.batch, rate, weight_decay: self.weight_decay };
        tuner.learn(&material, &schedule, context)?;
        let Net { names, shapes, tensors, .. } = tuner.net;
        let named = names.into_iter().zip(shapes.into_iter().zip(tensors)).collect();
        Fine::of(Encoder { config, tokenizer, pooling, longest }, named)
    }
}

fn encoded(tokens: &Tokens, text: &str) -> Result<Vec<u32>> {
    let mut encoded = tokens.encode(text, true)?;
    if encoded.is_empty() {
        encoded.push(0);
    }
    Ok(encoded)
}

impl Estimator for FineTunedText {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let batch = training.train.collect()?;
        if batch.n_rows() == 0 {
            return Err(Error::data("there are no rows to learn from", "give rows"));
        }
        let schema = batch.schema();
        let places = schema.places(|column| column.role == Role::Feature && column.kind == Kind::Text);
        let columns = places.iter().map(|&at| schema.columns()[at].name.clone()).collect();
        let weights = batch.weights()?.unwrap_or_else(|| vec![1.0; batch.n_rows()]);
        let learned = Learned::of(&batch, &weights)?;
        let (meaning, constants) = (learned.meaning.clone(), learned.constants.clone());
        let fine = if places.is_empty() {
            None
        } else {
            if self.model.is_empty() {
                return Err(Error::parameter("model", "is needed: the folder of an encoder of texts"));
            }
            let texts = texts(&batch, &places)?;
            Some(Arc::new(self.tune(&texts, learned, &weights, &context.with_stream(Self::KIND))?))
        };
        Ok(Arc::new(FittedText { settings: self.clone(), columns, meaning, constants, fine }))
    }
}

impl Builtin for FineTunedText {
    const KIND: &'static str = "fine_tuned_text";

    fn check(&self) -> Result<(), KeyPath> {
        for (key, value, least) in [
            ("rank", self.rank, 1),
            ("max_length", self.max_length, 2),
            ("epochs", self.epochs, 1),
            ("batch", self.batch, 1),
        ] {
            if value < least {
                return Err(KeyPath::new(key, format!("must be at least {least}; it is {value}")));
            }
        }
        let rate = self.learning_rate.unwrap_or(1e-4);
        for (key, value, above) in [
            ("alpha", self.alpha, true),
            ("learning_rate", rate, true),
            ("weight_decay", self.weight_decay, false),
        ] {
            if !value.is_finite() || value < 0.0 || (above && value == 0.0) {
                let bound = if above { "above 0" } else { "0 or more" };
                return Err(KeyPath::new(key, format!("must be {bound}; it is {value}")));
            }
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedText::load(state)?))
    }
}

impl BuiltinLearner for FineTunedText {
    const FAMILY: Family = Family::Neural;
    const WEIGHTS: Weights = Weights::Accepted;
}

/// The texts of each row, one below the other.
fn texts(batch: &Batch, places: &[usize]) -> Result<Vec<String>> {
    let mut rows = vec![String::new(); batch.n_rows()];
    for &at in places {
        for (row, text) in rows.iter_mut().zip(batch.texts(at)?) {
            join(row, text.unwrap_or_default());
        }
    }
    Ok(rows)
}

fn join(row: &mut String, text: &str) {
    if !row.is_empty() && !text.is_empty() {
        row.push('\n');
    }
    row.push_str(text);
}

/// What is needed of an encoder beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoder {
    config: Value,
    tokenizer: String,
    pooling: Pooling,
    longest: usize,
}

/// Tensors by name, with their shapes.
type Named = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A tuned encoder with its head.
struct Fine {
    encoder: Encoder,
    config: EncoderConfig,
    named: Arc<Named>,
    tokens: Tokens,
    bert: Bert,
}

/// Takes what it was given.
struct Taken(Arc<Named>);

impl Tensors for Taken {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.0.get(name) {
            Some((found, values)) if found == shape && values.len() == shape.iter().product::<usize>() => {
                Ok(values.clone())
            }
            _ => Err(Error::state(
                FineTunedText::KIND,
                format!("tensor '{name}' is missing or of another shape"),
            )),
        }
    }

    fn left(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Fine {
    fn of(encoder: Encoder, named: Named) -> Result<Self> {
        let config = EncoderConfig::of_json(&encoder.config, Path::new("the model file"))?;
        let longest = encoder.longest.clamp(2, config.room.max(2));
        let tokens = Tokens::new(encoder.tokenizer.as_bytes(), config.vocabulary)?.cut(longest)?;
        let named = Arc::new(named);
        let bert = Bert::load(&config, &mut Taken(named.clone()), Path::new("the model file"))?;
        Ok(Fine { encoder, config, named, tokens, bert })
    }

    /// The outputs of the head for each text.
    fn outputs(&self, texts: &[String]) -> Result<Vec<f32>> {
        let of = |name: &str| self.named.get(name).map(|(_, values)| values.as_slice()).unwrap_or_default();
        let (w, b, d) = (of("head.weight"), of("head.bias"), self.config.hidden);
        let mut outputs = Vec::with_capacity(texts.len() * b.len());
        for texts in texts.chunks(TEXTS) {
            let encoded =
                texts.par_iter().map(|text| encoded(&self.tokens, text)).collect::<Result<Vec<_>>>()?;
            let states = self.bert.states(&self.config, &encoded);
            let vectors = pooled(&encoded, &states, d, self.encoder.pooling, false);
            for vector in vectors.chunks_exact(d) {
                let one = |(w, b): (&[f32], &f32)| {
                    let sum: f64 = w.iter().zip(vector).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                    (sum + f64::from(*b)) as f32
                };
                outputs.extend(w.chunks_exact(d).zip(b).map(one));
            }
        }
        Ok(outputs)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: FineTunedText,
    columns: Vec<String>,
    classes: Option<Vec<String>>,
    encoder: Option<Encoder>,
}

struct FittedText {
    settings: FineTunedText,
    columns: Vec<String>,
    meaning: Meaning,
    constants: Vec<f64>,
    /// None where there is no text.
    fine: Option<Arc<Fine>>,
}

impl FittedText {
    fn load(mut state: State) -> Result<Self> {
        let Saved { settings, columns, classes, encoder } = state.params()?;
        let wrong = |problem: &str| Error::state(FineTunedText::KIND, problem);
        let (meaning, constants) = match classes {
            Some(names) => {
                let classes = Categories::new(names);
                let shares = state.floats_of(CONSTANTS, classes.len())?.to_vec();
                (Meaning::Classes(classes), shares)
            }
            None => {
                let &[mean, spread] = state.floats_of(CONSTANTS, 2)? else { return Err(wrong("no mean")) };
                (Meaning::Number([mean, spread]), vec![mean])
            }
        };
        if encoder.is_some() == columns.is_empty() {
            return Err(wrong("its columns and its encoder do not fit together"));
        }
        let fine = encoder.map(|encoder| {
            let tensors = std::mem::take(&mut state.tensors);
            let named: Named = tensors
                .into_iter()
                .filter_map(|(name, Tensor { shape, data })| match data {
                    TensorData::F32(values) => Some((name, (shape, values))),
                    _ => None,
                })
                .collect();
            let config = EncoderConfig::of_json(&encoder.config, Path::new("the model file"))?;
            let (d, k) = (config.hidden, meaning.outputs());
            let head = [("head.weight".to_string(), vec![k, d]), ("head.bias".to_string(), vec![k])];
            for (name, shape) in layout(&config).into_iter().chain(head) {
                let n = shape.iter().product::<usize>();
                if !named.get(&name).is_some_and(|(found, values)| *found == shape && values.len() == n) {
                    return Err(wrong(&format!("tensor '{name}' is missing or of another shape")));
                }
            }
            Fine::of(encoder, named).map(Arc::new)
        });
        Ok(FittedText { settings, columns, meaning, constants, fine: fine.transpose()? })
    }

    fn places(&self, input: &Schema) -> Result<Vec<usize>> {
        let place = |name: &String| {
            let at = input.index(name)?;
            match input.columns()[at].kind {
                Kind::Text => Ok(at),
                found => {
                    let wanted = "the text it was in training".into();
                    Err(Error::WrongKind { column: name.clone(), found, wanted })
                }
            }
        };
        self.columns.iter().map(place).collect()
    }

    /// The answers of texts: probabilities, or numbers.
    fn answers(&self, texts: &[String]) -> Result<Vec<f64>> {
        let Some(fine) = &self.fine else { return Ok(self.constants.repeat(texts.len())) };
        let mut outputs = fine.outputs(texts)?;
        Ok(match &self.meaning {
            Meaning::Classes(classes) => {
                outputs.chunks_exact_mut(classes.len().max(1)).for_each(softmax);
                let sums = outputs.chunks_exact(classes.len().max(1));
                let exact = |row: &[f32]| {
                    let sum: f64 = row.iter().map(|p| f64::from(*p)).sum();
                    row.iter().map(|p| f64::from(*p) / sum).collect::<Vec<f64>>()
                };
                sums.flat_map(exact).collect()
            }
            Meaning::Number([mean, spread]) => {
                outputs.iter().map(|x| mean + spread * f64::from(*x)).collect()
            }
        })
    }
}

impl Fitted for FittedText {
    fn output(&self, input: &Schema) -> Result<Schema> {
        self.places(input)?;
        output(input, self.meaning.classes())
    }

    fn state(&self) -> State {
        let saved = Saved {
            settings: self.settings.clone(),
            columns: self.columns.clone(),
            classes: self
                .meaning
                .classes()
                .map(|classes| classes.names().iter().map(|name| name.to_string()).collect()),
            encoder: self.fine.as_ref().map(|fine| fine.encoder.clone()),
        };
        let constants = match &self.meaning {
            Meaning::Classes(_) => self.constants.clone(),
            Meaning::Number(both) => both.to_vec(),
        };
        let state =
            State::new(FineTunedText::KIND, FineTunedText::VERSION, saved).floats(CONSTANTS, &constants);
        let Some(fine) = &self.fine else { return state };
        fine.named.iter().fold(state, |state, (name, (shape, values))| {
            state.tensor(name, shape.clone(), TensorData::F32(values.clone()))
        })
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let answer = Answer::bind(input, self.meaning.classes())?;
        Ok(Box::new(BoundText { places: self.places(input)?, answer, fitted: self }))
    }
}

struct BoundText {
    fitted: Arc<FittedText>,
    places: Vec<usize>,
    answer: Answer,
}

impl Run for BoundText {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let answers = self.fitted.answers(&texts(batch, &self.places)?)?;
        match self.fitted.meaning {
            Meaning::Classes(_) => self.answer.probabilities(batch, answers),
            Meaning::Number(_) => self.answer.numbers(batch, answers),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut text = String::new();
        for &at in &self.places {
            match row.cells.get(at) {
                Some(Cell::Text(more)) => join(&mut text, more),
                Some(Cell::Missing) => {}
                other => return Err(Error::internal(format!("a text was promised, {other:?} came"))),
            }
        }
        let answers = self.fitted.answers(&[text])?;
        match (&self.fitted.meaning, answers.first()) {
            (Meaning::Classes(_), _) => self.answer.probability(row, answers),
            (Meaning::Number(_), Some(number)) => self.answer.number(row, *number),
            (Meaning::Number(_), None) => return Err(Error::internal("a text without an answer")),
        }
        Ok(())
    }
}
