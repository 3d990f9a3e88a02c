//! Where a model comes from: what it predicts, what it was made of and from which version, and how well it did.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_core::recipe::{Spec, Task};
use tidemill_core::{Error, Result};

/// What the manifest of a model file says of its origin (`about`). A key that an older version did not write has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The task.
    pub task: Option<Task>,
    /// The target column; of several their names with commas between.
    pub target: String,
    /// Of a model of several targets: where the model of each comes from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Provenance>,
    /// The classes in their fixed order; empty for regression.
    pub classes: Vec<String>,
    /// The learner with its parameters; of a blend its members and their shares.
    pub learner: Option<Spec>,
    /// The rows of the first training.
    pub data: Option<TrainedOn>,
    /// How it did on rows that it was not fitted on.
    pub test: Option<TestScores>,
    /// The interval of the choosing metric on these rows.
    pub test_interval: Option<ScoreRange>,
    /// What the model that ships was fitted on, and what its links cost: for people.
    pub shipped: Value,
    /// Where it was imported from, where another program made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFrom>,
    /// Of a student, the teacher whose answers it learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distilled: Option<DistilledFrom>,
    /// Of a smaller copy, the model that it is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed: Option<CompressedFrom>,
    /// The model that learners in it go on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<StartedFrom>,
    /// What led to it, where it took the place of another version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub improved: Option<Promotion>,
    /// The hash of the version that it was improved from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// The file of another program that a model was imported from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportedFrom {
    /// The program, as `LightGBM`.
    pub program: String,
    /// Its version, as the file names it.
    pub version: String,
    /// What the model was trained for, in that program's words.
    pub objective: String,
    /// The name of the file.
    pub file: String,
    /// SHA-256 over its bytes.
    pub sha256: String,
}

/// The model whose answers a student learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DistilledFrom {
    /// The name of its file.
    pub file: String,
    /// The hash of the model.
    pub sha256: String,
    /// Its learner.
    pub learner: Option<Spec>,
    /// How far a student of part of the rows was from it on the others: for people.
    pub change: Value,
}

/// The model that a smaller one is a copy of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompressedFrom {
    /// The name of its file.
    pub file: String,
    /// The hash of the model.
    pub sha256: String,
    /// The share of weights or leaves that went.
    pub prune: f64,
    /// Whether weights and leaf values are stored in 8 bits.
    pub eight_bits: bool,
    /// How far answers changed: for people.
    pub change: Value,
}

/// The model that a training started from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartedFrom {
    /// The name of its file.
    pub file: String,
    /// The hash of the model.
    pub sha256: String,
}

/// The rows of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainedOn {
    /// As the user named them.
    pub source: String,
    /// How many had a target.
    pub rows: usize,
    /// SHA-256 over their bytes; absent for rows in memory.
    pub sha256: Option<String>,
    /// What a later version adds.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The report on rows that a model was not fitted on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestScores {
    /// The figures, by name; `None` where undefined.
    pub metrics: IndexMap<String, Option<f64>>,
    /// Rows, figures by class, the confusion matrix: for people.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The range in which a figure may lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRange {
    /// The figure of all rows; `None` where undefined.
    pub value: Option<f64>,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The chance that the interval holds the figure of the population.
    pub confidence: f64,
    /// How many samples of the rows had no figure.
    pub n_undefined: usize,
}

/// Why a version took the place of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    /// When the newest prediction was made of which the right answer was known then, in microseconds since 1970.
    pub through: i64,
    /// When the last of these right answers came in; absent in files of versions that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<i64>,
    /// The decision in a sentence.
    pub verdict: String,
    /// By how much it was better, in the comparison's own units.
    #[serde(default)]
    pub better_by: Option<ScoreRange>,
}

/// What feedback a version had when it was made. Labels may come long after their predictions: what came in later is new to the version,
/// however old the prediction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// When the newest labelled prediction was made, in microseconds since 1970.
    pub through: i64,
    /// When the last label came in; unknown of versions that did not note it.
    pub received: Option<i64>,
}

impl Learned {
    /// That of a language model, by what its file says of itself.
    pub(crate) fn of_language(about: &Value) -> Self {
        let improved = &about["improved"];
        let through = improved["through"].as_i64().unwrap_or(i64::MIN);
        Learned { through, received: improved["received"].as_i64() }
    }

    /// Whether a label of a prediction made `at` that came in at `known_since` was there when the version was made.
    pub fn holds(self, at: i64, known_since: i64) -> bool {
        self.received.map_or(at <= self.through, |last| known_since <= last)
    }
}

impl Provenance {
    /// Reads what a manifest or a store holds.
    ///
    /// # Errors
    /// A key that holds something else than it should, named by its path.
    pub fn read(about: &Value) -> Result<Self> {
        serde_path_to_error::deserialize(about)
            .map_err(|e| Error::state("model", format!("manifest.json, about.{}: {}", e.path(), e.inner())))
    }

    /// As the manifest holds it.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn write(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| Error::internal(format!("the provenance: {e}")))
    }

    /// The figure of a metric on rows that the model was not fitted on, where it has one.
    pub fn test_metric(&self, name: &str) -> Option<f64> {
        self.test.as_ref()?.metrics.get(name).copied().flatten()
    }

    /// The timestamp of the newest prediction whose feedback it was fitted on; the least of all where it was only trained.
    pub fn through(&self) -> i64 {
        self.improved.as_ref().map_or(i64::MIN, |promotion| promotion.through)
    }

    /// What feedback it was made with; none where it was only trained.
    pub fn learned(&self) -> Learned {
        let received = self.improved.as_ref().and_then(|promotion| promotion.received);
        Learned { through: self.through(), received }
    }
}

/// As a part of a provenance: facts that other modules describe.
pub(crate) fn part<T: for<'a> Deserialize<'a>>(fact: &impl Serialize) -> Result<T> {
    let value = serde_json::to_value(fact).map_err(|e| Error::internal(format!("the provenance: {e}")))?;
    serde_json::from_value(value).map_err(|e| Error::internal(format!("the provenance: {e}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Learned, Provenance};

    #[test]
    fn what_an_old_file_lacks_has_its_default() {
        let old = json!({ "task": "binary", "target": "left", "classes": ["no", "yes"] });
        let read = Provenance::read(&old).unwrap();
        assert_eq!((read.target.as_str(), read.classes.len()), ("left", 2));
        assert_eq!((read.learner.is_none(), read.parent.is_none(), read.through()), (true, true, i64::MIN));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let about = json!({
            "task": "regression", "target": "price", "classes": [], "learner": { "kind": "ridge", "alpha": 0.5 },
            "data": { "source": "a.csv", "rows": 12, "sha256": null },
            "test": { "task": "regression", "metrics": { "rmse": 0.1, "r2": null } },
            "test_interval": null, "shipped": { "rows": 12 },
            "improved": { "through": 17, "verdict": "better", "better_by": { "value": 0.1, "low": 0.0, "high": 0.2, "confidence": 0.95, "n_undefined": 0 } }, "parent": "ab",
        });
        let read = Provenance::read(&about).unwrap();
        assert_eq!((read.test_metric("rmse"), read.test_metric("r2"), read.through()), (Some(0.1), None, 17));
        assert_eq!(read.write().unwrap(), about);
    }

    #[test]
    fn a_label_that_came_later_is_new_whenever_its_prediction_was_made() {
        let noted = Learned { through: 50, received: Some(100) };
        assert!(noted.holds(10, 100) && noted.holds(50, 60));
        assert!(!noted.holds(10, 101) && !noted.holds(120, 130));
        // A version that did not note when labels came in is taken to have had all of those predictions.
        let old = Learned { through: 50, received: None };
        assert!(old.holds(10, 101) && old.holds(50, 60) && !old.holds(51, 60));
        let about = json!({ "task": "binary", "improved": { "through": 7, "received": 9, "verdict": "better", "better_by": null } });
        assert_eq!(Provenance::read(&about).unwrap().learned(), Learned { through: 7, received: Some(9) });
        assert_eq!(Provenance::default().learned(), Learned { through: i64::MIN, received: None });
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        let cut = json!({ "task": "binary", "improved": { "through": "yesterday" } });
        let error = Provenance::read(&cut).unwrap_err().to_string();
        assert!(error.contains("about.improved.through"), "{error}");
    }
}
