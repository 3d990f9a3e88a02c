//! `improve`: a challenger trained on what users taught meanwhile, held against the champion on feedback that neither has
//! seen, and promoted only if it is better.
//!
//! | rows | used for |
//! |---|---|
//! | the recipe's source, and feedback on older predictions | training the challenger |
//! | the newest half of the feedback that is newer than the champion | comparing the two; withheld from both |
//! | all of them | refitting the challenger, once it is promoted |
//!
//! What was true long ago may be true no more: the challenger is fitted on the newest part of its rows (all, a half, a
//! quarter, …), whichever did best on the newest of them; the withheld rows have no say in this.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{
    Batch, Cell, Chain, Context, Error, Event, Fitted, Result, Role, Source, State, Table, View,
};
use tidemill_data::{Canonical, Intake, Plan, canonical_rows};
use tidemill_eval::compare::{ScoreInterval, paired, paired_blocks};
use tidemill_eval::{Answers, Metric, Report};
use tidemill_store::{Improvement, Store};

use crate::calibrate::Calibrate;
use crate::error::EngineError;
use crate::feedback::{self, Labelled};
use crate::model::{self, Model, Opened};
use crate::privacy::{Guard, Opener};
use crate::search::{self, Design};
use crate::threshold::Threshold;
use crate::train::Shipped;
use crate::{forecast, preparation, recipe_file, resolve, serving, train, words};

/// The fewest rows to compare on.
const MIN_ROWS: usize = 30;
/// The most rows to compare on: more would say no more, and are better used to train.
const MOST_ROWS: usize = 1_000;
/// The fewest rows of a part of the training rows that is tried alone.
const MIN_WINDOW: usize = 100;
/// Two models whose scores surely differ by less than this share of the champion's are equal.
const EQUAL: f64 = 0.01;
/// From so many days on, the interval is over whole days: rows of one day have its weather in common.
const MIN_DAYS: usize = 8;
const DAY: i64 = 86_400_000_000;
/// An equal challenger takes over when it holds at most this share of the champion's learned numbers. Not by the clock: the
/// same feedback must lead to the same decision.
const CHEAPER: f64 = 0.8;

/// What to improve, and by what.
#[derive(Clone, Debug)]
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
    /// Those newer than the champion.
    pub newer: usize,
    /// Those to compare on.
    pub withheld: usize,
    /// Those the challenger was fitted on, of source and feedback.
    pub fitted: usize,
    /// Labelled predictions that cannot teach: the target cannot hold the label, or the picture was too large to be kept.
    pub unusable: usize,
}

/// How champion and challenger compare on the withheld rows.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The metric.
    pub metric: String,
    /// The champion's score.
    pub champion: f64,
    /// The challenger's score.
    pub challenger: f64,
    /// By how much the challenger is better; negative where it is worse.
    pub better_by: ScoreInterval,
    /// What the interval takes for independent of each other.
    pub unit: Unit,
    /// The challenger's learned numbers over the champion's: the work of a row follows them.
    pub size_ratio: f64,
    /// The challenger's learner.
    pub learner: Spec,
    /// How the challenger did by every metric.
    pub report: Report,
}

/// What an interval takes for independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// So many whole days (UTC): of the rows' own time, where the model knows one, else of the prediction.
    Days(usize),
    /// Runs of so many rows that follow each other, where the days are too few.
    Runs(usize),
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unit::Days(n) => write!(f, "over {n} whole days"),
            Unit::Runs(n) => write!(f, "over runs of {n} rows"),
        }
    }
}

/// Improves a model from what is in the store. Only one at a time works on a model file.
///
/// # Errors
/// A model file or source that cannot be read; a lock that another run holds. Too few rows are no error but a verdict.
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

/// Keeps two runs from replacing the same file.
struct Lock(std::fs::File);

impl Lock {
    fn take(model: &Path) -> Result<Self> {
        let path = model.with_extension("lock");
        let file = std::fs::File::create(&path).map_err(|e| Error::io(&path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(_) => Err(EngineError::usage(
                format!("another run is changing {}", model.display()),
                "wait until it has ended",
            )
            .into()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The system lets go of it in any case.
        let _ = self.0.unlock();
    }
}

/// The champion, and what it was made by.
struct Champion {
    opened: Opened,
    recipe: Recipe,
    plan: Plan,
    name: String,
    metric: &'static Metric,
}

impl Champion {
    fn open(job: &Job, context: &Context) -> Result<Self> {
        let opened = model::open(&job.model, context)?;
        let recipe = recipe_file::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
        let plan = opened.model.intake()?.plan().clone();
        let metric = train::metric_of(&recipe, resolve::task(&plan)?)?;
        let name = job.name.clone().unwrap_or_else(|| serving::name_of(&job.model));
        Ok(Champion { opened, recipe, plan, name, metric })
    }

    /// The moment of the newest feedback that it was fitted on.
    fn through(&self) -> i64 {
        self.opened.package.manifest.about["improved"]["through"].as_i64().unwrap_or(i64::MIN)
    }

    /// What comes after its learners: calibration and the threshold.
    fn links(&self) -> Vec<Arc<dyn Fitted>> {
        let after = |link: &&Arc<dyn Fitted>| {
            let link: &dyn Any = &***link;
            link.is::<Calibrate>() || link.is::<Threshold>()
        };
        self.opened.model.chain.0.iter().filter(after).cloned().collect()
    }

    fn learner(&self) -> Result<Spec> {
        let spec = self.opened.package.manifest.about["learner"].clone();
        serde_json::from_value(spec).map_err(|e| Error::state("model", format!("its learner: {e}")))
    }
}

fn run(job: &Job, store: &Store, context: &Context) -> Result<Improved> {
    context.tell(&Event::Begin { what: "reading feedback".into(), steps: None });
    let champion = Champion::open(job, context)?;
    let guard = Guard::new(&champion.recipe, job.hash_key.as_deref())?;
    let opener = Opener::new(guard, &champion.plan, job.identity.as_deref())?;
    let (labelled, unusable) = feedback::labelled(store, &champion.name, &champion.plan, &opener)?;
    context.tell(&Event::End);
    let through = champion.through();
    let newer = labelled.len() - labelled.partition_point(|row| row.at <= through);
    let rows = RowCounts { labelled: labelled.len(), newer, unusable, ..RowCounts::default() };
    if newer < 2 * MIN_ROWS {
        let verdict = format!(
            "not enough to tell: {newer} labelled predictions are newer than the model, and {} are needed to train on one \
             half and compare on the other",
            2 * MIN_ROWS
        );
        return Ok(kept(&champion, verdict, rows, None, context));
    }
    let withheld = (newer / 2).clamp(MIN_ROWS, MOST_ROWS);
    let (teaching, withheld) = labelled.split_at(labelled.len() - withheld);
    let rows = RowCounts { withheld: withheld.len(), ..rows };

    let source = job.source.clone().or_else(|| champion.recipe.data.source.clone());
    let source =
        source.ok_or_else(|| EngineError::usage("the recipe names no source", "name it with --source"))?;
    context.tell(&Event::Begin { what: "training the challenger".into(), steps: None });
    let pile = Pile::read(&champion, &source, teaching, context)?;
    let window = pile.best_window(&champion, newer - withheld.len(), context)?;
    let picked = pile.newest(window, 0)?;
    let (design, links) = choose(job, &champion, &picked, context)?;
    let fitted = design.fit((*picked).clone(), &champion.recipe, &context.with_stream("challenger"))?;
    let challenger = pile.chain(fitted.steps, &links);
    context.tell(&Event::End);
    let rows = RowCounts { source: pile.n_source, fitted: picked.batch().n_rows(), ..rows };

    let comparison = compare(&champion, &challenger, &design, withheld, context)?;
    let (promote, verdict) = decide(&comparison, champion.metric, withheld.len());
    if !promote {
        return Ok(kept(&champion, verdict, rows, Some(comparison), context));
    }
    context.tell(&Event::Begin { what: "refitting on everything".into(), steps: None });
    let pile = Pile::read(&champion, &source, &labelled, context)?;
    let window = if window == usize::MAX { window } else { window + withheld.len() };
    let everything = pile.newest(window, 0)?;
    let n_rows = everything.batch().n_rows();
    let fitted = design.fit((*everything).clone(), &champion.recipe, &context.with_stream("ship"))?;
    let chain = pile.chain(fitted.steps, &links);
    let last = labelled.last().map_or(i64::MIN, |row| row.at);
    let successor = promote_to(job, &champion, chain, &pile, &comparison, &verdict, n_rows, last)?;
    context.tell(&Event::End);
    Ok(Improved {
        promoted: true,
        successor: Some(successor),
        ..kept(&champion, verdict, rows, Some(comparison), context)
    })
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
                "{} labelled predictions were left out: the label is nothing that the target can hold, or the picture was too \
                 large to be kept",
                rows.unusable
            ),
        );
    }
    Improved {
        promoted: false,
        verdict,
        model: champion.name.clone(),
        champion: champion.opened.info.sha256.clone(),
        successor: None,
        rows,
        comparison,
        warnings: context.warnings(),
    }
}

/// Training rows, oldest first: the source's (by their time, where they have one), then those of feedback.
struct Pile {
    intake: Arc<Intake>,
    /// What reads pictures and series.
    media: Vec<Arc<dyn Fitted>>,
    table: Arc<Table>,
    order: Vec<u32>,
    n_source: usize,
}

impl Pile {
    fn read(champion: &Champion, source: &str, labelled: &[Labelled], context: &Context) -> Result<Self> {
        let plan = &champion.plan;
        let source = forecast::open(source, &champion.recipe, context)?;
        let source = Box::new(Canonical::new(source, plan)?);
        let rows: Vec<Vec<Cell>> = labelled.iter().map(|row| row.cells.clone()).collect();
        let rows = Table::new(canonical_rows(plan, &feedback::names(plan), &rows)?);
        let stacked = tidemill_data::stack(vec![
            ("the source".into(), source),
            ("the feedback".into(), Box::new(rows)),
        ])?;
        let quiet = context.quiet();
        let (intake, table) = Intake::fit(&*stacked, plan.clone(), &quiet)?;
        let read = preparation::media(table, &champion.recipe, &quiet)?;
        let table = read.train;
        let n = table.batch().n_rows();
        let n_source = n - labelled.len().min(n);
        let mut order: Vec<u32> = (0..n as u32).collect();
        if let Some(at) = table.schema().role(Role::Time)
            && let Ok(times) = table.batch().times(at)
        {
            use arrow_array::Array;
            let time = |row: u32| times.is_valid(row as usize).then(|| times.value(row as usize));
            order[..n_source].sort_by_key(|&row| time(row));
        }
        Ok(Pile { intake, media: read.steps, table: Arc::new(table), order, n_source })
    }

    /// The chain of these steps, behind what reads the rows.
    fn chain(&self, steps: Vec<Arc<dyn Fitted>>, links: &[Arc<dyn Fitted>]) -> Chain {
        let links = self.media.iter().cloned().chain(steps).chain(links.iter().cloned());
        Chain(std::iter::once(self.intake.clone() as Arc<dyn Fitted>).chain(links).collect())
    }

    /// The newest `n` rows but for the last `without`.
    fn newest(&self, n: usize, without: usize) -> Result<Arc<Table>> {
        let end = self.order.len() - without.min(self.order.len());
        let rows = &self.order[end.saturating_sub(n)..end];
        Ok(Arc::new(View::new(self.table.clone(), rows)?.collect()?.into()))
    }

    /// How many of the newest rows to learn from (`usize::MAX` for all): whichever did best, with the champion's learner, on
    /// the newest of them. `newer` is how many of the rows are newer than the champion.
    fn best_window(&self, champion: &Champion, newer: usize, context: &Context) -> Result<usize> {
        let judging = (newer / 2).min(MOST_ROWS);
        let n = self.order.len() - judging;
        if judging < MIN_ROWS / 2 {
            return Ok(usize::MAX);
        }
        let end = self.order.len();
        let judged = View::new(self.table.clone(), &self.order[end - judging..])?.collect()?;
        let design = Design::read(&champion.learner()?)?;
        let mut best: Option<(f64, usize)> = None;
        let sizes = std::iter::successors(Some(n), |size| Some(size / 2))
            .take_while(|size| *size >= MIN_WINDOW.min(n));
        for size in sizes.take(10) {
            context.check()?;
            let score = self.score(size, judging, &judged, &design, champion, &context.quiet());
            let Ok(score) = score else { continue };
            let score = if champion.metric.greater_is_better { score } else { -score };
            // Of equals the larger part, which came first.
            if score.is_finite() && best.is_none_or(|(most, _)| score > most) {
                best = Some((score, size));
            }
        }
        Ok(match best {
            Some((_, size)) if size < n => size + judging,
            _ => usize::MAX,
        })
    }

    fn score(
        &self,
        size: usize,
        judging: usize,
        judged: &Batch,
        design: &Design,
        champion: &Champion,
        context: &Context,
    ) -> Result<f64> {
        let rows = self.newest(size, judging)?;
        let fitted = design.fit((*rows).clone(), &champion.recipe, &context.with_stream("window"))?;
        let output = search::apply(&fitted.steps, judged.clone())?;
        Ok(champion.metric.score(&Answers::of(&output)?)?.value)
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

fn compare(
    champion: &Champion,
    challenger: &Chain,
    design: &Design,
    withheld: &[Labelled],
    context: &Context,
) -> Result<Comparison> {
    context.tell(&Event::Begin { what: "comparing on withheld feedback".into(), steps: None });
    let rows: Vec<Vec<Cell>> = withheld.iter().map(|row| row.cells.clone()).collect();
    let batch = canonical_rows(&champion.plan, &feedback::names(&champion.plan), &rows)?;
    let challenger = Arc::new(challenger.clone());
    let answer = |chain: &Arc<Chain>| chain.clone().bind(batch.schema())?.apply(&batch);
    let (before, after) = (answer(&champion.opened.model.chain)?, answer(&challenger)?);
    let (before, after) = (Answers::of(&before)?, Answers::of(&after)?);
    let metric = champion.metric;
    let (unit, better_by) = {
        let (days, seed) = (days(champion, &batch, withheld)?, champion.recipe.train.seed);
        match unit(&days) {
            unit @ Unit::Days(_) => (unit, paired_blocks(&before, &after, metric, &days, 1000, 0.95, seed)?),
            unit @ Unit::Runs(n) => (unit, paired(&before, &after, metric, n, 1000, 0.95, seed)?),
        }
    };
    let (one, other) = (n_numbers(&champion.opened.model.chain.state()), n_numbers(&challenger.state()));
    context.tell(&Event::End);
    Ok(Comparison {
        metric: metric.name.into(),
        champion: metric.score(&before)?.value,
        challenger: metric.score(&after)?.value,
        better_by,
        unit,
        size_ratio: other as f64 / one.max(1) as f64,
        learner: design.spec(context)?,
        report: tidemill_eval::report(&after),
    })
}

/// The day of each row, numbered from 0.
fn days(champion: &Champion, batch: &Batch, withheld: &[Labelled]) -> Result<Vec<u32>> {
    use arrow_array::Array;
    let mut moments: Vec<i64> = withheld.iter().map(|row| row.at).collect();
    let intake = champion.opened.model.chain.0.first().cloned();
    let intake = intake.ok_or_else(|| Error::internal("an empty chain"))?;
    let typed = intake.bind(batch.schema())?.apply(batch)?;
    if let Some(at) = typed.schema().role(Role::Time)
        && let Ok(times) = typed.times(at)
    {
        for (i, moment) in moments.iter_mut().enumerate() {
            if times.is_valid(i) {
                *moment = times.value(i);
            }
        }
    }
    let mut known: Vec<i64> = moments.iter().map(|moment| moment.div_euclid(DAY)).collect();
    known.sort_unstable();
    known.dedup();
    let number = |moment: i64| known.partition_point(|day| *day < moment.div_euclid(DAY)) as u32;
    Ok(moments.into_iter().map(number).collect())
}

/// Whole days where there are enough of them; else runs as long as the cube root of the number of rows (Künsch 1989).
fn unit(days: &[u32]) -> Unit {
    let n_days = days.iter().max().map_or(0, |last| *last as usize + 1);
    match n_days >= MIN_DAYS {
        true => Unit::Days(n_days),
        false => Unit::Runs((days.len() as f64).cbrt().ceil().max(1.0) as usize),
    }
}

/// How many numbers a fitted thing holds, its parts included.
fn n_numbers(state: &State) -> usize {
    let own: usize = state.tensors.values().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    own + state.children.iter().map(n_numbers).sum::<usize>()
}

fn decide(comparison: &Comparison, metric: &Metric, n: usize) -> (bool, String) {
    let Comparison { champion, challenger, better_by, unit, size_ratio, .. } = comparison;
    let ScoreInterval { value, low, high, .. } = *better_by;
    let figures = format!(
        "{} {challenger:.4} against {champion:.4} on {n} withheld rows, better by {value:.4} (95% between {low:.4} and {high:.4}, {unit})",
        metric.title
    );
    let margin = EQUAL * champion.abs();
    if low > 0.0 {
        return (true, format!("promoted: the challenger is better ({figures})"));
    }
    if high < 0.0 {
        return (false, format!("not promoted: the challenger is worse ({figures})"));
    }
    if low >= -margin && high <= margin {
        if *size_ratio <= CHEAPER {
            let share = 100.0 * size_ratio;
            return (
                true,
                format!(
                    "promoted: the two are the same, and the challenger has {share:.0}% of the size ({figures})"
                ),
            );
        }
        return (
            false,
            format!("not promoted: the two are the same, and the challenger is not smaller ({figures})"),
        );
    }
    (false, format!("not promoted: not enough to tell the two apart ({figures})"))
}

/// Packages the refitted challenger, keeps the champion's file beside it, and puts the new one in its place.
#[expect(clippy::too_many_arguments, reason = "everything the new file says of its origin")]
fn promote_to(
    job: &Job,
    champion: &Champion,
    chain: Chain,
    pile: &Pile,
    comparison: &Comparison,
    verdict: &str,
    n_rows: usize,
    through: i64,
) -> Result<String> {
    let mut about = champion.opened.package.manifest.about.clone();
    let (shipped, parent) = (Shipped::new(&chain, n_rows, REFITTED), &champion.opened.info.sha256);
    let told: BTreeMap<&str, Value> = BTreeMap::from([
        ("learner", json!(comparison.learner)),
        ("classes", json!(pile.intake.plan().classes)),
        ("test", json!(comparison.report)),
        ("test_interval", Value::Null),
        ("shipped", json!(shipped)),
        ("parent", json!(parent)),
        ("improved", json!({ "through": through, "verdict": verdict, "better_by": comparison.better_by })),
    ]);
    if let Value::Object(about) = &mut about {
        about.extend(told.into_iter().map(|(key, value)| (key.to_string(), value)));
    }
    let model = Model::new(chain, pile.intake.plan())?;
    let metrics = serde_json::to_string_pretty(&comparison.report)
        .map_err(|e| Error::internal(format!("metrics: {e}")))?;
    let recipe = champion.opened.package.recipe.clone();
    let card =
        words::improved_card(&champion.opened.package.card, parent, verdict, &comparison.report, &shipped);
    let package = model::package(&model, about, recipe, card, &metrics)?;
    keep_version(&job.model, &champion.opened.info.sha256)?;
    Ok(tidemill_package::write(&job.model, &package)?.sha256)
}

const REFITTED: &str = "The model in the file was refitted on all rows and all feedback. The scores are those of the \
                        challenger, which never saw the withheld feedback they were measured on.";

/// Where the file of a version is kept.
pub fn version_path(model: &Path, hash: &str) -> PathBuf {
    let folder = model.parent().unwrap_or(Path::new("")).join("versions");
    let stem = model.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    folder.join(format!("{stem}-{}.tidemill", &hash[..16.min(hash.len())]))
}

fn keep_version(model: &Path, hash: &str) -> Result<()> {
    let kept = version_path(model, hash);
    if kept.exists() {
        return Ok(());
    }
    if let Some(folder) = kept.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    copy(model, &kept)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from).map_err(|e| Error::io(from, e))?;
    train::replace(to, &bytes)
}

/// A step back.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// The hash of the version that was in place.
    pub from: String,
    /// The hash of the version that is in place now.
    pub to: String,
}

/// Puts the version a model was improved from back in its place; the newer file is kept beside it.
///
/// # Errors
/// A model that was not improved, or whose former version is gone or is not what its name says.
pub fn rollback(model: &Path, context: &Context) -> Result<RolledBack> {
    let _lock = Lock::take(model)?;
    let opened = model::open(model, context)?;
    let parent = opened.package.manifest.about["parent"].as_str().map(String::from).ok_or_else(|| {
        EngineError::usage(
            format!("{} was trained, not improved: there is nothing to go back to", model.display()),
            "train again, or put another file in its place",
        )
    })?;
    let former = version_path(model, &parent);
    let found = model::open(&former, context)?;
    if found.info.sha256 != parent {
        return Err(EngineError::usage(
            format!("{} is another model than the one it was improved from", former.display()),
            "put the right file there",
        )
        .into());
    }
    keep_version(model, &opened.info.sha256)?;
    copy(&former, model)?;
    Ok(RolledBack { from: opened.info.sha256, to: parent })
}

#[cfg(test)]
mod tests {
    use super::{Unit, unit};

    #[test]
    fn few_days_are_no_units() {
        let rows = |n_days: u32| (0..120).map(|i| i % n_days).collect::<Vec<u32>>();
        assert_eq!(unit(&rows(8)), Unit::Days(8));
        assert_eq!(unit(&rows(7)), Unit::Runs(5));
        assert_eq!(unit(&rows(8)).to_string(), "over 8 whole days");
    }
}
