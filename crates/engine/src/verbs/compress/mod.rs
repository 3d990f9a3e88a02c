//! `compress`: writes the same model to a smaller file, and bounds and reports the change of its predictions.
//!
//! Nets lose their smallest weights, ensembles of trees the leaves that tell least ([`tidemill_core::Compression`]); both can be stored in
//! 8 bits. Unlike a student of `distill`, what comes out is the model itself: same columns, same threshold, same calibration.

mod answers;
mod smaller;

use std::path::PathBuf;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Compression, Context, Error, Event, Fitted, Result};
use tidemill_package::Package;

use super::distill::micros;
use crate::error::EngineError;
use crate::facts::{AnswerChange, Bound, CompressedFacts, Costs, SHIPPED, Shipped};
use crate::files::clean;
use crate::model::{self, CompressedFrom, Model, Opened, Provenance, TrainedOn};
use crate::recipe::{self, in_model};
use crate::report::text;
use crate::rows::open_to_answer;
use answers::{Asked, Said};

/// Shares that a bound is searched among, the greatest first; none is left of what is only stored in 8 bits.
const SHARES: [f64; 21] = [
    0.98, 0.95, 0.92, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15,
    0.1, 0.05,
];

/// What to compress, and how far.
#[derive(Clone, Debug)]
pub struct Job {
    /// The model file.
    pub model: PathBuf,
    /// Rows to hold both against each other on: a path, a glob or `-`.
    pub source: Option<String>,
    /// The share of weights or leaves that goes; with a bound the most that may go.
    pub prune: Option<f64>,
    /// Whether weights and leaf values are stored in 8 bits.
    pub eight_bits: bool,
    /// How far answers may change.
    pub bound: Bound,
    /// The smaller model's file.
    pub out: PathBuf,
}

/// Makes a model smaller, holds it against the one it was, and writes its file.
///
/// # Errors
/// No rows to compare on; nothing to do; a model without nets and trees; no share that keeps the bound, whereupon nothing is written;
/// those of opening a model of one target; a forecast or a policy; an output that would take the model's own place.
pub fn compress(job: &Job, context: &Context) -> Result<CompressedFacts> {
    check(job)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting threads: {e}")))?;
    pool.install(|| run(job, context))
}

fn check(job: &Job) -> Result<()> {
    let usage = |problem: String, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    if let (Ok(a), Ok(b)) = (job.model.canonicalize(), job.out.canonicalize())
        && a == b
    {
        let problem = format!("the smaller model would take the place of {}", job.model.display());
        return usage(problem, "name another file with -o");
    }
    if let Some(share) = job.prune.filter(|share| !(0.0..1.0).contains(share)) {
        return usage(format!("--prune is {share}, but must be from 0 to below 1"), "give a share, as 0.8");
    }
    let bounds = [("--max-change", job.bound.greatest), ("--mean-change", job.bound.mean)];
    for (name, bound) in bounds {
        if let Some(x) = bound.filter(|x| !(*x >= 0.0 && x.is_finite())) {
            return usage(format!("{name} is {x}, but must be a number from 0 up"), "give a bound, as 0.01");
        }
    }
    if job.prune.is_none() && !job.eight_bits && job.bound.is_open() {
        let remedy = "give --prune 0.8, --int8, a bound as --mean-change 0.01, or several of them";
        return usage("nothing was said of how to compress".into(), remedy);
    }
    if job.source.is_none() {
        let remedy = "name rows after the model, as in `tidemill compress model.tidemill rows.csv --int8 -o small.tidemill`; \
                      they need no target";
        return usage("there are no rows to show the change of answers on".into(), remedy);
    }
    Ok(())
}

/// The smaller model, what it was made with, and how its answers changed.
struct Found {
    model: Model,
    how: Compression,
    said: Said,
    change: AnswerChange,
}

fn run(job: &Job, context: &Context) -> Result<CompressedFacts> {
    let parent = model::open(&job.model, context)?;
    parent.refuse_masks("compress")?;
    let recipe = recipe::parse(&parent.package.recipe, "the model's recipe", context.registry())?;
    if recipe.forecast.is_some() || recipe.policy.is_some() {
        let problem = format!("{} does not answer plain rows", job.model.display());
        return Err(EngineError::usage(problem, "compress a model of one target and plain rows").into());
    }
    let source = job.source.as_deref().unwrap_or_default();
    context.tell(&Event::Begin { what: "asking the model".into(), steps: None });
    let rows = open_to_answer(source, &recipe)?;
    let asked = Asked::of(&parent.model, &*rows, context)?;
    let before = asked.say(&parent.model)?;
    context.tell(&Event::End);

    let found = found(job, &parent, &asked, &before, context)?;
    let micros = [micros(&parent.model, &asked.typed)?, micros(&found.model, &asked.typed)?];
    let operations = [&parent.model, &found.model].map(|model| model.chain.operations());
    let mut facts = CompressedFacts {
        parent: clean(&job.model.display().to_string()),
        learner: parent.provenance.learner.clone(),
        source: clean(source),
        target: parent.provenance.target.clone(),
        prune: found.how.prune,
        eight_bits: found.how.eight_bits,
        bound: job.bound,
        change: found.change,
        truth: asked.truth(&before, &found.said)?,
        cost: Costs { bytes: [parent.info.bytes, 0], operations, micros },
        model: job.out.clone(),
        hash: String::new(),
        warnings: Vec::new(),
    };
    let info = written(&found.model, parent, &recipe, &facts)?;
    (facts.cost.bytes[1], facts.hash) = (info.bytes, info.sha256);
    if facts.cost.bytes[1] >= facts.cost.bytes[0] {
        context.warn("not_smaller", "the file is no smaller than the model's own: keep that one");
    }
    facts.warnings = context.warnings();
    Ok(facts)
}

/// The smaller model: of a bound that with the greatest share that keeps it.
fn found(job: &Job, parent: &Opened, asked: &Asked, before: &Said, context: &Context) -> Result<Found> {
    let shares = shares(job);
    context.tell(&Event::Begin { what: "compressing".into(), steps: Some(shares.len() as u64) });
    let mut least: Option<AnswerChange> = None;
    for (step, prune) in shares.into_iter().enumerate() {
        context.check()?;
        let how = Compression { prune, eight_bits: job.eight_bits };
        let Some(model) = smaller::model(&parent.model, &how, context.registry())? else {
            return Err(nothing_to_prune(parent).into());
        };
        let said = asked.say(&model)?;
        let change = answers::change(before, &said);
        context.tell(&Event::Step(step as u64 + 1));
        if job.bound.holds(&change) {
            context.tell(&Event::End);
            return Ok(Found { model, how, said, change });
        }
        least = Some(change);
    }
    context.tell(&Event::End);
    let change = least.map_or((f64::NAN, f64::NAN), |change| (change.greatest, change.mean));
    let problem = format!(
        "no pruning keeps the change of answers within the bound: with the least tried, the greatest change is {} and the mean {}",
        tidemill_report::number::short(change.0),
        tidemill_report::number::short(change.1),
    );
    Err(Error::data(
        problem,
        "allow more, bound the mean alone (--mean-change), or leave --int8 out; nothing was written",
    ))
}

fn shares(job: &Job) -> Vec<f64> {
    if job.bound.is_open() {
        return vec![job.prune.unwrap_or(0.0)];
    }
    let most = job.prune.unwrap_or(SHARES[0]);
    let below = SHARES.into_iter().filter(|share| *share < most);
    let last = job.eight_bits.then_some(0.0).filter(|_| most > 0.0);
    std::iter::once(most).chain(below).chain(last).collect()
}

fn nothing_to_prune(parent: &Opened) -> EngineError {
    let kind = parent.provenance.learner.as_ref().map_or("something else", |spec| spec.kind.as_str());
    let problem = format!(
        "the model is `{kind}`, without a net or trees: a linear model and its like have nothing to prune"
    );
    EngineError::usage(problem, "make it lighter with `tidemill distill`, if it is heavy at all")
}

/// Writes the file, whole or not at all: its parent's in all but the state and what is said of it.
fn written(
    smaller: &Model,
    parent: Opened,
    recipe: &Recipe,
    facts: &CompressedFacts,
) -> Result<tidemill_package::Info> {
    let of_parent = parent.provenance;
    let rows = of_parent.data.as_ref().map_or(0, |data| data.rows);
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_string();
    let provenance = Provenance {
        task: of_parent.task,
        target: of_parent.target,
        classes: of_parent.classes,
        learner: of_parent.learner,
        data: of_parent.data.map(|data| TrainedOn { source: name(&data.source), ..data }),
        imported: of_parent.imported,
        distilled: of_parent.distilled,
        shipped: model::part(&Shipped::new(&smaller.chain, rows, SHIPPED))?,
        compressed: Some(CompressedFrom {
            file: name(&facts.parent),
            sha256: parent.info.sha256.clone(),
            prune: facts.prune,
            eight_bits: facts.eight_bits,
            change: model::part(&facts.change)?,
        }),
        ..Provenance::default()
    };
    let metrics = serde_json::json!({ "change": facts.change, "truth": facts.truth });
    let metrics = serde_json::to_string_pretty(&metrics)
        .map_err(|e| Error::internal(format!("the figures of a smaller model: {e}")))?;
    let card = text::compressed_card(facts, &parent.info.sha256);
    let package = model::package(smaller, provenance.write()?, in_model(recipe)?, card, &(metrics + "\n"))?;
    let kept = parent.package.extras.into_iter().filter(|(name, _)| !package.extras.contains_key(name));
    let extras = kept.chain(package.extras.clone()).collect();
    tidemill_package::write(&facts.model, &Package { extras, ..package }).map_err(Into::into)
}
