//! The vectors nearest to others: exactly, or through a graph of neighbours (HNSW, Malkov and Yashunin 2018).

use instant_distance::{Builder, Point, Search};
use rayon::prelude::*;
use tidemill_core::{Error, Result};
use tidemill_kernel::neighbors::{Distance, Neighbors};

/// Vectors that are looked at on the way, while the graph is built and while it is asked, at least.
const WIDTH: usize = 200;
/// From which its levels are drawn.
const SEED: u64 = 0;
/// Rows of vectors that are compared with others at once.
const ROWS: usize = 256;

/// A vector that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its place.
    pub place: usize,
    /// The cosine of the angle between the two: 1 where they point the same way.
    pub similarity: f64,
}

/// Vectors to be found by others, by the cosine.
///
/// ```
/// use tidemill_language::Vectors;
/// let vectors = Vectors::new(vec![1.0, 0.0, 0.0, 2.0, 3.0, 3.0], 2)?;
/// let found = vectors.nearest(&[0.0, 1.0], 2, false)?;
/// assert_eq!(found[0].iter().map(|hit| hit.place).collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub struct Vectors {
    /// Each of length 1, but for those of zeros.
    rows: Vec<f32>,
    width: usize,
}

impl Vectors {
    /// From rows of `width` numbers each.
    ///
    /// # Errors
    /// When a number is none or infinite, or they are no rows.
    pub fn new(mut rows: Vec<f32>, width: usize) -> Result<Self> {
        checked(&rows, width)?;
        rows.par_chunks_exact_mut(width).for_each(scale);
        Ok(Vectors { rows, width })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The `k` nearest to each of `queries`, the nearest first; of equally near ones the first. With `roughly` through a graph, which
    /// misses some of them and takes far less time where there are many queries and vectors. The same vectors
    /// give the same answer on any number of threads, by either way.
    ///
    /// # Errors
    /// When queries have another width, or a number is none or infinite.
    pub fn nearest(&self, queries: &[f32], k: usize, roughly: bool) -> Result<Vec<Vec<Hit>>> {
        checked(queries, self.width)?;
        let mut queries = queries.to_vec();
        queries.par_chunks_exact_mut(self.width).for_each(scale);
        if roughly { self.by_graph(&queries, k) } else { Ok(self.exactly(&queries, k)) }
    }

    fn exactly(&self, queries: &[f32], k: usize) -> Vec<Vec<Hit>> {
        let wide = |rows: &[f32]| rows.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let points = Neighbors::new(wide(&self.rows), self.width, Distance::Cosine);
        let found = points.nearest(&wide(queries), k, None);
        let hits = |q: usize| {
            let (places, distances) = found.of(q);
            let each = places.iter().zip(distances);
            each.map(|(place, away)| Hit { place: *place as usize, similarity: 1.0 - away }).collect()
        };
        (0..queries.len() / self.width).map(hits).collect()
    }

    fn by_graph(&self, queries: &[f32], k: usize) -> Result<Vec<Vec<Hit>>> {
        let points: Vec<One<'_>> = self.rows.chunks_exact(self.width).map(One).collect();
        let width = WIDTH.max(2 * k);
        let builder = Builder::default().seed(SEED).ef_construction(WIDTH).ef_search(width);
        // On one thread the graph is the same each time.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let alone = alone.map_err(|e| Error::internal(format!("a thread: {e}")))?;
        let (graph, ids) = alone.install(|| builder.build_hnsw(points));
        let mut places = vec![0; ids.len()];
        ids.iter().enumerate().for_each(|(place, id)| places[id.into_inner() as usize] = place);
        let ask = |query: &[f32]| {
            let mut search = Search::default();
            let found = graph.search(&One(query), &mut search);
            let hit = |at: u32| {
                let place = places[at as usize];
                let row = &self.rows[place * self.width..(place + 1) * self.width];
                Hit { place, similarity: cosine(query, row) }
            };
            let mut hits: Vec<Hit> = found.map(|item| hit(item.pid.into_inner())).collect();
            hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.place.cmp(&b.place)));
            hits.truncate(k);
            hits
        };
        Ok(queries.par_chunks_exact(self.width).map(ask).collect())
    }

    /// Pairs that are at least this similar, by the places of both, the first one first.
    pub fn alike(&self, at_least: f64) -> Vec<(usize, usize, f64)> {
        let n = self.len();
        let rows = |i: usize| &self.rows[i * self.width..(i + 1) * self.width];
        let blocks: Vec<usize> = (0..n).step_by(ROWS).collect();
        let of_block = |first: &usize| {
            let mut pairs = Vec::new();
            for i in *first..(first + ROWS).min(n) {
                for j in i + 1..n {
                    // Quick in 32 bits; what is near the bound is looked at again.
                    if f64::from(quick(rows(i), rows(j))) < at_least - 1e-3 {
                        continue;
                    }
                    let similarity = cosine(rows(i), rows(j));
                    if similarity >= at_least {
                        pairs.push((i, j, similarity));
                    }
                }
            }
            pairs
        };
        blocks.par_iter().map(of_block).collect::<Vec<_>>().concat()
    }
}

/// A vector of length 1.
#[derive(Clone, Copy)]
struct One<'a>(&'a [f32]);

impl Point for One<'_> {
    fn distance(&self, other: &Self) -> f32 {
        1.0 - quick(self.0, other.0)
    }
}

/// Their product, in eight sums.
fn quick(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// The same in 64 bits, of vectors whose length is about 1.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (product(a, a) * product(b, b)).sqrt();
    if lengths > 0.0 { product(a, b) / lengths } else { 0.0 }
}

fn scale(row: &mut [f32]) {
    let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

fn checked(rows: &[f32], width: usize) -> Result<()> {
    if width == 0 || !rows.len().is_multiple_of(width) {
        let problem = format!("{} numbers are no vectors of {width} numbers", rows.len());
        return Err(Error::data(problem, "give vectors of one encoder"));
    }
    match rows.iter().position(|x| !x.is_finite()) {
        Some(at) => {
            let problem = format!("vector {} holds a number that is none or infinite", at / width + 1);
            Err(Error::data(problem, "embed the texts again"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::Random;

    use super::*;

    fn drawn(n: usize, width: usize, stream: u64) -> Vec<f32> {
        let mut random = Random::new(3, stream);
        (0..n * width).map(|_| random.normal() as f32).collect()
    }

    /// All products, sorted.
    fn by_hand(rows: &[f32], query: &[f32], width: usize, k: usize) -> Vec<usize> {
        let mut all: Vec<(f64, usize)> =
            rows.chunks(width).enumerate().map(|(i, row)| (-cosine(row, query), i)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.into_iter().take(k).map(|(_, i)| i).collect()
    }

    #[test]
    fn the_exact_ones_are_those_of_all_products_and_the_rough_ones_nearly() {
        let (n, width, k) = (2000, 24, 10);
        let (rows, queries) = (drawn(n, width, 0), drawn(40, width, 1));
        let vectors = Vectors::new(rows.clone(), width).unwrap();
        let exact = vectors.nearest(&queries, k, false).unwrap();
        let rough = vectors.nearest(&queries, k, true).unwrap();
        let mut found = 0;
        for (i, query) in queries.chunks(width).enumerate() {
            let wanted = by_hand(&rows, query, width, k);
            let places = |hits: &[Hit]| hits.iter().map(|hit| hit.place).collect::<Vec<_>>();
            assert_eq!(places(&exact[i]), wanted);
            let similarity = cosine(query, &rows[wanted[0] * width..(wanted[0] + 1) * width]);
            assert!((exact[i][0].similarity - similarity).abs() < 1e-6);
            found += places(&rough[i]).iter().filter(|place| wanted.contains(place)).count();
        }
        // Of vectors without any order, which are the hardest.
        assert!(found >= 40 * k * 9 / 10, "{found} of {}", 40 * k);
        let again = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(again.install(|| vectors.nearest(&queries, k, true)).unwrap(), rough);
    }

    #[test]
    fn pairs_that_are_alike_are_all_found() {
        let (n, width) = (600, 5);
        let mut rows = drawn(n, width, 2);
        let twice: Vec<f32> = rows[..width].iter().map(|x| 2.0 * x).collect();
        rows.extend(twice);
        let vectors = Vectors::new(rows.clone(), width).unwrap();
        let pairs = vectors.alike(0.99);
        assert!(pairs.iter().any(|(i, j, similarity)| (*i, *j) == (0, n) && *similarity > 1.0 - 1e-6));
        let row = |i: usize| &rows[i * width..(i + 1) * width];
        let wanted = (0..=n).flat_map(|i| (i + 1..=n).map(move |j| (i, j)));
        let wanted = wanted.filter(|(i, j)| cosine(row(*i), row(*j)) >= 0.99).count();
        assert_eq!(pairs.len(), wanted);
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        assert!(Vectors::new(vec![1.0; 5], 2).is_err());
        assert!(Vectors::new(vec![f32::NAN, 1.0], 2).is_err());
        assert!(Vectors::new(vec![1.0; 4], 2).unwrap().nearest(&[1.0], 1, false).is_err());
    }
}
