//! `Model`: a checkpoint that is ready to run.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tidemill_core::{Error, Result};

use crate::blocks::decoder::{Decoder, Part};
use crate::blocks::precision::Precision;
use crate::calls::Written;
use crate::checkpoint::{Checkpoint, Config};
use crate::decode::cache::Cache;
use crate::decode::constrain::{Forms, Kept};
use crate::decode::generate::{Generated, Request, generate, room};
use crate::error::LanguageError;
use crate::template::{Message, Template};
use crate::tokens::Tokens;
use crate::tune::examples::Prompt;
use crate::tune::lora::Adapter;

/// A decoder with its tokenizer and chat template. Weights are shared: many threads may use one model at once.
pub struct Model {
    path: PathBuf,
    config: Config,
    precision: Precision,
    pub(crate) decoder: Decoder,
    tokens: Tokens,
    template: Option<Template>,
    /// Made when the first answer of a given form is asked for.
    forms: OnceLock<Forms>,
}

impl Model {
    /// Opens a folder as Hugging Face's libraries write it, or a GGUF file, and reads its weights into memory, as 32-bit
    /// floats ([`Model::bytes`] says how much that is).
    ///
    /// # Errors
    /// When files are missing, damaged or disagree, or the architecture, a rope type or a tensor type is unknown. Code
    /// and pickles are refused.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_as(path, Precision::Float32)
    }

    /// The same with weights in this precision.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open_as(path: &Path, precision: Precision) -> Result<Self> {
        let Checkpoint { config, tokenizer, template, bos, eos, mut tensors } = Checkpoint::open(path)?;
        let tokens = Tokens::new(&tokenizer, config.vocabulary)?;
        let template = template.map(|source| Template::new(source, bos, eos)).transpose()?;
        let decoder = Decoder::load(&config, tensors.as_mut(), path, precision)?;
        Ok(Model { path: path.into(), config, precision, decoder, tokens, template, forms: OnceLock::new() })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// In how many bits its weights are.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Its tokenizer.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The bytes of its weights in memory.
    pub fn bytes(&self) -> usize {
        self.decoder.bytes()
    }

    /// Whether it has a chat template.
    pub fn chats(&self) -> bool {
        self.template.is_some()
    }

    /// The text of a chat by the model's template; with `answer`, up to where the assistant's next message begins.
    ///
    /// # Errors
    /// When there is no template, or it refuses the messages.
    pub fn chat(&self, messages: &[Message], answer: bool) -> Result<String> {
        self.chat_with(messages, &[], answer)
    }

    /// The same where these tools may be called.
    pub(crate) fn chat_with(&self, messages: &[Message], tools: &[Value], answer: bool) -> Result<String> {
        self.template.as_ref().ok_or(LanguageError::NoTemplate)?.apply(messages, tools, answer)
    }

    /// The tokens of a prompt, ready for the answer.
    ///
    /// # Errors
    /// As [`Model::chat`], and when the tokenizer has no token for a part of the text.
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Result<Vec<u32>> {
        match prompt {
            Prompt::Text(text) if self.chats() => self.chat_tokens(&[Message::new("user", text)]),
            Prompt::Text(text) | Prompt::Raw(text) => self.tokens.encode(text, true),
            Prompt::Tokens(tokens) => Ok(tokens.clone()),
            Prompt::Chat(messages) => self.chat_tokens(messages),
            Prompt::Tools(messages, tools) => {
                self.tokens.encode(&self.chat_with(messages, tools, true)?, false)
            }
        }
    }

    /// The tokens of a chat, ready for the assistant's answer.
    ///
    /// # Errors
    /// As [`Model::chat`].
    pub fn chat_tokens(&self, messages: &[Message]) -> Result<Vec<u32>> {
        // The template writes the special tokens itself.
        self.tokens.encode(&self.chat(messages, true)?, false)
    }

    /// How it writes calls of tools.
    ///
    /// # Errors
    /// When there is no template, or it shows no form of calls that is known here.
    pub(crate) fn calls(&self) -> Result<Written> {
        let template = self.template.as_ref().ok_or(LanguageError::NoTemplate)?;
        Ok(Written::by(template, &self.tokens, &self.config.eos).ok_or(LanguageError::NoCalls)?)
    }

    /// What compiles the forms of answers.
    pub(crate) fn forms(&self) -> Result<&Forms> {
        if let Some(forms) = self.forms.get() {
            return Ok(forms);
        }
        let forms = Forms::new(&self.tokens, self.config.vocabulary, &self.config.eos)?;
        Ok(self.forms.get_or_init(|| forms))
    }

    /// The form of a request's answer, ready for its first token.
    pub(crate) fn kept(&self, request: &Request) -> Result<Option<Kept>> {
        request.form.as_ref().map(|form| self.forms()?.start(form, self)).transpose()
    }

    /// How many tokens may be generated for a request.
    ///
    /// # Errors
    /// When the prompt is empty or does not fit the context, or a setting is out of range.
    pub fn room(&self, request: &Request) -> Result<usize> {
        let room = room(self, request, self.config.context)?;
        self.kept(request)?;
        Ok(room)
    }

    /// Generates from a request; `listen` gets each piece of text once it is certain (whole characters, and no beginning
    /// of a stop string), and may break off. It is asked after each token and each piece of the prompt, with an empty text
    /// where none is certain.
    ///
    /// # Errors
    /// When the prompt is empty or does not fit the context, or a setting is out of range.
    pub fn generate(
        &self,
        request: &Request,
        adapter: Option<&Adapter>,
        listen: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Generated> {
        generate(self, request, adapter, listen)
    }

    /// The logits of every token, `[tokens, vocabulary]`; the cache then holds these tokens after those it held.
    ///
    /// # Errors
    /// When a token is beyond the vocabulary, the context does not hold them, or the rotary positions of a sequence change at its new length.
    pub fn logits(&self, tokens: &[u32], cache: &mut Cache, adapter: Option<&Adapter>) -> Result<Vec<f32>> {
        if let Some(token) = tokens.iter().find(|t| **t as usize >= self.config.vocabulary) {
            return Err(LanguageError::Tokens(format!("there is no token {token}")).into());
        }
        let (n, context) = (cache.len() + tokens.len(), self.config.context);
        if n > context {
            return Err(LanguageError::PromptTooLong { tokens: n, context }.into());
        }
        if cache.is_empty() {
            cache.long = self.config.turned_long(n);
        } else if cache.long != self.config.turned_long(n) {
            let problem =
                "the rotary positions of a sequence of this length are others than those of its beginning";
            return Err(Error::data(problem, "begin with an empty cache"));
        }
        Ok(self.decoder.logits(&self.states(tokens, cache, adapter)))
    }

    /// The states of tokens, which the context must hold.
    pub(crate) fn states(&self, tokens: &[u32], cache: &mut Cache, adapter: Option<&Adapter>) -> Vec<f32> {
        self.decoder.states(&self.config, &mut [Part { tokens, cache }], adapter)
    }
}
