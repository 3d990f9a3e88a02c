//! Columns of pictures: bytes that are some, or paths of files that are there.

use std::path::Path;

use tidemill_core::{Batch, Error, Kind, Result, Role, Source};
use tidemill_kernel::picture;

use super::as_text;
use super::facts::Facts;
use crate::cell::{below, is_named};
use crate::parse::Missing;
use crate::plan::InferredColumn;

/// So many files are looked for, spread evenly.
const LOOKED_AT: usize = 20;

/// The share of cells that name images, from which on a column holds them. Of a target half is enough: what the others are is then a
/// fault, not a class.
const NEARLY_ALL: f64 = 0.99;
const HALF: f64 = 0.5;

/// The plan of a column of images; `None` for any other. `told` is the kind and the role that the recipe gives it; `masks` says whether
/// images can be what is predicted.
pub(super) fn decide(
    rows: &Batch,
    place: usize,
    folder: Option<&Path>,
    told: (Option<Kind>, Option<(Role, &'static str)>),
    missing: &Missing,
    masks: bool,
) -> Result<Option<InferredColumn>> {
    let raw = &rows.schema().columns()[place];
    let (kind, role) = told;
    let is_mask = masks && matches!(role, Some((Role::Target, _)));
    let least = if is_mask { HALF } else { NEARLY_ALL };
    let found = match (raw.kind, kind) {
        (Kind::Image, _) => Some(of_bytes(rows, place)?),
        (Kind::Text, None | Some(Kind::Image)) => of_paths(rows, place, folder, (missing, least))?,
        _ => None,
    };
    let declared = kind == Some(Kind::Image);
    if declared && !matches!(raw.kind, Kind::Text | Kind::Image) {
        return Err(Error::WrongKind {
            column: raw.name.clone(),
            found: raw.kind,
            wanted: "paths or bytes of images".into(),
        });
    }
    let (sound, why) = match found {
        Some(found) => found,
        None if declared => (true, "pictures".into()),
        None => return Ok(None),
    };
    let role = match role {
        Some((role @ (Role::Feature | Role::Ignore), _)) => role,
        Some((Role::Target, _)) if is_mask => Role::Target,
        // A path can be a name, a group, a target: what it shows is then of no interest.
        Some(_) if raw.kind == Kind::Text => return Ok(None),
        Some((role, _)) => {
            let problem = format!("column '{}' is an image and cannot be the {role:?}", raw.name);
            return Err(Error::data(problem.to_lowercase(), "name another column"));
        }
        None if sound || declared => Role::Feature,
        None => Role::Ignore,
    };
    let why = if declared { format!("kind as told ({why})") } else { why };
    Ok(Some(InferredColumn { declared, ..InferredColumn::new(&raw.name, Kind::Image, role, why) }))
}

/// Whether a column seems to hold pictures, by its type or by its first names: worth an inference, which alone decides.
///
/// # Errors
/// A source that cannot be read.
pub fn names_pictures(source: &dyn Source, column: &str) -> Result<bool> {
    let Some(place) = source.schema().position(column) else { return Ok(false) };
    match source.schema().columns()[place].kind {
        Kind::Image => Ok(true),
        Kind::Text if source.folder().is_some() => {
            let Some(batch) = source.scan()?.next().transpose()? else { return Ok(false) };
            Ok(batch.texts(place)?.iter().flatten().take(20).any(|text| is_named(text.trim())))
        }
        _ => Ok(false),
    }
}

/// Whether the bytes are images, and the reason.
fn of_bytes(rows: &Batch, place: usize) -> Result<(bool, String)> {
    let images = rows.images(place)?;
    let present: Vec<&[u8]> = images.iter().flatten().collect();
    let looked = spread(&present);
    let sound = looked.iter().filter(|bytes| picture::size(bytes).is_ok()).count();
    Ok(if sound * 2 > looked.len() {
        (true, format!("encoded pictures: {sound} of {} looked at", looked.len()))
    } else {
        (
            false,
            format!("bytes, of which {} of {} looked at are not images", looked.len() - sound, looked.len()),
        )
    })
}

fn of_paths(
    rows: &Batch,
    place: usize,
    folder: Option<&Path>,
    (missing, least): (&Missing, f64),
) -> Result<Option<(bool, String)>> {
    let Some(folder) = folder else { return Ok(None) };
    let texts = as_text(rows, place)?;
    let facts = Facts::of(&texts, missing);
    // Ask the first before all of them.
    let first = facts.values.first().is_some_and(|v| is_named(v.0));
    if facts.values.is_empty() || (!first && least == NEARLY_ALL) || facts.share(is_named) < least {
        return Ok(None);
    }
    let values: Vec<&str> = facts.values.iter().map(|v| v.0).filter(|v| is_named(v)).collect();
    let looked = spread(&values);
    let there = looked.iter().filter(|text| below(folder, text).is_ok_and(|path| path.is_file())).count();
    Ok((there * 2 > looked.len())
        .then(|| (true, format!("paths of pictures: {there} of {} looked for are there", looked.len()))))
}

fn spread<T: Copy>(values: &[T]) -> Vec<T> {
    values.iter().step_by(values.len().div_ceil(LOOKED_AT).max(1)).copied().collect()
}
