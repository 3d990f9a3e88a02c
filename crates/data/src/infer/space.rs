//! Where the rows are: a column of points, or two numbers that are coordinates by their names and ranges.

use tidemill_core::recipe::{Coordinates, Recipe};
use tidemill_core::{Axis, Batch, Error, Kind, Layout, Result, Role, escaped};
use tidemill_kernel::geo::{Fault, Metric};

use super::as_text;
use super::facts::Facts;
use super::sample::Sample;
use crate::cell;
use crate::parse::{Format, Missing, plain_number};
use crate::plan::{InferredColumn, InferredSchema, Note, Weight};

/// What the two coordinates are called, that of the x axis first, and whether the words promise degrees.
const NAMES: [(&str, &str, bool); 6] = [
    ("longitude", "latitude", true),
    ("lon", "lat", true),
    ("lng", "lat", true),
    ("long", "lat", true),
    ("easting", "northing", false),
    ("x", "y", false),
];

const EARTH: Metric = Metric { degrees: true };
/// A column of which so many cells say a place is one of places; the others are named where the rows are read.
const MOSTLY: f64 = 0.9;

/// The plan of a column of points; `None` for any other. `told` is the kind and the role that the recipe gives it.
pub(super) fn point(
    rows: &Batch,
    place: usize,
    told: (Option<Kind>, Option<(Role, &'static str)>),
    recipe: &Recipe,
    missing: &Missing,
) -> Result<Option<InferredColumn>> {
    let raw = &rows.schema().columns()[place];
    let named = matches!(recipe.data.point.as_deref(), Some([name]) if *name == raw.name);
    let declared = named || told.0 == Some(Kind::Point);
    if raw.kind != Kind::Text || !(declared || told.0.is_none()) {
        return match declared {
            true => Err(Error::WrongKind {
                column: raw.name.clone(),
                found: raw.kind,
                wanted: "points, as POINT (13.4 52.5); of two columns of numbers name both in data.point"
                    .into(),
            }),
            false => Ok(None),
        };
    }
    let role = match told.1 {
        None => Role::Feature,
        Some((role @ (Role::Feature | Role::Ignore), _)) => role,
        // As a text, a place can name a row or a group.
        Some(_) if !declared => return Ok(None),
        Some((role, _)) => {
            let problem = format!("column '{}' is a point and cannot be the {role:?}", escaped(&raw.name));
            return Err(Error::data(problem.to_lowercase(), "name another column"));
        }
    };
    let texts = as_text(rows, place)?;
    let facts = Facts::of(&texts, missing);
    let reads = |text: &str| !text.starts_with('[') && cell::place(text).is_some();
    // Ask the first before all of them.
    let share =
        if declared || facts.values.iter().take(3).any(|v| reads(v.0)) { facts.share(reads) } else { 0.0 };
    if !declared && share < MOSTLY {
        return Ok(None);
    }
    let beyond = |text: &str| {
        let place = cell::place(text).flatten();
        place.is_some_and(|place| EARTH.fault(place) == Some(Fault::OutOfRange))
    };
    let degrees = match recipe.data.coordinates {
        Some(told) => told == Coordinates::Degrees,
        None => facts.share(beyond) <= 0.5,
    };
    let written = |text: &str| !text.starts_with(|c: char| c.is_ascii_alphabetic() || "{[".contains(c));
    let measured = match degrees {
        true if facts.values.first().is_some_and(|v| written(v.0)) => "latitude and longitude, in this order",
        true => "longitude and latitude",
        false => "x and y in a plane",
    };
    let how = match share {
        _ if declared => "point as told",
        share if share < 1.0 => "nearly every cell says a place",
        _ => "every cell says a place",
    };
    let constant = facts.n_distinct() == 1 && facts.n_missing() == 0 && !declared;
    let (role, why) = match constant {
        true => (Role::Ignore, "constant: every row is at the same place".to_string()),
        false => (role, format!("{how}: {measured}")),
    };
    let layout = Some(Layout::Point { degrees });
    Ok(Some(InferredColumn { declared, layout, ..InferredColumn::new(&raw.name, Kind::Point, role, why) }))
}

/// Finds the two columns that say where the rows are, and names the rows whose coordinates cannot be. They stay numbers.
pub(super) fn decide(
    plan: &mut InferredSchema,
    sample: &Sample,
    recipe: &Recipe,
    missing: &Missing,
) -> Result<()> {
    let pair = match recipe.data.point.as_deref() {
        None => named_pair(plan),
        Some([_]) => return Ok(()),
        Some([x, y]) => Some(told_pair(plan, x, y)?),
        Some(names) => {
            let problem = format!(
                "names {} columns, but a place is one column of points or two of coordinates, x or longitude first",
                names.len()
            );
            return Err(Error::parameter("data.point", problem));
        }
    };
    let Some((x, y, claims)) = pair else { return Ok(()) };
    let found = Found::of(plan, x, y, sample, missing)?;
    let degrees = match recipe.data.coordinates {
        Some(told) => told == Coordinates::Degrees,
        None => (claims || recipe.data.point.is_some()) && found.beyond * 2 <= found.n,
    };
    let notes = found.notes(&plan.columns[x].name, &plan.columns[y].name, degrees, claims);
    // The columns are the other way round: that is their place, whatever they are called.
    let swapped = degrees && recipe.data.point.is_none() && found.swapped * 2 > found.n;
    let (x, y) = if swapped { (y, x) } else { (x, y) };
    for (at, axis) in [(x, Axis::X), (y, Axis::Y)] {
        plan.columns[at].layout = Some(Layout::Coordinate { axis, degrees });
    }
    plan.notes.extend(notes);
    Ok(())
}

/// The two columns that are called so, with whether the names promise degrees.
fn named_pair(plan: &InferredSchema) -> Option<(usize, usize, bool)> {
    let usable = |c: &InferredColumn| c.kind == Kind::Number && c.role == Role::Feature;
    let place = |name: &str| plan.columns.iter().position(|c| usable(c) && c.name.to_lowercase() == name);
    for (x, y, degrees) in NAMES {
        for (at, column) in plan.columns.iter().enumerate().filter(|(_, c)| usable(c)) {
            let name = column.name.to_lowercase();
            let Some(partner) = partner(&name, x, y) else { continue };
            if let Some(other) = place(&partner) {
                return Some((at, other, degrees));
            }
        }
    }
    None
}

/// What the other column would be called: `pickup_lon` goes with `pickup_lat`.
fn partner(name: &str, x: &str, y: &str) -> Option<String> {
    let divided = |rest: &str, end: bool| {
        let edge = if end { rest.chars().last() } else { rest.chars().next() };
        edge.is_none_or(|c| !c.is_alphanumeric())
    };
    if let Some(head) = name.strip_suffix(x).filter(|head| divided(head, true)) {
        return Some(format!("{head}{y}"));
    }
    name.strip_prefix(x).filter(|tail| divided(tail, false)).map(|tail| format!("{y}{tail}"))
}

fn told_pair(plan: &InferredSchema, x: &str, y: &str) -> Result<(usize, usize, bool)> {
    let place = |name: &str| {
        let at = plan.columns.iter().position(|c| c.name == name);
        let at =
            at.ok_or_else(|| Error::missing_column(name, "the data", plan.columns.iter().map(|c| &*c.name)))?;
        let column = &plan.columns[at];
        if column.role != Role::Feature {
            let problem = format!("column '{}' says nothing of a place: {}", escaped(name), column.why);
            return Err(Error::data(
                problem,
                "name another column in data.point, or give it the role 'feature'",
            ));
        }
        match column.kind {
            Kind::Number => Ok(at),
            found => {
                Err(Error::WrongKind { column: name.into(), found, wanted: "a coordinate, a number".into() })
            }
        }
    };
    Ok((place(x)?, place(y)?, false))
}

/// What a pair of columns holds.
#[derive(Default)]
struct Found {
    /// Rows with both.
    n: usize,
    /// Rows that would be longitude and latitude in the other order, and the first of them.
    swapped: usize,
    first_swapped: Option<(usize, [f64; 2])>,
    /// Rows that are none in either order, and the first of them.
    beyond: usize,
    first_beyond: Option<(usize, [f64; 2])>,
}

impl Found {
    fn of(plan: &InferredSchema, x: usize, y: usize, sample: &Sample, missing: &Missing) -> Result<Self> {
        let schema = sample.rows.schema();
        let texts = |at: usize| as_text(&sample.rows, schema.index(&plan.columns[at].name)?);
        let (xs, ys) = (texts(x)?, texts(y)?);
        let mut found = Found::default();
        for (row, (x_text, y_text)) in xs.iter().zip(&ys).enumerate() {
            let number = |text: Option<&str>, at: usize| {
                let text = text.filter(|text| !missing.is(text))?;
                match &plan.columns[at].format {
                    Format::Number(format) => format.parse(text),
                    _ => plain_number(text),
                }
            };
            let (Some(x_value), Some(y_value)) = (number(x_text, x), number(y_text, y)) else { continue };
            found.n += 1;
            let here = (row * sample.stride + 1, [x_value, y_value]);
            match EARTH.fault([x_value, y_value]) {
                Some(Fault::Swapped) => {
                    found.swapped += 1;
                    found.first_swapped.get_or_insert(here);
                }
                Some(_) => {
                    found.beyond += 1;
                    found.first_beyond.get_or_insert(here);
                }
                None => {}
            }
        }
        Ok(found)
    }

    fn notes(&self, x: &str, y: &str, degrees: bool, claims: bool) -> Vec<Note> {
        let (x_shown, y_shown) = (escaped(x), escaped(y));
        let shown =
            |(row, [a, b]): (usize, [f64; 2])| format!("row {row} has {x_shown} = {a}, {y_shown} = {b}");
        let mut notes = Vec::new();
        if !degrees {
            if let Some(first) = self.first_beyond.filter(|_| claims) {
                let message = format!(
                    "'{x_shown}' and '{y_shown}' claim to be degrees, but {} of {} rows lie beyond them ({}): \
                     taken for x and y in a plane, distances in its unit",
                    self.beyond,
                    self.n,
                    shown(first)
                );
                let remedy = "[data] coordinates = \"degrees\"";
                notes.push(Note::of(x, "plane_not_degrees", Weight::Warning, message, remedy));
            }
            return notes;
        }
        if let Some(first) = self.first_swapped {
            let all = self.swapped * 2 > self.n;
            let what = if all { "they are read the other way round" } else { "these rows have no place" };
            let message = format!(
                "longitude and latitude are swapped in {} of {} rows, the first: {}; {what}",
                self.swapped,
                self.n,
                shown(first)
            );
            let remedy = format!(
                "[data] point = [\"{x_shown}\", \"{y_shown}\"], longitude first, and correct the rows"
            );
            notes.push(Note::of(x, "swapped_coordinates", Weight::Warning, message, remedy));
        }
        if let Some(first) = self.first_beyond {
            let many = self.beyond * 20 > self.n;
            let what = if many { ": two coordinate systems are mixed" } else { "" };
            let message = format!(
                "{} of {} rows are beyond 180 degrees of longitude or 90 of latitude{what}, the first: {}; these rows have no place",
                self.beyond,
                self.n,
                shown(first)
            );
            let remedy =
                "[data] coordinates = \"plane\" where none are degrees; else bring all rows into one system";
            let weight = if many { Weight::Severe } else { Weight::Warning };
            notes.push(Note::of(x, "impossible_coordinates", weight, message, remedy));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::partner;

    #[test]
    fn coordinates_are_found_by_their_words() {
        assert_eq!(partner("lon", "lon", "lat").as_deref(), Some("lat"));
        assert_eq!(partner("pickup_longitude", "longitude", "latitude").as_deref(), Some("pickup_latitude"));
        assert_eq!(partner("x_home", "x", "y").as_deref(), Some("y_home"));
        for other in ["salon", "tax", "long_name_of_it", "xylem"] {
            let any = super::NAMES.iter().find_map(|(x, y, _)| partner(other, x, y));
            assert!(any.is_none() || other == "long_name_of_it", "{other}: {any:?}");
        }
    }
}
