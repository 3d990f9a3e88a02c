//! Models of the table of people, beside one for each learner: steps, links and several targets.

/// The name of each, which begins with that of the table, and its recipe.
pub(super) const MODELS: &[(&str, &str)] = &[
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
    // Texts as a sentence encoder sees them.
    (
        "people-embedded_net",
        r#"
        data.target = "kind"
        data.key = "id"
        data.ignore = ["price"]
        columns.note.kind = "text"
        learners = [{ kind = "logistic" }]
        steps = [{ kind = "embed_text", model = "../language/tests/fixtures/bert", columns = ["note"] }]
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
];
