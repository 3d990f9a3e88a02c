//! The whole net: its gradients against differences, and its two ways of answering against each other.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, UInt32Array};
use tidemill_core::{
    Batch, Categories, Column, Context, Kind, Layout, Schema, Source, Table, dense_vector, sparse_vector,
};
use tidemill_kernel::Random;

use crate::device::{Arithmetic, Precision};
use crate::graph::{Leaves, numbers_of};
use crate::head::{Loss, NetLoss, Truth};
use crate::net::Net;
use crate::parameters::Parameters;
use crate::training::{Gradients, Shard, gradient_of};
use crate::{
    Activation, Augment, Images, NeuralNet, NumberEncoding, Series, SeriesNet, Tokens, encoders, oracle,
};

const ROWS: usize = 40;

/// Row `i` has `i % 4` words.
fn words() -> ArrayRef {
    let (mut offsets, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..ROWS {
        places.extend((0..i % 4).map(|j| (j + i % 3) as u32));
        values.extend((0..i % 4).map(|j| 0.3 + 0.1 * (i + j) as f32 % 1.0));
        offsets.push(places.len() as i32);
    }
    sparse_vector(offsets, places, values, 6, None).unwrap()
}

/// Texts of `i % 6` tokens out of 8.
fn texts() -> Vec<f32> {
    let token = |i: usize, at: usize| if at < i % 6 { 1.0 + ((3 * i + at * at) % 8) as f32 } else { 0.0 };
    (0..ROWS).flat_map(|i| (0..5).map(move |at| token(i, at))).collect()
}

/// A table with a column for every encoder, missing and unseen values among them.
fn table() -> Table {
    let mut random = Random::new(5, 0);
    let numbers = (0..ROWS).map(|i| (i % 7 != 3).then(|| 40.0 + 5.0 * random.normal()));
    let numbers: Vec<Option<f64>> = numbers.collect();
    let flags = (0..ROWS).map(|i| (i % 11 != 2).then_some(i % 3 == 0));
    let names = Categories::new(["blue", "green", "red", "never"]);
    let codes = (0..ROWS as u32).map(|i| match i % 13 {
        5 => None,
        7 => Some(names.unseen()),
        _ => Some(i % 3),
    });
    let colours = names.column(UInt32Array::from_iter(codes)).unwrap();
    let vector = (0..ROWS * 3).map(|_| random.normal() as f32).collect();
    let parts = ["one", "two", "three"].map(String::from).to_vec();
    let mut laid_out = |name: &str, layout: Layout, len: usize| {
        let parts: Vec<String> = (0..len).map(|i| i.to_string()).collect();
        let values = match layout {
            Layout::Tokens { .. } => texts(),
            _ => (0..ROWS * len).map(|_| 3.0 + random.normal() as f32).collect(),
        };
        (Column::vector(name, parts).with_layout(layout), dense_vector(values, len).unwrap())
    };
    let picture = laid_out("picture", Layout::Image { channels: 2, height: 5, width: 4 }, 40);
    let series = laid_out("series", Layout::Steps { steps: 6, channels: 2 }, 12);
    let text = laid_out("text", Layout::Tokens { vocabulary: 9 }, 5);
    let columns: Vec<(Column, ArrayRef)> = vec![
        (Column::number("height"), Arc::new(Float64Array::from(numbers))),
        (Column::new("loud", Kind::Flag), Arc::new(BooleanArray::from_iter(flags))),
        (Column::category("colour", names), colours),
        (Column::vector("codes", parts), dense_vector(vector, 3).unwrap()),
        (Column::new("words", Kind::Vector { len: 6, sparse: true }), words()),
        picture,
        series,
        text,
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn options() -> NeuralNet {
    NeuralNet {
        hidden: vec![8, 8],
        dropout: 0.0,
        images: Images { filters: vec![4, 6], augment: Augment { shift: 0.0, ..Augment::default() } },
        series: Series { net: SeriesNet::Lstm, width: 5, layers: 2 },
        tokens: Tokens { width: 6, heads: 2, layers: 2 },
        ..NeuralNet::default()
    }
}

/// A net over the table, its parameters random throughout (those that start at 0, too).
fn net(options: &NeuralNet, table: &Table, outputs: usize) -> (Net, Parameters) {
    let encoders = encoders::learn(table, options, &[], &Context::default()).unwrap();
    let net = Net::of(options, encoders, outputs);
    let mut parameters = Parameters::start(net.declare(), 3);
    let mut random = Random::new(9, 0);
    parameters.values.iter_mut().for_each(|w| *w += 0.1 * random.normal() as f32);
    (net, parameters)
}

fn shapes() -> Vec<NeuralNet> {
    let mut shapes = Vec::new();
    for activation in [Activation::Relu, Activation::Gelu, Activation::Silu] {
        for rich in [false, true] {
            let numbers = if rich { NumberEncoding::PiecewiseLinear } else { NumberEncoding::Plain };
            shapes.push(NeuralNet { activation, layer_norm: rich, residual: rich, numbers, ..options() });
        }
    }
    for net in [SeriesNet::Gru, SeriesNet::Cnn] {
        let series = Series { net, width: 4, layers: 2 };
        shapes.push(NeuralNet { hidden: vec![], series, ..options() });
    }
    shapes
}

#[test]
fn the_plain_net_answers_as_burn_does() {
    let table = table();
    for options in shapes() {
        let (net, parameters) = net(&options, &table, 3);
        let places = net.bind(table.schema()).unwrap();
        let reads = net.read(table.batch(), &places, 0..ROWS).unwrap();
        let leaves = Leaves::of(&parameters, parameters.declared().len(), &Arithmetic::plain());
        let graph = numbers_of(net.forward(&reads, &leaves.pass()).unwrap()).unwrap();
        let plain = net.plain(&parameters).run(&reads, ROWS);
        assert_eq!(graph.len(), plain.len());
        for (a, b) in graph.iter().zip(&plain) {
            assert!((a - b).abs() < 1e-5 * (1.0 + a.abs()), "{options:?}: {a} {b}");
        }
    }
}

#[test]
fn a_row_alone_answers_as_in_the_batch() {
    let table = table();
    for options in shapes() {
        let (net, parameters) = net(&options, &table, 3);
        let places = net.bind(table.schema()).unwrap();
        let plain = net.plain(&parameters);
        let all = plain.run(&net.read(table.batch(), &places, 0..ROWS).unwrap(), ROWS);
        for i in 0..ROWS {
            let alone = plain.run(&net.read(table.batch(), &places, i..i + 1).unwrap(), 1);
            assert_eq!(alone, all[3 * i..3 * i + 3], "row {i}, {options:?}");
        }
    }
}

#[test]
fn encoders_come_back_from_their_states() {
    let table = table();
    for options in shapes() {
        let (net, parameters) = net(&options, &table, 3);
        let encoders = net.encoders.iter().map(|e| encoders::load(&e.state()).unwrap()).collect();
        let again = Net::of(&options, encoders, 3);
        assert_eq!(again.declare(), net.declare());
        let run = |net: &Net| {
            let places = net.bind(table.schema()).unwrap();
            net.plain(&parameters).run(&net.read(table.batch(), &places, 0..ROWS).unwrap(), ROWS)
        };
        assert_eq!(run(&again), run(&net));
    }
}

/// The loss of the whole table as the plain net sees it.
fn loss_of(net: &Net, parameters: &Parameters, table: &Table, loss: &Loss, truth: &Truth) -> f64 {
    let places = net.bind(table.schema()).unwrap();
    let reads = net.read(table.batch(), &places, 0..ROWS).unwrap();
    let outputs = net.plain(parameters).run(&reads, ROWS);
    let k = outputs.len() / ROWS;
    (0..ROWS).map(|i| weight(i) * loss.of_row(&outputs[i * k..(i + 1) * k], truth, i)).sum()
}

fn weight(i: usize) -> f64 {
    1.0 + (i % 3) as f64
}

/// The loss and the target of a case.
fn task(kind: NetLoss, smoothing: f32) -> (Loss, usize, Truth) {
    let loss = Loss { kind, smoothing, gamma: 2.0, delta: 0.7 };
    match kind.is_for_classes() {
        true => (loss, 3, Truth::Classes((0..ROWS as u32).map(|i| (i * 7) % 3).collect())),
        false => (loss, 1, Truth::Numbers((0..ROWS).map(|i| (i as f32 * 0.7).sin() * 2.0).collect())),
    }
}

const LOSSES: [NetLoss; 5] =
    [NetLoss::Squared, NetLoss::Huber, NetLoss::Absolute, NetLoss::CrossEntropy, NetLoss::Focal];

fn weights() -> Vec<f32> {
    (0..ROWS).map(|i| weight(i) as f32).collect()
}

/// The gradient in plain Rust is that of burn's graph of the same net and loss.
#[test]
fn gradients_are_those_of_burn() {
    let table = table();
    for (s, options) in shapes().into_iter().enumerate() {
        for kind in LOSSES {
            let (loss, outputs, truth) = task(kind, if s % 2 == 0 { 0.1 } else { 0.0 });
            let (net, parameters) = net(&options, &table, outputs);
            let found = gradient_of(&net, loss, &parameters, &table, truth.clone(), weights()).unwrap();
            let places = net.bind(table.schema()).unwrap();
            let reads = net.read(table.batch(), &places, 0..ROWS).unwrap();
            let leaves = Leaves::of(&parameters, parameters.declared().len(), &Arithmetic::plain()).tracked();
            let pass = leaves.pass();
            let outputs = net.forward(&reads, &pass).unwrap();
            let graph = oracle::loss(&loss, outputs, &truth, &weights(), &pass);
            let wanted = leaves.gradient(&graph).unwrap();
            for i in 0..parameters.declared().len() {
                let (found, wanted) = (&found.gradient[parameters.range(i)], &wanted[parameters.range(i)]);
                let size = wanted.iter().fold(1.0f32, |size, g| size.max(g.abs()));
                let worst = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                let name = &parameters.declared()[i].name;
                assert!(worst < 2e-5 * size, "{kind:?} {name}: {worst} of {size}, {options:?}");
            }
        }
    }
}

/// In 16 bits the gradient is nearly that of 32: `bfloat16` has 8 bits for the digits of a number, `float16` 11.
#[test]
fn gradients_in_16_bits_are_nearly_those_of_32() {
    let table = table();
    for (precision, near) in [(Precision::Bfloat16, 0.1), (Precision::Float16, 0.0125)] {
        let arithmetic = Arithmetic { precision, ..Arithmetic::plain() };
        for options in shapes() {
            let (loss, outputs, truth) = task(NetLoss::CrossEntropy, 0.0);
            let (net, parameters) = net(&options, &table, outputs);
            let wanted = gradient_of(&net, loss, &parameters, &table, truth.clone(), weights()).unwrap();
            let places = net.bind(table.schema()).unwrap();
            let reads = net.read(table.batch(), &places, 0..ROWS).unwrap();
            let batch = [Shard { reads, truth, weights: weights() }];
            let gradients = Gradients { net: &net, loss, arithmetic: arithmetic.clone() };
            let found = gradients.of(&parameters, &batch, 0, 8.0).unwrap();
            assert!((found.loss / wanted.loss - 1.0).abs() < near, "{} {}", found.loss, wanted.loss);
            let length = |x: &[f32]| x.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
            let apart: Vec<f32> = found.gradient.iter().zip(&wanted.gradient).map(|(a, b)| a - b).collect();
            let share = length(&apart) / length(&wanted.gradient);
            assert!(share < near && share > 0.0, "{precision:?}: {share}, {options:?}");
        }
    }
}

/// Along a random direction within each array, the gradient is what a small step there changes.
#[test]
fn gradients_are_those_of_small_steps() {
    let table = table();
    // A rectifier has a kink at 0, where a finite difference says nothing.
    let smooth = shapes().into_iter().filter(|o| o.activation != Activation::Relu || o.hidden.is_empty());
    for (s, options) in smooth.enumerate() {
        let (loss, outputs, truth) = task(LOSSES[s % LOSSES.len()], 0.0);
        let (net, parameters) = net(&options, &table, outputs);
        let found = gradient_of(&net, loss, &parameters, &table, truth.clone(), weights()).unwrap();
        assert!((found.loss / loss_of(&net, &parameters, &table, &loss, &truth) - 1.0).abs() < 1e-4);
        for i in 0..parameters.declared().len() {
            let mut random = Random::new(11, i as u64);
            let range = parameters.range(i);
            let direction: Vec<f32> = range.clone().map(|_| random.normal() as f32).collect();
            let wanted: f64 =
                found.gradient[range.clone()].iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
            let moved = |by: f32| {
                let mut moved = parameters.clone();
                moved.values[range.clone()].iter_mut().zip(&direction).for_each(|(w, d)| *w += by * d);
                loss_of(&net, &moved, &table, &loss, &truth)
            };
            let step = 2e-4;
            let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            let name = &parameters.declared()[i].name;
            let size = wanted.abs().max(slope.abs()).max(1.0);
            assert!((wanted - slope).abs() < 0.03 * size, "{loss:?} {name}: {wanted} {slope} {options:?}");
        }
    }
}
