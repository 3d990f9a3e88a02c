//! Which rows the layers of a graph look at for some rows asked about, and how each sums its neighbours.

use std::collections::HashMap;

use tidemill_kernel::Random;

use super::{GraphLayer, Stored};
use crate::encoders::Read;

/// The mark of a row that is none of those stored.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// Whom a layer looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A row asked about, by its number.
    Asked(usize),
    /// A stored row.
    Stored(u32),
}

/// The rows asked about and those around them, as far as the layers look, the nearer ones first.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) who: Vec<Who>,
    /// How many of them are at most 0, 1, … steps from a row asked about.
    pub(super) sizes: Vec<usize>,
    /// For each but the farthest: where its neighbours begin, one more than there are.
    starts: Vec<usize>,
    /// The neighbours, by their place here, and the share that each has in the sum.
    from: Vec<u32>,
    share: Vec<f32>,
}

/// What was read of one row asked about: its own place, and those whom it is tied to in the order of their places.
pub(super) struct Ties<'a> {
    pub(super) own: u32,
    pairs: &'a [u32],
}

impl<'a> Ties<'a> {
    /// Of row `i`.
    pub(super) fn of(read: &'a Read, i: usize) -> Self {
        let start = if i == 0 { 0 } else { read.ends[i - 1] };
        let codes = &read.codes[start..read.ends[i]];
        Ties { own: codes[0], pairs: &codes[1..] }
    }

    fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.pairs.as_chunks::<2>().0.iter().map(|&[to, weight]| (to, f32::from_bits(weight)))
    }

    fn weight_to(&self, place: u32) -> Option<f32> {
        let pairs = self.pairs.as_chunks::<2>().0;
        let at = pairs.binary_search_by_key(&place, |pair| pair[0]).ok()?;
        Some(f32::from_bits(pairs[at][1]))
    }

    fn degree(&self) -> f32 {
        self.iter().fold(1.0, |sum, (_, weight)| sum + weight)
    }
}

impl Plan {
    /// Of rows that are stored as they are, as those of training: they share what is around them. With `random`, at most `sample`
    /// neighbours of each are drawn.
    pub(super) fn together(stored: &Stored, read: &Read, random: Option<Random>) -> Self {
        let asked = (0..read.n_rows).map(|i| Ties::of(read, i)).collect();
        Builder { stored, asked, first: 0, alone: false, random, places: HashMap::new() }.plan()
    }

    /// Of row `i` in the graph of the stored rows and itself: its neighbours see it too, as it says it is now.
    pub(super) fn alone(stored: &Stored, read: &Read, i: usize) -> Self {
        let ties = Ties::of(read, i);
        let places = HashMap::from([(ties.own, 0)]);
        Builder { stored, asked: vec![ties], first: i, alone: true, random: None, places }.plan()
    }

    /// How many steps the layers look.
    pub(super) fn n_layers(&self) -> usize {
        self.sizes.len() - 1
    }

    /// The sums over the neighbours of the first `n`, of rows of `width` numbers.
    pub(super) fn sums(&self, h: &[f32], width: usize, n: usize) -> Vec<f32> {
        let mut sums = vec![0.0; n * width];
        for (to, sum) in sums.chunks_exact_mut(width.max(1)).enumerate() {
            for at in self.starts[to]..self.starts[to + 1] {
                let (row, share) = (&h[self.from[at] as usize * width..][..width], self.share[at]);
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += share * x);
            }
        }
        sums
    }

    /// From gradients in the sums of the first `n` to those in what was summed, added to `slopes`.
    pub(super) fn back(&self, of_sums: &[f32], width: usize, slopes: &mut [f32]) {
        for (to, of_sum) in of_sums.chunks_exact(width.max(1)).enumerate() {
            for at in self.starts[to]..self.starts[to + 1] {
                let (row, share) = (&mut slopes[self.from[at] as usize * width..][..width], self.share[at]);
                row.iter_mut().zip(of_sum).for_each(|(slope, x)| *slope += share * x);
            }
        }
    }

    /// The terms of the sums of the first `n`: whom each is of, to which sum it goes, and its share.
    pub(super) fn terms(&self, n: usize) -> (&[u32], Vec<u32>, &[f32]) {
        let end = self.starts[n];
        let to = (0..n).flat_map(|to| std::iter::repeat_n(to as u32, self.starts[to + 1] - self.starts[to]));
        (&self.from[..end], to.collect(), &self.share[..end])
    }
}

struct Builder<'a> {
    stored: &'a Stored,
    asked: Vec<Ties<'a>>,
    /// The number of the first of them.
    first: usize,
    /// Whether there is one row asked about, which the stored ones see.
    alone: bool,
    random: Option<Random>,
    /// Of stored rows, their places in the plan.
    places: HashMap<u32, u32>,
}

impl Builder<'_> {
    fn plan(mut self) -> Plan {
        let mut plan = Plan {
            who: (self.first..self.first + self.asked.len()).map(Who::Asked).collect(),
            sizes: vec![self.asked.len()],
            starts: vec![0],
            from: Vec::new(),
            share: Vec::new(),
        };
        for _ in 0..self.stored.layers.widths.len() {
            let known = plan.starts.len() - 1;
            for at in known..plan.who.len() {
                self.expand(&mut plan, at);
            }
            plan.sizes.push(plan.who.len());
        }
        plan
    }

    /// Adds the neighbours of the one at place `at`.
    fn expand(&mut self, plan: &mut Plan, at: usize) {
        let who = plan.who[at];
        let mut ties = self.ties(who);
        let all = ties.len();
        self.draw(&mut ties);
        let scale = all as f32 / ties.len().max(1) as f32;
        let degree = self.degree(who);
        if self.stored.layers.layer == GraphLayer::Gcn {
            plan.from.push(at as u32);
            plan.share.push(1.0 / degree);
        }
        for &(to, weight) in &ties {
            let share = match self.stored.layers.layer {
                GraphLayer::Gcn => scale * weight / (degree * self.degree(self.who(to))).sqrt(),
                GraphLayer::Sage => 1.0 / ties.len() as f32,
            };
            let next = plan.who.len() as u32;
            let place = *self.places.entry(to).or_insert(next);
            if place == next {
                plan.who.push(Who::Stored(to));
            }
            plan.from.push(place);
            plan.share.push(share);
        }
        plan.starts.push(plan.from.len());
    }

    fn who(&self, place: u32) -> Who {
        match self.alone && place == self.asked[0].own {
            true => Who::Asked(self.first),
            false => Who::Stored(place),
        }
    }

    /// The neighbours and the weights of the ties.
    fn ties(&self, who: Who) -> Vec<(u32, f32)> {
        let place = match who {
            Who::Asked(i) => return self.asked[i - self.first].iter().collect(),
            Who::Stored(place) => place,
        };
        let (ends, weights) = self.stored.graph.ties(place);
        let rows = ends.iter().copied().zip(weights.iter().copied());
        let mut ties: Vec<(u32, f32)> = rows.filter(|(to, _)| self.stored.graph.is_row(*to)).collect();
        if let Some(weight) = self.alone.then(|| self.asked[0].weight_to(place)).flatten() {
            let own = self.asked[0].own;
            match ties.iter_mut().find(|(to, _)| *to == own) {
                Some(tie) => tie.1 = weight,
                None => ties.push((own, weight)),
            }
        }
        ties
    }

    /// One and the weights of all ties.
    fn degree(&self, who: Who) -> f32 {
        let place = match who {
            Who::Asked(i) => return self.asked[i - self.first].degree(),
            Who::Stored(place) => place,
        };
        let degree = self.stored.degrees[place as usize];
        let Some(weight) = self.alone.then(|| self.asked[0].weight_to(place)).flatten() else {
            return degree;
        };
        let (ends, weights) = self.stored.graph.ties(place);
        let known = ends.binary_search(&self.asked[0].own).map_or(0.0, |at| weights[at]);
        if weight == known { degree } else { degree - known + weight }
    }

    /// Leaves at most as many as are sampled, in their order.
    fn draw(&mut self, ties: &mut Vec<(u32, f32)>) {
        let most = self.stored.layers.sample;
        let Some(random) = self.random.as_mut().filter(|_| most > 0 && ties.len() > most) else { return };
        for i in 0..most {
            let other = i + random.below(ties.len() - i);
            ties.swap(i, other);
        }
        ties.truncate(most);
        ties.sort_unstable_by_key(|tie| tie.0);
    }
}
