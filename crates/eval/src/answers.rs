//! What was true beside what was predicted, row by row.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use tidemill_core::recipe::Task;
use tidemill_core::{Warning, nearest};

use crate::confusion::Counts;
use crate::metrics::ranking::{Ranking, Steps};
use crate::sum::sum;
use crate::{Error, Result};

/// What was true and what was predicted for the same rows. Borrows or owns its columns; checked when built, so
/// that no metric has to.
///
/// ```
/// use tidemill_eval::{Answers, metric};
/// let answers = Answers::numbers(vec![1.0, 2.0, 4.0], vec![1.5, 2.0, 3.0])?;
/// assert_eq!(metric("mae")?.score(&answers)?.value, 0.5);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Answers<'a> {
    /// One of several classes per row.
    Classes(ClassAnswers<'a>),
    /// A number per row.
    Numbers(NumberAnswers<'a>),
}

/// Classes, true and predicted.
#[derive(Clone, Debug)]
pub struct ClassAnswers<'a> {
    pub(crate) truth: Cow<'a, [u32]>,
    pub(crate) predicted: Cow<'a, [u32]>,
    /// `n_rows * n_classes` numbers, row after row.
    pub(crate) probability: Option<Cow<'a, [f64]>>,
    pub(crate) names: Arc<[Arc<str>]>,
    pub(crate) positive: Option<usize>,
    pub(crate) weights: Option<Cow<'a, [f64]>>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) counts: OnceLock<Counts>,
    pub(crate) ranking: OnceLock<Box<Ranking>>,
    pub(crate) steps: OnceLock<Box<Steps>>,
}

/// Numbers, true and predicted.
#[derive(Clone, Debug)]
pub struct NumberAnswers<'a> {
    pub(crate) truth: Cow<'a, [f64]>,
    pub(crate) predicted: Cow<'a, [f64]>,
    pub(crate) weights: Option<Cow<'a, [f64]>>,
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> Answers<'a> {
    /// Classes as their places in `names`. Of two classes the second counts as positive until
    /// [`Answers::with_positive`] says otherwise.
    ///
    /// Errors when the lengths differ or a place is not below the number of names.
    pub fn classes<S: AsRef<str>>(
        truth: impl Into<Cow<'a, [u32]>>,
        predicted: impl Into<Cow<'a, [u32]>>,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let (truth, predicted) = (truth.into(), predicted.into());
        let names: Arc<[Arc<str>]> = names.into_iter().map(|n| Arc::from(n.as_ref())).collect();
        length("predictions", predicted.len(), truth.len())?;
        for (what, codes) in [("true class", &truth), ("predicted class", &predicted)] {
            if let Some(row) = codes.iter().position(|&c| c as usize >= names.len()) {
                let wanted = format!("a class number below {}", names.len());
                return Err(value(what, row, codes[row], wanted));
            }
        }
        let positive = (names.len() == 2).then_some(1);
        Ok(Answers::Classes(ClassAnswers {
            truth,
            predicted,
            probability: None,
            names,
            positive,
            weights: None,
            warnings: Vec::new(),
            counts: OnceLock::new(),
            ranking: OnceLock::new(),
            steps: OnceLock::new(),
        }))
    }

    /// Numbers. Errors when the lengths differ or a number is not finite.
    pub fn numbers(truth: impl Into<Cow<'a, [f64]>>, predicted: impl Into<Cow<'a, [f64]>>) -> Result<Self> {
        let (truth, predicted) = (truth.into(), predicted.into());
        length("predictions", predicted.len(), truth.len())?;
        for (what, values) in [("true value", &truth), ("prediction", &predicted)] {
            if let Some(row) = values.iter().position(|x| !x.is_finite()) {
                return Err(value(what, row, values[row], "a finite number"));
            }
        }
        Ok(Answers::Numbers(NumberAnswers { truth, predicted, weights: None, warnings: Vec::new() }))
    }

    /// The same with a probability per class: `n_rows * n_classes` numbers from 0 to 1, row after row.
    pub fn with_probability(mut self, probability: impl Into<Cow<'a, [f64]>>) -> Result<Self> {
        let Answers::Classes(answers) = &mut self else { return Err(Error::NotBinary { n_classes: 0 }) };
        let probability = probability.into();
        length("probabilities", probability.len(), answers.truth.len() * answers.names.len())?;
        if let Some(at) = probability.iter().position(|p| !(0.0..=1.0).contains(p)) {
            let what = format!("probability of '{}'", answers.names[at % answers.names.len()]);
            return Err(value(what, at / answers.names.len(), probability[at], "a number from 0 to 1"));
        }
        answers.probability = Some(probability);
        answers.ranking = OnceLock::new();
        answers.steps = OnceLock::new();
        Ok(self)
    }

    /// The same with a weight per row: finite numbers from 0 up.
    pub fn with_weights(mut self, weights: impl Into<Cow<'a, [f64]>>) -> Result<Self> {
        let weights = weights.into();
        length("weights", weights.len(), self.n_rows())?;
        if let Some(row) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(value("weight", row, weights[row], "a finite number from 0 up"));
        }
        match &mut self {
            Answers::Classes(answers) => {
                answers.weights = Some(weights);
                answers.counts = OnceLock::new();
                answers.ranking = OnceLock::new();
                answers.steps = OnceLock::new();
            }
            Answers::Numbers(answers) => answers.weights = Some(weights),
        }
        Ok(self)
    }

    /// The same with another positive class. Errors when there is no such class, or not exactly two.
    pub fn with_positive(mut self, name: &str) -> Result<Self> {
        let Answers::Classes(answers) = &mut self else { return Err(Error::NotBinary { n_classes: 0 }) };
        answers.positive = Some(positive_place(&answers.names, name)?);
        answers.ranking = OnceLock::new();
        answers.steps = OnceLock::new();
        Ok(self)
    }

    /// The same with its classes at other places, among which there may be more: these have a probability of 0. Of two
    /// the second is positive, as in [`Answers::classes`].
    ///
    /// Errors when a class is not among `names`, and for numbers.
    pub fn in_classes<S: AsRef<str>>(&self, names: &[S]) -> Result<Answers<'static>> {
        let Answers::Classes(a) = self else { return Err(Error::NotBinary { n_classes: 0 }) };
        let place = |name: &Arc<str>| names.iter().position(|n| *n.as_ref() == **name);
        let places = a.names.iter().map(|name| {
            place(name).ok_or_else(|| Error::UnknownClass {
                name: name.to_string(),
                classes: names.iter().map(|n| format!("'{}'", n.as_ref())).collect::<Vec<_>>().join(", "),
                nearest: nearest(name, names.iter().map(|n| n.as_ref())).map(String::from),
            })
        });
        let places = places.collect::<Result<Vec<usize>>>()?;
        let moved =
            |codes: &[u32]| -> Vec<u32> { codes.iter().map(|&c| places[c as usize] as u32).collect() };
        let mut answers = Answers::classes(moved(&a.truth), moved(&a.predicted), names)?;
        if let Some(probability) = &a.probability {
            let mut wide = vec![0.0; a.truth.len() * names.len()];
            for (to, from) in wide.chunks_mut(names.len()).zip(probability.chunks(places.len())) {
                from.iter().zip(&places).for_each(|(p, &place)| to[place] = *p);
            }
            answers = answers.with_probability(wide)?;
        }
        if let Some(weights) = &a.weights {
            answers = answers.with_weights(weights.to_vec())?;
        }
        Ok(answers.with_warnings(a.warnings.clone()))
    }

    /// The same with something to tell beside every figure.
    pub(crate) fn with_warnings(mut self, warnings: Vec<Warning>) -> Self {
        match &mut self {
            Answers::Classes(answers) => answers.warnings.extend(warnings),
            Answers::Numbers(answers) => answers.warnings.extend(warnings),
        }
        self
    }

    /// What was predicted: a number, one of two classes, or one of any other number of classes.
    pub fn task(&self) -> Task {
        match self {
            Answers::Numbers(_) => Task::Regression,
            Answers::Classes(answers) if answers.names.len() == 2 => Task::Binary,
            Answers::Classes(_) => Task::Multiclass,
        }
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Answers::Classes(answers) => answers.truth.len(),
            Answers::Numbers(answers) => answers.truth.len(),
        }
    }

    /// The weight of each row, where rows have weights.
    pub fn weights(&self) -> Option<&[f64]> {
        match self {
            Answers::Classes(answers) => answers.weights.as_deref(),
            Answers::Numbers(answers) => answers.weights.as_deref(),
        }
    }

    /// The sum of the weights; without weights the number of rows.
    pub fn total_weight(&self) -> f64 {
        self.weights().map_or(self.n_rows() as f64, |w| sum(w.len(), |i| w[i]))
    }

    /// What was noticed while the answers were gathered.
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Answers::Classes(answers) => &answers.warnings,
            Answers::Numbers(answers) => &answers.warnings,
        }
    }

    /// These rows in this order; a row may come twice. Errors when one is out of range.
    pub fn take(&self, rows: &[u32]) -> Result<Answers<'static>> {
        if let Some(row) = rows.iter().find(|&&r| r as usize >= self.n_rows()) {
            let error = format!("row {row} of answers of {} rows", self.n_rows());
            return Err(tidemill_core::Error::internal(error).into());
        }
        let weights = self.weights().map(|w| Cow::Owned(pick(w, rows, 1)));
        Ok(match self {
            Answers::Numbers(a) => Answers::Numbers(NumberAnswers {
                truth: pick(&a.truth, rows, 1).into(),
                predicted: pick(&a.predicted, rows, 1).into(),
                weights,
                warnings: a.warnings.clone(),
            }),
            Answers::Classes(a) => Answers::Classes(ClassAnswers {
                truth: pick(&a.truth, rows, 1).into(),
                predicted: pick(&a.predicted, rows, 1).into(),
                probability: a.probability.as_ref().map(|p| pick(p, rows, a.names.len()).into()),
                names: a.names.clone(),
                positive: a.positive,
                weights,
                warnings: a.warnings.clone(),
                counts: OnceLock::new(),
                ranking: OnceLock::new(),
                steps: OnceLock::new(),
            }),
        })
    }
}

impl ClassAnswers<'_> {
    /// The names of the classes, in the order of their places.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The true class of each row.
    pub fn truth(&self) -> &[u32] {
        &self.truth
    }

    /// The predicted class of each row.
    pub fn predicted(&self) -> &[u32] {
        &self.predicted
    }

    /// A probability per class, row after row (`n_rows * n_classes` of them), where there are any.
    pub fn probability(&self) -> Option<&[f64]> {
        self.probability.as_deref()
    }

    /// The place of the positive class, where there are two classes.
    pub fn positive(&self) -> Option<usize> {
        self.positive
    }

    /// True and predicted classes counted against each other, by weight. Counted once.
    pub fn counts(&self) -> &Counts {
        self.counts.get_or_init(|| {
            Counts::of(&self.truth, &self.predicted, self.weights.as_deref(), self.names.len())
        })
    }
}

impl NumberAnswers<'_> {
    /// The true value of each row.
    pub fn truth(&self) -> &[f64] {
        &self.truth
    }

    /// The predicted value of each row.
    pub fn predicted(&self) -> &[f64] {
        &self.predicted
    }
}

/// The place of the class `name` among two.
pub(crate) fn positive_place(names: &[Arc<str>], name: &str) -> Result<usize> {
    if names.len() != 2 {
        return Err(Error::NotBinary { n_classes: names.len() });
    }
    names.iter().position(|n| **n == *name).ok_or_else(|| Error::UnknownClass {
        name: name.into(),
        classes: format!("'{}' and '{}'", names[0], names[1]),
        nearest: nearest(name, names.iter().map(|n| &**n)).map(String::from),
    })
}

fn pick<T: Copy>(values: &[T], rows: &[u32], width: usize) -> Vec<T> {
    rows.iter().flat_map(|&r| &values[r as usize * width..(r as usize + 1) * width]).copied().collect()
}

fn length(what: &'static str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(Error::Lengths { what, found, wanted }) }
}

fn value(what: impl Into<String>, row: usize, found: impl ToString, wanted: impl Into<String>) -> Error {
    Error::Value { what: what.into(), row: row + 1, found: found.to_string(), wanted: wanted.into() }
}
