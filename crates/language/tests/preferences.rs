//! Direct preference optimisation: what is preferred becomes likelier, the same seed gives the same bytes, and what cannot teach is
//! said.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tidemill_core::Context;
use tidemill_language::{
    Adapter, Dpo, Model, Preference, PromptPair, Sft, dpo, losses, read_preferences, sft,
};

fn model() -> Model {
    Model::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama")).unwrap()
}

fn preference(prompt: &str, chosen: &str, rejected: &str) -> Preference {
    Preference { prompt: prompt.into(), chosen: chosen.into(), rejected: rejected.into() }
}

fn settings() -> Dpo {
    Dpo { beta: 0.1, steps: Sft { epochs: 20, batch: 2, learning_rate: 1e-2, ..Sft::default() } }
}

fn some() -> [Preference; 3] {
    [preference("Hi", "ok", "no"), preference("Bye", "no", "ok"), preference("Who?", "good", "1234")]
}

/// How much likelier, in nats, an answer is than another one.
fn lead(model: &Model, one: &Preference, adapter: Option<&Adapter>) -> f64 {
    let pair = |response: &String| PromptPair { prompt: one.prompt.clone(), response: response.clone() };
    let pairs = [pair(&one.chosen), pair(&one.rejected)];
    let labels = pairs.each_ref().map(|pair| {
        let first = Sft { epochs: 1, ..Sft::default() };
        sft(model, std::slice::from_ref(pair), &first, None, &Context::default()).unwrap().labels as f64
    });
    let found = losses(model, &pairs, adapter, 1024, &Context::default()).unwrap();
    found[1].unwrap() * labels[1] - found[0].unwrap() * labels[0]
}

#[test]
fn what_is_preferred_becomes_likelier_and_the_same_seed_gives_the_same_bytes() {
    let model = model();
    let tune = |seed: u64, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let context = Context::new(seed, threads, Arc::default());
        pool.install(|| dpo(&model, &some(), &settings(), None, &context).unwrap())
    };
    let tuned = tune(3, 2);
    assert_eq!((tuned.preferences, tuned.left_out, tuned.losses.len()), (3, 0, 40));
    // A new adapter changes nothing: it is its own reference.
    assert!((tuned.losses[0] - std::f64::consts::LN_2).abs() < 1e-6 && tuned.margins[0].abs() < 1e-6);
    assert!(tuned.losses[39] < 0.5 * tuned.losses[0], "{:?}", tuned.losses);
    assert_eq!((tuned.accuracies.len(), tuned.accuracies[19]), (20, 1.0));
    for one in &some() {
        let (before, after) = (lead(&model, one, None), lead(&model, one, Some(&tuned.adapter)));
        assert!(after > before + 1.0, "{before} {after}");
    }
    assert_eq!(tune(3, 1).adapter.state(), tuned.adapter.state());
    assert_ne!(tune(4, 2).losses, tuned.losses);
}

#[test]
fn the_reference_is_the_model_with_its_adapter_off() {
    let model = model();
    let one = [preference("Hi", "ok", "no")];
    let start = dpo(&model, &one, &settings(), None, &Context::default()).unwrap().adapter;
    let gain = lead(&model, &one[0], Some(&start)) - lead(&model, &one[0], None);
    let on = dpo(&model, &one, &settings(), Some(start), &Context::default()).unwrap();
    assert!((on.margins[0] - 0.1 * gain).abs() < 1e-5, "{} {gain}", on.margins[0]);
}

#[test]
fn what_cannot_teach_is_refused() {
    let model = model();
    let tune = |preferences: &[Preference], settings: &Dpo| {
        dpo(&model, preferences, settings, None, &Context::default())
    };
    let equal = [some()[0].clone(), preference("Hi", "ok", "ok")];
    let error = tune(&equal, &settings()).unwrap_err();
    assert_eq!(error.code(), "equal_answers");
    assert!(error.to_string().contains("preference 2"), "{error}");
    let short = Dpo { steps: Sft { max_length: 5, ..settings().steps }, ..settings() };
    let masked = [preference("a question that is far too long", "ok", "no")];
    assert_eq!(tune(&masked, &short).unwrap_err().code(), "all_masked");
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = tune(&some(), &Dpo { beta, ..settings() }).unwrap_err();
        assert!(error.to_string().contains("'beta'"), "{error}");
    }
    // Two answers that begin alike and are cut before they differ say nothing; the others do.
    let alike = [
        some()[0].clone(),
        preference("Hi", &format!("{}1", "ok ".repeat(40)), &format!("{}2", "ok ".repeat(40))),
    ];
    let found = tune(&alike, &settings()).unwrap();
    assert_eq!((found.preferences, found.left_out), (1, 1));
}

#[test]
fn preferences_are_read_from_lines_and_from_tables() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = vec![preference("a, b", "line\nbreak", "no"), preference("é", "\"q\"", "x")];
    let lines = folder.path().join("preferences.jsonl");
    let first = "{\"prompt\":\"a, b\",\"chosen\":\"line\\nbreak\",\"rejected\":\"no\"}";
    let second = "{\"prompt\":\"é\",\"chosen\":\"\\\"q\\\"\",\"rejected\":\"x\"}";
    fs::write(&lines, format!("{first}\n\n{second}\n")).unwrap();
    assert_eq!(read_preferences(&lines).unwrap(), wanted);
    let table = folder.path().join("preferences.csv");
    fs::write(&table, "id,prompt,chosen,rejected\n1,\"a, b\",\"line\nbreak\",no\n2,é,\"\"\"q\"\"\",x\n")
        .unwrap();
    assert_eq!(read_preferences(&table).unwrap(), wanted);
    for (text, line, what) in [
        (format!("{first}\n{{\"prompt\":\"x\",\"chosen\":\"y\"}}\n"), "line 2", "rejected"),
        (
            format!("{first}\n\n{{\"prompt\":\"x\",\"chosen\":\"y\",\"rejected\":\"y\"}}\n"),
            "line 3",
            "the same text",
        ),
    ] {
        fs::write(&lines, text).unwrap();
        let error = read_preferences(&lines).unwrap_err();
        assert_eq!(error.code(), "examples");
        assert!(error.to_string().contains(line) && error.to_string().contains(what), "{error}");
    }
    fs::write(&table, "prompt,chosen,rejected\na,b,c\nd,e,e\n").unwrap();
    assert!(read_preferences(&table).unwrap_err().to_string().contains("line 3"));
}
