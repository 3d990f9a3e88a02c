//! Adapters on disk, as `peft` writes and reads them: `adapter_config.json` and `adapter_model.safetensors`; and as part of a
//! model file, under the same names.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use serde_json::{Value, json};
use tidemill_core::{Error, Result, State, Tensor, TensorData};

use super::lora::{Adapter, Pair, Site};
use crate::checkpoint::{Config, Family, Shard, read_json};
use crate::error::LanguageError;

const SETTINGS: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
/// The state of an adapter in a model file.
const KIND: &str = "lora";
const VERSION: u32 = 1;
const IN_FILE: &str = "in the model file";

/// Tensors by name.
trait Named {
    fn has(&self, name: &str) -> bool;
    fn names(&self) -> Vec<String>;
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
}

impl Named for Shard {
    fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    fn names(&self) -> Vec<String> {
        Shard::names(self)
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Shard::take(self, name, shape)
    }
}

/// Those of a model file.
struct Stored(BTreeMap<String, Tensor>);

impl Named for Stored {
    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.0.get(name) {
            Some(Tensor { shape: found, data: TensorData::F32(values) }) if found == shape => {
                Ok(values.clone())
            }
            _ => {
                let problem = format!("tensor '{name}' is missing, or not 32-bit floats of shape {shape:?}");
                Err(LanguageError::Adapter { folder: IN_FILE.into(), problem }.into())
            }
        }
    }
}

impl Adapter {
    /// Reads a folder.
    ///
    /// # Errors
    /// When files are missing or damaged, the adapter is of another sort than LoRA, or it does not fit a model of these
    /// sizes.
    pub fn load(folder: &Path, config: &Config) -> Result<Self> {
        let settings = read_json(&folder.join(SETTINGS))?;
        Self::read(&settings, &mut Shard::open(&folder.join(TENSORS))?, config, folder)
    }

    /// From what [`Adapter::state`] gave.
    ///
    /// # Errors
    /// When it is damaged, or does not fit a model of these sizes.
    pub fn of_state(state: State, config: &Config) -> Result<Self> {
        if (state.kind.as_str(), state.version) != (KIND, VERSION) {
            let problem = format!("is of kind '{}', version {}", state.kind, state.version);
            return Err(LanguageError::Adapter { folder: IN_FILE.into(), problem }.into());
        }
        Self::read(&state.params, &mut Stored(state.tensors), config, Path::new(IN_FILE))
    }

    /// Its settings and tensors, under the names that peft gives them.
    pub fn state(&self) -> State {
        let tensors = self.parts().map(|(name, shape, values)| {
            (name, Tensor { shape: shape.to_vec(), data: TensorData::F32(values.clone()) })
        });
        State { tensors: tensors.collect(), ..State::new(KIND, VERSION, self.settings("")) }
    }

    fn read(settings: &Value, file: &mut dyn Named, config: &Config, folder: &Path) -> Result<Self> {
        let (rank, alpha) = checked(settings, config.family, folder)?;
        let outputs = Site::ALL.map(|site| site.sizes(config).1);
        let root = settings["use_rslora"] == true;
        let pairs = (0..config.layers).map(|_| Default::default()).collect();
        let mut adapter = Adapter { rank, alpha, root, family: config.family, pairs, outputs };
        let mut n_read = 0;
        for layer in 0..config.layers {
            for site in Site::ALL {
                let (inputs, outputs) = site.sizes(config);
                let [Some(a), Some(b)] = ['A', 'B'].map(|part| name(config.family, layer, site, part)) else {
                    continue;
                };
                if !file.has(&a) && !file.has(&b) {
                    continue;
                }
                let pair = Pair { a: file.take(&a, &[rank, inputs])?, b: file.take(&b, &[outputs, rank])? };
                adapter.pairs[layer][site as usize] = Some(pair);
                n_read += 2;
            }
        }
        let names = file.names();
        if names.is_empty() {
            return Err(
                LanguageError::Adapter { folder: folder.into(), problem: "holds no tensor".into() }.into()
            );
        }
        if n_read == 0 || n_read != names.len() {
            let known = |name: &&String| adapter.names().any(|known| known == **name);
            let stray = names.iter().find(|name| !known(name)).cloned().unwrap_or_default();
            let problem = format!("tensor '{stray}' matches no layer of the model");
            return Err(LanguageError::Adapter { folder: folder.into(), problem }.into());
        }
        Ok(adapter)
    }

    /// Writes a folder; `base` names the model that it belongs to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path, base: &str) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        let text = serde_json::to_string_pretty(&self.settings(base)).unwrap_or_default() + "\n";
        write(&folder.join(SETTINGS), text.as_bytes())?;
        write(&folder.join(TENSORS), &self.tensors()?)
    }

    /// What peft's `adapter_config.json` says.
    fn settings(&self, base: &str) -> Value {
        json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "target_modules": self.site_names(),
            "bias": "none",
            // Whether the weights beside it lie as `[inputs, outputs]`; its own matrices lie alike in any family.
            "fan_in_fan_out": self.family == Family::Gpt2,
            "use_rslora": self.root,
            "use_dora": false,
            "modules_to_save": null,
            "init_lora_weights": true,
            "inference_mode": true,
        })
    }

    /// Each tensor with its name and shape.
    fn parts(&self) -> impl Iterator<Item = (String, [usize; 2], &Vec<f32>)> {
        let (rank, family) = (self.rank, self.family);
        let of_site = move |layer: usize, site: Site, pair: &Pair| {
            let (a, b) = ([rank, pair.a.len() / rank], [pair.b.len() / rank, rank]);
            [(name(family, layer, site, 'A'), a), (name(family, layer, site, 'B'), b)]
        };
        self.pairs.iter().enumerate().flat_map(move |(layer, pairs)| {
            let sites =
                Site::ALL.into_iter().filter_map(move |site| Some((site, pairs[site as usize].as_ref()?)));
            sites.flat_map(move |(site, pair)| {
                let named = of_site(layer, site, pair).into_iter().zip([&pair.a, &pair.b]);
                named.filter_map(|((name, shape), values)| Some((name?, shape, values)))
            })
        })
    }

    /// The bytes of its tensors, by their names.
    fn tensors(&self) -> Result<Vec<u8>> {
        let bytes: BTreeMap<String, ([usize; 2], Vec<u8>)> = self
            .parts()
            .map(|(name, shape, values)| {
                (name, (shape, values.iter().flat_map(|x| x.to_le_bytes()).collect()))
            })
            .collect();
        let internal = |e: safetensors::SafeTensorError| Error::internal(format!("adapter: {e}"));
        let views = bytes
            .iter()
            .map(|(name, (shape, raw))| {
                Ok((name, TensorView::new(Dtype::F32, shape.to_vec(), raw).map_err(internal)?))
            })
            .collect::<Result<Vec<_>>>()?;
        serialize(views, None).map_err(internal)
    }

    fn names(&self) -> impl Iterator<Item = String> + '_ {
        let (layers, family) = (0..self.pairs.len(), self.family);
        let of_site = move |layer: usize, site: Site| ['A', 'B'].map(|part| name(family, layer, site, part));
        layers
            .flat_map(move |layer| Site::ALL.into_iter().flat_map(move |site| of_site(layer, site)).flatten())
    }
}

/// As peft names it; none where the family has no such layer.
fn name(family: Family, layer: usize, site: Site, part: char) -> Option<String> {
    let blocks = if family == Family::Gpt2 { "transformer.h" } else { "model.layers" };
    let (block, site) = site.names(family)?;
    Some(format!("base_model.model.{blocks}.{layer}.{block}.{site}.lora_{part}.weight"))
}

/// Rank and alpha, when all else is as this build knows it.
fn checked(settings: &Value, family: Family, folder: &Path) -> Result<(usize, f64)> {
    let wrong = |problem: String| Err(LanguageError::Adapter { folder: folder.into(), problem }.into());
    if settings["peft_type"] != "LORA" {
        return wrong(format!("is of sort {}; only LORA is supported", settings["peft_type"]));
    }
    let plain = [
        ("use_dora", json!(false)),
        ("bias", json!("none")),
        ("lora_bias", json!(false)),
        ("fan_in_fan_out", json!(family == Family::Gpt2)),
        ("modules_to_save", json!([])),
        ("rank_pattern", json!({})),
        ("alpha_pattern", json!({})),
        ("layer_replication", json!([])),
    ];
    for (key, only) in plain {
        let found = &settings[key];
        // peft sets this one right when it reads it: how the weights of a GPT-2 lie is known.
        let known = key == "fan_in_fan_out" && family == Family::Gpt2;
        if !found.is_null() && *found != only && !known {
            return wrong(format!("'{key}' is {found}; only {only} is supported"));
        }
    }
    let (rank, alpha) =
        (settings["r"].as_u64().unwrap_or(0), settings["lora_alpha"].as_f64().unwrap_or(f64::NAN));
    if !(1..=65_536).contains(&rank) || !alpha.is_finite() {
        return wrong(format!("'r' is {} and 'lora_alpha' {}", settings["r"], settings["lora_alpha"]));
    }
    Ok((rank as usize, alpha))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|e| Error::io(path, e))
}
