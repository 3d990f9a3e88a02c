//! The server: HTTP in, a bound chain per worker, a row in the prediction log before the answer leaves.
//!
//! | module | does |
//! |---|---|
//! | [`rows`] | callers' rows in JSON, CSV or XML become cells |
//! | [`answers`] | answers become JSON, CSV or XML |
//! | [`batcher`] | micro-batches, for models that gain by them |
//! | [`models`], [`live`] | models in service: they come, go and are swapped while requests run |
//! | [`languages`] | language models in service, each with its queue |
//! | `idempotency` | requests that are sent again count once |
//! | `generating` | a question to a language model from its turn to its answer |
//! | `protocols` | requests become rows, answers become bytes: one file per protocol |
//! | `predicting` | a request for predictions from its head to its answer, whatever the protocol |
//! | [`routes`] | one file per address |
//! | [`auth`] | API keys and scopes |
//! | [`origin`] | which pages may speak with the server |
//! | [`trouble`] | whether the store refuses; log lines that repeat |
//! | [`telemetry`], [`charges`] | what Prometheus reads; what it costs |
//! | [`connections`] | listening, slow clients, ending well |
//! | [`judge`] | a model elsewhere, asked which of two answers is better |
//! | [`replay`] | a dated table played through all of it |
//!
//! Small requests are answered on the thread that read them: a row takes microseconds, a hand-over takes longer. Larger
//! ones go to the threads for blocking work, so that they hold nobody up.

pub mod answers;
pub mod app;
pub mod auth;
pub mod batcher;
pub mod body;
pub mod charges;
mod clock;
pub mod connections;
mod error;
pub mod fault;
mod generating;
mod idempotency;
pub mod judge;
pub mod languages;
pub mod live;
pub mod models;
pub mod openapi;
pub mod origin;
mod predicting;
mod protocols;
pub mod replay;
pub mod routes;
pub mod rows;
pub mod telemetry;
pub mod trouble;

pub use app::{App, Limits, Options};
pub use connections::{Running, serve, start};
pub use error::{Error, Result};
