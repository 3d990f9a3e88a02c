//! The main job, end to end: train, predict, evaluate, inspect, init.

use crate::desk::{Desk, example, small_table};

#[test]
fn the_first_example_of_the_readme() {
    let desk = Desk::new().with("answers.csv", "y_true,y_pred\n0,0\n1,1\n1,0\n0,0\n1,1\n");
    let ran =
        desk.run(&["evaluate", "answers.csv", "--truth", "y_true", "--pred", "y_pred", "--json"]).done();
    let metrics = &ran.json()["metrics"];
    let near = |name: &str, wanted: f64| {
        let found = metrics[name].as_f64().unwrap_or_else(|| panic!("{name} in {metrics}"));
        assert!((found - wanted).abs() < 1e-12, "{name}: {found}");
    };
    near("accuracy", 0.8);
    near("recall", 2.0 / 3.0);
    near("precision", 1.0);
    near("f1", 0.8);
    near("roc_auc", 5.0 / 6.0);
    assert!(ran.out.contains("hard labels"), "{}", ran.out);
    let text = desk.run(&["evaluate", "answers.csv", "--truth", "y_true", "--pred", "y_pred"]).done();
    assert!(text.out.contains("0.833") && text.out.contains("hard labels"), "{}", text.out);
}

#[test]
fn from_a_table_to_a_model_and_its_predictions() {
    let desk = Desk::new();
    let penguins = example("penguins/penguins.csv");
    let ran = desk.run(&["train", &penguins, "--target", "species"]).done();
    assert!(ran.out.contains("refitted on all rows"), "{}", ran.out);
    assert!(ran.out.contains("always saying the most frequent class"), "{}", ran.out);
    let mut files: Vec<_> = std::fs::read_dir(desk.path("penguins-model")).unwrap().collect::<Vec<_>>();
    files.sort_by_key(|f| f.as_ref().unwrap().file_name());
    let files: Vec<String> =
        files.into_iter().map(|f| f.unwrap().file_name().to_string_lossy().into()).collect();
    assert_eq!(files, ["metrics.json", "model.tidemill", "report.html", "tidemill.toml"]);
    let metrics: serde_json::Value = serde_json::from_str(&desk.read("penguins-model/metrics.json")).unwrap();
    assert!(metrics["test"]["metrics"]["accuracy"].as_f64().unwrap() > 0.95, "{metrics}");

    let model = "penguins-model/model.tidemill";
    desk.run(&["predict", model, &penguins, "-o", "answers.csv"]).done();
    let answers = desk.read("answers.csv");
    assert!(
        answers.starts_with("prediction,probability_Adelie,probability_Chinstrap,probability_Gentoo\n"),
        "{answers}"
    );
    assert_eq!(answers.lines().count(), 345);
    for name in ["answers.parquet", "answers.jsonl", "answers.arrow"] {
        desk.run(&["predict", model, &penguins, "-o", name]).done();
        let ran = desk.run(&["predict", model, &penguins]).done();
        assert_eq!(ran.out, answers);
    }
    let judged = desk.run(&["evaluate", model, &penguins, "--json"]).done().json();
    assert_eq!(judged["rows"], 344);
    let shown = desk.run(&["inspect", model]).done().out;
    for word in ["format 1", "bill_length_mm", "SHA-256", "intake -> ", "How good it is"] {
        assert!(shown.contains(word), "no '{word}' in {shown}");
    }
}

#[test]
fn the_resolved_recipe_leads_to_the_same_model() {
    let desk = Desk::new().with("t.csv", small_table(120));
    desk.run(&["train", "t.csv", "--target", "churned", "--out", "a", "--trials", "3"]).done();
    desk.run(&["train", "a/tidemill.toml", "--out", "b"]).done();
    assert!(desk.bytes("a/model.tidemill") == desk.bytes("b/model.tidemill"), "not the same bytes");
    desk.run(&["train", "b/tidemill.toml", "--out", "c"]).done();
    assert!(desk.bytes("b/model.tidemill") == desk.bytes("c/model.tidemill"), "not the same bytes");
    // So does one of a table whose key was named.
    desk.run(&["train", "t.csv", "--target", "churned", "--key", "id", "--out", "k", "--trials", "1"]).done();
    desk.run(&["train", "k/tidemill.toml", "--out", "l"]).done();
    assert!(desk.bytes("k/model.tidemill") == desk.bytes("l/model.tidemill"), "not the same bytes");
    // A recipe of the user's own is never overwritten.
    let recipe = desk.read("a/tidemill.toml");
    std::fs::write(desk.path("a/tidemill.toml"), format!("# mine\n{recipe}")).unwrap();
    desk.run(&["train", "a/tidemill.toml", "--out", "a"]).done();
    assert!(desk.read("a/tidemill.toml").starts_with("# mine\n"));
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_one_thread_and_two() {
    let desk = Desk::new().with("t.csv", small_table(300));
    let train = |out: &str, threads: &str, seed: &str| {
        let args = [
            "train",
            "t.csv",
            "-t",
            "churned",
            "--out",
            out,
            "--threads",
            threads,
            "--seed",
            seed,
            "--trials",
            "4",
        ];
        desk.run(&args).done();
        ["model.tidemill", "metrics.json", "report.html"].map(|name| desk.bytes(&format!("{out}/{name}")))
    };
    let one = train("one", "1", "3");
    assert!(one == train("two", "2", "3"), "one thread and two give other bytes");
    assert!(one[0] != train("other", "2", "4")[0], "the seed changes nothing");
}

#[test]
fn the_model_does_not_depend_on_where_it_is_written() {
    let desk = Desk::new().with("t.csv", small_table(200));
    let train = |data: &str, out: &str| {
        desk.run(&["train", data, "-t", "churned", "--trials", "1", "--out", out]).done();
        (desk.bytes(&format!("{out}/model.tidemill")), desk.bytes(&format!("{out}/metrics.json")))
    };
    let first = train("t.csv", "m");
    let absolute = desk.path("other/place/m").display().to_string();
    for out in ["a/b/c/d", "m2", &absolute] {
        assert_eq!(train("t.csv", out), first, "{out}");
    }
    std::fs::create_dir(desk.path("data")).unwrap();
    std::fs::copy(desk.path("t.csv"), desk.path("data/t.csv")).unwrap();
    assert_eq!(train("data/t.csv", "a/m"), first, "nor on where the table is");
    // The recipe beside the model leads to the rows and to the same model.
    let again = |recipe: &str, out: &str| {
        desk.run(&["train", recipe, "--out", out]).done();
        desk.bytes(&format!("{out}/model.tidemill"))
    };
    assert_eq!(again("a/b/c/d/tidemill.toml", "e"), first.0);
    assert_eq!(again("a/m/tidemill.toml", "a/e/f"), first.0);
}

#[test]
fn a_key_comes_back_with_the_predictions_in_the_order_of_the_rows() {
    let desk = Desk::new().with("t.csv", small_table(120));
    desk.run(&["train", "t.csv", "-t", "churned", "--out", "m", "--trials", "2"]).done();
    let ran = desk.run(&["predict", "m/model.tidemill", "t.csv"]).done();
    let mut lines = ran.out.lines();
    assert_eq!(lines.next(), Some("id,prediction,probability_no,probability_yes"));
    assert!(lines.next().unwrap().starts_with("c0000x,"));
    let ran = desk.run_with(&["predict", "m/model.tidemill", "-"], &small_table(3)).done();
    assert_eq!(ran.out.lines().count(), 4, "{}", ran.out);
}

#[test]
fn init_writes_a_recipe_that_trains() {
    let desk = Desk::new().with("t.csv", small_table(120));
    let ran = desk.run(&["init", "t.csv", "--target", "churned"]).done();
    assert!(ran.out.contains("tidemill train tidemill.toml"), "{}", ran.out);
    let recipe = desk.read("tidemill.toml");
    assert!(recipe.contains("[columns.town]") && recipe.contains("# "), "{recipe}");
    desk.run(&["train", "tidemill.toml", "--trials", "2", "--out", "m"]).done();
    desk.run(&["init", "t.csv", "--target", "churned"]).refused(&["tidemill.toml", "already"]);
}

#[test]
fn every_way_of_writing_survives_the_recipe() {
    let mut table = String::from("price;share;loyal;joined;seen;y\n");
    for i in 0..150 {
        table += &format!(
            "1.{:03},50 €;{},5%;{};{:02}/{:02}/2023;2024-01-{:02}T{:02}:00:00;{}\n",
            (i * 37) % 1000,
            i % 40,
            ["ja", "nein"][i % 2],
            13 + i % 15,
            1 + i % 12,
            1 + i % 28,
            i % 24,
            ["low", "middle", "high"][(i * 37) % 1000 / 334]
        );
    }
    let desk = Desk::new().with("t.csv", table);
    desk.run(&["init", "t.csv", "--target", "y"]).done();
    let recipe = desk.read("tidemill.toml");
    for word in ["decimal_comma", "percent", "day_first", "kind = \"flag\""] {
        assert!(recipe.contains(word), "no '{word}' in {recipe}");
    }
    desk.run(&["train", "t.csv", "-t", "y", "--trials", "2", "--out", "a"]).done();
    desk.run(&["train", "a/tidemill.toml", "--out", "b"]).done();
    let answers = |model: &str| desk.run(&["predict", model, "t.csv"]).done().out;
    assert_eq!(answers("a/model.tidemill"), answers("b/model.tidemill"));
}

#[test]
fn every_split_trains() {
    let mut table = String::from("when,house,part,x,y\n");
    for i in 0..120 {
        let part = if i % 5 == 0 { "test" } else { "train" };
        table += &format!(
            "2024-{:02}-{:02},h{},{part},{},{}\n",
            1 + i / 28 % 12,
            1 + i % 28,
            i % 17,
            (i * 31) % 47,
            i % 9
        );
    }
    let desk = Desk::new().with("t.csv", table);
    for (flags, why) in
        [(&["--time", "when"][..], "latest"), (&["--group", "house"][..], "group"), (&[][..], "row")]
    {
        let args =
            [&["train", "t.csv", "-t", "y", "--task", "regression", "--trials", "2", "--out", "m"], flags]
                .concat();
        let ran = desk.run(&args).done();
        assert!(ran.out.contains(why), "no '{why}' in {}", ran.out);
    }
    for split in [
        "kind = \"random\"",
        "kind = \"stratified\"",
        "kind = \"given\"\ncolumn = \"part\"",
        "kind = \"hash\"",
    ] {
        let key = if split.contains("hash") { "key = \"when\"\n" } else { "" };
        let recipe = format!(
            "[data]\nsource = \"t.csv\"\ntarget = \"y\"\n{key}[split]\n{split}\n[train]\ntrials = 2\n"
        );
        std::fs::write(desk.path("r.toml"), recipe).unwrap();
        let ran = desk.run(&["train", "r.toml", "--out", "m", "--json"]).done().json();
        if split.contains("given") {
            assert_eq!(ran["split"]["test_rows"], 24, "{ran}");
        }
    }
}

#[test]
fn json_is_one_document_and_schema_and_completions_print() {
    let desk = Desk::new().with("t.csv", small_table(120));
    let ran = desk.run(&["train", "t.csv", "-t", "churned", "--trials", "2", "--json"]).done().json();
    assert_eq!(ran["target"]["task"], "binary");
    assert_eq!(ran["target"]["classes"], serde_json::json!(["no", "yes"]));
    let error = desk.run(&["train", "none.csv", "-t", "y", "--json"]);
    assert!(error.json()["error"]["message"].as_str().unwrap().contains("none.csv"));
    let schema = desk.run(&["schema"]).done().json();
    assert!(schema["properties"]["learners"]["items"]["oneOf"].as_array().unwrap().len() >= 5);
    assert!(desk.run(&["completions", "bash"]).done().out.contains("tidemill"));
    assert!(desk.run(&["--help"]).done().out.contains("Examples:"));
}

#[test]
fn a_leak_is_shouted_about_and_dropped_on_request() {
    let mut table = String::from("a,b,noise,sum\n");
    for i in 0..200 {
        let (a, b) = ((i * 37) % 91, (i * 53) % 77);
        table += &format!("{a},{b},{},{}\n", (i * 29) % 13, a + b);
    }
    let desk = Desk::new().with("t.csv", table);
    let ran = desk.run(&["train", "t.csv", "-t", "sum", "--trials", "2", "--out", "m"]).done();
    assert!(ran.err.contains("leak") && ran.err.contains("--drop-leaks"), "{}", ran.err);
    assert!(ran.out.contains("too good to be true"), "{}", ran.out);
    let ran =
        desk.run(&["train", "t.csv", "-t", "sum", "--trials", "2", "--out", "m", "--drop-leaks"]).done();
    assert!(ran.err.contains("dropped") && !ran.out.contains("too good to be true"), "{ran:?}");
}
