//! Low-rank adapters (Hu et al. 2022), in the layout of the `peft` library.

use tidemill_core::{Error, Result};
use tidemill_kernel::Random;

use crate::blocks::panels::product;
use crate::checkpoint::{Config, Family};

/// A linear layer of a block that can have an adapter. A family has some of them.
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
    /// What gates let through; in GPT-2, which has no gates, the inner numbers.
    Up,
    /// The feed-forward part's output.
    Down,
    /// Queries, keys and values as one layer, as GPT-2 has them.
    Qkv,
}

/// How many sites there are.
pub(crate) const SITES: usize = Site::ALL.len();

impl Site {
    /// All of them.
    pub const ALL: [Site; 8] =
        [Site::Q, Site::K, Site::V, Site::O, Site::Gate, Site::Up, Site::Down, Site::Qkv];
    /// Those whose outputs are queries, keys and values.
    pub(crate) const ATTENTION: [Site; 4] = [Site::Q, Site::K, Site::V, Site::Qkv];
    /// Those whose outputs are the inner numbers.
    pub(crate) const INNER: [Site; 2] = [Site::Gate, Site::Up];

    /// The part of a block that it lies in, and its name there, in checkpoints of a family; none where the family has no such layer.
    pub(crate) fn names(self, family: Family) -> Option<(&'static str, &'static str)> {
        let gpt2 = family == Family::Gpt2;
        match self {
            Site::Qkv if gpt2 => Some(("attn", "c_attn")),
            Site::O if gpt2 => Some(("attn", "c_proj")),
            Site::Up if gpt2 => Some(("mlp", "c_fc")),
            Site::Down if gpt2 => Some(("mlp", "c_proj")),
            _ if gpt2 => None,
            Site::Q => Some(("self_attn", "q_proj")),
            Site::K => Some(("self_attn", "k_proj")),
            Site::V => Some(("self_attn", "v_proj")),
            Site::O => Some(("self_attn", "o_proj")),
            Site::Gate => Some(("mlp", "gate_proj")),
            Site::Up => Some(("mlp", "up_proj")),
            Site::Down => Some(("mlp", "down_proj")),
            Site::Qkv => None,
        }
    }

    /// How many numbers come in and go out; none where the family has no such layer.
    pub(crate) fn sizes(self, config: &Config) -> (usize, usize) {
        let (d, inner) = (config.hidden, config.inner);
        let (q, kv) = (config.heads * config.head_size, config.kv_heads * config.head_size);
        if self.names(config.family).is_none() {
            return (0, 0);
        }
        match self {
            Site::Q => (d, q),
            Site::K | Site::V => (d, kv),
            Site::Qkv => (d, q + 2 * kv),
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
    /// The family of the model that it belongs to.
    pub(crate) family: Family,
    /// For each block, by [`Site`]; `None` where there is none.
    pub(crate) pairs: Vec<[Option<Pair>; SITES]>,
    /// The outputs of each site.
    pub(crate) outputs: [usize; SITES],
}

impl Adapter {
    /// A new adapter that changes nothing yet: `A` is drawn as peft draws it (uniform within `1 / sqrt(inputs)`), `B`
    /// is 0. Of the sites those count that the model's family has.
    ///
    /// # Errors
    /// When the rank is 0 or beyond the model's width, or the model has none of the sites.
    pub fn new(config: &Config, rank: usize, alpha: f64, sites: &[Site], seed: u64) -> Result<Self> {
        if rank == 0 || rank > config.hidden {
            return Err(Error::parameter(
                "rank",
                format!("is {rank}; from 1 to {} is possible", config.hidden),
            ));
        }
        let has = |site: Site| sites.contains(&site) && site.names(config.family).is_some();
        if !Site::ALL.into_iter().any(has) {
            return Err(Error::parameter("sites", "names no layer of this model: none would learn"));
        }
        let pair = |layer: usize, site: Site| {
            let (inputs, outputs) = site.sizes(config);
            // A stream for each of the layers of a block, of which no family has more than seven.
            let mut random = Random::new(seed, (layer * 7 + site as usize) as u64);
            let bound = 1.0 / (inputs as f64).sqrt();
            let a = (0..rank * inputs).map(|_| ((2.0 * random.unit() - 1.0) * bound) as f32).collect();
            Pair { a, b: vec![0.0; outputs * rank] }
        };
        let block = |layer: usize| Site::ALL.map(|site| has(site).then(|| pair(layer, site)));
        let outputs = Site::ALL.map(|site| site.sizes(config).1);
        let pairs = (0..config.layers).map(block).collect();
        Ok(Adapter { rank, alpha, root: false, family: config.family, pairs, outputs })
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

    /// Their names in checkpoints, each once: GPT-2 has one name for two layers.
    pub fn site_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Vec::new();
        for (_, name) in self.sites().into_iter().filter_map(|site| site.names(self.family)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
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
