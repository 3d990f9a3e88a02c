//! A table of edges: `from`, `to` and perhaps `weight`.

use std::path::Path;

use tidemill_core::{Error, Result, Source, escaped};

use super::Edge;
use crate::cell::{Raw, RawColumn};
use crate::source::{ReadOptions, open};

/// The edges of a file of any format that is read as rows.
pub(super) fn read(file: &str) -> Result<Vec<Edge>> {
    if !Path::new(file).exists() && !file.contains([':', '*']) {
        return Err(missing(file));
    }
    let source = open(file, &ReadOptions::default())?;
    let schema = source.schema();
    let place = |name: &str| {
        schema.position(name).ok_or_else(|| {
            let names: Vec<String> = schema.names().map(|name| format!("'{}'", escaped(name))).collect();
            let problem = format!("{file} has no column '{name}'; its columns are {}", names.join(", "));
            Error::data(problem, "call the columns of keys 'from' and 'to', and that of weights 'weight'")
        })
    };
    let (from, to, weight) = (place("from")?, place("to")?, schema.position("weight"));
    let mut line = first_line(&*source);
    let mut edges = Vec::new();
    for batch in source.scan()? {
        let batch = batch?;
        let (from, to) = (RawColumn::of(&batch, from)?, RawColumn::of(&batch, to)?);
        let weights = weight.map(|at| RawColumn::of(&batch, at)).transpose()?;
        for row in 0..batch.n_rows() {
            let key = |column: &RawColumn<'_>| column.cell(row).shown().trim().to_string();
            let weight =
                weights.as_ref().map_or(Ok(1.0), |weights| weight_of(weights.cell(row), file, line))?;
            edges.push(Edge { from: key(&from), to: key(&to), weight, line });
            line += 1;
        }
    }
    Ok(edges)
}

/// That of the first edge: below the header, where there is one.
fn first_line(source: &dyn Source) -> usize {
    source.reading().map_or(1, |r| 1 + r.skip.unwrap_or(0) + usize::from(r.header.unwrap_or(false)))
}

fn weight_of(cell: Raw<'_>, file: &str, line: usize) -> Result<f32> {
    let weight = match cell {
        Raw::Number(x) => Some(x),
        Raw::Text(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    match weight.map(|x| x as f32).filter(|x| *x > 0.0 && x.is_finite()) {
        Some(weight) => Ok(weight),
        None => {
            let said = escaped(&cell.shown()).to_string();
            let problem = format!("{file}, line {line}: the weight of the edge is '{said}'");
            Err(Error::data(problem, "weights are numbers above 0: correct it, or take the edge out"))
        }
    }
}

pub(super) fn missing(file: &str) -> Error {
    Error::data(
        format!("[graph] edges: there is no file {file}"),
        "correct the path: it is seen from the recipe's folder, or else from the current one",
    )
}
