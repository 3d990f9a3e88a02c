//! A small model that uses every part of the format, for the tests to write, read and break.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::json;
use tidemill_core::{Categories, Column, Kind, Role, Schema, State, TensorData};
use tidemill_package::{Manifest, Package};

/// One model of a few hundred bytes of content. `written_by` is fixed: the golden file must not change with the version.
pub(crate) fn model() -> Package {
    let island = Column::category("island", Categories::new(["Biscoe", "Dream"]));
    let codes = Column::vector("codes", ["island=Biscoe", "island=Dream"].map(String::from).to_vec());
    let input = Schema::new(vec![
        Column::number("mass"),
        codes.derived_from(&island),
        island,
        Column::new("id", Kind::Text).with_role(Role::Key),
    ]);
    let classes = Categories::new(["Adelie", "Chinstrap"]);
    let prediction = Column::category("prediction", classes.clone()).with_role(Role::Prediction);
    let probability = Column {
        categories: Some(classes),
        role: Role::Probability,
        ..Column::new("probability", Kind::Vector { len: 2, sparse: false })
    };
    let output = Schema::new(vec![prediction, probability]);
    let about = json!({ "task": "binary", "target": "species", "scores": { "roc_auc": 0.999 } });
    let mut manifest = Manifest::new(about, &input.unwrap(), &output.unwrap());
    manifest.written_by = "tidemill 0.1.0".into();
    let scale = State::new("standard_scale", 1, json!({ "columns": ["mass"] }))
        .floats("mean", &[4201.75, f64::NAN, f64::INFINITY, -0.0])
        .tensor("counts", vec![1, 2], TensorData::U32(vec![3, u32::MAX]));
    let linear = State::new("logistic", 2, json!({ "penalty": "l2", "classes": 2 }))
        .tensor("coefficients", vec![2, 1], TensorData::F32(vec![0.5, f32::NEG_INFINITY]))
        .tensor("history", vec![2], TensorData::I64(vec![i64::MIN, 7]))
        .tensor("mask", vec![3], TensorData::U8(vec![0, 1, 255]))
        .tensor("empty", vec![0, 5], TensorData::F64(vec![]));
    let state = State::new("chain", 1, ()).child(scale).child(State::new("inner", 1, ()).child(linear));
    Package::new(
        manifest,
        "[data]\ntarget = \"species\"\n",
        state,
        "# Which penguin?\n\nTold by its mass: ±5 %.\n",
    )
    .with_extra("metrics.json", *b"{\"roc_auc\":0.999}")
}

/// The bits of a state: unlike `==`, equal for equal NaNs.
pub(crate) fn bits(state: &State) -> String {
    let tensors: Vec<String> = state
        .tensors
        .iter()
        .map(|(name, t)| {
            let numbers: Vec<u64> = match &t.data {
                TensorData::F64(v) => v.iter().map(|x| x.to_bits()).collect(),
                TensorData::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
                TensorData::U32(v) => v.iter().map(|x| u64::from(*x)).collect(),
                TensorData::I64(v) => v.iter().map(|x| *x as u64).collect(),
                TensorData::U8(v) => v.iter().map(|x| u64::from(*x)).collect(),
            };
            format!("{name} {:?} {:?} {numbers:?}", t.shape, std::mem::discriminant(&t.data))
        })
        .collect();
    let children: Vec<String> = state.children.iter().map(bits).collect();
    format!("{} {} {} {tensors:?} {children:?}", state.kind, state.version, state.params)
}
