//! By place: whole blocks of neighbours, with a belt around those that are judged from which nothing is learned.
//!
//! Neighbours are alike (Tobler 1970). Divided by chance, nearly every row that is judged has a neighbour among those that were
//! learned from, and the score says how well a model fills gaps, not how well it does where it has never been (Roberts et al.
//! 2017, "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic structure").

use tidemill_core::recipe::Split;
use tidemill_core::{Batch, Error as CoreError, Result};
use tidemill_kernel::Random;
use tidemill_kernel::geo::{Located, Place, Places};

use super::groups;
use crate::Error;

/// Into how many blocks rows are cut where nobody says it.
pub(super) const BLOCKS: usize = 25;
/// Without a width, the belt is as wide as it is from a row to its neighbour of this order, in the median.
const NEIGHBOUR: usize = 5;
/// So many rows are asked for that.
const ASKED: usize = 1000;

/// Where the rows are.
fn located(batch: &Batch) -> Result<Located> {
    Located::of(batch)?.ok_or_else(|| {
        let problem = "'spatial' needs the place of each row, and no columns were found that say it: name two of coordinates or one \
                       of points as data.point";
        CoreError::parameter("split.kind", problem)
    })
}

/// Rows with their places.
struct Map(Located);

impl Map {
    /// The rows in at most so many blocks of about as many neighbours: cut in the middle, again and again, across the longer side.
    /// Rows of one place are never divided; those without a place are a block of their own.
    fn blocks(&self, rows: &[u32], most: usize) -> Result<Vec<Vec<u32>>> {
        let (mut located, mut lost) = (Vec::new(), Vec::new());
        for &row in rows {
            match self.0.places[row as usize] {
                Some(place) => located.push((place, row)),
                None => lost.push(row),
            }
        }
        let (mut whole, mut open) = (Vec::new(), vec![(located, most.max(2))]);
        while let Some((part, most)) = open.pop() {
            match if most > 1 { self.halves(part) } else { Err(part) } {
                Ok((near, far)) => open.extend([(far, most / 2), (near, most - most / 2)]),
                Err(part) if part.is_empty() => {}
                Err(part) => whole.push(part.into_iter().map(|(_, row)| row).collect::<Vec<u32>>()),
            }
        }
        if whole.len() < 2 {
            return Err(Error::split(
                "all rows are at one place, so they cannot be divided by place",
                "choose another split.kind, or name the columns that say where rows are as data.point",
            )
            .into());
        }
        if !lost.is_empty() {
            whole.push(lost);
        }
        whole.iter_mut().for_each(|block| block.sort_unstable());
        Ok(whole)
    }
}

type Part = Vec<(Place, u32)>;

impl Map {
    /// Two halves of about as many rows, cut across the longer side; the part itself where all of it is at one place.
    fn halves(&self, mut part: Part) -> std::result::Result<(Part, Part), Part> {
        let side = |axis: usize| {
            let (least, most) =
                part.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), (p, _)| {
                    (least.min(p[axis]), most.max(p[axis]))
                });
            (most - least, (most + least) / 2.0)
        };
        let ((width, _), (height, middle)) = (side(0), side(1));
        // A degree of longitude is shorter away from the equator.
        let width = if self.0.metric.degrees { width * middle.to_radians().cos() } else { width };
        let axes = if width > height { [0, 1] } else { [1, 0] };
        for axis in axes {
            part.sort_unstable_by(|a, b| a.0[axis].total_cmp(&b.0[axis]).then(a.1.cmp(&b.1)));
            let changes = (1..part.len()).filter(|&i| part[i].0[axis] != part[i - 1].0[axis]);
            if let Some(at) = changes.min_by_key(|at| at.abs_diff(part.len() / 2)) {
                let far = part.split_off(at);
                return Ok((part, far));
            }
        }
        Err(part)
    }
}

/// Blocks in random order, each taken when it brings the test part nearer to its share.
pub(super) fn test(
    batch: &Batch,
    rows: &[u32],
    split: &Split,
    random: &mut Random,
) -> Result<(Vec<u32>, String)> {
    let blocks = Map(located(batch)?).blocks(rows, split.blocks.unwrap_or(BLOCKS))?;
    let how = format!("by place, in {} blocks of neighbours", blocks.len());
    Ok((groups::share(blocks, split.test, rows.len(), random), how))
}

/// The largest blocks first, each into the smallest fold.
pub(super) fn folds(
    batch: &Batch,
    rows: &[u32],
    n: usize,
    blocks: Option<usize>,
    random: &mut Random,
) -> Result<Vec<Vec<u32>>> {
    let blocks = Map(located(batch)?).blocks(rows, blocks.unwrap_or(BLOCKS).max(n))?;
    Ok(groups::deal(blocks, n, random))
}

/// Takes the rows out of `train` that are at most `width` away from one of `judged`; says how many, and how wide that is.
pub(super) fn leave(
    batch: &Batch,
    width: Option<f64>,
    train: &mut Vec<u32>,
    judged: &[u32],
) -> Result<(usize, String)> {
    let map = Map(located(batch)?);
    let of = |rows: &[u32]| -> Vec<(u32, Place)> {
        rows.iter().filter_map(|&row| Some((row, map.0.places[row as usize]?))).collect()
    };
    let width = match width {
        Some(width) if width >= 0.0 && width.is_finite() => width,
        Some(width) => {
            let problem = format!("is {width}, but must be a distance from 0 up");
            return Err(CoreError::parameter("split.buffer", problem));
        }
        None => map.usual_distance(),
    };
    // On the earth distances are metres, in a plane they have its own unit.
    let said =
        if map.0.metric.degrees { format!("{width:.0} m") } else { format!("a distance of {width:.4}") };
    let judged = Places::new(of(judged).into_iter().map(|(_, place)| place).collect(), map.0.metric);
    if judged.places().is_empty() || width == 0.0 {
        return Ok((0, said));
    }
    let (rows, places): (Vec<u32>, Vec<Place>) = of(train).into_iter().unzip();
    let nearest = judged.nearest(&places, 1, None);
    let near: Vec<u32> =
        rows.into_iter().zip(&nearest.distances).filter(|(_, d)| **d <= width).map(|(row, _)| row).collect();
    let before = train.len();
    train.retain(|row| near.binary_search(row).is_err());
    Ok((before - train.len(), said))
}

impl Map {
    /// The median distance from a row to its fifth nearest other.
    fn usual_distance(&self) -> f64 {
        let places: Vec<Place> = self.0.places.iter().flatten().copied().collect();
        let index = Places::new(places.clone(), self.0.metric);
        let step = places.len().div_ceil(ASKED).max(1);
        let asked: Vec<Place> = places.into_iter().step_by(step).collect();
        // Each finds itself first.
        let found = index.nearest(&asked, NEIGHBOUR + 1, None);
        let mut farthest: Vec<f64> = (0..asked.len()).filter_map(|q| found.of(q).1.last().copied()).collect();
        farthest.sort_unstable_by(f64::total_cmp);
        farthest.get(farthest.len() / 2).copied().unwrap_or(0.0)
    }
}
