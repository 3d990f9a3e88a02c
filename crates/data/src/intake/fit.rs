//! Reading the training table: one pass, or two where a column turns out to be something else.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use hashbrown::HashMap;
use rayon::prelude::*;
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Column, Context, Error, Kind, Result, Role, Schema, Source, Table};

use super::bound::{Last, read_column};
use super::{CellProblem, Ingest};
use crate::cell::{Raw, RawColumn, Reader};
use crate::parse::spelling;
use crate::plan::{InferredColumn, InferredSchema, class_order, tolerated};
use crate::seen::Seen;
use crate::source::pieces;

/// The most names that are kept of one category column; rarer ones that come later count as unseen.
const MAX_NAMES: usize = 1_000_000;
const OVERFLOW: u32 = u32::MAX;

pub(super) fn fit(
    source: &dyn Source,
    mut plan: InferredSchema,
    context: &Context,
) -> Result<(Arc<Ingest>, Table)> {
    loop {
        let pass = Pass::run(source, &plan, context)?;
        pass.check_pictures(&plan)?;
        let widened = pass.widened(&plan);
        if widened.is_empty() {
            return pass.finish(plan, context);
        }
        for column in widened {
            context
                .warn("widened", format!("column '{}' is read as a category: {}", column.name, column.why));
            if let Some(old) = plan.columns.iter_mut().find(|c| c.name == column.name) {
                *old = column;
            }
        }
    }
}

/// A column as it is being read.
struct Filling {
    /// Its place in the plan, and in the source.
    at: usize,
    place: usize,
    reader: Reader,
    parts: Vec<ArrayRef>,
    names: Interner,
    trouble: Option<CellProblem>,
    /// Cells that say something.
    n_values: u64,
}

impl Filling {
    fn add(
        &mut self,
        batch: &Batch,
        folder: Option<&Path>,
        number: &(dyn Fn(usize) -> u64 + Sync),
    ) -> Result<()> {
        let raw = RawColumn::of(batch, self.place)?;
        let before = self.trouble.as_ref().map_or(0, |t| t.count);
        let array: ArrayRef = if self.reader.kind == Kind::Category {
            Arc::new(self.names.codes(&self.reader, &raw, batch.n_rows()))
        } else {
            read_column(&self.reader, &raw, batch.n_rows(), folder, number, &mut self.trouble)?
        };
        let bad = self.trouble.as_ref().map_or(0, |t| t.count) - before;
        self.n_values += (array.len() - array.null_count()) as u64 + bad;
        self.parts.push(array);
        Ok(())
    }
}

/// Names in the order in which they are first met.
#[derive(Default)]
struct Interner {
    names: Vec<String>,
    codes: HashMap<String, u32>,
}

impl Interner {
    fn codes(&mut self, reader: &Reader, raw: &RawColumn<'_>, n: usize) -> UInt32Array {
        let mut last = Last::default();
        let codes = (0..n).map(|row| {
            last.code(raw.cell(row), |cell: Raw<'_>| {
                let name = reader.name(cell)?;
                Some(match self.codes.get(&*name) {
                    Some(&code) => code,
                    None => self.add(&name),
                })
            })
        });
        UInt32Array::from_iter(codes)
    }

    fn add(&mut self, name: &str) -> u32 {
        if self.names.len() == MAX_NAMES {
            return OVERFLOW;
        }
        let code = self.names.len() as u32;
        self.names.push(name.to_string());
        self.codes.insert(name.to_string(), code);
        code
    }
}

struct Pass<'a> {
    fillings: Vec<Filling>,
    /// Where the paths of images are looked for.
    folder: Option<&'a Path>,
    n_dropped: u64,
    n_rows: u64,
}

impl<'a> Pass<'a> {
    fn run(source: &'a dyn Source, plan: &InferredSchema, context: &Context) -> Result<Self> {
        let mut fillings = Vec::new();
        for (at, column) in plan.columns.iter().enumerate().filter(|(_, c)| c.is_used()) {
            let place = source.schema().index(&column.name)?;
            let reader = Reader::new(plan, column);
            let names = Interner::default();
            fillings.push(Filling { at, place, reader, parts: vec![], names, trouble: None, n_values: 0 });
        }
        let target = fillings.iter().position(|f| plan.columns[f.at].role == Role::Target);
        let mut target = target.map(|i| fillings.remove(i));
        let mut pass = Pass { fillings, folder: source.folder(), n_dropped: 0, n_rows: 0 };
        for batch in source.scan()? {
            for batch in pieces(batch, plan.batch_rows()) {
                context.check()?;
                pass.add(batch?, target.as_mut())?;
            }
        }
        if let Some(target) = target {
            let before = pass.fillings.iter().position(|f| f.at > target.at).unwrap_or(pass.fillings.len());
            pass.fillings.insert(before, target);
        }
        Ok(pass)
    }

    /// The target first: the rows without one are dropped before anything is learned from them.
    fn add(&mut self, batch: Batch, target: Option<&mut Filling>) -> Result<()> {
        let first = self.n_rows + 1;
        self.n_rows += batch.n_rows() as u64;
        let mut kept: Option<Vec<u32>> = None;
        if let Some(target) = target {
            target.add(&batch, self.folder, &|row| first + row as u64)?;
            let read = target.parts.pop().ok_or_else(|| Error::internal("no target was read"))?;
            let read = match read.nulls().filter(|nulls| nulls.null_count() > 0) {
                Some(nulls) => {
                    kept = Some(nulls.valid_indices().map(|i| i as u32).collect());
                    self.n_dropped += nulls.null_count() as u64;
                    let mask = BooleanArray::new(nulls.inner().clone(), None);
                    arrow_select::filter::filter(&read, &mask)
                        .map_err(|e| Error::internal(format!("dropping rows: {e}")))?
                }
                None => read,
            };
            target.parts.push(read);
        }
        let batch = match &kept {
            Some(rows) => batch.take(rows)?,
            None => batch,
        };
        let number = |row: usize| first + kept.as_ref().map_or(row as u64, |rows| u64::from(rows[row]));
        let folder = self.folder;
        self.fillings.par_iter_mut().try_for_each(|filling| filling.add(&batch, folder, &number))
    }

    /// Too many images that cannot be read are not a slip: another folder, another column.
    fn check_pictures(&self, plan: &InferredSchema) -> Result<()> {
        for filling in self.fillings.iter().filter(|f| f.reader.kind == Kind::Image) {
            let Some(trouble) = filling.trouble.as_ref().filter(|t| t.count > tolerated(filling.n_values))
            else {
                continue;
            };
            let CellProblem { count, row, value } = trouble;
            let name = &plan.columns[filling.at].name;
            return Err(Error::data(
                format!(
                    "column '{name}': {count} of {} images cannot be read, the first in row {row} ({value})",
                    filling.n_values
                ),
                "give PNG, JPEG, GIF, BMP or WebP files, named by paths below the table's folder",
            ));
        }
        Ok(())
    }

    /// The columns that the sample took for something else than they are.
    fn widened(&self, plan: &InferredSchema) -> Vec<InferredColumn> {
        let wrong = |f: &&Filling| {
            let column = &plan.columns[f.at];
            let bad = f.trouble.as_ref().map_or(0, |t| t.count);
            let named = column.kind != Kind::Image;
            named && !column.declared && column.role == Role::Feature && bad > tolerated(f.n_values)
        };
        let widen = |f: &Filling| f.trouble.as_ref().map(|t| plan.columns[f.at].widened(t));
        self.fillings.iter().filter(wrong).filter_map(widen).collect()
    }

    fn finish(self, mut plan: InferredSchema, context: &Context) -> Result<(Arc<Ingest>, Table)> {
        self.report(&plan, context);
        let n_rows = (self.n_rows - self.n_dropped) as usize;
        if n_rows == 0 {
            let problem = match plan.target() {
                Some(target) if self.n_rows > 0 => {
                    format!("target '{}' is missing in every row", target.name)
                }
                _ => "the data have no rows".to_string(),
            };
            return Err(Error::data(problem, "give rows to learn from"));
        }
        plan.n_rows = self.n_rows as usize;
        let done: Vec<(usize, Vec<String>, ArrayRef)> =
            self.fillings.into_par_iter().map(|f| f.finish(&plan)).collect::<Result<_>>()?;
        let mut arrays = Vec::with_capacity(done.len());
        for (at, names, array) in done {
            if plan.columns[at].role == Role::Target && plan.columns[at].kind == Kind::Category {
                plan.classes = names.clone();
            }
            plan.columns[at].categories = names;
            plan.columns[at].range = range(&array);
            arrays.push(array);
        }
        let ties = ties(&plan, &arrays);
        if let Some(column) = plan.columns.iter_mut().find(|c| c.role == Role::Neighbors) {
            column.seen = ties;
        }
        for (column, array) in plan.columns.iter_mut().filter(|c| c.is_used()).zip(&arrays) {
            if column.role == Role::Feature {
                column.seen.add(&Column::new(&column.name, column.kind), array)?;
            }
            if matches!(column.role, Role::Feature | Role::Time) {
                column.seen.add_times(array);
            }
        }
        let intake = Arc::new(Ingest::new(plan));
        let columns = intake.outputs.iter().map(|o| o.column.clone()).collect();
        let arrays = intake.outputs.iter().zip(arrays).map(|(output, array)| match &output.reader.names {
            Some(names) => names.categories.column(AsArray::as_primitive(&array).clone()),
            None => Ok(array),
        });
        let batch =
            Batch::with_rows(Arc::new(Schema::new(columns)?), arrays.collect::<Result<_>>()?, n_rows)?;
        Ok((intake, Table::new(batch)))
    }

    fn report(&self, plan: &InferredSchema, context: &Context) {
        if self.n_dropped > 0 {
            let target = plan.target().map_or("", |t| &t.name);
            let rows =
                if self.n_dropped == 1 { "1 row has" } else { &format!("{} rows have", self.n_dropped) };
            context.warn("target_missing", format!("{rows} no target '{target}'; dropped"));
        }
        for filling in &self.fillings {
            let column = &plan.columns[filling.at];
            if let Some(trouble) = &filling.trouble {
                let warning = trouble.warning(&column.name, column.kind);
                context.warn(&warning.code, warning.message);
            }
            if filling.names.names.len() == MAX_NAMES {
                let message = format!(
                    "column '{}' has {MAX_NAMES} names or more; those that come later count as unseen",
                    column.name
                );
                context.warn("many_categories", message);
            }
        }
    }
}

impl Filling {
    /// The names in their order, and the column in one piece: of a category, its codes.
    fn finish(self, plan: &InferredSchema) -> Result<(usize, Vec<String>, ArrayRef)> {
        let column = &plan.columns[self.at];
        let is_target = column.role == Role::Target;
        let met = if column.merged { self.merged(plan) } else { self.names.names.clone() };
        let order = match (is_target, plan.task) {
            (true, Some(task)) if column.kind == Kind::Category => classes(plan, task, &distinct(&met))?,
            // Names that an earlier model knows keep a code, whether rows have them or not.
            _ => class_order(&distinct(&[met.as_slice(), &column.categories].concat())),
        };
        let places: Vec<u32> = {
            let codes: HashMap<&str, u32> = order.iter().map(String::as_str).zip(0..).collect();
            met.iter().map(|name| codes.get(&**name).copied().unwrap_or(0)).collect()
        };
        let unseen = order.len() as u32;
        let parts = self.parts.into_iter().map(|part| {
            if column.kind != Kind::Category {
                return part;
            }
            let codes: &UInt32Array = AsArray::as_primitive(&part);
            let place = |c: u32| places.get(c as usize).copied().unwrap_or(unseen);
            Arc::new(codes.unary::<_, arrow_array::types::UInt32Type>(place)) as ArrayRef
        });
        let parts: Vec<ArrayRef> = parts.collect();
        let array = match parts.as_slice() {
            [one] => one.clone(),
            _ => {
                let parts: Vec<&dyn Array> = parts.iter().map(|p| &**p as &dyn Array).collect();
                arrow_select::concat::concat(&parts).map_err(|e| {
                    Error::data(
                        format!("column '{}' cannot be held in memory as one: {e}", column.name),
                        "use fewer rows, or give the column the role 'ignore'",
                    )
                })?
            }
        };
        Ok((self.at, order, array))
    }

    /// For each name that was met, the spelling that stands for it.
    fn merged(&self, plan: &InferredSchema) -> Vec<String> {
        let column = &plan.columns[self.at];
        let mut counts = vec![0u64; self.names.names.len()];
        for part in &self.parts {
            let codes: &UInt32Array = AsArray::as_primitive(part);
            codes.iter().flatten().for_each(|code| {
                if let Some(count) = counts.get_mut(code as usize) {
                    *count += 1;
                }
            });
        }
        let names: Vec<(&str, u64)> = self.names.names.iter().map(String::as_str).zip(counts).collect();
        let known = if column.role == Role::Target { &plan.classes } else { &column.categories };
        spelling::merged(&names, known).into_iter().map(String::from).collect()
    }
}

/// Each name once, in the order in which they first come.
fn distinct(names: &[String]) -> Vec<String> {
    let mut seen = hashbrown::HashSet::new();
    names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
}

/// The least and the greatest of a column of numbers.
fn range(array: &ArrayRef) -> Option<[f64; 2]> {
    let numbers = AsArray::as_primitive_opt::<arrow_array::types::Float64Type>(array)?;
    let finite = numbers.iter().flatten().filter(|x| x.is_finite());
    finite.fold(None, |range, x| match range {
        None => Some([x, x]),
        Some([least, greatest]) => Some([x.min(least), x.max(greatest)]),
    })
}

/// The order of the classes: the plan's, and sorted among them those that the sample missed.
fn classes(plan: &InferredSchema, task: Task, met: &[String]) -> Result<Vec<String>> {
    let more: Vec<&String> = met.iter().filter(|name| !plan.classes.contains(name)).collect();
    if more.is_empty() {
        return Ok(plan.classes.clone());
    }
    if task == Task::Binary && plan.classes.len() == 2 {
        let is_spelling = |class: &String| spelling::folded(class) == spelling::folded(more[0]);
        let remedy = if plan.classes.iter().any(is_spelling) {
            "read the spellings of a class as one: spellings = \"merge\" in the [columns] of the target"
        } else {
            "set the task to multiclass, or name that value in [data] missing to drop its rows"
        };
        return Err(Error::data(
            format!(
                "the task is binary between '{}' and '{}', but there is also '{}'",
                plan.classes[0], plan.classes[1], more[0]
            ),
            remedy,
        ));
    }
    let all: Vec<String> = plan.classes.iter().chain(more).cloned().collect();
    Ok(class_order(&all))
}

/// Whom rows list as neighbours, and who they are themselves.
fn ties(plan: &InferredSchema, arrays: &[ArrayRef]) -> Seen {
    let used = || plan.columns.iter().filter(|c| c.is_used()).zip(arrays);
    let texts = |role: Role| {
        let column = used().find(|(c, _)| c.role == role).and_then(|(_, array)| array.as_string_opt::<i32>());
        column.into_iter().flat_map(|texts| texts.iter().flatten())
    };
    Seen::of_ties(texts(Role::Neighbors), texts(Role::Key))
}
