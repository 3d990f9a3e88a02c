//! Low-rank adapters (Hu et al. 2022), in the layout of the `peft` library.

use tidemill_core::{Error, Result};
use tidemill_kernel::Random;

use crate::blocks::panels::product;
use crate::checkpoint::{Config, Family};

/// A linear layer of a block that can have an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Attention's output.
    O,
    /// Gates of the feed-forward part.
    Gate,
    /// What gates let through.
    Up,
    /// The feed-forward part's output.
    Down,
}

impl Site {
    /// All of them, in the order of the forward pass.
    pub const ALL: [Site; 7] = [Site::Q, Site::K, Site::V, Site::O, Site::Gate, Site::Up, Site::Down];

    /// Its name in checkpoints.
    pub fn name(self) -> &'static str {
        match self {
            Site::Q => "q_proj",
            Site::K => "k_proj",
            Site::V => "v_proj",
            Site::O => "o_proj",
            Site::Gate => "gate_proj",
            Site::Up => "up_proj",
            Site::Down => "down_proj",
        }
    }

    /// By its name in checkpoints.
    pub fn of(name: &str) -> Option<Self> {
        Site::ALL.into_iter().find(|site| site.name() == name)
    }

    /// The part of a block that it lies in.
    pub(crate) fn part(self) -> &'static str {
        match self {
            Site::Q | Site::K | Site::V | Site::O => "self_attn",
            Site::Gate | Site::Up | Site::Down => "mlp",
        }
    }

    /// How many numbers come in and go out.
    pub(crate) fn sizes(self, config: &Config) -> (usize, usize) {
        let (d, inner) = (config.hidden, config.inner);
        let (q, kv) = (config.heads * config.head_size, config.kv_heads * config.head_size);
        match self {
            Site::Q => (d, q),
            Site::K | Site::V => (d, kv),
            Site::O => (q, d),
            Site::Gate | Site::Up => (d, inner),
            Site::Down => (inner, d),
        }
    }
}

/// Two small matrices whose product is added to a frozen one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// `[rank, inputs]`, row-major.
    pub(crate) a: Vec<f32>,
    /// `[outputs, rank]`, row-major.
    pub(crate) b: Vec<f32>,
}

/// An adapter of a model: for some layers, `y += scale * B A x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    pub(crate) rank: usize,
    pub(crate) alpha: f64,
    /// Divides by the root of the rank instead of the rank.
    pub(crate) root: bool,
    /// For each block, by [`Site`]; `None` where there is none.
    pub(crate) pairs: Vec<[Option<Pair>; 7]>,
    /// The outputs of each site.
    pub(crate) outputs: [usize; 7],
}

/// Adapters are for the layers of the Llama family.
///
/// # Errors
/// Of another family.
pub(super) fn can_adapt(config: &Config) -> Result<()> {
    if config.family == Family::Gpt2 {
        let remedy = "tune a model of the Llama, Mistral or Qwen families";
        return Err(Error::data("adapters for GPT-2 are not supported", remedy));
    }
    Ok(())
}

impl Adapter {
    /// A new adapter that changes nothing yet: `A` is drawn as peft draws it (uniform within `1 / sqrt(inputs)`), `B`
    /// is 0.
    ///
    /// # Errors
    /// When the rank is 0 or beyond the model's width, there is no site, or the model is a GPT-2.
    pub fn new(config: &Config, rank: usize, alpha: f64, sites: &[Site], seed: u64) -> Result<Self> {
        can_adapt(config)?;
        if rank == 0 || rank > config.hidden {
            return Err(Error::parameter(
                "rank",
                format!("is {rank}; from 1 to {} is possible", config.hidden),
            ));
        }
        if sites.is_empty() {
            return Err(Error::parameter("sites", "is empty: no layer would learn"));
        }
        let pair = |layer: usize, site: Site| {
            let (inputs, outputs) = site.sizes(config);
            let mut random = Random::new(seed, (layer * Site::ALL.len() + site as usize) as u64);
            let bound = 1.0 / (inputs as f64).sqrt();
            let a = (0..rank * inputs).map(|_| ((2.0 * random.unit() - 1.0) * bound) as f32).collect();
            Pair { a, b: vec![0.0; outputs * rank] }
        };
        let block = |layer: usize| Site::ALL.map(|site| sites.contains(&site).then(|| pair(layer, site)));
        let outputs = Site::ALL.map(|site| site.sizes(config).1);
        let pairs = (0..config.layers).map(block).collect();
        Ok(Adapter { rank, alpha, root: false, pairs, outputs })
    }

    /// By what `B A x` is multiplied.
    pub(crate) fn scale(&self) -> f32 {
        let rank = self.rank as f64;
        (self.alpha / if self.root { rank.sqrt() } else { rank }) as f32
    }

    /// The width of its matrices.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// By what its part is multiplied, before it is divided by the rank or its root.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The layers that have one in some block.
    pub fn sites(&self) -> Vec<Site> {
        let has = |site: &Site| self.pairs.iter().any(|pairs| pairs[*site as usize].is_some());
        Site::ALL.into_iter().filter(has).collect()
    }

    /// The numbers it has.
    pub fn n_parameters(&self) -> usize {
        self.pairs.iter().flatten().flatten().map(|pair| pair.a.len() + pair.b.len()).sum()
    }

    /// Adds the part of `sites`, whose outputs lie side by side in rows of `width`, for inputs `x`.
    pub(crate) fn add(&self, layer: usize, sites: &[Site], x: &[f32], width: usize, out: &mut [f32]) {
        let scale = self.scale();
        let mut from = 0;
        for site in sites {
            let outputs = self.outputs[*site as usize];
            if let Some(pair) = &self.pairs[layer][*site as usize] {
                let inputs = pair.a.len() / self.rank;
                let n = x.len() / inputs;
                let mut small = vec![0.0; n * self.rank];
                product(&pair.a, x, inputs, &mut small);
                let mut added = vec![0.0; n * outputs];
                product(&pair.b, &small, self.rank, &mut added);
                for (row, added) in out.chunks_exact_mut(width).zip(added.chunks_exact(outputs)) {
                    let row = &mut row[from..from + outputs];
                    row.iter_mut().zip(added).for_each(|(y, x)| *y += scale * x);
                }
            }
            from += outputs;
        }
    }
}
