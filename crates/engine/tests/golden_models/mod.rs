//! The models that `golden` holds: one for each learner, one for each set of steps, those of other programs and smaller copies.

mod media;
mod people;
mod tables;

use std::path::Path;

use tidemill_core::{Family, Sort};
use tidemill_engine::builtin;

/// Every model that should stand in the folder, with the recipes that may lead to it: a learner learns classes or else a number.
pub(crate) fn wanted() -> Vec<(String, Vec<String>)> {
    let of_learner = |kind: &str| {
        let small = match kind {
            "neural_net" => ", epochs = 3, hidden = [8], tokens = { width = 8, heads = 2, layers = 1 }",
            "relative" => {
                ", to = \"height\", relation = \"difference\", learner = { kind = \"extra_trees\", n_trees = 5 }"
            }
            "balanced_forest" | "boosted_trees" | "extra_trees" | "random_forest" => ", n_trees = 5",
            "fine_tuned_text" => ", model = \"../language/tests/fixtures/bert\", epochs = 1",
            "bagged" => ", learner = \"logistic\", copies = 3",
            "ada_boost" => ", rounds = 5",
            "stacked" => {
                ", learners = [{ kind = \"extra_trees\", n_trees = 5 }, { kind = \"gaussian_nb\" }], folds = 3"
            }
            _ => "",
        };
        // These count, and nothing is there less than no time.
        let rest = match kind {
            "complement_nb" | "multinomial_nb" => {
                ", \"seen\", \"height\", \"width\", \"visits\", \"colour\", \"loud\""
            }
            _ => "",
        };
        let recipe = |(target, other): (&str, &str)| {
            format!(
                "data.target = \"{target}\"\ndata.ignore = [\"id\", \"{other}\"{rest}]\ncolumns.note.kind = \"text\"\n\
                 learners = [{{ kind = \"{kind}\"{small} }}]\n"
            )
        };
        (format!("people-{kind}"), [("kind", "price"), ("price", "kind")].map(recipe).to_vec())
    };
    // A forecaster needs a dated table, learners of graphs need ties, policies need logged decisions, masks need pictures: `months-forecast`,
    // `homes-graph`, `homes-labels`, `places-…`, `offers-…` and `scenes-…` hold them.
    let of_families = [Family::Policy, Family::Masks].map(Sort::Learner);
    let of_others = ["local_forecast", "graph_net", "label_propagation", "stcn"];
    let of_rows = builtin::LEARNERS
        .iter()
        .filter(|entry| !of_others.contains(&entry.kind) && !of_families.contains(&entry.sort));
    let learners = of_rows.map(|entry| of_learner(entry.kind));
    let further = [people::MODELS, tables::MODELS, media::MODELS].concat();
    let further = further.into_iter().map(|(name, recipe)| (name.to_string(), vec![recipe.to_string()]));
    learners.chain(further).collect()
}

/// Models of other programs, from `tests/import`.
pub(crate) const IMPORTED: &[(&str, &str)] = &[
    ("imported-zero", "lightgbm-zero.txt"),
    ("imported-share", "xgboost-share.json"),
    ("codes-xgboost", "xgboost-codes.json"),
];

/// Smaller copies of models that are held: their names, and those of the models.
pub(crate) const COMPRESSED: &[(&str, &str)] =
    &[("people-small_forest", "people-random_forest"), ("people-small_net", "people-neural_net")];

/// A model with a step as it is by default, for a new one that no other model holds.
pub(crate) fn of_step(kind: &str) -> (String, String) {
    let recipe = format!(
        "data.target = \"kind\"\ndata.ignore = [\"id\", \"note\"]\nlearners = [{{ kind = \"gaussian_nb\" }}]\n\
         steps = [{{ kind = \"{kind}\" }}]\n"
    );
    (format!("people-step_{kind}"), recipe)
}

/// The names of all files that are held.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let further = IMPORTED.iter().chain(COMPRESSED).map(|(name, _)| (*name).to_string());
    let steps = builtin::STEPS.iter().map(|entry| of_step(entry.kind).0);
    let steps = steps.filter(|name| Path::new("tests/golden").join(format!("{name}.tidemill")).exists());
    wanted().into_iter().map(|(name, _)| name).chain(further).chain(steps)
}
