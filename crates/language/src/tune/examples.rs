//! Examples to learn from: what a user asked, and the answer that should have come.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidemill_core::{Error, Result};

use crate::error::LanguageError;
use crate::model::Model;
use crate::template::Message;

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// A text: the chat template is applied where there is one.
    Text(String),
    /// A chat.
    Chat(Vec<Message>),
    /// A chat in which the model may call these tools, each as OpenAI describes a function.
    Tools(Vec<Message>, Vec<Value>),
    /// A text to go on from as it stands.
    Raw(String),
    /// The tokens to go on from.
    Tokens(Vec<u32>),
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Prompt::Text(text.into())
    }
}

/// A prompt with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptPair {
    /// What was asked.
    pub prompt: Prompt,
    /// What should be answered.
    pub response: String,
}

/// A pair as a file holds it.
#[derive(Deserialize)]
struct Line {
    prompt: String,
    #[serde(alias = "completion", alias = "answer")]
    response: String,
}

impl From<Line> for PromptPair {
    fn from(line: Line) -> Self {
        PromptPair { prompt: Prompt::Text(line.prompt), response: line.response }
    }
}

/// Tokens, of which those from `prompt` on are learned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    pub(crate) tokens: Vec<u32>,
    pub(crate) prompt: usize,
}

impl Example {
    /// The first token that is learned: nothing says the very first.
    pub(crate) fn first_label(&self) -> usize {
        self.prompt.max(1)
    }

    pub(crate) fn n_labels(&self) -> usize {
        self.tokens.len().saturating_sub(self.first_label())
    }

    /// As the model's chat template writes the pair, or one after the other where it has none; at most `longest` tokens.
    pub(crate) fn of(model: &Model, pair: &PromptPair, longest: usize) -> Result<Self> {
        let response = &pair.response;
        let (mut tokens, rest) = match &pair.prompt {
            Prompt::Text(text) if model.chats() => chat(model, &[Message::new("user", text)], &[], response)?,
            Prompt::Text(text) | Prompt::Raw(text) => {
                plain(model, model.tokens().encode(text, true)?, response)?
            }
            Prompt::Tokens(tokens) => plain(model, tokens.clone(), response)?,
            Prompt::Chat(messages) => chat(model, messages, &[], response)?,
            Prompt::Tools(messages, tools) => chat(model, messages, tools, response)?,
        };
        let prompt = tokens.len();
        tokens.extend(rest);
        tokens.truncate(longest);
        Ok(Example { prompt: prompt.min(tokens.len()), tokens })
    }
}

fn chat(
    model: &Model,
    messages: &[Message],
    tools: &[Value],
    response: &str,
) -> Result<(Vec<u32>, Vec<u32>)> {
    let asked = model.chat_with(messages, tools, true)?;
    let mut messages = messages.to_vec();
    messages.push(Message::new("assistant", response));
    let whole = model.chat_with(&messages, tools, false)?;
    let tokens = model.tokens().encode(&asked, false)?;
    // Templates that add to the last question (thinking, say) leave the answer to be added by itself.
    let rest = whole.strip_prefix(&asked).unwrap_or(response);
    let mut rest = model.tokens().encode(rest, false)?;
    let ends = &model.config().eos;
    // What the template writes after the end (a new line, say) is never generated.
    match rest.iter().rposition(|token| ends.contains(token)) {
        Some(end) => rest.truncate(end + 1),
        None => rest.extend(ends.first()),
    }
    Ok((tokens, rest))
}

fn plain(model: &Model, tokens: Vec<u32>, response: &str) -> Result<(Vec<u32>, Vec<u32>)> {
    let mut rest = model.tokens().encode(response, false)?;
    rest.extend(model.config().eos.first());
    Ok((tokens, rest))
}

/// Reads pairs: JSON lines with `prompt` and `response`, or a CSV file with these columns (by the file's ending).
///
/// # Errors
/// When the file cannot be read, or a line lacks one of the two; the line is named.
pub fn read_pairs(file: &Path) -> Result<Vec<PromptPair>> {
    Ok(read::<Line>(file)?.into_iter().map(|(_, line)| line.into()).collect())
}

/// A text that was written, or is to be, with what it should have been.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Judged {
    /// What was asked.
    #[serde(default)]
    pub prompt: String,
    /// What should have been answered.
    #[serde(default, alias = "response", alias = "completion", alias = "correction")]
    pub reference: String,
    /// What was answered.
    #[serde(default)]
    pub answer: Option<String>,
    /// Another answer, to be compared with the first.
    #[serde(default)]
    pub other: Option<String>,
}

/// Reads texts to judge: JSON lines with `reference`, and `prompt`, `answer` and `other` where there are such, or a CSV file with these
/// columns (by the file's ending).
///
/// # Errors
/// When the file cannot be read, or holds no line.
pub fn read_judged(file: &Path) -> Result<Vec<Judged>> {
    Ok(read::<Judged>(file)?.into_iter().map(|(_, line)| line).collect())
}

/// Reads what each line or record holds, with its line from 1; at least one.
pub(super) fn read<T: DeserializeOwned>(file: &Path) -> Result<Vec<(u64, T)>> {
    let pairs = if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        csv(file)
    } else {
        lines(file)
    }?;
    if pairs.is_empty() {
        return Err(Error::data(format!("{} holds no example", file.display()), "give at least one pair"));
    }
    Ok(pairs)
}

fn lines<T: DeserializeOwned>(file: &Path) -> Result<Vec<(u64, T)>> {
    let reader = BufReader::new(File::open(file).map_err(|e| Error::io(file, e))?);
    let mut pairs = Vec::new();
    for (i, line) in reader.lines().enumerate() {
        let line = line.map_err(|e| Error::io(file, e))?;
        if line.trim().is_empty() {
            continue;
        }
        let number = i as u64 + 1;
        let pair = serde_json::from_str(&line).map_err(|e| LanguageError::Examples {
            file: file.into(),
            line: number,
            problem: e.to_string(),
        })?;
        pairs.push((number, pair));
    }
    Ok(pairs)
}

fn csv<T: DeserializeOwned>(file: &Path) -> Result<Vec<(u64, T)>> {
    let wrong = |e: csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        LanguageError::Examples { file: file.into(), line, problem: e.to_string() }
    };
    let opened = File::open(file).map_err(|e| Error::io(file, e))?;
    let mut reader = csv::Reader::from_reader(opened);
    let headers = reader.headers().map_err(wrong)?.clone();
    let records = reader.records().map(|record| {
        let record = record?;
        let line = record.position().map_or(1, csv::Position::line);
        Ok((line, record.deserialize(Some(&headers))?))
    });
    Ok(records.collect::<Result<_, _>>().map_err(wrong)?)
}
