//! Answers that are generated together are those of alone, to the bit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidemill_language::{
    Adapter, Batch, BatchLimits, Cache, Finish, Form, Generated, Model, Precision, Request, Sampling,
};

const LIMITS: BatchLimits = BatchLimits { at_once: 8, memory: 1 << 24 };

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Requests of many sorts: lengths, seeds, penalties, forms, ends.
fn requests(model: &Model) -> Vec<Request> {
    let texts = ["The", "The capital of", "naïve café — déjà vu", "In the beginning was the word, and", "12"];
    let of = |i: usize| Request {
        prompt: model.tokens().encode(texts[i % texts.len()], false).unwrap(),
        max_tokens: Some(3 + 5 * i),
        sampling: Sampling {
            temperature: if i.is_multiple_of(3) { 0.0 } else { 1.4 },
            top_p: if i.is_multiple_of(2) { 0.9 } else { 1.0 },
            repetition_penalty: if i == 4 { 1.3 } else { 1.0 },
            seed: i as u64,
            ..Sampling::default()
        },
        stop: if i == 5 { vec!["e".into()] } else { Vec::new() },
        logprobs: (i % 2 == 1).then_some(3),
        form: (i == 7).then(|| Form::Schema(json!({ "enum": ["Ulm", "Köln", 12] }))),
    };
    (0..12).map(of).collect()
}

fn goes_on(_: u64, _: &str) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn alone(model: &Model, request: &Request, adapter: Option<&Adapter>) -> Generated {
    model.generate(request, adapter, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// All requests, of which another one joins in every step.
fn together(
    model: &Model,
    requests: &[Request],
    adapter: Option<&Adapter>,
    listen: &mut dyn FnMut(u64, &str) -> ControlFlow<()>,
) -> Vec<Generated> {
    let mut batch = Batch::new(model, LIMITS).unwrap();
    let mut coming = requests.iter().enumerate();
    let mut found: Vec<Option<Generated>> = requests.iter().map(|_| None).collect();
    loop {
        if let Some((i, request)) = coming.next() {
            batch.add(i as u64, LIMITS.begin(model, request.clone()).unwrap(), None);
        }
        for (number, generated) in batch.step(model, adapter, listen) {
            let generated = generated.unwrap();
            assert!(found[number as usize].replace(generated).is_none());
        }
        if batch.is_idle() && coming.len() == 0 {
            return found.into_iter().map(Option::unwrap).collect();
        }
    }
}

fn agree(model: &Model, adapter: Option<&Adapter>) {
    let requests = requests(model);
    let mut heard = vec![String::new(); requests.len()];
    let answers = together(model, &requests, adapter, &mut |number, text| {
        heard[number as usize] += text;
        ControlFlow::Continue(())
    });
    let mut cached = 0;
    for ((request, answer), heard) in requests.iter().zip(answers).zip(heard) {
        cached += answer.cached_tokens;
        assert_eq!(answer.text, heard);
        assert_eq!(said(answer), alone(model, request, adapter));
    }
    assert!(cached > 0, "no prompt was kept");
}

#[test]
fn answers_together_are_those_of_alone() {
    for precision in [Precision::Float32, Precision::Int8] {
        let model = Model::open_as(&fixture("llama"), precision).unwrap();
        agree(&model, None);
        let adapter = Adapter::load(&fixture("adapter"), model.config()).unwrap();
        agree(&model, Some(&adapter));
    }
}

#[test]
fn threads_change_nothing() {
    let model = Model::open(&fixture("llama.gguf")).unwrap();
    let requests = requests(&model);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| together(&model, &requests, None, &mut goes_on))
    };
    assert_eq!(on(1), on(3));
}

/// Whoever leaves has the tokens of the steps until then, and the others say what they would have said.
#[test]
fn one_who_leaves_stops_within_a_token_and_disturbs_nobody() {
    let model = Model::open(&fixture("llama")).unwrap();
    let requests: Vec<Request> = requests(&model).into_iter().take(6).collect();
    let mut left = 3;
    let answers = together(&model, &requests, None, &mut |number, _| {
        left -= i32::from(number == 4);
        if number == 4 && left <= 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    for (i, (request, answer)) in requests.iter().zip(answers).enumerate() {
        let whole = alone(&model, request, None);
        if i == 4 {
            assert_eq!(answer.finish, Finish::Cancelled);
            // It was asked while it waited, before its prompt, and after its first token, which was the last.
            assert_eq!(answer.tokens, whole.tokens[..1]);
        } else {
            assert_eq!(said(answer), whole);
        }
    }
}

/// The tiny Llama. Its positions are rotary, so that it can look at more tokens than its own 64.
fn roomy() -> Model {
    roomy_with(&|_| {})
}

fn roomy_with(change: &dyn Fn(&mut Value)) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama");
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let file = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    config["max_position_embeddings"] = 600.into();
    change(&mut config);
    std::fs::write(&file, config.to_string()).unwrap();
    let model = Model::open(folder.path()).unwrap();
    assert_eq!(model.config().context, 600);
    model
}

fn counted(seed: u64, n_prompt: usize, n: usize) -> Request {
    Request {
        prompt: (0..n_prompt as u32).map(|i| 3 + (i * 37) % 200).collect(),
        max_tokens: Some(n),
        sampling: Sampling { temperature: 1.5, seed, ..Sampling::default() },
        stop: Vec::new(),
        logprobs: Some(2),
        form: None,
    }
}

/// Without what says how it was made.
fn said(generated: Generated) -> Generated {
    Generated { cached_tokens: 0, ..generated }
}

fn run(batch: &mut Batch, model: &Model, memory: usize) -> Vec<(u64, Generated)> {
    let mut ended = Vec::new();
    while !batch.is_idle() {
        let found = batch.step(model, None, &mut goes_on);
        let (answers, prompts) = batch.bytes(model);
        assert!(answers + prompts <= memory, "{answers} + {prompts}");
        ended.extend(found.into_iter().map(|(number, generated)| (number, generated.unwrap())));
    }
    ended.sort_by_key(|one| one.0);
    ended
}

/// Many answers want more memory than there is: some are paused and read again, and nothing shows of it.
#[test]
fn answers_that_are_paused_and_go_on_are_those_of_alone() {
    let model = roomy();
    let page = Cache::bytes(model.config(), 1);
    for pages in [5, 6, 40] {
        let limits = BatchLimits { at_once: 5, memory: pages * page };
        let mut batch = Batch::new(&model, limits).unwrap();
        let requests: Vec<Request> =
            (0..7).map(|i| counted(i, 90 + 9 * i as usize, 60 + 60 * i as usize)).collect();
        for (i, request) in requests.iter().enumerate() {
            batch.add(i as u64, limits.begin(&model, request.clone()).unwrap(), None);
        }
        for (number, generated) in run(&mut batch, &model, limits.memory) {
            assert_eq!(said(generated), alone(&model, &requests[number as usize], None), "{pages} pages");
        }
    }
}

#[test]
fn what_does_not_fit_the_memory_is_refused_or_ends_by_its_length() {
    let model = roomy();
    let page = Cache::bytes(model.config(), 1);
    let limits = BatchLimits { at_once: 2, memory: page };
    let mut batch = Batch::new(&model, limits).unwrap();
    let refused = limits.begin(&model, counted(1, 128, 5)).map(drop).unwrap_err();
    assert_eq!(refused.code(), "prompt_beyond_memory");
    let greedy = Request { sampling: Sampling::default(), ..counted(1, 100, 500) };
    batch.add(1, limits.begin(&model, greedy).unwrap(), None);
    let (_, generated) = run(&mut batch, &model, limits.memory).remove(0);
    assert!(generated.finish == Finish::Stop || generated.tokens.len() == 28);
    assert!(Batch::new(&model, BatchLimits { at_once: 2, memory: page - 1 }).is_err());
}

#[test]
fn prompts_are_kept_for_their_owner_alone() {
    let model = roomy();
    let limits = BatchLimits { at_once: 2, memory: 1 << 20 };
    let mut batch = Batch::new(&model, limits).unwrap();
    let mut ask = |owner: Option<&str>, n_prompt: usize| {
        batch.add(0, limits.begin(&model, counted(3, n_prompt, 4)).unwrap(), owner.map(Into::into));
        run(&mut batch, &model, limits.memory).remove(0).1
    };
    assert_eq!(ask(None, 30).cached_tokens, 0);
    let again = ask(None, 30);
    assert_eq!(again.cached_tokens, 29);
    assert_eq!(said(again), alone(&model, &counted(3, 30, 4), None));
    assert_eq!(ask(None, 20).cached_tokens, 19);
    assert_eq!(ask(Some("ada"), 30).cached_tokens, 0);
    assert_eq!(ask(Some("ada"), 40).cached_tokens, 30);
    batch.forget();
    assert_eq!(batch.bytes(&model).1, 0);
}

/// With LongRoPE the keys of a sequence change once, where it grows beyond the first length: here within prompts, within answers, and
/// between a prompt that is kept and the next one.
#[test]
fn sequences_that_grow_long_are_those_that_are_read_at_once() {
    let model = roomy_with(&|config| {
        config["rope_parameters"] = json!({ "rope_type": "longrope", "rope_theta": 500.0, "short_factor": [1.0, 1.2, 1.5],
            "long_factor": [1.5, 3.0, 6.0], "original_max_position_embeddings": 150 });
    });
    // The token that ends an answer is ruled out.
    let greedy = Sampling { logit_bias: [(2, -1000.0)].into(), ..Sampling::default() };
    let answer = alone(&model, &Request { sampling: greedy, ..counted(0, 140, 30) }, None);
    let mut tokens = counted(0, 140, 30).prompt;
    let width = model.config().vocabulary;
    let greatest = |row: &[f32]| {
        let all = row.iter().enumerate().filter(|(id, _)| *id != 2).min_by(|a, b| b.1.total_cmp(a.1));
        all.unwrap().0 as u32
    };
    for token in &answer.tokens {
        let logits = model.logits(&tokens, &mut Cache::new(model.config()), None).unwrap();
        assert_eq!(*token, greatest(&logits[logits.len() - width..]), "after {} tokens", tokens.len());
        tokens.push(*token);
    }
    assert!(tokens.len() > 152, "the answer ended before it grew long");
    // A cache of one length is no beginning of a sequence of the other.
    let mut cache = Cache::new(model.config());
    model.logits(&tokens[..140], &mut cache, None).unwrap();
    assert!(model.logits(&tokens[140..152], &mut cache, None).is_err());
    let page = Cache::bytes(model.config(), 1);
    for pages in [6, 40] {
        let limits = BatchLimits { at_once: 3, memory: pages * page };
        let mut batch = Batch::new(&model, limits).unwrap();
        let requests: Vec<Request> = [(140, 30), (149, 5), (150, 5), (151, 5), (300, 9), (140, 9), (120, 60)]
            .into_iter()
            .enumerate()
            .map(|(i, (n_prompt, n))| counted(i as u64, n_prompt, n))
            .collect();
        for (i, request) in requests.iter().enumerate() {
            batch.add(i as u64, limits.begin(&model, request.clone()).unwrap(), None);
        }
        for (number, generated) in run(&mut batch, &model, limits.memory) {
            assert_eq!(said(generated), alone(&model, &requests[number as usize], None), "{pages} pages");
        }
    }
}
