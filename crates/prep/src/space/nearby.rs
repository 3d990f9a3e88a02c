//! The training rows around a place, and what they say.

use tidemill_core::{Error, Result};
use tidemill_kernel::geo::{Metric, Place, Places};

/// Places with some numbers each: what is looked up around a place.
pub(super) struct Nearby {
    places: Places,
    /// Values of each place, one after the other: `NaN` where missing.
    values: Vec<f64>,
    width: usize,
}

/// What to look up.
pub(super) struct Asked<'a> {
    /// How many neighbours are averaged.
    pub(super) neighbors: usize,
    /// Neighbours farther away than this do not count.
    pub(super) reach: f64,
    /// Distances within which places are counted.
    pub(super) radii: &'a [f64],
}

impl Nearby {
    /// `values` holds `width` numbers for each place.
    pub(super) fn new(places: Vec<Place>, values: Vec<f64>, width: usize, metric: Metric) -> Self {
        Nearby { places: Places::new(places, metric), values, width }
    }

    pub(super) fn load(flat: &[f64], values: Vec<f64>, width: usize, metric: Metric) -> Result<Self> {
        let (pairs, rest) = flat.as_chunks::<2>();
        let sound = rest.is_empty() && pairs.iter().all(|&place| metric.fault(place).is_none());
        if !sound || values.len() != pairs.len() * width {
            return Err(Error::state(
                super::GeoFeatures::KIND_NAME,
                "places that cannot be, or values of others",
            ));
        }
        Ok(Nearby::new(pairs.to_vec(), values, width, metric))
    }

    pub(super) fn len(&self) -> usize {
        self.places.places().len()
    }

    pub(super) fn flat(&self) -> Vec<f64> {
        self.places.places().concat()
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The place nearest to another.
    pub(super) fn nearest(&self, place: Place) -> Option<Place> {
        let found = self.places.nearest(&[place], 1, None);
        found.indices.first().map(|&i| self.places.places()[i as usize])
    }

    /// How many places are at most so far from another.
    pub(super) fn within(&self, place: Place, radius: f64) -> usize {
        self.places.within(place, radius)
    }

    /// Some of the places, by their order here.
    pub(super) fn only(&self, kept: impl Fn(usize) -> bool) -> Nearby {
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (at, &place) in self.places.places().iter().enumerate().filter(|(at, _)| kept(*at)) {
            places.push(place);
            values.extend_from_slice(&self.values[at * self.width..(at + 1) * self.width]);
        }
        Nearby::new(places, values, self.width, self.places.metric())
    }

    /// The mean distance of the neighbours of a place and the mean of each of their values, then how many places lie within each
    /// radius. `own` is the place itself where it is one of these: it is left out.
    pub(super) fn around(&self, place: Place, asked: &Asked<'_>, own: Option<u32>) -> Vec<f64> {
        let mut numbers = Vec::with_capacity(1 + self.width + asked.radii.len());
        if asked.neighbors > 0 {
            let found = self.places.nearest(&[place], asked.neighbors + usize::from(own.is_some()), None);
            let pairs = found.indices.iter().zip(&found.distances);
            let near: Vec<(u32, f64)> = pairs
                .filter(|(i, d)| Some(**i) != own && **d <= asked.reach)
                .take(asked.neighbors)
                .map(|(i, d)| (*i, *d))
                .collect();
            numbers.push(mean(near.iter().map(|(_, distance)| *distance)));
            for value in 0..self.width {
                numbers.push(mean(near.iter().map(|(i, _)| self.values[*i as usize * self.width + value])));
            }
        }
        let itself = usize::from(own.is_some());
        numbers.extend(asked.radii.iter().map(|&radius| {
            // A place is within any radius of itself.
            (self.places.within(place, radius) - itself) as f64
        }));
        numbers
    }
}

/// The mean of what is there; `NaN` where nothing is.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.filter(|x| !x.is_nan()).fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    sum / n
}
