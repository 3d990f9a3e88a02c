//! Large language models: open checkpoints that run, and are tuned on what users did, in plain Rust.
//!
//! [`Model::open`] reads a decoder as it is published; [`Model::generate`] answers; [`sft`] learns an [`Adapter`] from pairs of
//! prompt and response, [`dpo`] from answers of which one was preferred. [`Embedder`] turns texts into vectors.

mod bases;
mod blocks;
mod bounded;
mod calls;
mod checkpoint;
mod decode;
mod embed;
mod embed_text;
pub mod error;
mod export;
mod fine_tune;
mod model;
mod nearest;
mod template;
mod texts;
mod tokens;
mod tune;

pub use bases::look_beside;
pub use blocks::precision::Precision;
pub use checkpoint::{Activation, Config, Family, Pooling, RopeScaling};
pub use decode::batch::{Batch, BatchLimits, Listener};
pub use decode::cache::Cache;
pub use decode::constrain::Form;
pub use decode::generate::{Finish, Generated, Logprob, Request};
pub use decode::generation::Generation;
pub use decode::sample::Sampling;
pub use embed::Embedder;
pub use embed_text::EmbedText;
pub use error::LanguageError;
pub use export::{Numbers, export};
pub use fine_tune::{FineTunedText, FineTuning};
pub use model::Model;
pub use nearest::{Hit, Vectors};
pub use template::Message;
pub use texts::read_texts;
pub use tokens::Tokens;
pub use tune::dpo::{Dpo, Preferred, dpo};
pub use tune::examples::{Judged, Prompt, PromptPair, read_judged, read_pairs};
pub use tune::judge::{log_losses_of, losses};
pub use tune::lora::{Adapter, Site};
pub use tune::preferences::{Preference, read_preferences};
pub use tune::sft::{Sft, Tuned, Watch, sft, sft_watched};
