//! Masks beside their pictures, looked at before anything is learned from them or judged by them: faults are named by row and line.

use rayon::prelude::*;
use tidemill_core::{Column, Context, Error, Result, Role, Schema, Source};
use tidemill_kernel::mask::Mask;
use tidemill_kernel::{picture, segment};

use crate::cell::{Raw, RawColumn, Read, Reader, clip, is_named};
use crate::plan::InferredSchema;
use crate::source::pieces;

/// The most classes of masks: more are shades of grey, not classes.
const MOST_CLASSES: usize = 64;

/// The classes of the masks of a source, ascending: the values of their pixels. Rows whose mask is empty have none and are passed over.
/// `known` are the classes of training, where the rows are to be judged by.
///
/// # Errors
/// No column of pictures or several; a picture that is missing or cannot be read; a mask that cannot be read, of another size than
/// its picture, or with a value that is not among those known; fewer than two classes, or so many that they are shades.
pub fn check_masks(
    source: &dyn Source,
    plan: &InferredSchema,
    known: Option<&[u8]>,
    context: &Context,
) -> Result<Vec<u8>> {
    let used = plan.columns.iter().filter(|c| c.is_used());
    let schema = Schema::new(used.map(|c| Column::new(&c.name, c.kind).with_role(c.role)).collect())?;
    let of_picture = &schema.columns()[segment::picture_place(&schema)?].name;
    let target = schema.role(Role::Target).ok_or_else(|| Error::internal("masks without a target"))?;
    let checked = Checked::new(source, plan, of_picture, &schema.columns()[target].name, known)?;
    let mut seen = [false; 256];
    let mut first = 0;
    for batch in source.scan()? {
        for batch in pieces(batch, plan.batch_rows()) {
            context.check()?;
            let batch = batch?;
            let pictures = RawColumn::of(&batch, checked.picture.0)?;
            let masks = RawColumn::of(&batch, checked.mask.0)?;
            let one = |row: usize| checked.values(first + row, (pictures.cell(row), masks.cell(row)));
            let all: Vec<Result<Vec<u8>>> = (0..batch.n_rows()).into_par_iter().map(one).collect();
            for values in all {
                values?.into_iter().for_each(|value| seen[usize::from(value)] = true);
            }
            first += batch.n_rows();
        }
    }
    let classes: Vec<u8> = (0..=255).filter(|value| seen[usize::from(*value)]).collect();
    let name = checked.mask.2;
    match (known, classes.len()) {
        (_, 0) => Err(Error::data(
            format!("target '{name}' is missing in every row"),
            "give a mask to some pictures, or name another column with --target",
        )),
        (None, 1) => Err(Error::data(
            format!(
                "every pixel of every mask of '{name}' is {}: there is nothing to tell apart",
                classes[0]
            ),
            "give masks with the value of each thing, and another for what lies around it",
        )),
        (None, n) if n > MOST_CLASSES => Err(Error::data(
            format!("the masks of '{name}' have {n} different values: shades of grey, not classes"),
            format!("save masks as PNG with a value for each class, at most {MOST_CLASSES} of them"),
        )),
        _ => Ok(classes),
    }
}

/// A column by its place in the source, with its reader and its name.
type Named<'a> = (usize, Reader, &'a str);

struct Checked<'a> {
    source: &'a dyn Source,
    picture: Named<'a>,
    mask: Named<'a>,
    known: Option<&'a [u8]>,
}

impl<'a> Checked<'a> {
    fn new(
        source: &'a dyn Source,
        plan: &InferredSchema,
        picture: &'a str,
        mask: &'a str,
        known: Option<&'a [u8]>,
    ) -> Result<Self> {
        let named = |name: &'a str| -> Result<Named<'a>> {
            let column = plan.column(name).ok_or_else(|| Error::internal(format!("no plan of '{name}'")))?;
            Ok((source.schema().index(name)?, Reader::new(plan, column), name))
        };
        Ok(Checked { source, picture: named(picture)?, mask: named(mask)?, known })
    }

    /// The values of the mask in a row; none where it has no mask.
    fn values(&self, row: usize, (picture, mask): (Raw<'_>, Raw<'_>)) -> Result<Vec<u8>> {
        let folder = self.source.folder();
        let fault = |column: &Named<'_>, raw: Raw<'_>, why: String, remedy: &str| {
            let said = match raw {
                Raw::Text(text) => format!(" ('{}')", clip(text)),
                _ => String::new(),
            };
            Error::data(format!("column '{}', {}{said}: {why}", column.2, place(self.source, row)), remedy)
        };
        let bytes = match self.mask.1.image(mask, folder) {
            Ok(Read::Value(bytes)) => bytes,
            Ok(_) => return Ok(Vec::new()),
            Err(why) => {
                let remedy = match mask {
                    Raw::Text(text) if !is_named(text) => {
                        "half of the cells name masks and this is none: name its file, leave the cell empty, or, where names are to be \
                         predicted, say task = \"multiclass\""
                    }
                    _ => {
                        "put the file there, correct the path, or leave the cell empty: the row is then passed over"
                    }
                };
                return Err(fault(&self.mask, mask, why, remedy));
            }
        };
        let found = Mask::of_picture(&bytes).map_err(|why| {
            fault(&self.mask, mask, why.to_string(), "save the mask as a grey PNG of 8 bits")
        })?;
        let missing = "there is no picture to the mask".to_string();
        let remedy = "give the picture, or remove the row";
        let pixels = match self.picture.1.image(picture, folder) {
            Ok(Read::Value(bytes)) => bytes,
            Ok(_) => return Err(fault(&self.picture, picture, missing, remedy)),
            Err(why) => return Err(fault(&self.picture, picture, why, remedy)),
        };
        let (width, height) =
            picture::size(&pixels).map_err(|why| fault(&self.picture, picture, why.to_string(), remedy))?;
        if (found.width(), found.height()) != (width as usize, height as usize) {
            let why = format!(
                "the mask has {} x {} pixels, its picture {width} x {height}",
                found.width(),
                found.height()
            );
            let remedy =
                "a mask has a pixel for each of its picture: save it in the same size, without smoothing";
            return Err(fault(&self.mask, mask, why, remedy));
        }
        let mut seen = [false; 256];
        found.values().iter().for_each(|value| seen[usize::from(*value)] = true);
        let values: Vec<u8> = (0..=255).filter(|value| seen[usize::from(*value)]).collect();
        let unknown = |known: &[u8]| values.iter().find(|value| !known.contains(value)).copied();
        if let Some((value, known)) = self.known.and_then(|known| Some((unknown(known)?, known))) {
            let known: Vec<String> = known.iter().map(u8::to_string).collect();
            let why =
                format!("the value {value} is in no mask of training, whose values are {}", known.join(", "));
            return Err(fault(
                &self.mask,
                mask,
                why,
                "train again with masks that have it, or correct the mask",
            ));
        }
        Ok(values)
    }
}

/// A row of the user's table, from 1; of a text its line too, as long as no cell holds a line break.
fn place(source: &dyn Source, row: usize) -> String {
    match source.reading().filter(|reading| reading.delimiter.is_some()) {
        None => format!("row {}", row + 1),
        Some(reading) => {
            let above = reading.skip.unwrap_or(0) + usize::from(reading.header.unwrap_or(true));
            format!("row {} (line {})", row + 1, row + 1 + above)
        }
    }
}
