//! `predict`: predicts a source of any size in bounded memory.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, StringArray, UInt32Array};
use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{
    Batch, Batches, Chain, Column, Context, Error, Event, Fitted, Kind, Result, Role, Run, Schema, Source,
};
use tidemill_kernel::Random;
use tidemill_kernel::mask::Mask;

use crate::error::EngineError;
use crate::files::replace;
use crate::forecast::{self, HISTORY};
use crate::links::answer::drawn;
use crate::links::interval::BOUNDS;
use crate::model::several::answer_name;
use crate::model::{self, AnyModel, Model, Opened};
use crate::recipe;
use crate::rows::{check_out, open_to_answer};

/// What a prediction run did.
#[derive(Clone, Debug, Serialize)]
pub struct Predicted {
    /// How many rows were answered.
    pub rows: u64,
    /// Where the answers went.
    pub out: String,
    /// Columns of the input that the model does not use.
    pub unused_columns: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<tidemill_core::Warning>,
}

/// Answers the rows of `source` in their order and writes the key, where there is one, the prediction and the
/// probability of each class; of several targets under the name of each, such as `prediction_a`. Holds a few batches at a time, whatever the size of the source.
pub fn predict(model: &Path, source: &str, out: &str, context: &Context) -> Result<Predicted> {
    predict_into(model, source, out, None, context)
}

/// As [`predict`]; of a model of masks, each mask becomes a grey PNG in the folder `masks`, where one is named, and the answer its path. Without
/// it, masks are answered by their runs, as JSON.
///
/// # Errors
/// A folder for a model that answers with something else; a file that cannot be written.
pub fn predict_into(
    model: &Path,
    source: &str,
    out: &str,
    masks: Option<&Path>,
    context: &Context,
) -> Result<Predicted> {
    check_out(out, source)?;
    let (recipe, parts) = match model::open_any(model, context)? {
        AnyModel::One(opened) => (opened.package.recipe.clone(), vec![*opened]),
        AnyModel::Several(several) => (several.package.recipe.clone(), several.parts),
    };
    let recipe = recipe::parse(&recipe, "the model's recipe", context.registry())?;
    let source = open_to_answer(source, &recipe)?;
    let source = match recipe.forecast {
        Some(_) if source.schema().position(HISTORY).is_none() => {
            forecast::future(&*source, &recipe, context)?
        }
        _ => source,
    };
    let first = parts.first().ok_or_else(|| Error::internal("a model without parts"))?;
    let unused = first.model.intake()?.unknown(source.schema());
    let told: Vec<String> = match &recipe.forecast {
        Some(asked) => recipe.data.time.iter().chain(&asked.group).cloned().collect(),
        None => Vec::new(),
    };
    let intake = first.model.intake()?;
    let mut answers = Answers::new(&parts, &*source, &told, context.threads)?;
    let acting = Acting::of(first, &answers.schema, &recipe)?;
    let files = masks.map(|folder| MaskFiles::new(first, folder, &answers.schema)).transpose()?;
    let mut sink = tidemill_data::create(out, acting.as_ref().map_or(&answers.schema, |a| &a.schema))?;
    context.tell(&Event::Begin { what: "predicting".into(), steps: source.n_rows().map(|n| n as u64) });
    let mut rows = 0;
    for_each_group(intake.batches(&*source)?, context.threads, |group| {
        context.check()?;
        for batch in answers.apply(group)? {
            let batch = match &acting {
                Some(acting) => acting.draw(&batch, rows)?,
                None => batch,
            };
            let batch = match &files {
                Some(files) => files.write(&batch, rows)?,
                None => batch,
            };
            rows += batch.n_rows() as u64;
            context.tell(&Event::Step(batch.n_rows() as u64));
            sink.write(&batch)?;
        }
        Ok(())
    })?;
    sink.finish()?;
    context.tell(&Event::End);
    for part in &parts {
        part.model.warn_of_cells(context)?;
    }
    Ok(Predicted { rows, out: out.to_string(), unused_columns: unused, warnings: context.warnings() })
}

/// Hands the batches of a scan over in groups, one batch per thread.
pub(super) fn for_each_group(
    mut batches: Batches<'_>,
    size: usize,
    mut each: impl FnMut(Vec<Batch>) -> Result<()>,
) -> Result<()> {
    loop {
        let group = batches.by_ref().take(size).collect::<Result<Vec<_>>>()?;
        if group.is_empty() {
            return Ok(());
        }
        each(group)?;
    }
}

/// A policy's actions are drawn by its probabilities: by the recipe's seed and the number of the row, so that the same rows get the
/// same actions. What was the probability of the one that was drawn stands beside it, as `propensity`.
struct Acting {
    schema: Arc<Schema>,
    prediction: usize,
    probability: usize,
    n_actions: usize,
    seed: u64,
}

impl Acting {
    /// `None` for what is no policy.
    fn of(opened: &Opened, answers: &Schema, recipe: &Recipe) -> Result<Option<Self>> {
        if opened.provenance.task != Some(Task::Policy) {
            return Ok(None);
        }
        let place = |role| answers.role(role).ok_or_else(|| Error::internal("a policy without an answer"));
        let (prediction, probability) = (place(Role::Prediction)?, place(Role::Probability)?);
        let n_actions = answers.columns()[prediction].categories()?.len();
        let mut columns = answers.columns().to_vec();
        columns.insert(prediction + 1, Column::number("propensity").with_role(Role::Propensity));
        let (schema, seed) = (Arc::new(Schema::new(columns)?), recipe.train.seed);
        Ok(Some(Acting { schema, prediction, probability, n_actions, seed }))
    }

    /// The answers of rows of which so many came before.
    fn draw(&self, batch: &Batch, before: u64) -> Result<Batch> {
        let probabilities = batch.probabilities(self.probability)?;
        let drawn: Vec<(u32, f64)> = probabilities
            .chunks_exact(self.n_actions.max(1))
            .zip(before..)
            .map(|(row, at)| {
                let action = drawn(row, Random::new(self.seed, at).unit());
                (action, row[action as usize])
            })
            .collect();
        let names = batch.schema().columns()[self.prediction].categories()?;
        let mut arrays = batch.columns().to_vec();
        let codes = UInt32Array::from_iter_values(drawn.iter().map(|(action, _)| *action));
        arrays[self.prediction] = names.column(codes)?;
        let propensity = Float64Array::from_iter_values(drawn.iter().map(|(_, p)| *p));
        arrays.insert(self.prediction + 1, Arc::new(propensity));
        Batch::with_rows(self.schema.clone(), arrays, batch.n_rows())
    }
}

/// Masks as PNG files of a folder, named by the number of their row.
struct MaskFiles<'a> {
    folder: &'a Path,
    prediction: usize,
}

impl<'a> MaskFiles<'a> {
    fn new(opened: &Opened, folder: &'a Path, answers: &Schema) -> Result<Self> {
        if opened.provenance.task != Some(Task::Masks) {
            let problem = "the model does not answer with masks, so there are none to write";
            return Err(EngineError::usage(problem, "leave --masks out").into());
        }
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        let prediction = answers.role(Role::Prediction);
        let prediction = prediction.ok_or_else(|| Error::internal("masks without an answer"))?;
        Ok(MaskFiles { folder, prediction })
    }

    /// The answers of rows of which so many came before, with a path in the place of each mask.
    fn write(&self, batch: &Batch, before: u64) -> Result<Batch> {
        let paths = batch.texts(self.prediction)?.iter().zip(before + 1..).map(|(runs, row)| {
            let Some(runs) = runs else { return Ok(None) };
            let mask = Mask::of_rle(runs).map_err(|why| Error::internal(format!("row {row}: {why}")))?;
            let path = self.folder.join(format!("{row}.png"));
            replace(&path, &mask.to_png())?;
            Ok(Some(path.display().to_string()))
        });
        let paths = StringArray::from_iter(paths.collect::<Result<Vec<_>>>()?);
        let mut arrays = batch.columns().to_vec();
        arrays[self.prediction] = Arc::new(paths);
        Batch::with_rows(batch.schema().clone(), arrays, batch.n_rows())
    }
}

/// The answers of one model, or of one for each target side by side.
struct Answers {
    parts: Vec<Answering>,
    schema: Arc<Schema>,
}

impl Answers {
    fn new(opened: &[Opened], source: &dyn Source, told: &[String], threads: usize) -> Result<Self> {
        let alone = opened.len() == 1;
        let of = |(i, one): (usize, &Opened)| {
            let shown = match i {
                0 => &[Role::Key, Role::Prediction, Role::Probability, Role::ExpectedReward][..],
                // The key stands with the first.
                _ => &[Role::Prediction, Role::Probability],
            };
            Answering::new(&one.model, source, if i == 0 { told } else { &[] }, shown, threads)
        };
        let mut parts = opened.iter().enumerate().map(of).collect::<Result<Vec<_>>>()?;
        parts.iter_mut().skip(1).for_each(|part| part.about.clear());
        let mut columns = Vec::new();
        for (part, one) in parts.iter().zip(opened) {
            let own = part.schema(source.schema())?;
            columns.extend(own.columns().iter().map(|c| match c.role {
                Role::Prediction | Role::Probability if !alone => {
                    Column { name: answer_name(&c.name, &one.provenance.target), ..c.clone() }
                }
                _ => c.clone(),
            }));
        }
        Ok(Answers { parts, schema: Arc::new(Schema::new(columns)?) })
    }

    /// At most as many batches as there are threads.
    fn apply(&mut self, group: Vec<Batch>) -> Result<Vec<Batch>> {
        let of_parts = self.parts.iter_mut().map(|part| part.apply(&group)).collect::<Result<Vec<_>>>()?;
        if of_parts.len() == 1 {
            return Ok(of_parts.into_iter().flatten().collect());
        }
        let joined = |i: usize| {
            let arrays = of_parts.iter().flat_map(|part| part[i].columns()).cloned().collect();
            Batch::with_rows(self.schema.clone(), arrays, group[i].n_rows())
        };
        (0..group.len()).map(joined).collect()
    }
}

/// The intake bound once, since it counts the rows that its warnings name (its columns are read in parallel); the rest
/// of the chain bound once per thread.
struct Answering {
    intake: Box<dyn Run>,
    runs: Vec<Box<dyn Run>>,
    output: Schema,
    places: Vec<usize>,
    /// The raw columns that say what an answer is about: the paths of images; of forecasts the moment and the group.
    about: Vec<usize>,
}

impl Answering {
    fn new(
        model: &Model,
        source: &dyn Source,
        told: &[String],
        shown: &[Role],
        threads: usize,
    ) -> Result<Self> {
        let input = source.schema();
        let output = model.chain.output(input)?;
        let places = shown.iter().flat_map(|role| output.with_role(*role));
        let places = places.chain(BOUNDS.iter().filter_map(|name| output.position(name))).collect();
        let (first, rest) = model.chain.0.split_first().ok_or_else(|| Error::internal("an empty chain"))?;
        let (typed, rest) = (first.output(input)?, Arc::new(Chain(rest.to_vec())));
        let runs = (0..threads.max(1)).map(|_| rest.clone().bind(&typed)).collect::<Result<_>>()?;
        let columns = model.intake()?.plan().by_name();
        let named = |c: &Column| {
            let picture = c.kind == Kind::Text
                && columns
                    .get(c.name.as_str())
                    .is_some_and(|p| p.role == Role::Feature && p.kind == Kind::Image);
            picture || told.contains(&c.name)
        };
        let about = input.places(named);
        Ok(Answering { intake: model.reader()?.bind_to(source)?, runs, output, places, about })
    }

    /// The columns of the answers.
    fn schema(&self, input: &Schema) -> Result<Schema> {
        let named = self.about.iter().map(|&i| input.columns()[i].clone());
        Schema::new(named.chain(self.places.iter().map(|&i| self.output.columns()[i].clone())).collect())
    }

    /// At most as many batches as there are runs.
    fn apply(&mut self, group: &[Batch]) -> Result<Vec<Batch>> {
        if group.len() > self.runs.len() {
            return Err(Error::internal("more batches than runs"));
        }
        let read = group.iter().map(|batch| self.intake.apply(batch)).collect::<Result<Vec<_>>>()?;
        let (places, about) = (&self.places, &self.about);
        let answered = self.runs.par_iter_mut().zip(group).zip(read);
        answered.map(|((run, raw), batch)| beside(raw, about, &run.apply(&batch)?.select(places)?)).collect()
    }
}

/// The answers, behind these columns of the raw rows.
fn beside(raw: &Batch, places: &[usize], answers: &Batch) -> Result<Batch> {
    if places.is_empty() {
        return Ok(answers.clone());
    }
    let raw = raw.select(places)?;
    let columns = raw.schema().columns().iter().chain(answers.schema().columns()).cloned().collect();
    let arrays = raw.columns().iter().chain(answers.columns()).cloned().collect();
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, answers.n_rows())
}
