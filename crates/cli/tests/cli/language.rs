//! Language models: tuning on preferences, and what they are. The model is a tiny one with random weights.

use std::path::Path;

use crate::desk::Desk;

fn model() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../language/tests/fixtures/llama").display().to_string()
}

#[test]
fn preferences_of_a_file_become_an_adapter_that_generates() {
    let lines = "{\"prompt\": \"Hi\", \"chosen\": \"ok\", \"rejected\": \"no\"}\n";
    let desk = Desk::new().with("preferences.jsonl", lines);
    let tune =
        ["tune", &model(), "preferences.jsonl", "--method", "dpo", "-o", "a", "--epochs", "5", "--json"];
    let learned = desk.run(&tune).done().json();
    assert_eq!((&learned["preferences"], &learned["losses"].as_array().unwrap().len()), (&1.into(), &5));
    let first = learned["losses"][0].as_f64().unwrap();
    assert!((first - std::f64::consts::LN_2).abs() < 1e-6 && learned["losses"][4].as_f64().unwrap() < first);
    desk.run(&["generate", &model(), "--prompt", "Hi", "--adapter", "a", "--max-tokens", "2"]).done();
}

#[test]
fn what_says_nothing_of_the_better_answer_is_refused() {
    let lines = "{\"prompt\": \"Hi\", \"chosen\": \"ok\", \"rejected\": \"ok\"}\n";
    let desk = Desk::new().with("equal.jsonl", lines);
    let model = model();
    let tune = |more: &[&str]| desk.run(&[&["tune", model.as_str()][..], more].concat());
    tune(&["equal.jsonl", "--method", "dpo"]).refused(&["equal.jsonl, line 1", "same text"]);
    tune(&["--method", "dpo", "--store", "none.db"]).refused(&["there is no store"]);
    tune(&["--store", "none.db"]).refused(&["--store is for --method dpo"]);
}

#[test]
fn a_checkpoint_and_an_adapter_say_what_they_are() {
    let lines = "{\"prompt\": \"Hi\", \"response\": \"ok\"}\n";
    let desk = Desk::new().with("pairs.jsonl", lines);
    let found = desk.run(&["inspect", &model(), "--json"]).done().json();
    assert_eq!(
        (&found["family"], &found["context"], &found["chats"]),
        (&"llama".into(), &64.into(), &true.into())
    );
    // 280 x 20 embedded; two blocks of 20 x (24 + 12 + 12 + 24) for attention, 3 x 20 x 28 and two norms of 20; one norm of 20.
    assert_eq!(found["parameters"], 5600 + 2 * (1440 + 1680 + 40) + 20);
    assert_eq!(found["bytes_per_token"], 2 * 4 * 2 * 12);
    assert!(found["adapter"].is_null() && found["files"]["config.json"].as_str().unwrap().len() == 64);
    // An adapter names its base, which is looked for beside it.
    copied(Path::new(&model()), &desk.path("llama"));
    desk.run(&["tune", "llama", "pairs.jsonl", "-o", "a", "--rank", "3", "--epochs", "1"]).done();
    let told = desk.run(&["inspect", "a"]).done().out;
    assert!(told.contains("an adapter of rank 3") && told.contains("q_proj, k_proj"), "{told}");
    let chinese = desk.run(&["inspect", "a", "--lang", "zh"]).done().out;
    assert!(chinese.contains("适配器的秩为 3"), "{chinese}");
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn bert() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../language/tests/fixtures/bert").display().to_string()
}

#[test]
fn texts_are_embedded_and_found_again() {
    let desk = Desk::new()
        .with("notes.csv", "id,note\n1,a small sentence\n2,one two three\n3,a small sentence\n")
        .with("lines.txt", "one two three\n");
    desk.run(&["embed", &bert(), "notes.csv", "--column", "note", "-o", "notes.parquet"]).done();
    desk.run(&["embed", &bert(), "lines.txt", "-o", "lines.jsonl"]).done();
    for way in [vec![], vec!["--approximate"]] {
        let search = ["search", "notes.parquet", "--queries", "lines.jsonl", "-k", "1", "--json"];
        let found = desk.run(&[&search[..], &way].concat()).done().json();
        let hit = &found["found"][0];
        assert_eq!((&hit["row"], &hit["text"]), (&2.into(), &"one two three".into()), "{found}");
        assert!(hit["similarity"].as_f64().unwrap() > 0.999_99);
    }
    let twice = desk.run(&["search", "notes.parquet", "--duplicates", "0.9999"]).done().out;
    assert_eq!(twice.lines().count(), 2, "{twice}");
    assert!(twice.contains("1,a small sentence,1,3,"), "{twice}");
    let asked = [
        "search",
        "notes.csv",
        "--column",
        "note",
        "--model",
        &bert(),
        "--query",
        "One, two: three",
        "-k",
        "2",
    ];
    assert!(desk.run(&asked).done().out.contains("one two three"));
    desk.run(&["search", "notes.csv", "--queries", "lines.jsonl"]).refused(&["holds no vectors", "--model"]);
    let other =
        desk.run(&["embed", &bert(), "lines.txt", "--pooling", "cls", "--normalize", "false"]).done().out;
    assert_ne!(other, desk.run(&["embed", &bert(), "lines.txt"]).done().out);
}

#[test]
fn answers_are_judged_by_references_and_by_what_was_trained_on() {
    let heart = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
    let answers = format!(
        "{{\"prompt\": \"Hi\", \"reference\": \"ok then\", \"answer\": \"OK, then\", \"other\": \"no\"}}\n\
         {{\"prompt\": \"Bye\", \"reference\": \"no\", \"answer\": \"{heart}\", \"other\": \"so\"}}\n"
    );
    let pairs = format!("{{\"prompt\": \"bye!\", \"response\": \"{heart}\"}}\n");
    let desk = Desk::new().with("answers.jsonl", &answers).with("pairs.jsonl", &pairs);
    let found = desk.run(&["judge", "answers.jsonl", "--train", "pairs.jsonl", "--json"]).done().json();
    assert_eq!(
        (&found["overlap"]["exact_match"], &found["overlap"]["exact_match_normalized"]),
        (&0.0.into(), &0.5.into())
    );
    assert_eq!((&found["won"][0]["better"], &found["won"][0]["equal"]), (&1.into(), &1.into()));
    assert_eq!(
        (&found["leak"]["prompts_seen"], &found["leak"]["answers_recited"]),
        (&0.5.into(), &0.5.into())
    );
    assert_eq!(found["leak"]["longest"], 14);
    let told = desk.run(&["judge", "answers.jsonl"]).done().out;
    assert!(told.contains("token F1") && told.contains("undecided"), "{told}");
    let asked = "{\"prompt\": \"Hi\", \"reference\": \"ok\"}\n";
    let desk = Desk::new().with("asked.jsonl", asked);
    desk.run(&["judge", "asked.jsonl"]).refused(&["no answer", "--model"]);
    let judge = [
        "judge",
        "asked.jsonl",
        "--model",
        &model(),
        "--other-adapter",
        "none",
        "--max-tokens",
        "3",
        "--json",
    ];
    let found = desk.run(&judge).done().json();
    assert!(found["perplexity"]["perplexity"].as_f64().unwrap() > 1.0, "{found}");
    // The checkpoint against itself: all are ties.
    assert_eq!((&found["won"][0]["by"], &found["won"][0]["equal"]), (&"loss".into(), &1.into()));
    desk.run(&["judge", "asked.jsonl", "--judge-url", "https://x", "--judge-model", "m"])
        .refused(&["http://"]);
}

#[test]
fn an_adapter_is_merged_into_a_folder_that_answers_as_both() {
    let desk = Desk::new().with("pairs.jsonl", "{\"prompt\": \"Hi\", \"response\": \"ok\"}\n");
    let tune = [
        "tune",
        &model(),
        "pairs.jsonl",
        "-o",
        "a",
        "--epochs",
        "3",
        "--learning-rate",
        "0.02",
        "--held-out",
        "pairs.jsonl",
        "--progress",
        "tuning.part",
        "--json",
    ];
    let tuned = desk.run(&tune).done().json();
    assert_eq!(
        (tuned["best_epoch"].as_u64(), tuned["held_out"].as_array().map(Vec::len)),
        (Some(3), Some(4)),
        "{tuned}"
    );
    desk.run(&["merge", &model(), "--adapter", "a", "-o", "merged"]).done();
    let say = |more: &[&str]| {
        desk.run(&[&["generate", "--prompt", "Hi", "--max-tokens", "4"][..], more].concat()).done().out
    };
    assert_eq!(say(&["merged"]), say(&[&model(), "--adapter", "a"]));
    desk.run(&["merge", &model(), "-o", "merged"]).refused(&["holds a checkpoint already"]);
    desk.run(&["merge", &model(), "--dtype", "bfloat16", "-o", "half"]).done();
    assert!(desk.path("half/chat_template.jinja").exists());
}

#[test]
fn tables_gain_by_a_language_model() {
    let rows: String = (0..60)
        .map(|i| {
            let (word, kind) = [("one two three", "odd"), ("A sentence", "even")][i % 2];
            format!("{word} {i},{kind}\n")
        })
        .collect();
    let recipe = format!(
        "data.source = \"notes.csv\"\ndata.target = \"kind\"\ncolumns.note.kind = \"text\"\n\
         learners = [{{ kind = \"logistic\" }}]\nsteps = [{{ kind = \"embed_text\", model = {:?} }}]\n",
        bert()
    );
    let tuned = format!(
        "data.source = \"notes.csv\"\ndata.target = \"kind\"\ncolumns.note.kind = \"text\"\n\
         learners = [{{ kind = \"fine_tuned_text\", model = {:?}, epochs = 2, learning_rate = 0.01 }}]\n",
        bert()
    );
    let desk = Desk::new()
        .with("notes.csv", format!("note,kind\n{rows}"))
        .with("a.toml", &recipe)
        .with("b.toml", &tuned);
    for (recipe, out) in [("a.toml", "a"), ("b.toml", "b")] {
        desk.run(&["train", recipe, "-o", out]).done();
        let model = format!("{out}/model.tidemill");
        let said = desk.run(&["predict", &model, "notes.csv", "-o", "-"]).done().out;
        let right = said
            .lines()
            .skip(1)
            .enumerate()
            .filter(|(i, line)| line.contains(["odd", "even"][i % 2]))
            .count();
        assert!(right >= 58, "{recipe}: {right} of 60\n{said}");
    }
}
