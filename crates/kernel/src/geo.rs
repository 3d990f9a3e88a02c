//! Places: distances, directions, nearest places, and places within a radius.
//!
//! On the earth (degrees), distances are great circles on a sphere with the mean radius [`EARTH`], in metres; in a plane, they are straight
//! lines, in its own unit.

use std::f64::consts::TAU;

use tidemill_core::{Axis, Batch, Kind, Layout, Result, Role};

use crate::neighbors::{Distance, Found, Neighbors};

/// The mean radius of the earth in metres (Moritz 2000, "Geodetic Reference System 1980", R1).
pub const EARTH: f64 = 6_371_008.8;

/// Longitude and latitude in degrees, or x and y.
pub type Place = [f64; 2];

/// How distances between places are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Whether they are longitudes and latitudes; otherwise they are in a plane.
    pub degrees: bool,
}

/// The reason why two numbers cannot be a longitude and a latitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One of them is infinite or not a number.
    NotFinite,
    /// They would be valid in the other order.
    Swapped,
    /// A longitude beyond 180 (360 if counted eastward) or a latitude beyond 90 degrees.
    OutOfRange,
}

impl Metric {
    /// The distance from `a` to `b`: metres on the earth (haversine, like scikit-learn's `haversine_distances` times the radius), else
    /// units of the plane.
    ///
    /// ```
    /// use tidemill_kernel::geo::Metric;
    /// let quarter = Metric { degrees: true }.distance([0.0, 0.0], [0.0, 90.0]);
    /// assert!((quarter - 10_007_557.2).abs() < 0.1);
    /// assert_eq!(Metric { degrees: false }.distance([0.0, 0.0], [3.0, 4.0]), 5.0);
    /// ```
    pub fn distance(self, a: Place, b: Place) -> f64 {
        if !self.degrees {
            return (b[0] - a[0]).hypot(b[1] - a[1]);
        }
        let half = |x: f64, y: f64| ((y - x).to_radians() / 2.0).sin().powi(2);
        let across = a[1].to_radians().cos() * b[1].to_radians().cos();
        let h = half(a[1], b[1]) + across * half(a[0], b[0]);
        2.0 * EARTH * h.min(1.0).sqrt().asin()
    }

    /// The initial direction from `a` to `b`: degrees from north (the y axis) through east (the x axis), from 0 up to 360; `NaN` if they
    /// are the same place.
    pub fn bearing(self, a: Place, b: Place) -> f64 {
        if a == b {
            return f64::NAN;
        }
        let (east, north) = if self.degrees {
            let (lat, to) = (a[1].to_radians(), b[1].to_radians());
            let turn = (b[0] - a[0]).to_radians();
            (turn.sin() * to.cos(), lat.cos() * to.sin() - lat.sin() * to.cos() * turn.cos())
        } else {
            (b[0] - a[0], b[1] - a[1])
        };
        // A tiny negative angle would be rounded to 360.
        let bearing = east.atan2(north).rem_euclid(TAU).to_degrees();
        if bearing >= 360.0 { 0.0 } else { bearing }
    }

    /// The reason why a place is invalid; `None` if it is valid.
    pub fn fault(self, [x, y]: Place) -> Option<Fault> {
        let sound = |lon: f64, lat: f64| (-180.0..=360.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
        match (x.is_finite() && y.is_finite(), self.degrees) {
            (false, _) => Some(Fault::NotFinite),
            (true, false) => None,
            (true, true) if sound(x, y) => None,
            (true, true) if sound(y, x) => Some(Fault::Swapped),
            (true, true) => Some(Fault::OutOfRange),
        }
    }
}

/// The places of the rows of a table: from its two coordinate columns, else from its first point column.
#[derive(Clone, Debug)]
pub struct Located {
    /// The place of each row; `None` if it is missing or invalid.
    pub places: Vec<Option<Place>>,
    /// How distances are measured.
    pub metric: Metric,
}

impl Located {
    /// `None` if no feature contains the place of rows.
    pub fn of(batch: &Batch) -> Result<Option<Self>> {
        let columns = || batch.schema().columns().iter().enumerate().filter(|(_, c)| c.role == Role::Feature);
        let axis = |wanted: Axis| {
            columns().find_map(|(at, c)| match c.layout {
                Some(Layout::Coordinate { axis, degrees }) if axis == wanted => Some((at, degrees)),
                _ => None,
            })
        };
        let point = || columns().find(|(_, c)| c.kind == Kind::Point);
        let (places, degrees): (Vec<Option<Place>>, bool) = match (axis(Axis::X), axis(Axis::Y), point()) {
            (Some((x, degrees)), Some((y, _)), _) => {
                let (x, y) = (batch.numbers(x)?, batch.numbers(y)?);
                (x.iter().zip(y).map(|(x, y)| Some([x?, y?])).collect(), degrees)
            }
            (_, _, Some((at, column))) => {
                let points = batch.points(at)?;
                let degrees = !matches!(column.layout, Some(Layout::Point { degrees: false }));
                ((0..batch.n_rows()).map(|row| points.of(row)).collect(), degrees)
            }
            _ => return Ok(None),
        };
        let metric = Metric { degrees };
        let sound = |place: Option<Place>| place.filter(|&place| metric.fault(place).is_none());
        Ok(Some(Located { places: places.into_iter().map(sound).collect(), metric }))
    }
}

/// An index of places, all of them valid (see [`Metric::fault`]); at most `u32::MAX`.
#[derive(Debug)]
pub struct Places {
    metric: Metric,
    places: Vec<Place>,
    /// From south to north.
    by_y: Vec<(f64, u32)>,
    index: Neighbors,
}

impl Places {
    /// Creates an index of these places.
    pub fn new(places: Vec<Place>, metric: Metric) -> Self {
        let mut by_y: Vec<(f64, u32)> = places.iter().map(|p| p[1]).zip(0..).collect();
        by_y.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let points = places.iter().flat_map(|&place| flat(place, metric)).collect();
        let index = Neighbors::new(points, dimensions(metric), Distance::Euclidean);
        Places { metric, places, by_y, index }
    }

    /// The places, in the given order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How distances are measured.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The `k` places nearest to each query (fewer if there are fewer places), with their distances. Among equally near places, the first
    /// comes first. With `own = Some(first)`, the queries are the places from `first` on, and none is its own neighbour.
    ///
    /// ```
    /// use tidemill_kernel::geo::{Metric, Places};
    /// // Across the date line is no way at all.
    /// let places = Places::new(vec![[-179.0, 0.0], [170.0, 0.0]], Metric { degrees: true });
    /// assert_eq!(places.nearest(&[[179.0, 0.0]], 1, None).indices, [0]);
    /// ```
    pub fn nearest(&self, queries: &[Place], k: usize, own: Option<usize>) -> Found {
        let points: Vec<f64> = queries.iter().flat_map(|&query| flat(query, self.metric)).collect();
        let mut found = self.index.nearest(&points, k, own);
        // The index uses straight lines through the earth, which have the same order.
        let pairs = found.indices.iter().zip(&mut found.distances).enumerate();
        for (at, (&index, distance)) in pairs {
            *distance = self.metric.distance(queries[at / found.k], self.places[index as usize]);
        }
        found
    }

    /// The number of places at most `radius` away from a query.
    pub fn within(&self, query: Place, radius: f64) -> usize {
        // Near places have similar latitudes: the added margin costs little and covers rounding.
        let reach = if self.metric.degrees { (radius / EARTH).to_degrees() } else { radius } * (1.0 + 1e-9);
        let from = self.by_y.partition_point(|(y, _)| *y < query[1] - reach);
        let band = self.by_y[from..].iter().take_while(|(y, _)| *y <= query[1] + reach);
        band.filter(|(_, i)| self.metric.distance(query, self.places[*i as usize]) <= radius).count()
    }
}

fn dimensions(metric: Metric) -> usize {
    if metric.degrees { 3 } else { 2 }
}

/// A place as a point in a space in which straight distances have the same order as those on the earth: a unit vector from its centre.
fn flat([x, y]: Place, metric: Metric) -> Vec<f64> {
    if !metric.degrees {
        return vec![x, y];
    }
    let (lon, lat) = (x.to_radians(), y.to_radians());
    vec![lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn bearings_follow_the_compass() {
        for degrees in [true, false] {
            let metric = Metric { degrees };
            for (to, bearing) in [([0.0, 1.0], 0.0), ([1.0, 0.0], 90.0), ([0.0, -1.0], 180.0)] {
                assert!((metric.bearing([0.0, 0.0], to) - bearing).abs() < 1e-9);
            }
            assert!((metric.bearing([0.0, 0.0], [-1.0, 0.0]) - 270.0).abs() < 1e-9);
            assert!(metric.bearing([1.0, 2.0], [1.0, 2.0]).is_nan());
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let earth = Metric { degrees: true };
        assert_eq!(earth.fault([13.4, 52.5]), None);
        assert_eq!(earth.fault([52.5, 134.0]), Some(Fault::Swapped));
        assert_eq!(earth.fault([907.0, 534.0]), Some(Fault::OutOfRange));
        assert_eq!(earth.fault([f64::NAN, 1.0]), Some(Fault::NotFinite));
        assert_eq!(Metric { degrees: false }.fault([907.0, 534.0]), None);
    }

    #[test]
    fn neighbours_and_counts_are_those_of_all_pairs() {
        let mut random = Random::new(5, 0);
        for degrees in [true, false] {
            let metric = Metric { degrees };
            let mut draw = |n: usize| -> Vec<Place> {
                (0..n).map(|_| [360.0 * random.unit() - 180.0, 180.0 * random.unit() - 90.0]).collect()
            };
            let (places, queries) = (draw(700), draw(30));
            let index = Places::new(places.clone(), metric);
            let found = index.nearest(&queries, 5, None);
            for (q, &query) in queries.iter().enumerate() {
                let mut all: Vec<f64> = places.iter().map(|&p| metric.distance(query, p)).collect();
                let radius = if degrees { 1.5e6 } else { 20.0 };
                assert_eq!(index.within(query, radius), all.iter().filter(|d| **d <= radius).count());
                all.sort_by(f64::total_cmp);
                let near = found.of(q).1.iter().zip(&all).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b));
                assert!(near, "{:?} and {:?}", found.of(q), &all[..5]);
            }
        }
    }
}
