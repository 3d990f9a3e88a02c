//! Repairs of what the audit found in the rows: each is tried on the folds, and kept where held-out rows gain by more than chance.

use std::sync::Arc;

use serde_json::Map;
use tidemill_core::recipe::{Augment, Balance, LabelAction, Labels, Recipe, Repair, Spec, Task};
use tidemill_core::{Context, Event, Result, Source, Table, View};
use tidemill_data::split::Fold;
use tidemill_eval::Metric;
use tidemill_eval::compare::corrected_resampled_t;
use tidemill_kernel::Random;

use super::choice::{beyond_noise, differences};
use super::judge::{Judge, mean};
use super::labels::{Doubted, MOST_DOUBTFUL};
use super::plan::Ground;
use super::race::{is_sampled, run, sample};
use super::scouts::{Scouts, scouts};
use super::trial::FoldRunner;
use super::{Candidate, Method, finish, labels, study};
use crate::audit::{Fault, Suggested};

/// The share of a time limit that repairs may take.
const TIME: f64 = 0.2;
/// The most repairs that are tried.
const MOST: usize = 6;
/// Labels are doubted on at most so many rows.
const DOUBTED_ROWS: usize = 5_000;
/// A smaller share of doubtful classes is what models err by anyway.
const DOUBTFUL_CLASSES: f64 = 0.03;

/// A smaller share of numbers far off is a tail.
const DOUBTFUL_NUMBERS: f64 = 0.01;
/// Metrics of labels and probabilities that a rare class has little say in.
const OF_ALL_ROWS: [&str; 4] = ["accuracy", "zero_one_loss", "log_loss", "brier_score"];

/// What `[augment]` asks for, among the repairs.
const AUGMENT: &str = "augment";

/// Ways to mend one fault, of which one at most is kept.
struct Mend {
    kinds: &'static [&'static str],
    columns: Vec<String>,
    why: String,
}

/// How the best scout did with a recipe.
struct Scored {
    learner: String,
    folds: Vec<f64>,
}

/// The recipe with the repairs that help, and what was tried written into it: one fault after the other, in the order of preparation, each
/// repair on top of those that were kept, and in the end all of them at once. Scouts (a linear learner, a forest, boosted trees) try it with and without on the same folds; it
/// is kept where the best of them gains by more than a corrected standard error, as a blend is. The learners are then compared with it.
///
/// # Errors
/// What a recipe asks that the rows cannot give; a wish to stop.
pub(crate) fn repaired(
    table: &Arc<Table>,
    rows: &[u32],
    mut recipe: Recipe,
    suggested: &[Suggested],
    (task, metric): (Task, &Metric),
    context: &Context,
) -> Result<Recipe> {
    let wanted = is_wanted(&recipe);
    // A recipe that says what was tried says what of it was kept.
    let augment = if recipe.repairs.is_empty() { recipe.augment.take() } else { None };
    let asked = augment.is_some();
    if !wanted && !asked {
        return Ok(recipe);
    }
    let judge = Judge::of(metric, table.batch())?;
    let classes = judge.classes.as_ref().map_or(0, |c| c.len());
    finish::check(&recipe, classes)?;
    let mends = if wanted { mends(&recipe, suggested, &judge) } else { Vec::new() };
    let doubts = wanted && recipe.labels.is_none();
    if mends.is_empty() && !doubts && !asked {
        return Ok(recipe);
    }
    // What is to be said of folds and rows is said when learners are compared.
    let (watched, context) = (context, &context.within(TIME).quiet());
    let (size, shape) = study::measured(table, rows, &recipe, classes, context)?;
    if !size.plain {
        return Ok(unjudged(recipe, asked, watched));
    }
    let mut folds = study::divided(table, rows, &recipe, classes, context)?.1;
    if folds.iter().any(|fold| is_sampled(fold.train.len())) {
        folds = folds.iter().map(|fold| sample(fold, context)).collect();
    }
    let n_train: Vec<usize> = folds.iter().map(|fold| fold.train.len()).collect();
    let ground = Ground { task, size: &size, shape, folds: &n_train };
    let rounds = 2 + mends.iter().map(|mend| mend.kinds.len()).sum::<usize>().min(MOST) + usize::from(asked);
    let Scouts { candidates, n_folds, doubt } = scouts(&recipe, &ground, rounds, context)?;
    folds.truncate(n_folds);
    let doubts = doubts && doubt;
    if candidates.is_empty() || folds.len() < 2 || (mends.is_empty() && !doubts && !asked) {
        return Ok(unjudged(recipe, asked, watched));
    }
    watched.tell(&Event::Begin { what: "trying repairs of the rows".into(), steps: None });
    let trials = Trials { table, folds, scouts: candidates, judge: &judge, augment, context };
    let repaired = trials.settle(recipe, mends, doubts.then_some(rows))?;
    watched.tell(&Event::End);
    let judged = repaired.repairs.iter().any(|repair| repair.kind == AUGMENT);
    Ok(unjudged(repaired, asked && !judged, watched))
}

/// Says so where synthetic rows were asked for and nothing can say whether they help.
fn unjudged(recipe: Recipe, asked: bool, context: &Context) -> Recipe {
    if asked {
        let message = "[augment] was left out: no learner could be compared with and without synthetic rows on the folds";
        context.warn("augment_not_judged", message);
    }
    recipe
}

/// Whether the recipe leaves repairs to us, and none was tried before.
fn is_wanted(recipe: &Recipe) -> bool {
    let open = recipe.repairs.is_empty() && recipe.steps.is_empty() && recipe.forecast.is_none();
    open && recipe.split.nested.is_none() && recipe.train.repairs.unwrap_or(recipe.learners.is_empty())
}

/// What may be tried: nothing of what the recipe says itself.
fn mends(recipe: &Recipe, suggested: &[Suggested], judge: &Judge<'_>) -> Vec<Mend> {
    let told = |name: &String, fault: Fault| {
        recipe.columns.get(name).is_some_and(|column| match fault {
            Fault::Spellings => column.spellings.is_some(),
            Fault::Outliers => column.outliers.is_some(),
            Fault::Missing => column.missing.is_some(),
            Fault::Skewed => column.scale.is_some(),
            Fault::RareClass => false,
        })
    };
    // An earlier model has no answer for rows that balancing makes.
    let balanced =
        recipe.balance.is_some() || recipe.train.start.is_some() || OF_ALL_ROWS.contains(&judge.metric.name);
    let mend = |found: &Suggested| {
        let columns: Vec<String> = found.columns.iter().filter(|c| !told(c, found.fault)).cloned().collect();
        let kinds: &[&str] = match found.fault {
            Fault::Spellings => &["merge_spellings"],
            Fault::Outliers => &["clip_outliers", "outliers_missing"],
            Fault::Missing => &["impute_iterative"],
            Fault::Skewed => &["power"],
            Fault::RareClass => &["class_weights", "smote"],
        };
        let open = if found.fault == Fault::RareClass { !balanced } else { !columns.is_empty() };
        open.then(|| Mend { kinds, columns, why: found.why.clone() })
    };
    suggested.iter().filter_map(mend).collect()
}

/// Where repairs are tried.
struct Trials<'a> {
    table: &'a Arc<Table>,
    folds: Vec<Fold>,
    scouts: Vec<Candidate>,
    judge: &'a Judge<'a>,
    /// The synthetic rows that the recipe asks for.
    augment: Option<Augment>,
    context: &'a Context,
}

impl Trials<'_> {
    /// The recipe with a repair in it.
    fn with(&self, recipe: &Recipe, kind: &str, columns: &[String]) -> Recipe {
        let mut repaired = recipe.clone();
        let step = |kind: &str| Spec::new(kind).with("columns", columns.to_vec());
        // Tukey's outer fences: what lies beyond is far out, not in the tail.
        let outliers = |action: &str| {
            step("outliers").with("detect", "iqr").with("threshold", 3.0).with("action", action)
        };
        match kind {
            "clip_outliers" => repaired.steps.push(outliers("clip")),
            "outliers_missing" => repaired.steps.push(outliers("missing")),
            "class_weights" | "smote" => {
                // Labels that are to find a rare class must not be brought back to its true share.
                let correct = self.judge.metric.needs_probability;
                repaired.balance = Some(Balance { kind: kind.into(), correct, params: Map::new() });
            }
            "labels" => repaired.labels = Some(Labels { action: LabelAction::Drop, ..Labels::default() }),
            AUGMENT => repaired.augment.clone_from(&self.augment),
            _ => repaired.steps.push(step(kind)),
        }
        repaired
    }

    fn settle(&self, recipe: Recipe, mends: Vec<Mend>, doubted: Option<&[u32]>) -> Result<Recipe> {
        let untouched = recipe.clone();
        let (mut recipe, mut best, mut tried) = (recipe, None, Vec::new());
        for mend in &mends {
            self.mend(mend, &mut recipe, &mut best, &mut tried)?;
        }
        // Labels are doubted by what the columns say once they are mended.
        if let Some(mend) = self.doubts(doubted, &recipe)? {
            self.mend(&mend, &mut recipe, &mut best, &mut tried)?;
        }
        let before = recipe.clone();
        self.together(untouched, mends, doubted, &mut recipe, &best, &mut tried)?;
        if let Some(mend) = self.synthetic() {
            // Rows are made like those that are left when all else is mended.
            best = best.filter(|_| recipe == before);
            self.mend(&mend, &mut recipe, &mut best, &mut tried)?;
        }
        recipe.repairs = tried;
        Ok(recipe)
    }

    /// The synthetic rows that the recipe asks for.
    fn synthetic(&self) -> Option<Mend> {
        let augment = self.augment.as_ref()?;
        let kind = Method::of(augment).word();
        let why = format!("the recipe asks for it ([augment] kind = \"{kind}\", rows = {})", augment.rows);
        Some(Mend { kinds: &[AUGMENT], columns: Vec::new(), why })
    }

    /// Tries the ways of mending one fault, and keeps the best of those that help.
    fn mend(
        &self,
        mend: &Mend,
        recipe: &mut Recipe,
        best: &mut Option<Scored>,
        tried: &mut Vec<Repair>,
    ) -> Result<()> {
        if best.is_none() {
            *best = self.score(recipe)?;
        }
        let Some(before) = best.as_ref() else { return Ok(()) };
        let mut kept: Option<(f64, usize, Recipe, Scored)> = None;
        let left = if mend.kinds == [AUGMENT] { 1 } else { MOST.saturating_sub(tried.len()) };
        for kind in mend.kinds.iter().take(left) {
            let repaired = self.with(recipe, kind, &mend.columns);
            let Some(scored) = self.score(&repaired)? else { continue };
            let gains = differences(&scored.folds, &before.folds, self.judge);
            let Ok(better_by) = corrected_resampled_t(&gains, self.test_share(), 0.95) else { continue };
            tried.push(Repair {
                kind: (*kind).into(),
                columns: mend.columns.clone(),
                kept: false,
                better_by: better_by.mean,
                p_value: better_by.p_value,
                learner: scored.learner.clone(),
                why: mend.why.clone(),
            });
            let ahead = kept.as_ref().is_none_or(|(most, ..)| better_by.mean > *most);
            if ahead && beyond_noise(&gains, self.test_share()) {
                kept = Some((better_by.mean, tried.len() - 1, repaired, scored));
            }
        }
        if let Some((_, place, repaired, scored)) = kept {
            tried[place].kept = true;
            (*recipe, *best) = (repaired, Some(scored));
        }
        Ok(())
    }

    /// Tries all repairs at once, and keeps them where that beats what was kept one by one: with wrong labels beside wrong numbers and a
    /// thin class, each fault hides what mending another would gain.
    fn together(
        &self,
        untouched: Recipe,
        mut mends: Vec<Mend>,
        doubted: Option<&[u32]>,
        recipe: &mut Recipe,
        best: &Option<Scored>,
        tried: &mut Vec<Repair>,
    ) -> Result<()> {
        let Some(before) = best else { return Ok(()) };
        let mut all = untouched;
        let mut places: Vec<usize> = mends.iter().filter_map(|mend| best_way(mend, tried)).collect();
        for repair in places.iter().map(|at| &tried[*at]) {
            all = self.with(&all, &repair.kind, &repair.columns);
        }
        mends.extend(self.doubts(doubted, &all)?);
        let labels = mends.last().filter(|mend| mend.kinds == ["labels"]);
        if labels.is_some() {
            all = self.with(&all, "labels", &[]);
        }
        if places.len() + usize::from(labels.is_some()) < 2 || all == *recipe {
            return Ok(());
        }
        let Some(scored) = self.score(&all)? else { return Ok(()) };
        let gains = differences(&scored.folds, &before.folds, self.judge);
        let Ok(better_by) = corrected_resampled_t(&gains, self.test_share(), 0.95) else { return Ok(()) };
        let entry = |kind: &str, why: &str, kept| Repair {
            kind: kind.into(),
            columns: Vec::new(),
            kept,
            better_by: better_by.mean,
            p_value: better_by.p_value,
            learner: scored.learner.clone(),
            why: why.into(),
        };
        let kept = beyond_noise(&gains, self.test_share());
        if kept {
            tried.iter_mut().for_each(|repair| repair.kept = false);
            match (labels, tried.iter().position(|repair| repair.kind == "labels")) {
                (Some(_), Some(at)) => places.push(at),
                (Some(mend), None) => tried.push(entry("labels", &mend.why, true)),
                (None, _) => {}
            }
            places.iter().for_each(|at| tried[*at].kept = true);
            *recipe = all;
        }
        tried.push(entry("together", "one fault may hide what mending another gains", kept));
        Ok(())
    }

    /// The scores of the scout that is best with this recipe; `None` where none could be fitted on every fold, or time ran out.
    fn score(&self, recipe: &Recipe) -> Result<Option<Scored>> {
        let Trials { table, scouts, judge, context, .. } = self;
        let ring = FoldRunner { table, candidates: scouts, recipe, judge, context };
        let entries: Vec<usize> = (0..scouts.len()).collect();
        let mut scores = vec![Vec::new(); scouts.len()];
        for fold in run(&ring, &self.folds, 0, &entries, &[])? {
            for (i, trial) in fold.trials {
                scores[i].extend(trial.and_then(|trial| trial.ok()).map(|trial| trial.score));
            }
        }
        let whole =
            |scores: &Vec<f64>| scores.len() == self.folds.len() && scores.iter().all(|s| s.is_finite());
        let sound = scores.into_iter().enumerate().filter(|(_, scores)| whole(scores));
        let gain = |scores: &[f64]| judge.gain(mean(scores));
        // Of equals the first, which is the cheaper.
        let best = sound.reduce(|a, b| if gain(&b.1) > gain(&a.1) { b } else { a });
        Ok(best.map(|(i, folds)| Scored { learner: scouts[i].spec.kind.clone(), folds }))
    }

    fn test_share(&self) -> f64 {
        let shares = self.folds.iter().map(|f| f.valid.len() as f64 / (f.valid.len() + f.train.len()) as f64);
        shares.sum::<f64>() / self.folds.len() as f64
    }

    /// The repair of doubtful labels, where there is a clear share of them.
    fn doubts(&self, rows: Option<&[u32]>, recipe: &Recipe) -> Result<Option<Mend>> {
        let Some(rows) = rows.filter(|_| !self.context.out_of_time()) else { return Ok(None) };
        let mut random = Random::new(self.context.seed_for("doubts"), 0);
        let rows = super::sampled(rows, DOUBTED_ROWS, &mut random);
        let some = View::new(self.table.clone(), &rows[..])?.collect()?;
        // Too few rows of a class to divide: then no label is doubted.
        let Ok(found) = labels::doubtful(&some.into(), recipe, &Labels::default(), self.context) else {
            self.context.check()?;
            return Ok(None);
        };
        let part = found.rows().len() as f64 / rows.len().max(1) as f64;
        let percent = format!("{:.1}% of the rows", 100.0 * part);
        let (least, why) = match found {
            Doubted::Classes(_) => {
                (DOUBTFUL_CLASSES, format!("confident learning doubts the label of {percent}"))
            }
            Doubted::Numbers(_) => {
                (DOUBTFUL_NUMBERS, format!("the target of {percent} lies far from what other rows say"))
            }
        };
        Ok((least..=MOST_DOUBTFUL).contains(&part).then(|| Mend {
            kinds: &["labels"],
            columns: Vec::new(),
            why,
        }))
    }
}

/// Of the ways to mend a fault, the place of the one that was kept or came nearest to it.
fn best_way(mend: &Mend, tried: &[Repair]) -> Option<usize> {
    let ways = tried.iter().enumerate().filter(|(_, repair)| mend.kinds.contains(&repair.kind.as_str()));
    let rank = |repair: &Repair| (repair.kept, repair.better_by);
    let better = |a: &(usize, &Repair), b: &(usize, &Repair)| {
        let (a, b) = (rank(a.1), rank(b.1));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    ways.max_by(better).map(|(at, _)| at)
}
