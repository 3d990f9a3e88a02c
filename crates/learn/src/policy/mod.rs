//! Policies: which action to take in a context, learned from logged decisions: the action that was taken (the target), what came of it
//! (the column in the role reward) and the context (the features).
//!
//! A policy answers with a probability for each action, by which it is to be drawn, and with the reward that it expects of each. What
//! is drawn so and logged with its probability can judge the next policy.

mod answer;
mod decisions;
mod explore;
mod fitted_q;
mod linear;
mod linucb;
mod thompson;

pub use fitted_q::{FittedActions, FittedQ};
pub use linear::FittedLinearPolicy;
pub use linucb::LinUcb;
pub use thompson::Thompson;
