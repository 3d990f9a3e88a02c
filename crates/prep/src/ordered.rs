//! The known numbers of each group along a line, as the model keeps them.

use crate::placing::Place;

/// For each group and column: where its known numbers stand, ascending and each place once, and the numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ordered {
    p: usize,
    /// The end of each group's column in the arrays: group after group, column after column.
    ends: Vec<usize>,
    at: Vec<f64>,
    values: Vec<f64>,
}

impl Ordered {
    /// Of rows of `p` numbers and their places. Of several numbers at one place the one in the last row counts; what is not finite,
    /// or stands at no place, does not.
    pub(crate) fn learn(x: &[f64], p: usize, places: &[Place], n_groups: usize) -> Self {
        let mut order: Vec<u32> =
            (0..places.len() as u32).filter(|i| !places[*i as usize].at.is_nan()).collect();
        let place = |i: u32| places[i as usize];
        order.sort_by(|a, b| {
            place(*a).group.cmp(&place(*b).group).then(place(*a).at.total_cmp(&place(*b).at)).then(a.cmp(b))
        });
        let mut this = Ordered { p, ends: Vec::with_capacity(n_groups * p), ..Ordered::default() };
        let mut rest = order.as_slice();
        for group in 0..n_groups as u32 {
            let n = rest.partition_point(|i| place(*i).group <= Some(group));
            let (own, later) = rest.split_at(n);
            rest = later;
            for j in 0..p {
                let start = this.at.len();
                for &i in own {
                    let (at, value) = (place(i).at, x[i as usize * p + j]);
                    if !value.is_finite() {
                        continue;
                    }
                    if this.at.len() > start && this.at.last() == Some(&at) {
                        this.values.pop();
                    } else {
                        this.at.push(at);
                    }
                    this.values.push(value);
                }
                this.ends.push(this.at.len());
            }
        }
        this
    }

    /// The places and numbers of a group's column.
    pub(crate) fn of(&self, group: usize, j: usize) -> (&[f64], &[f64]) {
        let range = self.range(group, j);
        (&self.at[range.clone()], &self.values[range])
    }

    /// The same places with other numbers.
    pub(crate) fn with_values(self, values: Vec<f64>) -> Self {
        Ordered { values, ..self }
    }

    /// Where they stand among those of all groups and columns.
    pub(crate) fn range(&self, group: usize, j: usize) -> std::ops::Range<usize> {
        let k = group * self.p + j;
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        start..self.ends[k]
    }

    pub(crate) fn n_groups(&self) -> usize {
        self.ends.len().checked_div(self.p).unwrap_or(0)
    }

    /// The ends, and the floats: places, then numbers.
    pub(crate) fn save(&self) -> (Vec<usize>, Vec<f64>) {
        (self.ends.clone(), [self.at.as_slice(), &self.values].concat())
    }

    /// The inverse of [`Ordered::save`].
    pub(crate) fn load(ends: Vec<usize>, floats: &[f64], p: usize) -> Result<Self, String> {
        let n = floats.len() / 2;
        let rising = ends.windows(2).all(|pair| pair[0] <= pair[1]);
        let whole = ends.last().copied().unwrap_or(0) == n && floats.len() == 2 * n;
        if !rising || !whole || (p > 0 && !ends.len().is_multiple_of(p)) || floats.iter().any(|x| x.is_nan())
        {
            return Err("its known numbers are not whole".into());
        }
        let (at, values) = floats.split_at(n);
        Ok(Ordered { p, ends, at: at.to_vec(), values: values.to_vec() })
    }
}
