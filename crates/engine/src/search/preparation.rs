//! Fits preparation stage by stage: the recipe's steps, then whatever a learner still needs.

use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{
    Column, Context, Error, Fitted, Kind, Layout, Needs, Result, Role, Schema, Source, Table, Training,
};

use super::labels::LabelFacts;
use super::{BalanceFacts, layers};
use crate::builtin;
use crate::recipe::column_specs;

/// Categories with more names than this are encoded by the target's mean, not by one number per name.
pub const ONE_HOT_MOST: usize = 64;

/// Learners that read categories as they are get those with more names than this by the target's mean too: they would
/// have to learn something of each name, and few rows have it.
pub const NAMES_MOST: usize = 1000;

/// Preparation fitted on the training rows, and these rows prepared.
pub struct Prepared {
    /// The fitted steps, in order.
    pub steps: Vec<Arc<dyn Fitted>>,
    /// What was fitted, in order, as a recipe would say it.
    pub specs: Vec<Spec>,
    /// The training rows as the learner sees them.
    pub train: Table,
    /// What balancing did to the rows that the learner was fitted on.
    pub balance: Option<BalanceFacts>,
    /// What became of rows of doubtful label among those that it was fitted on.
    pub labels: Option<LabelFacts>,
}

/// A stage looks at the columns that have come out so far and says which steps follow.
type Stage = fn(&Schema, &Recipe, Needs) -> Vec<Spec>;

/// The order of preparation. Dates come before missing values, since a missing date has missing parts; outliers too, since they may
/// be taken for missing.
const STAGES: &[Stage] = &[written, points, dates, outliers, missing, encode, texts, dense, scale, leftovers];

/// Fits preparation for a learner with these needs on `train` alone.
pub fn fit(train: Table, recipe: &Recipe, needs: Needs, context: &Context) -> Result<Prepared> {
    fit_watched(train, recipe, needs, context, &mut |_, _, _| Ok(()))
}

/// As [`fit`]; after each step, `watch` gets it with the rows before and after it.
pub fn fit_watched(
    train: Table,
    recipe: &Recipe,
    needs: Needs,
    context: &Context,
    watch: &mut dyn FnMut(&Spec, &Table, &Table) -> Result<()>,
) -> Result<Prepared> {
    let mut prepared = Prepared { steps: Vec::new(), specs: Vec::new(), train, balance: None, labels: None };
    for stage in STAGES {
        for spec in stage(prepared.train.schema(), recipe, needs) {
            let before = prepared.add(spec, context)?;
            let spec = prepared.specs.last().ok_or_else(|| Error::internal("a step without a name"))?;
            watch(spec, &before, &prepared.train)?;
        }
    }
    Ok(prepared)
}

/// Images to pixels and series to what they say at a timestamp, once for all learners and folds, unless the recipe's own steps do
/// it. What is learned here (the size of the images and whether they are grey, the usual step of a series) belongs to the
/// reading of the table, as the names of categories do.
pub fn media(table: Table, recipe: &Recipe, context: &Context) -> Result<Prepared> {
    let mut prepared =
        Prepared { steps: Vec::new(), specs: Vec::new(), train: table, balance: None, labels: None };
    for spec in read_media(prepared.train.schema(), recipe) {
        prepared.add(spec, context)?;
    }
    Ok(prepared)
}

impl Prepared {
    /// Gives back the rows before the step.
    fn add(&mut self, spec: Spec, context: &Context) -> Result<Table> {
        context.check()?;
        let step = context.build(&spec.kind, Value::Object(layers::read(&spec, context)?))?;
        let stream = context.with_stream(&format!("{}:{}", self.steps.len(), spec.kind));
        let (fitted, output) =
            step.fit_apply(Training { prior: context.earlier(), ..Training::on(&self.train) }, &stream)?;
        self.steps.push(fitted);
        self.specs.push(spec);
        Ok(std::mem::replace(&mut self.train, output))
    }
}

/// The kinds that a step of their own reads.
const MEDIA: [(Kind, &str); 2] = [(Kind::Image, "encode_pixels"), (Kind::Series, "encode_series")];

fn is_media(spec: &Spec) -> bool {
    MEDIA.iter().any(|(_, step)| spec.kind == *step)
}

/// The steps that read the table's images and series: as their columns ask for it, or with what suits them.
fn read_media(schema: &Schema, recipe: &Recipe) -> Vec<Spec> {
    let mut specs = of_columns(schema, recipe, "encode");
    specs.retain(is_media);
    let own = spoken_for(&specs);
    for (kind, step) in MEDIA {
        let rest = names(schema, |c| c.kind == kind && !own.contains(&c.name) && !is_track(recipe, &c.name));
        if !rest.is_empty() && !recipe.steps.iter().any(|own| own.kind == step) {
            specs.push(Spec::new(step).with("columns", rest));
        }
    }
    specs
}

/// Whether a step reads a column as the track of its row, which it can as long as nothing else has.
fn is_track(recipe: &Recipe, column: &str) -> bool {
    let says = |value: &Value| match value {
        Value::String(name) => name == column,
        Value::Array(names) => names.iter().any(|name| name == column),
        _ => false,
    };
    let reads = |spec: &Spec| {
        let keys = builtin::entry(&spec.kind).map_or(&[][..], |entry| entry.tracks);
        keys.iter().any(|key| spec.params.get(*key).is_some_and(says))
    };
    recipe.steps.iter().any(reads)
}

/// The recipe's `[[steps]]`; for those that read points, these are made of two columns of coordinates.
fn written(schema: &Schema, recipe: &Recipe, _: Needs) -> Vec<Spec> {
    let nearest = recipe.graph.as_ref().and_then(|graph| graph.neighbors);
    let nearest = nearest.map(|n| Spec::new("nearest_rows").with("neighbors", n));
    let mut specs: Vec<Spec> = nearest.into_iter().chain(recipe.steps.iter().cloned()).collect();
    let reads = specs.iter().any(|spec| builtin::entry(&spec.kind).is_some_and(|entry| entry.reads_points));
    let made = specs.iter().any(|spec| spec.kind == "points_from_xy");
    if reads && !made && !has(schema, |c| c.kind == Kind::Point) {
        specs.insert(0, Spec::new("points_from_xy"));
    }
    specs
}

/// The coordinates of points of which nothing has them yet: a step has divided or projected others, or made them of coordinates.
fn points(schema: &Schema, _: &Recipe, needs: Needs) -> Vec<Spec> {
    let open = |c: &Column| {
        c.kind == Kind::Point && c.source() == c.name && schema.position(&format!("{}_x", c.name)).is_none()
    };
    let open = names(schema, open);
    if (needs.numeric || needs.tabular) && !open.is_empty() {
        vec![Spec::new("point_coordinates").with("columns", open)]
    } else {
        Vec::new()
    }
}

/// The parts of dates; for a forecast those alone that come round: trees take a month that came once for a level.
fn dates(schema: &Schema, recipe: &Recipe, needs: Needs) -> Vec<Spec> {
    let any = schema.columns().iter().any(|c| c.kind == Kind::Time && is_used(c));
    if !(needs.numeric || needs.tabular) || !any {
        return Vec::new();
    }
    let parts = Spec::new("date_parts");
    vec![if recipe.forecast.is_some() { parts.with("recurring", true) } else { parts }]
}

fn outliers(schema: &Schema, recipe: &Recipe, _: Needs) -> Vec<Spec> {
    of_columns(schema, recipe, "outliers")
}

fn missing(schema: &Schema, recipe: &Recipe, needs: Needs) -> Vec<Spec> {
    let mut specs = of_columns(schema, recipe, "missing");
    if needs.complete {
        if has(schema, |c| c.kind == Kind::Number) {
            specs.push(Spec::new("impute_median").with("flag", true));
        }
        if has(schema, |c| c.kind == Kind::Flag) {
            let flags: Vec<&str> = names(schema, |c| c.kind == Kind::Flag);
            specs.push(Spec::new("impute_mode").with("columns", flags).with("flag", true));
        }
    }
    specs
}

fn encode(schema: &Schema, recipe: &Recipe, needs: Needs) -> Vec<Spec> {
    let mut specs = of_columns(schema, recipe, "encode");
    // Images and series have been read before.
    specs.retain(|spec| !is_media(spec));
    if !needs.numeric && !needs.tabular {
        return specs;
    }
    let own = spoken_for(&specs);
    let size = |c: &Column| c.categories.as_ref().map_or(0, |names| names.len());
    let open = |c: &Column| c.kind == Kind::Category && !own.contains(&c.name);
    let most = if needs.numeric { ONE_HOT_MOST } else { NAMES_MOST };
    let few = names(schema, |c| open(c) && size(c) <= most);
    let many = names(schema, |c| open(c) && size(c) > most);
    if needs.numeric && !few.is_empty() {
        specs.push(Spec::new("encode_one_hot").with("columns", few));
    }
    if !many.is_empty() {
        specs.push(Spec::new("encode_target").with("columns", many));
    }
    specs
}

/// Texts become the weights of their terms, or where their order is read, tokens. Terms are words, and for learners that read sparse
/// vectors pairs of words too: those gave 4% more accuracy on verses, and all other learners would get their directions alone.
fn texts(schema: &Schema, _: &Recipe, needs: Needs) -> Vec<Spec> {
    let texts = names(schema, |c| c.kind == Kind::Text);
    let wanted = needs.numeric || needs.tabular;
    if !wanted || texts.is_empty() {
        return Vec::new();
    }
    let step = Spec::new(if needs.tokens { "encode_tokens" } else { "encode_tfidf" }).with("columns", texts);
    let pairs = needs.sparse && !needs.tokens;
    vec![if pairs { step.with("terms", json!({ "ngrams": [1, 2] })) } else { step }]
}

/// Learners that read short rows of numbers get the leading directions of a sparse vector; tokens that a step of the recipe
/// made mean nothing to them.
fn dense(schema: &Schema, _: &Recipe, needs: Needs) -> Vec<Spec> {
    let sparse = names(schema, |c| matches!(c.kind, Kind::Vector { sparse: true, .. }));
    let wanted = (needs.numeric || needs.tabular) && !needs.sparse;
    if wanted && !sparse.is_empty() {
        vec![Spec::new("reduce_svd").with("columns", sparse)]
    } else {
        Vec::new()
    }
}

fn scale(schema: &Schema, recipe: &Recipe, needs: Needs) -> Vec<Spec> {
    let mut specs = of_columns(schema, recipe, "scale");
    let own = spoken_for(&specs);
    let rest = names(schema, |c| c.kind == Kind::Number && !own.contains(&c.name));
    if needs.scaled && !rest.is_empty() {
        specs.push(Spec::new("scale_standard").with("columns", rest));
    }
    specs
}

/// Columns that the learner cannot read: kinds that no step turns into numbers yet.
fn leftovers(schema: &Schema, _: &Recipe, needs: Needs) -> Vec<Spec> {
    let read = |c: &Column| match c.kind {
        Kind::Number | Kind::Flag => true,
        Kind::Vector { .. } if matches!(c.layout, Some(Layout::Tokens { .. })) => needs.tokens,
        Kind::Vector { sparse, .. } => needs.sparse || !sparse,
        Kind::Category => !needs.numeric,
        _ => false,
    };
    let unread = names(schema, |c| !read(c));
    if (needs.numeric || needs.tabular) && !unread.is_empty() {
        vec![Spec::new("drop_columns").with("columns", unread)]
    } else {
        Vec::new()
    }
}

/// The steps that the columns' own tables ask for under `slot`; columns that an earlier step replaced are past it.
fn of_columns(schema: &Schema, recipe: &Recipe, slot: &str) -> Vec<Spec> {
    let present = recipe.columns.iter().filter(|(name, _)| {
        schema.position(name).is_some_and(|at| schema.columns()[at].role == Role::Feature)
    });
    present
        .flat_map(|(name, column)| {
            let wanted = column_specs(column).filter(|(of, _)| *of == slot);
            wanted.map(|(_, spec)| spec.with("columns", vec![name.clone()])).collect::<Vec<_>>()
        })
        .collect()
}

fn spoken_for(specs: &[Spec]) -> Vec<String> {
    let columns = specs.iter().filter_map(|s| s.params.get("columns")?.as_array());
    columns.flatten().filter_map(|name| Some(name.as_str()?.to_string())).collect()
}

fn names(schema: &Schema, wanted: impl Fn(&Column) -> bool) -> Vec<&str> {
    let columns = schema.columns().iter().filter(|c| c.role == Role::Feature && wanted(c));
    columns.map(|c| c.name.as_str()).collect()
}

fn has(schema: &Schema, wanted: impl Fn(&Column) -> bool) -> bool {
    schema.columns().iter().any(|c| c.role == Role::Feature && wanted(c))
}

fn is_used(column: &Column) -> bool {
    matches!(column.role, Role::Feature | Role::Time)
}
