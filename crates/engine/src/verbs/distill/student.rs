//! A teacher's predictions, and a student trained on them.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use tidemill_core::recipe::Recipe;
use tidemill_core::{
    BLOCK, Batch, Categories, Chain, Column, Context, Error, Estimator, Fitted, Kind, Result, Role, Schema,
    Source, Table, Training,
};
use tidemill_kernel::answer::most_probable;

use crate::links::answer::Place;
use crate::model::Opened;
use crate::search::preparation;

/// A class that is less probable teaches nothing that would be worth a row.
const LEAST: f64 = 1e-3;
/// The fewest rows that a student learns from.
const FEWEST: usize = 20;
/// The column of the number of each row.
const ROW: &str = "(row)";

/// Rows, and what a teacher says of them.
pub(super) struct Lesson {
    /// The rows as they were read, with what the teacher predicts as their target and their number beside.
    pub table: Table,
    /// The classes; `None` for a number.
    pub classes: Option<Arc<Categories>>,
    /// What the teacher says, row after row: a probability for each class, or a number.
    pub said: Vec<f64>,
    /// What is true of each row, where the rows say it; nulls where not.
    pub truth: Option<(Column, ArrayRef)>,
    /// The rows as the teacher's chain takes them behind its first link.
    pub typed: Batch,
}

impl Lesson {
    /// Asks the teacher.
    pub(super) fn of(teacher: &Opened, rows: &dyn Source, context: &Context) -> Result<Self> {
        let model = &teacher.model;
        let (first, rest) = model.chain.0.split_first().ok_or_else(|| Error::internal("an empty chain"))?;
        let schema = Arc::new(first.output(rows.schema())?);
        let mut read = model.reader()?.bind_to(rows)?;
        let rest = Arc::new(Chain(rest.to_vec()));
        let output = rest.output(&schema)?;
        let place = Place::of(&output)?;
        let mut say = rest.bind(&schema)?;
        let (mut typed, mut said) = (Vec::new(), Vec::new());
        for batch in model.intake()?.batches(rows)? {
            context.check()?;
            let batch = read.apply(&batch?)?;
            said.extend(place.values(&say.apply(&batch)?)?);
            typed.push(batch);
        }
        model.warn_of_cells(context)?;
        let typed = Batch::concat(&schema, &typed)?;
        if typed.n_rows() < FEWEST {
            let problem = format!("{} rows are too few for a student to learn from", typed.n_rows());
            return Err(Error::data(problem, "give some hundreds of rows; labels are not needed"));
        }
        if let Some(at) = said.iter().position(|x| !x.is_finite()) {
            let row = at / place.width() + 1;
            let problem = format!("the teacher answers row {row} with no number");
            return Err(Error::data(problem, "leave the row out, or fill what it misses"));
        }
        let classes = match place.probability {
            Some(_) => Some(output.columns()[place.prediction].categories()?.clone()),
            None => None,
        };
        let at = typed.schema().role(Role::Target);
        let truth = at.map(|at| (typed.schema().columns()[at].clone(), typed.column(at).clone()));
        let table = lesson(&typed, &teacher.provenance.target, classes.as_ref(), &said)?;
        Ok(Lesson { table, classes, said, truth, typed })
    }

    /// Numbers of an answer.
    pub(super) fn width(&self) -> usize {
        self.classes.as_ref().map_or(1, |classes| classes.len())
    }

    /// What the teacher says of a row.
    pub(super) fn of_row(&self, row: u32) -> &[f64] {
        let width = self.width();
        &self.said[row as usize * width..(row as usize + 1) * width]
    }
}

/// The rows with what the teacher predicts as their target, and their numbers.
fn lesson(typed: &Batch, target: &str, classes: Option<&Arc<Categories>>, said: &[f64]) -> Result<Table> {
    let kept = typed.schema().places(|c| c.role != Role::Target);
    let rows = typed.select(&kept)?;
    let mut columns = rows.schema().columns().to_vec();
    let mut arrays = rows.columns().to_vec();
    columns.push(Column::number(ROW).with_role(Role::Ignore));
    arrays.push(Arc::new(Float64Array::from_iter_values((0..rows.n_rows()).map(|row| row as f64))));
    match classes {
        Some(classes) => {
            let codes = said.chunks_exact(classes.len().max(1)).map(most_probable);
            columns.push(Column::category(target, classes.clone()).with_role(Role::Target));
            arrays.push(classes.column(UInt32Array::from_iter_values(codes))?);
        }
        None => {
            columns.push(Column::number(target).with_role(Role::Target));
            arrays.push(Arc::new(Float64Array::from(said.to_vec())));
        }
    }
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, rows.n_rows()).map(Table::new)
}

/// A learner that is to learn a lesson.
pub(super) struct Student<'a> {
    pub learner: &'a dyn Estimator,
    pub recipe: &'a Recipe,
    pub lesson: &'a Lesson,
    pub context: &'a Context,
}

impl Student<'_> {
    /// Preparation and the student, fitted on these rows.
    pub(super) fn fit(&self, table: &Table, rows: &[u32]) -> Result<Vec<Arc<dyn Fitted>>> {
        self.context.check()?;
        let stream = self.context.with_stream("student");
        let train = Table::new(table.take(rows)?);
        let prepared = preparation::fit(train, self.recipe, self.learner.needs(), &stream)?;
        let taught = Table::new(self.taught(prepared.train.batch())?);
        let mut links = prepared.steps;
        links.push(self.learner.fit(Training::on(&taught), &stream)?);
        Ok(links)
    }

    /// The prepared rows as the student learns them: of classes once for each that the teacher thinks possible, weighed by its
    /// probability, which is the cross-entropy to the teacher's probabilities; of a number as they are.
    fn taught(&self, prepared: &Batch) -> Result<Batch> {
        let schema = prepared.schema();
        let places = schema.places(|c| c.name != ROW || c.role != Role::Ignore);
        let Some(classes) = &self.lesson.classes else { return prepared.select(&places) };
        let numbers = prepared.numbers(schema.index(ROW)?)?;
        let own = prepared.weights()?;
        let (mut rows, mut codes, mut weights, mut blocks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let together = prepared.blocks()?;
        for row in 0..prepared.n_rows() {
            let number = numbers.value(row) as u32;
            for (code, &p) in self.lesson.of_row(number).iter().enumerate().filter(|(_, p)| **p >= LEAST) {
                rows.push(row as u32);
                codes.push(code as u32);
                weights.push(p * own.as_ref().map_or(1.0, |own| own[row]));
                // What early stopping holds back, it holds back with all of its classes.
                blocks.push(together.as_ref().map_or(number, |blocks| blocks[row]).into());
            }
        }
        let taken = prepared.take(&rows)?.select(&places)?;
        let mut columns = taken.schema().columns().to_vec();
        let mut arrays = taken.columns().to_vec();
        let target =
            taken.schema().role(Role::Target).ok_or_else(|| Error::internal("a lesson without a target"))?;
        arrays[target] = classes.column(UInt32Array::from(codes))?;
        for (role, name, values) in [(Role::Weight, "(weight)", weights), (Role::Block, BLOCK, blocks)] {
            let array: ArrayRef = Arc::new(Float64Array::from(values));
            match taken.schema().role(role) {
                Some(at) if columns[at].kind == Kind::Number => arrays[at] = array,
                _ => {
                    columns.push(Column::number(name).with_role(role));
                    arrays.push(array);
                }
            }
        }
        Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, rows.len())
    }
}
