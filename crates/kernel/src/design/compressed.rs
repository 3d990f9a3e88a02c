//! Matrices of which only the numbers that are not zero are kept, line by line.

/// Line `i` (a row, or a column of the transposed) has `values[starts[i]..starts[i + 1]]` at the places in `indices`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compressed {
    pub(crate) starts: Vec<usize>,
    pub(crate) indices: Vec<u32>,
    pub(crate) values: Vec<f32>,
    /// How many numbers a line has, zeros included.
    pub(crate) width: usize,
}

impl Compressed {
    /// The places and numbers of line `i`.
    #[inline(always)]
    pub(crate) fn line(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.starts[i]..self.starts[i + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// How many lines.
    pub(crate) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// `sum(line i * x)`.
    #[inline(always)]
    pub(crate) fn dot(&self, i: usize, x: &[f64]) -> f64 {
        let (places, values) = self.line(i);
        places.iter().zip(values).fold(0.0, |sum, (&j, &v)| sum + f64::from(v) * x[j as usize])
    }

    /// `y += factor * line i`.
    #[inline(always)]
    pub(crate) fn axpy(&self, i: usize, factor: f64, y: &mut [f64]) {
        let (places, values) = self.line(i);
        places.iter().zip(values).for_each(|(&j, &v)| y[j as usize] += factor * f64::from(v));
    }

    /// The same numbers, columns as lines; within a line in the order of the rows.
    pub(crate) fn transposed(&self) -> Compressed {
        let mut starts = vec![0usize; self.width + 1];
        self.indices.iter().for_each(|&j| starts[j as usize + 1] += 1);
        (0..self.width).for_each(|j| starts[j + 1] += starts[j]);
        let mut next = starts.clone();
        let (mut indices, mut values) = (vec![0; self.indices.len()], vec![0.0; self.values.len()]);
        for i in 0..self.len() {
            let (places, numbers) = self.line(i);
            for (&j, &v) in places.iter().zip(numbers) {
                let at = next[j as usize];
                (indices[at], values[at]) = (i as u32, v);
                next[j as usize] += 1;
            }
        }
        Compressed { starts, indices, values, width: self.len() }
    }

    /// These lines, in this order.
    pub(crate) fn take(&self, lines: &[usize]) -> Compressed {
        let mut taken = Compressed { starts: vec![0], width: self.width, ..Compressed::default() };
        for &i in lines {
            let (places, values) = self.line(i);
            taken.indices.extend_from_slice(places);
            taken.values.extend_from_slice(values);
            taken.starts.push(taken.values.len());
        }
        taken
    }

    /// Of each line the numbers at these places (ascending), which become 0, 1, …
    pub(crate) fn narrowed(&self, places: &[usize]) -> Compressed {
        let mut new_place = vec![u32::MAX; self.width];
        places.iter().enumerate().for_each(|(new, &old)| new_place[old] = new as u32);
        let mut narrow = Compressed { starts: vec![0], width: places.len(), ..Compressed::default() };
        for i in 0..self.len() {
            let (old, values) = self.line(i);
            for (&j, &v) in old.iter().zip(values).filter(|(j, _)| new_place[**j as usize] != u32::MAX) {
                narrow.indices.push(new_place[j as usize]);
                narrow.values.push(v);
            }
            narrow.starts.push(narrow.values.len());
        }
        narrow
    }
}
