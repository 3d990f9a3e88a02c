//! Tuning from pairs: masks, determinism, and that something is learned.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tidemill_core::Context;
use tidemill_language::{
    Adapter, Message, Model, Prompt, PromptPair, Request, Sampling, Sft, Watch, losses, read_pairs, sft,
    sft_watched,
};

fn model() -> Model {
    Model::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama")).unwrap()
}

fn pair(prompt: &str, response: &str) -> PromptPair {
    PromptPair { prompt: prompt.into(), response: response.into() }
}

fn settings() -> Sft {
    Sft { epochs: 60, batch: 2, learning_rate: 2e-2, ..Sft::default() }
}

#[test]
fn an_answer_is_learned_and_the_same_seed_gives_the_same_bytes() {
    let model = model();
    let pairs = [pair("Hi", "ok"), pair("Bye", "no")];
    let tune = |seed: u64, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let context = Context::new(seed, threads, Arc::default());
        pool.install(|| sft(&model, &pairs, &settings(), None, &context).unwrap())
    };
    let tuned = tune(3, 2);
    assert_eq!((tuned.examples, tuned.left_out, tuned.losses.len()), (2, 0, 60));
    assert!(tuned.losses[59] < 0.6 * tuned.losses[0], "{:?}", tuned.losses);
    for pair in &pairs {
        let prompt = model.prompt_tokens(&pair.prompt).unwrap();
        let request = Request {
            prompt,
            max_tokens: Some(8),
            sampling: Sampling::default(),
            stop: Vec::new(),
            logprobs: None,
            form: None,
        };
        let answer = model.generate(&request, Some(&tuned.adapter), &mut |_| ControlFlow::Continue(()));
        // The tied embedding of 20 random numbers a token cannot say an end for certain, but it can say the answer.
        assert!(answer.unwrap().text.starts_with(&pair.response));
    }
    let (first, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tuned.adapter.save(first.path(), "llama").unwrap();
    tune(3, 1).adapter.save(again.path(), "llama").unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        assert_eq!(fs::read(first.path().join(name)).unwrap(), fs::read(again.path().join(name)).unwrap());
    }
    assert_ne!(tune(4, 2).losses, tuned.losses);
}

#[test]
fn where_every_label_is_masked_nothing_is_learned() {
    let model = model();
    let pairs = [pair("a question that is far too long", "yes")];
    let settings = Sft { max_length: 5, ..Sft::default() };
    let error = sft(&model, &pairs, &settings, None, &Context::default()).unwrap_err();
    assert_eq!(error.code(), "all_masked");
    let error =
        sft(&model, &pairs, &Sft { batch: 0, ..Sft::default() }, None, &Context::default()).unwrap_err();
    assert!(error.to_string().contains("'batch'"), "{error}");
}

#[test]
fn pairs_are_read_from_lines_and_from_tables() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = vec![pair("a, b", "line\nbreak"), pair("é", "\"q\"")];
    let lines = folder.path().join("pairs.jsonl");
    fs::write(&lines, "{\"prompt\":\"a, b\",\"response\":\"line\\nbreak\"}\n\n{\"prompt\":\"é\",\"completion\":\"\\\"q\\\"\"}\n").unwrap();
    assert_eq!(read_pairs(&lines).unwrap(), wanted);
    let table = folder.path().join("pairs.csv");
    fs::write(&table, "id,prompt,response\n1,\"a, b\",\"line\nbreak\"\n2,é,\"\"\"q\"\"\"\n").unwrap();
    assert_eq!(read_pairs(&table).unwrap(), wanted);
    fs::write(&lines, "{\"prompt\":\"x\",\"response\":\"y\"}\n{\"prompt\":\"x\"}\n").unwrap();
    let error = read_pairs(&lines).unwrap_err();
    assert!(error.to_string().contains("line 2") && error.to_string().contains("response"), "{error}");
    fs::write(&lines, "\n").unwrap();
    assert!(read_pairs(&lines).unwrap_err().to_string().contains("no example"));
}

#[test]
fn the_loss_of_known_answers_is_that_of_training_and_a_chat_of_one_message_is_a_text() {
    let model = model();
    let pairs = [pair("Hi", "ok"), pair("Hi there", "good"), pair("a long question", "yes")];
    // One step on all of them says the mean over their labels, before anything was learned.
    let first = Sft { epochs: 1, batch: 3, ..Sft::default() };
    let tuned = sft(&model, &pairs, &first, None, &Context::default()).unwrap();
    let context = Context::default();
    let found = losses(&model, &pairs, None, 1024, &context).unwrap();
    let labels = |pair: &PromptPair| {
        let tuned = sft(&model, std::slice::from_ref(pair), &first, None, &context).unwrap();
        (tuned.labels as f64, tuned.losses[0])
    };
    let mut sum = 0.0;
    for (pair, found) in pairs.iter().zip(&found) {
        let (n, loss) = labels(pair);
        assert!((found.unwrap() - loss).abs() < 1e-5, "{found:?} {loss}");
        sum += n * loss;
    }
    assert!((sum / tuned.labels as f64 - tuned.losses[0]).abs() < 1e-5);
    let chat = PromptPair { prompt: Prompt::Chat(vec![Message::new("user", "Hi")]), ..pairs[0].clone() };
    assert_eq!(losses(&model, &[chat], None, 1024, &context).unwrap()[0], found[0]);
    assert_eq!(losses(&model, &pairs[2..], None, 4, &context).unwrap(), [None]);
}

#[test]
fn an_adapter_comes_back_from_its_state() {
    let model = model();
    let tuned = sft(&model, &[pair("Hi", "ok")], &settings(), None, &Context::default()).unwrap();
    let state = tuned.adapter.state();
    assert!(state.tensors.keys().all(|name| name.starts_with("base_model.model.model.layers.")));
    assert_eq!(Adapter::of_state(state.clone(), model.config()).unwrap(), tuned.adapter);
    let mut stray = state.clone();
    let (_, tensor) = stray.tensors.pop_first().unwrap();
    stray.tensors.insert("base_model.model.other.weight".into(), tensor);
    assert!(Adapter::of_state(stray, model.config()).is_err());
}

fn bytes(adapter: &Adapter) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    adapter.save(folder.path(), "llama").unwrap();
    fs::read(folder.path().join("adapter_model.safetensors")).unwrap()
}

#[test]
fn a_tuning_that_was_stopped_ends_in_the_same_bytes() {
    let model = model();
    let pairs = [pair("Hi", "ok"), pair("Bye", "no"), pair("Why", "so")];
    let settings = Sft { epochs: 4, batch: 2, learning_rate: 1e-2, ..Sft::default() };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tuning.part");
    let held_out = [pair("Hi", "ok")];
    let watch = Watch { held_out: &held_out, patience: 0, progress: None };
    let whole = sft_watched(&model, &pairs, &settings, None, &watch, &Context::default()).unwrap();
    // Stopped within the third epoch, of two steps each.
    let stopping = Arc::new(std::sync::Mutex::new(0));
    let (seen, context) = (stopping.clone(), Context::default());
    let switch = context.cancel_switch();
    let context = context.with_watcher(move |event| {
        if matches!(event, tidemill_core::Event::Step(_)) {
            *seen.lock().unwrap() += 1;
            if *seen.lock().unwrap() == 5 {
                switch.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
    });
    let watch = Watch { progress: Some(file.as_path()), ..watch };
    assert!(sft_watched(&model, &pairs, &settings, None, &watch, &context).is_err());
    let rest = sft_watched(&model, &pairs, &settings, None, &watch, &Context::default()).unwrap();
    assert_eq!((&rest.losses, &rest.held_out), (&whole.losses, &whole.held_out));
    assert_eq!(bytes(&rest.adapter), bytes(&whole.adapter));
    // Once more: nothing is left to do.
    let again = sft_watched(&model, &pairs, &settings, None, &watch, &Context::default()).unwrap();
    assert_eq!(bytes(&again.adapter), bytes(&whole.adapter));
    let other = Sft { learning_rate: 2e-2, ..settings.clone() };
    let error = sft_watched(&model, &pairs, &other, None, &watch, &Context::default()).unwrap_err();
    assert!(error.to_string().contains("another tuning"), "{error}");
    fs::write(&file, "cut").unwrap();
    assert!(sft_watched(&model, &pairs, &settings, None, &watch, &Context::default()).is_err());
}

#[test]
fn what_makes_withheld_answers_less_likely_is_not_kept() {
    let model = model();
    let pairs = [pair("Hi", "ok"), pair("Bye", "ok")];
    let settings = Sft { epochs: 8, batch: 2, learning_rate: 5e-2, ..Sft::default() };
    let tuned = |held_out: &[PromptPair]| {
        let watch = Watch { held_out, patience: 2, progress: None };
        sft_watched(&model, &pairs, &settings, None, &watch, &Context::default()).unwrap()
    };
    // The same answers: they become likelier, and the last epoch or one near it is kept.
    let good = tuned(&pairs);
    let best = good.best_epoch.unwrap();
    assert!(best > 0 && good.held_out[best] < 0.9 * good.held_out[0], "{:?}", good.held_out);
    assert_eq!(good.held_out[best], good.held_out.iter().copied().fold(f64::MAX, f64::min));
    let kept = losses(&model, &pairs, Some(&good.adapter), 1024, &Context::default()).unwrap();
    let mean = kept.iter().map(|loss| loss.unwrap()).sum::<f64>() / 2.0;
    assert!((mean - good.held_out[best]).abs() < 1e-6, "{mean} {:?}", good.held_out);
    // Answers that have nothing of these: at most two epochs beyond the best are taken.
    let bad = tuned(&[pair("Hi", "zzz qqq"), pair("Bye", "### 0")]);
    assert!(bad.held_out.len() - 1 - bad.best_epoch.unwrap() <= 2, "{:?}", bad.held_out);
    assert_eq!(bad.losses.len(), bad.held_out.len() - 1);
}
