//! `bench language`: language models against PyTorch and llama.cpp, on SmolLM2-135M-Instruct and MiniLM, on two threads:
//! a token of an answer in 32 bits and in 8, a prompt, a step of LoRA, and texts to vectors; and answers that are generated together
//! against as many one after the other. llama.cpp is asked through npm's
//! `node-llama-cpp`, where `TIDEMILL_BENCH_LLAMA` names a folder in which it is installed.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tidemill_core::Context;
use tidemill_language::{
    Adapter, Batch, BatchLimits, Cache, Embedder, Model, Precision, Prompt, PromptPair, Request, Sampling,
    Sft, Site, sft,
};

use crate::row::Row;
use crate::{Outcome, peer};

const THREADS: usize = 2;
/// Tokens that are generated.
const TOKENS: usize = 64;
/// Tokens of the prompt that is read.
const LONG: usize = 512;
/// Where the two likeliest tokens are nearer than this, either may come.
const CLOSE: f32 = 1e-3;

/// What the peers are asked with.
struct Peers {
    python: PathBuf,
    folder: PathBuf,
}

impl Peers {
    fn torch(&self, mut job: Value) -> Outcome<Value> {
        job["folder"] = json!(self.folder);
        job["threads"] = THREADS.into();
        let mut command = Command::new(&self.python);
        command.arg(peer::root().join("bench/peers/language_speed.py")).arg(job.to_string());
        answer_of(command.env("OMP_NUM_THREADS", THREADS.to_string()))
    }

    /// None where llama.cpp is not there.
    fn llama(&self, mut job: Value, file: &str) -> Outcome<Option<Value>> {
        if std::env::var_os("TIDEMILL_BENCH_LLAMA").is_none() {
            eprintln!("left out: llama.cpp (TIDEMILL_BENCH_LLAMA is not set)");
            return Ok(None);
        }
        job["file"] = json!(self.folder.join(file));
        job["threads"] = THREADS.into();
        answer_of(Command::new("node").arg(peer::root().join("bench/peers/llama.mjs")).arg(job.to_string()))
            .map(Some)
    }
}

fn answer_of(command: &mut Command) -> Outcome<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}

/// All rows.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let folder = peer::work_folder()?.join("language_speed");
    std::fs::create_dir_all(&folder)?;
    let peers = Peers { python: peer::environment("language")?, folder };
    peers.torch(json!({ "work": "prepare" }))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
    let mut rows = Vec::new();
    let file = peers.folder.join("smollm2-f32.gguf");
    let model = Model::open(&file)?;
    on(&pool, || decode(&peers, &model, &mut rows))?;
    on(&pool, || together(&model, "float32", [2.0, 4.0], &mut rows))?;
    on(&pool, || prompt(&peers, &model, &mut rows))?;
    on(&pool, || lora(&peers, &model, &mut rows))?;
    let small = Model::open_as(&file, Precision::Int8)?;
    on(&pool, || decode_int8(&peers, &model, &small, &mut rows))?;
    on(&pool, || together(&small, "int8", [1.1, 2.0], &mut rows))?;
    on(&pool, || embed(&peers, &mut rows))?;
    for row in &rows {
        eprintln!("{}, {}: {:.2} of their speed", row.name, row.peer, row.ratio());
    }
    Ok(rows)
}

/// Runs work on the threads of a pool.
fn on(pool: &rayon::ThreadPool, work: impl FnOnce() -> Outcome<()> + Send) -> Outcome<()> {
    Ok(pool.install(|| work().map_err(|e| e.to_string()))?)
}

fn row(name: &str, said: &Value, ours_secs: f64, goals: [f64; 2], same_answer: String) -> Outcome<Row> {
    Ok(Row {
        name: name.into(),
        peer: said["peer"].as_str().unwrap_or_default().into(),
        ours_secs,
        peer_secs: said["secs"].as_f64().ok_or("the peer printed no 'secs'")?,
        goal_at_least: goals[0],
        reach: goals[1],
        same_answer,
    })
}

fn asked(model: &Model) -> Outcome<Vec<u32>> {
    Ok(model.prompt_tokens(&Prompt::Text("Tell me a long story about a river.".into()))?)
}

/// Seconds for each token after the first, and the tokens.
fn generated(model: &Model, prompt: &[u32]) -> Outcome<(f64, Vec<u32>)> {
    let request = Request {
        prompt: prompt.to_vec(),
        max_tokens: Some(TOKENS + 1),
        sampling: Sampling::default(),
        stop: Vec::new(),
        logprobs: None,
        form: None,
    };
    let once = || -> Outcome<(f64, Vec<u32>)> {
        let (mut begun, mut n) = (Instant::now(), 0);
        let said = model.generate(&request, None, &mut |_| {
            n += 1;
            // Once before the prompt, then after each token.
            if n == 2 {
                begun = Instant::now();
            }
            ControlFlow::Continue(())
        })?;
        Ok((begun.elapsed().as_secs_f64() / (said.tokens.len() - 1).max(1) as f64, said.tokens))
    };
    once()?;
    let mut taken = (0..3).map(|_| once()).collect::<Outcome<Vec<_>>>()?;
    taken.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(taken.swap_remove(1))
}

fn decode(peers: &Peers, model: &Model, rows: &mut Vec<Row>) -> Outcome<()> {
    let prompt = asked(model)?;
    let (secs, tokens) = generated(model, &prompt)?;
    let job = json!({ "work": "decode", "prompt": prompt, "tokens": TOKENS });
    let said = peers.torch(job.clone())?;
    let theirs: Vec<u32> = serde_json::from_value(said["answer"].clone())?;
    let same = agreement(model, &prompt, &tokens, &theirs)?;
    rows.push(row(
        "language model: a token of an answer, float32, 2 threads",
        &said,
        secs,
        [1.5, 2.0],
        same.clone(),
    )?);
    if let Some(said) = peers.llama(job, "smollm2-f32.gguf")? {
        let name = "language model: a token of an answer, float32, 2 threads, llama.cpp";
        rows.push(row(name, &said, secs, [0.9, 1.0], "the same weights".into())?);
    }
    Ok(())
}

/// How many tokens agree; it is a fault where they part and the two likeliest are not close.
fn agreement(model: &Model, prompt: &[u32], ours: &[u32], theirs: &[u32]) -> Outcome<String> {
    let n = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let whole = n == ours.len().min(theirs.len());
    if !whole {
        let before = [prompt, &ours[..n]].concat();
        let logits = model.logits(&before, &mut Cache::new(model.config()), None)?;
        let last = &logits[logits.len() - model.config().vocabulary..];
        let apart = (last[ours[n] as usize] - last[theirs[n] as usize]).abs();
        if apart > CLOSE {
            return Err(format!("token {n}: {} here, {} there, {apart} apart", ours[n], theirs[n]).into());
        }
    }
    Ok(format!("the same {n} tokens"))
}

fn decode_int8(peers: &Peers, model: &Model, small: &Model, rows: &mut Vec<Row>) -> Outcome<()> {
    let prompt = asked(model)?;
    let (secs, tokens) = generated(small, &prompt)?;
    let (_, wanted) = generated(model, &prompt)?;
    let n = tokens.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    let job = json!({ "work": "decode", "prompt": prompt, "tokens": TOKENS });
    if let Some(said) = peers.llama(job, "smollm2-q8.gguf")? {
        let name = "language model: a token of an answer, int8 against Q8_0, 2 threads";
        rows.push(row(name, &said, secs, [0.85, 1.0], format!("{n} tokens as in float32"))?);
    }
    Ok(())
}

/// Answers of [`TOKENS`] tokens: two and eight together, against as many one after the other.
fn together(model: &Model, bits: &str, goals: [f64; 2], rows: &mut Vec<Row>) -> Outcome<()> {
    let prompt = asked(model)?;
    let answers = |at_once: usize, n: usize| -> Outcome<(f64, Vec<Vec<u32>>)> {
        let limits = BatchLimits { at_once, memory: 1 << 30 };
        let mut batch = Batch::new(model, limits)?;
        for i in 0..n {
            let sampling = Sampling { temperature: 0.8, seed: i as u64, ..Sampling::default() };
            let (prompt, max_tokens) = (prompt.clone(), Some(TOKENS));
            let request =
                Request { prompt, max_tokens, sampling, stop: Vec::new(), logprobs: None, form: None };
            batch.add(i as u64, limits.begin(model, request)?, None);
        }
        let (begun, mut found) = (Instant::now(), vec![Vec::new(); n]);
        while !batch.is_idle() {
            for (number, generated) in batch.step(model, None, &mut |_, _| ControlFlow::Continue(())) {
                found[number as usize] = generated?.tokens;
            }
        }
        Ok((begun.elapsed().as_secs_f64(), found))
    };
    answers(1, 1)?;
    for n in [2, 8] {
        let ((ours_secs, ours), (peer_secs, theirs)) = (answers(n, n)?, answers(1, n)?);
        if ours != theirs {
            return Err("answers together are not those of alone".into());
        }
        rows.push(Row {
            name: format!("language model: {n} answers of {TOKENS} tokens together, {bits}, 2 threads"),
            peer: "one after the other".into(),
            ours_secs,
            peer_secs,
            goal_at_least: goals[0].min(n as f64 / 2.0),
            reach: goals[1].min(n as f64),
            same_answer: "the same tokens".into(),
        });
    }
    Ok(())
}

fn prompt(peers: &Peers, model: &Model, rows: &mut Vec<Row>) -> Outcome<()> {
    let tokens: Vec<u32> = (0..LONG as u32).map(|i| (i * 7919 + 13) % 40_000 + 20).collect();
    let request = Request {
        prompt: tokens.clone(),
        max_tokens: Some(1),
        sampling: Sampling::default(),
        stop: Vec::new(),
        logprobs: None,
        form: None,
    };
    let work = || Ok(model.generate(&request, None, &mut |_| ControlFlow::Continue(()))?);
    let (secs, _) = peer::median_secs(work)?;
    let job = json!({ "work": "prompt", "prompt": tokens });
    let said = peers.torch(job.clone())?;
    let logits = model.logits(&tokens, &mut Cache::new(model.config()), None)?;
    let last = &logits[logits.len() - model.config().vocabulary..];
    let theirs: Vec<f32> = serde_json::from_value(said["answer"].clone())?;
    let apart = last.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
    if apart.is_nan() || apart > 1e-3 {
        return Err(format!("logits of a prompt are {apart} apart").into());
    }
    let same = format!("logits within {apart:.0e}");
    rows.push(row(
        "language model: a prompt of 512 tokens, float32, 2 threads",
        &said,
        secs,
        [0.9, 1.0],
        same,
    )?);
    if let Some(said) = peers.llama(job, "smollm2-f32.gguf")? {
        let name = "language model: a prompt of 512 tokens, float32, 2 threads, llama.cpp";
        rows.push(row(name, &said, secs, [0.9, 1.0], "the same weights".into())?);
    }
    Ok(())
}

fn lora(peers: &Peers, model: &Model, rows: &mut Vec<Row>) -> Outcome<()> {
    let sentence = "The river ran past the mill and the wheel turned with it. ";
    let pairs: Vec<PromptPair> = (0..8)
        .map(|i| PromptPair {
            prompt: Prompt::Raw(format!("Question {i}: {}", sentence.repeat(6))),
            response: format!(" Answer {i}: {}", sentence.repeat(3)),
        })
        .collect();
    let examples = pairs.iter().map(|pair| example(model, pair)).collect::<Outcome<Vec<_>>>()?;
    let start = Adapter::new(model.config(), 8, 16.0, &Site::ALL, 1)?;
    let folder = peers.folder.join("adapter");
    start.save(&folder, "smollm2")?;
    let steps = 6;
    let settings = Sft { epochs: steps, batch: pairs.len(), learning_rate: 1e-4, ..Sft::default() };
    let begun = Instant::now();
    let tuned = sft(model, &pairs, &settings, Some(start), &Context::default())?;
    let secs = begun.elapsed().as_secs_f64() / steps as f64;
    let said = peers.torch(json!({ "work": "lora", "adapter": folder, "examples": examples }))?;
    let theirs = said["answer"][0].as_f64().ok_or("the peer printed no loss")?;
    let apart = (tuned.losses[0] - theirs).abs();
    if apart.is_nan() || apart > 1e-3 {
        return Err(format!("loss {} here, {theirs} there", tuned.losses[0]).into());
    }
    let same = format!("first loss within {apart:.0e}");
    rows.push(row(
        "language model: a step of LoRA, 8 examples of 134 tokens, 2 threads",
        &said,
        secs,
        [0.83, 1.2],
        same,
    )?);
    Ok(())
}

fn example(model: &Model, pair: &PromptPair) -> Outcome<Value> {
    let mut tokens = model.prompt_tokens(&pair.prompt)?;
    let prompt = tokens.len();
    tokens.extend(model.tokens().encode(&pair.response, false)?);
    tokens.extend(model.config().eos.first());
    Ok(json!({ "tokens": tokens, "prompt": prompt }))
}

fn embed(peers: &Peers, rows: &mut Vec<Row>) -> Outcome<()> {
    let words = [
        "river", "mill", "stone", "wheel", "bread", "flour", "spring", "autumn", "market", "letter", "window",
    ];
    let text = |i: usize| {
        let words = (0..8 + i % 25).map(|j| words[(i * 7 + j * j) % words.len()]);
        words.collect::<Vec<_>>().join(" ")
    };
    let texts: Vec<String> = (0..256).map(text).collect();
    let embedder = Embedder::open(Path::new(&peers.folder.join("minilm")))?;
    let (secs, vectors) = peer::median_secs(|| Ok(embedder.embed(&texts)?))?;
    let said = peers.torch(json!({ "work": "embed", "texts": texts }))?;
    let theirs: Vec<Vec<f32>> = serde_json::from_value(said["answer"].clone())?;
    let apart =
        vectors.iter().zip(theirs.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
    if apart.is_nan() || apart > 1e-5 {
        return Err(format!("vectors are {apart} apart").into());
    }
    let same = format!("vectors within {apart:.0e}");
    rows.push(row("256 texts to vectors by MiniLM, 2 threads", &said, secs, [1.0, 1.5], same)?);
    Ok(())
}
