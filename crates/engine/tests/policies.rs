//! Policies from a table of logged decisions to actions: learned, judged, served from memory; signals on a grid of streets as the world in
//! which a learned policy must beat the one that was logged.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tidemill_core::{Cell, Context, Error, Event, Row};
use tidemill_engine::builtin;
use tidemill_engine::facts::TrainedPolicy;
use tidemill_engine::judge::MayAct;
use tidemill_engine::model;
use tidemill_engine::recipe;
use tidemill_engine::report::text;
use tidemill_engine::report::words::{EN, LANGUAGES};
use tidemill_engine::serve::serving::{Prediction, Serving};
use tidemill_engine::verbs::evaluate::{self, Judged, ReportFile};
use tidemill_engine::verbs::predict::predict;
use tidemill_engine::verbs::train::{Done, Job, train_any};
use tidemill_kernel::Random;

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

fn job(folder: &Path, csv: &str, text: &str, out: &str) -> Job {
    let source = folder.join("log.csv");
    std::fs::write(&source, csv).unwrap();
    let recipe = recipe::parse(text, "test.toml", &builtin::registry()).unwrap();
    Job { words: &EN, source: source.display().to_string(), recipe, recipe_file: None, out: folder.join(out) }
}

fn trained(job: &Job, context: &Context) -> Result<TrainedPolicy, Error> {
    match train_any(job, context)? {
        Done::Policy(trained) => Ok(*trained),
        _ => panic!("a policy"),
    }
}

/// What `text` is refused with.
fn refused(csv: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let e = trained(&job(folder.path(), csv, text, "out"), &context()).err().unwrap();
    assert!(!folder.path().join("out").exists(), "nothing is half-written");
    format!("{e} | {}", e.remedy().unwrap_or_default())
}

const SIDE: usize = 3;
/// Cars that pass a green light in a step.
const FLOW: usize = 3;

/// A grid of streets with a signal at each crossing: cars queue from the west and from the north, green lets some pass to the next
/// crossing, and new ones come in at the edge, at some crossings more from one side.
struct Grid {
    /// Of each crossing, the cars from the west and from the north.
    queues: Vec<[usize; 2]>,
    random: Random,
}

impl Grid {
    fn new(seed: u64) -> Self {
        Grid { queues: vec![[0; 2]; SIDE * SIDE], random: Random::new(seed, 0) }
    }

    /// A step with green from the west (0) or the north (1) at each crossing; the queues that are left.
    fn step(&mut self, green: &[usize]) -> Vec<[usize; 2]> {
        let mut arriving = [[0; 2]; SIDE * SIDE];
        for (at, &from) in green.iter().enumerate() {
            let passing = self.queues[at][from].min(FLOW);
            self.queues[at][from] -= passing;
            let (row, column) = (at / SIDE, at % SIDE);
            // West to east, north to south; beyond the grid they are home.
            if from == 0 && column + 1 < SIDE {
                arriving[at + 1][0] += passing;
            } else if from == 1 && row + 1 < SIDE {
                arriving[at + SIDE][1] += passing;
            }
        }
        let left = self.queues.clone();
        for (at, more) in arriving.iter().enumerate() {
            for (from, more) in more.iter().enumerate() {
                let at_edge = if from == 0 { at % SIDE == 0 } else { at < SIDE };
                let rate = if !at_edge {
                    0.0
                } else if from == at % 2 {
                    0.5
                } else {
                    0.1
                };
                let new = (0..3).filter(|_| self.random.unit() < rate).count();
                // A street holds so many cars; others take another way.
                self.queues[at][from] = (self.queues[at][from] + more + new).min(30);
            }
        }
        left
    }
}

/// How many cars stand in queues.
fn cars(queues: &[[usize; 2]]) -> usize {
    queues.iter().flatten().sum()
}

/// How many steps the cars of two queues wait from now on at least: the last of a queue waits until all before it have passed.
fn wait(queues: [usize; 2]) -> f64 {
    queues.iter().map(|n| (n * (n + 1)) as f64 / (2 * FLOW) as f64).sum()
}

/// What is logged: a fixed cycle, but for one decision in four, which a coin takes. The log, and how many cars waited at a crossing on
/// average.
fn logged(steps: usize, seed: u64) -> (String, f64) {
    let (mut grid, mut coin) = (Grid::new(seed), Random::new(seed, 1));
    let mut log = String::from("crossing,west,north,green,p,reward\n");
    let mut waited = 0;
    for step in 0..steps {
        let before = grid.queues.clone();
        let green: Vec<usize> =
            (0..SIDE * SIDE).map(|_| if coin.unit() < 0.25 { coin.below(2) } else { step % 2 }).collect();
        let left = grid.step(&green);
        for (at, [west, north]) in before.into_iter().enumerate() {
            let p = if green[at] == step % 2 { 0.875 } else { 0.125 };
            let way = ["west", "north"][green[at]];
            writeln!(log, "c{at},{west},{north},{way},{p},{}", -wait(left[at])).unwrap();
        }
        waited += cars(&left);
    }
    (log, waited as f64 / (steps * SIDE * SIDE) as f64)
}

/// How many cars wait at a crossing on average while a model sets the signals, by its probabilities.
fn driven(model: &Path, steps: usize, seed: u64) -> f64 {
    let opened = model::open(model, &context()).unwrap();
    let serving = Serving::of(opened, model, None, None, &context()).unwrap();
    let place = |name: &str| serving.columns.iter().position(|c| c.name == name).unwrap();
    let places = ["crossing", "west", "north"].map(place);
    let west = serving.classes.iter().position(|class| class == "west").unwrap();
    let (mut grid, mut chance) = (Grid::new(seed), Random::new(seed, 2));
    let mut waited = 0;
    for _ in 0..steps {
        let mut rows: Vec<Row> = grid
            .queues
            .iter()
            .enumerate()
            .map(|(at, [west, north])| {
                let mut row = Row::missing(serving.columns.len());
                row.cells[places[0]] = Cell::Text(format!("c{at}"));
                row.cells[places[1]] = Cell::Number(*west as f64);
                row.cells[places[2]] = Cell::Number(*north as f64);
                row
            })
            .collect();
        let answers = serving.answer(&mut rows).unwrap();
        let green: Vec<usize> =
            answers.iter().map(|a| usize::from(chance.unit() >= a.probabilities[west])).collect();
        waited += cars(&grid.step(&green));
    }
    waited as f64 / (steps * SIDE * SIDE) as f64
}

const SIGNALS: &str = "[policy]\naction = 'green'\nreward = 'reward'\npropensity = 'p'\n";

#[test]
fn signals_that_learned_from_a_log_let_fewer_cars_wait_than_the_logged_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (log, waited) = logged(400, 1);
    for learner in ["policy_linucb", "policy_thompson", "policy_fitted_q\"\nlearner = \"ridge"] {
        let text = format!("{SIGNALS}[[learners]]\nkind = \"{learner}\"\n");
        let trained = trained(&job(folder.path(), &log, &text, "signals-model"), &context()).unwrap();
        let test = &trained.outcome.test;
        assert_eq!(test.may_act, MayAct::Yes, "{learner}: {test:?}");
        // What the log said of it, it keeps in a world of its own.
        let learned = driven(&trained.model, 400, 2);
        assert!(learned < 0.7 * waited, "{learner}: {learned} cars wait, {waited} did");
    }
}

/// Decisions of three offers that stand alone; who is older is better called.
fn offers(n: usize, seed: u64) -> String {
    let mut random = Random::new(seed, 0);
    let mut text = String::from("id,age,plan,offer,p,earned\n");
    for i in 0..n {
        let age = 20.0 + random.below(60) as f64;
        let plan = ["basic", "plus"][random.below(2)];
        let (at, p) = match random.unit() {
            x if x < 0.5 => (0, 0.5),
            x if x < 0.8 => (1, 0.3),
            _ => (2, 0.2),
        };
        let mean = [2.0, (age - 40.0) / 8.0, 1.0][at];
        let earned = mean + random.normal();
        let offer = ["mail", "call", "none"][at];
        writeln!(text, "o{i},{age},{plan},{offer},{p},{earned}").unwrap();
    }
    text
}

const OFFERS: &str = "[data]\nkey = 'id'\n[policy]\naction = 'offer'\nreward = 'earned'\npropensity = 'p'\n";

#[test]
fn the_same_log_and_recipe_make_the_same_model_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let first = trained(&job(folder.path(), &offers(600, 1), OFFERS, "a"), &context()).unwrap();
    assert_eq!(first.outcome.leaderboard.len(), 3);
    let again = std::fs::read_to_string(&first.recipe).unwrap();
    let one = Context::new(0, 1, Arc::new(builtin::registry()));
    let second = trained(&job(folder.path(), &offers(600, 1), &again, "a2"), &one).unwrap();
    assert_eq!(first.hash, second.hash);
    let bytes = |path: &PathBuf| std::fs::read(path).unwrap();
    assert_eq!(bytes(&first.model), bytes(&second.model));
    assert_eq!(bytes(&first.metrics), bytes(&second.metrics));
    // The page and the story speak every language.
    for words in LANGUAGES {
        let story = text::training_of_policy(words, &first);
        assert!(story.contains(words.policy_dr) && !story.contains('{'), "{story}");
    }
    let page = std::fs::read_to_string(&first.report).unwrap();
    assert!(page.contains(EN.policy_values) && page.contains(EN.policy_actions));
}

/// A context whose user ends the search, or whose time is up, after so many folds of the comparison.
fn ended(after: usize, by_user: bool) -> Context {
    let (start, late) = (std::time::Instant::now(), Arc::new(AtomicBool::new(false)));
    let (hand, steps) = (late.clone(), AtomicUsize::new(0));
    let minutes = |n: u64| std::time::Duration::from_secs(60 * n);
    let context = context().with_deadline(Some(start + minutes(60)));
    let context =
        context.with_clock(move || start + minutes(if hand.load(Ordering::Relaxed) { 45 } else { 0 }));
    let hurry = context.hurry_switch();
    let comparing = AtomicBool::new(false);
    context.with_watcher(move |event| {
        match event {
            Event::Begin { what, .. } => comparing.store(what == "comparing policies", Ordering::Relaxed),
            Event::Step(_) if comparing.load(Ordering::Relaxed) => {
                steps.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        if comparing.load(Ordering::Relaxed) && steps.load(Ordering::Relaxed) == after {
            if by_user { hurry.store(true, Ordering::Relaxed) } else { late.store(true, Ordering::Relaxed) }
        }
    })
}

#[test]
fn a_time_limit_and_a_user_who_ends_it_take_the_best_policy_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let whole = trained(&job(folder.path(), &offers(600, 1), OFFERS, "w"), &context()).unwrap().outcome;
    for (by_user, code) in [(false, "time_limit"), (true, "ended_early")] {
        for after in [0, 1, whole.split.folds] {
            let found = trained(&job(folder.path(), &offers(600, 1), OFFERS, "c"), &ended(after, by_user));
            let found = found.unwrap().outcome;
            let scored = found.leaderboard.iter().filter(|s| s.gain.is_some()).count();
            assert_eq!(
                scored,
                usize::from(after == whole.split.folds),
                "{after} {by_user}: {:?}",
                found.leaderboard
            );
            assert_eq!(found.chosen.kind, "policy_linucb", "the first, where no other is known to be better");
            assert!(found.warnings.iter().any(|w| w.code == code), "{:?}", found.warnings);
            assert_eq!(found.test.value.decisions, whole.test.value.decisions, "it is judged all the same");
        }
    }
}

#[test]
fn predict_draws_actions_as_often_as_their_probabilities_say_and_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{OFFERS}[[learners]]\nkind = 'policy_linucb'\nepsilon = 0.3\n");
    let trained = trained(&job(folder.path(), &offers(600, 1), &text, "a"), &context()).unwrap();
    let new = folder.path().join("new.csv");
    let rows: String = (0..3000).map(|i| format!("n{i},{},basic\n", 20 + i % 60)).collect();
    std::fs::write(&new, format!("id,age,plan\n{rows}")).unwrap();
    let answers = |name: &str, threads| {
        let out = folder.path().join(name);
        let context = Context::new(0, threads, Arc::new(builtin::registry()));
        predict(&trained.model, &new.display().to_string(), &out.display().to_string(), &context).unwrap();
        std::fs::read_to_string(out).unwrap()
    };
    let text = answers("a.csv", 2);
    assert_eq!(text, answers("b.csv", 1), "the same rows get the same actions");
    let head = "id,prediction,propensity,probability_call,probability_mail,probability_none,expected_reward_call,\
                expected_reward_mail,expected_reward_none";
    assert_eq!(text.lines().next().unwrap(), head);
    let mut greatest = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let at = ["call", "mail", "none"].iter().position(|action| *action == cells[1]).unwrap();
        assert_eq!(cells[2], cells[3 + at], "the propensity is that of the action drawn");
        greatest += usize::from(cells[2].parse::<f64>().unwrap() > 0.5);
    }
    // 0.7 and a third of 0.3: 80% of 3000, within four standard errors.
    assert!((2312..=2488).contains(&greatest), "{greatest}");
}

fn evaluated(model: &Path, csv: &str, folder: &Path) -> Result<evaluate::PolicyEvaluated, Error> {
    let new = folder.join("new.csv");
    std::fs::write(&new, csv).unwrap();
    let page = folder.join("page.html");
    let report = Some(ReportFile { file: &page, words: &EN });
    match evaluate::model(model, &new.display().to_string(), report, &context())? {
        Judged::Policy(found) => {
            assert!(std::fs::read_to_string(page).unwrap().contains(EN.policy_values));
            Ok(found)
        }
        _ => panic!("a policy"),
    }
}

#[test]
fn a_policy_is_judged_by_a_later_log_and_refuses_what_it_never_saw() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{OFFERS}[[learners]]\nkind = 'policy_linucb'\n");
    let trained = trained(&job(folder.path(), &offers(800, 1), &text, "a"), &context()).unwrap();
    let found = evaluated(&trained.model, &offers(1500, 7), folder.path()).unwrap();
    assert_eq!((found.judged.may_act, found.judged.value.decisions), (MayAct::Yes, 1500));
    // By hand: mail earns 2, a call (age - 40) / 8, so the best of both earns about 3.6 on average over ages from 20 to 79.
    let best = (20..80).map(|age| f64::max(2.0, (f64::from(age) - 40.0) / 8.0)).sum::<f64>() / 60.0;
    let value = found.judged.value.doubly_robust;
    assert!(value.low < best && best - 0.2 < value.high, "{value:?} {best}");
    let other = offers(100, 3).replace(",none,", ",visit,");
    let error = evaluated(&trained.model, &other, folder.path()).err().unwrap().to_string();
    assert!(
        error.contains("an action that the policy has never seen") && error.contains("call, mail, none"),
        "{error}"
    );
    let lacks = offers(100, 3).replace("earned", "gained");
    let error = evaluated(&trained.model, &lacks, folder.path()).err().unwrap().to_string();
    assert!(error.contains("'earned' is missing"), "{error}");
    let bad = offers(100, 3).replacen(",0.5,", ",0,", 1);
    let error = evaluated(&trained.model, &bad, folder.path()).err().unwrap().to_string();
    assert!(error.contains("(the propensity) is 0 in row"), "{error}");
}

#[test]
fn a_log_that_never_does_what_the_policy_would_do_lets_it_not_act() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{OFFERS}[[learners]]\nkind = 'policy_linucb'\n");
    let trained = trained(&job(folder.path(), &offers(800, 1), &text, "a"), &context()).unwrap();
    // Said to be half as probable as they were: every weight is twice what it should be.
    let wrong = offers(1500, 7).replace(",0.5,", ",0.25,").replace(",0.3,", ",0.15,");
    let found = evaluated(&trained.model, &wrong, folder.path()).unwrap();
    assert_eq!(found.judged.may_act, MayAct::WrongPropensities);
    let few = offers(30, 7);
    let found = evaluated(&trained.model, &few, folder.path()).unwrap();
    assert_eq!(found.judged.may_act, MayAct::TooUnlike);
    let said = text::policy_judged(&EN, &found.judged);
    assert!(said.contains("30 are needed"), "{said}");
}

#[test]
fn without_a_column_of_propensities_they_are_estimated_if_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[data]\nkey = 'id'\nignore = ['p']\n[policy]\naction = 'offer'\nreward = 'earned'\nestimate_propensity = true\n\
                [[learners]]\nkind = 'policy_linucb'\n";
    let trained = trained(&job(folder.path(), &offers(1200, 1), text, "a"), &context()).unwrap();
    let test = &trained.outcome.test;
    assert!(test.estimated_propensities && test.may_act == MayAct::Yes, "{test:?}");
    assert!(text::policy_judged(&EN, test).contains(EN.policy_estimated));
    // The offers were made by chance, so the estimates cannot be far from the truth, which the log knows.
    let known = evaluated(&trained.model, &offers(1500, 7), folder.path()).unwrap().judged;
    assert!(known.estimated_propensities && (known.value.mean_weight.value - 1.0).abs() < 0.05);
}

/// Walks of four decisions: who goes on twice earns much at the end; what is logged goes on or leaves by a coin.
fn walks(n: usize) -> String {
    let mut random = Random::new(5, 0);
    let mut text = String::from("walk,at,noise,step,p,earned\n");
    for walk in 0..n {
        for at in 0..3 {
            let on = random.unit() < 0.5;
            let step = if on { "on" } else { "off" };
            let earned = match (on, at) {
                (true, 2) => 10.0,
                (true, _) => 0.0,
                (false, _) => 1.0,
            };
            writeln!(text, "w{walk},{at},{},{step},0.5,{earned}", random.normal()).unwrap();
            if !on {
                break;
            }
        }
    }
    text
}

#[test]
fn in_episodes_what_comes_later_counts() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[policy]\naction = 'step'\nreward = 'earned'\npropensity = 'p'\nepisode = 'walk'\n\
                [[learners]]\nkind = 'policy_fitted_q'\nlearner = 'boosted_trees'\nparams = { n_trees = 20, min_samples_leaf = 5 }\n\
                iterations = 4\n[[learners]]\nkind = 'policy_linucb'\n";
    let trained = trained(&job(folder.path(), &walks(800), text, "a"), &context()).unwrap();
    let o = &trained.outcome;
    assert_eq!(o.chosen.kind, "policy_fitted_q");
    assert!(o.test.by_episode && o.test.may_act == MayAct::Yes, "{:?}", o.test);
    assert!(o.split.why.contains("rows of one 'walk' together"), "{}", o.split.why);
    // Going on three times earns 10, less what is left to chance: 0.975 to the power of 3, and 1 where it leaves.
    let on = 0.975f64;
    let truth = 10.0 * on.powi(3) + (1.0 - on) * (1.0 + on + on * on);
    let value = o.test.value.doubly_robust;
    assert!(value.low < truth && truth < value.high, "{value:?} {truth}");
    // The coin earns: half leave at once, a quarter after one, an eighth after two, an eighth stay for 10.
    assert!(
        (o.test.value.logged.value - (0.5 + 0.25 + 0.125 + 1.25)).abs() < 0.5,
        "{:?}",
        o.test.value.logged
    );
}

#[test]
fn what_cannot_be_learned_from_is_refused_by_its_place() {
    let log = offers(200, 1);
    let without = "[policy]\naction = 'offer'\nreward = 'earned'\n[[learners]]\nkind = 'policy_linucb'";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.toml"), without).unwrap();
    let e = recipe::read(&folder.path().join("r.toml"), &builtin::registry()).err().unwrap();
    let said = format!("{e} | {}", e.remedy().unwrap_or_default());
    assert!(said.contains("line") && said.contains("estimate_propensity = true"), "{said}");

    let said = refused(&log.replacen(",0.3,", ",1.3,", 1), OFFERS);
    let row = log.lines().position(|line| line.contains(",0.3,")).unwrap();
    assert!(said.contains(&format!("'p' (the propensity) is 1.3 in row {row} (line {})", row + 1)), "{said}");
    let said = refused(&log.replacen(",0.3,", ",0,", 1), OFFERS);
    assert!(said.contains("is 0 in row") && said.contains("above 0"), "{said}");
    let lines: Vec<&str> = log.lines().collect();
    let cut = |at: usize, column: usize| {
        let mut lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        let mut cells: Vec<&str> = lines[at].split(',').collect();
        cells[column] = "";
        lines[at] = cells.join(",");
        lines.join("\n")
    };
    let said = refused(&cut(7, 5), OFFERS);
    assert!(said.contains("'earned' (the reward) is missing in row 7 (line 8)"), "{said}");
    let said = refused(&cut(9, 3), OFFERS);
    assert!(said.contains("'offer' (the action) is missing in row 9 (line 10)"), "{said}");
    let only = log.replace(",call,", ",mail,").replace(",none,", ",mail,");
    let said = refused(&only, OFFERS);
    assert!(said.contains("every decision of 'offer' is 'mail'"), "{said}");
    let rare = log.replacen(",mail,", ",visit,", 1);
    let said = refused(&rare, OFFERS);
    assert!(said.contains("action 'visit' of 'offer' was taken in 1 rows"), "{said}");
    let said = refused(&log, &OFFERS.replace("earned", "plan"));
    assert!(said.contains("column 'plan' is of kind category"), "{said}");
    let said = refused(&log, &OFFERS.replace("'earned'", "'erned'"));
    assert!(said.contains("did you mean 'earned'?"), "{said}");
    let said = refused(&log, &format!("{OFFERS}[[learners]]\nkind = 'logistic'\n"));
    assert!(said.contains("'logistic' predicts, and a policy acts"), "{said}");
    let said =
        refused(&log, &format!("{OFFERS}[[learners]]\nkind = 'policy_fitted_q'\nlearner = 'logistic'\n"));
    assert!(said.contains("'logistic' learns no numbers"), "{said}");
}

#[test]
fn a_served_policy_answers_the_most_probable_action_with_what_it_expects() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{OFFERS}[[learners]]\nkind = 'policy_linucb'\n");
    let trained = trained(&job(folder.path(), &offers(600, 1), &text, "a"), &context()).unwrap();
    let opened = model::open(&trained.model, &context()).unwrap();
    let serving = Serving::of(opened, &trained.model, None, None, &context()).unwrap();
    let names: Vec<&str> = serving.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "age", "plan"], "neither action nor reward nor propensity is asked for");
    let mut rows = vec![Row { cells: vec![Cell::Missing, Cell::Number(75.0), Cell::Text("basic".into())] }];
    let answer = serving.answer(&mut rows).unwrap().remove(0);
    assert_eq!(answer.prediction, Prediction::Class(0));
    assert_eq!((answer.expected_rewards.len(), answer.propensity()), (3, Some(answer.probabilities[0])));
    assert!((answer.expected_rewards[0] - 35.0 / 8.0).abs() < 0.6, "{answer:?}");
}

#[test]
fn an_audit_does_not_take_actions_for_labels() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = logged(200, 1);
    let job = job(folder.path(), &log, SIGNALS, "out");
    let audit = tidemill_engine::audit::check(&job.source, &job.recipe, &context()).unwrap();
    let codes: Vec<&str> = audit.findings.iter().map(|finding| &*finding.code).collect();
    assert!(codes.iter().all(|code| !code.contains("repeat") && !code.contains("labels")), "{codes:?}");
}
