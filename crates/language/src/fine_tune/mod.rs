//! `fine_tuned_text`: an encoder of texts that learns to predict.

mod learner;
mod net;
mod ops;
mod targets;
mod tuner;

#[cfg(test)]
mod tests;

pub use learner::{FineTunedText, FineTuning};
