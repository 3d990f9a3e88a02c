//! What of a caller's row the prediction log may keep, and what `improve` can make of it again.

use std::collections::BTreeMap;

use age::x25519::{Identity, Recipient};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tidemill_core::recipe::{Private, Recipe};
use tidemill_core::{Error, Result};
use tidemill_data::Plan;

use crate::error::EngineError;

/// The environment's variable with the secret of hashed columns.
pub const HASH_KEY: &str = "TIDEMILL_HASH_KEY";

const HASHED: &str = "hmac:";
const SEALED: &str = "age:";

/// Guards the private columns of one model.
#[derive(Clone, Default)]
pub struct Guard {
    columns: BTreeMap<String, Private>,
    secret: Option<Vec<u8>>,
    recipient: Option<Recipient>,
}

impl Guard {
    /// The guard that a recipe asks for. `secret` is the value of [`HASH_KEY`].
    ///
    /// # Errors
    /// Hashed columns without a secret of at least 16 bytes; sealed columns without a valid recipient.
    pub fn new(recipe: &Recipe, secret: Option<&str>) -> Result<Self> {
        let columns = recipe.columns.iter().filter_map(|(name, spec)| Some((name.clone(), spec.private?)));
        let columns: BTreeMap<String, Private> = columns.collect();
        let of = |wanted: Private| columns.iter().find(|(_, p)| **p == wanted).map(|(name, _)| name);
        let secret = secret.map(|s| s.as_bytes().to_vec());
        if let Some(column) = of(Private::Hash).filter(|_| secret.as_ref().is_none_or(|s| s.len() < 16)) {
            return Err(EngineError::usage(
                format!(
                    "column '{column}' is to be hashed, but {HASH_KEY} holds no secret of 16 or more bytes"
                ),
                format!("set {HASH_KEY} in the environment, and keep it: other secrets give other hashes"),
            )
            .into());
        }
        let recipient = match (of(Private::Seal), &recipe.privacy.recipient) {
            (None, _) => None,
            (Some(column), None) => {
                return Err(EngineError::usage(
                    format!("column '{column}' is to be sealed, but the recipe names no recipient"),
                    "add `recipient = \"age1…\"` to the recipe's [privacy] (`age-keygen` makes one)",
                )
                .into());
            }
            (Some(_), Some(text)) => Some(text.parse::<Recipient>().map_err(|e| {
                EngineError::usage(format!("privacy.recipient is no age recipient: {e}"), "copy it whole")
            })?),
        };
        Ok(Guard { columns, secret, recipient })
    }

    /// Whether nothing is private.
    pub fn is_open(&self) -> bool {
        self.columns.is_empty()
    }

    /// What is done with a column.
    pub fn of(&self, column: &str) -> Option<Private> {
        self.columns.get(column).copied()
    }

    /// What the log may keep of `value`, given as JSON: a missing value stays missing.
    pub fn kept(&self, column: &str, value: &str) -> Result<Value> {
        let Some(private) = self.of(column).filter(|_| value != "null") else {
            return serde_json::from_str(value).map_err(|e| Error::internal(format!("a logged value: {e}")));
        };
        Ok(match private {
            Private::Drop => Value::Null,
            Private::Hash => Value::String(self.hash(column, value)?),
            Private::Seal => {
                let recipient =
                    self.recipient.as_ref().ok_or_else(|| Error::internal("sealing without a recipient"))?;
                let sealed = age::encrypt(recipient, value.as_bytes())
                    .map_err(|e| Error::internal(format!("sealing: {e}")))?;
                Value::String(format!("{SEALED}{}", hex(&sealed)))
            }
        })
    }

    /// The hash of a value under the secret; the column is part of it, so that equal values of two columns differ.
    pub fn hash(&self, column: &str, value: &str) -> Result<String> {
        let secret = self.secret.as_deref().ok_or_else(|| Error::internal("hashing without a secret"))?;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret).map_err(|e| Error::internal(format!("hashing: {e}")))?;
        mac.update(column.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        Ok(format!("{HASHED}{}", hex(&mac.finalize().into_bytes()[..16])))
    }
}

/// Makes again what can be made again of logged values.
pub struct Opener {
    guard: Guard,
    identity: Option<Identity>,
    /// For each hashed column, the names of training by their hashes.
    names: BTreeMap<String, BTreeMap<String, String>>,
}

impl Opener {
    /// `identity` is the text of an age identity file, for sealed columns.
    pub fn new(guard: Guard, plan: &Plan, identity: Option<&str>) -> Result<Self> {
        let identity = identity
            .map(|text| {
                let line = text.lines().map(str::trim).find(|l| l.starts_with("AGE-SECRET-KEY-"));
                line.and_then(|l| l.parse::<Identity>().ok()).ok_or_else(|| {
                    EngineError::usage("the identity file holds no AGE-SECRET-KEY line", "give age-keygen's")
                })
            })
            .transpose()?;
        let mut names = BTreeMap::new();
        for column in plan.columns.iter().filter(|c| guard.of(&c.name) == Some(Private::Hash)) {
            let mut hashes = BTreeMap::new();
            for name in &column.categories {
                let text = Value::String(name.clone()).to_string();
                hashes.insert(guard.hash(&column.name, &text)?, name.clone());
            }
            names.insert(column.name.clone(), hashes);
        }
        Ok(Opener { guard, identity, names })
    }

    /// The value behind a logged one, where it can be known; a sealed one without the identity is missing.
    pub fn open(&self, column: &str, kept: Value) -> Value {
        let Value::String(text) = &kept else { return kept };
        match self.guard.of(column) {
            Some(Private::Hash) => {
                let name = self.names.get(column).and_then(|names| names.get(text));
                name.map_or(kept, |name| Value::String(name.clone()))
            }
            Some(Private::Seal) => {
                let opened = self.identity.as_ref().and_then(|identity| {
                    let bytes = unhex(text.strip_prefix(SEALED)?)?;
                    serde_json::from_slice(&age::decrypt(identity, &bytes).ok()?).ok()
                });
                opened.unwrap_or(Value::Null)
            }
            _ => kept,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_core::recipe::ColumnSpec;

    fn recipe(private: Private, recipient: Option<String>) -> Recipe {
        let mut recipe = Recipe::default();
        recipe.columns.insert("name".into(), ColumnSpec { private: Some(private), ..ColumnSpec::default() });
        recipe.privacy.recipient = recipient;
        recipe
    }

    #[test]
    fn what_is_hashed_is_known_again_by_its_name_only() {
        let guard = Guard::new(&recipe(Private::Hash, None), Some("0123456789abcdef")).unwrap();
        let kept = guard.kept("name", "\"Ada\"").unwrap();
        assert!(kept.as_str().unwrap().starts_with("hmac:") && !kept.to_string().contains("Ada"));
        let mut plan = Plan::default();
        let column = tidemill_data::ColumnPlan::new(
            "name",
            tidemill_core::Kind::Category,
            tidemill_core::Role::Feature,
            "",
        );
        plan.columns.push(tidemill_data::ColumnPlan { categories: vec!["Ada".into()], ..column });
        let opener = Opener::new(guard.clone(), &plan, None).unwrap();
        assert_eq!(opener.open("name", kept), "Ada");
        let other = guard.kept("name", "\"Bob\"").unwrap();
        assert_eq!(opener.open("name", other.clone()), other);
        assert!(Guard::new(&recipe(Private::Hash, None), Some("short")).is_err());
    }

    #[test]
    fn what_is_sealed_opens_with_the_identity_alone() {
        use age::secrecy::ExposeSecret;
        let identity = Identity::generate();
        let recipient = identity.to_public().to_string();
        let guard = Guard::new(&recipe(Private::Seal, Some(recipient)), None).unwrap();
        let kept = guard.kept("name", "42.5").unwrap();
        assert!(kept.as_str().unwrap().starts_with("age:"));
        let file = format!("# made today\n{}\n", identity.to_string().expose_secret());
        let opener = Opener::new(guard.clone(), &Plan::default(), Some(&file)).unwrap();
        assert_eq!(opener.open("name", kept.clone()), 42.5);
        assert_eq!(Opener::new(guard, &Plan::default(), None).unwrap().open("name", kept), Value::Null);
        assert!(Guard::new(&recipe(Private::Seal, None), None).is_err());
    }

    #[test]
    fn what_is_dropped_is_gone() {
        let guard = Guard::new(&recipe(Private::Drop, None), None).unwrap();
        assert_eq!(guard.kept("name", "\"Ada\"").unwrap(), Value::Null);
        assert_eq!(guard.kept("age", "31").unwrap(), 31);
    }
}
