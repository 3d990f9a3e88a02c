//! Agreement with transformers in float32, on the checkpoints that `fixtures/make.py` writes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidemill_language::{Adapter, Cache, Finish, Message, Model, Request, Sampling, Site};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn reference() -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join("reference.json")).unwrap()).unwrap()
}

/// A family's folder; all share one tokenizer, which lies beside the first of them.
fn open(family: &str) -> Model {
    let folder = tempfile::tempdir().unwrap();
    for from in ["llama", family] {
        for entry in std::fs::read_dir(fixtures().join(from)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let shared = name.to_string_lossy().starts_with("token") || name == "chat_template.jinja";
            if from == family || shared {
                std::fs::copy(entry.path(), folder.path().join(name)).unwrap();
            }
        }
    }
    Model::open(folder.path()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn assert_near(ours: &[f32], wanted: &[f64], within: f64, what: &str) {
    assert_eq!(ours.len(), wanted.len(), "{what}");
    for (i, (x, y)) in ours.iter().zip(wanted).enumerate() {
        assert!((f64::from(*x) - y).abs() < within, "{what}, number {i}: {x} is not {y}");
    }
}

fn greedy(model: &Model, prompt: Vec<u32>, n: usize) -> Vec<u32> {
    let request = Request {
        prompt,
        max_tokens: Some(n),
        sampling: Sampling::default(),
        stop: Vec::new(),
        logprobs: None,
        form: None,
    };
    model.generate(&request, None, &mut |_| ControlFlow::Continue(())).unwrap().tokens
}

fn agrees(model: &Model, case: &Value, within: f64, what: &str) {
    let tokens = ids(&case["ids"]);
    assert_eq!(model.tokens().encode(case["text"].as_str().unwrap(), false).unwrap(), tokens);
    let width = model.config().vocabulary;
    let logits = model.logits(&tokens, &mut Cache::new(model.config()), None).unwrap();
    assert_near(&logits[logits.len() - width..], &floats(&case["last"]), within, what);
    for (row, wanted) in logits.chunks(width).zip(case["every_37th"].as_array().unwrap()) {
        let row: Vec<f32> = row.iter().copied().step_by(37).collect();
        assert_near(&row, &floats(wanted), within, what);
    }
    let wanted = ids(&case["greedy"]);
    let until = wanted.iter().position(|id| model.config().eos.contains(id)).unwrap_or(wanted.len());
    assert_eq!(greedy(model, tokens, wanted.len()), wanted[..until], "{what}");
}

#[test]
fn logits_are_those_of_transformers() {
    let reference = reference();
    for family in ["llama", "mistral", "qwen2", "qwen3"] {
        let model = open(family);
        for case in reference["families"][family].as_array().unwrap() {
            agrees(&model, case, 1e-4, family);
        }
    }
}

/// Other rotary positions with the weights of the Llama, by `fixtures/make_rope.py`.
#[test]
fn rotary_positions_are_those_of_transformers() {
    let reference: Value =
        serde_json::from_slice(&std::fs::read(fixtures().join("rope.json")).unwrap()).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(fixtures().join("llama")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let file = folder.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        config["rope_parameters"] = case["rope"].clone();
        std::fs::write(&file, config.to_string()).unwrap();
        let model = Model::open(folder.path()).unwrap();
        let tokens = &ids(&reference["ids"])[..case["n"].as_u64().unwrap() as usize];
        let logits = model.logits(tokens, &mut Cache::new(model.config()), None).unwrap();
        let last = &logits[logits.len() - model.config().vocabulary..];
        assert_near(last, &floats(&case["last"]), 1e-4, &case["rope"].to_string());
    }
}

/// The GPT-2 as it is where it was saved without its head: its tensors have no prefix.
fn without_prefix() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = fixtures().join("gpt2");
    std::fs::copy(fixtures().join("llama/tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    std::fs::copy(from.join("config.json"), folder.path().join("config.json")).unwrap();
    let bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + n].to_vec()).unwrap().replace("transformer.", "");
    let header = format!("{header:n$}");
    let changed = [&bytes[..8], header.as_bytes(), &bytes[8 + n..]].concat();
    std::fs::write(folder.path().join("model.safetensors"), changed).unwrap();
    folder
}

#[test]
fn a_gpt2_is_that_of_transformers() {
    let model = open("gpt2");
    let cases: Value = serde_json::from_slice(&std::fs::read(fixtures().join("gpt2.json")).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        agrees(&model, case, 1e-4, "gpt2");
    }
    let gguf = Model::open(&fixtures().join("gpt2.gguf")).unwrap();
    agrees(&gguf, &cases[0], 1e-4, "gpt2 in GGUF");
    assert_eq!(gguf.config().n_parameters(), model.config().n_parameters());
    let bare = without_prefix();
    agrees(&Model::open(bare.path()).unwrap(), &cases[0], 1e-4, "gpt2 without its head");
    // By Python: `sum(p.numel() for p in model.parameters())` of that model.
    assert_eq!(model.config().n_parameters(), 14_088);
    let error = Adapter::new(model.config(), 2, 4.0, &[Site::Q, Site::Gate], 1).unwrap_err();
    assert!(error.to_string().contains("'sites'"), "{error}");
}

/// By `fixtures/make_gpt2_adapter.py`.
#[test]
fn an_adapter_of_peft_changes_the_logits_of_a_gpt2_as_there() {
    let (model, from) = (open("gpt2"), fixtures().join("gpt2-adapter"));
    let adapter = Adapter::load(&from, model.config()).unwrap();
    let case: Value =
        serde_json::from_slice(&std::fs::read(fixtures().join("gpt2-adapter.json")).unwrap()).unwrap();
    let tokens = ids(&case["sequences"][0]["ids"]);
    let logits = model.logits(&tokens, &mut Cache::new(model.config()), Some(&adapter)).unwrap();
    let width = model.config().vocabulary;
    assert_near(&logits[logits.len() - width..], &floats(&case["last"]), 1e-4, "adapter");
    assert_eq!(adapter.site_names(), ["c_proj", "c_fc", "c_attn"]);
    // What is written has peft's names and settings, and the same numbers.
    let folder = tempfile::tempdir().unwrap();
    adapter.save(folder.path(), "gpt2").unwrap();
    assert_eq!(Adapter::load(folder.path(), model.config()).unwrap(), adapter);
    let header = |folder: &Path| -> (Vec<String>, Value) {
        let bytes = std::fs::read(folder.join("adapter_model.safetensors")).unwrap();
        let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
        let names = header.as_object().unwrap().keys().filter(|name| *name != "__metadata__").cloned();
        let settings = std::fs::read(folder.join("adapter_config.json")).unwrap();
        (names.collect(), serde_json::from_slice(&settings).unwrap())
    };
    let ((ours, written), (theirs, read)) = (header(folder.path()), header(&from));
    assert_eq!(ours, theirs);
    assert_eq!(
        (&written["fan_in_fan_out"], &read["fan_in_fan_out"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    let other = Adapter::load(&from, open("llama").config()).unwrap_err();
    assert!(other.to_string().contains("fan_in_fan_out"), "{other}");
}

#[test]
fn a_gguf_file_is_the_folder_it_was_made_of() {
    let (gguf, folder) = (Model::open(&fixtures().join("llama.gguf")).unwrap(), open("llama"));
    agrees(&gguf, &reference()["families"]["llama"][0], 1e-4, "gguf");
    let chat = [Message::new("user", "12 is a number")];
    assert_eq!(gguf.chat_tokens(&chat).unwrap(), folder.chat_tokens(&chat).unwrap());
    assert_eq!(gguf.config().n_parameters(), folder.config().n_parameters());
}

/// A token alone, after others that the cache holds, has the bits it has among them; threads change none.
#[test]
fn cached_and_whole_are_the_same_bits() {
    for family in ["llama", "mistral", "qwen3", "gpt2"] {
        let model = open(family);
        let tokens: Vec<u32> = (0..40).map(|i| (i * 37 + 11) % 270).collect();
        let whole = model.logits(&tokens, &mut Cache::new(model.config()), None).unwrap();
        let mut cache = Cache::new(model.config());
        let mut parts = model.logits(&tokens[..7], &mut cache, None).unwrap();
        for token in &tokens[7..] {
            parts.extend(model.logits(&[*token], &mut cache, None).unwrap());
        }
        assert!(whole == parts, "{family}");
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let alone = one.install(|| model.logits(&tokens, &mut Cache::new(model.config()), None).unwrap());
        assert!(whole == alone, "{family}");
    }
}

#[test]
fn tokens_and_chats_are_those_of_python() {
    let (model, reference) = (open("llama"), reference());
    for case in reference["tokens"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        assert_eq!(model.tokens().encode(text, false).unwrap(), ids(&case["ids"]), "{text:?}");
    }
    let messages: Vec<Message> = serde_json::from_value(reference["chat"]["messages"].clone()).unwrap();
    assert_eq!(model.chat(&messages, true).unwrap(), reference["chat"]["text"].as_str().unwrap());
}

#[test]
fn an_adapter_of_peft_changes_the_logits_as_there() {
    let (model, reference) = (open("llama"), reference());
    let adapter = Adapter::load(&fixtures().join("adapter"), model.config()).unwrap();
    let case = &reference["adapter"];
    let tokens = ids(&case["sequences"][0]["ids"]);
    let logits = model.logits(&tokens, &mut Cache::new(model.config()), Some(&adapter)).unwrap();
    let width = model.config().vocabulary;
    assert_near(&logits[logits.len() - width..], &floats(&case["last"]), 1e-4, "adapter");
    let folder = tempfile::tempdir().unwrap();
    adapter.save(folder.path(), "llama").unwrap();
    assert_eq!(Adapter::load(folder.path(), model.config()).unwrap(), adapter);
}

fn request(model: &Model, max_tokens: usize) -> Request {
    let sampling = Sampling { temperature: 1.5, seed: 4, ..Sampling::default() };
    let prompt = model.tokens().encode("The naïve café", false).unwrap();
    Request { prompt, max_tokens: Some(max_tokens), sampling, stop: Vec::new(), logprobs: None, form: None }
}

/// The model's texts are noise, and so are full of broken characters.
#[test]
fn what_is_streamed_is_the_text() {
    let model = open("llama");
    for seed in 0..20 {
        let mut request = request(&model, 40);
        request.sampling.seed = seed;
        let mut pieces = Vec::new();
        let mut listen = |piece: &str| {
            pieces.push(piece.to_owned());
            ControlFlow::Continue(())
        };
        let answer = model.generate(&request, None, &mut listen).unwrap();
        assert_eq!(pieces.concat(), answer.text);
        assert_eq!(answer.text, model.tokens().decode(&answer.tokens).unwrap());
        let again = model.generate(&request, None, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(again, answer);
        assert!(answer.finish == Finish::Stop || answer.tokens.len() == 40);
    }
}

#[test]
fn a_stop_string_ends_an_answer_before_it() {
    let model = open("llama");
    let whole = model.generate(&request(&model, 40), None, &mut |_| ControlFlow::Continue(())).unwrap();
    let chars: Vec<(usize, char)> = whole.text.char_indices().collect();
    let (from, to) = (chars[chars.len() / 2].0, chars[chars.len() / 2 + 3].0);
    let stop = whole.text[from..to].to_owned();
    let mut request = request(&model, 40);
    request.stop = vec!["never there".into(), stop.clone()];
    let mut heard = String::new();
    let mut listen = |piece: &str| {
        heard.push_str(piece);
        ControlFlow::Continue(())
    };
    let answer = model.generate(&request, None, &mut listen).unwrap();
    assert_eq!(answer.text, whole.text[..whole.text.find(&stop).unwrap()]);
    assert_eq!((heard, answer.finish), (answer.text.clone(), Finish::Stop));
}

#[test]
fn whoever_listens_may_break_off_and_long_prompts_are_refused() {
    let model = open("llama");
    let answer = model.generate(&request(&model, 40), None, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(answer.finish, Finish::Cancelled);
    // Asked once before the prompt and once after each token, so that whoever leaves costs no further token.
    let whole = model.generate(&request(&model, 40), None, &mut |_| ControlFlow::Continue(())).unwrap();
    for n in 0..5 {
        let mut left = n;
        let mut listen = |_: &str| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let answer = model.generate(&request(&model, 40), None, &mut listen).unwrap();
        assert_eq!(answer.tokens, whole.tokens[..n as usize]);
    }
    let mut long = request(&model, 1);
    long.prompt = vec![5; 64];
    let error = model.generate(&long, None, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.code(), "prompt_too_long");
    assert!(error.to_string().contains("64 tokens"), "{error}");
    long.prompt.pop();
    let answer = model.generate(&long, None, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(answer.tokens.len() <= 1);
}
