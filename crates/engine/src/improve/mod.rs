//! `improve`: a challenger trained with the users' feedback, compared with the champion on feedback that neither has seen, and
//! promoted only if it is better.
//!
//! | rows | used for |
//! |---|---|
//! | the recipe's source, and earlier feedback | training the challenger |
//! | the newest half of the feedback that came in after the champion was made | comparing the two; held-out from both |
//! | all of them | refitting the challenger, once it is promoted |
//!
//! What was true long ago may be true no more: the challenger is fitted on the newest part of its rows (all, a half, a
//! quarter, …), whichever did best on the newest of them; the held-out rows have no say in this.
//!
//! Who gives feedback may be wrong, or mean harm: no user decides alone ([`trust`]), a challenger that is far worse on the recipe's own
//! test rows waits for a person's word ([`veto`]), and feedback that led to a version that was rolled back does not lead there again.

mod champion;
pub mod language;
mod material;
mod rows;
mod targets;
mod trust;
mod verdict;
mod veto;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::Task;
use tidemill_core::{Chain, Context, Error, Event, Fitted, Result, Table};
use tidemill_language::Sft;
use tidemill_package::Package;
use tidemill_report::words::count;
use tidemill_store::{Improvement, Store};

use crate::error::EngineError;
use crate::facts::Shipped;
use crate::model::versions::{Lock, keep_version};
use crate::model::{self, AnyModel, Learned, Model, Promotion, Provenance};
use crate::recipe::resolve;
use crate::report::text::improved_card;
use crate::search::{self, Design};
use champion::Champion;
use material::{Found, Material};
use rows::{HeldOut, TrainingRows};
use verdict::{compare, decide, worse_on_unseen};
use veto::veto;

pub use verdict::{Comparison, Unit};

/// The fewest rows to compare on.
const MIN_ROWS: usize = 30;
/// The most rows to compare on: more would say no more, and are better used to train.
const MOST_ROWS: usize = 1_000;

/// What to improve, and by what.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The model file; a promoted challenger takes its place.
    pub model: PathBuf,
    /// The name under which it is served; by its file without it.
    pub name: Option<String>,
    /// The training rows; the recipe's own source without it.
    pub source: Option<String>,
    /// Whether to compare all learners again, or to keep the champion's and its parameters.
    pub search: bool,
    /// The text of an age identity, for sealed columns.
    pub identity: Option<String>,
    /// The secret of hashed columns.
    pub hash_key: Option<String>,
    /// Users, or ids of API keys, for whom a person vouches: they may decide alone.
    pub trust: Vec<String>,
    /// Whether to promote a challenger that is far worse on the recipe's own test rows.
    pub despite_tests: bool,
    /// Whether feedback that led to a version that was rolled back may lead there again.
    pub again: bool,
    /// Whether the model file of a language model holds its base, too.
    pub with_base: bool,
    /// How an adapter of a language model is tuned.
    pub tuning: Sft,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Improved {
    /// Whether the challenger took over.
    pub promoted: bool,
    /// The decision in a sentence.
    pub verdict: String,
    /// The model's name.
    pub model: String,
    /// Of several targets, the one that this is about; absent where it is about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// With several targets, the result of each. The rows are then those of the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Improved>,
    /// The champion's hash.
    pub champion: String,
    /// The hash of the file that took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// The rows of each use.
    pub rows: RowCounts,
    /// How the two compare; absent where there are too few rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What the user should know.
    pub warnings: Vec<tidemill_core::Warning>,
}

/// The rows of each use.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RowCounts {
    /// Of the recipe's source.
    pub source: usize,
    /// Labelled predictions in all.
    pub labelled: usize,
    /// Those whose label came in after the champion was made.
    pub newer: usize,
    /// Those to compare on.
    pub held_out: usize,
    /// Of the newest, those left out of the comparison: copies of rows that are learned from, or of each other.
    pub copies: usize,
    /// Those the challenger was fitted on, of source and feedback.
    pub fitted: usize,
    /// Labelled predictions left out since one user gave too many.
    pub capped: usize,
    /// Labelled predictions that cannot teach: the target cannot hold the label, or the image was too large to be kept.
    pub unusable: usize,
}

/// Improves a model from what is in the store. Only one at a time works on a model file.
///
/// # Errors
/// A model file or source that cannot be read; a lock that another run holds. Too few rows are not an error but a verdict.
pub fn improve(job: &Job, store: &Store, context: &Context) -> Result<Improved> {
    let _lock = Lock::take(&job.model)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    let improved = pool.install(|| run(job, store, context))?;
    store.note_improvement(&Improvement {
        model: improved.model.clone(),
        at: tidemill_store::now(),
        promoted: improved.promoted,
        verdict: improved.verdict.clone(),
        document: serde_json::to_value(&improved)
            .map_err(|e| Error::internal(format!("writing the decision down: {e}")))?,
    })?;
    Ok(improved)
}

fn run(job: &Job, store: &Store, context: &Context) -> Result<Improved> {
    material::check_source(job)?;
    let opened = match model::open_any(&job.model, context)? {
        AnyModel::Several(several) => return targets::improve(job, *several, store, context),
        AnyModel::One(opened) if opened.provenance.task == Some(Task::Policy) => {
            return Err(EngineError::usage(
                "`improve` does not train policies yet: it compares predictions with right answers, and an action has none",
                "add the decisions that were served, with their propensities and rewards, to the log, and train on it again",
            )
            .into());
        }
        AnyModel::One(opened) => *opened,
    };
    opened.refuse_masks("improve")?;
    let champion = Champion::of(opened, None, job, context)?;
    let (mut improved, package) = challenge(job, &champion, store, context)?;
    if let Some(package) = package {
        improved.successor = Some(put(job, &champion.opened.info.sha256, &package)?);
    }
    Ok(improved)
}

/// Keeps the champion's file beside the model's place, and puts the new one there; its hash.
fn put(job: &Job, champion: &str, package: &Package) -> Result<String> {
    keep_version(&job.model, champion)?;
    Ok(tidemill_package::write(&job.model, package)?.sha256)
}

/// What comes of a challenger, and its model file where it is to take over.
fn challenge(
    job: &Job,
    champion: &Champion,
    store: &Store,
    context: &Context,
) -> Result<(Improved, Option<Package>)> {
    let Material { labelled, newer, held_out, rows } = match material::gather(job, champion, store, context)?
    {
        Found::Enough(material) => material,
        Found::TooLittle(verdict, rows) => return Ok((kept(champion, verdict, rows, None, context), None)),
    };
    let (teaching, newest) = labelled.split_at(labelled.len() - held_out);
    let source = material::source(job, champion)?;
    let held_out = HeldOut::of(champion, &source, &labelled, newest.len(), context)?;
    let n_held_out = held_out.judges.len();
    let rows = RowCounts { held_out: n_held_out, copies: newest.len() - n_held_out, ..rows };
    if n_held_out < MIN_ROWS {
        return Ok((kept(champion, mostly_copies(&rows), rows, None, context), None));
    }
    context.tell(&Event::Begin { what: "training the challenger".into(), steps: None });
    let training = TrainingRows::read(champion, &source, teaching, context)?;
    let window = training.best_window(champion, newer - newest.len(), context)?;
    let picked = training.newest(window, 0)?;
    let (design, links) = choose(job, champion, &picked, context)?;
    let fitted = design.fit((*picked).clone(), &champion.recipe, &context.with_stream("challenger"))?;
    let challenger = training.chain(fitted.steps, &links);
    context.tell(&Event::End);
    let rows = RowCounts { source: training.n_source, fitted: picked.batch().n_rows(), ..rows };

    let (comparison, promote, verdict) = judge(champion, &challenger, &design, &held_out, context)?;
    let vetoed = match promote && !job.despite_tests {
        true => veto(champion, &challenger, &source, &held_out.judges, context)?,
        false => None,
    };
    let (promote, verdict) = (promote && vetoed.is_none(), vetoed.unwrap_or(verdict));
    if !promote {
        return Ok((kept(champion, verdict, rows, Some(comparison), context), None));
    }
    context.tell(&Event::Begin { what: "refitting on everything".into(), steps: None });
    let training = TrainingRows::read(champion, &source, &labelled, context)?;
    let window = if window == usize::MAX { window } else { window + newest.len() };
    let everything = training.newest(window, 0)?;
    let n_rows = everything.batch().n_rows();
    let fitted = design.fit((*everything).clone(), &champion.recipe, &context.with_stream("ship"))?;
    let chain = training.chain(fitted.steps, &links);
    context.tell(&Event::End);
    // What is shipped has learned from the newest labels too, which no comparison has seen the effect of.
    if !job.despite_tests
        && let Some(verdict) = veto(champion, &chain, &source, &held_out.judges, context)?
    {
        let verdict = format!("fitted on all feedback, the newest too: {verdict}");
        return Ok((kept(champion, verdict, rows, Some(comparison), context), None));
    }
    let package =
        packed(champion, chain, &training, &comparison, &verdict, n_rows, Learned::made_with(&labelled))?;
    let improved = Improved { promoted: true, ..kept(champion, verdict, rows, Some(comparison), context) };
    Ok((improved, Some(package)))
}

/// The verdict where copies leave too few rows to compare on.
fn mostly_copies(rows: &RowCounts) -> String {
    let RowCounts { held_out, copies, .. } = rows;
    format!(
        "not enough to tell: of the {} newest labelled predictions, {copies} are copies of rows that are learned from or of each \
         other, and a copy never judges; {held_out} are left to compare on, and {MIN_ROWS} are needed",
        held_out + copies
    )
}

/// Whether the challenger takes over: it must be better on the held-out rows, and not worse on those of unseen keys.
fn judge(
    champion: &Champion,
    challenger: &Chain,
    design: &Design,
    held_out: &HeldOut,
    context: &Context,
) -> Result<(Comparison, bool, String)> {
    let comparison = compare(champion, challenger, design, &held_out.judges, context)?;
    let (promote, verdict) = decide(&comparison, champion.metric, held_out.judges.len());
    if promote && held_out.unseen.len() >= MIN_ROWS {
        let on_unseen = compare(champion, challenger, design, &held_out.unseen, context)?;
        if let Some(worse) = worse_on_unseen(&on_unseen, champion.metric, held_out.unseen.len()) {
            return Ok((comparison, false, worse));
        }
    }
    Ok((comparison, promote, verdict))
}

fn kept(
    champion: &Champion,
    verdict: String,
    rows: RowCounts,
    comparison: Option<Comparison>,
    context: &Context,
) -> Improved {
    if rows.unusable > 0 {
        context.warn(
            "unusable_labels",
            format!(
                "{} {} left out: the label is nothing that the target can hold, or the image was too large to be kept",
                count(rows.unusable as u64, "labelled prediction"),
                if rows.unusable == 1 { "was" } else { "were" }
            ),
        );
    }
    Improved {
        promoted: false,
        verdict,
        model: champion.name.clone(),
        target: champion.target.clone(),
        targets: Vec::new(),
        champion: champion.opened.info.sha256.clone(),
        successor: None,
        rows,
        comparison,
        warnings: context.warnings(),
    }
}

/// The challenger's learners and what comes after them: the best of all by cross-validation, or the champion's.
fn choose(
    job: &Job,
    champion: &Champion,
    table: &Arc<Table>,
    context: &Context,
) -> Result<(Design, Vec<Arc<dyn Fitted>>)> {
    if !job.search {
        return Ok((Design::read(&champion.learner()?)?, champion.links()));
    }
    let recipe = &champion.recipe;
    let all: Vec<u32> = (0..table.batch().n_rows() as u32).collect();
    let study = search::study(table, &all, recipe, resolve::task(&champion.plan)?, champion.metric, context)?;
    Ok((study.design, study.links))
}

/// The model file of the refitted challenger.
fn packed(
    champion: &Champion,
    chain: Chain,
    training: &TrainingRows,
    comparison: &Comparison,
    verdict: &str,
    n_rows: usize,
    had: Learned,
) -> Result<Package> {
    let (shipped, parent) = (Shipped::new(&chain, n_rows, REFITTED), &champion.opened.info.sha256);
    let provenance = Provenance {
        learner: Some(comparison.learner.clone()),
        classes: training.intake.plan().classes.clone(),
        test: Some(model::part(&comparison.report)?),
        test_interval: None,
        shipped: model::part(&shipped)?,
        improved: Some(Promotion {
            through: had.through,
            received: had.received,
            verdict: verdict.into(),
            better_by: Some(model::part(&comparison.better_by)?),
        }),
        parent: Some(parent.clone()),
        ..champion.opened.provenance.clone()
    };
    let model = Model::new(chain, training.intake.plan())?;
    let metrics = serde_json::to_string_pretty(&comparison.report)
        .map_err(|e| Error::internal(format!("metrics: {e}")))?;
    let recipe = champion.opened.package.recipe.clone();
    let card = improved_card(&champion.opened.package.card, parent, verdict, &comparison.report, &shipped);
    let package = model::package(&model, provenance.write()?, recipe, card, &metrics)?;
    training.reference.put_into(package)
}

const REFITTED: &str = "The model in the file was refitted on all rows and all feedback. The scores are those of the \
                        challenger, which never saw the held-out feedback they were measured on.";
