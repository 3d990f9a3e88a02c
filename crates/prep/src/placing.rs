//! Where a row stands: in which group, and where along time or another number.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow_array::Array;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Categories, Cell, Column, Error, Kind, Result, Role, Row, Schema};

/// Where one row stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Its group, where training had it.
    pub(crate) group: Option<u32>,
    /// Its place along the line: microseconds since 1970, or a number; `NaN` where it is missing.
    pub(crate) at: f64,
}

/// What tells the place of a row, as learned and saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placing {
    by: Vec<(String, Kind)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    along: Option<(String, Kind)>,
    /// The key of each group, in the order of their numbers.
    groups: Vec<String>,
}

/// Between the parts of a key; no text of a cell is likely to hold it, and one that does only joins two groups.
const BETWEEN: char = '\u{1f}';

/// The columns of a batch or of rows that tell the place.
pub(crate) struct BoundPlacing {
    by: Vec<(usize, Option<Arc<Categories>>)>,
    along: Option<usize>,
    index: Arc<BTreeMap<String, u32>>,
    key: String,
}

impl Placing {
    /// The groups of a batch by the columns named `by`, along `along`; and the place of each of its rows.
    pub(crate) fn learn(batch: &Batch, by: &[String], along: Option<usize>) -> Result<(Self, Vec<Place>)> {
        let schema = batch.schema();
        let mut named = Vec::with_capacity(by.len());
        for name in by {
            let column = schema.column(name)?;
            named.push((name.clone(), groups_of(column)?));
        }
        let along = along.map(|at| {
            let column = &schema.columns()[at];
            (column.name.clone(), column.kind)
        });
        let mut placing = Placing { by: named, along, groups: Vec::new() };
        let mut bound = placing.bind(schema)?;
        let (mut index, mut groups) = (BTreeMap::new(), Vec::new());
        let mut places = Vec::with_capacity(batch.n_rows());
        for i in 0..batch.n_rows() {
            bound.write_key(batch, i)?;
            let group = match index.get(&bound.key) {
                Some(group) => *group,
                None => {
                    let group = groups.len() as u32;
                    groups.push(bound.key.clone());
                    index.insert(bound.key.clone(), group);
                    group
                }
            };
            places.push(Place { group: Some(group), at: bound.at(batch, i)? });
        }
        placing.groups = groups;
        Ok((placing, places))
    }

    /// How many groups there are.
    pub(crate) fn n_groups(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn bind(&self, schema: &Schema) -> Result<BoundPlacing> {
        let place = |(name, kind): &(String, Kind)| {
            let at = schema.index(name)?;
            let column = &schema.columns()[at];
            if column.kind != *kind {
                let wanted = format!("the {} it was in training", kind.word());
                return Err(Error::WrongKind { column: name.clone(), found: column.kind, wanted });
            }
            Ok((at, column.categories.clone()))
        };
        let index = self.groups.iter().enumerate().map(|(i, key)| (key.clone(), i as u32)).collect();
        Ok(BoundPlacing {
            by: self.by.iter().map(place).collect::<Result<_>>()?,
            along: self.along.as_ref().map(place).transpose()?.map(|(at, _)| at),
            index: Arc::new(index),
            key: String::new(),
        })
    }
}

/// Whether a column tells groups apart.
fn groups_of(column: &Column) -> Result<Kind> {
    match column.kind {
        kind @ (Kind::Category | Kind::Flag | Kind::Number | Kind::Text) if column.role != Role::Target => {
            Ok(kind)
        }
        _ if column.role == Role::Target => Err(Error::data(
            format!("'by' names '{}', which is the target", column.name),
            "rows to predict have no target: take it out of 'by'",
        )),
        found => Err(Error::WrongKind {
            column: column.name.clone(),
            found,
            wanted: "a category, a flag, a whole number or a short text to group by".into(),
        }),
    }
}

/// The column that rows are ordered along: the one named, else that in the role of time, else the only one of times.
pub(crate) fn along(schema: &Schema, named: Option<&str>) -> Result<usize> {
    let ordered = |at: usize| matches!(schema.columns()[at].kind, Kind::Time | Kind::Number);
    if let Some(name) = named {
        let at = schema.index(name)?;
        let column = &schema.columns()[at];
        return match ordered(at) && column.role != Role::Target {
            true => Ok(at),
            false => Err(Error::WrongKind {
                column: name.into(),
                found: column.kind,
                wanted: "a time or a number, and no target, to order rows along".into(),
            }),
        };
    }
    if let Some(at) = schema.role(Role::Time).filter(|at| ordered(*at)) {
        return Ok(at);
    }
    match schema.places(|c| c.kind == Kind::Time && c.role != Role::Target)[..] {
        [only] => Ok(only),
        _ => Err(Error::data(
            "rows are to be ordered along time, and no column has the role 'time'",
            "name it in [data] time, or the column to order by as the step's 'along'",
        )),
    }
}

impl BoundPlacing {
    fn write_key(&mut self, batch: &Batch, i: usize) -> Result<()> {
        self.key.clear();
        for (at, names) in &self.by {
            let known = batch.column(*at).is_valid(i);
            let key = &mut self.key;
            // Writing into a string cannot fail.
            let _ = match batch.schema().columns()[*at].kind {
                _ if !known => Ok(()),
                Kind::Category => {
                    let code = batch.codes(*at)?.value(i);
                    write!(key, "={}", names.as_ref().map_or("", |names| names.name(code)))
                }
                Kind::Flag => write!(key, "={}", batch.flags(*at)?.value(i)),
                Kind::Text => write!(key, "={}", batch.texts(*at)?.value(i)),
                _ => write!(key, "={}", batch.numbers(*at)?.value(i)),
            };
            key.push(BETWEEN);
        }
        Ok(())
    }

    fn at(&self, batch: &Batch, i: usize) -> Result<f64> {
        let Some(at) = self.along.filter(|at| batch.column(*at).is_valid(i)) else { return Ok(f64::NAN) };
        Ok(match batch.schema().columns()[at].kind {
            // Microseconds stay exact up to the year 2255.
            Kind::Time => batch.times(at)?.value(i) as f64,
            _ => batch.numbers(at)?.value(i),
        })
    }

    /// The place of each row.
    pub(crate) fn of(&mut self, batch: &Batch) -> Result<Vec<Place>> {
        let mut places = Vec::with_capacity(batch.n_rows());
        for i in 0..batch.n_rows() {
            self.write_key(batch, i)?;
            let group = self.index.get(&self.key).copied();
            places.push(Place { group, at: self.at(batch, i)? });
        }
        Ok(places)
    }

    /// The place of one row.
    pub(crate) fn of_row(&mut self, row: &Row) -> Place {
        self.key.clear();
        for (at, names) in &self.by {
            let key = &mut self.key;
            let _ = match &row.cells[*at] {
                Cell::Code(code) => write!(key, "={}", names.as_ref().map_or("", |names| names.name(*code))),
                Cell::Flag(x) => write!(key, "={x}"),
                Cell::Text(x) => write!(key, "={x}"),
                Cell::Number(x) => write!(key, "={x}"),
                _ => Ok(()),
            };
            key.push(BETWEEN);
        }
        let at = self.along.map_or(f64::NAN, |at| match &row.cells[at] {
            Cell::Time(x) => *x as f64,
            Cell::Number(x) => *x,
            _ => f64::NAN,
        });
        Place { group: self.index.get(&self.key).copied(), at }
    }
}
