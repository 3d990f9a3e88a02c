//! In how many bits weights are held.

/// In how many bits weights are held and multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits, weights and activations.
    #[default]
    Float32,
    /// Weights and activations in 8 bits, with a scale for each 32 of them; sums in 32 bits. Embeddings of tokens are read back
    /// from the 8 bits; norms, attention and adapters stay in 32.
    Int8,
}
