//! The secrets that a store was written with: proofs of them, so that another secret is refused instead of giving other hashes, and
//! which models keep their keys in which way, so that `forget` finds all rows of a key or says that it cannot.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::recipe::Private;
use tidemill_core::{Error, Result, Role};
use tidemill_store::Store;

use crate::error::EngineError;
use crate::serve::privacy::{HASH_KEY, HASHED, PROOF, Redactor, SEALED, hash_with, identities, unsealed};
use crate::serve::serving::Serving;

const PROOFS: &str = "hash_secret/";
const KEYS: &str = "private_key/";

/// The key column of a model, and what is done with it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct PrivateKey {
    model: String,
    column: String,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Hash,
    Seal,
}

impl PrivateKey {
    fn of(serving: &Serving) -> Option<Self> {
        let column = serving.columns.iter().find(|c| c.role == Role::Key)?;
        Self::by(&serving.guard, &serving.name, &column.name)
    }

    /// The same by the guard of a model.
    fn by(guard: &Redactor, model: &str, column: &str) -> Option<Self> {
        let way = match guard.of(column)? {
            Private::Hash => Way::Hash,
            Private::Seal => Way::Seal,
            // Nothing is kept.
            Private::Drop => return None,
        };
        Some(PrivateKey { model: model.into(), column: column.into(), way })
    }
}

/// Notes a model that goes into service: a proof of the secret of its hashed columns, and how its key is kept.
///
/// # Errors
/// Another secret than the one that rows of a model of this name were hashed with.
pub fn enlist(serving: &Serving, store: &Store) -> Result<()> {
    let key = serving.columns.iter().find(|c| c.role == Role::Key).map(|c| c.name.as_str());
    enlist_guard(&serving.guard, &serving.name, key, store)
}

/// The same of a model of this name, whose rows are kept as `guard` says; `key` is its key column.
///
/// # Errors
/// As [`enlist`].
pub fn enlist_guard(guard: &Redactor, model: &str, key: Option<&str>, store: &Store) -> Result<()> {
    if let Some(proof) = guard.proof()? {
        let noted = store.mark_once(&format!("{PROOFS}{model}"), proof.as_bytes())?;
        same(&noted, &proof, model)?;
    }
    if let Some(key) = key.and_then(|key| PrivateKey::by(guard, model, key)) {
        let document = serde_json::to_vec(&key).map_err(|e| Error::internal(format!("a note: {e}")))?;
        let name = format!("{KEYS}{}/{}/{:?}", key.model, key.column, key.way);
        store.mark_once(&name, &document)?;
    }
    Ok(())
}

/// Refuses another secret than the one that the rows of this model were hashed with.
pub fn check(guard: &Redactor, model: &str, store: &Store) -> Result<()> {
    let Some(proof) = guard.proof()? else { return Ok(()) };
    match store.mark(&format!("{PROOFS}{model}"))? {
        Some(noted) => same(&noted, &proof, model),
        // A store of an earlier version: nothing is known of its secret.
        None => Ok(()),
    }
}

fn same(noted: &[u8], proof: &str, model: &str) -> Result<()> {
    if noted == proof.as_bytes() {
        return Ok(());
    }
    Err(EngineError::usage(
        format!("the secret in {HASH_KEY} is not the one that the rows of model '{model}' in this store were hashed with"),
        format!("set {HASH_KEY} to the former secret; for a new secret, begin a new store"),
    )
    .into())
}

/// What `forget` has at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Means<'a> {
    /// The secret of hashed columns.
    pub secret: Option<&'a str>,
    /// The text of an age identity file, for sealed keys.
    pub identity: Option<&'a str>,
}

/// Deletes everything known of a key, in whichever way models keep it; how many predictions and pieces of feedback went. `model` says how
/// the key is kept where the store, made by an earlier version, does not.
///
/// # Errors
/// A model whose rows of this key cannot be found for want of a secret or an identity. Nothing is deleted then.
pub fn forget(store: &Store, key: &str, means: Means<'_>, model: Option<&Serving>) -> Result<(u64, u64)> {
    Ok(store.forget(kept_as(store, key, means, model)?)?)
}

/// The texts under which a store keeps a key: itself, its hashes, and its encrypted forms.
///
/// # Errors
/// As [`forget`].
pub fn kept_as(store: &Store, key: &str, means: Means<'_>, model: Option<&Serving>) -> Result<Vec<String>> {
    let mut private: BTreeSet<PrivateKey> = model.and_then(PrivateKey::of).into_iter().collect();
    for (_, document) in store.marks(KEYS)? {
        private.extend(serde_json::from_slice::<PrivateKey>(&document).ok());
    }
    let mut keys = vec![key.to_string()];
    for model in store.models_with_keys_like(HASHED)? {
        keys.extend(hashed(store, &private, &model, key, means.secret)?);
    }
    for model in store.models_with_keys_like(SEALED)? {
        sealed(store, &model, key, means.identity, &mut keys)?;
    }
    Ok(keys)
}

/// The hashes under which rows of a model keep this key.
fn hashed(
    store: &Store,
    private: &BTreeSet<PrivateKey>,
    model: &str,
    key: &str,
    secret: Option<&str>,
) -> Result<Vec<String>> {
    let columns: Vec<&str> = private
        .iter()
        .filter(|k| k.model == model && k.way == Way::Hash)
        .map(|k| k.column.as_str())
        .collect();
    let refuse = |problem: &str, remedy: String| {
        EngineError::usage(
            format!("model '{model}' keeps its keys as hashes, and {problem}: nothing was forgotten"),
            remedy,
        )
    };
    if columns.is_empty() {
        let remedy = "name its file with --model".to_string();
        return Err(refuse("the store does not say which column is its key", remedy).into());
    }
    let Some(secret) = secret else {
        let remedy = format!("set {HASH_KEY} to the secret that it is served with");
        return Err(refuse("there is no secret to find them by", remedy).into());
    };
    if let Some(noted) = store.mark(&format!("{PROOFS}{model}"))? {
        same(&noted, &hash_with(secret.as_bytes(), PROOF, PROOF)?, model)?;
    }
    let text = Value::String(key.into()).to_string();
    columns.into_iter().map(|column| hash_with(secret.as_bytes(), column, &text)).collect()
}

/// The texts in which rows of a model keep this key encrypted.
fn sealed(
    store: &Store,
    model: &str,
    key: &str,
    identity: Option<&str>,
    keys: &mut Vec<String>,
) -> Result<()> {
    let refuse = |problem: &str| {
        EngineError::usage(
            format!("model '{model}' keeps its keys sealed, and {problem}: nothing was forgotten"),
            "give the age identity file of its recipient with --identity",
        )
    };
    let identities = identity
        .map(identities)
        .transpose()?
        .ok_or_else(|| refuse("there is no identity to open them by"))?;
    let (wanted, mut closed) = (Value::String(key.into()), 0);
    store.each_key_like(model, SEALED, &mut |kept| {
        match unsealed(&kept, &identities) {
            Some(opened) if opened == wanted => keys.push(kept),
            Some(_) => {}
            None => closed += 1,
        }
        Ok(())
    })?;
    if closed > 0 {
        return Err(refuse(&format!("the identity does not open {closed} of them")).into());
    }
    Ok(())
}
