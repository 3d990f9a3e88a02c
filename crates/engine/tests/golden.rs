//! Model files of format 1 that were written once and never again: every later version opens them and answers as they did.
//!
//! `TIDEMILL_BLESS=1` writes those that are missing (of a new built-in) and touches no other. A file here is never replaced:
//! where a state changes, its version grows and its loader goes on reading what stands here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemill_core::{Context, Family, Sort, State};
use tidemill_engine::builtin;
use tidemill_engine::facts::Bound;
use tidemill_engine::import::Asked;
use tidemill_engine::model;
use tidemill_engine::recipe;
use tidemill_engine::verbs::compress;
use tidemill_engine::verbs::import;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train::{Done, Job, train_any};

/// Learners of numbers; all others learn classes here.
const OF_QUANTITIES: &[&str] = &[
    "elastic_net",
    "gamma",
    "huber",
    "lasso",
    "poisson",
    "quantile_regression",
    "relative",
    "ridge",
    "tweedie",
];

/// Further models: a name that begins with that of its table, and the recipe.
const FURTHER: &[(&str, &str)] = &[
    // Trees on top of what an earlier model says.
    (
        "people-started",
        r#"
        data.target = "kind"
        data.ignore = ["id", "price"]
        columns.note.kind = "text"
        train = { start = "tests/golden/people-random_forest.tidemill", trials = 1 }
        learners = [{ kind = "boosted_trees", n_trees = 5 }]
        "#,
    ),
    // Texts as the means of vectors of their words.
    (
        "people-words",
        r#"
        data.target = "kind"
        data.key = "id"
        data.ignore = ["price"]
        columns.note.kind = "text"
        learners = [{ kind = "logistic" }]
        steps = [{ kind = "embed_words", method = "glove", dimensions = 4, columns = ["note"] }]
        "#,
    ),
    // Two targets, one of classes and one a number.
    (
        "people-targets",
        r#"
        data.targets = ["kind", "price"]
        data.key = "id"
        columns.note.kind = "text"
        learners = [{ kind = "logistic" }, { kind = "ridge" }]
        "#,
    ),
    // Every step that the defaults of preparation do not take.
    (
        "people-steps",
        r#"
        data.target = "kind"
        data.key = "id"
        learners = [{ kind = "logistic" }]
        columns.note.kind = "text"
        steps = [
            { kind = "drop_columns", columns = ["price"] },
            { kind = "date_parts" },
            { kind = "impute_constant", columns = ["colour"], value = "none" },
            { kind = "impute_mode", columns = ["loud"] },
            { kind = "impute_mean", columns = ["height"] },
            { kind = "scale_min_max", columns = ["height"] },
            { kind = "scale_robust", columns = ["width"] },
            { kind = "encode_target", columns = ["colour"] },
            { kind = "encode_hash", places = 64 },
        ]
        "#,
    ),
    (
        "people-repaired",
        r#"
        data.target = "kind"
        data.key = "id"
        data.ignore = ["note"]
        balance = { kind = "smote", n_neighbors = 2 }
        learners = [{ kind = "logistic" }]
        columns.price.outliers = { detect = "percentile", action = "clip", threshold = 5.0 }
        steps = [
            { kind = "expression", new = { ratio = "height / width", high = "height > 1" } },
            { kind = "rare_categories", columns = ["colour"], min_share = 0.1 },
            { kind = "impute_knn", columns = ["height"], n_neighbors = 3 },
            { kind = "impute_iterative", columns = ["width", "visits", "height"] },
            { kind = "polynomial", columns = ["height", "price"] },
            { kind = "power", columns = ["width"] },
            { kind = "bin", columns = ["visits"], n_bins = 3 },
        ]
        "#,
    ),
    // Names written in several ways.
    (
        "people-spelled",
        r#"
        data.target = "kind"
        data.key = "id"
        data.ignore = ["note"]
        learners = [{ kind = "gaussian_nb" }]
        steps = [{ kind = "merge_spellings", columns = ["colour"], ratio = 2.0 }]
        "#,
    ),
    // What is filled in by group and along time, whole rows that are outliers, and what is chosen of the columns.
    (
        "people-filled",
        r#"
        data.target = "kind"
        data.key = "id"
        data.ignore = ["note"]
        balance = { kind = "class_weights" }
        labels = { action = "down_weight", folds = 3 }
        learners = [{ kind = "logistic" }]
        steps = [
            { kind = "smooth_time", columns = ["price"], along = "seen", by = ["loud"], window = 3 },
            { kind = "impute_time", columns = ["price"], along = "seen", method = "spline" },
            { kind = "impute_mean", columns = ["height"], by = ["colour"], flag = true },
            { kind = "impute_trimmed_mean", columns = ["width"], share = 0.2 },
            { kind = "impute_min", columns = ["visits"] },
            { kind = "impute_model", columns = ["colour", "visits"], params = { n_trees = 5 }, flag = true },
            { kind = "impute_max" },
            { kind = "outliers", columns = ["height", "width"], detect = "isolation_forest", n_trees = 5, threshold = 0.55 },
            { kind = "outliers", columns = ["height", "width", "price"], detect = "local_outlier_factor", n_neighbors = 5 },
            { kind = "outliers", columns = ["price", "visits"], detect = "mahalanobis", action = "down_weight" },
            { kind = "quantile", columns = ["visits"], output = "normal", n_quantiles = 10 },
            { kind = "select_mutual_information", columns = ["visits", "loud"], n_features = 1 },
            { kind = "pca", columns = ["height", "width", "price"], n_components = 2 },
            { kind = "select_variance" },
            { kind = "select_correlation" },
        ]
        "#,
    ),
    // Columns by what they are to a tree, to a text, to a linear model and to a forest; rows outside a region.
    (
        "people-told",
        r#"
        data.target = "kind"
        data.key = "id"
        balance = { kind = "random_over" }
        learners = [{ kind = "logistic" }]
        columns.note.kind = "text"
        steps = [
            { kind = "drop_missing", max_share = 0.4, max_share_of_row = 0.5 },
            { kind = "text_statistics", columns = ["note"], statistics = ["length", "words", "capitals"] },
            { kind = "smooth_time", columns = ["width"], along = "seen", filter = "gaussian", window = 4 },
            { kind = "impute_time", columns = ["price"], along = "seen", method = "polynomial", degree = 2 },
            { kind = "impute_huber", columns = ["height", "width"], by = ["loud"], flag = true },
            { kind = "bin", columns = ["visits"], strategy = "tree", n_bins = 3, min_samples_leaf = 5 },
            { kind = "outliers", columns = ["height", "width", "price"], detect = "one_class_svm", contamination = 0.1 },
            { kind = "outliers", columns = ["height"], detect = "seasonal_residual", along = "seen", period = "90d", action = "flag" },
            { kind = "encode_ordered", columns = ["colour"] },
            { kind = "impute_median" },
            { kind = "select_l1", columns = ["height", "note_capitals", "note_length", "visits"], strength = 0.02 },
            { kind = "select_shadow", columns = ["width", "price"], rounds = 12, n_trees = 20 },
        ]
        "#,
    ),
    (
        "people-frequency",
        r#"
        data.target = "kind"
        data.ignore = ["id", "note"]
        learners = [{ kind = "gaussian_nb" }]
        steps = [{ kind = "encode_frequency", columns = ["colour"] }]
        "#,
    ),
    // A denoising autoencoder that replaces numbers, and one that says how far rows are from what it expects.
    (
        "people-denoise_net",
        r#"
        data.target = "kind"
        data.key = "id"
        data.ignore = ["note"]
        learners = [{ kind = "logistic" }]
        steps = [
            { kind = "denoise", columns = ["height", "width"], hidden = [4, 1, 4], epochs = 10 },
            { kind = "denoise", columns = ["height", "width", "price"], hidden = [4, 2, 4], epochs = 10, output = "error" },
        ]
        "#,
    ),
    (
        "people-ordinal",
        r#"
        data.target = "price"
        data.ignore = ["id", "kind"]
        learners = [{ kind = "ridge" }]
        columns.note.kind = "text"
        steps = [
            { kind = "encode_ordinal", columns = ["colour"] },
            { kind = "encode_tfidf" },
            { kind = "reduce_svd", n_components = 3 },
        ]
        "#,
    ),
    (
        "people-links",
        r#"
        data.target = "loud"
        data.ignore = ["id", "note", "seen"]
        train.calibrate = "platt"
        decision.threshold = 0.4
        learners = [{ kind = "gaussian_nb" }, { kind = "random_forest", n_trees = 10 }, { kind = "k_neighbors" }]
        "#,
    ),
    // Probabilities of exactly 0 and 1 from counts, kept away from both.
    (
        "people-smooth",
        r#"
        data.target = "kind"
        data.ignore = ["id", "price"]
        columns.note.kind = "text"
        learners = [{ kind = "random_forest", n_trees = 5 }]
        "#,
    ),
    (
        "months-forecast",
        r#"
        data.target = "sold"
        data.time = "month"
        forecast.horizon = "6"
        learners = [{ kind = "local_forecast" }]
        "#,
    ),
    // A panel of places that are tied to each other.
    (
        "places-forecast",
        r#"
        data.target = "sold"
        data.time = "month"
        data.group = "place"
        forecast.horizon = "3"
        graph.neighbors_column = "neighbors"
        learners = [{ kind = "ridge" }]
        "#,
    ),
    (
        "places-stcn",
        r#"
        data.target = "sold"
        data.time = "month"
        data.group = "place"
        forecast.horizon = "3"
        graph.neighbors_column = "neighbors"
        learners = [{ kind = "stcn", width = 4, epochs = 5, hidden = 8 }]
        "#,
    ),
    (
        "offers-linucb",
        r#"
        policy = { action = "offer", reward = "earned", propensity = "p" }
        learners = [{ kind = "policy_linucb" }]
        "#,
    ),
    (
        "offers-thompson",
        r#"
        policy = { action = "offer", reward = "earned", propensity = "p" }
        learners = [{ kind = "policy_thompson", scale = 2.0 }]
        "#,
    ),
    (
        "offers-fitted_q",
        r#"
        policy = { action = "offer", reward = "earned", propensity = "p" }
        learners = [{ kind = "policy_fitted_q", learner = "boosted_trees", params = { n_trees = 5 } }]
        "#,
    ),
    // Two columns that say a place, made a point and projected; what is near it.
    (
        "homes-near",
        r#"
        data.target = "price"
        data.ignore = ["id"]
        split.kind = "spatial"
        learners = [{ kind = "ridge" }]
        steps = [
            { kind = "project", to = "utm" },
            { kind = "geo_features", places = { centre = [391000.0, 5819000.0] }, neighbors = 3, mean_of = ["size"], radii = [2000.0] },
        ]
        "#,
    ),
    // Rows as fixes of a track, and rows that hold one.
    (
        "homes-track",
        r#"
        data.target = "price"
        columns.id = { kind = "number", role = "feature" }
        learners = [{ kind = "ridge" }]
        steps = [{ kind = "track_features", time = "id", height = "size", stop_speed = 3000.0, pose = ["size", "lon", "lat", "id"] }]
        "#,
    ),
    (
        "media-track",
        r#"
        data.target = "answer"
        data.ignore = ["photo", "note"]
        columns.past.kind = "series"
        learners = [{ kind = "logistic" }]
        steps = [{ kind = "track_features", x = "past", y = "past", degrees = false, name = "walk" }]
        "#,
    ),
    // Rows tied to those nearest by place.
    (
        "homes-graph",
        r#"
        data.target = "price"
        data.key = "id"
        graph.neighbors = 3
        learners = [{ kind = "graph_net", epochs = 80, hidden = [8, 4] }]
        "#,
    ),
    (
        "homes-labels",
        r#"
        data.target = "price"
        data.key = "id"
        graph.neighbors = 3
        learners = [{ kind = "label_propagation" }]
        "#,
    ),
    // Points in well-known text, divided into their coordinates.
    (
        "spots-point",
        r#"
        data.target = "price"
        learners = [{ kind = "ridge" }]
        "#,
    ),
    // Masks of pictures.
    (
        "scenes-u_net",
        r#"
        data.target = "mask"
        learners = [{ kind = "u_net", filters = [2, 4], epochs = 2 }]
        "#,
    ),
    (
        "scenes-otsu",
        r#"
        data.target = "mask"
        learners = [{ kind = "otsu" }]
        "#,
    ),
    (
        "scenes-k_means",
        r#"
        data.target = "mask"
        learners = [{ kind = "k_means", clusters = 3 }]
        "#,
    ),
    (
        "media-net",
        r#"
        data.target = "answer"
        columns.photo.kind = "image"
        columns.note.kind = "text"
        columns.past.kind = "series"
        learners = [{ kind = "neural_net", epochs = 3, hidden = [8], images = { filters = [4] }, series = { net = "gru", width = 4 }, tokens = { width = 8, heads = 2, layers = 1 } }]
        "#,
    ),
    (
        "media-lstm",
        r#"
        data.target = "answer"
        data.ignore = ["photo", "note"]
        columns.past.kind = "series"
        learners = [{ kind = "neural_net", epochs = 3, hidden = [8], series = { width = 4, layers = 2 } }]
        "#,
    ),
    (
        "media-convolved",
        r#"
        data.target = "answer"
        data.ignore = ["photo", "note"]
        columns.past.kind = "series"
        learners = [{ kind = "neural_net", epochs = 3, hidden = [8], series = { net = "cnn", width = 4, layers = 1 } }]
        "#,
    ),
    (
        "media-smoothed",
        r#"
        data.target = "answer"
        data.ignore = ["note", "past"]
        columns.photo.kind = "image"
        learners = [{ kind = "boosted_trees", n_trees = 5 }]
        steps = [
            { kind = "encode_pixels" },
            { kind = "smooth_image", filter = "median" },
            { kind = "smooth_image", filter = "bilateral", sigma_color = 0.2 },
        ]
        "#,
    ),
    (
        "media-trees",
        r#"
        data.target = "answer"
        columns.photo.kind = "image"
        columns.note.kind = "text"
        columns.past.kind = "series"
        learners = [{ kind = "boosted_trees", n_trees = 5 }]
        "#,
    ),
];

/// Below the crate's folder, where tests run: a model file says where its table was, and no machine's path should stand there.
fn folder() -> PathBuf {
    PathBuf::from("tests/golden")
}

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// Every model that should stand in the folder, with its recipe.
fn wanted() -> Vec<(String, String)> {
    let of_learner = |kind: &str| {
        let (target, other) =
            if OF_QUANTITIES.contains(&kind) { ("price", "kind") } else { ("kind", "price") };
        let small = match kind {
            "neural_net" => ", epochs = 3, hidden = [8], tokens = { width = 8, heads = 2, layers = 1 }",
            "relative" => {
                ", to = \"height\", relation = \"difference\", learner = { kind = \"extra_trees\", n_trees = 5 }"
            }
            "balanced_forest" | "boosted_trees" | "extra_trees" | "random_forest" => ", n_trees = 5",
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
        let recipe = format!(
            "data.target = \"{target}\"\ndata.ignore = [\"id\", \"{other}\"{rest}]\ncolumns.note.kind = \"text\"\n\
             learners = [{{ kind = \"{kind}\"{small} }}]\n"
        );
        (format!("people-{kind}"), recipe)
    };
    // A forecaster needs a dated table, learners of graphs need ties, policies need logged decisions, masks need pictures: `months-forecast`,
    // `homes-graph`, `homes-labels`, `places-…`, `offers-…` and `scenes-…` hold them.
    let of_families = [Family::Policy, Family::Masks].map(Sort::Learner);
    let of_others = ["local_forecast", "graph_net", "label_propagation", "stcn"];
    let of_rows = builtin::LEARNERS
        .iter()
        .filter(|entry| !of_others.contains(&entry.kind) && !of_families.contains(&entry.sort));
    let learners = of_rows.map(|entry| of_learner(entry.kind));
    learners.chain(FURTHER.iter().map(|(name, recipe)| (name.to_string(), recipe.to_string()))).collect()
}

/// Models of other programs, from `tests/import`.
const IMPORTED: &[(&str, &str)] = &[
    ("imported-zero", "lightgbm-zero.txt"),
    ("imported-share", "xgboost-share.json"),
    ("codes-xgboost", "xgboost-codes.json"),
];

/// Smaller copies of models that are held: their names, and those of the models.
const COMPRESSED: &[(&str, &str)] =
    &[("people-small_forest", "people-random_forest"), ("people-small_net", "people-neural_net")];

/// The names of all files that are held.
fn names() -> impl Iterator<Item = String> {
    let further = IMPORTED.iter().chain(COMPRESSED).map(|(name, _)| (*name).to_string());
    wanted().into_iter().map(|(name, _)| name).chain(further)
}

/// The table that a model answers.
fn table(name: &str) -> String {
    let (table, _) = name.split_once('-').unwrap();
    folder().join(format!("{table}.csv")).display().to_string()
}

fn answers(model: &Path, name: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("answers.csv");
    predict::predict(model, &table(name), &to.display().to_string(), &context()).unwrap();
    fs::read_to_string(to).unwrap()
}

fn write_if_missing(name: &str, recipe: &str) {
    let model = folder().join(format!("{name}.tidemill"));
    if model.exists() {
        return;
    }
    // Beside the table, so that the model's recipe names it without the folders of this machine.
    let out = tempfile::tempdir_in(folder()).unwrap();
    let context = context();
    let recipe = recipe::parse(recipe, name, context.registry()).unwrap();
    let job = Job {
        words: &tidemill_engine::report::words::EN,
        source: table(name),
        recipe,
        recipe_file: None,
        out: out.path().into(),
    };
    let only = (job.recipe.learners.len() == 1).then(|| job.recipe.learners[0].kind.clone());
    match train_any(&job, &context).unwrap_or_else(|e| panic!("{name}: {e}")) {
        Done::One(trained) => {
            let chosen = trained.outcome.chosen.kind;
            assert!(only.is_none_or(|only| only == chosen), "{name} would hold {chosen}");
        }
        Done::Several(_) | Done::Policy(_) | Done::Masks(_) => {}
    }
    fs::copy(out.path().join("model.tidemill"), &model).unwrap();
    fs::write(model.with_extension("answers.csv"), answers(&model, name)).unwrap();
}

fn import_if_missing(name: &str, file: &str) {
    let model = folder().join(format!("{name}.tidemill"));
    if model.exists() {
        return;
    }
    let from = folder().join("../import").join(file);
    import::file(&from, &model, &Asked::default(), &context()).unwrap();
    fs::write(model.with_extension("answers.csv"), answers(&model, name)).unwrap();
}

fn compress_if_missing(name: &str, from: &str) {
    let out = folder().join(format!("{name}.tidemill"));
    if out.exists() {
        return;
    }
    let job = compress::Job {
        model: folder().join(format!("{from}.tidemill")),
        source: Some(table(name)),
        prune: Some(0.5),
        eight_bits: true,
        bound: Bound::default(),
        out: out.clone(),
    };
    compress::compress(&job, &context()).unwrap();
    fs::write(out.with_extension("answers.csv"), answers(&out, name)).unwrap();
}

fn kinds(state: &State, all: &mut BTreeSet<String>) {
    all.insert(state.kind.clone());
    state.children.iter().for_each(|child| kinds(child, all));
}

/// Whether a model's answers are held less strictly: nets answer in 32 bits.
fn is_net(name: &str) -> bool {
    name.ends_with("net") || name.ends_with("graph") || name.ends_with("lstm") || name.ends_with("convolved")
}

/// Whether two answers agree: words and whole numbers exactly; other numbers to what sums in another order (another CPU) may differ.
fn agree(a: &str, b: &str, within: f64) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= within * (1.0 + a.abs());
    a == b || matches!((a.parse(), b.parse()), (Ok(a), Ok(b)) if near(a, b))
}

#[test]
fn models_written_once_open_and_answer_as_ever() {
    if std::env::var_os("TIDEMILL_BLESS").is_some() {
        wanted().iter().for_each(|(name, recipe)| write_if_missing(name, recipe));
        IMPORTED.iter().for_each(|(name, file)| import_if_missing(name, file));
        COMPRESSED.iter().for_each(|(name, from)| compress_if_missing(name, from));
    }
    for name in names() {
        let model = folder().join(format!("{name}.tidemill"));
        let then = fs::read_to_string(model.with_extension("answers.csv"))
            .unwrap_or_else(|_| panic!("{name} is not held: write it once, with TIDEMILL_BLESS=1"));
        let now = answers(&model, &name);
        assert_eq!(now.lines().count(), then.lines().count(), "{name}");
        let within = if is_net(&name) { 1e-4 } else { 1e-9 };
        for (line, (now, then)) in now.lines().zip(then.lines()).enumerate() {
            let alike = now.split(',').zip(then.split(',')).all(|(a, b)| agree(a, b, within));
            assert!(alike, "{name}, line {}: {now}, but it was {then}", line + 1);
        }
    }
}

#[test]
fn every_kind_of_state_is_held_by_a_file() {
    let mut held = BTreeSet::new();
    for name in names() {
        // Beside the test that writes what is missing there may be none yet.
        let Ok(package) = tidemill_package::read(&folder().join(format!("{name}.tidemill"))) else {
            continue;
        };
        assert_eq!(package.manifest.format, 1, "{name}");
        kinds(&package.state, &mut held);
    }
    let links = builtin::LINKS.iter().map(|(kind, _)| *kind);
    let all = builtin::STEPS.iter().chain(builtin::LEARNERS).map(|entry| entry.kind).chain(links);
    let missing: Vec<&str> = all.filter(|kind| !held.contains(*kind)).collect();
    assert!(missing.is_empty(), "no golden file holds {missing:?}: add a model that does to FURTHER");
}

/// Counted by hand: the multiplications of matrices and of attention; of layers at the end biases too.
#[test]
fn nets_say_how_many_operations_a_row_takes() {
    let series = |steps: usize, weights: usize| steps * weights;
    let picture = 4 * 4 * (4 * 9);
    let (tokens, width) = (5, 8);
    let transformer =
        tokens * (3 * width * width + width * width + 2 * width * 4 * width) + 2 * tokens * tokens * width;
    let last = |inputs: usize| (inputs * 8 + 8) + (8 * 2 + 2);
    for (name, counted) in [
        // Behind the encoders come what the series and the size say as numbers, in pieces between quantiles.
        ("media-net", picture + series(16, 12 + 12 * 4) + transformer + last(26)),
        ("media-lstm", series(16, 16 + 16 * 4) + series(16, 16 * 4 + 16 * 4) + last(119)),
        ("media-convolved", series(16, 4 * 5) + last(119)),
    ] {
        let opened = model::open(&folder().join(format!("{name}.tidemill")), &context()).unwrap();
        let net = opened.model.chain.0.iter().find(|link| link.state().kind == "neural_net").unwrap();
        assert_eq!(net.operations(), counted as u64, "{name}");
    }
}
