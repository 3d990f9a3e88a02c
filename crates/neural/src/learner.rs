//! `neural_net`: the parameters of a net as a recipe writes them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Continues, Estimator, Family, FitCost, Fitted, KeyPath, Needs,
    Registry, Result, Search, Shape, State, Training,
};
use tidemill_kernel::ClassWeight;

pub use crate::body::Activation;
use crate::device::Precision;
use crate::encoders::{Images, Noise, Series, Tokens};
use crate::fitted::VERSION;
pub use crate::head::NetLoss;
use crate::training::{self, Optimizer, Schedule, earlier};
use crate::{FittedNet, encoders};

/// How a number comes into a net.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberEncoding {
    /// As it is, standardised.
    #[default]
    Plain,
    /// Laid out over pieces of its range that hold equally many training values (Gorishniy et al. 2022): helps where the
    /// answer is not linear in the number.
    PiecewiseLinear,
}

/// A neural net: every kind of column through an encoder of its own, what they give side by side, fully connected layers
/// behind them.
///
/// Numbers and flags are standardised within, a missing one is the mean with a mark; each category has a table of vectors, with
/// places for missing and unseen names. Trained on mini-batches; without rows to watch, a share of the training rows is set
/// aside, and the parameters of the epoch that did best on them stay. Answers are the same bits for a row alone and
/// in a batch, and for any number of threads.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_neural::NeuralNet;
/// assert!(NeuralNet::default().check().is_ok());
/// assert!(NeuralNet { dropout: 1.0, ..NeuralNet::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NeuralNet {
    /// The width of each hidden layer; none makes a linear model.
    pub hidden: Vec<usize>,
    /// The activation function of the hidden layers.
    pub activation: Activation,
    /// The share of each hidden layer's numbers that training drops, from 0 to below 1.
    pub dropout: f64,
    /// How wrong numbers and categories are made in training.
    #[serde(skip_serializing_if = "Noise::is_none")]
    pub noise: Noise,
    /// Whether the sums of each hidden layer are brought to mean 0 and variance 1 for each row.
    pub layer_norm: bool,
    /// Whether a hidden layer as wide as the one before adds its own input.
    pub residual: bool,
    /// How numbers come in.
    pub numbers: NumberEncoding,
    /// With `numbers = "piecewise_linear"`, the most pieces of a number's range, from 2 up.
    #[schemars(extend("with" = { "key": "numbers", "is": ["piecewise_linear"], "name": "pieces" }))]
    pub pieces: usize,
    /// How images come in.
    pub images: Images,
    /// How series come in.
    pub series: Series,
    /// How tokens come in.
    pub tokens: Tokens,
    /// The loss to minimise; by default `cross_entropy` for classes and `squared` for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<NetLoss>,
    /// With `loss = "huber"`, from how many standard deviations of the target on an error counts by its size.
    #[schemars(extend("with" = { "key": "loss", "is": ["huber"], "name": "delta" }))]
    pub huber_delta: f64,
    /// With `loss = "focal"`, how much less sure rows count: 0 or from 1 up.
    #[schemars(extend("with" = { "key": "loss", "is": ["focal"], "name": "gamma" }))]
    pub focal_gamma: f64,
    /// The share of the truth that is spread evenly over all classes, from 0 to below 1.
    pub label_smoothing: f64,
    /// Whether rare classes count more.
    pub class_weight: ClassWeight,
    /// How a gradient becomes a step.
    pub optimizer: Optimizer,
    /// The size of a step, above 0.
    pub learning_rate: f64,
    /// With `optimizer = "sgd"`, how much of the last step goes on, from 0 to below 1.
    #[schemars(extend("with" = { "key": "optimizer", "is": ["sgd"], "name": "momentum" }))]
    pub momentum: f64,
    /// The share of each weight, times the learning rate, that every step takes away beside the gradient (Loshchilov and Hutter
    /// 2019); not for `adam`.
    pub weight_decay: f64,
    /// The penalty on the sizes of the weights, from 0 up, beside the mean loss.
    pub l1: f64,
    /// The penalty on half the squares of the weights, from 0 up, beside the mean loss.
    pub l2: f64,
    /// The longest gradient: a longer one is shortened to it. 0 leaves all as they are.
    pub clip_norm: f64,
    /// How the size of steps changes over training.
    pub schedule: Schedule,
    /// The share of all steps over which their size grows from 0 to `learning_rate`, from 0 to below 1.
    pub warm_up: f64,
    /// Rows of a mini-batch. Without it a fortieth of the rows, as a power of 2 from 16 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Mini-batches whose gradients make one step.
    pub accumulate: usize,
    /// In which numbers a net goes forwards and back in training; by default `float32`. Parameters and steps stay in 32 bits: 16 are for
    /// the speed of a GPU.
    #[serde(skip_serializing_if = "Precision::is_full")]
    pub precision: Precision,
    /// The most passes over the rows.
    pub epochs: usize,
    /// Stop after so many epochs without progress on the rows watched.
    pub patience: usize,
    /// The share of the training rows to watch where no others are given, from 0 to 0.5. 0: train for all epochs.
    pub validation_share: f64,
    /// Whether it continues from the weights of the net in the model that `[train] start` names, found by the names of columns,
    /// categories and classes; without such a net it starts from random weights. The keys of its shape (`hidden`, `activation`,
    /// `layer_norm`, `residual`, `numbers`, `pieces`, `images`, `series`, `tokens`) are then those of that net.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub start: bool,
}

impl Default for NeuralNet {
    fn default() -> Self {
        NeuralNet {
            hidden: vec![128, 64],
            activation: Activation::Relu,
            dropout: 0.1,
            noise: Noise::default(),
            layer_norm: false,
            residual: false,
            numbers: NumberEncoding::Plain,
            pieces: 16,
            images: Images::default(),
            series: Series::default(),
            tokens: Tokens::default(),
            loss: None,
            huber_delta: 1.0,
            focal_gamma: 2.0,
            label_smoothing: 0.0,
            class_weight: ClassWeight::None,
            optimizer: Optimizer::AdamW,
            learning_rate: 1e-3,
            momentum: 0.9,
            weight_decay: 0.01,
            l1: 0.0,
            l2: 0.0,
            clip_norm: 1.0,
            schedule: Schedule::Cosine,
            warm_up: 0.0,
            batch_size: None,
            accumulate: 1,
            precision: Precision::default(),
            epochs: 40,
            patience: 15,
            validation_share: 0.1,
            start: false,
        }
    }
}

/// More than any table wants, and few enough that a typing error is no week of work.
const WIDEST: usize = 65_536;

impl NeuralNet {
    fn check_numbers(&self) -> Result<(), KeyPath> {
        let shares = [
            ("dropout", self.dropout),
            ("label_smoothing", self.label_smoothing),
            ("momentum", self.momentum),
            ("warm_up", self.warm_up),
        ];
        for (key, value) in shares {
            if !(0.0..1.0).contains(&value) {
                return Err(KeyPath::new(key, format!("is {value}, but must be from 0 to below 1")));
            }
        }
        for (key, value) in [("learning_rate", self.learning_rate), ("huber_delta", self.huber_delta)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(KeyPath::new(key, format!("is {value}, but must be a number above 0")));
            }
        }
        let penalties = [
            ("weight_decay", self.weight_decay),
            ("l1", self.l1),
            ("l2", self.l2),
            ("clip_norm", self.clip_norm),
        ];
        for (key, value) in penalties {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(KeyPath::new(key, format!("is {value}, but must be a number from 0 up")));
            }
        }
        if !(0.0..=0.5).contains(&self.validation_share) {
            let problem = format!("is {}, but must be from 0 to 0.5", self.validation_share);
            return Err(KeyPath::new("validation_share", problem));
        }
        if !(self.focal_gamma == 0.0 || (self.focal_gamma >= 1.0 && self.focal_gamma.is_finite())) {
            let problem = format!("is {}, but must be 0, or a number from 1 up", self.focal_gamma);
            return Err(KeyPath::new("focal_gamma", problem));
        }
        Ok(())
    }
}

impl Builtin for NeuralNet {
    const KIND: &'static str = "neural_net";
    const VERSION: u32 = VERSION;

    fn check(&self) -> Result<(), KeyPath> {
        if let Some(at) = self.hidden.iter().position(|&width| !(1..=WIDEST).contains(&width)) {
            let problem = format!("is {}, but must be from 1 to {WIDEST}", self.hidden[at]);
            return Err(KeyPath::new(format!("hidden[{at}]"), problem));
        }
        let counts = [
            ("pieces", self.pieces, 2),
            ("batch_size", self.batch_size.unwrap_or(1), 1),
            ("accumulate", self.accumulate, 1),
            ("epochs", self.epochs, 1),
            ("patience", self.patience, 1),
        ];
        if let Some((key, value, least)) = counts.into_iter().find(|&(_, value, least)| value < least) {
            return Err(KeyPath::new(key, format!("is {value}, but must be at least {least}")));
        }
        if self.optimizer == Optimizer::Adam && self.weight_decay > 0.0 {
            let problem = "is for `adamw` and `sgd`; with `adam`, set it to 0 and use l2";
            return Err(KeyPath::new("weight_decay", problem));
        }
        let below =
            |key: &'static str| move |e: KeyPath| KeyPath::new(format!("{key}.{}", e.path), e.problem);
        self.noise.check().map_err(below("noise"))?;
        self.images.check().map_err(below("images"))?;
        self.series.check().map_err(below("series"))?;
        self.tokens.check().map_err(below("tokens"))?;
        self.check_numbers()
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedNet::load(&state)?))
    }
}

impl NeuralNet {
    /// Operations for one row, there and back. What layers of images do to each number costs more than its multiplications.
    fn row_operations(&self, shape: &Shape) -> f64 {
        let [mut height, mut width, mut channels] = shape.image.map(|size| size as f64);
        let (mut work, mut image) = (0.0, 0.0);
        for filters in self.images.filters.iter().map(|f| *f as f64).filter(|_| shape.pixels > 0.0) {
            work += 16.0 * height * width * filters + 0.02 * 9.0 * height * width * channels * filters;
            (height, width) = ((height / 2.0).floor().max(1.0), (width / 2.0).floor().max(1.0));
            (channels, image) = (filters, filters);
        }
        let mut wide = (shape.numbers - shape.pixels).max(0.0) + 64.0 * shape.texts + image;
        // Encoders of texts cost by the word.
        work += 30_000.0 * shape.words;
        for next in self.hidden.iter().map(|hidden| *hidden as f64).chain([shape.classes]) {
            work += 0.6 * wide * next;
            wide = next;
        }
        work
    }
}

impl BuiltinLearner for NeuralNet {
    const FAMILY: Family = Family::Neural;
    const COLUMN_ORDER_MATTERS: bool = true;
    const CONTINUES: Option<Continues> = Some(Continues::FromWeights);

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(self.epochs as f64 * shape.rows * self.row_operations(shape))
    }
}

impl Estimator for NeuralNet {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { tabular: true, sparse: true, tokens: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "learning_rate", values: [1e-3, 3e-3, 3e-4].map(Value::from).to_vec() },
            Search { key: "hidden", values: vec![json!([128, 64]), json!([256, 128]), json!([64])] },
            Search { key: "dropout", values: [0.1, 0.3, 0.0].map(Value::from).to_vec() },
            Search { key: "numbers", values: vec![json!("plain"), json!("piecewise_linear")] },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let earlier = earlier::net(self, training.prior)?;
        if self.start && earlier.is_none() {
            context.warn(
                "no_start",
                "there is no earlier net to continue from: the net starts from random weights",
            );
        }
        let known = earlier.map_or(&[][..], |net| &net.net().encoders[..]);
        let encoders = encoders::learn(training.train, self, known, context)?;
        Ok(Arc::new(training::train(self, encoders, training, context)?))
    }
}
