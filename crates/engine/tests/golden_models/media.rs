//! Models of images, masks, texts and series.

/// The name of each, which begins with that of its table, and its recipe.
pub(super) const MODELS: &[(&str, &str)] = &[
    // Rows that hold a track.
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
