//! The past of the places around each: where a recipe ties series to each other, a row holds the mean of what its neighbours were,
//! as a series like its own past, and nothing after the moment that it was forecast from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow_array::Array;
use tidemill_core::recipe::{Graph as Asked, Recipe};
use tidemill_core::{Batch, Error, Point, Result};
use tidemill_kernel::graph::{Graph, Said, list};

use super::lines::Line;

/// The column of the past of the neighbours.
pub const NEIGHBORS: &str = "neighbors_history";

/// Who is tied to whom among the series.
#[derive(Debug)]
pub(super) struct Around {
    graph: Graph,
}

impl Around {
    /// That of these series, which `group` tells apart; `None` where the recipe has no `[graph]`.
    pub(super) fn of(
        batch: &Batch,
        lines: &[Line],
        group: Option<&str>,
        recipe: &Recipe,
    ) -> Result<Option<Self>> {
        let Some(asked) = &recipe.graph else { return Ok(None) };
        let group = group.ok_or_else(|| {
            let problem = "[graph] of a forecast ties series to each other, and no column tells them apart";
            Error::data(problem, "name the column of places: [forecast] group = \"…\"")
        })?;
        let at = batch.schema().index(group)?;
        let (names, codes) = (batch.schema().columns()[at].categories()?, batch.codes(at)?);
        let listed = batch.schema().position(asked.column()).map(|at| batch.texts(at)).transpose()?;
        let said = lines.iter().map(|line| {
            let key = line.points.first().map_or("", |point| names.name(codes.value(point.row as usize)));
            let rows = line.points.iter().map(|point| point.row as usize);
            let cell = listed
                .and_then(|texts| rows.filter(|row| texts.is_valid(*row)).map(|row| texts.value(row)).next());
            let cell = cell.or_else(|| asked.ties.get(key).map(String::as_str));
            Said { key: Some(Cow::Borrowed(key)), neighbors: cell.map(Cow::Borrowed) }
        });
        let (graph, _) = Graph::of(said);
        if graph.n_ties() == 0 {
            let problem = format!("[graph] ties no two series of '{group}' to each other");
            return Err(Error::data(
                problem,
                "the edges name series as the column does, such as in [graph] edges",
            ));
        }
        Ok(Some(Around { graph }))
    }

    /// The neighbours of a series, and what each counts.
    fn of_line(&self, line: usize) -> impl Iterator<Item = (usize, f64)> {
        let (ends, weights) = self.graph.ties(line as u32);
        let ties = ends.iter().zip(weights).filter(|(to, _)| self.graph.is_row(**to));
        ties.map(|(to, weight)| (*to as usize, f64::from(*weight)))
    }

    /// By timestamp, the weighted mean of those neighbours of a series that are known then.
    pub(super) fn past(&self, line: usize, lines: &[Line]) -> Vec<Point> {
        let mut sums: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for (to, weight) in self.of_line(line) {
            for (time, value) in lines[to].known() {
                let sum = sums.entry(time).or_default();
                *sum = (sum.0 + weight * value, sum.1 + weight);
            }
        }
        sums.into_iter().map(|(time, (sum, weight))| (time, sum / weight)).collect()
    }

    /// The ties as a recipe says them, so that its model needs no file.
    pub(super) fn said(&self, asked: &Asked) -> Asked {
        let keys = self.graph.keys();
        let cell =
            |line: usize| list(self.of_line(line).map(|(to, weight)| (keys[to].as_str(), weight as f32)));
        let cells = (0..self.graph.n_rows()).map(|line| (keys[line].clone(), cell(line)));
        Asked {
            edges: asked.edges.clone(),
            ties: cells.filter(|(_, cell)| !cell.is_empty()).collect(),
            ..Asked::default()
        }
    }
}
