//! Answering prompts for whoever asks: the model, an id for each answer, and the record of it. HTTP only turns requests into
//! [`Question`]s before this, and answers into bytes after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result, nearest};
use tidemill_language::{
    BatchLimits, Finish, Form, Generated, Message, Precision, Prompt, Request, Sampling,
};
use tidemill_store::{LoggedRow, NewVersion, Predictions, Store};
use uuid::Uuid;

use crate::error::EngineError;
use crate::files::sha256;
use crate::model::language::{Opened, Place};
use crate::recipe;
use crate::serve::privacy::{HASHED, Redactor, SEALED};
use crate::serve::secrets;

/// What the log keeps of a question, in this order.
pub const COLUMNS: [&str; 3] = ["messages", "prompt", "settings"];
/// What a recipe may say of the answer and of who asked.
const ANSWER: &str = "answer";
const USER: &str = "user";

/// The variant that answers while there is one model of a name.
const CHAMPION: &str = "champion";

/// What is asked, and how it is to be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked; each prompt is answered by itself.
    pub prompts: Vec<Prompt>,
    /// How it is to be answered.
    pub settings: Settings,
    /// Who asks, as the caller names them: the key under which the log keeps it.
    pub user: Option<String>,
}

/// How a question is to be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The most tokens of an answer; as many as the context holds without it.
    pub max_tokens: Option<usize>,
    /// How many answers to each prompt.
    pub n: usize,
    /// From which the draws follow; the answers after the first have the seeds after it.
    pub seed: u64,
    /// 0 takes the likeliest token each time.
    pub temperature: f32,
    /// The likeliest tokens that together have this probability.
    pub top_p: f32,
    /// Sample from this many of the most likely tokens; 0 for all.
    pub top_k: usize,
    /// Tokens with at least this share of the likeliest's probability.
    pub min_p: f32,
    /// By what the logits of tokens that came already shrink; 1 changes nothing.
    pub repetition_penalty: f32,
    /// What is taken from the logits of tokens that the answer holds already.
    pub presence_penalty: f32,
    /// The same, once for each time that they came.
    pub frequency_penalty: f32,
    /// What is added to the logits of tokens.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logit_bias: BTreeMap<u32, f32>,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// Whether log-probabilities are wanted, and of how many other tokens.
    pub logprobs: Option<usize>,
    /// The form that an answer must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// A language model in service.
pub struct Generating {
    /// What people call it.
    pub name: String,
    /// The model.
    pub opened: Opened,
    /// What may be kept.
    guard: Redactor,
    /// Its number in the store.
    number: i64,
}

/// A question that can be answered.
pub struct Asked {
    /// What is generated, for each answer: those to the first prompt come first.
    pub requests: Vec<Request>,
    /// Answers to each prompt.
    n: usize,
    /// Of each prompt.
    features: Vec<String>,
    row_key: Option<String>,
    at: i64,
}

impl Asked {
    /// The tokens of all prompts.
    pub fn prompt_tokens(&self) -> usize {
        self.requests.iter().step_by(self.n).map(|request| request.prompt.len()).sum()
    }

    /// The tokens of all prompts that were not read again for the first of their answers.
    pub fn cached_tokens(&self, said: &[Said]) -> usize {
        let first = said.iter().filter(|said| said.place.is_multiple_of(self.n));
        first.map(|said| said.generated.cached_tokens).sum()
    }
}

/// An answer with its id.
pub struct Said {
    /// Its name for ever.
    pub id: Uuid,
    /// Its place among the answers of its question.
    pub place: usize,
    /// The answer.
    pub generated: Generated,
}

/// What may be kept of a language model's prompts and answers: as the recipe beside it says, all without one.
///
/// # Errors
/// A recipe that cannot be read, or speaks of columns that there are not.
pub fn guard(place: &Place, secret: Option<&str>, context: &Context) -> Result<Redactor> {
    let Some(file) = place.recipe() else { return Redactor::new(&Recipe::default(), secret) };
    let recipe = recipe::read(&file, context.registry())?;
    let known = || COLUMNS.into_iter().chain([ANSWER, USER]);
    if let Some(unknown) = recipe.columns.keys().find(|name| !known().any(|known| known == name.as_str())) {
        let near = nearest(unknown, known()).map(|near| format!("is '{near}' meant? "));
        let known: Vec<&str> = known().collect();
        return Err(EngineError::usage(
            format!("{}: a language model has no column '{unknown}'", file.display()),
            format!("{}known are {}", near.unwrap_or_default(), known.join(", ")),
        )
        .into());
    }
    Redactor::new(&recipe, secret)
}

impl Generating {
    /// Opens the model at a path and puts it into service: the store gives its version a number.
    ///
    /// # Errors
    /// A model that cannot be opened; a store that fails.
    pub fn open(
        path: &Path,
        name: Option<&str>,
        secret: Option<&str>,
        precision: Precision,
        store: &Store,
        context: &Context,
    ) -> Result<Self> {
        let opened = Opened::open_as(path, precision)?;
        let name = name.unwrap_or(&opened.place.name).to_string();
        Self::of(opened, name, secret, store, context)
    }

    /// The same on the same base, with what is in service at its place now.
    ///
    /// # Errors
    /// As [`Generating::open`].
    pub fn again(&self, secret: Option<&str>, store: &Store, context: &Context) -> Result<Self> {
        Self::of(self.opened.again()?, self.name.clone(), secret, store, context)
    }

    fn of(
        opened: Opened,
        name: String,
        secret: Option<&str>,
        store: &Store,
        context: &Context,
    ) -> Result<Self> {
        let guard = guard(&opened.place, secret, context)?;
        secrets::enlist_guard(&guard, &name, Some(USER), store)?;
        let number = store.version(&NewVersion {
            model: name.clone(),
            hash: opened.hash.clone(),
            recipe_hash: sha256(b""),
            parent: opened.parent.clone(),
            columns: COLUMNS.map(String::from).to_vec(),
            about: opened.about.clone(),
        })?;
        Ok(Generating { name, opened, guard, number })
    }

    /// Takes a question: its tokens, and what the log keeps of it; `at` is in microseconds since 1970.
    ///
    /// # Errors
    /// A prompt that is empty, that the template refuses or that the context or the memory does not hold; settings out of range.
    pub fn ask(&self, question: &Question, limits: &BatchLimits, at: i64) -> Result<Asked> {
        let model = &self.opened.model;
        let settings = &question.settings;
        let n = settings.n.max(1);
        let request = |prompt: &[u32], i: usize| Request {
            prompt: prompt.to_vec(),
            max_tokens: settings.max_tokens,
            sampling: Sampling {
                temperature: settings.temperature,
                top_k: settings.top_k,
                top_p: settings.top_p,
                min_p: settings.min_p,
                repetition_penalty: settings.repetition_penalty,
                presence_penalty: settings.presence_penalty,
                frequency_penalty: settings.frequency_penalty,
                logit_bias: settings.logit_bias.clone(),
                seed: settings.seed.wrapping_add(i as u64),
            },
            stop: settings.stop.clone(),
            logprobs: settings.logprobs,
            form: settings.form.clone(),
        };
        let mut requests = Vec::with_capacity(question.prompts.len() * n);
        for prompt in &question.prompts {
            let prompt = model.prompt_tokens(prompt)?;
            limits.check(model, &request(&prompt, 0))?;
            requests.extend((0..n).map(|i| request(&prompt, i)));
        }
        let row_key = question.user.as_ref().map(|user| self.kept(USER, &json!(user))).transpose()?;
        let row_key = row_key.and_then(|kept| kept.as_str().map(String::from));
        let features = |prompt: &Prompt| self.features(prompt, settings);
        let features = question.prompts.iter().map(features).collect::<Result<_>>()?;
        Ok(Asked { requests, n, features, row_key, at })
    }

    fn features(&self, prompt: &Prompt, settings: &Settings) -> Result<String> {
        let (messages, prompt) = match prompt {
            Prompt::Chat(messages) => (json!(messages), Value::Null),
            Prompt::Tools(messages, tools) => {
                (json!(WithTools { messages: messages.clone(), tools: tools.clone() }), Value::Null)
            }
            Prompt::Text(text) | Prompt::Raw(text) => (Value::Null, json!(text)),
            Prompt::Tokens(tokens) => (Value::Null, json!(tokens)),
        };
        let values = [messages, prompt, json!(settings)];
        let kept = COLUMNS.iter().zip(&values).map(|(column, value)| self.kept(column, value));
        Ok(Value::Array(kept.collect::<Result<_>>()?).to_string())
    }

    fn kept(&self, column: &str, value: &Value) -> Result<Value> {
        self.guard.kept(column, &value.to_string())
    }

    /// What goes into the log before the last of the answers leaves.
    ///
    /// # Errors
    /// When an answer cannot be sealed.
    pub fn predictions(
        &self,
        asked: &Asked,
        said: &[Said],
        latency_us: u32,
        key_id: Option<Arc<str>>,
    ) -> Result<Predictions> {
        let row = |said: &Said| -> Result<LoggedRow> {
            Ok(LoggedRow {
                id: said.id,
                features: asked.features.get(said.place / asked.n).cloned().unwrap_or_default(),
                prediction: self.kept(ANSWER, &json!(said.generated.text))?.to_string(),
                probabilities: None,
                row_key: asked.row_key.clone(),
                flaws: flaw(said.generated.finish).map(String::from),
            })
        };
        Ok(Predictions {
            at: asked.at,
            version: self.number,
            variant: CHAMPION.into(),
            propensity: 1.0,
            latency_us,
            key_id,
            rows: said.iter().map(row).collect::<Result<_>>()?,
        })
    }
}

/// What is odd about an answer that ended so.
fn flaw(finish: Finish) -> Option<&'static str> {
    match finish {
        Finish::Stop => None,
        Finish::Length => Some("length"),
        Finish::Cancelled => Some("cancelled"),
    }
}

/// A chat with tools, as the log keeps it.
#[derive(Serialize, Deserialize)]
struct WithTools {
    messages: Vec<Message>,
    tools: Vec<Value>,
}

/// The question behind what the log kept of it, with `open` applied to each column; none where too little was kept.
pub fn prompt_of(features: &str, open: impl Fn(&str, Value) -> Value) -> Option<Prompt> {
    let values: Vec<Value> = serde_json::from_str(features).ok()?;
    let mut opened = COLUMNS.iter().zip(values).map(|(column, value)| open(column, value));
    let (messages, prompt) = (opened.next()?, opened.next()?);
    if let Ok(messages) = serde_json::from_value::<Vec<Message>>(messages.clone()) {
        return (!messages.is_empty()).then_some(Prompt::Chat(messages));
    }
    if let Ok(WithTools { messages, tools }) = serde_json::from_value(messages.clone()) {
        return Some(Prompt::Tools(messages, tools));
    }
    if let Ok(tokens) = serde_json::from_value::<Vec<u32>>(prompt.clone()) {
        return (!tokens.is_empty()).then_some(Prompt::Tokens(tokens));
    }
    let readable = |text: &&str| !text.starts_with(HASHED) && !text.starts_with(SEALED);
    prompt.as_str().filter(readable).map(|text| Prompt::Raw(text.into()))
}
