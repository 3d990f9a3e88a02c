//! Connected rows: the neighbours that each row lists, and the resulting graph.

use hashbrown::HashMap;
use std::borrow::Cow;

use arrow_array::Array;
use serde_json::Value;
use tidemill_core::{Batch, Cell, Error, Kind, Result, Role, Row, Schema, State, TensorData};

/// The rows that a cell lists, each with the weight of the edge: `Ohio;Iowa` or `Ohio=2;Iowa=0.5`, or in JSON `["Ohio", ["Iowa", 0.5]]` or
/// `{"Ohio": 2, "Iowa": 0.5}`.
///
/// A weight is a number above 0 after the last `=`; anything else belongs to the key.
///
/// ```
/// use tidemill_kernel::graph::listed;
/// assert_eq!(listed("Ohio; Iowa=0.5"), [("Ohio".into(), 1.0), ("Iowa".into(), 0.5)]);
/// assert_eq!(listed(r#"["a;b", 7]"#), [("a;b".into(), 1.0), ("7".into(), 1.0)]);
/// assert_eq!(listed(r#"{"Ohio": 2, "Iowa": null}"#), [("Ohio".into(), 2.0), ("Iowa".into(), 1.0)]);
/// ```
pub fn listed(cell: &str) -> Vec<(String, f32)> {
    if cell.trim_start().starts_with(['[', '{'])
        && let Ok(listed) = serde_json::from_str::<Value>(cell)
    {
        let found: Vec<(String, f32)> = match &listed {
            Value::Object(weights) => weights.iter().map(|(key, weight)| weighted(key, weight)).collect(),
            Value::Array(items) => items.iter().map(item).collect(),
            _ => Vec::new(),
        };
        return found.into_iter().filter(|(key, _)| !key.is_empty()).collect();
    }
    cell.split(';').map(str::trim).filter(|part| !part.is_empty()).map(part).collect()
}

fn item(item: &Value) -> (String, f32) {
    match item {
        Value::String(key) => (key.trim().to_string(), 1.0),
        Value::Array(pair) if pair.len() == 2 => weighted(&self::item(&pair[0]).0, &pair[1]),
        other => (other.to_string(), 1.0),
    }
}

/// A key with its weight; what is no weight counts as 1.
fn weighted(key: &str, weight: &Value) -> (String, f32) {
    let weight = weight.as_f64().map_or(1.0, |weight| weight as f32);
    (key.trim().to_string(), if weight > 0.0 && weight.is_finite() { weight } else { 1.0 })
}

fn part(text: &str) -> (String, f32) {
    let weighted = text.rsplit_once('=').and_then(|(key, weight)| {
        let weight: f32 = weight.trim().parse().ok()?;
        (weight > 0.0 && weight.is_finite()).then(|| (key.trim().to_string(), weight))
    });
    weighted.unwrap_or_else(|| (text.to_string(), 1.0))
}

/// The cell that lists these rows: the inverse of [`listed`].
pub fn list<'a>(neighbors: impl IntoIterator<Item = (&'a str, f32)>) -> String {
    let neighbors: Vec<(&str, f32)> = neighbors.into_iter().collect();
    if neighbors.iter().any(|(key, _)| key.contains(';') || key.starts_with(['[', '{'])) {
        let items = neighbors.into_iter().map(|(key, weight)| serde_json::json!([key, weight]));
        return Value::Array(items.collect()).to_string();
    }
    let one = |(key, weight): (&str, f32)| match weight {
        // For a key that contains the sign, the weight must be written.
        1.0 if !key.contains('=') => key.to_string(),
        _ => format!("{key}={weight}"),
    };
    neighbors.into_iter().map(one).collect::<Vec<_>>().join(";")
}

/// Where a table contains the keys of its rows and their neighbours; either may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The column with the key of the row.
    pub key: Option<usize>,
    /// The column that lists its neighbours.
    pub neighbors: Option<usize>,
}

impl Names {
    /// Found by the roles of the columns. Errors if one has neither text nor numbers.
    pub fn of(schema: &Schema) -> Result<Self> {
        let place = |role| -> Result<Option<usize>> {
            let Some(at) = schema.role(role) else { return Ok(None) };
            let column = &schema.columns()[at];
            match column.kind {
                Kind::Text | Kind::Number => Ok(Some(at)),
                found => {
                    let wanted = "the key of a row as text".into();
                    Err(Error::WrongKind { column: column.name.clone(), found, wanted })
                }
            }
        };
        Ok(Names { key: place(Role::Key)?, neighbors: place(Role::Neighbors)? })
    }

    /// The key of row `i` of a batch and the cell that lists its neighbours.
    pub fn of_batch<'a>(&self, batch: &'a Batch, i: usize) -> Result<Said<'a>> {
        let read = |place: Option<usize>| -> Result<Option<Cow<'a, str>>> {
            let Some(at) = place.filter(|&at| batch.column(at).is_valid(i)) else { return Ok(None) };
            Ok(match batch.schema().columns()[at].kind {
                Kind::Text => Some(Cow::Borrowed(batch.texts(at)?.value(i).trim())),
                _ => number(batch.numbers(at)?.value(i)),
            })
        };
        Ok(Said { key: read(self.key)?, neighbors: read(self.neighbors)? })
    }

    /// The same for a single row.
    pub fn of_row<'a>(&self, row: &'a Row) -> Result<Said<'a>> {
        let read = |place: Option<usize>| match place.and_then(|at| row.cells.get(at)) {
            Some(Cell::Text(text)) => Ok(Some(Cow::Borrowed(text.trim()))),
            Some(Cell::Number(x)) => Ok(number(*x)),
            Some(Cell::Missing) | None => Ok(None),
            Some(other) => Err(Error::internal(format!("the key of a row came as {other:?}"))),
        };
        Ok(Said { key: read(self.key)?, neighbors: read(self.neighbors)? })
    }
}

/// A numeric key as text: an integer without a decimal point.
fn number<'a>(x: f64) -> Option<Cow<'a, str>> {
    (!x.is_nan()).then(|| Cow::Owned(format!("{}", if x == 0.0 { 0.0 } else { x })))
}

/// The key and neighbours of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said<'a> {
    /// Its key.
    pub key: Option<Cow<'a, str>>,
    /// The neighbours that it lists.
    pub neighbors: Option<Cow<'a, str>>,
}

/// The rows on which a model was fitted, by key, and their edges. Edges are undirected. If an edge is listed more than once, the largest
/// weight counts, and no row is connected to itself.
///
/// Listed rows that were not among them are outside: only their keys and their edges to the rows are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// First the keys of the rows, then those outside; empty for a row without a key.
    keys: Vec<String>,
    n_rows: usize,
    places: HashMap<String, u32>,
    /// The start of the edges of each node; one entry more than there are nodes.
    starts: Vec<u32>,
    ends: Vec<u32>,
    weights: Vec<f32>,
}

/// The nodes connected to one node, in order: their indices and weights.
pub type Ties<'a> = (&'a [u32], &'a [f32]);

impl Graph {
    /// The graph of these rows, and the index of each row in it: rows with the same key are one node.
    pub fn of<'a>(rows: impl IntoIterator<Item = Said<'a>>) -> (Self, Vec<u32>) {
        let (mut keys, mut places) = (Vec::new(), HashMap::new());
        let (mut own, mut cells) = (Vec::new(), Vec::new());
        for row in rows {
            let key = row.key.unwrap_or_default().into_owned();
            let next = keys.len() as u32;
            let place = if key.is_empty() { next } else { *places.entry(key.clone()).or_insert(next) };
            if place == next {
                keys.push(key);
            }
            own.push(place);
            cells.extend(row.neighbors.map(|cell| (place, cell)));
        }
        let n_rows = keys.len();
        let mut ties = Vec::new();
        for (from, cell) in cells {
            for (key, weight) in listed(&cell) {
                let next = keys.len() as u32;
                let to = *places.entry(key.clone()).or_insert(next);
                if to == next {
                    keys.push(key);
                }
                if to != from {
                    ties.extend([(from, to, weight), (to, from, weight)]);
                }
            }
        }
        (Graph::tied(keys, n_rows, places, ties), own)
    }

    fn tied(
        keys: Vec<String>,
        n_rows: usize,
        places: HashMap<String, u32>,
        mut ties: Vec<(u32, u32, f32)>,
    ) -> Self {
        heaviest(&mut ties);
        let mut starts = vec![0u32; keys.len() + 1];
        ties.iter().for_each(|&(from, ..)| starts[from as usize + 1] += 1);
        (0..keys.len()).for_each(|i| starts[i + 1] += starts[i]);
        let (ends, weights) = ties.into_iter().map(|(_, to, weight)| (to, weight)).unzip();
        Graph { keys, n_rows, places, starts, ends, weights }
    }

    /// The number of rows, without those outside: their indices come first.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of edges between two rows.
    pub fn n_ties(&self) -> usize {
        let inner =
            |&row: &usize| self.ties(row as u32).0.iter().filter(|&&to| (to as usize) < self.n_rows).count();
        (0..self.n_rows).map(|row| inner(&row)).sum::<usize>() / 2
    }

    /// Whether an index is that of a row, not of a node outside.
    pub fn is_row(&self, place: u32) -> bool {
        (place as usize) < self.n_rows
    }

    /// The edges of a node.
    pub fn ties(&self, place: u32) -> Ties<'_> {
        let at = place as usize;
        let range = self.starts[at] as usize..self.starts[at + 1] as usize;
        (&self.ends[range.clone()], &self.weights[range])
    }

    /// The index of a row of any table, if its key is known, and its edges in the order of their indices: those that are known, and those
    /// that it lists itself.
    pub fn around(&self, said: &Said<'_>) -> (Option<u32>, Vec<(u32, f32)>) {
        let own = said.key.as_ref().and_then(|key| self.places.get(key.as_ref())).copied();
        let mut ties: Vec<(u32, u32, f32)> = Vec::new();
        if let Some(own) = own {
            let (ends, weights) = self.ties(own);
            ties.extend(ends.iter().zip(weights).map(|(&to, &weight)| (0, to, weight)));
        }
        if let Some(cell) = &said.neighbors {
            let known = listed(cell).into_iter().filter_map(|(key, w)| Some((0, *self.places.get(&key)?, w)));
            ties.extend(known.filter(|(_, to, _)| Some(*to) != own));
            heaviest(&mut ties);
        }
        (own, ties.into_iter().map(|(_, to, weight)| (to, weight)).collect())
    }

    /// The keys, for the parameters of a state.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Adds the edges to a state: tensors `starts`, `ends` and `weights`.
    pub fn save(&self, state: State) -> State {
        state
            .tensor("starts", vec![self.starts.len()], TensorData::U32(self.starts.clone()))
            .tensor("ends", vec![self.ends.len()], TensorData::U32(self.ends.clone()))
            .tensor("tie_weights", vec![self.weights.len()], TensorData::F32(self.weights.clone()))
    }

    /// The size in bytes of the numbers that [`Graph::save`] adds.
    pub fn size(&self) -> u64 {
        4 * (self.starts.len() + self.ends.len() + self.weights.len()) as u64
    }

    /// Loads what [`Graph::save`] wrote; `keys` are [`Graph::keys`], the first `n_rows` of which are rows. Errors if it is incomplete or
    /// invalid.
    pub fn load(state: &State, keys: Vec<String>, n_rows: usize) -> Result<Self> {
        let wrong = |what: &str| Error::state(&state.kind, format!("the ties of the graph: {what}"));
        let whole = |name: &str| match state.tensors.get(name).map(|t| &t.data) {
            Some(TensorData::U32(values)) => Ok(values.clone()),
            _ => Err(wrong(&format!("tensor '{name}' is missing"))),
        };
        let (starts, ends) = (whole("starts")?, whole("ends")?);
        let weights = match state.tensors.get("tie_weights").map(|t| &t.data) {
            Some(TensorData::F32(weights)) => weights.clone(),
            _ => return Err(wrong("tensor 'tie_weights' is missing")),
        };
        let rising = starts.len() == keys.len() + 1
            && starts.windows(2).all(|w| w[0] <= w[1])
            && (starts.first(), starts.last()) == (Some(&0), Some(&(ends.len() as u32)));
        if !rising || weights.len() != ends.len() || n_rows > keys.len() {
            return Err(wrong("counts that do not fit each other"));
        }
        if ends.iter().any(|&to| to as usize >= keys.len()) {
            return Err(wrong("a tie to nowhere"));
        }
        if weights.iter().any(|w| !(*w > 0.0 && w.is_finite())) {
            return Err(wrong("a weight that is not a number above 0"));
        }
        let mut places = HashMap::with_capacity(keys.len());
        for (key, place) in keys.iter().zip(0u32..).filter(|(key, _)| !key.is_empty()) {
            if places.insert(key.clone(), place).is_some() {
                return Err(wrong(&format!("key '{key}' comes twice")));
            }
        }
        Ok(Graph { keys, n_rows, places, starts, ends, weights })
    }
}

/// Edges in the order of their ends, each once with its largest weight.
fn heaviest(ties: &mut Vec<(u32, u32, f32)>) {
    ties.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)));
    ties.dedup_by_key(|tie| (tie.0, tie.1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<'a>(key: &'a str, neighbors: &'a str) -> Said<'a> {
        Said { key: Some(Cow::Borrowed(key)), neighbors: Some(Cow::Borrowed(neighbors)) }
    }

    fn square() -> Graph {
        let rows = [said("a", "b=2;c;a"), said("b", "a=3;x"), said("c", ""), said("d", "x;c=0.5")];
        Graph::of(rows).0
    }

    #[test]
    fn ties_hold_in_both_directions_and_the_heaviest_counts() {
        let graph = square();
        assert_eq!((graph.n_rows(), graph.n_ties(), graph.keys().len()), (4, 3, 5));
        assert_eq!(graph.ties(0), ([1, 2].as_slice(), [3.0, 1.0].as_slice()));
        assert_eq!(graph.ties(2), ([0, 3].as_slice(), [1.0, 0.5].as_slice()));
        // A node that is listed but was not among the rows is known from the rows that list it.
        assert_eq!(graph.ties(4).0, [1, 3]);
    }

    #[test]
    fn a_row_has_the_ties_that_are_known_and_those_that_it_lists() {
        let graph = square();
        assert_eq!(graph.around(&said("x", "")), (Some(4), vec![(1, 1.0), (3, 1.0)]));
        assert_eq!(graph.around(&said("x", "a;b=9")), (Some(4), vec![(0, 1.0), (1, 9.0), (3, 1.0)]));
        assert_eq!(graph.around(&said("new", "d;nobody;b")), (None, vec![(1, 1.0), (3, 1.0)]));
        assert_eq!(graph.around(&said("a", "a;d")).1, [(1, 3.0), (2, 1.0), (3, 1.0)]);
        assert_eq!(graph.around(&Said::default()), (None, Vec::new()));
    }

    #[test]
    fn lists_are_read_as_they_were_written() {
        for neighbors in [
            vec![("a b", 1.0), ("c", 0.25)],
            vec![("x=1", 1.0), ("y", 3.0)],
            vec![("p;q", 2.0), ("r", 1.0)],
            vec![],
        ] {
            let read = listed(&list(neighbors.iter().copied()));
            assert_eq!(read, neighbors.iter().map(|(k, w)| (k.to_string(), *w)).collect::<Vec<_>>());
        }
        assert_eq!(listed("a=-1;b=nan"), [("a=-1".to_string(), 1.0), ("b=nan".to_string(), 1.0)]);
    }

    #[test]
    fn a_saved_graph_must_be_whole() {
        let graph = square();
        let state = graph.save(State::new("graph", 1, ()));
        assert_eq!(state.bytes(), graph.size());
        let again = Graph::load(&state, graph.keys().to_vec(), 4).unwrap();
        assert_eq!(again, graph);
        let mut keys = graph.keys().to_vec();
        assert!(Graph::load(&state, keys[1..].to_vec(), 4).is_err());
        keys[1] = "a".into();
        assert!(Graph::load(&state, keys, 4).is_err());
        let mut nowhere = state.clone();
        let ends = TensorData::U32(vec![9; graph.ends.len()]);
        nowhere.tensors.get_mut("ends").unwrap().data = ends;
        assert!(Graph::load(&nowhere, graph.keys().to_vec(), 4).is_err());
    }
}
