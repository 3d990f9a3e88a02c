//! A whole model in memory, and its only form in bytes.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tidemill_core::State;

use crate::archive::{STRUCTURE, first, is_entry_name, pack, unpack};
use crate::error::{Error, Result, Site, unwritable};
use crate::manifest::{EntryInfo, Manifest, column_fault};
use crate::{CARD, FORMAT, MANIFEST, RECIPE, STATE, TENSORS, WRITER, limits, state};

/// A whole model.
///
/// ```
/// use tidemill_core::{Column, Schema, State};
/// use tidemill_package::{Manifest, Package, from_bytes, to_bytes};
/// let input = Schema::new(vec![Column::number("age")]).unwrap();
/// let output = Schema::new(vec![Column::number("prediction")]).unwrap();
/// let manifest = Manifest::new(serde_json::json!({ "task": "regression" }), &input, &output);
/// let state = State::new("constant", 1, ()).floats("mean", &[31.0]);
/// let package = Package::new(manifest, "[data]\ntarget = \"y\"\n", state, "# A constant\n");
/// let bytes = to_bytes(&package).unwrap();
/// let back = from_bytes(&bytes).unwrap();
/// assert_eq!(back.state, package.state);
/// assert_eq!(back.manifest.input_schema().unwrap(), input);
/// assert_eq!(to_bytes(&back).unwrap(), bytes);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// What the file contains about itself.
    pub manifest: Manifest,
    /// The resolved recipe, as TOML.
    pub recipe: String,
    /// What was learned.
    pub state: State,
    /// What the model is, for people, as Markdown.
    pub card: String,
    /// Further entries by name (`[a-z][a-z0-9_.-]*`, at most 64 characters): `metrics.json`, sketches, …
    pub extras: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// A package without further entries.
    pub fn new(manifest: Manifest, recipe: impl Into<String>, state: State, card: impl Into<String>) -> Self {
        Package { manifest, recipe: recipe.into(), state, card: card.into(), extras: BTreeMap::new() }
    }

    /// Adds an entry.
    pub fn with_extra(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.extras.insert(name.into(), bytes.into());
        self
    }
}

/// What identifies a model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The length of the file.
    pub bytes: u64,
    /// SHA-256 of the bytes of `manifest.json`, which contain the hashes of all other entries: the hash of the model.
    pub sha256: String,
}

/// The bytes of the file, which are equal for equal packages. `manifest.format` and `manifest.entries` are filled in.
///
/// Errors ([`Error::Unwritable`]) if a reader would reject the result: a name that is invalid or already used, a state that is nested too
/// deeply or has a tensor whose shape does not match its data, more than the [`limits`] allow.
pub fn to_bytes(package: &Package) -> Result<Vec<u8>> {
    to_bytes_with_info(package).map(|(bytes, _)| bytes)
}

/// What identifies the model, equal to that of the file that [`to_bytes`] makes. Has the same errors.
pub fn info(package: &Package) -> Result<Info> {
    to_bytes_with_info(package).map(|(_, info)| info)
}

pub(crate) fn to_bytes_with_info(package: &Package) -> Result<(Vec<u8>, Info)> {
    let (state, tensors) = state::to_bytes(&package.state)?;
    let mut entries: BTreeMap<&str, &[u8]> = BTreeMap::from([
        (CARD, package.card.as_bytes()),
        (RECIPE, package.recipe.as_bytes()),
        (STATE, state.as_slice()),
        (TENSORS, tensors.as_slice()),
    ]);
    for (name, bytes) in &package.extras {
        if !is_entry_name(name) || name == MANIFEST || entries.insert(name, bytes).is_some() {
            return Err(unwritable(format!("'{name}' is not a free entry name")));
        }
    }
    let listed = entries.iter().map(|(name, bytes)| {
        (name.to_string(), EntryInfo { sha256: sha256(bytes), bytes: bytes.len() as u64 })
    });
    let manifest = Manifest { format: FORMAT, entries: listed.collect(), ..package.manifest.clone() };
    if let Some(fault) = column_fault(&manifest) {
        return Err(unwritable(fault));
    }
    if state::deeper_than(&manifest.about, limits::VALUE_DEPTH) {
        return Err(unwritable(format!("what is said about it nests deeper than {}", limits::VALUE_DEPTH)));
    }
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|e| unwritable(format!("manifest: {e}")))?;
    if let Some(long) = [&manifest, &state].into_iter().find(|json| json.len() > limits::JSON_BYTES) {
        let (found, bound) = (long.len(), limits::JSON_BYTES);
        return Err(unwritable(format!("{found} bytes of names and parameters; at most {bound} fit")));
    }
    let ordered: Vec<(&str, &[u8])> =
        std::iter::once((MANIFEST, manifest.as_slice())).chain(entries).collect();
    let bytes = pack(&ordered)?;
    let info = Info { bytes: bytes.len() as u64, sha256: sha256(&manifest) };
    Ok((bytes, info))
}

/// The package in these bytes. Errors unless they are exactly what [`to_bytes`] makes of it.
pub fn from_bytes(bytes: &[u8]) -> Result<Package> {
    parse(bytes, "the model").map(|(package, _)| package)
}

/// Like [`from_bytes`]; `file` is the name of the file in errors.
pub(crate) fn parse(bytes: &[u8], file: &str) -> Result<(Package, Info)> {
    let site = Site { file };
    refuse_newer(bytes, site)?;
    let ordered = unpack(bytes, site)?;
    let mut entries = ordered.into_iter();
    let Some((MANIFEST, manifest_bytes)) = entries.next() else {
        return Err(site.damaged(MANIFEST, "it is not the first entry"));
    };
    let manifest = parse_manifest(manifest_bytes, site)?;
    let entries: Vec<(&str, &[u8])> = entries.collect();
    check_entries(&manifest, &entries, site)?;
    let mut entries: BTreeMap<&str, &[u8]> = entries.into_iter().collect();
    let mut need =
        |name: &str| entries.remove(name).ok_or_else(|| site.damaged(name, "the entry is missing"));
    let (card, recipe, json, tensors) = (need(CARD)?, need(RECIPE)?, need(STATE)?, need(TENSORS)?);
    let package = Package {
        manifest,
        recipe: text(RECIPE, recipe, site)?,
        state: state::from_bytes(json, tensors, site)?,
        card: text(CARD, card, site)?,
        extras: entries.into_iter().map(|(name, bytes)| (name.into(), bytes.to_vec())).collect(),
    };
    Ok((package, Info { bytes: bytes.len() as u64, sha256: sha256(manifest_bytes) }))
}

/// Reports a file from a newer version as such, because its other parts may look wrong to this version.
fn refuse_newer(bytes: &[u8], site: Site<'_>) -> Result<()> {
    let manifest = first(bytes, MANIFEST).filter(|bytes| bytes.len() <= limits::JSON_BYTES);
    let Some(Ok(manifest)) = manifest.map(serde_json::from_slice::<Value>) else {
        return Ok(());
    };
    match manifest["format"].as_u64() {
        Some(found) if found > u64::from(FORMAT) => Err(Error::TooNew {
            file: site.file.into(),
            found: u32::try_from(found).unwrap_or(u32::MAX),
            written_by: manifest["written_by"].as_str().unwrap_or("an unknown program").into(),
            reader: WRITER.into(),
            newest: FORMAT,
        }),
        _ => Ok(()),
    }
}

fn parse_manifest(bytes: &[u8], site: Site<'_>) -> Result<Manifest> {
    if bytes.len() > limits::JSON_BYTES {
        return Err(site.too_large(MANIFEST, format!("{} bytes", bytes.len()), limits::JSON_BYTES as u64));
    }
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|e| site.damaged(MANIFEST, e.to_string()))?;
    match column_fault(&manifest) {
        Some(fault) => Err(site.damaged(MANIFEST, fault)),
        None => Ok(manifest),
    }
}

/// Checks that the entries are those of the manifest, in its order, with its lengths and hashes.
fn check_entries(manifest: &Manifest, entries: &[(&str, &[u8])], site: Site<'_>) -> Result<()> {
    for (name, bytes) in entries {
        let Some(info) = manifest.entries.get(*name) else {
            return Err(site.damaged(name, "the manifest does not list it"));
        };
        if info.bytes != bytes.len() as u64 || info.sha256 != sha256(bytes) {
            return Err(site.damaged(name, "its bytes do not match their SHA-256 in the manifest"));
        }
    }
    if let Some(name) = manifest.entries.keys().find(|name| entries.iter().all(|(n, _)| n != name)) {
        return Err(site.damaged(name, "the entry is missing"));
    }
    match entries.is_sorted_by(|a, b| a.0 < b.0) {
        true => Ok(()),
        false => Err(site.damaged(STRUCTURE, "the entries are not in order")),
    }
}

fn text(name: &str, bytes: &[u8], site: Site<'_>) -> Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(e) => Err(site.damaged(name, format!("it is not UTF-8 text: {e}"))),
    }
}

fn sha256(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
    digits.map(char::from).collect()
}
