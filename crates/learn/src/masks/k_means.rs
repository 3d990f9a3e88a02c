//! `k_means`: pixels of like colours.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Error, Estimator, Family, Fitted, KeyPath, Registry, Result, State,
    Training, Weights,
};
use tidemill_kernel::Random;
use tidemill_kernel::mask::Mask;
use tidemill_kernel::picture::Picture;
use tidemill_kernel::segment::{FittedMasks, Lesson, Segment};

use super::mask_of;

/// Clusters of colours (k-means, Lloyd 1982, started by k-means++ of Arthur and Vassilvitskii 2007) over the pixels of all training
/// pictures; each cluster answers the class that most of its pixels are of.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::masks::KMeans;
/// assert!(KMeans { clusters: 1 }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KMeans {
    /// How many clusters, from 2 to 64.
    pub clusters: usize,
}

impl Default for KMeans {
    fn default() -> Self {
        KMeans { clusters: 8 }
    }
}

/// So many pixels are clustered, drawn from all pictures.
const DRAWN: usize = 20_000;
/// The most rounds of Lloyd's algorithm.
const ROUNDS: usize = 50;

type Colour = [f64; 3];

impl Builtin for KMeans {
    const KIND: &'static str = "k_means";

    fn check(&self) -> Result<(), KeyPath> {
        match self.clusters {
            2..=64 => Ok(()),
            n => Err(KeyPath::new("clusters", format!("is {n}, but must be from 2 to 64"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(Self::VERSION)?;
        let Saved { column, classes } = state.params()?;
        let centres = state.floats_of("centres", classes.len() * 3)?;
        let centres = centres.as_chunks::<3>().0.to_vec();
        if centres.is_empty() {
            return Err(Error::state(Self::KIND, "it has no cluster"));
        }
        Ok(Arc::new(FittedMasks::new(ColourClusters { column, classes, centres })))
    }
}

impl BuiltinLearner for KMeans {
    const FAMILY: Family = Family::Masks;
    const WEIGHTS: Weights = Weights::Ignored;
    const LABEL: &'static [&'static str] = &["clusters"];
}

impl Estimator for KMeans {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let lesson = Lesson::of(training, context)?;
        let mut random = Random::new(context.seed_for("clusters"), 0);
        let drawn = drawn(&lesson, &mut random);
        let mut centres = started(&drawn, self.clusters, &mut random);
        for _ in 0..ROUNDS {
            context.check()?;
            if !moved(&mut centres, &drawn) {
                break;
            }
        }
        let mut counts = vec![vec![0u64; lesson.classes.len()]; centres.len()];
        for example in &lesson.examples {
            let colours = colours(&example.picture);
            for (colour, class) in colours.zip(example.mask.values()) {
                counts[nearest(&centres, colour).0][lesson.code(*class)] += 1;
            }
        }
        // The first of equals.
        let most = |of: &Vec<u64>| (0..of.len()).rev().max_by_key(|at| of[*at]).unwrap_or(0);
        let classes = counts.iter().map(|of| lesson.classes[most(of)]).collect();
        Ok(Arc::new(FittedMasks::new(ColourClusters { column: lesson.column, classes, centres })))
    }
}

/// The colours of a picture, grey as three equal parts.
fn colours(picture: &Picture) -> impl Iterator<Item = Colour> + '_ {
    let of = |pixel: &[u8]| match *pixel {
        [red, green, blue] => [f64::from(red), f64::from(green), f64::from(blue)],
        [grey, ..] => [f64::from(grey); 3],
        [] => [0.0; 3],
    };
    picture.pixels.chunks_exact(picture.channels.max(1)).map(of)
}

/// Colours of pixels of all pictures, evenly from each.
fn drawn(lesson: &Lesson, random: &mut Random) -> Vec<Colour> {
    let each = DRAWN.div_ceil(lesson.examples.len().max(1));
    let of = |picture: &Picture| {
        let all: Vec<Colour> = colours(picture).collect();
        let n = all.len();
        (0..each.min(n)).map(|_| all[random.below(n)]).collect::<Vec<_>>()
    };
    lesson.examples.iter().map(|example| &example.picture).flat_map(of).collect()
}

fn squared(a: &Colour, b: &Colour) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The nearest centre and how far it is, squared; the first of equals.
fn nearest(centres: &[Colour], colour: Colour) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (at, centre) in centres.iter().enumerate() {
        let far = squared(centre, &colour);
        if far < best.1 {
            best = (at, far);
        }
    }
    best
}

/// k-means++: each further centre is drawn by its squared distance to those that are there. Fewer where there are fewer colours.
fn started(colours: &[Colour], k: usize, random: &mut Random) -> Vec<Colour> {
    let mut centres: Vec<Colour> =
        colours.first().into_iter().map(|_| colours[random.below(colours.len())]).collect();
    while centres.len() < k {
        let far: Vec<f64> = colours.iter().map(|colour| nearest(&centres, *colour).1).collect();
        let total: f64 = far.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = random.unit() * total;
        let at = far.iter().position(|far| {
            left -= far;
            left < 0.0
        });
        let at = at.or_else(|| far.iter().rposition(|far| *far > 0.0)).unwrap_or(0);
        centres.push(colours[at]);
    }
    centres
}

/// Moves each centre to the mean of the colours nearest to it; whether any moved.
fn moved(centres: &mut [Colour], colours: &[Colour]) -> bool {
    let mut sums = vec![([0.0; 3], 0.0); centres.len()];
    for colour in colours {
        let (sum, n) = &mut sums[nearest(centres, *colour).0];
        sum.iter_mut().zip(colour).for_each(|(sum, x)| *sum += x);
        *n += 1.0;
    }
    let mut any = false;
    for (centre, (sum, n)) in centres.iter_mut().zip(&sums).filter(|(_, (_, n))| *n > 0.0) {
        let mean = sum.map(|x: f64| x / n);
        any |= mean != *centre;
        *centre = mean;
    }
    any
}

/// Clusters of colours, each with its class.
#[derive(Clone, Debug)]
pub struct ColourClusters {
    column: String,
    classes: Vec<u8>,
    centres: Vec<Colour>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    column: String,
    classes: Vec<u8>,
}

impl Segment for ColourClusters {
    fn column(&self) -> &str {
        &self.column
    }

    fn segment(&self, picture: &Picture) -> Result<Mask> {
        let class = |colour: Colour| self.classes[nearest(&self.centres, colour).0];
        mask_of(picture, colours(picture).map(class).collect())
    }

    fn save(&self) -> State {
        let saved = Saved { column: self.column.clone(), classes: self.classes.clone() };
        State::new(KMeans::KIND, KMeans::VERSION, saved).floats("centres", &self.centres.concat())
    }

    fn operations(&self) -> u64 {
        3 * self.centres.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centres_are_the_means_of_their_colours() {
        let colours: Vec<Colour> = [1.0, 2.0, 3.0, 10.0, 11.0, 12.0].map(|x| [x; 3]).to_vec();
        let mut centres = started(&colours, 2, &mut Random::new(7, 0));
        while moved(&mut centres, &colours) {}
        centres.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(centres, [[2.0; 3], [11.0; 3]]);
        // No more centres than colours.
        assert_eq!(started(&[[5.0; 3]; 4], 3, &mut Random::new(7, 0)), [[5.0; 3]]);
    }
}
