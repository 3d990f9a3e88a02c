//! Models of the tables of dates, ties, places and offers.

/// The name of each, which begins with that of its table, and its recipe.
pub(super) const MODELS: &[(&str, &str)] = &[
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
    // Rows as fixes of a track.
    (
        "homes-track",
        r#"
        data.target = "price"
        columns.id = { kind = "number", role = "feature" }
        learners = [{ kind = "ridge" }]
        steps = [{ kind = "track_features", time = "id", height = "size", stop_speed = 3000.0, pose = ["size", "lon", "lat", "id"] }]
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
];
