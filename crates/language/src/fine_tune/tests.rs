use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, Categories, Column, Context, Estimator, Fitted, Kind, Registry, Role, Row, Schema, Table,
    Training,
};

use super::net::{Goal, Net};
use super::tuner::{Material, Tuner, Way};
use super::{FineTunedText, FineTuning};
use crate::checkpoint::{EncoderConfig, Pooling, Shards};

fn bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert")
}

fn net(pooling: Pooling, outputs: usize) -> Net {
    let config = EncoderConfig::open(&bert()).unwrap();
    let mut net = Net::load(config, pooling, &mut Shards::open(&bert()).unwrap(), outputs).unwrap();
    // A head that says something, or no gradient would reach the encoder.
    let head = net.tensors.len() - 2;
    for (i, x) in net.tensors[head].iter_mut().enumerate() {
        *x = ((i * 7919) % 13) as f32 / 13.0 - 0.5;
    }
    net
}

const TEXTS: [&[u32]; 3] = [&[2, 7, 30, 5, 3], &[2, 3], &[2, 41, 41, 8, 19, 60, 3]];

/// The slope of the loss along each tensor's gradient is that gradient's length, as the difference of two losses shows it.
#[test]
fn gradients_are_slopes_of_the_loss() {
    for (pooling, goals, outputs) in [
        (Pooling::Mean, [Goal::Class(2), Goal::Class(0), Goal::Class(1)], 3),
        (Pooling::Cls, [Goal::Number(0.5), Goal::Number(-1.0), Goal::Number(2.0)], 1),
        (Pooling::Last, [Goal::Class(1), Goal::Class(1), Goal::Class(0)], 2),
    ] {
        let mut net = net(pooling, outputs);
        let weights = [0.5, 0.2, 0.3];
        let loss = |net: &Net| {
            let mut gradients: Vec<Vec<f32>> = net.tensors.iter().map(|t| vec![0.0; t.len()]).collect();
            (net.learn(&TEXTS, &goals, &weights, &mut gradients), gradients)
        };
        let (_, gradients) = loss(&net);
        for (at, gradient) in gradients.iter().enumerate() {
            let length = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            // Keys' biases move all scores of a query alike, which changes no share.
            if length < 1e-5 {
                assert!(net.names[at].ends_with("key.bias"), "{}", net.names[at]);
                continue;
            }
            let reach = 3e-3;
            let moved = |net: &mut Net, by: f64| {
                let kept = net.tensors[at].clone();
                net.tensors[at]
                    .iter_mut()
                    .zip(gradient)
                    .for_each(|(x, g)| *x += (by * f64::from(*g) / length) as f32);
                let found = loss(net).0;
                net.tensors[at] = kept;
                found
            };
            let slope = (moved(&mut net, reach) - moved(&mut net, -reach)) / (2.0 * reach);
            assert!(
                (slope - length).abs() < 0.02 * length + 1e-3,
                "{pooling:?}, {}: {slope} {length}",
                net.names[at]
            );
        }
    }
}

/// By `tests/fixtures/make_fine_tune.py`, with torch and transformers.
#[test]
fn losses_and_gradients_are_those_of_torch() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fine_tune.json");
    let reference: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let pooling: Pooling = serde_json::from_value(case["pooling"].clone()).unwrap();
        let texts: Vec<Vec<u32>> = serde_json::from_value(case["texts"].clone()).unwrap();
        let classes: Option<Vec<usize>> = serde_json::from_value(case["classes"].clone()).unwrap();
        let goals: Vec<Goal> = match &classes {
            Some(classes) => classes.iter().copied().map(Goal::Class).collect(),
            None => {
                let numbers: Vec<f32> = serde_json::from_value(case["numbers"].clone()).unwrap();
                numbers.into_iter().map(Goal::Number).collect()
            }
        };
        let net = net(pooling, if classes.is_some() { 3 } else { 1 });
        let n = texts.len() as f64;
        let mut gradients: Vec<Vec<f32>> = net.tensors.iter().map(|t| vec![0.0; t.len()]).collect();
        let views: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let loss = net.learn(&views, &goals, &vec![1.0 / n; texts.len()], &mut gradients);
        let wanted = case["loss"].as_f64().unwrap();
        assert!((loss - wanted).abs() < 1e-5, "{loss} is not {wanted}");
        let names = net.names.clone();
        for (name, wanted) in case["gradients"].as_object().unwrap() {
            let at = names.iter().position(|found| found == name).unwrap();
            let wanted: Vec<f32> = serde_json::from_value(wanted.clone()).unwrap();
            for (x, y) in gradients[at].iter().zip(&wanted) {
                assert!((x - y).abs() < 1e-4 * y.abs().max(1.0), "{name}: {x} is not {y}");
            }
        }
        let mut tuner = Tuner::new(net, Way::Full, 0);
        let weights = vec![1.0; texts.len()];
        let material = Material { texts: &texts, goals: &goals, weights: &weights };
        let batch: Vec<usize> = (0..texts.len()).collect();
        for (i, wanted) in case["losses"].as_array().unwrap().iter().enumerate() {
            let loss = tuner.step(&material, &batch, 1e-3, 0.01);
            assert!((loss - wanted.as_f64().unwrap()).abs() < 1e-3, "step {i}: {loss} is not {wanted}");
        }
    }
}

#[test]
fn low_rank_gradients_are_those_of_the_whole_times_the_other_matrix() {
    let texts: Vec<Vec<u32>> = TEXTS.iter().map(|text| text.to_vec()).collect();
    let goals = [Goal::Class(2), Goal::Class(0), Goal::Class(1)];
    let material = Material { texts: &texts, goals: &goals, weights: &[1.0; 3] };
    let mut tuner = Tuner::new(net(Pooling::Mean, 3), Way::Lora { rank: 4, alpha: 8.0 }, 5);
    let before: Vec<Vec<f32>> = tuner.net.tensors.clone();
    let first = tuner.step(&material, &[0, 1, 2], 2e-2, 0.0);
    for _ in 0..30 {
        tuner.step(&material, &[0, 1, 2], 2e-2, 0.0);
    }
    assert!(tuner.step(&material, &[0, 1, 2], 0.0, 0.0) < 0.3 * first);
    // Embeddings, norms and biases of the encoder stay as they were.
    for ((name, now), before) in tuner.net.names.iter().zip(&tuner.net.tensors).zip(&before) {
        let frozen = name.contains("embeddings")
            || name.contains("LayerNorm")
            || (name.ends_with("bias") && !name.starts_with("head"));
        assert_eq!(now == before, frozen, "{name}");
    }
}

fn table(target: &str) -> Table {
    let good = ["a fine day", "fine and warm", "so fine", "warm day", "a warm, fine one"];
    let bad = ["cold rain", "a cold day", "rain and wind", "so cold", "wind, rain, cold"];
    let texts: Vec<&str> = good.iter().chain(&bad).copied().cycle().take(40).collect();
    let of = |text: &str| good.contains(&text);
    let mut columns = vec![Column::new("note", Kind::Text)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from(texts.clone()))];
    if target == "class" {
        let names = Categories::new(["bad", "good"]);
        let codes = texts.iter().map(|text| u32::from(of(text)));
        arrays.push(names.column(UInt32Array::from_iter_values(codes)).unwrap());
        columns.push(Column::category("y", names).with_role(Role::Target));
    } else {
        let numbers = texts.iter().map(|text| if of(text) { 120.0 } else { 80.0 });
        arrays.push(Arc::new(Float64Array::from_iter_values(numbers)));
        columns.push(Column::number("y").with_role(Role::Target));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn answers(fitted: &Arc<dyn Fitted>, table: &Table) -> Vec<f64> {
    let batch = table.batch();
    let out = fitted.clone().bind(batch.schema()).unwrap().apply(batch).unwrap();
    let at = out.schema().role(Role::Prediction).unwrap();
    match out.schema().columns()[at].kind {
        Kind::Number => out.numbers(at).unwrap().values().to_vec(),
        _ => out.codes(at).unwrap().values().iter().map(|code| f64::from(*code)).collect(),
    }
}

#[test]
fn classes_and_numbers_are_learned_by_either_method() {
    for method in [FineTuning::Lora, FineTuning::Full] {
        let learner = FineTunedText {
            model: bert().display().to_string(),
            method,
            epochs: 12,
            batch: 8,
            learning_rate: Some(1e-2),
            ..FineTunedText::default()
        };
        for target in ["class", "number"] {
            let table = table(target);
            let fitted = learner.fit(Training::on(&table), &Context::default()).unwrap();
            let found = answers(&fitted, &table);
            let right = found.iter().enumerate().filter(|(i, y)| {
                let good = i % 10 < 5;
                if target == "class" { (**y == 1.0) == good } else { (**y > 100.0) == good }
            });
            assert!(right.count() >= 38, "{method:?}, {target}: {found:?}");
            // A file, one row, and other threads say the same.
            let loaded = FineTunedText::load(&Registry::default(), fitted.state()).unwrap();
            assert_eq!(answers(&loaded, &table), found);
            let mut row = Row::of(table.batch(), 3).unwrap();
            fitted.clone().bind(table.batch().schema()).unwrap().row(&mut row).unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            let again = pool.install(|| learner.fit(Training::on(&table), &Context::default()).unwrap());
            assert_eq!(again.state(), fitted.state());
        }
    }
}

#[test]
fn a_text_needs_an_encoder_and_no_text_needs_none() {
    let table = table("number");
    let error = FineTunedText::default().fit(Training::on(&table), &Context::default()).err().unwrap();
    assert!(error.to_string().contains("'model'") || error.to_string().contains("model"), "{error}");
    let bare = Table::new(table.batch().select(&[1]).unwrap());
    let fitted = FineTunedText::default().fit(Training::on(&bare), &Context::default()).unwrap();
    assert_eq!(answers(&fitted, &bare)[0], 100.0);
}
