//! A model of several targets: for each a whole model of its own, with its own first link, recipe and card, in one file.
//!
//! The file's state is of kind [`KIND`], its children the chains in the order of the targets; what else belongs to a target stands in
//! entries `target-N.recipe.toml`, `target-N.card.md` and `target-N.reference.json`, and its origin in `about.targets`. Answers are
//! named after their target: `prediction_a`, and `probability_a_CLASS`.

use std::path::Path;

use tidemill_core::{Context, Error, Fitted, PREDICTION, PROBABILITY, Result, Role, State, nearest};
use tidemill_package::{ColumnInfo, Info, Manifest, Package};

use super::reference::ENTRY;
use super::{Model, Opened, Provenance};
use crate::error::EngineError;

/// The kind of the state in the file.
pub const KIND: &str = "targets";
const VERSION: u32 = 1;

/// A model of several targets, opened.
pub struct Several {
    /// The file's parts.
    pub package: Package,
    /// What names the file.
    pub info: Info,
    /// Where the whole comes from; `targets` holds the origin of each part.
    pub provenance: Provenance,
    /// The model of each target, in their order. The name of each is that of the file.
    pub parts: Vec<Opened>,
}

/// The name of an answer to this target: `prediction` becomes `prediction_a`.
pub fn answer_name(name: &str, target: &str) -> String {
    format!("{name}_{target}")
}

impl Several {
    pub(super) fn of(package: Package, info: Info, context: &Context) -> Result<Self> {
        let provenance = Provenance::read(&package.manifest.about)?;
        let damaged = |what: &str| Error::state(KIND, what);
        let state = &package.state;
        if state.version != VERSION {
            return Err(damaged("it is of a later version"));
        }
        if state.children.is_empty() || state.children.len() != provenance.targets.len() {
            return Err(damaged("manifest.json, about.targets: not one for each model"));
        }
        let mut parts = Vec::with_capacity(state.children.len());
        for (i, (state, origin)) in state.children.iter().zip(&provenance.targets).enumerate() {
            let text = |name: &str| {
                let entry = entry(i, name);
                let bytes = package.extras.get(&entry).cloned();
                bytes
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| damaged(&format!("{entry} is missing or no text")))
            };
            let model = Model::load(state.clone(), context.registry())?;
            let typed = model.intake()?.output(&model.input)?;
            let manifest = Manifest::new(origin.write()?, &typed, &model.output);
            let mut part = Package::new(manifest, text(RECIPE)?, state.clone(), text(CARD)?);
            if let Some(bytes) = package.extras.get(&entry(i, ENTRY)) {
                part = part.with_extra(ENTRY, bytes.clone());
            }
            parts.push(Opened { package: part, info: info.clone(), provenance: origin.clone(), model });
        }
        Ok(Several { package, info, provenance, parts })
    }

    /// The names of the targets.
    pub fn targets(&self) -> impl Iterator<Item = &str> + Clone {
        self.parts.iter().map(|part| part.provenance.target.as_str())
    }

    /// The model of the target of this name.
    ///
    /// # Errors
    /// There is none; the nearest name is told.
    pub fn take(self, name: &str) -> Result<Opened> {
        match self.parts.iter().position(|part| part.provenance.target == name) {
            Some(at) => {
                Ok(self.parts.into_iter().nth(at).ok_or_else(|| Error::internal("a part is gone"))?)
            }
            None => Err(no_target(name, self.targets())),
        }
    }

    /// Why it cannot be used as a model of one target.
    pub(super) fn not_one(&self, path: &Path) -> EngineError {
        let names: Vec<&str> = self.targets().collect();
        EngineError::usage(
            format!(
                "{} predicts several targets ({}), and this looks at one",
                path.display(),
                names.join(", ")
            ),
            "name one with --target where this takes it, or train a model of one target",
        )
    }

    /// The cards of the whole and of each target, one after the other.
    pub fn card(&self) -> String {
        let cards = self.parts.iter().map(|part| format!("\n{}", part.package.card));
        self.package.card.clone() + &cards.collect::<String>()
    }
}

/// The error for a name that is none of the targets.
pub(super) fn no_target<'a>(name: &str, targets: impl IntoIterator<Item = &'a str> + Clone) -> Error {
    let hint = match nearest(name, targets.clone()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("it predicts {}", targets.into_iter().collect::<Vec<_>>().join(", ")),
    };
    EngineError::usage(format!("the model has no target '{name}'"), hint).into()
}

const RECIPE: &str = "recipe.toml";
const CARD: &str = "card.md";

/// The name of an entry of the part at this place.
fn entry(place: usize, name: &str) -> String {
    format!("target-{}.{name}", place + 1)
}

/// Puts whole models of one target each into one file; `recipe` is that of all, `card` what stands before the cards of each.
/// `origin` says what is so of the whole.
///
/// # Errors
/// No part; an origin that cannot be read.
pub fn pack(
    parts: Vec<Package>,
    origin: Provenance,
    recipe: String,
    card: String,
    metrics: &str,
) -> Result<Package> {
    let origins = parts.iter().map(|part| Provenance::read(&part.manifest.about));
    let targets = origins.collect::<Result<Vec<_>>>()?;
    let names: Vec<&str> = targets.iter().map(|origin| origin.target.as_str()).collect();
    let (input, output) = (inputs(&parts), outputs(&parts, &names));
    let about = Provenance { target: names.join(", "), targets, ..origin }.write()?;
    let empty = tidemill_core::Schema::new(Vec::new())?;
    let manifest = Manifest { input, output, ..Manifest::new(about, &empty, &empty) };
    let mut state = State::new(KIND, VERSION, serde_json::json!({}));
    let mut package = Package::new(manifest, recipe, State::default(), card);
    for (i, part) in parts.into_iter().enumerate() {
        state = state.child(part.state);
        package = package.with_extra(&entry(i, RECIPE), part.recipe).with_extra(&entry(i, CARD), part.card);
        if let Some(bytes) = part.extras.get(ENTRY) {
            package = package.with_extra(&entry(i, ENTRY), bytes.clone());
        }
    }
    package.state = state;
    Ok(package.with_extra("metrics.json", metrics))
}

/// The columns that any of the parts takes.
fn inputs(parts: &[Package]) -> Vec<ColumnInfo> {
    let mut columns: Vec<ColumnInfo> = Vec::new();
    for column in parts.iter().flat_map(|part| &part.manifest.input) {
        if !columns.iter().any(|known| known.name == column.name) {
            columns.push(column.clone());
        }
    }
    columns
}

/// The key, and the answers of each under the name of its target.
fn outputs(parts: &[Package], names: &[&str]) -> Vec<ColumnInfo> {
    let key = parts.iter().take(1).flat_map(|part| &part.manifest.output).filter(|c| c.role == Role::Key);
    let answers = parts.iter().zip(names).flat_map(|(part, target)| {
        let answers = part.manifest.output.iter().filter(|c| is_answer(c.role));
        answers.map(|c| ColumnInfo { name: answer_name(&c.name, target), ..c.clone() })
    });
    key.cloned().chain(answers).collect()
}

fn is_answer(role: Role) -> bool {
    matches!(role, Role::Prediction | Role::Probability)
}

/// Refuses targets whose answers could not be told apart in a file: the columns `of` each, with the classes where it has some.
///
/// # Errors
/// Two columns of one name, or a name that the key bears.
pub(crate) fn check_names<'a>(
    targets: impl IntoIterator<Item = (&'a str, &'a [String])>,
    key: Option<&str>,
) -> Result<()> {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for (target, classes) in targets {
        let prediction = answer_name(PREDICTION, target);
        let of_class = |class: &String| format!("{}_{class}", answer_name(PROBABILITY, target));
        for name in std::iter::once(prediction).chain(classes.iter().map(of_class)) {
            let other = taken.iter().find(|(known, _)| *known == name).map(|(_, other)| *other);
            let clash = match other {
                Some(other) => {
                    format!("the targets '{other}' and '{target}' both answer with a column '{name}'")
                }
                None if key == Some(name.as_str()) => {
                    format!("the key '{name}' has the name of a column that the model answers with")
                }
                None => {
                    taken.push((name, target));
                    continue;
                }
            };
            return Err(Error::data(clash, "rename one of these columns in the table"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_could_not_be_told_apart_are_refused() {
        let classes = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let (first, second) = (classes(&["b_c", "d"]), classes(&["c", "d"]));
        assert!(check_names([("a", &first[..]), ("b", &second[..])], None).is_ok());
        let error = check_names([("a", &first[..]), ("a_b", &second[..])], None).unwrap_err();
        assert!(
            error.to_string().contains("'a' and 'a_b' both answer with a column 'probability_a_b_c'"),
            "{error}"
        );
        let error = check_names([("a", &first[..])], Some("prediction_a")).unwrap_err();
        assert!(error.to_string().contains("the key 'prediction_a'"), "{error}");
    }

    #[test]
    fn a_name_that_is_no_target_is_told_the_nearest() {
        let error = no_target("spceies", ["species", "mass"]);
        assert!(error.remedy().is_some_and(|remedy| remedy.contains("'species'")), "{error}");
    }
}
