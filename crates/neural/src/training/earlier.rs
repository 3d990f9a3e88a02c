//! Going on from an earlier net: what of it fits is taken over, found by the names of columns, categories and classes.
//!
//! The new net begins as the same function of the columns that both have: a number of the table that the earlier net does not know has
//! no weight yet, and a class that it does not know has the weights of a new net.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tidemill_core::{Builtin, Error, Fitted, Result};

use crate::encoders::Encoder;
use crate::fitted::Meaning;
use crate::net::Net;
use crate::parameters::{Parameters, Start};
use crate::standard::Standard;
use crate::{FittedNet, NeuralNet};

/// The parameters that say what shape a net has: one that goes on has those of the earlier.
const SHAPE: [&str; 9] =
    ["hidden", "activation", "layer_norm", "residual", "numbers", "pieces", "images", "series", "tokens"];

/// The shape of the net in a model that a [`NeuralNet`] could go on from, as parameters of a recipe.
pub fn shape_of(model: &dyn Fitted) -> Option<Map<String, Value>> {
    net_in(model).map(|net| shape(net.options()))
}

fn net_in(model: &dyn Fitted) -> Option<&FittedNet> {
    model.find::<FittedNet>().filter(|net| net.kind() == NeuralNet::KIND)
}

fn shape(options: &NeuralNet) -> Map<String, Value> {
    let all = json!(options);
    SHAPE.iter().map(|&key| (key.to_string(), all[key].clone())).collect()
}

/// The net that `options` ask to go on from, where the earlier model has one.
///
/// # Errors
/// A net of another shape.
pub(crate) fn net<'a>(options: &NeuralNet, prior: Option<&'a dyn Fitted>) -> Result<Option<&'a FittedNet>> {
    let Some(earlier) = prior.filter(|_| options.start).and_then(net_in) else { return Ok(None) };
    let (own, known) = (shape(options), shape(earlier.options()));
    match own.iter().find(|(key, value)| known.get(*key) != Some(*value)) {
        None => Ok(Some(earlier)),
        Some((key, value)) => {
            Err(Error::parameter(key, format!("is {value}, but the earlier net has {}", known[key])))
        }
    }
}

/// Gives the parameters of a new net what the earlier one has learned.
pub(crate) fn take_over((net, meaning): (&Net, &Meaning), earlier: &FittedNet, parameters: &mut Parameters) {
    let old = earlier.parameters();
    let places: BTreeMap<&str, usize> =
        old.declared().iter().enumerate().map(|(i, one)| (one.name.as_str(), i)).collect();
    let passing = net.encoders.iter().filter(|e| e.parts().is_none()).flat_map(|e| e.declare());
    let passing: BTreeSet<String> = passing.map(|one| one.name).collect();
    for i in 0..parameters.declared().len() {
        let declared = parameters.declared()[i].clone();
        let place = places.get(declared.name.as_str()).filter(|_| !passing.contains(&declared.name));
        let Some(&place) = place else { continue };
        let (known, range) = (old.array(place), parameters.range(i));
        let own = Axes::of(net, meaning, &declared.name);
        let along = own.along(Axes::of(earlier.net(), earlier.meaning(), &declared.name));
        let shapes = (declared.shape.as_slice(), old.declared()[place].shape.as_slice());
        copy(&along, shapes, known, &mut parameters.values[range]);
    }
    if let (Meaning::Number(new), Meaning::Number(old)) = (meaning, earlier.meaning()) {
        rescale(*old, *new, parameters);
    }
}

/// What the rows and the columns of an array stand for, where that is not the same in all nets of a shape.
struct Axes {
    rows: Option<Vec<String>>,
    columns: Option<Vec<Input>>,
}

/// A number that comes into the layers: its name, and whether a weight on it may stay as it is where the earlier net does not know it,
/// because it is 0 at first.
type Input = (Option<String>, bool);

impl Axes {
    fn of(net: &Net, meaning: &Meaning, array: &str) -> Self {
        let owns = |e: &dyn Encoder| e.declare().first().is_some_and(|first| first.name == array);
        let rows = match (net.encoders.iter().find(|e| owns(&***e)), array) {
            (Some(encoder), _) => encoder.rows(),
            (None, "head.weight" | "head.bias") => Some(outputs(meaning)),
            _ => None,
        };
        let first = if net.body.hidden.is_empty() { "head.weight" } else { "body.0.weight" };
        let inputs = || net.encoders.iter().flat_map(|e| inputs(&**e)).collect();
        Axes { rows, columns: (array == first).then(inputs) }
    }

    /// For each row and column of these the place of the same in others.
    fn along(self, others: Axes) -> Along {
        fn places<'a>(names: impl Iterator<Item = Option<&'a String>>) -> BTreeMap<&'a String, usize> {
            names.enumerate().filter_map(|(at, name)| Some((name?, at))).collect()
        }
        let rows = self.rows.zip(others.rows).map(|(own, others)| {
            let places = places(others.iter().map(Some));
            own.iter().map(|name| places.get(name).copied()).collect()
        });
        let columns = self.columns.zip(others.columns).map(|(own, others)| {
            let places = places(others.iter().map(|(name, _)| name.as_ref()));
            let place = |name: &Option<String>| name.as_ref().and_then(|name| places.get(name).copied());
            own.iter().map(|(name, stays)| (place(name), *stays)).collect()
        });
        Along { rows, columns }
    }
}

struct Along {
    rows: Option<Vec<Option<usize>>>,
    columns: Option<Vec<(Option<usize>, bool)>>,
}

/// The numbers that a row becomes.
fn inputs(encoder: &dyn Encoder) -> Vec<Input> {
    let declared = encoder.declare();
    let nothing = !declared.is_empty() && declared.iter().all(|one| one.start == Start::Zeros);
    match encoder.parts() {
        Some(parts) => parts.into_iter().map(|name| (Some(name), nothing)).collect(),
        None => vec![(None, nothing); encoder.width()],
    }
}

fn outputs(meaning: &Meaning) -> Vec<String> {
    match meaning {
        Meaning::Number(_) => vec![String::new()],
        Meaning::Classes(classes) => {
            classes.present.iter().map(|&class| classes.names.name(class).to_string()).collect()
        }
    }
}

fn copy(along: &Along, (new, old): (&[usize], &[usize]), known: &[f32], own: &mut [f32]) {
    let width = |shape: &[usize]| shape.iter().skip(1).product::<usize>();
    let (wide, known_wide) = (width(new), width(old));
    let same_width = along.columns.is_some() || wide == known_wide;
    let same_height = along.rows.is_some() || new.first() == old.first();
    if !same_width || !same_height || new.len() != old.len() {
        return;
    }
    for (at, row) in own.chunks_exact_mut(wide.max(1)).enumerate() {
        let place = along.rows.as_ref().map_or(Some(at), |rows| rows[at]);
        let Some(known) = place.and_then(|place| known.chunks_exact(known_wide.max(1)).nth(place)) else {
            continue;
        };
        match &along.columns {
            None => row.copy_from_slice(known),
            Some(columns) => row.iter_mut().zip(columns).for_each(|(own, column)| match column {
                (Some(place), _) => *own = known[*place],
                (None, true) => {}
                (None, false) => *own = 0.0,
            }),
        }
    }
}

/// The head answers in standard deviations of its own target: from those of the old one to those of the new.
fn rescale(old: Standard, new: Standard, parameters: &mut Parameters) {
    let n = parameters.declared().len();
    if n < 2 || old.factor == 0.0 || new.factor == 0.0 {
        return;
    }
    let (weight, bias) = (parameters.range(n - 2), parameters.range(n - 1));
    let factor = new.factor / old.factor;
    let shift = (old.centre - new.centre) * new.factor;
    parameters.values[weight].iter_mut().for_each(|w| *w = (f64::from(*w) * factor) as f32);
    parameters.values[bias].iter_mut().for_each(|b| *b = (f64::from(*b) * factor + shift) as f32);
}
