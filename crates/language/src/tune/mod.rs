//! Tuning a model on what users did: small matrices beside frozen weights.

pub(crate) mod adamw;
mod adapter_files;
mod attention;
mod backward;
pub(crate) mod dpo;
pub(crate) mod examples;
pub(crate) mod judge;
pub(crate) mod lora;
mod loss;
pub(crate) mod preferences;
mod progress;
pub(crate) mod sft;
mod trainer;
