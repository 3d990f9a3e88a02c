//! What learners of masks share: the columns they read, their training examples, and the form of their predictions.
//!
//! A mask is the target of an image: an image column with the role target. The prediction is the text of its runs ([`Mask::to_rle`]),
//! missing if there is no image.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray};
use rayon::prelude::*;
use tidemill_core::{
    Batch, Cell, Coded, Column, Context, Error, Fitted, Kind, PREDICTION, Result, Role, Row, Run, Schema,
    State, Training,
};

use crate::mask::Mask;
use crate::picture::{self, Picture, UNUSABLE, Unusable};

/// A fitted model that predicts the classes of an image's pixels.
pub trait Segment: Send + Sync + 'static {
    /// The name of the image column.
    fn column(&self) -> &str;
    /// The classes of the pixels, in the size of the image.
    fn segment(&self, picture: &Picture) -> Result<Mask>;
    /// What was learned.
    fn save(&self) -> State;
    /// The operations for an image of the size used in training.
    fn operations(&self) -> u64;
}

/// The index of the only image column among the features.
///
/// # Errors
/// There is none, or there are several.
pub fn picture_place(schema: &Schema) -> Result<usize> {
    let places = schema.places(|c| c.role == Role::Feature && c.kind == Kind::Image);
    match places.as_slice() {
        [only] => Ok(*only),
        [] => Err(Error::data(
            "masks are learned from pictures, and no column holds any",
            "name the pictures of the masks in a column, as paths below the table's folder",
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|at| schema.columns()[*at].name.as_str()).collect();
            Err(Error::data(
                format!(
                    "a mask is of one picture, and {} columns hold pictures: {}",
                    names.len(),
                    names.join(", ")
                ),
                format!("leave the others out, as in --ignore {}", names.last().copied().unwrap_or_default()),
            ))
        }
    }
}

/// An image and its mask.
#[derive(Clone, Debug)]
pub struct Example {
    /// The image.
    pub picture: Picture,
    /// The class of each pixel.
    pub mask: Mask,
}

/// The training examples, and the name of the image column.
pub struct Lesson {
    /// The name of the image column.
    pub column: String,
    /// Images with their masks, in the order of the rows.
    pub examples: Vec<Example>,
    /// The classes of all masks, ascending.
    pub classes: Vec<u8>,
}

impl Lesson {
    /// The images and masks of the training rows.
    ///
    /// # Errors
    /// There is no target of masks, or no image or several; an image or mask is missing or damaged; a mask does not have the size of its
    /// image; or there are fewer than two classes.
    pub fn of(training: Training<'_>, context: &Context) -> Result<Self> {
        context.check()?;
        let batches = training.train.scan()?.collect::<Result<Vec<_>>>()?;
        let first = batches.first().ok_or_else(no_rows)?;
        let batch = Batch::concat(first.schema(), &batches)?;
        let (column, examples) = examples(&batch)?;
        let mut seen = [false; 256];
        examples.iter().flat_map(|e| e.mask.values()).for_each(|value| seen[usize::from(*value)] = true);
        let classes: Vec<u8> = (0..=255).filter(|value| seen[usize::from(*value)]).collect();
        match classes.as_slice() {
            [] => Err(no_rows()),
            [only] => Err(Error::data(
                format!("every pixel of every mask is {only}: there is nothing to tell apart"),
                "give masks with the value of each thing and another for what lies around it",
            )),
            _ => Ok(Lesson { column, examples, classes }),
        }
    }

    /// The index of a class in [`Lesson::classes`].
    pub fn code(&self, value: u8) -> usize {
        self.classes.partition_point(|class| *class < value)
    }
}

fn no_rows() -> Error {
    Error::data("there is no row to learn from", "give pictures with their masks")
}

/// The images and masks of a batch, and the name of the image column.
///
/// # Errors
/// As [`Lesson::of`]; each error names its row.
pub fn examples(batch: &Batch) -> Result<(String, Vec<Example>)> {
    let schema = batch.schema();
    let at = schema.role(Role::Target).filter(|at| schema.columns()[*at].kind == Kind::Image);
    let at = match (at, schema.role(Role::Target)) {
        (Some(at), _) => at,
        (None, Some(at)) => {
            let column = &schema.columns()[at];
            let wanted = "a column of masks to predict".into();
            return Err(Error::WrongKind { column: column.name.clone(), found: column.kind, wanted });
        }
        (None, None) => {
            return Err(Error::data(
                "no column has the role 'target'",
                "name the target with --target or in [data]",
            ));
        }
    };
    let place = picture_place(schema)?;
    let name = |at: usize| schema.columns()[at].name.as_str();
    let (pictures, masks) = (batch.images(place)?, batch.images(at)?);
    let one = |row: usize| {
        let fault = |at: usize, why: String| {
            Error::data(format!("'{}' in row {}: {why}", name(at), row + 1), "correct or remove the row")
        };
        for (at, images) in [(place, pictures), (at, masks)] {
            if images.is_null(row) {
                return Err(fault(at, "there is no picture".into()));
            }
        }
        let picture = picture::decode(pictures.value(row)).map_err(|why| fault(place, why.to_string()))?;
        let mask = Mask::of_picture(masks.value(row)).map_err(|why| fault(at, why.to_string()))?;
        let (wide, high) = (picture.width as usize, picture.height as usize);
        if (mask.width(), mask.height()) != (wide, high) {
            let why =
                format!("it has {} x {} pixels, its picture {wide} x {high}", mask.width(), mask.height());
            return Err(fault(at, why));
        }
        Ok(Example { picture, mask })
    };
    let all: Vec<Result<Example>> = (0..batch.n_rows()).into_par_iter().map(one).collect();
    Ok((name(place).to_string(), all.into_iter().collect::<Result<_>>()?))
}

/// A fitted learner of masks.
pub struct FittedMasks<S>(pub Arc<S>);

impl<S: Segment> FittedMasks<S> {
    /// Wraps a fitted model.
    pub fn new(segment: S) -> Self {
        FittedMasks(Arc::new(segment))
    }
}

impl<S: Segment> Fitted for FittedMasks<S> {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let place = input.index(self.0.column())?;
        let found = input.columns()[place].kind;
        if found != Kind::Image {
            let wanted = "pictures".into();
            return Err(Error::WrongKind { column: self.0.column().into(), found, wanted });
        }
        let kept = input.columns().iter().filter(|c| c.role != Role::Feature).cloned();
        let answer = Column::new(PREDICTION, Kind::Text).with_role(Role::Prediction);
        Schema::new(kept.chain([answer]).collect())
    }

    fn state(&self) -> State {
        self.0.save()
    }

    fn operations(&self) -> u64 {
        self.0.operations()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        Ok(Box::new(BoundMasks {
            segment: self.0.clone(),
            place: input.index(self.0.column())?,
            keep: input.columns().iter().map(|c| c.role != Role::Feature).collect(),
            schema: Arc::new(self.output(input)?),
        }))
    }
}

struct BoundMasks<S> {
    segment: Arc<S>,
    place: usize,
    keep: Vec<bool>,
    schema: Arc<Schema>,
}

impl<S: Segment> BoundMasks<S> {
    fn answer(&self, bytes: &[u8], row: Option<usize>) -> Result<String> {
        let picture = picture::decode(bytes).map_err(|why| {
            let column = self.segment.column().to_string();
            Error::Room(Box::new(UnusablePicture { column, row, why }))
        })?;
        Ok(self.segment.segment(&picture)?.to_rle())
    }
}

impl<S: Segment> Run for BoundMasks<S> {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let images = batch.images(self.place)?;
        let one =
            |row: usize| images.is_valid(row).then(|| self.answer(images.value(row), Some(row))).transpose();
        let answers: Vec<Result<Option<String>>> = (0..batch.n_rows()).into_par_iter().map(one).collect();
        let answers = answers.into_iter().collect::<Result<Vec<_>>>()?;
        let kept = batch
            .columns()
            .iter()
            .zip(&self.keep)
            .filter(|(_, keep)| **keep)
            .map(|(column, _)| column.clone());
        let answers: ArrayRef = Arc::new(StringArray::from(answers));
        Batch::with_rows(self.schema.clone(), kept.chain([answers]).collect(), batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let answer = match row.cells.get(self.place) {
            Some(Cell::Image(bytes)) => Cell::Text(self.answer(bytes, None)?),
            Some(Cell::Missing) | None => Cell::Missing,
            Some(other) => return Err(Error::internal(format!("a picture was promised, {other:?} came"))),
        };
        row.retain(&self.keep);
        row.cells.push(answer);
        Ok(())
    }
}

/// An image for which no prediction is possible.
#[derive(Debug)]
struct UnusablePicture {
    column: String,
    row: Option<usize>,
    why: Unusable,
}

impl fmt::Display for UnusablePicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row.map(|row| format!(" in row {}", row + 1)).unwrap_or_default();
        write!(f, "the image in column '{}'{row} cannot be used: {}", self.column, self.why)
    }
}

impl std::error::Error for UnusablePicture {}

impl Coded for UnusablePicture {
    fn code(&self) -> &'static str {
        UNUSABLE
    }

    fn remedy(&self) -> Option<String> {
        Some("give a whole PNG, JPEG, GIF, BMP or WebP image, or none where there is none".into())
    }
}
