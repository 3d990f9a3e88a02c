//! `geo_features`: what a place says about its row: how far it is from others, and what is around it.

use std::sync::Arc;

use indexmap::IndexMap;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry,
    Result, Role, Slot, State, Table, Target, Training,
};
use tidemill_kernel::geo::{Metric, Place};
use tidemill_kernel::{Random, blocks};

use super::nearby::{Asked, Nearby};
use super::{OfPoints, Reads};

/// Adds what the place of a row says about it: distance and direction to named places and to the nearest points of other tables, how
/// many training rows are near, and what the nearest of them are like.
///
/// Of `point` come, for each of `places`, `point_to_NAME` (the distance) and `point_bearing_NAME` (the direction in degrees from
/// north through east); the same for the nearest point of each of `tables`; with `neighbors`, `point_near_distance` (the mean distance
/// of the nearest training rows), `point_near_target` (their mean target; of more than two classes, the share of each) and
/// `point_near_COLUMN` for each of `mean_of`; and `point_within_R` for each of `radii` (how many training rows are at most so far).
/// Distances are great circles in metres where points are degrees (haversine on a sphere of 6,371,008.8 m), else straight lines.
///
/// No row sees itself, and none of training its own target: the training rows are divided into folds (copies of a row together), and
/// each is told the mean target of its nearest neighbours in the other folds; rows to come are told that of all. Agrees with
/// scikit-learn's `NearestNeighbors` (`metric = "haversine"`). The model keeps the places of the training rows with the values that are
/// averaged, so that a single row finds its neighbours; `[privacy] rows_in_model = false` refuses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GeoFeatures {
    /// The columns to read; by default, every point that is a feature.
    pub columns: Columns,
    /// Named places, each `[longitude, latitude]` or `[x, y]`: `places = { centre = [-76.61, 39.29] }`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub places: IndexMap<String, [f64; 2]>,
    /// Other tables of points, by name: `tables = { station = { source = "stations.csv" } }`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub tables: IndexMap<String, Layer>,
    /// How many of the nearest training rows are averaged; 0 for none.
    pub neighbors: usize,
    /// Whether their target is averaged.
    pub target: bool,
    /// Columns of numbers of theirs that are averaged, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mean_of: Vec<String>,
    /// Neighbours farther away than this do not count; a row with none nearer misses what they would say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<f64>,
    /// Distances within which training rows are counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub radii: Vec<f64>,
    /// Into how many folds the training rows are divided for the target, at least 2.
    pub folds: usize,
}

/// Another table of points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// The file, as `source` of `[data]`.
    pub source: String,
    /// Its columns of longitude and latitude or x and y, or its column of points; found by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Vec<String>>,
    /// Its points, which the engine reads from the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub points: Vec<[f64; 2]>,
}

impl Default for GeoFeatures {
    fn default() -> Self {
        GeoFeatures {
            columns: Columns::default(),
            places: IndexMap::new(),
            tables: IndexMap::new(),
            neighbors: 8,
            target: true,
            mean_of: Vec::new(),
            reach: None,
            radii: Vec::new(),
            folds: 5,
        }
    }
}

impl Estimator for GeoFeatures {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        Ok(Arc::new(self.learn(&training.train.collect()?, context)?))
    }

    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        context.check()?;
        let batch = training.train.collect()?;
        let fitted = self.learn(&batch, context)?;
        let output = Arc::new(fitted.output(batch.schema())?);
        let folds = if self.uses_target() { Some(self.folds_of(&batch, context)?) } else { None };
        let encoded = fitted.replace(&batch, output, |learned, places| {
            let rows = learned.of_training(&places, folds.as_deref(), self.folds);
            rows.into_iter().zip(places).map(|(numbers, place)| (place, numbers)).collect()
        })?;
        Ok((Arc::new(fitted), Table::new(encoded)))
    }
}

impl Builtin for GeoFeatures {
    const KIND: &'static str = "geo_features";

    fn check(&self) -> Result<(), KeyPath> {
        if self.folds < 2 {
            return Err(KeyPath::new("folds", format!("must be at least 2; it is {}", self.folds)));
        }
        let distance = |x: f64| x > 0.0 && x.is_finite();
        if let Some(radius) = self.radii.iter().find(|r| !distance(**r)) {
            return Err(KeyPath::new("radii", format!("must be distances above 0; one is {radius}")));
        }
        if let Some(reach) = self.reach.filter(|reach| !distance(*reach)) {
            return Err(KeyPath::new("reach", format!("must be a distance above 0; it is {reach}")));
        }
        if let Some((name, _)) = self.tables.iter().find(|(name, _)| self.places.contains_key(*name)) {
            return Err(KeyPath::new("tables", format!("'{name}' is one of 'places', too")));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Reads::<Learned>::load(Self::KIND, Self::VERSION, &state)
    }
}

impl BuiltinStep for GeoFeatures {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "read as what is near the place";
    const KEEPS_ROWS: bool = true;
    const READS_POINTS: bool = true;
    const OPENS_TABLES: bool = true;
}

impl GeoFeatures {
    pub(super) const KIND_NAME: &'static str = Self::KIND;

    fn uses_target(&self) -> bool {
        self.neighbors > 0 && self.target
    }

    fn learn(&self, batch: &Batch, context: &Context) -> Result<Reads<Learned>> {
        let schema = batch.schema();
        let (names, values) = self.averaged(batch)?;
        // Without a question about them, no row is kept.
        let looks = self.neighbors > 0 || !self.radii.is_empty();
        let mut columns = Vec::new();
        for at in super::points(&self.columns, schema, Self::KIND)? {
            context.check()?;
            let (column, metric) = (&schema.columns()[at], super::metric_of(&schema.columns()[at]));
            let layers = self.layers(column, metric)?;
            let points = batch.points(at)?;
            let (mut places, mut kept) = (Vec::new(), Vec::new());
            for row in 0..batch.n_rows() {
                let sound = |place: &Place| metric.fault(*place).is_none();
                let Some(place) = points.of(row).filter(sound).filter(|_| looks) else { continue };
                places.push(place);
                kept.extend(values.iter().map(|value| value[row]));
            }
            let notes = Notes {
                column: column.name.clone(),
                degrees: metric.degrees,
                places: self.places.iter().map(|(name, place)| (name.clone(), *place)).collect(),
                tables: self.tables.keys().cloned().collect(),
                neighbors: self.neighbors,
                means: names.clone(),
                n_target: if self.uses_target() { names.len() - self.mean_of.len() } else { 0 },
                reach: self.reach,
                radii: self.radii.clone(),
            };
            let learned =
                Learned { nearby: Nearby::new(places, kept, names.len(), metric), notes, layers, metric };
            learned.warn_of_islands(batch, at, context)?;
            columns.push(learned);
        }
        Ok(Reads { kind: Self::KIND, version: Self::VERSION, columns })
    }

    /// What the neighbours are asked for, by the ending of its name: the target first.
    fn averaged(&self, batch: &Batch) -> Result<(Vec<String>, Vec<Vec<f64>>)> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        if self.neighbors == 0 {
            return Ok((names, values));
        }
        if self.uses_target() {
            match Target::of(batch)? {
                Target::Number(numbers) => {
                    names.push("target".to_string());
                    values.push(numbers);
                }
                Target::Class { codes, n_classes } => {
                    let at = batch.schema().role(Role::Target);
                    let classes = at.and_then(|at| batch.schema().columns()[at].categories.clone());
                    // Of two classes the share of one says all.
                    for class in if n_classes <= 2 { 1..2 } else { 0..n_classes as u32 } {
                        let name =
                            classes.as_ref().filter(|_| n_classes > 2).map(|c| c.name(class).to_string());
                        names.push(name.map_or("target".to_string(), |name| format!("target_{name}")));
                        values.push(codes.iter().map(|&c| f64::from(u8::from(c == class))).collect());
                    }
                }
            }
        }
        for name in &self.mean_of {
            let at = batch.schema().index(name)?;
            let column = &batch.schema().columns()[at];
            if column.role == Role::Target {
                let error = crate::PrepError::TargetNamed { step: Self::KIND, column: name.clone() };
                return Err(error.into());
            }
            if column.kind != Kind::Number {
                let (column, found) = (name.clone(), column.kind);
                return Err(Error::WrongKind { column, found, wanted: "a number to average".into() });
            }
            names.push(name.clone());
            values.push(
                batch.numbers(at)?.iter().map(|x| x.filter(|x| x.is_finite()).unwrap_or(f64::NAN)).collect(),
            );
        }
        Ok((names, values))
    }

    /// The points of the other tables, which must be measured as the column is.
    fn layers(&self, column: &Column, metric: Metric) -> Result<Vec<Nearby>> {
        let wrong = |what: String| {
            let measured = if metric.degrees { "longitudes and latitudes" } else { "x and y in a plane" };
            Error::data(
                format!("{what}, but column '{}' holds {measured}", column.name),
                "bring both into one coordinate system, longitude (or x) first",
            )
        };
        if let Some((name, [x, y])) = self.places.iter().find(|(_, place)| metric.fault(**place).is_some()) {
            return Err(wrong(format!("place '{name}' of 'geo_features' is [{x}, {y}]")));
        }
        let layer = |(name, layer): (&String, &Layer)| {
            if layer.points.is_empty() {
                let problem = format!("table '{name}' of 'geo_features' has no point");
                return Err(Error::data(problem, "name a file of points as its 'source'"));
            }
            if let Some([x, y]) = layer.points.iter().find(|place| metric.fault(**place).is_some()) {
                return Err(wrong(format!("table '{name}' of 'geo_features' has a point at [{x}, {y}]")));
            }
            Ok(Nearby::new(layer.points.clone(), Vec::new(), 0, metric))
        };
        self.tables.iter().map(layer).collect()
    }

    /// The fold of each row, as `encode_target` deals them.
    fn folds_of(&self, batch: &Batch, context: &Context) -> Result<Vec<u32>> {
        let mut order: Vec<u32> = (0..batch.n_rows() as u32).collect();
        Random::new(context.seed_for(Self::KIND), 0).shuffle(&mut order);
        Ok(blocks::deal(&order, batch.blocks()?.as_deref(), self.folds))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    column: String,
    degrees: bool,
    places: Vec<(String, [f64; 2])>,
    tables: Vec<String>,
    neighbors: usize,
    /// What is averaged, by the ending of its name.
    means: Vec<String>,
    /// So many of them are of the target.
    n_target: usize,
    reach: Option<f64>,
    radii: Vec<f64>,
}

struct Learned {
    notes: Notes,
    metric: Metric,
    layers: Vec<Nearby>,
    /// The training rows.
    nearby: Nearby,
}

impl Learned {
    fn asked(&self) -> Asked<'_> {
        let Notes { neighbors, reach, radii, .. } = &self.notes;
        Asked { neighbors: *neighbors, reach: reach.unwrap_or(f64::INFINITY), radii }
    }

    /// How far and in which direction the named places are, and the nearest of other tables.
    fn ways(&self, from: Place) -> Vec<f64> {
        let way = |to: Place| [self.metric.distance(from, to), self.metric.bearing(from, to)];
        let nearest = self.layers.iter().filter_map(|layer| layer.nearest(from));
        self.notes.places.iter().map(|(_, place)| *place).chain(nearest).flat_map(way).collect()
    }

    fn numbers(&self, place: Option<Place>, nearby: &Nearby, own: Option<u32>) -> Vec<f64> {
        match place.filter(|&place| self.metric.fault(place).is_none()) {
            Some(place) => [self.ways(place), nearby.around(place, &self.asked(), own)].concat(),
            None => vec![f64::NAN; self.endings().len()],
        }
    }

    /// The numbers of the training rows, each without itself, and its neighbours' target by those of other folds.
    fn of_training(&self, places: &[Option<Place>], folds: Option<&[u32]>, n: usize) -> Vec<Vec<f64>> {
        // The place of each row within the index.
        let mut next = 0;
        let own: Vec<Option<u32>> = places
            .iter()
            .map(|place| {
                let there = place.is_some_and(|place| self.metric.fault(place).is_none());
                next += u32::from(there);
                there.then(|| next - 1)
            })
            .collect();
        let all = (0..places.len()).into_par_iter();
        let mut rows: Vec<Vec<f64>> =
            all.map(|row| self.numbers(places[row], &self.nearby, own[row])).collect();
        let Some(folds) = folds else { return rows };
        // The row of each place within the index.
        let located: Vec<usize> = (0..places.len()).filter(|&row| own[row].is_some()).collect();
        let first = 2 * (self.notes.places.len() + self.layers.len()) + 1;
        for fold in 0..n as u32 {
            let others = self.nearby.only(|at| folds[located[at]] != fold);
            let judged: Vec<usize> = (0..places.len()).filter(|&row| folds[row] == fold).collect();
            let told: Vec<Vec<f64>> =
                judged.par_iter().map(|&row| self.numbers(places[row], &others, None)).collect();
            for (row, told) in judged.into_iter().zip(told) {
                let target = first..first + self.notes.n_target;
                rows[row][target.clone()].copy_from_slice(&told[target]);
            }
        }
        rows
    }

    /// Warns of training rows that have no neighbour within reach.
    fn warn_of_islands(&self, batch: &Batch, at: usize, context: &Context) -> Result<()> {
        let Some(reach) = self.notes.reach.filter(|_| self.notes.neighbors > 0) else { return Ok(()) };
        let points = batch.points(at)?;
        let alone = |row: &usize| {
            let sound = points.of(*row).filter(|&place| self.metric.fault(place).is_none());
            sound.is_some_and(|place| self.nearby.within(place, reach) <= 1)
        };
        let islands: Vec<usize> = (0..batch.n_rows()).filter(alone).collect();
        if let Some(first) = islands.first() {
            let message = format!(
                "column '{}': {} of {} rows have no neighbour within {reach}, the first is training row {}; what neighbours would say is \
                 missing there",
                self.notes.column,
                islands.len(),
                batch.n_rows(),
                first + 1
            );
            context.warn("islands", message);
        }
        Ok(())
    }
}

impl OfPoints for Learned {
    type Notes = Notes;

    fn column(&self) -> &str {
        &self.notes.column
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }

    fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f64>)> {
        let (n, width) = (self.nearby.len(), self.notes.means.len());
        let mut tensors = vec![
            ("places".to_string(), vec![n, 2], self.nearby.flat()),
            ("values".to_string(), vec![n, width], self.nearby.values().to_vec()),
        ];
        let layers = self.layers.iter().enumerate();
        tensors.extend(layers.map(|(i, layer)| (format!("table_{i}"), vec![layer.len(), 2], layer.flat())));
        tensors
    }

    fn load(notes: Notes, tensor: &mut dyn FnMut(&str) -> Result<Vec<f64>>) -> Result<Self> {
        let metric = Metric { degrees: notes.degrees };
        let sound = notes.places.iter().all(|(_, place)| metric.fault(*place).is_none());
        if !sound || notes.n_target > notes.means.len() {
            return Err(Error::state(GeoFeatures::KIND, "a named place that cannot be one"));
        }
        let nearby = Nearby::load(&tensor("places")?, tensor("values")?, notes.means.len(), metric)?;
        let layers = (0..notes.tables.len())
            .map(|i| Nearby::load(&tensor(&format!("table_{i}"))?, Vec::new(), 0, metric))
            .collect::<Result<Vec<_>>>()?;
        if layers.iter().any(|layer| layer.len() == 0) {
            return Err(Error::state(GeoFeatures::KIND, "a table without points"));
        }
        Ok(Learned { notes, metric, layers, nearby })
    }

    fn point(&self, input: &Column) -> Option<Column> {
        Some(input.clone())
    }

    fn endings(&self) -> Vec<String> {
        let Notes { places, tables, neighbors, means, radii, .. } = &self.notes;
        let named = places.iter().map(|(name, _)| name).chain(tables);
        let mut endings: Vec<String> =
            named.flat_map(|name| [format!("to_{name}"), format!("bearing_{name}")]).collect();
        if *neighbors > 0 {
            endings.push("near_distance".into());
            endings.extend(means.iter().map(|name| format!("near_{name}")));
        }
        endings.extend(radii.iter().map(|radius| format!("within_{radius}")));
        endings
    }

    fn read(&self, place: Option<Place>) -> (Option<Place>, Vec<f64>) {
        (place, self.numbers(place, &self.nearby, None))
    }
}
