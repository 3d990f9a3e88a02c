//! `stcn`: forecasts of many places at once, from the past of each and of those around it.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Cell, Column, Context, Error, Estimator, Family, FitCost, Fitted,
    KeyPath, Kind, Layout, Needs, Registry, Result, Role, Row, Run, Schema, Shape, State, Table, Target,
    Training,
};

use crate::encoders::spacetime::{Blocks, SpaceTime, level};
use crate::{FittedNet, NeuralNet, encoders, training};

/// A spatio-temporal convolutional net for forecasts of panels: at each moment a graph convolution of the past of a place and of the mean
/// of its neighbours, behind it gated convolutions along time that look back only (dilated: each layer reaches twice as far), and a
/// fully connected layer that also reads how many steps ahead the answer is, the calendar, and what is known beforehand.
///
/// The convolutions are those of Yu, Yin and Zhu (2018, "Spatio-Temporal Graph Convolutional Networks"), with the graph convolution first: of
/// order 1, over the adjacency divided by its row sums, so that a row of a forecast holds all that it needs (`history` and
/// `neighbors_history`) and is answered alone as in a batch. All places share the weights. Each window, and what follows it, is measured by its own
/// level and changes, so places of any size are alike. Every number of steps ahead is forecast directly. Agrees with PyTorch. Needs
/// `[forecast]`; without `[graph]` it is a temporal convolution of each place alone.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_neural::Stcn;
/// assert!(Stcn::default().check().is_ok());
/// assert!(Stcn { kernel: 0, ..Stcn::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stcn {
    /// Numbers of a moment behind each convolution, from 1 to 1024.
    pub width: usize,
    /// Convolutions along time, from 1 to 10: of kernels of 3 moments, 2 look back at 7 moments, 3 at 15, 4 at 31.
    pub layers: usize,
    /// Moments that a convolution along time sees, from 2 to 16.
    pub kernel: usize,
    /// The width of the fully connected layer behind them.
    pub hidden: usize,
    /// The share of the numbers of the fully connected layer that training drops, from 0 to below 1.
    pub dropout: f64,
    /// The size of a step, above 0 (AdamW along half a wave).
    pub learning_rate: f64,
    /// The share of each weight, times the learning rate, that every step takes away.
    pub weight_decay: f64,
    /// Rows of a mini-batch. Without it a fortieth of the rows, as a power of 2 from 16 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Passes over the rows: all of them, for rows held back by chance share their past with others and never say stop.
    pub epochs: usize,
}

impl Default for Stcn {
    fn default() -> Self {
        Stcn {
            width: 16,
            layers: 3,
            kernel: 3,
            hidden: 32,
            dropout: 0.1,
            learning_rate: 0.003,
            weight_decay: 0.01,
            batch_size: None,
            epochs: 15,
        }
    }
}

impl Stcn {
    /// What is behind the convolutions, and how all of it is trained.
    fn as_net(&self) -> NeuralNet {
        NeuralNet {
            hidden: vec![self.hidden],
            dropout: self.dropout,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            batch_size: self.batch_size,
            epochs: self.epochs,
            validation_share: 0.0,
            ..NeuralNet::default()
        }
    }

    fn blocks(&self, steps: usize) -> Blocks {
        let Stcn { width, layers, kernel, .. } = *self;
        Blocks { steps, width, layers, kernel }
    }
}

impl Builtin for Stcn {
    const KIND: &'static str = "stcn";

    fn check(&self) -> Result<(), KeyPath> {
        let sizes =
            [("width", self.width, 1, 1024), ("layers", self.layers, 1, 10), ("kernel", self.kernel, 2, 16)];
        for (key, value, least, most) in sizes {
            if !(least..=most).contains(&value) {
                return Err(KeyPath::new(key, format!("is {value}, but must be from {least} to {most}")));
            }
        }
        self.as_net().check().map_err(|e| match e.path.starts_with("hidden") {
            true => KeyPath::new("hidden", e.problem),
            false => e,
        })
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(Self::VERSION)?;
        let Saved { own, steps } = state.params()?;
        match state.children.as_slice() {
            [net] if steps > 0 => {
                Ok(Arc::new(FittedStcn { own, steps, net: Arc::new(FittedNet::load(net)?) }))
            }
            _ => Err(Error::state(Self::KIND, "it needs one net, and a window")),
        }
    }
}

impl BuiltinLearner for Stcn {
    const FAMILY: Family = Family::Neural;
    const COLUMN_ORDER_MATTERS: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        // Some fifteen moments, there and twice back, under kernels of three, with a gate beside each number.
        let (width, layers) = (self.width as f64, self.layers as f64);
        FitCost::Operations(self.epochs as f64 * shape.rows * 45.0 * 6.0 * layers * width * width)
    }
}

/// The series of a table: their places, that of the row's own place first, and how many moments they have.
fn series(schema: &Schema) -> Result<(Vec<usize>, usize)> {
    let moments = |c: &Column| match (c.kind, c.layout) {
        (Kind::Vector { sparse: false, .. }, Some(Layout::Steps { steps, channels: 1 })) => Some(steps),
        _ => None,
    };
    let places = schema.places(|c| c.role == Role::Feature && moments(c).is_some());
    let steps = places.first().and_then(|&at| moments(&schema.columns()[at])).unwrap_or(0);
    if steps == 0 {
        let problem = "'stcn' forecasts from the past of each place, and no column holds it";
        return Err(Error::data(problem, "say how far ahead: [forecast] horizon = \"…\""));
    }
    if let Some(&at) = places.iter().find(|&&at| moments(&schema.columns()[at]) != Some(steps)) {
        let problem = format!(
            "'stcn': column '{}' has another number of moments than {steps}",
            schema.columns()[at].name
        );
        return Err(Error::data(problem, "encode all series with the same window"));
    }
    Ok((places, steps))
}

/// The level and the size of the changes of each row's own past.
fn levels(batch: &Batch, own: usize, steps: usize) -> Result<Vec<(f64, f64)>> {
    let (values, array) = (batch.vector(own)?, batch.column(own));
    let of = |i: usize| {
        let window = if array.is_valid(i) { &values[i * steps..(i + 1) * steps] } else { &[] };
        level(window)
    };
    Ok((0..batch.n_rows()).map(of).collect())
}

/// Whether a column tells the net something beside the series: what was read of them is in them, but for how far ahead the answer is.
fn is_beside(column: &Column, sources: &[&str], own: &str) -> bool {
    column.role != Role::Feature
        || !sources.contains(&column.source())
        || column.name == format!("{own}_ahead")
}

impl Estimator for Stcn {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { tabular: true, ..Needs::default() }
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let batch = training.train.collect()?;
        let schema = batch.schema();
        let target = schema.role(Role::Target).ok_or_else(|| Error::internal("rows without a target"))?;
        let Target::Number(truth) = Target::of(&batch)? else {
            let column = &schema.columns()[target];
            let (column, found) = (column.name.clone(), column.kind);
            return Err(Error::WrongKind { column, found, wanted: "a number to forecast".into() });
        };
        let (places, steps) = series(schema)?;
        let names: Vec<String> = places.iter().map(|&at| schema.columns()[at].name.clone()).collect();
        let sources: Vec<&str> = places.iter().map(|&at| schema.columns()[at].source()).collect();
        let scaled =
            truth.iter().zip(levels(&batch, places[0], steps)?).map(|(y, (mean, size))| (y - mean) / size);
        let scaled: ArrayRef = Arc::new(Float64Array::from_iter_values(scaled));
        let part = |keep: &dyn Fn(usize) -> bool| -> Result<Table> {
            let kept: Vec<usize> = (0..schema.len()).filter(|&at| keep(at)).collect();
            let columns = kept.iter().map(|&at| schema.columns()[at].clone()).collect();
            let array = |at: usize| if at == target { scaled.clone() } else { batch.column(at).clone() };
            let arrays = kept.iter().map(|&at| array(at)).collect();
            Ok(Table::new(Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, batch.n_rows())?))
        };
        let beside = |at: usize| is_beside(&schema.columns()[at], &sources, &names[0]);
        let options = self.as_net();
        let mut parts = encoders::learn(&part(&beside)?, &options, &[], context)?;
        parts.push(Box::new(SpaceTime::new(names.clone(), self.blocks(steps))));
        let train = part(&|at| beside(at) || places.contains(&at))?;
        let net = training::train(&options, parts, Training::on(&train), context)?;
        Ok(Arc::new(FittedStcn { own: names[0].clone(), steps, net: Arc::new(net) }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    own: String,
    steps: usize,
}

/// The net, and whose level its answers are measured by.
struct FittedStcn {
    own: String,
    steps: usize,
    net: Arc<FittedNet>,
}

impl Fitted for FittedStcn {
    fn output(&self, input: &Schema) -> Result<Schema> {
        self.net.output(input)
    }

    fn state(&self) -> State {
        let saved = Saved { own: self.own.clone(), steps: self.steps };
        State::new(Stcn::KIND, Stcn::VERSION, saved).child(self.net.state())
    }

    fn size(&self) -> u64 {
        self.net.size()
    }

    fn operations(&self) -> u64 {
        self.net.operations()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let output = self.output(input)?;
        let answer =
            output.role(Role::Prediction).ok_or_else(|| Error::internal("a net without an answer"))?;
        let own = input.index(&self.own)?;
        Ok(Box::new(Bound { net: self.net.clone().bind(input)?, own, steps: self.steps, answer }))
    }
}

struct Bound {
    net: Box<dyn Run>,
    /// The place of the own past in what comes in, and of the answer in what goes out.
    own: usize,
    steps: usize,
    answer: usize,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        // The net says what is wrong with its columns before anything else is read of them.
        let answered = self.net.apply(batch)?;
        let levels = levels(batch, self.own, self.steps)?;
        let numbers = answered.numbers(self.answer)?.iter().zip(levels);
        let numbers = numbers.map(|(x, (mean, size))| x.map(|x| mean + size * x));
        let mut columns = answered.columns().to_vec();
        columns[self.answer] = Arc::new(numbers.collect::<Float64Array>());
        Batch::with_rows(answered.schema().clone(), columns, answered.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let (mean, size) = match row.cells.get(self.own) {
            Some(Cell::Vector(window)) => level(window),
            _ => level(&[]),
        };
        self.net.row(row)?;
        if let Some(Cell::Number(x)) = row.cells.get_mut(self.answer) {
            *x = mean + size * *x;
        }
        Ok(())
    }
}
