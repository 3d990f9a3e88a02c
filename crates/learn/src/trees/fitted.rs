//! Fitted trees, whichever learner grew them.

use std::sync::Arc;

use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, Categories, Compression, Error, Fitted, Result, Row, Run, Schema, State, Trees,
};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::vector;

use super::features::{BoundColumns, TreeColumns};
use super::losses::Link;
use super::start;
use tidemill_kernel::answer::{Answer, output};

/// Rows that one thread answers at a time.
const CHUNK: usize = 1024;

/// The newest version of their state: 1 holds every number as it was learned, 2 compressed trees, 3 trees on top of an earlier model.
pub(super) const VERSION: u32 = 3;

/// A sum of trees over the features: what [`super::BoostedTrees`], [`super::RandomForest`] and
/// [`super::ExtraTrees`] learn.
///
/// A missing value, and a category not seen in training, follow the way that was best for missing values in
/// training, or where none was missing the way of most rows.
#[derive(Clone, Debug)]
pub struct FittedTrees {
    pub(crate) kind: &'static str,
    pub(crate) settings: Value,
    pub(crate) columns: TreeColumns,
    pub(crate) classes: Option<Arc<Categories>>,
    pub(crate) link: Link,
    /// What was learned besides, to be shown: the out-of-bag score of a forest, the trees that early stopping kept.
    pub(crate) notes: Value,
    /// Whether the trees add to what the column in the role of the start says.
    pub(crate) started: bool,
    pub(crate) trees: Trees,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<S> {
    settings: S,
    columns: TreeColumns,
    classes: Option<Vec<String>>,
    link: Link,
    notes: Value,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    started: bool,
}

impl FittedTrees {
    pub(crate) fn load<T: Builtin>(state: &State) -> Result<Arc<dyn Fitted>> {
        Self::restored(state, T::KIND, T::params)
    }

    /// What a state of this kind holds; `settings` are told as [`FittedTrees::state`] saves them.
    pub(super) fn restored<S: DeserializeOwned>(
        state: &State,
        kind: &'static str,
        settings: impl FnOnce(&S) -> Value,
    ) -> Result<Arc<dyn Fitted>> {
        let saved: Saved<S> = state.params()?;
        let classes = saved.classes.map(Categories::new);
        let whole = saved.link == Link::Mean && classes.is_some();
        let n_outputs = outputs(saved.link, classes.as_ref());
        let n_features = saved.columns.0.iter().try_fold(0usize, |n, c| n.checked_add(c.width()));
        let n_features = n_features.ok_or_else(|| Error::state(&state.kind, "more features than fit"))?;
        let trees = Trees::load(state, n_features, n_outputs, whole)?;
        let fits = match saved.link {
            Link::Sigmoid => classes.as_ref().is_some_and(|classes| classes.len() == 2),
            Link::Softmax => classes.is_some(),
            Link::Mean => true,
            Link::Identity | Link::Exp | Link::Logistic => classes.is_none(),
        };
        if !fits {
            return Err(Error::state(&state.kind, "the link does not fit the answer"));
        }
        Ok(Arc::new(FittedTrees {
            kind,
            settings: settings(&saved.settings),
            columns: saved.columns,
            classes,
            link: saved.link,
            notes: saved.notes,
            started: saved.started,
            trees,
        }))
    }

    /// The column that each feature of the trees is read from: a vector column gives a feature for each of its numbers.
    pub fn feature_columns(&self) -> Vec<&str> {
        let names = self.columns.0.iter();
        names.flat_map(|column| std::iter::repeat_n(column.name.as_str(), column.width())).collect()
    }

    /// Rows as the trees read them: a number per feature, row after row; categories as codes, `NaN` for what is missing or not
    /// known.
    pub fn feature_rows(&self, batch: &Batch) -> Result<Vec<f64>> {
        self.columns.bind(batch.schema())?.gather(batch, 0..batch.n_rows())
    }

    /// What the sum of the trees is multiplied by for the margin: one over their number for a forest, 1 for boosted trees.
    pub fn margin_scale(&self) -> f64 {
        if self.link == Link::Mean { 1.0 / self.trees.n_trees().max(1) as f64 } else { 1.0 }
    }

    /// Whether answers are the sum of the trees, or their mean: then the mean of answers is the answer to the mean.
    pub fn is_sum(&self) -> bool {
        matches!(self.link, Link::Identity | Link::Mean)
    }

    /// What the sums of the trees mean, an output for each and row after row: the number, or a probability for each class.
    pub fn answers(&self, scores: &[f64]) -> Vec<f64> {
        let k = self.trees.n_outputs().max(1);
        let mut out = Vec::with_capacity(scores.len() / k * k.max(2));
        scores.chunks_exact(k).for_each(|scores| finish(self.link, self.trees.n_trees(), scores, &mut out));
        out
    }

    /// The answers to rows of cells, a number per name: codes of categories, 0 and 1 of flags, `NaN` for what is missing. `None` where
    /// the trees read anything else.
    pub fn answers_of_cells(&self, names: &[String], cells: &[f64]) -> Option<Vec<f64>> {
        let at = |name: &String| names.iter().position(|other| other == name);
        let places = self.columns.0.iter().map(|column| at(&column.name).filter(|_| column.is_cell()));
        let places: Vec<usize> = places.collect::<Option<_>>()?;
        let (p, k) = (names.len().max(1), self.trees.n_outputs());
        if self.started || places.is_empty() {
            return None;
        }
        let answer = |cells: &[f64]| {
            let mut x = Vec::with_capacity(cells.len() / p * places.len());
            for row in cells.chunks_exact(p) {
                x.extend(self.columns.0.iter().zip(&places).map(|(column, &at)| column.cell(row[at])));
            }
            let mut scores = vec![0.0; cells.len() / p * k];
            self.trees.rows(&x, &mut scores);
            self.answers(&scores)
        };
        Some(cells.par_chunks(CHUNK * p).flat_map_iter(answer).collect())
    }

    /// What was learned besides the trees.
    pub fn notes(&self) -> &Value {
        &self.notes
    }
}

/// Raw scores per row.
fn outputs(link: Link, classes: Option<&Arc<Categories>>) -> usize {
    match (link, classes) {
        (Link::Softmax | Link::Mean, Some(classes)) => classes.len(),
        _ => 1,
    }
}

impl Fitted for FittedTrees {
    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, self.classes.as_ref())
    }

    fn state(&self) -> State {
        let classes = self.classes.as_ref().map(|c| c.names().iter().map(|n| n.to_string()).collect());
        let saved = Saved {
            settings: &self.settings,
            columns: self.columns.clone(),
            classes,
            link: self.link,
            notes: self.notes.clone(),
            started: self.started,
        };
        // Plain trees are saved as they ever were, so that older builds open them.
        let version = match (self.started, self.trees.is_compressed()) {
            (true, _) => VERSION,
            (false, true) => 2,
            (false, false) => 1,
        };
        self.trees.save(State::new(self.kind, version, saved))
    }

    fn compressed(&self, how: &Compression) -> Result<Option<Arc<dyn Fitted>>> {
        Ok(Some(Arc::new(FittedTrees { trees: self.trees.compressed(how), ..self.clone() })))
    }

    fn size(&self) -> u64 {
        self.trees.size()
    }

    fn operations(&self) -> u64 {
        self.trees.operations()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let columns = self.columns.bind(input)?;
        let start = if self.started { Some(crate::start::place(input)?) } else { None };
        Ok(Box::new(BoundTrees {
            start,
            x: vec![0.0; columns.n_features()],
            scores: vec![0.0; self.trees.n_outputs()],
            answer: Answer::bind(input, self.classes.as_ref())?,
            columns,
            fitted: self,
        }))
    }

    fn as_trees(&self) -> Option<&Trees> {
        // What an earlier model says is no part of these.
        (!self.started).then_some(&self.trees)
    }
}

struct BoundTrees {
    fitted: Arc<FittedTrees>,
    columns: BoundColumns,
    answer: Answer,
    /// Where the earlier model's answer stands, of trees that add to it.
    start: Option<usize>,
    x: Vec<f64>,
    scores: Vec<f64>,
}

/// The answer of one row from its scores, after what is in `out`.
fn finish(link: Link, n_trees: usize, scores: &[f64], out: &mut Vec<f64>) {
    match link {
        Link::Identity => out.extend(scores),
        Link::Exp => out.extend(scores.iter().map(|s| vector::exp(s.min(700.0)))),
        Link::Logistic => out.extend(scores.iter().map(|s| vector::sigmoid(*s))),
        Link::Sigmoid => {
            let p = vector::sigmoid(scores[0]);
            out.extend([1.0 - p, p]);
        }
        Link::Softmax => {
            let most = scores.iter().fold(f64::NEG_INFINITY, |m, s| f64::max(m, *s));
            let at = out.len();
            out.extend(scores.iter().map(|s| vector::exp(s - most)));
            let total: f64 = out[at..].iter().sum();
            out[at..].iter_mut().for_each(|p| *p /= total);
        }
        Link::Mean => out.extend(scores.iter().map(|s| s / n_trees.max(1) as f64)),
    }
}

impl Run for BoundTrees {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (trees, link, k) = (&self.fitted.trees, self.fitted.link, self.scores.len());
        let columns = &self.columns;
        let started = if self.start.is_some() { start::scores(batch, link)? } else { None };
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let x = columns.gather(batch, rows.clone())?;
            let mut scores = vec![0.0; rows.len() * k];
            trees.rows(&x, &mut scores);
            if let Some(started) = &started {
                scores.iter_mut().zip(&started[rows.start * k..]).for_each(|(score, start)| *score += start);
            }
            let mut out = Vec::with_capacity(rows.len() * k.max(2));
            scores.chunks_exact(k).for_each(|scores| finish(link, trees.n_trees(), scores, &mut out));
            Ok(out)
        });
        let answers = parts.into_iter().collect::<Result<Vec<Vec<f64>>>>()?.concat();
        match self.fitted.classes {
            None => self.answer.numbers(batch, answers),
            Some(_) => self.answer.probabilities(batch, answers),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.columns.row(row, &mut self.x)?;
        let trees = &self.fitted.trees;
        trees.row(&self.x, &mut self.scores);
        if let Some(at) = self.start {
            start::add_to_row(row, at, self.fitted.link, &mut self.scores)?;
        }
        let mut out = Vec::with_capacity(self.scores.len().max(2));
        finish(self.fitted.link, trees.n_trees(), &self.scores, &mut out);
        match self.fitted.classes {
            None => self.answer.number(row, out[0]),
            Some(_) => self.answer.probability(row, out),
        }
        Ok(())
    }
}
