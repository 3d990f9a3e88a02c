//! The first link of every model's chain: from raw columns to typed ones, the same in training and in service.

mod bound;
mod canonical;
mod fit;
mod masks;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tidemill_core::recipe::{ColumnSpec, Recipe};
use tidemill_core::{
    BATCH_ROWS, Batches, Column, Context, Error, Fitted, Kind, Registry, Result, Role, Run, Schema, Source,
    State, Table, Warning, escaped,
};

use crate::cell::{Reader, clip};
use crate::parse::spelling::composed;
use crate::plan::{InferredColumn, InferredSchema, is_readable};
use crate::seen::Seen;
use crate::source::pieces;
use bound::BoundIntake;
pub use canonical::{Canonical, canonical_rows};
pub use masks::check_masks;
pub use rows::{CellIssue, RowReader};

/// Reads raw columns as its [`InferredSchema`] says.
///
/// What comes in are the columns of any source or request, in any order and of any type that can be converted; columns that
/// the plan does not know or ignores are passed over. What comes out are the plan's columns in the plan's order. A feature must
/// be there; key, time, group, weight and target may be absent, and are then absent from the output too. A cell that cannot
/// be read becomes missing and is counted (see [`Ingest::warnings`]); a category that training never saw becomes the
/// code [`tidemill_core::Categories::unseen`].
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, StringArray};
/// use tidemill_core::{Batch, Column, Context, Kind, Role, Schema, Source, Table};
/// use tidemill_data::{InferredColumn, Ingest, InferredSchema};
///
/// let schema = Arc::new(Schema::new(vec![Column::new("age", Kind::Text)])?);
/// let raw: ArrayRef = Arc::new(StringArray::from(vec!["31", "NA"]));
/// let plan = InferredSchema { columns: vec![InferredColumn::new("age", Kind::Number, Role::Feature, "numbers")], ..InferredSchema::default() };
/// let (_, table) = Ingest::fit(&Table::new(Batch::new(schema, vec![raw])?), plan, &Context::default())?;
/// assert_eq!(table.batch().numbers(0)?.value(0), 31.0);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub struct Ingest {
    plan: InferredSchema,
    /// One per used column of the plan.
    outputs: Vec<Output>,
    troubles: Mutex<BTreeMap<String, CellProblem>>,
    /// What training did not see, by the column and what it is.
    strange: Mutex<BTreeMap<(String, &'static str), Strange>>,
}

/// The cells of a column of which the model knows little or nothing.
#[derive(Clone, Debug, PartialEq)]
struct Strange {
    count: u64,
    /// The first of them, from 1, and what is said of it.
    row: u64,
    says: String,
}

/// By what it is.
type Strangers = BTreeMap<&'static str, Strange>;

impl Strange {
    fn warning(&self, column: &str, code: &str) -> Warning {
        let Strange { count, row, says } = self;
        let at = if *count == 1 { format!("row {row}") } else { format!("{count} rows, first in row {row}") };
        Warning { code: code.into(), message: format!("column '{}', {at}: {says}", escaped(column)) }
    }
}

struct Output {
    column: Column,
    reader: Reader,
    /// The least and the greatest number of training.
    range: Option<[f64; 2]>,
    seen: Seen,
}

/// The cells of a column that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CellProblem {
    count: u64,
    /// The first of them, from 1.
    row: u64,
    value: String,
}

impl CellProblem {
    fn note(slot: &mut Option<CellProblem>, row: u64, value: impl FnOnce() -> String) {
        match slot {
            Some(trouble) => trouble.count += 1,
            None => *slot = Some(CellProblem { count: 1, row, value: value() }),
        }
    }

    /// The error where not one cell of a column could be read.
    fn nothing_read(&self, column: &str, kind: Kind) -> Error {
        let (value, word) = (clip(&self.value), kind.word());
        Error::data(
            format!(
                "column '{}': no cell is a {word} as in training, the first says '{value}' in row {}",
                escaped(column),
                self.row
            ),
            format!(
                "write the column as the training data did, or leave its cells empty where the {word} is not known"
            ),
        )
    }

    fn warning(&self, column: &str, kind: Kind) -> Warning {
        let column = escaped(column);
        let CellProblem { count, row, value } = self;
        let value: String = value
            .chars()
            .take(if matches!(kind, Kind::Image | Kind::Series | Kind::Point) { 200 } else { 40 })
            .collect();
        if kind == Kind::Category {
            let cells = if *count == 1 { "1 value was" } else { &format!("{count} values were") };
            return Warning {
                code: "unseen_category".into(),
                message: format!(
                    "column '{column}': {cells} never seen in training, first '{value}' in row {row}; the model knows \
                     nothing of it"
                ),
            };
        }
        let cells = if *count == 1 { "1 value is" } else { &format!("{count} values are") };
        Warning {
            code: "unparsable".into(),
            message: format!(
                "column '{column}': {cells} not of kind {}, first '{value}' in row {row}; taken as missing",
                kind.word()
            ),
        }
    }
}

impl Ingest {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "intake";

    /// Reads all rows of `source` into memory as `plan` says: collects the names of categories, drops the rows without a target
    /// (with a warning), widens to categories a column whose values beyond the sample turn out not to be what the plan took
    /// them for (more than 1% of them; never where the recipe said the kind), and warns about the cells that cannot be read.
    ///
    /// The table holds the key, time, group, weight, target and features, in the plan's order. The plan within the result
    /// is the one that was carried out. Errors when a column of the plan is missing, no row is left, or a class
    /// turns up that a binary task has no place for.
    pub fn fit(source: &dyn Source, plan: InferredSchema, context: &Context) -> Result<(Arc<Ingest>, Table)> {
        fit::fit(source, plan, context)
    }

    /// These columns of a source alone, typed as [`crate::infer`] finds them, none of them in another role than a feature: for truths
    /// and predictions that are judged without a model. Rows stay as they are; a cell that says nothing is null.
    ///
    /// # Errors
    /// A column that is not there, a source without rows.
    pub fn read_columns(source: &dyn Source, names: &[&str], context: &Context) -> Result<Table> {
        let mut recipe = Recipe::default();
        for name in names {
            source.schema().index(name)?;
            let spec = ColumnSpec { role: Some(Role::Feature), ..ColumnSpec::default() };
            recipe.columns.insert((*name).into(), spec);
        }
        let mut plan = crate::infer(source, &recipe, context)?;
        plan.columns.retain(|c| names.contains(&c.name.as_str()));
        Ok(fit::fit(source, plan, context)?.1)
    }

    /// Builds the intake that [`Fitted::state`] saved.
    pub fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let plan: InferredSchema = state.params()?;
        check(&plan).map_err(|problem| Error::state(Self::KIND, problem))?;
        Ok(Arc::new(Ingest::new(plan)))
    }

    fn new(plan: InferredSchema) -> Self {
        let outputs = plan.columns.iter().filter(|c| c.is_used()).map(|column| {
            let reader = Reader::new(&plan, column);
            let categories = reader.names.as_ref().map(|n| n.categories.clone());
            let typed =
                Column { categories, layout: column.layout, ..Column::new(&column.name, column.kind) };
            Output {
                column: typed.with_role(column.role),
                reader,
                range: column.range,
                seen: column.seen.clone(),
            }
        });
        Ingest { outputs: outputs.collect(), plan, troubles: Mutex::default(), strange: Mutex::default() }
    }

    /// What each column means.
    pub fn plan(&self) -> &InferredSchema {
        &self.plan
    }

    /// The columns of `input` that the plan has never heard of.
    pub fn unknown(&self, input: &Schema) -> Vec<String> {
        let known = self.plan.by_name();
        let same: BTreeSet<String> = known.keys().filter_map(|name| composed(name)).collect();
        let is_known =
            |name: &str| known.contains_key(name) || composed(name).is_some_and(|name| same.contains(&name));
        input.names().filter(|name| !is_known(name)).map(String::from).collect()
    }

    /// The cells that could not be read since this was last asked, over all bound copies, one warning per column, by name; then those
    /// that training did not prepare the model for.
    pub fn warnings(&self) -> Vec<Warning> {
        let troubles = std::mem::take(&mut *self.troubles.lock().unwrap_or_else(PoisonError::into_inner));
        let strange = std::mem::take(&mut *self.strange.lock().unwrap_or_else(PoisonError::into_inner));
        if troubles.is_empty() && strange.is_empty() {
            return Vec::new();
        }
        let columns = self.plan.by_name();
        let kind = |name: &String| columns.get(name.as_str()).map_or(Kind::Text, |c| c.kind);
        let unread = troubles.iter().map(|(name, trouble)| trouble.warning(name, kind(name)));
        unread.chain(strange.iter().map(|((name, code), strange)| strange.warning(name, code))).collect()
    }

    /// The batches of `source`, small where a cell is an image.
    pub fn batches<'a>(&self, source: &'a dyn Source) -> Result<Batches<'a>> {
        let most = self.plan.batch_rows();
        Ok(Box::new(source.scan()?.flat_map(move |batch| pieces(batch, most))))
    }

    /// As [`Fitted::bind`], for the batches of this source: paths of images are looked for in its folder, and every image is
    /// decoded once to see whether it can be.
    pub fn bind_to(self: Arc<Self>, source: &dyn Source) -> Result<Box<dyn Run>> {
        // Text alone has a way to write "no value" as a word; what has types has another.
        let is_text = source.reading().is_some_and(|reading| reading.delimiter.is_some());
        Ok(Box::new(BoundIntake::new(self, source.schema())?.of_file(source.folder(), is_text)))
    }

    /// Adds what is strange about the cells of a column.
    fn add_strange(&self, column: &str, found: Strangers) {
        let mut strange = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, new) in found {
            let all =
                strange.entry((column.into(), code)).or_insert_with(|| Strange { count: 0, ..new.clone() });
            let count = all.count + new.count;
            if new.row < all.row {
                *all = new;
            }
            all.count = count;
        }
    }

    fn add_trouble(&self, column: &str, new: CellProblem) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match troubles.get_mut(column) {
            Some(old) => {
                let count = old.count + new.count;
                if new.row < old.row {
                    *old = new;
                }
                old.count = count;
            }
            None => {
                troubles.insert(column.into(), new);
            }
        }
    }
}

/// Whether a saved plan is whole.
fn check(plan: &InferredSchema) -> std::result::Result<(), String> {
    let mut names: Vec<&str> = plan.columns.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
        return Err(format!("two columns are named '{}'", twice[0]));
    }
    for column in plan.columns.iter().filter(|c| c.is_used()) {
        if !is_readable(column.kind) {
            return Err(format!("column '{}' is a {}, which is not read", column.name, column.kind.word()));
        }
        let mut names: Vec<&str> = column.categories.iter().map(String::as_str).collect();
        names.sort_unstable();
        if names.windows(2).any(|w| w[0] == w[1]) {
            return Err(format!("a category of column '{}' comes twice", column.name));
        }
        if column.role == Role::Target && column.kind == Kind::Category && column.categories != plan.classes {
            return Err(format!("the classes are not the categories of target '{}'", column.name));
        }
    }
    Ok(())
}

impl Fitted for Ingest {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let places = places(&self.outputs, input)?;
        Schema::new(places.iter().map(|&(output, _)| self.outputs[output].column.clone()).collect())
    }

    fn state(&self) -> State {
        // What was said of the reading depends on what the recipe already names; the model does not.
        let mut plan = self.plan.clone();
        plan.notes.clear();
        plan.reading.iter_mut().for_each(|reading| reading.notes.clear());
        State::new(Self::KIND, 1, &plan)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        Ok(Box::new(BoundIntake::new(self, input)?))
    }
}

/// For each output column that is there: its place among the outputs and in the input.
fn places(outputs: &[Output], input: &Schema) -> Result<Vec<(usize, usize)>> {
    let mut found = Vec::with_capacity(outputs.len());
    for (i, output) in outputs.iter().enumerate() {
        let name = &output.column.name;
        match input.position(name).or_else(|| composed_place(name, outputs, input)) {
            Some(place) => {
                convertible(&input.columns()[place], &output.column)?;
                found.push((i, place));
            }
            None if output.column.role == Role::Feature => {
                return Err(crate::error::absent(&output.column.name, "the data", input));
            }
            None => {}
        }
    }
    Ok(found)
}

/// The place of a column whose name is the same text with its accents written in another way, and is no other column's.
fn composed_place(name: &str, outputs: &[Output], input: &Schema) -> Option<usize> {
    let name = composed(name)?;
    let mut found = input.names().enumerate().filter(|(_, other)| composed(other).as_ref() == Some(&name));
    let (place, other) = found.next()?;
    let is_taken = found.next().is_some() || outputs.iter().any(|output| output.column.name == other);
    (!is_taken).then_some(place)
}

/// Errors where no value of the raw kind can become one of the wanted kind.
fn convertible(raw: &Column, wanted: &Column) -> Result<()> {
    let sound = match (raw.kind, wanted.kind) {
        (Kind::Image | Kind::Text, Kind::Image) | (Kind::Series | Kind::Text, Kind::Series) => true,
        (Kind::Point | Kind::Text, Kind::Point) => true,
        (Kind::Vector { len, .. }, Kind::Vector { len: wanted, .. }) => len == wanted,
        (Kind::Text, Kind::Vector { .. }) => true,
        (Kind::Vector { .. }, _) | (_, Kind::Vector { .. }) => false,
        (Kind::Image | Kind::Series | Kind::Point, _) | (_, Kind::Image | Kind::Series | Kind::Point) => {
            false
        }
        (Kind::Time, Kind::Number | Kind::Flag) | (Kind::Flag, Kind::Time) => false,
        (Kind::Number | Kind::Flag | Kind::Text | Kind::Time | Kind::Category, _) => true,
        _ => false,
    };
    if sound {
        return Ok(());
    }
    Err(Error::WrongKind {
        column: raw.name.clone(),
        found: raw.kind,
        wanted: format!("a {} as in training", wanted.kind.word()),
    })
}

/// Rows of images that are read at a time: those of a batch are in memory together.
const PICTURE_ROWS: usize = 64;

impl InferredSchema {
    /// The most rows of a batch that is read at once.
    pub(crate) fn batch_rows(&self) -> usize {
        let pictures = self.columns.iter().any(|c| c.is_used() && c.kind == Kind::Image);
        if pictures { PICTURE_ROWS } else { BATCH_ROWS }
    }
}

impl InferredColumn {
    /// What a value that cannot be read makes of the column.
    fn widened(&self, example: &CellProblem) -> InferredColumn {
        let why = format!(
            "taken for a {} at first, but {} values are none (row {}: '{}')",
            self.kind.word(),
            example.count,
            example.row,
            example.value
        );
        InferredColumn {
            missing: self.missing.clone(),
            ..InferredColumn::new(&self.name, Kind::Category, self.role, why)
        }
    }
}
