//! What is true of the links that the engine puts after learners, and of the search, on models made by hand.
#![expect(clippy::unwrap_used, reason = "a table that cannot be made has failed")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use tidemill_core::recipe::{Balance, Recipe, Spec, Task};
use tidemill_core::{
    Batch, Categories, Column, Context, Fitted, Role, Row, Schema, Source, State, Table, Tensor, TensorData,
};
use tidemill_engine::builtin;
use tidemill_engine::search::{self, Design};
use tidemill_kernel::Random;

fn context() -> Context {
    Context::new(3, 2, Arc::new(builtin::registry()))
}

/// Rows of two numbers, a category and a target of classes (or of their number).
fn table(n: usize, classes: bool) -> Arc<Table> {
    let mut random = Random::new(5, 0);
    let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let z: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let colours = Categories::new(["blue", "red"]);
    let codes = colours.column(UInt32Array::from_iter_values((0..n as u32).map(|i| i % 2))).unwrap();
    let score: Vec<f64> =
        (0..n).map(|i| x[i] + 2.0 * z[i] * f64::from((i % 2) as u32) + 0.5 * random.normal()).collect();
    let target: (Column, ArrayRef) = if classes {
        let names = Categories::new(["no", "yes"]);
        let yes = score.iter().map(|s| u32::from(*s > 0.3));
        let array = names.column(UInt32Array::from_iter_values(yes)).unwrap();
        (Column::category("y", names), array)
    } else {
        (Column::number("y"), Arc::new(Float64Array::from(score)))
    };
    let columns: Vec<(Column, ArrayRef)> = vec![
        (
            Column::number("id").with_role(Role::Key),
            Arc::new(Float64Array::from_iter_values((0..n).map(|i| i as f64))),
        ),
        (Column::number("x"), Arc::new(Float64Array::from(x))),
        (Column::number("z"), Arc::new(Float64Array::from(z))),
        (Column::category("colour", colours), codes),
        (target.0.with_role(Role::Target), target.1),
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Arc::new(Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()))
}

/// A chain of preparation, a blend of learners of different needs, and what comes after it.
fn model(classes: bool, links: &[State]) -> (Arc<Table>, tidemill_core::Chain) {
    let table = table(160, classes);
    let linear = if classes { "logistic" } else { "ridge" };
    let members = vec![
        (Spec::new(linear), 0.5),
        (Spec::new("extra_trees").with("n_trees", 10), 0.3),
        (Spec::new("random_forest").with("n_trees", 10), 0.2),
    ];
    let fitted = Design { members }.fit((*table).clone(), &Recipe::default(), &context()).unwrap();
    let registry = builtin::registry();
    let links = links.iter().map(|state| registry.load(state.clone()).unwrap());
    (table, tidemill_core::Chain(fitted.steps.into_iter().chain(links).collect()))
}

fn links(method: &str) -> Vec<State> {
    let state =
        State::new("calibrate", 1, serde_json::json!({ "method": method, "n_classes": 2, "knots": [2] }));
    let state = match method {
        "isotonic" => state.floats("x", &[0.2, 0.9]).floats("y", &[0.1, 0.8]),
        "platt" => state.floats("values", &[1.5, -0.2]),
        _ => state.floats("values", &[0.7]),
    };
    vec![state, State::new("threshold", 1, serde_json::json!({})).floats("threshold", &[0.4])]
}

fn printed(batch: &Batch) -> String {
    (0..batch.n_rows()).map(|i| format!("{:?}\n", Row::of(batch, i).unwrap())).collect()
}

#[test]
fn a_row_alone_a_batch_and_a_loaded_model_agree_bit_for_bit() {
    let cases: Vec<(bool, Vec<State>)> = vec![
        (false, vec![]),
        (true, vec![]),
        (true, links("temperature")),
        (true, links("platt")),
        (true, links("isotonic")),
    ];
    for (classes, links) in cases {
        let (table, chain) = model(classes, &links);
        let places = table.batch().schema().places(|c| c.role != Role::Target);
        let rows = table.batch().select(&places).unwrap();
        let state = chain.state();
        let chain: Arc<dyn Fitted> = Arc::new(chain);
        let bulk = chain.clone().bind(rows.schema()).unwrap().apply(&rows).unwrap();
        assert_eq!(**bulk.schema(), chain.output(rows.schema()).unwrap());
        let loaded = builtin::registry().load(state.clone()).unwrap();
        assert_eq!(loaded.state(), state);
        assert_eq!(printed(&loaded.bind(rows.schema()).unwrap().apply(&rows).unwrap()), printed(&bulk));
        let mut run = chain.bind(rows.schema()).unwrap();
        for i in 0..rows.n_rows() {
            let mut row = Row::of(&rows, i).unwrap();
            run.row(&mut row).unwrap();
            assert_eq!(row, Row::of(&bulk, i).unwrap(), "row {i}");
        }
        assert_eq!(run.apply(&rows.slice(0, 0)).unwrap().n_rows(), 0);
    }
}

#[test]
fn a_threshold_changes_the_prediction_and_no_probability() {
    let (table, chain) = model(true, &links("temperature")[1..]);
    let answered = Arc::new(chain).bind(table.schema()).unwrap().apply(table.batch()).unwrap();
    let at = |role| answered.schema().role(role).unwrap();
    let (codes, p) = (
        answered.codes(at(Role::Prediction)).unwrap(),
        answered.probabilities(at(Role::Probability)).unwrap(),
    );
    let mut between = 0;
    for (i, p) in p.chunks_exact(2).enumerate() {
        assert_eq!(codes.value(i), u32::from(p[1] >= 0.4), "row {i} at {}", p[1]);
        between += usize::from((0.4..0.5).contains(&p[1]));
    }
    assert!(between > 0, "no row shows the difference");
}

#[test]
fn a_blend_is_the_weighted_mean_of_its_parts() {
    let table = table(160, false);
    let answer = |members: Vec<(Spec, f64)>| {
        let fitted = Design { members }.fit((*table).clone(), &Recipe::default(), &context()).unwrap();
        let out = search::apply(&fitted.steps, table.batch().clone()).unwrap();
        let at = out.schema().role(Role::Prediction).unwrap();
        out.numbers(at).unwrap().values().to_vec()
    };
    let (ridge, forest) = (Spec::new("ridge"), Spec::new("extra_trees").with("n_trees", 5));
    let (a, b) = (answer(vec![(ridge.clone(), 1.0)]), answer(vec![(forest.clone(), 1.0)]));
    let both = answer(vec![(ridge, 0.25), (forest, 0.75)]);
    for ((a, b), both) in a.iter().zip(&b).zip(&both) {
        assert!((0.25 * a + 0.75 * b - both).abs() < 1e-12 * both.abs().max(1.0));
    }
}

#[test]
fn damaged_links_are_refused() {
    let registry = builtin::registry();
    let refused = |state: &State| assert!(registry.load(state.clone()).is_err(), "loaded {state:?}");
    for method in ["temperature", "platt", "isotonic"] {
        for state in links(method) {
            registry.load(state.clone()).unwrap();
            for name in state.tensors.keys() {
                let mut broken = state.clone();
                broken.tensors.remove(name);
                refused(&broken);
                let mut broken = state.clone();
                let data = TensorData::F64(vec![f64::NAN; state.tensors[name].shape[0]]);
                broken
                    .tensors
                    .insert(name.clone(), Tensor { shape: state.tensors[name].shape.clone(), data });
                refused(&broken);
            }
            refused(&State { version: 2, ..state.clone() });
        }
    }
    let falling =
        State::new("calibrate", 1, serde_json::json!({ "method": "isotonic", "n_classes": 2, "knots": [2] }));
    refused(&falling.floats("x", &[0.2, 0.9]).floats("y", &[0.9, 0.1]));
    let huge = serde_json::json!({ "method": "isotonic", "n_classes": 2, "knots": [usize::MAX] });
    refused(&State::new("calibrate", 1, huge).floats("x", &[]).floats("y", &[]));
    let (_, chain) = model(true, &[]);
    let blend = chain.state().children.remove(0);
    assert_eq!(blend.kind, "blend");
    refused(&State { children: vec![], ..blend.clone() });
    refused(&blend.clone().floats("weights", &[0.0, 0.0]));
    refused(&blend.floats("weights", &[-1.0, 2.0]));
}

#[test]
fn a_design_survives_its_spec() {
    let members = vec![(Spec::new("ridge").with("alpha", 2.0), 0.625), (Spec::new("lasso"), 0.375)];
    let design = Design { members };
    let spec = design.spec(&context()).unwrap();
    let read = Design::read(&spec).unwrap();
    assert_eq!(read.spec(&context()).unwrap(), spec);
    assert_eq!(
        read.members.iter().map(|m| (m.0.kind.as_str(), m.1)).collect::<Vec<_>>(),
        [("ridge", 0.625), ("lasso", 0.375)]
    );
    assert!(Design::read(&Spec::new("blend")).is_err());
}

/// The validation rows of a fold have no say in what is fitted: were their targets and features others, the candidates'
/// fits would be the same.
#[test]
fn what_the_test_part_says_has_no_say_in_the_search() {
    let table = table(240, true);
    let rows: Vec<u32> = (0..180).collect();
    let study = |table: &Arc<Table>| {
        let recipe = Recipe {
            learners: vec![Spec::new("logistic"), Spec::new("extra_trees").with("n_trees", 10)],
            train: tidemill_core::recipe::Train { trials: Some(3), ..Default::default() },
            ..Recipe::default()
        };
        let metric = tidemill_eval::metric("log_loss").unwrap();
        search::study(table, &rows, &recipe, Task::Binary, metric, &context()).unwrap()
    };
    let other = {
        let batch = table.batch();
        let columns =
            batch.schema().columns().iter().enumerate().map(|(i, column)| match column.name.as_str() {
                "x" | "z" => {
                    let values = batch.numbers(i).unwrap().values().iter().enumerate();
                    Arc::new(Float64Array::from_iter_values(
                        values.map(|(row, x)| if row < 180 { *x } else { 99.0 }),
                    )) as ArrayRef
                }
                "y" => {
                    let codes = batch.codes(i).unwrap().iter().enumerate();
                    let codes = codes.map(|(row, code)| if row < 180 { code.unwrap() } else { 1 });
                    column.categories().unwrap().column(UInt32Array::from_iter_values(codes)).unwrap()
                }
                _ => batch.column(i).clone(),
            });
        Arc::new(Table::new(Batch::new(batch.schema().clone(), columns.collect()).unwrap()))
    };
    let (a, b) = (study(&table), study(&other));
    let json =
        |s: &search::SearchResult| serde_json::to_string(&(&s.standings, &s.curve, &s.reasons)).unwrap();
    assert_eq!(json(&a), json(&b));
    assert_eq!(a.design, b.design);
    // And the search is not blind: other training rows lead to other scores.
    let fewer = {
        let recipe = Recipe { learners: vec![Spec::new("logistic")], ..Recipe::default() };
        let metric = tidemill_eval::metric("log_loss").unwrap();
        search::study(&table, &rows[..150], &recipe, Task::Binary, metric, &context()).unwrap()
    };
    assert_ne!(json(&a), json(&fewer));
}

/// A table in which one row in about 15 is of the second class, and how many rows each class has.
fn thinned() -> (Arc<Table>, [usize; 2]) {
    let all = table(1200, true);
    let at = all.batch().schema().position("y").unwrap();
    let codes = all.batch().codes(at).unwrap();
    let kept = |row: &u32| codes.value(*row as usize) == 0 || row.is_multiple_of(10);
    let rows: Vec<u32> = (0..1200).filter(kept).collect();
    let yes = rows.iter().filter(|row| codes.value(**row as usize) == 1).count();
    let counts = [rows.len() - yes, yes];
    (Arc::new(Table::new(all.batch().take(&rows).unwrap())), counts)
}

fn balanced(kind: &str, correct: bool) -> Recipe {
    let balance = Balance { kind: kind.into(), correct, params: Default::default() };
    Recipe { balance: Some(balance), ..Recipe::default() }
}

#[test]
fn a_balanced_model_answers_for_the_true_shares_unless_told_otherwise() {
    let (table, counts) = thinned();
    let [no, yes] = counts.map(|n| n as f64);
    let share = yes / (no + yes);
    for kind in ["random_over", "random_under", "smote", "smote_enn"] {
        let mean = |correct: bool| {
            let trees = Spec::new("extra_trees").with("n_trees", 20).with("min_samples_leaf", 20);
            let design = Design { members: vec![(Spec::new("logistic"), 0.5), (trees, 0.5)] };
            let fitted = design.fit((*table).clone(), &balanced(kind, correct), &context()).unwrap();
            let facts = fitted.balance.unwrap();
            assert_eq!((facts.before, facts.corrected), (counts.to_vec(), correct), "{kind}");
            let after = [facts.after[0] as f64, facts.after[1] as f64];
            assert!((after[0] / after[1] - 1.0).abs() < 0.35, "{kind}: {after:?}");
            // The rows to answer are all that came: none was added to or taken from them.
            let answers = search::apply(&fitted.steps, table.batch().clone()).unwrap();
            assert_eq!(answers.n_rows(), table.batch().n_rows());
            let at = answers.schema().role(Role::Probability).unwrap();
            let said: f64 = answers.probabilities(at).unwrap().iter().skip(1).step_by(2).sum();
            said / (no + yes)
        };
        let (corrected, left) = (mean(true), mean(false));
        assert!((corrected - share).abs() < 0.03, "{kind}: {corrected} for a share of {share}");
        assert!(left > 2.0 * share, "{kind}: {left} for a share of {share}");
    }
}

/// The baseline knows nothing but shares: fitted on balanced rows and brought back, it must score on the untouched held-out rows
/// of each fold as without balance.
#[test]
fn balance_leaves_the_rows_that_judge_alone() {
    let (table, _) = thinned();
    let rows: Vec<u32> = (0..table.batch().n_rows() as u32).collect();
    let metric = tidemill_eval::metric("log_loss").unwrap();
    let folds = |recipe: Recipe| {
        let recipe = Recipe { learners: vec![Spec::new("gaussian_nb")], ..recipe };
        let study = search::study(&table, &rows, &recipe, Task::Binary, metric, &context()).unwrap();
        let of = |kind: &str| study.standings.iter().find(|s| s.learner == kind).unwrap().folds.clone();
        (of("baseline"), of("gaussian_nb"))
    };
    let (plain, learner) = folds(Recipe::default());
    let (over, balanced_learner) = folds(balanced("random_over", true));
    assert!(plain.iter().zip(&over).all(|(a, b)| (a - b).abs() < 1e-9), "{plain:?} {over:?}");
    // Bayes' rule with the prior brought back is nearly what it was; without, it is not.
    let (_, left) = folds(balanced("random_over", false));
    let off = |other: &[f64]| learner.iter().zip(other).map(|(a, b)| (a - b).abs()).sum::<f64>();
    assert!(off(&balanced_learner) < 0.2 * off(&left), "{learner:?} {balanced_learner:?} {left:?}");
    let error = search::study(
        &self::table(60, false),
        &(0..60).collect::<Vec<u32>>(),
        &balanced("smote", true),
        Task::Regression,
        tidemill_eval::metric("rmse").unwrap(),
        &context(),
    );
    assert!(error.err().unwrap().to_string().contains("no classes to balance"));
}

#[test]
fn a_missing_answer_is_named() {
    let threshold = builtin::registry().load(links("platt").remove(1)).unwrap();
    let bare = Schema::new(vec![Column::number("x")]).unwrap();
    let error = threshold.bind(&bare).err().unwrap().to_string();
    assert!(error.contains("prediction"), "{error}");
}

/// A clock that is so much later whenever it is asked.
fn stepping(step: std::time::Duration) -> impl Fn() -> std::time::Instant + Send + Sync {
    let (start, asked) = (std::time::Instant::now(), std::sync::atomic::AtomicU32::new(0));
    move || start + step * asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Whenever the clock says stop, there is a model, and what was cut is said.
#[test]
fn a_search_ends_with_a_model_at_whatever_instant_time_runs_out() {
    let (table, rows) = (table(240, true), (0..180).collect::<Vec<u32>>());
    let metric = tidemill_eval::metric("log_loss").unwrap();
    for ticks in [1, 20, 60, 300] {
        let clock = stepping(std::time::Duration::from_secs(1));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(ticks);
        let context = context().with_clock(clock).with_deadline(Some(deadline));
        let recipe = Recipe {
            learners: vec![Spec::new("logistic"), Spec::new("boosted_trees"), Spec::new("extra_trees")],
            ..Recipe::default()
        };
        let study = search::study(&table, &rows, &recipe, Task::Binary, metric, &context).unwrap();
        assert_ne!(study.design.members[0].0.kind, builtin::BASELINE, "{ticks}");
        assert!(context.warnings().iter().any(|w| w.code == "time_limit"), "{ticks}");
    }
}

/// The plan, and so the model, does not ask how many threads there are or what time it is.
#[test]
fn threads_and_the_clock_have_no_say_without_a_limit() {
    let (table, rows) = (table(240, true), (0..180).collect::<Vec<u32>>());
    let metric = tidemill_eval::metric("log_loss").unwrap();
    let mut found = Vec::new();
    for threads in [1, 7] {
        let registry = Arc::new(builtin::registry());
        let context =
            Context::new(3, threads, registry).with_clock(stepping(std::time::Duration::from_secs(60)));
        let mut recipe = Recipe::default();
        recipe.train.quality = tidemill_core::recipe::Quality::Fast;
        let study = search::study(&table, &rows, &recipe, Task::Binary, metric, &context).unwrap();
        found.push((study.design, serde_json::to_string(&study.standings).unwrap()));
    }
    assert_eq!(found[0], found[1]);
}
