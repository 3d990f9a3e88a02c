//! `u_net`: a class for each pixel of a picture.

mod frame;
mod loss;
mod net;
mod train;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Error, Estimator, Family, Fitted, KeyPath, Registry, Result, Search,
    State, Training, Weights,
};
use tidemill_kernel::mask::Mask;
use tidemill_kernel::picture::Picture;
use tidemill_kernel::segment::{FittedMasks, Lesson, Segment};

use self::frame::Frames;
use self::net::{Layers, PlainLayers};
use crate::parameters::Parameters;
use crate::standard::Standard;

/// A U-Net (Ronneberger, Fischer and Brox 2015): convolutions at one resolution after the other, down to the coarsest and up again, where
/// each level sees what was there on the way down. It answers a class for each pixel of a picture.
///
/// A level is two convolutions of 3 by 3, each with group norm and rectifier (no batch norm: no picture looks at another one). It learns
/// by the sum of cross-entropy and soft Dice (Milletari, Navab and Ahmadi 2016), with AdamW along half a wave. A picture may have any
/// size: it is filled up to a multiple of the coarsest level's pixel, and beyond `longest_side` looked at smaller and answered in its own size.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_neural::UNet;
/// assert!(UNet::default().check().is_ok());
/// assert!(UNet { filters: vec![], ..UNet::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UNet {
    /// The filters of each level, the finest first: one to six levels, each half as wide and high as the one before.
    pub filters: Vec<usize>,
    /// The longest side at which a picture is looked at, in pixels, from 8 to 2048; larger ones are made smaller for it.
    pub longest_side: usize,
    /// Whether half of the pictures are turned over left to right in training.
    pub flip_horizontal: bool,
    /// Whether half of the pictures are turned over top to bottom in training.
    pub flip_vertical: bool,
    /// The size of a step, above 0.
    pub learning_rate: f64,
    /// The share of each weight, times the learning rate, that every step takes away.
    pub weight_decay: f64,
    /// Pictures of a mini-batch.
    pub batch_size: usize,
    /// Passes over the pictures.
    pub epochs: usize,
}

impl Default for UNet {
    fn default() -> Self {
        UNet {
            filters: vec![16, 32, 64],
            longest_side: 256,
            flip_horizontal: true,
            flip_vertical: false,
            learning_rate: 0.002,
            weight_decay: 0.01,
            batch_size: 8,
            epochs: 60,
        }
    }
}

/// The most levels.
const MOST_LEVELS: usize = 6;

impl Builtin for UNet {
    const KIND: &'static str = "u_net";

    fn check(&self) -> Result<(), KeyPath> {
        let n = self.filters.len();
        if !(1..=MOST_LEVELS).contains(&n) || self.filters.iter().any(|f| !(1..=1024).contains(f)) {
            let problem =
                format!("are {:?}, but must be one to {MOST_LEVELS}, each from 1 to 1024", self.filters);
            return Err(KeyPath::new("filters", problem));
        }
        if !(8..=2048).contains(&self.longest_side) {
            return Err(KeyPath::new(
                "longest_side",
                format!("is {}, but must be from 8 to 2048", self.longest_side),
            ));
        }
        for (key, value) in [("batch_size", self.batch_size), ("epochs", self.epochs)] {
            if !(1..=100_000).contains(&value) {
                return Err(KeyPath::new(key, format!("is {value}, but must be from 1 to 100000")));
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(KeyPath::new(
                "learning_rate",
                format!("is {}, but must be above 0", self.learning_rate),
            ));
        }
        if !(0.0..=1.0).contains(&self.weight_decay) {
            return Err(KeyPath::new(
                "weight_decay",
                format!("is {}, but must be from 0 to 1", self.weight_decay),
            ));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedMasks::new(LearnedUNet::load(&state)?)))
    }
}

impl BuiltinLearner for UNet {
    const FAMILY: Family = Family::Masks;
    const WEIGHTS: Weights = Weights::Ignored;
    const LABEL: &'static [&'static str] = &["filters"];
}

impl Estimator for UNet {
    tidemill_core::kind_and_params!();

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "learning_rate", values: [0.002, 0.0005].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let lesson = Lesson::of(training, context)?;
        let step = 1 << (self.filters.len().max(1) - 1);
        let pictures = lesson.examples.iter().map(|example| &example.picture);
        let frames = Frames::learn(pictures, self.longest_side, step);
        let layers =
            Layers { planes: frames.planes, filters: self.filters.clone(), classes: lesson.classes.len() };
        let parameters = train::train(self, &layers, &frames, &lesson, context)?;
        let sizes = lesson.examples.iter().map(|example| frames.frame(&example.picture).frame);
        let usual = sizes.max().unwrap_or([step, step]);
        let plain = layers.plain(&parameters);
        let saved = Saved { settings: self.clone(), column: lesson.column, classes: lesson.classes, usual };
        Ok(Arc::new(FittedMasks::new(LearnedUNet { saved, frames, layers, parameters, plain })))
    }
}

/// What the shape of a net follows from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: UNet,
    /// The column of pictures.
    column: String,
    /// The values of masks.
    classes: Vec<u8>,
    /// Rows and columns of the largest frame of training.
    usual: [usize; 2],
}

/// What a [`UNet`] learned.
pub(crate) struct LearnedUNet {
    saved: Saved,
    frames: Frames,
    layers: Layers,
    parameters: Parameters,
    plain: PlainLayers,
}

impl LearnedUNet {
    fn load(state: &State) -> Result<Self> {
        state.check_version(UNet::VERSION)?;
        let saved: Saved = state.params()?;
        if let Err(wrong) = saved.settings.check() {
            return Err(Error::state(&state.kind, format!("'{}' {}", wrong.path, wrong.problem)));
        }
        let ascending = saved.classes.windows(2).all(|pair| pair[0] < pair[1]);
        if saved.classes.len() < 2 || !ascending || saved.usual.iter().any(|side| *side > 1 << 14) {
            return Err(Error::state(&state.kind, "its classes or sizes are none of a mask"));
        }
        let planes = state.tensors.get("centres").map_or(0, |tensor| tensor.data.len());
        if !matches!(planes, 1 | 3) {
            return Err(Error::state(&state.kind, "tensor 'centres' should be of one or three numbers"));
        }
        let (centres, factors) = (state.floats_of("centres", planes)?, state.floats_of("factors", planes)?);
        let standards =
            centres.iter().zip(factors).map(|(&centre, &factor)| Standard { centre, factor }).collect();
        let layers = Layers { planes, filters: saved.settings.filters.clone(), classes: saved.classes.len() };
        let frames = Frames { planes, longest: saved.settings.longest_side, step: layers.step(), standards };
        let parameters = Parameters::load(layers.declare(), state)?;
        let plain = layers.plain(&parameters);
        Ok(LearnedUNet { saved, frames, layers, parameters, plain })
    }
}

impl Segment for LearnedUNet {
    fn column(&self) -> &str {
        &self.saved.column
    }

    fn segment(&self, picture: &Picture) -> Result<Mask> {
        let framed = self.frames.frame(picture);
        let scores = self.plain.row(&framed.numbers, framed.frame);
        self.frames.mask(&scores, framed.inner, &self.saved.classes, picture)
    }

    fn save(&self) -> State {
        let standards = &self.frames.standards;
        let centres: Vec<f64> = standards.iter().map(|s| s.centre).collect();
        let factors: Vec<f64> = standards.iter().map(|s| s.factor).collect();
        let state = self.parameters.save(State::new(UNet::KIND, UNet::VERSION, &self.saved));
        state.floats("centres", &centres).floats("factors", &factors)
    }

    fn operations(&self) -> u64 {
        self.layers.operations(self.saved.usual) as u64
    }
}
