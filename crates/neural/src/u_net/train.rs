//! The training of a U-Net: a graph for each picture of a batch, their gradients summed in the order of the pictures.

use rayon::prelude::*;
use tidemill_core::{Context, Event, Result};
use tidemill_kernel::Random;
use tidemill_kernel::segment::Lesson;

use super::UNet;
use super::frame::{Framed, Frames};
use super::loss::loss;
use super::net::Layers;
use crate::device::{self, Arithmetic, Precision};
use crate::graph::{Leaves, numbers_of};
use crate::parameters::Parameters;
use crate::training::{Moments, Schedule, norm};
use crate::{NeuralError, NeuralNet, Optimizer};

/// A picture with the place of the class of each of its pixels.
struct Seen {
    framed: Framed,
    classes: Vec<u8>,
}

/// The share of the steps over which they grow to their size.
const WARM_UP: f64 = 0.05;
/// The longest that the gradient of the mean loss may be.
const LONGEST: f64 = 1.0;

/// The parameters that the examples of a lesson lead to.
pub(super) fn train(
    options: &UNet,
    layers: &Layers,
    frames: &Frames,
    lesson: &Lesson,
    context: &Context,
) -> Result<Parameters> {
    let seen: Vec<Seen> = lesson.examples.iter().map(|example| read(frames, lesson, example)).collect();
    let device = device::device(context.runtime(), 0)?;
    let arithmetic = Arithmetic { device, precision: Precision::Float32 };
    let mut parameters = Parameters::start(layers.declare(), context.seed_for("u_net/start"));
    let mut moments = Moments::start(Optimizer::AdamW, parameters.values.len());
    let settings =
        NeuralNet { optimizer: Optimizer::AdamW, weight_decay: options.weight_decay, ..NeuralNet::default() };
    let per_epoch = seen.len().div_ceil(options.batch_size.max(1));
    let total = (per_epoch * options.epochs) as u64;
    context.tell(&Event::Begin { what: "training u_net".into(), steps: Some(total) });
    for epoch in 0..options.epochs {
        let mut order: Vec<usize> = (0..seen.len()).collect();
        Random::new(context.seed_for("u_net/order"), epoch as u64).shuffle(&mut order);
        let mut sum = 0.0;
        for (b, batch) in order.chunks(options.batch_size.max(1)).enumerate() {
            context.check()?;
            if context.out_of_time() && epoch > 0 {
                let problem =
                    format!("the time limit ended training in epoch {} of {}", epoch + 1, options.epochs);
                context.warn("net_out_of_time", problem);
                context.tell(&Event::End);
                return Ok(parameters);
            }
            let stream = context.seed_for(&format!("u_net/flip/{epoch}/{b}"));
            let (value, gradient) = slope(options, layers, &parameters, &arithmetic, (&seen, batch), stream)?;
            let n = batch.len() as f64;
            let length = norm(&gradient) / n;
            if !(value.is_finite() && length.is_finite()) {
                let problem = NeuralError::Diverged { epoch: epoch + 1, retries: 0, suspect: String::new() };
                return Err(problem.into());
            }
            let scale = if length > LONGEST { LONGEST / length / n } else { 1.0 / n };
            let rate = options.learning_rate * Schedule::Cosine.share(moments.steps, total, WARM_UP);
            moments.step(&settings, &mut parameters, &gradient, scale as f32, rate);
            sum += value;
            context.tell(&Event::Step(1));
        }
        let (mean, at) = (sum / seen.len() as f64, epoch + 1);
        context.tell(&Event::Note(format!("epoch {at} of {}: loss {mean:.5}", options.epochs)));
    }
    context.tell(&Event::End);
    Ok(parameters)
}

fn read(frames: &Frames, lesson: &Lesson, example: &tidemill_kernel::segment::Example) -> Seen {
    let framed = frames.frame(&example.picture);
    let [height, width] = framed.inner.size;
    let mask = example.mask.resized(width, height);
    let classes = mask.values().iter().map(|value| lesson.code(*value) as u8).collect();
    Seen { framed, classes }
}

/// The sum of the losses of some pictures, each flipped by chance, and its gradient.
fn slope(
    options: &UNet,
    layers: &Layers,
    parameters: &Parameters,
    arithmetic: &Arithmetic,
    (seen, batch): (&[Seen], &[usize]),
    stream: u64,
) -> Result<(f64, Vec<f32>)> {
    let leaves = Leaves::of(parameters, parameters.declared().len(), arithmetic);
    let one = |(at, picture): (usize, &usize)| {
        let mut random = Random::new(stream, at as u64);
        // As many draws whatever is asked for.
        let drawn = [random.unit() < 0.5, random.unit() < 0.5];
        let flip = [drawn[0] && options.flip_vertical, drawn[1] && options.flip_horizontal];
        of_picture(layers, &leaves, &flipped(&seen[*picture], flip, layers.planes))
    };
    let slopes: Vec<Result<(f64, Vec<f32>)>> = batch.par_iter().enumerate().map(one).collect();
    let mut sum = (0.0, vec![0.0; parameters.values.len()]);
    for slope in slopes {
        let (value, gradient) = slope?;
        sum.0 += value;
        sum.1.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g);
    }
    Ok(sum)
}

/// The loss of one picture, and its gradient.
fn of_picture(layers: &Layers, leaves: &Leaves<'_>, seen: &Seen) -> Result<(f64, Vec<f32>)> {
    let leaves = leaves.tracked();
    let pass = leaves.pass();
    let [height, width] = seen.framed.frame;
    let picture = pass.numbers(seen.framed.numbers.clone(), [1, height, width, layers.planes]);
    let scores = layers.forward(picture, &pass)?;
    let said = numbers_of(scores.clone())?;
    let (value, slopes) = loss(&said, layers.classes, seen.framed.inner, &seen.classes);
    let shape = scores.dims();
    let gradient = leaves.gradient(&(scores * pass.numbers(slopes, shape)).sum())?;
    Ok((value, gradient))
}

/// A picture with its classes, turned over top to bottom and left to right.
fn flipped(seen: &Seen, [vertical, horizontal]: [bool; 2], planes: usize) -> Seen {
    let Framed { numbers, frame, inner } = &seen.framed;
    let [height, width] = inner.size;
    let from = |y: usize, x: usize| {
        [if vertical { height - 1 - y } else { y }, if horizontal { width - 1 - x } else { x }]
    };
    let mut framed = Framed { numbers: numbers.clone(), frame: *frame, inner: *inner };
    let mut classes = seen.classes.clone();
    for (at, place) in inner.places().enumerate() {
        let [y, x] = from(at / width, at % width);
        classes[at] = seen.classes[y * width + x];
        let source = (y * frame[1] + x) * planes;
        framed.numbers[place * planes..(place + 1) * planes]
            .copy_from_slice(&numbers[source..source + planes]);
    }
    Seen { framed, classes }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::parameters::Declared;
    use crate::u_net::loss::Inner;

    fn floats(value: &Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    }

    /// Scores, loss and gradients of PyTorch (`tests/reference/u_net.py`).
    #[test]
    fn scores_loss_and_gradients_are_those_of_pytorch() {
        let stored: Value = serde_json::from_str(include_str!("../../tests/reference/u_net.json")).unwrap();
        let usize_of = |key: &str| stored[key].as_u64().unwrap() as usize;
        let filters =
            stored["filters"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect();
        let layers = Layers { planes: usize_of("planes"), filters, classes: usize_of("classes") };
        let mut parameters = Parameters::start(layers.declare(), 1);
        parameters.values = stored["parameters"].as_array().unwrap().iter().flat_map(floats).collect();
        assert_eq!(parameters.values.len(), layers.declare().iter().map(Declared::len).sum::<usize>());
        let frame = [usize_of("height"), usize_of("width")];
        let numbers = floats(&stored["picture"]);
        let classes: Vec<u8> = floats(&stored["mask"]).into_iter().map(|x| x as u8).collect();
        let near = |found: &[f32], wanted: &[f32], what: &str| {
            assert_eq!(found.len(), wanted.len(), "{what}");
            for (at, (a, b)) in found.iter().zip(wanted).enumerate() {
                assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{what} {at}: {a} and {b}");
            }
        };
        let plain = layers.plain(&parameters).row(&numbers, frame);
        near(&plain, &floats(&stored["scores"]), "score");
        let inner = Inner { size: frame, frame_width: frame[1] };
        let seen = Seen { framed: Framed { numbers, frame, inner }, classes };
        let arithmetic = Arithmetic::plain();
        let leaves = Leaves::of(&parameters, parameters.declared().len(), &arithmetic);
        let (value, gradient) = of_picture(&layers, &leaves, &seen).unwrap();
        assert!((value - stored["loss"].as_f64().unwrap()).abs() < 1e-4, "{value}");
        let wanted: Vec<f32> = stored["gradients"].as_array().unwrap().iter().flat_map(floats).collect();
        near(&gradient, &wanted, "gradient");
    }

    #[test]
    fn a_picture_and_its_mask_are_turned_over_together() {
        let inner = Inner { size: [2, 2], frame_width: 4 };
        let numbers = vec![1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0];
        let seen = Seen { framed: Framed { numbers, frame: [2, 4], inner }, classes: vec![1, 2, 3, 4] };
        let turned = flipped(&seen, [true, false], 1);
        assert_eq!(turned.classes, [3, 4, 1, 2]);
        assert_eq!(turned.framed.numbers, [3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
        assert_eq!(flipped(&seen, [false, true], 1).classes, [2, 1, 4, 3]);
    }
}
