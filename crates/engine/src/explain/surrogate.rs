//! A surrogate: a small tree that says nearly what a model says, with how nearly it does.

use std::sync::Arc;

use arrow_array::Float64Array;
use serde::Serialize;
use serde_json::json;
use tidemill_core::{
    Batch, Column, Context, Error, Kind, Question, Result, Role, Schema, Source, Table, Training,
};

use super::answering::Answering;
use super::explained::output_names;
use super::method::as_trees;
use super::{evenly, features, links, read};
use crate::error::EngineError;
use crate::model::Opened;

/// The most rows that it learns from and is judged on, and the fewest.
const MOST_ROWS: usize = 10_000;
const FEWEST_ROWS: usize = 20;
/// The most leaves: more cannot be read.
const LEAVES: usize = 8;
/// The target of the surrogate: what the model says.
const SAID: &str = "what the model says";

/// A small tree that says nearly what a model says.
#[derive(Clone, Debug, Serialize)]
pub struct Surrogate {
    /// The target.
    pub target: String,
    /// `surrogate`.
    pub method: &'static str,
    /// What answers are: `probability` or `prediction`.
    pub units: &'static str,
    /// What the tree is about: the target, or the class whose probability differs most from row to row.
    pub of: String,
    /// How many rows there were, and on how many of them, evenly spaced, the model was asked.
    pub n_rows: usize,
    /// As `n_rows`, those asked.
    pub n_asked: usize,
    /// The share of the variance of the model's answers that the tree explains, on the half of the rows that it did not learn from
    /// (R2): its fidelity.
    pub fidelity: f64,
    /// From left to right.
    pub leaves: Vec<SurrogateLeaf>,
    /// Columns that the model reads and the tree cannot.
    pub passed_over: Vec<String>,
}

impl Surrogate {
    /// Below this fidelity it is warned of.
    const FAITHFUL: f64 = 0.5;

    /// Whether it says enough of what the model says.
    pub fn is_faithful(&self) -> bool {
        self.fidelity >= Surrogate::FAITHFUL
    }
}

/// A leaf: rows for which all conditions hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurrogateLeaf {
    /// At most a lower and an upper bound, or a list of names, for each column, in the order in which the columns are first asked.
    pub conditions: Vec<Condition>,
    /// The share of the rows that it did not learn from which come here.
    pub share: f64,
    /// The model's mean prediction for the training rows of the surrogate in this leaf.
    pub answer: f64,
}

/// What is asked of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// What its value must be.
    #[serde(flatten)]
    pub test: Test,
    /// Whether a missing value will do.
    pub or_missing: bool,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// A number up to this.
    UpTo(f64),
    /// A number above this.
    Above(f64),
    /// One of these names.
    OneOf(Vec<String>),
}

/// Fits a surrogate to a model's predictions for half of these rows (every other one), and scores it on the other half.
///
/// # Errors
/// Rows that lack a column, fewer than 20 rows, a model that reads no number, flag or category.
pub fn surrogate(opened: &Opened, source: &dyn Source, context: &Context) -> Result<Surrogate> {
    let model = &opened.model;
    let (plan, steps) = (model.intake()?.plan(), links(model));
    let typed = read(model, source)?;
    let n_rows = typed.n_rows();
    let rows = evenly(&typed, MOST_ROWS)?;
    if rows.n_rows() < FEWEST_ROWS {
        let problem =
            format!("a surrogate is learned from what the model says of rows, and these are {n_rows}");
        return Err(EngineError::usage(problem, format!("give {FEWEST_ROWS} rows or more")).into());
    }
    let readable = |place: &usize| {
        matches!(rows.schema().columns()[*place].kind, Kind::Number | Kind::Flag | Kind::Category)
    };
    let (read, passed_over): (Vec<usize>, Vec<usize>) = features(&rows).into_iter().partition(readable);
    if read.is_empty() {
        let problem = "the model reads no number, flag or category, of which a tree could be made";
        return Err(EngineError::usage(problem, "use --method permutation_shap").into());
    }
    let answering = Answering::new(steps, rows.schema());
    let said = answering.answers(&rows)?;
    let n_outputs = said.len() / rows.n_rows();
    let of_output = |output: usize| said.iter().skip(output).step_by(n_outputs).copied();
    let output = (0..n_outputs)
        .max_by(|a, b| spread(of_output(*a)).total_cmp(&spread(of_output(*b))).then(b.cmp(a)))
        .unwrap_or(0);
    let table = with_answers(&rows.select(&read)?, of_output(output))?;
    let half = |first: u32| (first..table.n_rows() as u32).step_by(2).collect::<Vec<u32>>();
    let (learned, judged) = (table.take(&half(0))?, table.take(&half(1))?);
    let least = (learned.n_rows() / 50).max(5);
    let tree = json!({
        "n_trees": 1, "learning_rate": 1.0, "max_leaves": LEAVES, "min_samples_leaf": least, "l2": 0.0,
        "early_stopping": 0
    });
    let learner = context.build("boosted_trees", tree)?;
    let fitted = learner.fit(Training::on(&Table::new(learned)), context)?;
    let gone = || Error::internal("the surrogate is no tree");
    let trees = as_trees(&fitted).ok_or_else(gone)?;
    let rules = Rules { columns: trees.feature_columns(), schema: judged.schema() };
    let x = trees.feature_rows(&judged)?;
    let trees = fitted.as_trees().ok_or_else(gone)?;
    let p = trees.n_features().max(1);
    let mut leaves = Vec::new();
    if let Some(root) = trees.roots().next() {
        rules.below(trees, root, &mut Vec::new(), &mut leaves);
    }
    let mut shares = vec![0.0; leaves.len()];
    let truth: &[f64] = judged.numbers(judged.schema().index(SAID)?)?.values();
    let (mut residual, n) = (0.0, judged.n_rows() as f64);
    for (x, said) in x.chunks_exact(p).zip(truth) {
        let mut at = trees.roots().next().unwrap_or_default();
        while let Some((feature, _)) = trees.question(at) {
            at = trees.child(at, x[feature]);
        }
        let place = leaves.iter().position(|(node, _)| *node == at).unwrap_or_default();
        shares[place] += 1.0 / n;
        residual += (said - leaves[place].1.answer).powi(2);
    }
    let all = spread(truth.iter().copied()) * n;
    let leaves = leaves.into_iter().zip(shares).map(|((_, leaf), share)| SurrogateLeaf { share, ..leaf });
    Ok(Surrogate {
        target: plan.target().map(|column| column.name.clone()).unwrap_or_default(),
        method: "surrogate",
        units: answering.units(&rows)?,
        of: output_names(plan, n_outputs).get(output).cloned().unwrap_or_default(),
        n_rows,
        n_asked: rows.n_rows(),
        // Where the model always says the same, a leaf says it all.
        fidelity: if all > 0.0 { 1.0 - residual / all } else { 1.0 },
        leaves: leaves.collect(),
        passed_over: passed_over.into_iter().map(|at| rows.schema().columns()[at].name.clone()).collect(),
    })
}

/// The mean square around the mean.
fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    values.map(|x| (x - mean).powi(2)).sum::<f64>() / n
}

/// The columns as features, and what the model says as the target.
fn with_answers(rows: &Batch, said: impl Iterator<Item = f64>) -> Result<Batch> {
    let features = rows.schema().columns().iter().map(|column| column.clone().with_role(Role::Feature));
    let columns: Vec<Column> = features.chain([Column::number(SAID).with_role(Role::Target)]).collect();
    let mut arrays = rows.columns().to_vec();
    arrays.push(Arc::new(Float64Array::from_iter_values(said)));
    Batch::new(Arc::new(Schema::new(columns)?), arrays)
}

/// From nodes to conditions in the words of the user's columns.
/// The conditions along a path with those of one column together: its tightest bounds, or its names; a missing value will do where it does
/// for each of them.
fn together(path: &[Condition]) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    for asked in path {
        // Names asked later are among those asked before.
        let same = all.iter_mut().find(|known| {
            known.column == asked.column
                && std::mem::discriminant(&known.test) == std::mem::discriminant(&asked.test)
        });
        match same {
            Some(known) => {
                known.test = match (&known.test, &asked.test) {
                    (Test::UpTo(a), Test::UpTo(b)) => Test::UpTo(a.min(*b)),
                    (Test::Above(a), Test::Above(b)) => Test::Above(a.max(*b)),
                    (Test::OneOf(before), Test::OneOf(names)) => {
                        Test::OneOf(names.iter().filter(|name| before.contains(name)).cloned().collect())
                    }
                    (_, later) => later.clone(),
                };
            }
            None => all.push(asked.clone()),
        }
    }
    let missing = |column: &str| path.iter().filter(|one| one.column == column).all(|one| one.or_missing);
    all.iter_mut().for_each(|one| one.or_missing = missing(&one.column));
    // Both bounds of a column stand side by side.
    let first = |column: &str| path.iter().position(|one| one.column == column);
    all.sort_by_key(|one| first(&one.column));
    all
}

struct Rules<'a> {
    columns: Vec<&'a str>,
    schema: &'a Schema,
}

impl Rules<'_> {
    /// The leaves below a node, each with the node that it is.
    fn below(
        &self,
        trees: &tidemill_core::Trees,
        node: usize,
        way: &mut Vec<Condition>,
        leaves: &mut Vec<(usize, SurrogateLeaf)>,
    ) {
        let (Some((feature, left)), Some((question, missing_left))) =
            (trees.question(node), trees.asked(node))
        else {
            let answer = trees.start()[0] + trees.values(node)[0];
            leaves.push((node, SurrogateLeaf { conditions: together(way), share: 0.0, answer }));
            return;
        };
        for side in 0..2 {
            let goes_left = side == 0;
            let (column, test) =
                (self.columns[feature].to_string(), self.test(feature, &question, goes_left));
            way.push(Condition { column, test, or_missing: goes_left == missing_left });
            self.below(trees, left + side, way, leaves);
            way.pop();
        }
    }

    fn column(&self, feature: usize) -> Option<&Column> {
        self.schema.columns().iter().find(|column| column.name == self.columns[feature])
    }

    fn test(&self, feature: usize, question: &Question, goes_left: bool) -> Test {
        match question {
            Question::Number { .. }
                if self.column(feature).is_some_and(|column| column.kind == Kind::Flag) =>
            {
                Test::OneOf(vec![(!goes_left).to_string()])
            }
            Question::Number { threshold } if goes_left => Test::UpTo(*threshold),
            Question::Number { threshold } => Test::Above(*threshold),
            Question::Category { left } => {
                let names = self
                    .column(feature)
                    .and_then(|column| column.categories.as_ref())
                    .map(|names| names.names());
                let is_left =
                    |code: usize| left.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1);
                let named = names.into_iter().flatten().enumerate();
                Test::OneOf(
                    named
                        .filter(|(code, _)| is_left(*code) == goes_left)
                        .map(|(_, name)| name.to_string())
                        .collect(),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_of_a_column_are_put_together() {
        let one =
            |column: &str, test: Test, or_missing| Condition { column: column.into(), test, or_missing };
        let names = |names: &[&str]| Test::OneOf(names.iter().map(|n| n.to_string()).collect());
        let path = [
            one("a", Test::Above(2.0), true),
            one("b", names(&["x", "y", "z"]), true),
            one("a", Test::Above(5.0), true),
            one("b", names(&["x", "z"]), true),
            one("a", Test::UpTo(9.0), false),
        ];
        let found = together(&path);
        let wanted = [
            one("a", Test::Above(5.0), false),
            one("a", Test::UpTo(9.0), false),
            one("b", names(&["x", "z"]), true),
        ];
        assert_eq!(found, wanted);
    }
}
