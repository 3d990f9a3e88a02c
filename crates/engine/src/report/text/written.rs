//! Where a training has written its files.

use std::fmt::Display;
use std::path::Path;

use tidemill_report::words::{Words, fill};

/// The model with the beginning of its hash, its recipe, `metrics.json` and the report.
pub(super) fn written(words: &Words, hash: &str, [model, recipe, metrics, report]: [&Path; 4]) -> String {
    let values: [(&str, &dyn Display); 5] = [
        ("model", &model.display()),
        ("hash", &&hash[..12.min(hash.len())]),
        ("recipe", &recipe.display()),
        ("metrics", &metrics.display()),
        ("report", &report.display()),
    ];
    fill(words.story.written, &values)
}
