//! Large language models: open checkpoints that run, and are tuned on what users did, in plain Rust.
//!
//! [`Model::open`] reads a decoder as it is published; [`Model::generate`] answers; [`sft`] learns an [`Adapter`] from pairs of
//! prompt and response, [`dpo`] from answers of which one was preferred. [`Embedder`] turns texts into vectors.

mod blocks;
mod calls;
mod checkpoint;
mod decode;
mod embed;
pub mod error;
mod model;
mod template;
mod texts;
mod tokens;
mod tune;

pub use blocks::precision::Precision;
pub use checkpoint::{Activation, Config, Family, RopeScaling};
pub use decode::batch::{Batch, BatchLimits, Listener};
pub use decode::cache::Cache;
pub use decode::constrain::Form;
pub use decode::generate::{Finish, Generated, Logprob, Request};
pub use decode::generation::Generation;
pub use decode::sample::Sampling;
pub use embed::Embedder;
pub use error::LanguageError;
pub use model::Model;
pub use template::Message;
pub use texts::read_texts;
pub use tokens::Tokens;
pub use tune::dpo::{Dpo, Preferred, dpo};
pub use tune::examples::{Prompt, PromptPair, read_pairs};
pub use tune::judge::losses;
pub use tune::lora::{Adapter, Site};
pub use tune::preferences::{Preference, read_preferences};
pub use tune::sft::{Sft, Tuned, sft};
