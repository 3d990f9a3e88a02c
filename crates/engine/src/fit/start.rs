//! The earlier model from which a training starts: opened, checked against the new table, and applied to its rows.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Context, Error, Fitted, Kind, Result, Role, Schema, Table};
use tidemill_data::InferredSchema;

use super::Named;
use crate::audit::{Finding, Severity};
use crate::error::EngineError;
use crate::links::start::Start;
use crate::model::{self, Opened, StartedFrom};
use crate::recipe::resolve;
use crate::search;

/// What to do about a column whose cells are of another kind.
const CELLS: &str =
    "correct the cells, say the kind of the column in the recipe, or leave start out of [train]";
/// What to do about a model of another question.
const SAME: &str = "start from a model of the same target, or leave start out of [train]";

/// The model that the recipe names, before the new table is read.
pub(super) struct Earlier {
    path: String,
    opened: Opened,
}

/// An earlier model, ready to be asked about rows of the new table.
pub(super) struct Started {
    link: Arc<dyn Fitted>,
    model: Arc<dyn Fitted>,
    from: StartedFrom,
}

impl Earlier {
    /// Opens it, where the recipe names one.
    ///
    /// # Errors
    /// A file that is no model of this target alone, or another than the recipe was resolved with; a recipe that names no learner that can start
    /// from a model, balances, or forecasts.
    pub(super) fn open(recipe: &Recipe, context: &Context) -> Result<Option<Self>> {
        let Some(path) = recipe.train.start.clone() else { return Ok(None) };
        check_recipe(recipe)?;
        let opened = model::open(Path::new(&path), context).map_err(|e| {
            // What other verbs advise about a model file does not hold for one to start from.
            let remedy = match e.code() {
                "usage" => "name a model file of one target, or leave start out of [train]".into(),
                _ => e.remedy().unwrap_or_else(|| "name a model file that this program wrote".into()),
            };
            EngineError::usage(format!("[train] start: {e}"), remedy)
        })?;
        if recipe.train.start_sha256.as_ref().is_some_and(|known| *known != opened.info.sha256) {
            let problem = format!("{path} is another model than the one that this recipe was resolved with");
            let remedy = "put that one back, or leave start_sha256 out of [train] to start from this one";
            return Err(EngineError::usage(problem, remedy).into());
        }
        let target = recipe.data.target.as_deref().unwrap_or_default();
        if opened.provenance.target != target {
            let was = &opened.provenance.target;
            return Err(Error::data(format!("{path} predicts '{was}', and '{target}' is asked for"), SAME));
        }
        check_nets(recipe, &path, &opened)?;
        Ok(Some(Earlier { path, opened }))
    }

    /// The recipe with the kinds of its features for columns of which it says none: few rows let a column look like something else.
    pub(super) fn kinds_in(&self, recipe: &Recipe, schema: &Schema) -> Result<Recipe> {
        let mut recipe = recipe.clone();
        let known = self.opened.model.intake()?.plan();
        let (data, split) = (&recipe.data, &recipe.split.column);
        let told = [&data.target, &data.key, &data.time, &data.group, &data.weight, split];
        let told = told.into_iter().flatten().chain(&data.ignore).chain(data.point.iter().flatten());
        let told: Vec<String> = told.cloned().collect();
        for column in known.columns.iter().filter(|c| c.role == Role::Feature) {
            if schema.position(&column.name).is_some() && !told.contains(&column.name) {
                let spec = recipe.columns.entry(column.name.clone()).or_default();
                if spec.role.is_none() && spec.kind.is_none() {
                    (spec.kind, spec.role) = (Some(column.kind), Some(Role::Feature));
                }
            }
        }
        Ok(recipe)
    }

    /// Adds the names that its net has learned to the categories of the new table, so that rows with them are known to it.
    pub(super) fn names_in(&self, plan: &mut InferredSchema) -> Result<()> {
        if search::net_shape(&*self.opened.model.chain).is_none() {
            return Ok(());
        }
        let known = self.opened.model.intake()?.plan();
        for column in plan.columns.iter_mut().filter(|c| c.role == Role::Feature && c.kind == Kind::Category)
        {
            if let Some(old) = known.column(&column.name).filter(|old| old.kind == Kind::Category) {
                column.categories.clone_from(&old.categories);
            }
        }
        Ok(())
    }

    /// The error where no cell is of the kind that only the earlier model says: the recipe has no line to correct then.
    pub(super) fn blame(&self, told: &Recipe, error: Error) -> Error {
        let Error::Parameter { key, .. } = &error else { return error };
        let column = key.strip_prefix("columns.").and_then(|key| key.strip_suffix(".kind"));
        match column.filter(|name| told.columns.get(*name).and_then(|column| column.kind).is_none()) {
            None => error,
            Some(name) => Error::data(
                format!(
                    "the kind of a column in {} is another than here: '{name}' is a number there, and not a number in any row here",
                    self.path
                ),
                CELLS,
            ),
        }
    }

    /// Refuses a column most of whose cells are not of the kind that only the earlier model says.
    pub(super) fn check_cells(&self, told: &Recipe, findings: &[Finding]) -> Result<()> {
        let features = &self.opened.model.intake()?.plan().columns;
        let open = |name: &String| {
            let kind = told.columns.get(name).and_then(|column| column.kind);
            kind.is_none() && features.iter().any(|c| c.name == *name && c.role == Role::Feature)
        };
        let severe = |f: &&Finding| {
            ["unreadable", "told_unread"].contains(&&*f.code) && f.severity == Severity::Severe
        };
        match findings.iter().filter(severe).find(|f| f.columns.iter().any(open)) {
            None => Ok(()),
            Some(found) => Err(Error::data(
                format!("the kind of a column in {} is another than here: {}", self.path, found.message),
                CELLS,
            )),
        }
    }

    /// The link that asks it about rows of the new table; its hash goes into the recipe.
    ///
    /// # Errors
    /// Another task or classes; a column of another kind; no column that both have.
    pub(super) fn started(
        self,
        recipe: &mut Recipe,
        plan: &InferredSchema,
        named: &Named,
        context: &Context,
    ) -> Result<Started> {
        let Earlier { path, opened } = self;
        check_model(&opened, &path, plan)?;
        let rows = opened.provenance.data.as_ref();
        if rows.is_some_and(|data| data.sha256.is_some() && data.sha256 == named.sha256) {
            let message = format!("{path} learned from these very rows: every score of it below is too good");
            context.warn("start_saw_rows", message);
        }
        let classes = resolve::task(plan)?.is_classes().then(|| plan.classes.clone());
        let model: Arc<dyn Fitted> = opened.model.chain.clone();
        let link = Arc::new(Start::new(&opened.model.chain, classes)?);
        recipe.train.start_sha256 = Some(opened.info.sha256.clone());
        if let Some(seen) = &named.start {
            recipe.train.start = Some(seen.clone());
        }
        let file = path.rsplit(['/', '\\']).next().unwrap_or(&path).to_string();
        Ok(Started { link, model, from: StartedFrom { file, sha256: opened.info.sha256 } })
    }
}

impl Started {
    /// The rows with what the earlier model says of them beside.
    pub(super) fn asked(&self, table: &Table) -> Result<Table> {
        let batch = table.batch();
        Ok(Table::new(self.link.clone().bind(batch.schema())?.apply(batch)?))
    }

    /// The earlier model, for a learner that continues from its weights.
    pub(super) fn model(&self) -> Arc<dyn Fitted> {
        self.model.clone()
    }

    /// The origin of a model of these learners, where one of them goes on from the earlier one, and the link, where one needs its answers: a
    /// net that continues from its weights does not.
    pub(super) fn kept<'a>(
        self,
        members: impl Iterator<Item = &'a Spec>,
    ) -> (Option<Arc<dyn Fitted>>, Option<StartedFrom>) {
        let members: Vec<&Spec> = members.collect();
        let asked = members.iter().any(|spec| search::asks_earlier(spec));
        let started = members.iter().any(|spec| search::is_started(spec));
        (asked.then_some(self.link), started.then_some(self.from))
    }
}

/// Refuses a start for what cannot have one.
pub(super) fn refuse(recipe: &Recipe, what: &str) -> Result<()> {
    if recipe.train.start.is_none() {
        return Ok(());
    }
    let problem = format!("{what} cannot start from an earlier model");
    Err(EngineError::usage(problem, "leave start out of [train]").into())
}

fn check_recipe(recipe: &Recipe) -> Result<()> {
    let usage = |problem: String, remedy: String| Err(EngineError::usage(problem, remedy).into());
    let able = search::starters().join(", ");
    if recipe.forecast.is_some() {
        refuse(recipe, "a forecast")?;
    }
    if recipe.balance.is_some() {
        let problem = "[balance] makes or weighs rows that the earlier model did not answer".to_string();
        return usage(problem, "leave [balance] or start out of the recipe".into());
    }
    if !recipe.learners.is_empty()
        && !recipe.learners.iter().any(|spec| search::continues(&spec.kind).is_some())
    {
        let kinds: Vec<&str> = recipe.learners.iter().map(|spec| spec.kind.as_str()).collect();
        let problem = format!("{} cannot start from an earlier model", kinds.join(", "));
        return usage(problem, format!("name one of those that can ({able}), or leave start out of [train]"));
    }
    Ok(())
}

/// Refuses nets that could not continue from the earlier model: it has no net, or one of another shape.
fn check_nets(recipe: &Recipe, path: &str, opened: &Opened) -> Result<()> {
    let shape = search::net_shape(&*opened.model.chain);
    let able: Vec<&Spec> =
        recipe.learners.iter().filter(|spec| search::continues(&spec.kind).is_some()).collect();
    let Some(shape) = shape else {
        if able.is_empty() || able.iter().any(|spec| !search::needs_net(spec)) {
            return Ok(());
        }
        let learner = opened.provenance.learner.as_ref().map_or("another learner", |spec| spec.kind.as_str());
        let problem =
            format!("{path} has no net that neural_net could continue from: it is a model of {learner}");
        return Err(EngineError::usage(
            problem,
            "start from a model with a neural_net, or name boosted_trees or ridge too",
        )
        .into());
    };
    for spec in able.iter().filter(|spec| search::needs_net(spec)) {
        let other = spec
            .params
            .iter()
            .find(|(key, value)| shape.get(*key).is_some_and(|known| !agrees(value, known)));
        if let Some((key, value)) = other {
            let problem =
                format!("neural_net has {key} = {value}, and the net in {path} has {key} = {}", shape[key]);
            return Err(EngineError::usage(
                problem,
                format!("leave {key} out of the learner, or leave start out of [train]"),
            )
            .into());
        }
    }
    Ok(())
}

/// Whether what a recipe says of a parameter is so; of a table, only the keys that it names.
fn agrees(said: &Value, known: &Value) -> bool {
    match (said, known) {
        (Value::Object(said), Value::Object(known)) => {
            said.iter().all(|(key, value)| known.get(key).is_some_and(|known| agrees(value, known)))
        }
        (Value::Number(said), Value::Number(known)) => said.as_f64() == known.as_f64(),
        (Value::Array(said), Value::Array(known)) => {
            said.len() == known.len() && said.iter().zip(known).all(|(said, known)| agrees(said, known))
        }
        _ => said == known,
    }
}

/// Whether the earlier model is of the same question.
fn check_model(opened: &Opened, path: &str, plan: &InferredSchema) -> Result<()> {
    let wrong = |problem: String| Err(Error::data(problem, SAME));
    let (old, target) = (&opened.provenance, resolve::target(plan)?);
    let task = resolve::task(plan)?;
    if old.task.is_none_or(|old| old.is_classes() != task.is_classes()) {
        let now = task.word();
        return wrong(format!("'{}' is another task in {path} than here ({now})", target.name));
    }
    let sorted = |classes: &[String]| {
        let mut classes = classes.to_vec();
        classes.sort();
        classes
    };
    if task.is_classes() && sorted(&old.classes) != sorted(&plan.classes) {
        let (before, now) = (old.classes.join(", "), plan.classes.join(", "));
        return wrong(format!("'{}' has the classes {now}, and in {path} {before}", target.name));
    }
    let before = opened.model.intake()?.plan();
    let features = before.columns.iter().filter(|c| matches!(c.role, Role::Feature | Role::Time));
    let mut shared = 0;
    for column in features {
        let used = |role| !matches!(role, Role::Ignore | Role::Target);
        let Some(now) = plan.columns.iter().find(|c| c.name == column.name && used(c.role)) else { continue };
        if now.kind != column.kind {
            let (name, is, was) = (&column.name, now.kind.word(), column.kind.word());
            return Err(Error::data(
                format!("column '{name}' is a {is} here, and a {was} in {path}"),
                format!(
                    "say its kind in the recipe (columns.{name}.kind = \"{was}\"), or leave start out of [train]"
                ),
            ));
        }
        shared += 1;
    }
    match shared {
        0 => wrong(format!("no column of the table is one that {path} learned from")),
        _ => Ok(()),
    }
}
