//! Answers of a given form: at each place only tokens that keep to it may come, by the `llguidance` library.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{Error, Result};

use crate::calls::spaced;
use crate::error::LanguageError;
use crate::model::Model;
use crate::tokens::Tokens;

/// The form that an answer must have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A JSON document that this JSON Schema allows.
    Schema(Value),
    /// A text that this regular expression matches as a whole.
    Regex(String),
    /// Calls of these functions, as the model's chat template writes calls.
    Calls {
        /// Each with its name and the JSON Schema of its parameters, as OpenAI describes a function.
        functions: Vec<Value>,
        /// Whether there may be more than one.
        several: bool,
    },
}

impl Form {
    fn grammar(&self, model: &Model) -> Result<TopLevelGrammar> {
        Ok(match self {
            Form::Schema(schema) => TopLevelGrammar::from_json_schema(spaced(schema)),
            Form::Regex(pattern) => TopLevelGrammar::from_regex(pattern),
            Form::Calls { functions, several } => {
                TopLevelGrammar::from_lark(model.calls()?.grammar(functions, *several))
            }
        })
    }
}

/// What compiles forms for one model.
pub(crate) struct Forms {
    factory: ParserFactory,
}

impl Forms {
    /// # Errors
    /// When the model's tokens have no bytes of their own, or it has no token that ends an answer.
    pub(crate) fn new(tokens: &Tokens, vocabulary: usize, eos: &[u32]) -> Result<Self> {
        let Some(eos) = eos.first() else {
            return Err(LanguageError::Form("the model has no token that ends an answer".into()).into());
        };
        let words = tokens.bytes(vocabulary)?;
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, *eos), &words);
        let environment: llguidance::toktrie::TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new_simple(&environment).map_err(failed)?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Forms { factory })
    }

    /// A form, ready for the first token.
    ///
    /// # Errors
    /// When it is not valid, or asks for what is not supported.
    pub(crate) fn start(&self, form: &Form, model: &Model) -> Result<Kept> {
        let parser = self.factory.create_parser(form.grammar(model)?).map_err(failed)?;
        let mut matcher = Matcher::new(Ok(parser));
        match matcher.get_error() {
            Some(problem) => Err(LanguageError::Form(short(&problem)).into()),
            // What allows no first token shows itself here, and not in the middle of an answer.
            None => matcher.compute_mask_or_eos().map_err(failed).map(|_| Kept { matcher }),
        }
    }
}

/// A form that is kept to.
pub(crate) struct Kept {
    matcher: Matcher,
}

impl Kept {
    /// Rules out the tokens that may not come.
    ///
    /// # Errors
    /// When it takes too much work to say which may.
    pub(crate) fn rule_out(&mut self, logits: &mut [f32]) -> Result<()> {
        let allowed = self.matcher.compute_mask_or_eos().map_err(failed)?;
        for (token, logit) in logits.iter_mut().enumerate() {
            if !allowed.get(token) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    /// Takes the token that came; says whether the answer is whole.
    ///
    /// # Errors
    /// When the token may not come.
    pub(crate) fn take(&mut self, token: u32) -> Result<bool> {
        self.matcher.consume_token(token).map_err(failed)?;
        Ok(self.matcher.is_stopped())
    }
}

fn failed(e: impl std::fmt::Display) -> Error {
    LanguageError::Form(short(&e.to_string())).into()
}

/// The first line: what follows are the library's own notes.
fn short(problem: &str) -> String {
    problem.lines().next().unwrap_or_default().chars().take(400).collect()
}
