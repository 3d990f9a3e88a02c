//! The rows of each class.

use tidemill_core::{Batch, Context, Error, Result, Role, Target};

use crate::PrepError;
use crate::numbers::quantile;

/// The rows of each class of a target.
pub(super) struct ByClass {
    /// The class of each row.
    pub codes: Vec<u32>,
    /// The rows of each class, rising; those without a row included.
    pub rows: Vec<Vec<u32>>,
    names: Vec<String>,
}

impl ByClass {
    /// The classes of the target or, where it is a number, the bins that these quantiles cut it into. Errors when there is a target of
    /// either sort and what it takes for the other.
    pub(super) fn cut(kind: &'static str, batch: &Batch, quantiles: &[f64]) -> Result<Self> {
        if quantiles.is_empty() {
            return ByClass::of(kind, batch);
        }
        let Target::Number(values) = Target::of(batch)? else {
            let problem = "is for a number to predict, and the target is classes";
            return Err(Error::parameter("quantiles", problem));
        };
        let finite: Vec<f64> = values.iter().copied().filter(|y| y.is_finite()).collect();
        let ends: Vec<f64> = quantiles.iter().map(|q| quantile(&mut finite.clone(), *q)).collect();
        let mut rows = vec![Vec::new(); ends.len() + 1];
        let codes: Vec<u32> = values.iter().map(|y| ends.partition_point(|end| end < y) as u32).collect();
        codes.iter().zip(0..).for_each(|(code, row)| rows[*code as usize].push(row));
        let names = (0..rows.len()).map(|bin| match (bin.checked_sub(1), ends.get(bin)) {
            (None, end) => format!("up to {}", end.copied().unwrap_or(f64::NAN)),
            (Some(before), _) => format!("above {}", ends[before]),
        });
        Ok(ByClass { codes, names: names.collect(), rows })
    }

    /// Errors when the target is no class.
    pub(super) fn of(kind: &'static str, batch: &Batch) -> Result<Self> {
        let Target::Class { codes, n_classes } = Target::of(batch)? else {
            return Err(PrepError::NothingToBalance { kind }.into());
        };
        let mut rows = vec![Vec::new(); n_classes];
        for (row, code) in codes.iter().enumerate() {
            rows[*code as usize].push(row as u32);
        }
        let at =
            batch.schema().role(Role::Target).ok_or_else(|| Error::internal("a target without a column"))?;
        let names =
            batch.schema().columns()[at].categories()?.names().iter().map(|n| n.to_string()).collect();
        Ok(ByClass { codes, rows, names })
    }

    /// The name of each class.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Rows of the most frequent class.
    pub(super) fn most(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The rarest class that has a row; the first of equals.
    pub(super) fn rarest(&self) -> Option<u32> {
        let present = self.rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty());
        present.min_by_key(|(_, rows)| rows.len()).map(|(class, _)| class as u32)
    }

    /// How many rows each class is short of `ratio` times those of the most frequent, rounded down. A class without a row has none
    /// to start from and stays without.
    pub(super) fn short(&self, ratio: f64) -> Vec<usize> {
        let wanted = (self.most() as f64 * ratio) as usize;
        let short = |rows: &Vec<u32>| if rows.is_empty() { 0 } else { wanted.saturating_sub(rows.len()) };
        self.rows.iter().map(short).collect()
    }

    /// How many neighbours of its own a row of this class can have: `wanted`, or all others with a warning.
    pub(super) fn neighbors(&self, class: usize, wanted: usize, kind: &str, context: &Context) -> usize {
        let others = self.rows[class].len().saturating_sub(1);
        if others >= wanted {
            return wanted;
        }
        let (name, n) = (&self.names[class], others + 1);
        let instead = match others {
            0 => "its only row is repeated".to_string(),
            _ => format!("each looks at the {others} others instead of {wanted} neighbours"),
        };
        let rows = if n == 1 { "row" } else { "rows" };
        context
            .warn("few_rows_of_class", format!("{kind}: class '{name}' has {n} training {rows}: {instead}"));
        others
    }
}
