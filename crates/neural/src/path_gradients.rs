//! Gradients along a way from a usual row to a row: what integrated gradients are made of.

use tidemill_core::{Batch, Context, Error, Result};
use tidemill_kernel::Classes;
use tidemill_kernel::reduce::in_chunks;

use crate::FittedNet;
use crate::body::{PlainBody, Trace};
use crate::dense::Dense;
use crate::fitted::Meaning;
use crate::graph::Chance;

/// Rows that one thread takes at a time.
const CHUNK: usize = 8;

/// What each number that comes into a net's body adds to its answer, summed to the columns that the net reads.
#[derive(Clone, Debug, PartialEq)]
pub struct PathGradients {
    /// The columns that the net reads.
    pub columns: Vec<String>,
    /// By output: what the net says of the usual row.
    pub base: Vec<f64>,
    /// Row after row, output after output: a number per column.
    pub values: Vec<f64>,
    /// Row after row: what the net says of it, by output.
    pub answers: Vec<f64>,
}

/// What all rows share.
struct Shared<'a> {
    net: &'a FittedNet,
    body: PlainBody,
    /// From gradients in the outputs to those in what comes into the head.
    back: Dense,
    start: Vec<f32>,
    /// By number that comes into the body: the column it comes from.
    columns: Vec<usize>,
    n_columns: usize,
}

impl FittedNet {
    /// Integrated gradients (Sundararajan, Taly and Yan 2017): for every number that the encoders give, the difference between
    /// the row and the `usual` row, times the mean gradient of the answer along the straight line between both. What an encoder
    /// gives goes to the column that it reads, so a category counts by its vector and an image by its features (in captum
    /// `LayerIntegratedGradients`).
    ///
    /// `path` holds the points of the line that are looked at, from 0 to 1, and the weight of each; the weights sum to 1. The
    /// answer is the number that is predicted, or the net's probability: of the second class where there are two, else of each.
    /// With points enough, base and values of a row sum to the answer (completeness).
    ///
    /// # Errors
    /// Rows that lack a column; a usual row that is not one; cancellation.
    pub fn path_gradients(
        &self,
        rows: &Batch,
        usual: &Batch,
        path: &[(f64, f64)],
        context: &Context,
    ) -> Result<PathGradients> {
        if usual.n_rows() != 1 {
            return Err(Error::internal("the start of a path is one row"));
        }
        let places = self.net().bind(usual.schema())?;
        let start = self.plain().join(&self.net().read(usual, &places, 0..1)?, 1);
        let mut columns: Vec<String> = Vec::new();
        let mut of_input = Vec::with_capacity(start.len());
        for encoder in &self.net().encoders {
            for at in 0..encoder.width() {
                let name = encoder.column_of(at);
                let place = columns.iter().position(|known| known == name).unwrap_or(columns.len());
                if place == columns.len() {
                    columns.push(name.into());
                }
                of_input.push(place);
            }
        }
        let places = self.net().bind(rows.schema())?;
        let shared = self.shared(start, of_input, columns.len());
        let base = self.answer(&self.plain().of_joined(shared.start.clone(), 1));
        let found = in_chunks(rows.n_rows(), CHUNK, |range| {
            context.check()?;
            let n = range.len();
            let joined = self.plain().join(&self.net().read(rows, &places, range)?, n);
            let (mut values, mut answers) = (Vec::new(), Vec::new());
            for row in joined.chunks_exact(shared.start.len().max(1)) {
                values.extend(shared.row(row, path));
                answers.extend(self.answer(&self.plain().of_joined(row.to_vec(), 1)));
            }
            Ok::<_, Error>((values, answers))
        });
        let (mut values, mut answers) = (Vec::new(), Vec::new());
        for part in found {
            let (own, said) = part?;
            values.extend(own);
            answers.extend(said);
        }
        Ok(PathGradients { columns, base, values, answers })
    }

    fn shared(&self, start: Vec<f32>, columns: Vec<usize>, n_columns: usize) -> Shared<'_> {
        let parts = self.parts();
        Shared {
            net: self,
            body: self.net().body.plain(parts.0),
            back: Dense::times(parts.1.array(0), self.meaning().outputs(), self.net().head.inputs),
            start,
            columns,
            n_columns,
        }
    }

    /// Of each row the gradients of each answer in what the encoders give, `joined` of all rows.
    pub(crate) fn gradients_in_encoded(&self, joined: &[f32], width: usize) -> Vec<Vec<Vec<f32>>> {
        let shared = self.shared(Vec::new(), Vec::new(), 0);
        joined.chunks_exact(width.max(1)).map(|row| shared.at(row)).collect()
    }

    /// Whether the net answers with the probabilities of classes.
    pub fn is_of_classes(&self) -> bool {
        matches!(self.meaning(), Meaning::Classes(_))
    }

    /// What some outputs mean, as explanations say it.
    fn answer(&self, outputs: &[f32]) -> Vec<f64> {
        match self.meaning() {
            Meaning::Number(target) => {
                vec![FittedNet::number(*target, outputs.first().copied().unwrap_or(0.0))]
            }
            Meaning::Classes(classes) => {
                let mut all = vec![0.0; classes.names.len()];
                FittedNet::probabilities(classes, outputs, &mut all);
                if all.len() == 2 { vec![all[1]] } else { all }
            }
        }
    }

    /// By answer: its gradients in the outputs of some rows, row after row.
    fn slopes(&self, outputs: &[f32]) -> Vec<Vec<f32>> {
        match self.meaning() {
            Meaning::Number(target) => {
                let slope = if target.factor == 0.0 { 0.0 } else { (1.0 / target.factor) as f32 };
                vec![vec![slope; outputs.len()]]
            }
            Meaning::Classes(classes) => {
                let explained = if classes.names.len() == 2 { 1..2 } else { 0..classes.names.len() as u32 };
                explained.map(|class| of_class(classes, class, outputs)).collect()
            }
        }
    }
}

/// The gradients of the probability of a class in the outputs; zeros of one without training rows.
fn of_class(classes: &Classes, class: u32, outputs: &[f32]) -> Vec<f32> {
    let Ok(at) = classes.present.binary_search(&class) else { return vec![0.0; outputs.len()] };
    let of_row = |scores: &[f32]| {
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let parts: Vec<f64> = scores.iter().map(|s| f64::from(s - most).exp()).collect();
        let total: f64 = parts.iter().sum();
        let own = parts[at] / total;
        let slope = |(o, part): (usize, f64)| own * (if o == at { 1.0 } else { 0.0 } - part / total);
        parts.into_iter().enumerate().map(|pair| slope(pair) as f32).collect::<Vec<f32>>()
    };
    outputs.chunks_exact(classes.k().max(1)).flat_map(of_row).collect()
}

impl Shared<'_> {
    /// The attributions of one row, output after output.
    fn row(&self, row: &[f32], path: &[(f64, f64)]) -> Vec<f64> {
        let (width, n) = (row.len(), path.len());
        let between = |(at, _): &(f64, f64)| {
            let pairs = self.start.iter().zip(row);
            let at = *at;
            pairs
                .map(move |(a, b)| (f64::from(*a) + at * (f64::from(*b) - f64::from(*a))) as f32)
                .collect::<Vec<_>>()
        };
        let points: Vec<f32> = path.iter().flat_map(between).collect();
        let (hidden, traces) = self.body.trace(points, n, 0.0, &Chance::new(0));
        let outputs = self.net.plain().of_hidden(&hidden, n);
        let mut values = Vec::new();
        for slopes in self.net.slopes(&outputs) {
            let back = self.backward(&slopes, &traces, n);
            let mut own = vec![0.0; self.n_columns];
            for (i, &column) in self.columns.iter().enumerate() {
                let mean: f64 =
                    path.iter().enumerate().map(|(k, (_, w))| w * f64::from(back[k * width + i])).sum();
                own[column] += (f64::from(row[i]) - f64::from(self.start[i])) * mean;
            }
            values.extend(own);
        }
        values
    }

    /// By answer: its gradients in what the encoders give, at one row.
    fn at(&self, row: &[f32]) -> Vec<Vec<f32>> {
        let (hidden, traces) = self.body.trace(row.to_vec(), 1, 0.0, &Chance::new(0));
        let outputs = self.net.plain().of_hidden(&hidden, 1);
        self.net.slopes(&outputs).iter().map(|slopes| self.backward(slopes, &traces, 1)).collect()
    }

    /// Gradients in what comes into the body.
    fn backward(&self, slopes: &[f32], traces: &[Trace], n: usize) -> Vec<f32> {
        let net = self.net.net();
        let mut hidden = vec![0.0; n * net.head.inputs];
        self.back.apply(slopes, &mut hidden);
        let mut gradient = vec![0.0; net.body.declare().iter().map(|declared| declared.len()).sum()];
        net.body.backward(self.net.parts().0, traces.to_vec(), hidden, &mut gradient, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derivative of a softmax by small steps.
    #[test]
    fn slopes_of_probabilities_are_those_of_small_steps() {
        let names = tidemill_core::Categories::new(["a", "b", "c"]);
        let (classes, _) = Classes::of(names, vec![0, 2, 2], None);
        assert_eq!(of_class(&classes, 1, &[0.3, -0.2]), [0.0, 0.0]);
        let chance = |scores: [f64; 2]| scores[1].exp() / (scores[0].exp() + scores[1].exp());
        let found = of_class(&classes, 2, &[0.3, -0.2]);
        let h = 1e-6;
        let wanted = [
            (chance([0.3 + h, -0.2]) - chance([0.3 - h, -0.2])) / (2.0 * h),
            (chance([0.3, -0.2 + h]) - chance([0.3, -0.2 - h])) / (2.0 * h),
        ];
        found.iter().zip(wanted).for_each(|(a, b)| assert!((f64::from(*a) - b).abs() < 1e-6));
    }
}
