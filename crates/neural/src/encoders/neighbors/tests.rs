//! Layers of graphs against PyTorch Geometric's (`reference/graph.py`), and rows asked about against graphs that hold them.

use std::borrow::Cow;

use serde_json::Value;
use tidemill_kernel::graph::list;

use super::*;
use crate::device::Arithmetic;
use crate::graph::{Leaves, numbers_of};
use crate::parameters::Parameters;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../../tests/reference/graph.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// What each row lists: its ties in both directions.
fn cells(all: &Value) -> Vec<String> {
    let ties: Vec<Vec<f32>> = all["ties"].as_array().unwrap().iter().map(floats).collect();
    let of = |row: usize| {
        let ends = ties.iter().filter_map(|tie| {
            let (a, b) = (tie[0] as usize, tie[1] as usize);
            (a == row || b == row).then(|| ((a + b - row).to_string(), tie[2]))
        });
        let ends: Vec<(String, f32)> = ends.collect();
        list(ends.iter().map(|(key, weight)| (key.as_str(), *weight)))
    };
    (0..count(&all["n"])).map(of).collect()
}

fn said<'a>(row: usize, cell: &'a str) -> Said<'a> {
    Said { key: Some(Cow::Owned(row.to_string())), neighbors: Some(Cow::Borrowed(cell)) }
}

/// The rows of the reference without those for which `without` holds.
fn neighborhood(
    all: &Value,
    layer: GraphLayer,
    sample: usize,
    without: impl Fn(usize) -> bool,
) -> Neighborhood {
    let (cells, p) = (cells(all), count(&all["inputs"]));
    let rows: Vec<usize> = (0..cells.len()).filter(|&row| !without(row)).collect();
    let (graph, _) = Graph::of(rows.iter().map(|&row| said(row, &cells[row])));
    let x = floats(&all["x"]);
    let numbers = rows.iter().flat_map(|&row| x[row * p..(row + 1) * p].to_vec()).collect();
    let widths = all["hidden"].as_array().unwrap().iter().map(count).collect();
    let layers = Layers { layer, inputs: p, widths, sample, dropout: 0.0 };
    Neighborhood { own: Vec::new(), stored: Arc::new(Stored::new(layers, graph, numbers)) }
}

/// What is read of rows that say this.
fn read(around: &Neighborhood, all: &Value, rows: &[(usize, &str)]) -> Read {
    let (x, p) = (floats(&all["x"]), count(&all["inputs"]));
    let mut read = Read { n_rows: rows.len(), ..Read::default() };
    for &(row, cell) in rows {
        read.numbers.extend_from_slice(&x[row * p..(row + 1) * p]);
        around.put(&said(row, cell), &mut read);
    }
    read
}

fn parameters(around: &Neighborhood, case: &Value) -> Parameters {
    let mut parameters = Parameters::start(around.declare(), 0);
    parameters.values = case["parameters"].as_array().unwrap().iter().flat_map(floats).collect();
    parameters
}

fn plain(around: &Neighborhood, parameters: &Parameters, read: &Read) -> Vec<f32> {
    let mut out = vec![0.0; read.n_rows * around.width()];
    around.plain(parameters.part(0)).run(read, &mut out);
    out
}

fn near(found: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let size = wanted.iter().fold(1.0f32, |size, x| size.max(x.abs()));
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= 1e-5 * size, "{what}, number {i}: {f} and {w}");
    }
}

const LAYERS: [(&str, GraphLayer); 2] = [("gcn", GraphLayer::Gcn), ("sage", GraphLayer::Sage)];

#[test]
fn layers_and_gradients_are_those_of_pytorch_geometric() {
    let all = reference();
    for (name, layer) in LAYERS {
        let (around, case) = (neighborhood(&all, layer, 0, |_| false), &all["cases"][name]);
        let parameters = parameters(&around, case);
        let rows: Vec<(usize, &str)> = (0..count(&all["n"])).map(|row| (row, "")).collect();
        let (read, wanted) = (read(&around, &all, &rows), floats(&case["outputs"]));
        near(&plain(&around, &parameters, &read), &wanted, &format!("{name}, row by row"));
        let mut out = vec![0.0; wanted.len()];
        let kept = around.run(&read, parameters.part(0), &Chance::new(1), &mut out);
        near(&out, &wanted, &format!("{name}, together"));
        let mut gradient = vec![0.0; parameters.values.len()];
        around.back(&read, parameters.part(0), kept, &floats(&all["slopes"]), &mut gradient);
        let wanted: Vec<f32> = case["gradients"].as_array().unwrap().iter().flat_map(floats).collect();
        near(&gradient, &wanted, &format!("{name}, gradient"));
        let leaves = Leaves::of(&parameters, parameters.declared().len(), &Arithmetic::plain());
        let composed = numbers_of(around.forward(&read, &leaves.pass()).unwrap()).unwrap();
        near(&composed, &out, &format!("{name}, by burn"));
    }
}

#[test]
fn a_row_that_was_not_there_is_answered_as_if_it_was() {
    let all = reference();
    let cells = cells(&all);
    for (name, layer) in LAYERS {
        let wanted = floats(&all["cases"][name]["outputs"]);
        for (row, cell) in cells.iter().enumerate() {
            let around = neighborhood(&all, layer, 0, |other| other == row);
            let parameters = parameters(&around, &all["cases"][name]);
            let width = around.width();
            // With the ties that it brings, or those that its neighbours remember.
            for cell in [cell.as_str(), ""] {
                let found = plain(&around, &parameters, &read(&around, &all, &[(row, cell)]));
                near(&found, &wanted[row * width..(row + 1) * width], &format!("{name}, row {row}"));
            }
        }
    }
}

#[test]
fn what_a_stored_row_says_now_counts() {
    let all = reference();
    let mut moved = all.clone();
    let p = count(&all["inputs"]);
    for at in 0..p {
        moved["x"][4 * p + at] = Value::from(0.25 * at as f64 - 0.5);
    }
    for (name, layer) in LAYERS {
        let (then, now) =
            (neighborhood(&all, layer, 0, |_| false), neighborhood(&moved, layer, 0, |_| false));
        let parameters = parameters(&then, &all["cases"][name]);
        let asked = read(&then, &moved, &[(4, "")]);
        assert_eq!(plain(&then, &parameters, &asked), plain(&now, &parameters, &asked), "{name}");
        assert_ne!(
            plain(&then, &parameters, &read(&then, &all, &[(4, "")])),
            plain(&now, &parameters, &asked)
        );
    }
}

#[test]
fn a_sample_of_neighbours_stands_for_all_on_average() {
    let all = reference();
    let p = count(&all["inputs"]);
    for (name, layer) in LAYERS {
        let (drawn, whole) =
            (neighborhood(&all, layer, 2, |_| false), neighborhood(&all, layer, 0, |_| false));
        let rows = read(&drawn, &all, &[(4, ""), (7, "")]);
        let sums = |around: &Neighborhood, random: Option<tidemill_kernel::Random>| {
            let plan = Plan::together(&around.stored, &rows, random);
            let h: Vec<f32> = plan
                .who
                .iter()
                .flat_map(|who| match *who {
                    plan::Who::Asked(i) => rows.numbers[i * p..(i + 1) * p].to_vec(),
                    plan::Who::Stored(at) => around.stored.numbers[at as usize * p..][..p].to_vec(),
                })
                .collect();
            plan.sums(&h, p, 2)
        };
        let seeded = |seed| sums(&drawn, Some(tidemill_kernel::Random::new(seed, 0)));
        assert_eq!(seeded(5), seeded(5));
        let n = 20_000;
        let mut mean = vec![0.0f64; 2 * p];
        for seed in 0..n {
            mean.iter_mut().zip(seeded(seed)).for_each(|(mean, x)| *mean += f64::from(x) / n as f64);
        }
        // Rows 4 and 7 have more neighbours than two; five standard errors of draws with a spread of about 1.
        for (found, wanted) in mean.iter().zip(sums(&whole, None)) {
            assert!((found - f64::from(wanted)).abs() < 0.035, "{name}: {found} {wanted}");
        }
    }
}
