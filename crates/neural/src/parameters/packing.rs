//! Matrices of weights in less room: without the smallest weights (Han et al. 2015, "Learning both weights and connections for
//! efficient neural networks"), and in 8 bits with a scale for each row.

use tidemill_core::{Compression, Error, Result, State, Tensor, TensorData};

use crate::parameters::{Declared, Parameters};

/// How the matrices of a net are saved; biases and norms always stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Packing {
    /// Whether only weights other than 0 are stored, with a bit for each weight that says whether it is.
    pub sparse: bool,
    /// Of weights in 8 bits: what a step is worth, for each row of each matrix in order.
    pub scales: Option<Vec<f32>>,
}

impl Packing {
    /// Whether every weight is stored as it was learned.
    pub(crate) fn is_plain(&self) -> bool {
        !self.sparse && self.scales.is_none()
    }
}

/// Steps from 0 to the greatest weight of a row.
const STEPS: f32 = 127.0;

impl Parameters {
    /// The same with each matrix without the share of its weights that are smallest, and in 8 bits where asked for.
    pub(crate) fn compressed(&self, how: &Compression) -> Self {
        let mut smaller = self.clone();
        let mut scales = Vec::new();
        for (i, one) in self.declared().iter().enumerate().filter(|(_, one)| one.decays()) {
            let range = self.range(i);
            let weights = &mut smaller.values[range];
            prune(weights, how.prune);
            if how.eight_bits {
                weights.chunks_mut(row_len(one)).for_each(|row| scales.push(quantise(row)));
            }
        }
        let sparse = self.packing.sparse || how.prune > 0.0;
        smaller.packing = Packing { sparse, scales: how.eight_bits.then_some(scales) };
        smaller
    }

    /// Adds the matrix `i` to a state, of whose rows the first is the row `first_row` of all.
    pub(crate) fn save_packed(&self, state: State, i: usize, first_row: usize) -> State {
        let (one, weights) = (&self.declared()[i], self.array(i));
        let name = |what: &str| format!("{}.{what}", one.name);
        let is_kept = |w: f32| !self.packing.sparse || w != 0.0;
        let mut state = state;
        if self.packing.sparse {
            let byte = |eight: &[f32]| {
                eight.iter().enumerate().fold(0u8, |byte, (bit, &w)| byte | u8::from(w != 0.0) << bit)
            };
            let bits: Vec<u8> = weights.chunks(8).map(byte).collect();
            state = state.tensor(&name("kept"), vec![bits.len()], TensorData::U8(bits));
        }
        let Some(scales) = &self.packing.scales else {
            let kept: Vec<f32> = weights.iter().copied().filter(|&w| is_kept(w)).collect();
            return state.tensor(&name("values"), vec![kept.len()], TensorData::F32(kept));
        };
        let own: Vec<f32> = scales.iter().skip(first_row).take(n_rows(one)).copied().collect();
        let rows = weights.chunks(row_len(one)).zip(&own);
        let of_row = |(row, &scale): (&[f32], &f32)| {
            let kept = row.iter().filter(|&&w| is_kept(w));
            kept.map(|&w| code(w, scale).cast_unsigned()).collect::<Vec<u8>>()
        };
        let codes: Vec<u8> = rows.flat_map(of_row).collect();
        state.tensor(&name("codes"), vec![codes.len()], TensorData::U8(codes)).tensor(
            &name("scales"),
            vec![own.len()],
            TensorData::F32(own),
        )
    }
}

/// Reads the matrix that [`Parameters::save_packed`] added to `values`, and how it was stored to `packing`.
pub(crate) fn load(
    one: &Declared,
    state: &State,
    values: &mut Vec<f32>,
    packing: &mut Packing,
) -> Result<()> {
    let wrong =
        |what: &str| Error::state(&state.kind, format!("tensor '{}.{what}' is missing or broken", one.name));
    let tensor =
        |what: &str| state.tensors.get(&format!("{}.{what}", one.name)).map(|Tensor { data, .. }| data);
    let is_kept: Vec<bool> = match tensor("kept") {
        None => vec![true; one.len()],
        Some(TensorData::U8(bits)) if bits.len() == one.len().div_ceil(8) => {
            packing.sparse = true;
            (0..one.len()).map(|i| bits[i / 8] >> (i % 8) & 1 == 1).collect()
        }
        Some(_) => return Err(wrong("kept")),
    };
    let n_kept = is_kept.iter().filter(|kept| **kept).count();
    let mut at = 0;
    let mut next = |kept: bool| {
        at += usize::from(kept);
        kept.then_some(at.wrapping_sub(1))
    };
    match (tensor("values"), tensor("codes"), tensor("scales")) {
        (Some(TensorData::F32(kept)), None, None) if kept.len() == n_kept => {
            values.extend(is_kept.iter().map(|&is| next(is).map_or(0.0, |at| kept[at])));
        }
        (None, Some(TensorData::U8(codes)), Some(TensorData::F32(scales)))
            if codes.len() == n_kept && scales.len() == n_rows(one) =>
        {
            let rows = is_kept.chunks(row_len(one)).zip(scales);
            for (row, scale) in rows {
                let weight = |at: usize| f32::from(codes[at].cast_signed()) * scale;
                values.extend(row.iter().map(|&is| next(is).map_or(0.0, weight)));
            }
            packing.scales.get_or_insert_default().extend(scales);
        }
        _ => return Err(wrong("values")),
    }
    Ok(())
}

/// Whether a state holds a matrix packed.
pub(crate) fn is_packed(one: &Declared, state: &State) -> bool {
    one.decays() && !state.tensors.contains_key(&one.name)
}

/// Rows of a matrix; of an empty one none.
pub(crate) fn n_rows(one: &Declared) -> usize {
    one.shape.first().copied().filter(|_| one.len() > 0).unwrap_or(0)
}

fn row_len(one: &Declared) -> usize {
    (one.len() / n_rows(one).max(1)).max(1)
}

/// Sets the share of weights that are smallest to 0; of equals the first.
fn prune(weights: &mut [f32], share: f64) {
    let n = (share * weights.len() as f64).round() as usize;
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[a].abs().total_cmp(&weights[b].abs()));
    order.into_iter().take(n).for_each(|i| weights[i] = 0.0);
}

/// A row in 8 bits, and what a step of it is worth.
fn quantise(row: &mut [f32]) -> f32 {
    let scale = row.iter().fold(0.0, |most: f32, w| most.max(w.abs())) / STEPS;
    // 0 rather than -0, as it will be read again.
    row.iter_mut().for_each(|w| *w = f32::from(code(*w, scale)) * scale);
    scale
}

fn code(weight: f32, scale: f32) -> i8 {
    if scale > 0.0 { (weight / scale).round().clamp(-STEPS, STEPS) as i8 } else { 0 }
}

#[cfg(test)]
mod tests {
    use tidemill_core::{Compression, State};

    use crate::parameters::{Declared, Parameters, Start};

    fn declared() -> Vec<Declared> {
        vec![
            Declared::he("body.0.weight", &[3, 7]),
            Declared::new("body.0.bias", &[3], Start::Ones),
            Declared::he("head.weight", &[2, 3, 2]),
            Declared::he("empty.weight", &[2, 0]),
        ]
    }

    #[test]
    fn packed_matrices_come_back_as_they_were() {
        let whole = Parameters::start(declared(), 7);
        for (prune, eight_bits) in [(0.5, false), (0.0, true), (0.8, true), (1.0, true), (1.0, false)] {
            let small = whole.compressed(&Compression { prune, eight_bits });
            let state = small.save(State::new("net", 2, ()));
            let back = Parameters::load(declared(), &state).unwrap();
            assert_eq!(back, small);
            assert_eq!(back.save(State::new("net", 2, ())), state);
            assert_eq!(small.size(), state.bytes());
            for name in state.tensors.keys() {
                let mut broken = state.clone();
                broken.tensors.remove(name);
                // Of one that is sparse or not the bits say which: without them its numbers are too few.
                if !(name.ends_with(".kept") && (prune == 0.0 || name.starts_with("empty"))) {
                    assert!(Parameters::load(declared(), &broken).is_err(), "without {name}");
                }
            }
        }
    }

    #[test]
    fn the_smallest_weights_go_and_steps_are_a_127th_of_the_greatest() {
        let whole = Parameters::start(declared(), 7);
        let small = whole.compressed(&Compression { prune: 0.5, eight_bits: false });
        let zeros = small.array(0).iter().filter(|w| **w == 0.0).count();
        assert_eq!((zeros, small.array(1)), (11, whole.array(1)));
        let least = small.array(0).iter().filter(|w| **w != 0.0).fold(f32::INFINITY, |m, w| m.min(w.abs()));
        let gone = whole.array(0).iter().zip(small.array(0)).filter(|(_, b)| **b == 0.0);
        assert!(gone.map(|(a, _)| a.abs()).all(|a| a <= least));
        let bytes = whole.compressed(&Compression { prune: 0.0, eight_bits: true });
        for (a, b) in whole.array(0).chunks(7).zip(bytes.array(0).chunks(7)) {
            let step = a.iter().fold(0.0f32, |m, w| m.max(w.abs())) / 127.0;
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 0.500_01 * step));
        }
        let large = vec![Declared::he("w", &[64, 64])];
        let whole = Parameters::start(large, 1);
        let small = whole.compressed(&Compression { prune: 0.8, eight_bits: true });
        // A bit for each weight, a byte for each fifth one, a scale for each row: against 4 bytes.
        assert_eq!(small.size(), 512 + 64 * 64 / 5 + 256);
    }
}
