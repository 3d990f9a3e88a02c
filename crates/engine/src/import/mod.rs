//! Imports models of other programs: LightGBM's text files, XGBoost's JSON and UBJSON, trees in ONNX files.
//!
//! A file becomes an [`ensemble::Ensemble`] by its own format's file here, and that becomes a chain of two links: the intake, which
//! reads the model's columns, and the trees. From there on it answers, explains itself and is served like any other.
//! Files are untrusted: nothing in them is believed before it was checked, and none holds code.

mod ensemble;
mod fault;
mod lightgbm;
mod model;
mod onnx;
mod xgboost;

use serde::Serialize;
use tidemill_core::recipe::Task;
use tidemill_core::{Context, Result};
use tidemill_package::Package;

use crate::files::sha256;
use ensemble::Ensemble;
use fault::Fault;

/// The largest file that is read: 1 GiB.
pub const MOST_BYTES: u64 = 1 << 30;

/// What the file does not say itself.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The name of what is predicted; `target` without it.
    pub target: Option<String>,
    /// The names of the classes in the order of their codes; those of the file, or `0`, `1`, …, without any.
    pub classes: Vec<String>,
    /// The names of its columns in its own order; those of the file without any.
    pub columns: Vec<String>,
}

/// What was imported.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The program that made the model.
    pub program: &'static str,
    /// Its version, as the file names it.
    pub version: String,
    /// What the model was trained for, in that program's words.
    pub objective: String,
    /// The file.
    pub file: String,
    /// SHA-256 over its bytes.
    pub sha256: String,
    /// The task.
    pub task: Task,
    /// What is predicted.
    pub target: String,
    /// The classes in the order of their codes; empty for numbers.
    pub classes: Vec<String>,
    /// The columns that the model takes, each with its kind.
    pub columns: Vec<(String, &'static str)>,
    /// How many trees.
    pub trees: usize,
    /// How many nodes of all trees.
    pub nodes: usize,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A model taken over, which is to become a file.
pub struct Import {
    /// What it is.
    pub facts: Imported,
    model: crate::model::Model,
    recipe: String,
}

impl Import {
    /// The model file, with this card.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn package(self, card: String) -> Result<Package> {
        model::package(&self.model, &self.facts, self.recipe, card)
    }
}

/// Takes a model over from the bytes of its file, which is called `name`.
///
/// # Errors
/// A file of another format or one that is not whole; an objective or a sort of tree that is not taken over; names of classes
/// or of the target that do not fit.
pub fn import(bytes: &[u8], name: &str, asked: &Asked, context: &Context) -> Result<Import> {
    let ensemble = read(bytes).map_err(|fault| fault.of_file(name))?;
    model::import(ensemble, name, sha256(bytes), asked, context)
}

fn read(bytes: &[u8]) -> Result<Ensemble, Fault> {
    let start = bytes.trim_ascii_start();
    match start {
        _ if start.starts_with(lightgbm::MARK.as_bytes()) => {
            let text = std::str::from_utf8(bytes);
            let text =
                text.map_err(|e| Fault::broken(format!("no UTF-8 text from byte {} on", e.valid_up_to())))?;
            lightgbm::read(text)
        }
        // A key of UBJSON begins with the length of its name.
        [b'{', b'L' | b'l' | b'I' | b'U' | b'i' | b'$' | b'#', ..] => xgboost::read_ubjson(bytes),
        [b'{', ..] => xgboost::read_json(bytes),
        // White space is a byte like any other there.
        _ if onnx::is_onnx(bytes) => onnx::read(bytes),
        _ => Err(foreign(start)),
    }
}

/// What a file of another format is, as far as its first bytes tell.
fn foreign(start: &[u8]) -> Fault {
    let (problem, remedy) = match start {
        [] => ("the file is empty", "name a model file"),
        [0x80, ..] => (
            "this is a pickle, which may hold any code",
            "save the model itself: `booster_.save_model(\"model.txt\")` of LightGBM, `save_model(\"model.json\")` of XGBoost",
        ),
        [b'[', ..] => (
            "this is a dump to be read by people",
            "save the model with `save_model` instead of `dump_model`",
        ),
        _ if start.starts_with(b"PK") => (
            "this is an archive, not a model of LightGBM, XGBoost or ONNX",
            "a model of ours needs no import: use it as it is",
        ),
        _ if start.starts_with(b"binf") => (
            "this is XGBoost's old binary format, which newer versions cannot read either",
            "load it with an XGBoost that can, and save it as model.json",
        ),
        _ => (
            "this is not a model of LightGBM (text), XGBoost (JSON, UBJSON) or ONNX",
            "save one with `save_model`: model.txt of LightGBM, model.json or model.ubj of XGBoost; or convert scikit-learn's with skl2onnx",
        ),
    };
    Fault::refused(problem, remedy)
}
