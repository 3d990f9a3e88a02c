//! What keeps a language model from being read, run or tuned.

use std::path::PathBuf;

use tidemill_core::Coded;

/// The errors of language models.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// A file of a checkpoint holds something that cannot be right.
    #[error("{}: {problem}", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What was found, and where.
        problem: String,
    },
    /// A checkpoint asks for something that this build does not have.
    #[error("{}: {what} '{found}' is not supported", file.display())]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// What sort of thing: "architecture", "rope type", "tensor type", …
        what: &'static str,
        /// What the file asks for.
        found: String,
        /// What is supported instead.
        known: &'static str,
    },
    /// The prompt and what is to be generated do not fit.
    #[error("the prompt has {tokens} tokens, but the model's context holds {context}")]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// The most tokens that the model can look at.
        context: usize,
    },
    /// The prompt does not fit the memory for keys and values.
    #[error("the prompt has {tokens} tokens, but the memory for keys and values holds {holds}")]
    PromptBeyondMemory {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens that the memory holds.
        holds: usize,
    },
    /// The prompt has no token.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// A chat was given, but the model has no chat template.
    #[error("the model has no chat template")]
    NoTemplate,
    /// Tools were given, but the chat template has no place for them.
    #[error("the model's chat template knows no tools")]
    NoTools,
    /// An answer must call tools, but the chat template shows no form of calls that is known here.
    #[error("the model's chat template shows no form of tool calls that answers can be held to")]
    NoCalls,
    /// The chat template could not be applied.
    #[error("chat template: {0}")]
    Template(String),
    /// The tokenizer could not be used.
    #[error("tokenizer: {0}")]
    Tokens(String),
    /// The form that an answer should have is not valid, or cannot be kept to.
    #[error("the form of the answer: {0}")]
    Form(String),
    /// No example has a token to learn from.
    #[error("none of the {examples} examples has a token to learn from: every label is masked")]
    AllMasked {
        /// How many examples there are.
        examples: usize,
    },
    /// The two answers of a preference are the same.
    #[error("preference {number}: the chosen and the rejected answer are the same text")]
    EqualAnswers {
        /// Which preference, from 1.
        number: usize,
    },
    /// An adapter does not fit the model, or its file is damaged.
    #[error("adapter {}: {problem}", folder.display())]
    Adapter {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of examples or texts cannot be read.
    #[error("{}, line {line}: {problem}", file.display())]
    Examples {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The loss is not a number.
    #[error("the loss is not a number in step {step}")]
    Diverged {
        /// The step, from 1.
        step: usize,
    },
}

impl LanguageError {
    /// A file that cannot be right.
    pub(crate) fn checkpoint(file: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        LanguageError::Checkpoint { file: file.into(), problem: problem.into() }
    }
}

impl Coded for LanguageError {
    fn code(&self) -> &'static str {
        match self {
            LanguageError::Checkpoint { .. } => "checkpoint",
            LanguageError::Unsupported { .. } => "checkpoint_unsupported",
            LanguageError::PromptTooLong { .. } => "prompt_too_long",
            LanguageError::PromptBeyondMemory { .. } => "prompt_beyond_memory",
            LanguageError::EmptyPrompt => "empty_prompt",
            LanguageError::NoTemplate => "no_chat_template",
            LanguageError::NoTools => "no_tools",
            LanguageError::NoCalls => "no_tool_calls",
            LanguageError::Template(_) => "chat_template",
            LanguageError::Tokens(_) => "tokenizer",
            LanguageError::Form(_) => "answer_form",
            LanguageError::AllMasked { .. } => "all_masked",
            LanguageError::EqualAnswers { .. } => "equal_answers",
            LanguageError::Adapter { .. } => "adapter",
            LanguageError::Examples { .. } => "examples",
            LanguageError::Diverged { .. } => "diverged",
        }
    }

    fn remedy(&self) -> Option<String> {
        let remedy = match self {
            LanguageError::Checkpoint { .. } => "fetch the checkpoint again, whole, and compare its hash",
            LanguageError::Unsupported { known, .. } => {
                return Some(format!("use a checkpoint with one of: {known}"));
            }
            LanguageError::PromptTooLong { .. } => "shorten the prompt, or ask for fewer tokens",
            LanguageError::PromptBeyondMemory { .. } => {
                "shorten the prompt, or give the cache of keys and values more memory"
            }
            LanguageError::EmptyPrompt => "give a prompt",
            LanguageError::NoTemplate => "give a plain prompt, or a model that was tuned for chat",
            LanguageError::NoTools => "leave the tools out, or use a model that was tuned to call them",
            LanguageError::NoCalls => {
                "leave the choice of tools to the model, or use one that was tuned to call them"
            }
            LanguageError::Template(_) => "check that the roles of the messages are those the model knows",
            LanguageError::Tokens(_) => "check the model's tokenizer",
            LanguageError::Form(_) => "check the JSON Schema or the regular expression",
            LanguageError::AllMasked { .. } => {
                "give examples with a response, short enough for the length limit"
            }
            LanguageError::EqualAnswers { .. } => "take it away: it says nothing of what is better",
            LanguageError::Adapter { .. } => "use an adapter that was tuned on this model",
            LanguageError::Examples { .. } => {
                "correct the line: a pair needs prompt and response, a preference prompt and two answers, chosen and rejected, that \
                 differ, a text to embed its column"
            }
            LanguageError::Diverged { .. } => "choose a smaller learning rate",
        };
        Some(remedy.into())
    }
}
