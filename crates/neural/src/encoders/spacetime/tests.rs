//! Blocks against PyTorch (`reference/stcn.py`), and how a window is measured.

use serde_json::Value;

use super::*;
use crate::device::Arithmetic;
use crate::graph::{Leaves, numbers_of};
use crate::parameters::Parameters;

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn near(found: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= 1e-5 * w.abs().max(1.0), "{what}, number {i}: {f} and {w}");
    }
}

#[test]
fn blocks_and_their_gradients_are_those_of_pytorch() {
    let all: Value = serde_json::from_str(include_str!("../../../tests/reference/stcn.json")).unwrap();
    let size = |name: &str| all[name].as_u64().unwrap() as usize;
    let blocks =
        Blocks { steps: size("steps"), width: size("width"), layers: size("layers"), kernel: size("kernel") };
    let columns = (0..size("channels")).map(|c| format!("series {c}")).collect();
    let encoder = SpaceTime::new(columns, blocks);
    let mut parameters = Parameters::start(encoder.declare(), 0);
    let read_all = |key: &str| all[key].as_array().unwrap().iter().flat_map(floats).collect::<Vec<f32>>();
    let stored = read_all("parameters");
    assert_eq!(stored.len(), parameters.values.len());
    parameters.values = stored;
    let read = Read { n_rows: size("rows"), numbers: floats(&all["x"]), ..Read::default() };
    let wanted = floats(&all["outputs"]);
    let mut plain = vec![0.0; wanted.len()];
    encoder.plain(parameters.part(0)).run(&read, &mut plain);
    near(&plain, &wanted, "row by row");
    let leaves = Leaves::of(&parameters, parameters.declared().len(), &Arithmetic::plain());
    let composed = numbers_of(encoder.forward(&read, &leaves.pass()).unwrap()).unwrap();
    near(&composed, &wanted, "together");
    let tracked = leaves.tracked();
    let pass = tracked.pass();
    let weights = pass.numbers(floats(&all["slopes"]), [size("rows"), size("width")]);
    let loss = (encoder.forward(&read, &pass).unwrap() * weights).sum();
    near(&tracked.gradient(&loss).unwrap(), &read_all("gradients"), "gradient");
    let mut by_hand = vec![0.0; wanted.len()];
    let kept = encoder.run(&read, parameters.part(0), &Chance::new(1), &mut by_hand);
    near(&by_hand, &wanted, "by hand");
    let mut gradient = vec![0.0; parameters.values.len()];
    encoder.back(&read, parameters.part(0), kept, &floats(&all["slopes"]), &mut gradient);
    near(&gradient, &read_all("gradients"), "gradient by hand");
}

#[test]
fn a_window_is_measured_by_its_own_level_and_changes() {
    let blocks = Blocks { steps: 4, width: 2, layers: 1, kernel: 3 };
    let encoder = SpaceTime::new(vec!["own".into(), "others".into()], blocks);
    let (own, others) = ([10.0, 12.0, 8.0, 10.0], [20.0, 22.0, 18.0, 20.0]);
    let put = |factor: f32, others: Option<&[f32]>| {
        let (mut into, own) = (Vec::new(), own.map(|x| factor * x));
        encoder.put(&[Some(&own), others], &mut into);
        into
    };
    // The unit does not matter.
    near(&put(5.0, Some(&others.map(|x| 5.0 * x))), &put(1.0, Some(&others)), "five times");
    let alone = put(1.0, None);
    assert!(alone.iter().skip(1).step_by(2).all(|x| *x == 0.0), "{alone:?}");
    assert_eq!(level(&[]), (0.0, 1.0));
    assert_eq!(level(&[3.0, 3.0]), (3.0, 0.03));
}
