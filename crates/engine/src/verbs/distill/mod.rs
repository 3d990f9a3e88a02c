//! `distill`: a light model that learns what a heavier one says (Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural
//! network").
//!
//! The student reads raw rows as its teacher does and learns from the teacher's probabilities, or numbers, so that no label is
//! needed. A first student, fitted on part of the rows, is held against the teacher on the others; the one in the file is fitted on all.

mod compare;
mod student;

use std::path::PathBuf;
use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Spec, Split, SplitKind};
use tidemill_core::{Chain, Context, Error, Event, Fitted, Result, Source, Table};
use tidemill_data::split;

use crate::error::EngineError;
use crate::facts::{Costs, DistilledFacts, SHIPPED, Shipped};
use crate::files::clean;
use crate::fit::keep_together;
use crate::model::{self, DistilledFrom, Model, Opened, Provenance, Reference, TrainedOn};
use crate::recipe::{self, in_model};
use crate::report::text;
use crate::rows::open_to_answer;
use crate::search::preparation;
pub(super) use compare::micros;
use student::{Lesson, Student};

/// The sort of model that a student is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// A hundred small boosted trees.
    BoostedTrees,
    /// Logistic regression; ridge for a number.
    Logistic,
    /// A net of one small layer.
    SmallNet,
}

impl To {
    /// The learner, with its parameters.
    fn spec(self, classes: bool) -> Spec {
        match self {
            To::BoostedTrees => Spec::new("boosted_trees")
                .with("n_trees", 100)
                .with("learning_rate", 0.1)
                .with("max_leaves", 15),
            To::Logistic if classes => Spec::new("logistic"),
            To::Logistic => Spec::new("ridge"),
            To::SmallNet => Spec::new("neural_net").with("hidden", vec![32]),
        }
    }
}

/// What to distil, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The teacher's model file.
    pub teacher: PathBuf,
    /// The rows to ask it about: a path, a glob or `-`.
    pub source: String,
    /// What the student is.
    pub to: To,
    /// The student's model file.
    pub out: PathBuf,
}

/// Trains a student on what a model says of rows, holds both against each other, and writes the student's file.
///
/// # Errors
/// Those of opening a model of one target; a forecast, whose rows the program makes; a policy; too few rows to learn from; a teacher that has no
/// answer for a row; an output that would take the teacher's place.
pub fn distill(job: &Job, context: &Context) -> Result<DistilledFacts> {
    if let (Ok(a), Ok(b)) = (job.teacher.canonicalize(), job.out.canonicalize())
        && a == b
    {
        let problem = format!("the student would take the place of its teacher, {}", job.teacher.display());
        return Err(EngineError::usage(problem, "name another file with -o").into());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting threads: {e}")))?;
    pool.install(|| run(job, context))
}

fn run(job: &Job, context: &Context) -> Result<DistilledFacts> {
    let teacher = model::open(&job.teacher, context)?;
    teacher.refuse_masks("distill")?;
    let mut recipe = recipe::parse(&teacher.package.recipe, "the model's recipe", context.registry())?;
    if recipe.forecast.is_some() {
        let problem = format!("{} makes forecasts, whose rows are made anew", job.teacher.display());
        return Err(EngineError::usage(problem, "distil a model of plain rows").into());
    }
    if recipe.policy.is_some() {
        // A student of its actions would explore no longer, and logged actions are not right answers to judge it by.
        let problem = format!("{} chooses actions, and a student would not explore", job.teacher.display());
        return Err(EngineError::usage(problem, "distil a model that predicts a number or a class").into());
    }
    context.tell(&Event::Begin { what: "asking the teacher".into(), steps: None });
    let rows = open_to_answer(&job.source, &recipe)?;
    let lesson = Lesson::of(&teacher, &*rows, context)?;
    context.tell(&Event::End);

    let asked = job.to.spec(lesson.classes.is_some());
    let learner = context.build(&asked.kind, serde_json::Value::Object(asked.params.clone()))?;
    let read = preparation::media(lesson.table.clone(), &recipe, context)?;
    let table = keep_together(read.train, &recipe, context)?;
    let by_chance = Split { kind: Some(SplitKind::Random), ..Split::default() };
    let parts = split::test_split(&table, &by_chance, context)?;
    context.tell(&Event::Begin { what: "training the student".into(), steps: Some(2) });
    let student = Student { learner: &*learner, recipe: &recipe, lesson: &lesson, context };
    let first = student.fit(&table, &parts.train)?;
    context.tell(&Event::Step(1));
    let held = Table::new(table.take(&parts.test)?);
    let threshold = compare::threshold(&teacher);
    let change = compare::change(&first, &held, &lesson, &parts.test, &threshold)?;
    let truth = compare::truth(&first, &held, &lesson, &parts.test)?;
    let all: Vec<u32> = (0..table.batch().n_rows() as u32).collect();
    let shipped = student.fit(&table, &all)?;
    context.tell(&Event::Step(1));
    context.tell(&Event::End);

    let links = read.steps.into_iter().chain(shipped).chain(threshold.link);
    let chain = Chain(std::iter::once(teacher.model.reader()? as Arc<dyn Fitted>).chain(links).collect());
    let student = Model::new(chain, teacher.model.intake()?.plan())?;
    let spec = whole(&asked, learner.params());
    recipe.learners = vec![asked];
    let micros = [micros(&teacher.model, &lesson.typed)?, micros(&student, &lesson.typed)?];
    let operations = [&teacher.model, &student].map(|model| model.chain.operations());
    let mut facts = DistilledFacts {
        teacher: clean(&job.teacher.display().to_string()),
        teacher_learner: teacher.provenance.learner.clone(),
        source: clean(&job.source),
        target: teacher.provenance.target.clone(),
        learner: spec,
        learned: parts.train.len(),
        change,
        truth,
        cost: Costs { bytes: [teacher.info.bytes, 0], operations, micros },
        model: job.out.clone(),
        hash: String::new(),
        warnings: Vec::new(),
    };
    let written = written(&student, &teacher, &recipe, &lesson, &facts, context)?;
    (facts.cost.bytes[1], facts.hash) = (written.bytes, written.sha256);
    warn_if_no_lighter(&facts.cost, context);
    facts.warnings = context.warnings();
    Ok(facts)
}

fn warn_if_no_lighter(cost: &Costs, context: &Context) {
    if cost.bytes[1] >= cost.bytes[0] && cost.operations[1] >= cost.operations[0] {
        let message = "the student is no lighter than its teacher: keep the teacher, or take another --to";
        context.warn("not_lighter", message);
    }
}

/// The setting with all of the learner's parameters.
fn whole(spec: &Spec, params: serde_json::Value) -> Spec {
    match params {
        serde_json::Value::Object(params) => Spec { kind: spec.kind.clone(), params },
        _ => spec.clone(),
    }
}

/// Writes the student's file, whole or not at all.
fn written(
    student: &Model,
    teacher: &Opened,
    recipe: &Recipe,
    lesson: &Lesson,
    facts: &DistilledFacts,
    context: &Context,
) -> Result<tidemill_package::Info> {
    let n_rows = lesson.table.batch().n_rows();
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_string();
    let provenance = Provenance {
        task: teacher.provenance.task,
        target: teacher.provenance.target.clone(),
        classes: teacher.provenance.classes.clone(),
        learner: Some(facts.learner.clone()),
        data: Some(TrainedOn { source: name(&facts.source), rows: n_rows, ..TrainedOn::default() }),
        shipped: model::part(&Shipped::new(&student.chain, n_rows, SHIPPED))?,
        distilled: Some(DistilledFrom {
            file: name(&facts.teacher),
            sha256: teacher.info.sha256.clone(),
            learner: teacher.provenance.learner.clone(),
            change: model::part(&facts.change)?,
        }),
        ..Provenance::default()
    };
    let metrics = serde_json::json!({ "change": facts.change, "truth": facts.truth });
    let metrics = serde_json::to_string_pretty(&metrics)
        .map_err(|e| Error::internal(format!("the figures of a student: {e}")))?;
    let card = text::distilled_card(facts, &teacher.info.sha256);
    let package = model::package(student, provenance.write()?, in_model(recipe)?, card, &(metrics + "\n"))?;
    let package = Reference::of(lesson.table.batch(), recipe, context)?.put_into(package)?;
    tidemill_package::write(&facts.model, &package).map_err(Into::into)
}
