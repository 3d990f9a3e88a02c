//! Which columns of a row may change, which way, and to what.

use std::collections::BTreeMap;

use serde::Serialize;
use tidemill_core::recipe::{Changeable as Direction, Recipe};
use tidemill_core::{Batch, Error, Kind, Result, Role};
use tidemill_data::InferredSchema;
use tidemill_eval::explain::{Cells, Changeable};

use crate::error::EngineError;

/// How many values of a number are tried before the way to it is shortened, and how many names of a category.
const VALUES: usize = 20;
const NAMES: usize = 30;

/// Who said which columns may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Marked {
    /// Whoever asked.
    Asked,
    /// The recipe.
    Recipe,
    /// Nobody: all that the model reads may, but for those that the recipe holds.
    Nobody,
}

/// A column that may change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeableColumn {
    /// The column.
    pub column: String,
    /// Which way.
    pub direction: Direction,
    /// Of a number, the least and the greatest that it may become: what training saw, within what the recipe allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<[f64; 2]>,
    /// Of a number, what a change is measured in: the median absolute deviation from the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<f64>,
    /// Its place among the cells.
    #[serde(skip)]
    pub(super) cell: usize,
    #[serde(skip)]
    values: Vec<f64>,
    #[serde(skip)]
    digits: i32,
}

impl ChangeableColumn {
    /// For a row that has this value.
    pub(super) fn of_row(&self, own: f64) -> Changeable {
        let allowed = |value: &f64| match self.direction {
            Direction::Any => true,
            Direction::Up => *value > own,
            Direction::Down => *value < own,
            Direction::No => false,
        };
        let values = self.values.iter().copied().filter(allowed).collect();
        Changeable { own, values, scale: self.unit, digits: self.digits }
    }
}

/// The columns that may change, what each may become, and who said so. `usual` are rows from which it is learned what is usual,
/// `rows` those to be changed, which are looked at for columns that `usual` says nothing of.
pub(super) fn columns(
    plan: &InferredSchema,
    recipe: &Recipe,
    asked: &[(String, Direction)],
    usual: &Batch,
    rows: &Batch,
) -> Result<(Vec<ChangeableColumn>, Marked)> {
    let cells = Cells::of(rows);
    let columns = plan.by_name();
    let (chosen, marked) = chosen(plan, recipe, asked, &cells)?;
    let (usual, rows) = (by_column(&cells, usual)?, by_column(&cells, rows)?);
    let described = chosen.into_iter().map(|(cell, direction)| {
        let name = &cells.names()[cell];
        let seen = if usual[cell].is_empty() { &rows[cell] } else { &usual[cell] };
        let mut column = ChangeableColumn {
            column: name.clone(),
            direction,
            within: None,
            unit: None,
            cell,
            values: Vec::new(),
            digits: 0,
        };
        match cells.n_categories()[cell] {
            Some(n) => column.values = names(seen, n),
            None => {
                let trained = columns.get(name.as_str()).and_then(|column| column.range);
                let allowed = recipe.columns.get(name).and_then(|column| column.change_within);
                describe_number(&mut column, seen, trained, allowed);
            }
        }
        column
    });
    Ok((described.collect(), marked))
}

fn chosen(
    plan: &InferredSchema,
    recipe: &Recipe,
    asked: &[(String, Direction)],
    cells: &Cells,
) -> Result<(Vec<(usize, Direction)>, Marked)> {
    let of_recipe = || recipe.columns.iter().filter_map(|(name, spec)| Some((name, spec.changeable?)));
    let mut said: Vec<(String, Direction)> = asked.to_vec();
    let mut marked = Marked::Asked;
    if said.is_empty() {
        said =
            of_recipe().filter(|(_, way)| *way != Direction::No).map(|(n, way)| (n.clone(), way)).collect();
        marked = Marked::Recipe;
    }
    if said.is_empty() {
        let held = |name: &String| of_recipe().any(|(other, way)| other == name && way == Direction::No);
        let free = cells.names().iter().filter(|name| !held(name));
        said = free.map(|name| (name.clone(), Direction::Any)).collect();
        marked = Marked::Nobody;
    }
    if said.is_empty() {
        let problem = "there is no column that may change: the model reads no number, flag or category but those that the \
                       recipe holds (changeable = \"no\")";
        return Err(EngineError::usage(problem, "name columns with --columns").into());
    }
    let found = said.iter().map(|(name, way)| Ok((place(name, *way, plan, cells)?, *way)));
    let mut found = found.collect::<Result<Vec<_>>>()?;
    found.sort_by_key(|(cell, _)| *cell);
    found.dedup_by_key(|(cell, _)| *cell);
    Ok((found, marked))
}

/// The place among the cells of a column that is said to be changeable.
fn place(name: &str, way: Direction, plan: &InferredSchema, cells: &Cells) -> Result<usize> {
    let Some(at) = cells.names().iter().position(|known| known == name) else {
        let Some(column) = plan.column(name) else {
            let known = cells.names().iter().map(String::as_str);
            return Err(Error::missing_column(name, "what the model reads", known));
        };
        let problem = match column.role {
            Role::Feature => {
                format!("'{name}' is of kind {}, of which no other values can be tried", column.kind.word())
            }
            _ => format!("'{name}' is said to be changeable, but the model's answers do not go by it"),
        };
        return Err(
            EngineError::usage(problem, "name numbers, flags and categories that are features").into()
        );
    };
    let is_category = plan.column(name).is_some_and(|column| column.kind == Kind::Category);
    if is_category && matches!(way, Direction::Up | Direction::Down) {
        let problem = format!("'{name}' is a category, whose names have no up or down");
        return Err(
            EngineError::usage(problem, "let it change to any (\"any\"), or not at all (\"no\")").into()
        );
    }
    Ok(at)
}

/// What rows hold, column by column of `cells`: the finite values, ascending; nothing of a column that the rows do not have. Their other
/// columns may differ: rows that say what is usual have no target.
fn by_column(cells: &Cells, rows: &Batch) -> Result<Vec<Vec<f64>>> {
    let own = Cells::of(rows);
    let (all, p) = (own.read(rows)?, own.names().len());
    let column = |name: &String| {
        let Some(at) = own.names().iter().position(|known| known == name) else { return Vec::new() };
        let mut values: Vec<f64> =
            all.iter().skip(at).step_by(p).copied().filter(|x| x.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    Ok(cells.names().iter().map(column).collect())
}

/// The codes of a category to try, those that are most frequent first.
fn names(seen: &[f64], n_categories: usize) -> Vec<f64> {
    let mut counts: BTreeMap<usize, usize> = (0..n_categories).map(|code| (code, 0)).collect();
    for code in seen {
        if let Some(count) = counts.get_mut(&(*code as usize)) {
            *count += 1;
        }
    }
    let mut codes: Vec<(usize, usize)> = counts.into_iter().collect();
    codes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    codes.into_iter().take(NAMES).map(|(code, _)| code as f64).collect()
}

/// What a number may become: quantiles of what was seen and the ends, within what training saw and what is allowed.
fn describe_number(
    column: &mut ChangeableColumn,
    seen: &[f64],
    trained: Option<[f64; 2]>,
    allowed: Option<[f64; 2]>,
) {
    let ends = seen.first().zip(seen.last()).map(|(low, high)| [*low, *high]);
    let Some([low, high]) = trained.or(ends) else { return };
    let [least, most] = allowed.unwrap_or([low, high]);
    let [low, high] = [low.max(least), high.min(most)];
    let mut values: Vec<f64> = seen.to_vec();
    values.dedup();
    if values.len() > VALUES {
        // Quantiles of all that was seen, so that what is frequent is tried more finely.
        values = (0..VALUES).map(|i| seen[i * (seen.len() - 1) / (VALUES - 1)]).collect();
    }
    values.extend([low, high]);
    values.retain(|x| (low..=high).contains(x));
    values.sort_by(f64::total_cmp);
    values.dedup();
    column.within = Some([low, high]);
    column.unit = Some(deviation(seen));
    column.digits = digits(seen, high - low);
    column.values = values;
}

/// The median absolute deviation from the median; where more than half of all values are equal, the mean absolute deviation.
fn deviation(sorted: &[f64]) -> f64 {
    let Some(&median) = sorted.get(sorted.len() / 2) else { return 1.0 };
    let mut away: Vec<f64> = sorted.iter().map(|x| (x - median).abs()).collect();
    away.sort_by(f64::total_cmp);
    let mean = away.iter().sum::<f64>() / away.len() as f64;
    [away[away.len() / 2], mean].into_iter().find(|x| *x > 0.0 && x.is_finite()).unwrap_or(1.0)
}

/// To how many decimals a number is given: as many as were seen, but no finer than a thousandth of the range.
fn digits(seen: &[f64], range: f64) -> i32 {
    let fits = |digits: &i32| {
        let power = 10f64.powi(*digits);
        seen.iter().all(|x| (x * power).round() / power == *x)
    };
    let seen = (0..=9).find(fits).unwrap_or(9);
    let fine = if range > 0.0 { (3.0 - range.log10().floor()).clamp(-15.0, 15.0) as i32 } else { seen };
    seen.min(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_fine_as_what_was_seen() {
        assert_eq!(digits(&[1.0, 17.0, 40.0], 39.0), 0);
        assert_eq!(digits(&[1.25, 17.5, 40.0], 39.0), 2);
        assert_eq!(digits(&[0.1234567, 0.9], 0.8), 4);
        assert_eq!(digits(&[1e6, 5e7], 4.9e7), -4);
    }

    #[test]
    fn a_change_is_measured_by_what_is_usual() {
        assert_eq!(deviation(&[1.0, 2.0, 3.0, 4.0, 100.0]), 1.0);
        assert_eq!(deviation(&[0.0, 0.0, 0.0, 0.0, 10.0]), 2.0);
        assert_eq!((deviation(&[]), deviation(&[3.0, 3.0])), (1.0, 1.0));
    }
}
