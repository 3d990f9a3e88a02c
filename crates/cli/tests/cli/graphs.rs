//! Rows that are tied to each other: from a recipe and a file of edges to answers for rows that bring their ties.

use crate::desk::Desk;

const RECIPE: &str =
    "[data]\nsource = \"towns.csv\"\ntarget = \"rent\"\nkey = \"town\"\n\n[graph]\nedges = \"roads.csv\"\n";

fn desk() -> Desk {
    let here = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/towns").join(name);
        std::fs::read(path).unwrap()
    };
    Desk::new().with("towns.csv", here("towns.csv")).with("roads.csv", here("roads.csv"))
}

#[test]
fn ties_teach_what_no_column_says_and_new_rows_bring_theirs() {
    let learners = "[[learners]]\nkind = \"graph_net\"\nepochs = 60\n\n[[learners]]\nkind = \"ridge\"\n";
    let desk = desk().with("t.toml", format!("{RECIPE}\n[train]\ntrials = 1\n\n{learners}"));
    let trained = desk.run(&["train", "t.toml", "--out", "m", "--json"]).done().json();
    assert_eq!(trained["chosen"]["kind"], "graph_net");
    let mean = |kind: &str| {
        let lines = trained["leaderboard"].as_array().unwrap();
        lines.iter().find(|line| line["learner"] == kind).unwrap()["mean"].as_f64().unwrap()
    };
    // Half of what rents follow stands with the neighbours.
    assert!(mean("graph_net") < 0.8 * mean("ridge"), "{} {}", mean("graph_net"), mean("ridge"));
    assert_eq!(trained["shipped"]["keeps_rows"][0], "graph_net");

    let new = "town,jobs,people,coast,neighbors\nNewham,1,3000,no,Kingsham;Glencombe\nNewham,1,3000,no,\nNewham,1,3000,no,Nowhere\n";
    let desk = desk.with("new.csv", new);
    let told =
        desk.run(&["predict", "m/model.tidemill", "new.csv", "-o", "answers.csv", "--json"]).done().json();
    let warnings = told["warnings"].to_string();
    assert!(warnings.contains("training knew none of the neighbours it lists"), "{warnings}");
    assert!(warnings.contains("row 3: training knew"), "{warnings}");
    let answers = desk.read("answers.csv");
    let number =
        |row: usize| answers.lines().nth(row).unwrap().split(',').nth(1).unwrap().parse::<f64>().unwrap();
    assert_eq!(number(2), number(3));
    assert_ne!(number(1), number(2));
    // Who is known needs no list.
    desk.run(&["predict", "m/model.tidemill", "towns.csv", "-o", "all.csv"]).done();
    assert_eq!(desk.read("all.csv").lines().count(), 301);
}

#[test]
fn graphs_that_cannot_be_are_refused_with_a_remedy() {
    let private =
        format!("{RECIPE}\n[privacy]\nrows_in_model = false\n\n[[learners]]\nkind = \"label_propagation\"\n");
    let both = RECIPE.replace("edges", "neighbors = 3\nedges");
    let desk = desk()
        .with("private.toml", private)
        .with("both.toml", both)
        .with("none.toml", RECIPE.replace("roads.csv", "raods.csv"))
        .with("keyless.toml", RECIPE.replace("key = \"town\"\n", ""))
        .with(
            "bare.toml",
            RECIPE.replace("[graph]\nedges = \"roads.csv\"\n", "[[learners]]\nkind = \"graph_net\"\n"),
        );
    let run = |recipe: &str| desk.run(&["train", recipe, "--out", "m"]);
    run("private.toml").refused(&["label_propagation", "rows_in_model"]);
    run("both.toml").refused(&["both.toml, line 7", "leave out this key"]);
    run("none.toml").refused(&["there is no file", "raods.csv", "correct the path"]);
    run("keyless.toml").refused(&["no column names them", "[data] key"]);
    run("bare.toml").refused(&["nothing says who they are", "[graph] edges"]);
    assert!(!desk.path("m").exists());
}
