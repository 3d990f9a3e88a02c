//! `graph_net`: a net that asks a row's neighbours, and theirs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Error, Estimator, Family, FitCost, Fitted, KeyPath, Needs, Registry,
    Result, Search, Shape, State, Training,
};
use tidemill_kernel::ClassWeight;
use tidemill_kernel::graph::Names;

use crate::encoders::neighbors::{GraphLayer, Layers, Neighborhood};
use crate::fitted::VERSION;
use crate::{FittedNet, NeuralError, NeuralNet, encoders, training};

/// A net over rows that are tied to each other: each layer brings together what the neighbours of a row say, so that two layers hear from
/// neighbours of neighbours; a linear map behind them answers. Needs `[graph]`.
///
/// Layers agree with PyTorch Geometric's `SAGEConv` and `GCNConv`. In training a layer looks at a sample of a row's neighbours, drawn anew
/// for each mini-batch (Hamilton, Ying and Leskovec 2017); an answer looks at all. A row that was not among those of training is answered
/// as if it was, with its own ties: no label of another row is ever asked, only what it says of itself. A row without neighbours is
/// answered by what it says alone. The model holds the keys, ties and features of the training rows.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_neural::GraphNet;
/// assert!(GraphNet::default().check().is_ok());
/// assert!(GraphNet { hidden: vec![], ..GraphNet::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GraphNet {
    /// How a layer brings together what neighbours say.
    pub layer: GraphLayer,
    /// The width of each layer, from one to six: so many steps away is looked.
    pub hidden: Vec<usize>,
    /// At most so many neighbours of a row are drawn in training; 0 takes all.
    pub sample: usize,
    /// The share of each layer's numbers that training drops, from 0 to below 1.
    pub dropout: f64,
    /// Whether rare classes count more.
    pub class_weight: ClassWeight,
    /// The size of a step, above 0 (AdamW along half a wave).
    pub learning_rate: f64,
    /// The share of each weight, times the learning rate, that every step takes away.
    pub weight_decay: f64,
    /// Rows of a mini-batch. Without it a fortieth of the rows, as a power of 2 from 16 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// The most passes over the rows.
    pub epochs: usize,
    /// Stop after so many epochs without progress on the rows watched.
    pub patience: usize,
    /// The share of the training rows whose labels are watched instead of learned from, from 0 to 0.5. 0: train for all epochs.
    pub validation_share: f64,
}

impl Default for GraphNet {
    fn default() -> Self {
        GraphNet {
            layer: GraphLayer::Sage,
            hidden: vec![32, 32],
            sample: 10,
            dropout: 0.2,
            class_weight: ClassWeight::None,
            learning_rate: 0.01,
            weight_decay: 0.01,
            batch_size: None,
            epochs: 100,
            patience: 20,
            validation_share: 0.1,
        }
    }
}

/// Beyond so many steps the neighbours of most rows are all rows.
const MOST_LAYERS: usize = 6;

impl GraphNet {
    /// What is behind the layers, and how all of it is trained.
    fn as_net(&self) -> NeuralNet {
        NeuralNet {
            hidden: Vec::new(),
            dropout: 0.0,
            class_weight: self.class_weight,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            batch_size: self.batch_size,
            epochs: self.epochs,
            patience: self.patience,
            validation_share: self.validation_share,
            ..NeuralNet::default()
        }
    }
}

impl Builtin for GraphNet {
    const KIND: &'static str = "graph_net";
    const VERSION: u32 = VERSION;

    fn check(&self) -> Result<(), KeyPath> {
        if !(1..=MOST_LAYERS).contains(&self.hidden.len()) {
            let problem = format!("has {} layers, but must have 1 to {MOST_LAYERS}", self.hidden.len());
            return Err(KeyPath::new("hidden", problem));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(KeyPath::new(
                "dropout",
                format!("is {}, but must be from 0 to below 1", self.dropout),
            ));
        }
        NeuralNet { hidden: self.hidden.clone(), ..self.as_net() }.check()
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedNet::load(&state)?.of_kind(Self::KIND)))
    }
}

impl BuiltinLearner for GraphNet {
    const FAMILY: Family = Family::Neural;
    const COLUMN_ORDER_MATTERS: bool = true;
    const KEEPS_ROWS: bool = true;
    const LABEL: &'static [&'static str] = &["layer"];
    const TIED_ROWS: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        // Beside each row, ten neighbours and some of theirs.
        FitCost::Operations(self.epochs as f64 * shape.rows * 30.0 * (shape.width + 64.0) * 32.0)
    }
}

impl Estimator for GraphNet {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { numeric: true, tabular: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "layer", values: vec![json!("sage"), json!("gcn")] },
            Search { key: "hidden", values: vec![json!([32, 32]), json!([32])] },
            Search { key: "learning_rate", values: [0.01, 0.003].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let names = Names::of(training.train.schema())?;
        if names.key.is_none() || names.neighbors.is_none() {
            return Err(NeuralError::NoGraph { learner: Self::KIND }.into());
        }
        let options = self.as_net();
        let own = encoders::learn(training.train, &options, &[], context)?;
        if own.iter().any(|encoder| !encoder.declare().is_empty()) {
            return Err(Error::internal("a graph of columns that are no numbers"));
        }
        let layers = Layers {
            layer: self.layer,
            inputs: 0,
            widths: self.hidden.clone(),
            sample: self.sample,
            dropout: self.dropout,
        };
        let around = Neighborhood::learn(training.train, own, layers)?;
        Ok(Arc::new(
            training::train(&options, vec![Box::new(around)], training, context)?.of_kind(Self::KIND),
        ))
    }
}
