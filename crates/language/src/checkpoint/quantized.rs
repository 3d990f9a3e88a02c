//! The number formats of weights: 32 and 16 bits, and the blocks of GGUF. Agrees with `dequantize_row_*` of ggml.

use half::{bf16, f16};

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 16 bits.
    F16,
    /// The upper half of 32 bits.
    Bf16,
    /// Blocks of 32: a scale and nibbles, less 8.
    Q4_0,
    /// Blocks of 32: a scale, a smallest value and nibbles.
    Q4_1,
    /// Blocks of 32: a scale and signed bytes.
    Q8_0,
    /// Blocks of 256: eight scales and smallest values of 6 bits, and nibbles.
    Q4K,
    /// Blocks of 256: sixteen scales of 8 bits, and numbers of 6.
    Q6K,
}

impl Format {
    /// By ggml's number of it.
    pub(crate) fn of_ggml(number: u32) -> Result<Self, String> {
        Ok(match number {
            0 => Format::F32,
            1 => Format::F16,
            2 => Format::Q4_0,
            3 => Format::Q4_1,
            8 => Format::Q8_0,
            12 => Format::Q4K,
            14 => Format::Q6K,
            30 => Format::Bf16,
            other => return Err(ggml_name(other)),
        })
    }

    /// Numbers in a block, and its bytes.
    pub(crate) fn block(self) -> (usize, usize) {
        match self {
            Format::F32 => (1, 4),
            Format::F16 | Format::Bf16 => (1, 2),
            Format::Q4_0 => (32, 18),
            Format::Q4_1 => (32, 20),
            Format::Q8_0 => (32, 34),
            Format::Q4K => (256, 144),
            Format::Q6K => (256, 210),
        }
    }

    /// The bytes that `n` numbers take; `None` where they do not fill whole blocks or overflow.
    pub(crate) fn bytes(self, n: usize) -> Option<usize> {
        let (numbers, bytes) = self.block();
        if n.is_multiple_of(numbers) { (n / numbers).checked_mul(bytes) } else { None }
    }

    /// The numbers of whole blocks.
    pub(crate) fn read(self, bytes: &[u8]) -> Vec<f32> {
        let (numbers, size) = self.block();
        let mut out = vec![0.0; bytes.len() / size * numbers];
        for (block, out) in bytes.chunks_exact(size).zip(out.chunks_exact_mut(numbers)) {
            self.read_block(block, out);
        }
        out
    }

    #[inline]
    fn read_block(self, block: &[u8], out: &mut [f32]) {
        let half = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
        match self {
            Format::F32 => out[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]),
            Format::F16 => out[0] = half(0),
            Format::Bf16 => out[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32(),
            Format::Q4_0 => nibbles(&block[2..], out, |q| (f32::from(q) - 8.0) * half(0)),
            Format::Q4_1 => nibbles(&block[4..], out, |q| f32::from(q) * half(0) + half(2)),
            Format::Q4K => q4_k([half(0), half(2)], &block[4..16], &block[16..], out),
            Format::Q6K => q6_k(half(208), block, out),
            Format::Q8_0 => {
                let scale = half(0);
                for (out, &q) in out.iter_mut().zip(&block[2..]) {
                    *out = f32::from(q.cast_signed()) * scale;
                }
            }
        }
    }
}

/// The low nibbles of 16 bytes are the first half of a block, the high ones the second.
#[inline]
fn nibbles(bytes: &[u8], out: &mut [f32], value: impl Fn(u8) -> f32) {
    let (low, high) = out.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
        *low = value(byte & 15);
        *high = value(byte >> 4);
    }
}

/// Scale and smallest value of part `j` of 8, packed into 12 bytes.
#[inline]
fn scale_and_least(j: usize, packed: &[u8]) -> (f32, f32) {
    let (scale, least) = if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        let high = |from: u8| (from >> 6) << 4;
        ((packed[j + 4] & 15) | high(packed[j - 4]), (packed[j + 4] >> 4) | high(packed[j]))
    };
    (f32::from(scale), f32::from(least))
}

#[inline]
fn q4_k([scale, least]: [f32; 2], packed: &[u8], bytes: &[u8], out: &mut [f32]) {
    for (pair, (bytes, out)) in bytes.chunks_exact(32).zip(out.chunks_exact_mut(64)).enumerate() {
        let (low, high) = out.split_at_mut(32);
        for (half, out) in [low, high].into_iter().enumerate() {
            let (own, smallest) = scale_and_least(2 * pair + half, packed);
            let (own, smallest) = (scale * own, least * smallest);
            for (out, byte) in out.iter_mut().zip(bytes) {
                *out = own * f32::from((byte >> (4 * half)) & 15) - smallest;
            }
        }
    }
}

#[inline]
fn q6_k(scale: f32, block: &[u8], out: &mut [f32]) {
    let (low, rest) = block.split_at(128);
    let (high, scales) = rest.split_at(64);
    for (half, out) in out.chunks_exact_mut(128).enumerate() {
        let (low, high, scales) = (&low[64 * half..], &high[32 * half..], &scales[8 * half..]);
        for (i, out) in out.iter_mut().enumerate() {
            let (part, l) = (i / 32, i % 32);
            let nibble = (low[l + 32 * (part % 2)] >> (4 * (part / 2))) & 15;
            let q = nibble | (((high[l] >> (2 * part)) & 3) << 4);
            let own = f32::from(scales[l / 16 + 2 * part].cast_signed());
            *out = scale * own * (f32::from(q) - 32.0);
        }
    }
}

fn ggml_name(number: u32) -> String {
    let name = match number {
        6 => "Q5_0",
        7 => "Q5_1",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        13 => "Q5_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        39 => "MXFP4",
        other => return format!("number {other}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Against what gguf's own code reads (`tests/fixtures/make.py`).
    #[test]
    fn blocks_are_those_of_ggml() {
        let reference: Value =
            serde_json::from_str(include_str!("../../tests/fixtures/reference.json")).unwrap();
        for (number, name) in [(2, "Q4_0"), (3, "Q4_1"), (8, "Q8_0"), (12, "Q4_K"), (14, "Q6_K")] {
            let case = &reference["quantized"][name];
            let bytes: Vec<u8> = serde_json::from_value(case["bytes"].clone()).unwrap();
            let wanted: Vec<f32> = serde_json::from_value(case["values"].clone()).unwrap();
            let format = Format::of_ggml(number).unwrap();
            assert_eq!(format.bytes(wanted.len()), Some(bytes.len()));
            let ours = format.read(&bytes);
            assert_eq!(ours.len(), wanted.len());
            assert!(ours.iter().zip(&wanted).all(|(x, y)| (x - y).abs() < 1e-5), "{name}: {ours:?}");
        }
        assert_eq!(Format::of_ggml(13), Err("Q5_K".into()));
    }

    #[test]
    fn half_numbers_are_read() {
        assert_eq!(Format::F16.read(&[0x00, 0x3c, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(Format::Bf16.read(&[0x80, 0x3f, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(Format::Q8_0.bytes(33), None);
    }
}
