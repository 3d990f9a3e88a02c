//! Writes the word vectors that a model contains.

use std::path::Path;

use serde::Serialize;
use tidemill_core::{Builtin, Context, Result, State};
use tidemill_prep::EmbedWords;
use tidemill_prep::word_vectors::file::{self, Format, WordVectors};

use crate::error::EngineError;
use crate::model;

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct VectorsWritten {
    /// The file.
    pub out: String,
    /// The column whose words they are.
    pub column: String,
    /// How many words.
    pub words: usize,
    /// Numbers per word.
    pub dimensions: usize,
}

/// Writes the vectors that a step `embed_words` of the model holds: to a name that ends in `.bin` in word2vec's binary format, to one with
/// `glove` in it in GloVe's text, else in word2vec's text. `column` says which, where the model holds those of several.
///
/// # Errors
/// A model without any, or with those of several columns; a file that cannot be written.
pub fn write(model: &Path, column: Option<&str>, out: &Path, context: &Context) -> Result<VectorsWritten> {
    let state = match model::open_any(model, context)? {
        model::AnyModel::One(opened) => opened.package.state,
        model::AnyModel::Several(several) => several.package.state,
    };
    let mut found = Vec::new();
    gather(&state, &mut found)?;
    if let Some(wanted) = column {
        found.retain(|(name, _)| name == wanted);
    }
    let names: Vec<String> = found.iter().map(|(name, _)| format!("'{name}'")).collect();
    let mut found = found.into_iter();
    let (Some((column, vectors)), None) = (found.next(), found.next()) else {
        let (problem, remedy) = match names.len() {
            0 => (
                "the model holds no vectors of words",
                "train with a step 'embed_words' on a text".to_string(),
            ),
            _ => (
                "the model holds vectors of several columns",
                format!("name one with --column: {}", names.join(", ")),
            ),
        };
        return Err(EngineError::usage(problem, remedy).into());
    };
    let name = out.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let format = match name {
        name if name.ends_with(".bin") => Format::Word2vecBinary,
        name if name.contains("glove") => Format::Glove,
        _ => Format::Word2vec,
    };
    file::write(&vectors, format, out)?;
    Ok(VectorsWritten {
        out: out.display().to_string(),
        column,
        words: vectors.words.len(),
        dimensions: vectors.dimensions,
    })
}

/// All vectors within a state. Those of blended learners that were prepared alike are the same, and count once.
fn gather(state: &State, found: &mut Vec<(String, WordVectors)>) -> Result<()> {
    if state.kind == EmbedWords::KIND {
        for one in tidemill_prep::vectors_of_state(state)? {
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    state.children.iter().try_for_each(|child| gather(child, found))
}
