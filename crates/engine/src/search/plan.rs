//! The plan of a search, made before it begins: settings of learners, number of folds, and their cost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tidemill_core::recipe::{Quality, Recipe, Spec, Task};
use tidemill_core::{Context, Family, Needs, Result, Search, Shape, Sort};
use tidemill_report::words::count;

use super::cost;
use super::defaults::{self, Size};
use super::race::{LEFT, LOOK_ROWS, is_sampled, n_looks};
use super::{Candidate, Order, order};
use crate::builtin::{self, BASELINE};
use crate::forecast;

/// Settings of a learner that is named, and of the default list's where nothing limits the work.
const TRIALS: usize = 12;
/// The share of the budget that the comparison of learners may spend; the rest is for the learning curve, the two fits of what
/// was chosen and looking at it.
const COMPARING: f64 = 0.5;
/// The share of the budget that the leading learner alone may take, over all folds and the fits that follow.
const LEADING: f64 = 0.6;
/// Fits of about the cost of one that follow the comparison: on the training part and on all rows.
const FITS_AFTER: f64 = 2.3;
/// The share of the budget for the learning curve.
const CURVE: f64 = 0.2;
/// Fits of a learning curve over one fold, in fits on all of its rows.
const CURVE_FITS: f64 = 2.4;
/// The share of the budget up to which a learning curve over more folds is next to nothing.
const CHEAP: f64 = 0.05;
/// With fewer training rows, one fold tells too little.
const FEW_ROWS: usize = 2_000;

/// What a search will do.
pub(super) struct Plan {
    /// The baseline, then what is compared, the strongest for this sort of table first.
    pub candidates: Vec<Candidate>,
    /// How many folds.
    pub n_folds: usize,
    /// Fits that the learning curve may take, in fits on all of a fold's rows.
    pub curve_fits: f64,
    /// Settings that are left out for want of time: all that a time limit cuts, and of what the budget cuts those of learners of which
    /// nothing is tried.
    pub untried: usize,
    /// All of this in a sentence, where there was something to settle.
    pub said: Option<String>,
}

/// A learner and its settings, best guesses first.
pub(super) type Offer = Vec<Spec>;

/// The training rows of the folds and what is known of the table.
pub(super) struct Ground<'a> {
    /// The task.
    pub task: Task,
    /// What the default list depends on.
    pub size: &'a Size,
    /// What costs depend on.
    pub shape: Shape,
    /// Training rows of each fold, those that are used first before the others.
    pub folds: &'a [usize],
}

/// Settles what is compared. With `trials`, or learners that are named, all of it is done on all folds; else as much as the budget
/// of `quality` allows, or the time limit where that is less.
pub(super) fn plan(recipe: &Recipe, ground: &Ground<'_>, context: &Context) -> Result<Plan> {
    let train = &recipe.train;
    let asked = train.trials.is_some() || !recipe.learners.is_empty() || recipe.forecast.is_some();
    let trials = train.trials.unwrap_or(TRIALS);
    let offers = offers(recipe, ground, trials, context)?;
    if asked {
        let candidates = candidates(offers.into_iter().flatten(), context)?;
        return Ok(Plan {
            candidates,
            n_folds: ground.folds.len(),
            curve_fits: CURVE_FITS * least_folds(ground),
            untried: 0,
            said: None,
        });
    }
    Budgeted::new(recipe, ground, context)?.plan(offers, context)
}

/// The folds of a learning curve that are worth their time.
fn least_folds(ground: &Ground<'_>) -> f64 {
    if ground.folds.first().is_some_and(|rows| *rows < FEW_ROWS) { 3.0 } else { 1.0 }
}

/// Each learner that is named, or of the default list, with up to `trials` settings.
pub(super) fn offers(
    recipe: &Recipe,
    ground: &Ground<'_>,
    trials: usize,
    context: &Context,
) -> Result<Vec<Offer>> {
    let named = match recipe.learners.as_slice() {
        [] => {
            let mut across = defaults::learners(ground.task, ground.size, trials, context.registry());
            if recipe.graph.is_some() && recipe.forecast.is_none() {
                across.splice(0..0, defaults::of_graphs(trials, context.registry()));
            }
            if recipe.privacy.rows_in_model == Some(false) {
                across.retain(|(spec, _)| !builtin::entry(&spec.kind).is_some_and(|entry| entry.keeps_rows));
            }
            match recipe.forecast {
                Some(_) => {
                    forecast::candidates::learners(recipe, ground.size.rows, ground.size.series, across)?
                }
                None => across,
            }
        }
        own => own.iter().map(|spec| (spec.clone(), trials)).collect(),
    };
    let named = super::start::offered(recipe, named, context);
    let named = named.into_iter().filter(|(spec, _)| spec.kind != BASELINE);
    named.map(|(spec, trials)| offer(&spec, trials, context)).collect()
}

fn offer(spec: &Spec, trials: usize, context: &Context) -> Result<Offer> {
    let open = context.build(&spec.kind, Value::Object(spec.params.clone()))?.search();
    let open: Vec<Search> = open.into_iter().filter(|s| !spec.params.contains_key(s.key)).collect();
    let with = |setting| {
        let mut tried = spec.clone();
        tried.params.extend(setting);
        tried
    };
    Ok(settings(&open).take(trials).map(with).collect())
}

/// All combinations of the searched values, those nearest to every best guess first.
fn settings(open: &[Search]) -> impl Iterator<Item = Map<String, Value>> {
    let mut all: Vec<(usize, Map<String, Value>)> = vec![(0, Map::new())];
    for search in open {
        let extended = all.iter().flat_map(|(far, setting)| {
            search.values.iter().enumerate().map(move |(i, value)| {
                let mut setting = setting.clone();
                setting.insert(search.key.into(), value.clone());
                (far + i, setting)
            })
        });
        all = extended.collect();
    }
    all.sort_by_key(|(far, _)| *far);
    all.into_iter().map(|(_, setting)| setting)
}

/// The baseline and these, each once, ready to fit.
fn candidates(specs: impl Iterator<Item = Spec>, context: &Context) -> Result<Vec<Candidate>> {
    let mut known: Vec<Spec> = Vec::new();
    for spec in std::iter::once(Spec::new(BASELINE)).chain(specs) {
        if !known.contains(&spec) {
            known.push(spec);
        }
    }
    known.into_iter().map(|spec| Candidate::new(spec, context)).collect()
}

/// The work that all of a training may do. A time limit may cut it; without one no clock has a say.
fn total(recipe: &Recipe, shape: &Shape, context: &Context) -> f64 {
    let whole = cost::budget(recipe.train.quality, shape);
    match context.time_left() {
        Some(left) => whole.min(cost::within(left.as_secs_f64(), context.threads)),
        None => whole,
    }
}

/// What the budget is spent on.
pub(super) struct Budgeted<'a> {
    quality: Quality,
    pub(super) total: f64,
    /// Whether the time limit leaves less than that.
    limited: bool,
    /// Of a fold.
    pub(super) shape: Shape,
    folds: usize,
    /// Whether the recipe says how many folds.
    fixed: bool,
    threads: usize,
    ground: &'a Ground<'a>,
}

impl<'a> Budgeted<'a> {
    pub(super) fn new(recipe: &Recipe, ground: &'a Ground<'a>, context: &Context) -> Result<Self> {
        let quality = recipe.train.quality;
        let total = total(recipe, &ground.shape, context);
        let limited = total < cost::budget(quality, &ground.shape);
        let rows = ground.folds.first().copied().unwrap_or(ground.size.rows);
        let shape = ground.shape.with_rows(rows);
        let fixed = recipe.folds.n.is_some() || recipe.folds.repeats.is_some();
        let (folds, threads) = (ground.folds.len(), context.threads);
        Ok(Budgeted { quality, total, limited, shape, folds, fixed, threads, ground })
    }

    fn plan(mut self, mut offers: Vec<Offer>, context: &Context) -> Result<Plan> {
        if self.quality == Quality::Fast {
            offers = one_per_family(offers);
            self.folds = if self.fixed { self.folds } else { self.folds.min(3) };
        }
        let priced = self.priced(&offers, context)?;
        let Some(leader) = self.leader(&priced) else {
            let candidates = candidates(std::iter::empty(), context)?;
            return Ok(Plan { candidates, n_folds: self.folds, curve_fits: 0.0, untried: 0, said: None });
        };
        let fit = priced[leader][0].fit;
        if !self.fixed {
            self.folds = self.folds_for(&priced[leader][0]);
        }
        let (admitted, spent) = self.admit(&priced, leader);
        let left_out: BTreeSet<&str> = offers.iter().flatten().map(|s| s.kind.as_str()).collect();
        let known: BTreeSet<&str> = admitted.iter().map(|&(o, s)| offers[o][s].kind.as_str()).collect();
        let left_out: Vec<&str> = left_out.difference(&known).copied().collect();
        let all: usize = offers.iter().map(Vec::len).sum();
        let after = FITS_AFTER * fit * self.whole_to_fold();
        let fits = self.total / fit.max(1.0);
        let folds = [self.folds as f64, 3.0].into_iter().find(|n| CURVE_FITS * n <= CHEAP * fits);
        let most = CURVE_FITS * folds.unwrap_or_else(|| least_folds(self.ground));
        let curve_fits = (CURVE * fits).min(most);
        let work = spent + after + curve_fits * fit;
        let said = self.said((admitted.len(), all), &known, &left_out, work);
        let of_untried = |spec: &&Spec| left_out.contains(&spec.kind.as_str());
        let untried = match self.limited {
            true => all - admitted.len(),
            false => offers.iter().flatten().filter(of_untried).count(),
        };
        let specs = admitted.iter().map(|&(o, s)| offers[o][s].clone());
        let candidates = candidates(specs, context)?;
        Ok(Plan { candidates, n_folds: self.folds, curve_fits, untried, said: Some(said) })
    }

    /// All rows against those of a fold.
    fn whole_to_fold(&self) -> f64 {
        (self.ground.shape.rows / self.shape.rows.max(1.0)).max(1.0)
    }

    pub(super) fn priced(&self, offers: &[Offer], context: &Context) -> Result<Vec<Vec<Price>>> {
        let price = |spec: &Spec| -> Result<Price> {
            let needs = context.build(&spec.kind, Value::Object(spec.params.clone()))?.needs();
            let small = self.shape.with_rows(LOOK_ROWS.min(self.shape.rows as usize));
            Ok(Price {
                fit: cost::fitting(spec, needs, &self.shape),
                small: cost::fitting(spec, needs, &small),
                prepare: cost::preparing(needs, &self.shape),
                kind: spec.kind.clone(),
                order: order(needs),
            })
        };
        offers.iter().map(|offer| offer.iter().map(price).collect()).collect()
    }

    /// The first learner that fits into the budget on one fold at least; else the cheapest of all.
    fn leader(&self, priced: &[Vec<Price>]) -> Option<usize> {
        let first = |at: &usize| &priced[*at][0];
        let fits = |at: &usize| first(at).alone(1.0, self.whole_to_fold()) <= LEADING * self.total;
        let cheapest = (0..priced.len()).min_by(|a, b| first(a).fit.total_cmp(&first(b).fit));
        (0..priced.len()).find(fits).or(cheapest)
    }

    /// As many folds as the leading learner can afford: all, three, two or one.
    fn folds_for(&self, leader: &Price) -> usize {
        let affordable = |n: &usize| leader.alone(*n as f64, self.whole_to_fold()) <= LEADING * self.total;
        [self.folds, 3, 2, 1].into_iter().filter(|n| *n <= self.folds).find(affordable).unwrap_or(1)
    }

    /// Settings in the order of what they are worth, the first of each learner before any second, as long as the budget lasts.
    fn admit(&self, priced: &[Vec<Price>], leader: usize) -> (Vec<(usize, usize)>, f64) {
        let folds = self.folds as f64;
        let sampled = is_sampled(self.shape.rows as usize);
        let looks = if sampled { 0.0 } else { n_looks(self.folds).min(self.folds) as f64 };
        let (mut admitted, mut spent) = (vec![(leader, 0)], 0.0);
        let mut prepared: BTreeSet<Order> = BTreeSet::new();
        let mut of_kind: BTreeMap<&str, usize> = BTreeMap::new();
        let rounds = priced.iter().map(Vec::len).max().unwrap_or(0);
        let open = (0..rounds).flat_map(|s| (0..priced.len()).map(move |o| (o, s)));
        let open = open.filter(|&(o, s)| s < priced[o].len() && (o, s) != (leader, 0));
        for (o, s) in std::iter::once((leader, 0)).chain(open) {
            let price = &priced[o][s];
            let known = of_kind.get(price.kind.as_str()).copied().unwrap_or(0);
            // Of a learner's settings two go on after the first look, and of many a third.
            let goes_on = if known < LEFT { 1.0 } else { 1.0 / 3.0 };
            let looked = if sampled { price.small } else { looks * price.fit };
            let fits = looked + goes_on * (folds - looks) * price.fit;
            let prepare = if prepared.contains(&price.order) { 0.0 } else { folds * price.prepare };
            let is_leader = (o, s) == (leader, 0);
            if !is_leader && spent + fits + prepare > COMPARING * self.total {
                continue;
            }
            spent += fits + prepare;
            prepared.insert(price.order);
            *of_kind.entry(&price.kind).or_default() += 1;
            if !is_leader {
                admitted.push((o, s));
            }
        }
        (admitted, spent)
    }

    fn said(&self, (n, all): (usize, usize), kinds: &BTreeSet<&str>, left_out: &[&str], work: f64) -> String {
        let kinds: Vec<&str> = kinds.iter().copied().collect();
        let folds = if self.folds == 1 { "1 fold".into() } else { format!("{} folds", self.folds) };
        let secs = work / cost::within(1.0, self.threads);
        let time = if secs < 1.5 { "about a second".into() } else { format!("at most about {secs:.0} s") };
        let beyond = if self.limited { "the time limit" } else { "the budget" };
        let cut = match (n < all, left_out) {
            (false, _) => String::new(),
            (true, []) => format!(" {} more settings are beyond {beyond}.", all - n),
            (true, kinds) => {
                let kinds = kinds.join(", ");
                format!(" {} more settings are beyond {beyond}, all of {kinds} among them.", all - n)
            }
        };
        let more = match self.quality {
            Quality::Default if n < all && !self.limited => " --quality best allows ten times the work.",
            _ => "",
        };
        format!(
            "Plan: {} of {} on {folds}, {time} on {}.{cut}{more}",
            count(n as u64, "setting"),
            kinds.join(", "),
            count(self.threads as u64, "thread")
        )
    }
}

/// What a setting costs.
pub(super) struct Price {
    /// One fit on a fold's rows.
    pub(super) fit: f64,
    /// One fit on the rows of the first look.
    small: f64,
    /// Preparing a fold's rows for it.
    pub(super) prepare: f64,
    kind: String,
    order: Order,
}

impl Price {
    /// All that happens if it is the only one, on so many folds.
    fn alone(&self, folds: f64, whole_to_fold: f64) -> f64 {
        folds * (self.fit + self.prepare) + FITS_AFTER * whole_to_fold * (self.fit + self.prepare)
    }
}

/// The first setting of the first learner of each family.
pub(super) fn one_per_family(offers: Vec<Offer>) -> Vec<Offer> {
    let mut seen = BTreeSet::new();
    let firsts = offers.into_iter().filter_map(|offer| offer.into_iter().next());
    let mut is_new = |spec: &Spec| match builtin::entry(&spec.kind).map(|entry| entry.sort) {
        Some(Sort::Learner(family)) => FAST.contains(&family) && seen.insert(family),
        _ => false,
    };
    firsts.filter(|spec| is_new(spec)).map(|spec| vec![spec]).collect()
}

/// The families that `fast` takes one learner of each.
const FAST: [Family; 4] = [Family::Linear, Family::Boosting, Family::Forest, Family::Neural];

/// Sizes of a net for images, the largest first: filters of its blocks, and passes over the rows.
const NETS: [(&[usize], usize); 6] = [
    (&[32, 64, 128], 40),
    (&[32, 64, 128], 25),
    (&[16, 32, 64], 40),
    (&[16, 32, 64], 25),
    (&[16, 32, 64], 15),
    (&[8, 16, 32], 15),
];

/// The largest net for these images that can be fitted some times over within the budget. What its last block says goes straight to the
/// answer: with hidden layers between, 15 passes over 800 glyphs of ten letters led to an accuracy of 0.46, without them to 0.93.
pub(super) fn net_of(shape: &Shape, recipe: &Recipe, context: &Context) -> Value {
    let total = total(recipe, shape, context);
    let params = |(filters, epochs): (&[usize], usize)| json!({ "images": { "filters": filters }, "hidden": [], "learning_rate": 3e-3, "epochs": epochs, "patience": epochs });
    let fits = |params: &Value| {
        let Value::Object(params) = params.clone() else { return false };
        let spec = Spec { kind: "neural_net".into(), params };
        (1.0 + FITS_AFTER) * cost::fitting(&spec, Needs::default(), shape) <= LEADING * total
    };
    let [.., smallest] = NETS;
    NETS.into_iter().map(params).find(fits).unwrap_or_else(|| params(smallest))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn planned(rows: usize, columns: usize, quality: Quality) -> Plan {
        let context = Context::new(0, 2, Arc::new(builtin::registry()));
        let mut recipe = Recipe::default();
        recipe.train.quality = quality;
        let size = Size {
            rows,
            columns,
            plain: true,
            texts: 0,
            classes: 2,
            pictures: false,
            net: Value::Null,
            past: Vec::new(),
            series: 0,
        };
        let shape = Shape {
            rows: rows as f64,
            numbers: columns as f64,
            columns: columns as f64,
            bins: 255.0,
            classes: 2.0,
            ..Shape::default()
        };
        let n = recipe.folds.count(rows);
        let folds = vec![rows - rows / n; n];
        plan(&recipe, &Ground { task: Task::Binary, size: &size, shape, folds: &folds }, &context).unwrap()
    }

    fn kinds(plan: &Plan) -> BTreeSet<&str> {
        plan.candidates.iter().map(|c| c.spec.kind.as_str()).collect()
    }

    #[test]
    fn small_tables_are_searched_whole_and_wide_ones_in_part() {
        let small = planned(500, 10, Quality::Default);
        assert_eq!(small.n_folds, 10);
        assert!(kinds(&small).is_superset(&["logistic", "boosted_trees", "svm", "k_neighbors"].into()));
        let wide = planned(20_000, 5_000, Quality::Default);
        assert!(wide.candidates.len() < small.candidates.len());
        assert!(wide.candidates.len() > 1);
        // What was not tried says nothing of the columns.
        let left_out = kinds(&small).difference(&kinds(&wide)).count();
        assert_eq!((small.untried, wide.untried > 0), (0, left_out > 0));
        assert!(left_out > 0);
    }

    #[test]
    fn best_admits_all_that_default_does() {
        let specs = |plan: Plan| plan.candidates.into_iter().map(|c| c.spec).collect::<Vec<_>>();
        for (rows, columns) in [(500, 10), (5_000, 200), (200_000, 50)] {
            let best = specs(planned(rows, columns, Quality::Best));
            let usual = specs(planned(rows, columns, Quality::Default));
            assert!(usual.iter().all(|spec| best.contains(spec)), "{rows} x {columns}");
        }
    }

    #[test]
    fn fast_takes_one_learner_of_a_family() {
        let fast = planned(3_000, 10, Quality::Fast);
        let named: Vec<&str> = fast.candidates.iter().map(|c| c.spec.kind.as_str()).collect();
        assert_eq!(named.len(), kinds(&fast).len());
        assert!(named.contains(&"boosted_trees") && named.contains(&"logistic") && fast.n_folds == 3);
    }

    #[test]
    fn something_is_always_admitted() {
        let plan = planned(20, 100_000, Quality::Default);
        assert!(plan.candidates.len() > 1 && plan.n_folds >= 1);
    }

    #[test]
    fn nets_for_images_are_sized_by_them() {
        let sized = |rows: usize, side: usize| {
            let len = (side * side) as f64;
            let shape = Shape {
                rows: rows as f64,
                numbers: len,
                columns: len,
                pixels: len,
                image: [side, side, 1],
                classes: 10.0,
                ..Shape::default()
            };
            net_of(&shape, &Recipe::default(), &Context::default())["images"]["filters"][0].as_u64().unwrap()
        };
        assert!(sized(500, 8) > sized(20_000, 64));
    }
}
