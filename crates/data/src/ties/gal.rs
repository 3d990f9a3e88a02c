//! Neighbours in the form of GAL, as GeoDa and PySAL write it: a head, then for each row its name and how many neighbours it has, and a
//! line with their names.

use tidemill_core::{Error, Result, escaped};

use super::Edge;

/// The edges of a file. Its names are keys; or they are the numbers of the rows, from 0 or from 1, where they are just these.
pub(super) fn read(file: &str, keys: &[String]) -> Result<Vec<Edge>> {
    let bytes = std::fs::read(file).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => super::edges::missing(file),
        _ => Error::io(file, e),
    })?;
    let mut edges = parse(&String::from_utf8_lossy(&bytes), file)?;
    if let Some(first) = numbered(&edges, keys) {
        for edge in &mut edges {
            for end in [&mut edge.from, &mut edge.to] {
                let key = end.parse::<usize>().ok().and_then(|row| keys.get(row - first));
                *end = key.cloned().unwrap_or_default();
            }
        }
    }
    Ok(edges)
}

fn parse(text: &str, file: &str) -> Result<Vec<Edge>> {
    let wrong = |line: usize, problem: String| {
        let remedy =
            "a row is a line with its name and how many neighbours it has, and a line with their names";
        Error::data(format!("{file}, line {line}: {problem}"), remedy)
    };
    let mut lines = text.lines().zip(1..).skip(1);
    let mut edges = Vec::new();
    while let Some((head, line)) = lines.next() {
        let words: Vec<&str> = head.split_whitespace().collect();
        let (from, n) = match words.as_slice() {
            [] => continue,
            [from, n] => (*from, n.parse::<usize>().ok()),
            _ => ("", None),
        };
        let Some(n) = n else {
            let found = escaped(head).chars().take(40).collect::<String>();
            return Err(wrong(
                line,
                format!("'{found}' is not the name of a row and its number of neighbours"),
            ));
        };
        let (names, line) = lines.next().unwrap_or(("", line + 1));
        let found = names.split_whitespace().count();
        if found != n {
            return Err(wrong(
                line,
                format!("row '{}' should have {n} neighbours, and has {found}", escaped(from)),
            ));
        }
        edges.extend(names.split_whitespace().map(|to| Edge {
            from: from.into(),
            to: to.into(),
            weight: 1.0,
            line,
        }));
    }
    Ok(edges)
}

/// The number of the first row, where the names are numbers of rows and not all keys.
fn numbered(edges: &[Edge], keys: &[String]) -> Option<usize> {
    let known: std::collections::HashSet<&str> = keys.iter().map(String::as_str).collect();
    let ends = || edges.iter().flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]);
    if ends().all(|end| known.contains(end)) {
        return None;
    }
    let numbers: Vec<usize> = ends().map(|end| end.parse().ok()).collect::<Option<_>>()?;
    let (least, most) = (numbers.iter().min()?, numbers.iter().max()?);
    match least {
        0 if *most < keys.len() => Some(0),
        1 if *most == keys.len() => Some(1),
        _ => None,
    }
}
