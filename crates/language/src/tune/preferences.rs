//! Preferences to learn from: what a user asked, and which of two answers was the better one.

use std::path::Path;

use serde::Deserialize;
use tidemill_core::Result;

use super::examples::{Example, Prompt, PromptPair, read};
use crate::error::LanguageError;
use crate::model::Model;

/// A prompt with two answers, one of which was preferred.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    /// What was asked.
    pub prompt: Prompt,
    /// The better answer.
    pub chosen: String,
    /// The other one.
    pub rejected: String,
}

/// A preference as a file holds it.
#[derive(Deserialize)]
struct Line {
    prompt: String,
    chosen: String,
    rejected: String,
}

/// Reads preferences: JSON lines with `prompt`, `chosen` and `rejected`, or a CSV file with these columns (by the file's ending).
///
/// # Errors
/// When the file cannot be read, a line lacks one of the three, or its two answers are the same; the line is named.
pub fn read_preferences(file: &Path) -> Result<Vec<Preference>> {
    let preference = |(line, Line { prompt, chosen, rejected }): (u64, Line)| {
        if chosen == rejected {
            let problem = "the chosen and the rejected answer are the same text".into();
            return Err(LanguageError::Examples { file: file.into(), line, problem }.into());
        }
        Ok(Preference { prompt: Prompt::Text(prompt), chosen, rejected })
    };
    read::<Line>(file)?.into_iter().map(preference).collect()
}

/// The tokens of both answers, each after the prompt.
pub(super) fn examples(model: &Model, preference: &Preference, longest: usize) -> Result<[Example; 2]> {
    let example = |response: &str| {
        let pair = PromptPair { prompt: preference.prompt.clone(), response: response.into() };
        Example::of(model, &pair, longest)
    };
    Ok([example(&preference.chosen)?, example(&preference.rejected)?])
}
