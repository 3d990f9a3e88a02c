//! What of a caller's row the prediction log may keep, and what `improve` can make of it again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use age::x25519::{Identity, Recipient};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tidemill_core::recipe::{Private, Recipe};
use tidemill_core::{Error, Kind, Result, Role};
use tidemill_data::parse::Format;
use tidemill_data::{InferredColumn, InferredSchema};

use crate::error::EngineError;
use crate::format::{capital, with_article};
use crate::rows;

/// The environment's variable with the secret of hashed columns.
pub const HASH_KEY: &str = "TIDEMILL_HASH_KEY";

/// What hashed values begin with in the log.
pub(crate) const HASHED: &str = "hmac:";
/// What sealed values begin with in the log.
pub(crate) const SEALED: &str = "age:";
/// What is hashed to prove a secret; no column has a name with a zero byte.
pub(crate) const PROOF: &str = "\0tidemill";

/// Guards the private columns of one model.
#[derive(Clone, Default)]
pub struct Redactor {
    columns: BTreeMap<String, Private>,
    secret: Option<Vec<u8>>,
    recipient: Option<Recipient>,
}

impl Redactor {
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
                EngineError::usage(format!("privacy.recipient is not an age recipient: {e}"), "copy it whole")
            })?),
        };
        Ok(Redactor { columns, secret, recipient })
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
        hash_with(secret, column, value)
    }

    /// What only who has the secret can write; none where nothing is hashed.
    pub fn proof(&self) -> Result<Option<String>> {
        let hashes = self.columns.values().any(|private| *private == Private::Hash);
        hashes.then(|| self.hash(PROOF, PROOF)).transpose()
    }
}

/// The hash of a value of a column under a secret, as the log keeps it.
pub(crate) fn hash_with(secret: &[u8], column: &str, value: &str) -> Result<String> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret).map_err(|e| Error::internal(format!("hashing: {e}")))?;
    mac.update(column.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    Ok(format!("{HASHED}{}", hex(&mac.finalize().into_bytes()[..16])))
}

/// The identities in the text of an age identity file.
pub(crate) fn identities(text: &str) -> Result<Vec<Identity>> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-"));
    let found: Vec<Identity> = lines.filter_map(|line| line.parse().ok()).collect();
    if found.is_empty() {
        let problem = "the identity file holds no AGE-SECRET-KEY line";
        return Err(EngineError::usage(problem, "give age-keygen's").into());
    }
    Ok(found)
}

/// The value in a sealed text, where one of the identities opens it.
pub(crate) fn unsealed(kept: &str, identities: &[Identity]) -> Option<Value> {
    let bytes = unhex(kept.strip_prefix(SEALED)?)?;
    let opened = identities.iter().find_map(|identity| age::decrypt(identity, &bytes).ok())?;
    serde_json::from_slice(&opened).ok()
}

/// Refuses to hash a column whose values cannot be recognised by their hash. Only categories and flags can, because they have few values;
/// anything else would be missing when `improve` compares models, although requests contain it.
pub fn check_hashed(recipe: &Recipe, plan: &InferredSchema) -> Result<()> {
    let is_hashed = |c: &&InferredColumn| {
        recipe.columns.get(&c.name).is_some_and(|spec| spec.private == Some(Private::Hash))
    };
    let in_vain = |c: &&InferredColumn| {
        matches!(c.role, Role::Feature | Role::Time | Role::Weight)
            && !matches!(c.kind, Kind::Category | Kind::Flag)
    };
    match plan.columns.iter().filter(is_hashed).find(in_vain) {
        None => Ok(()),
        Some(column) => Err(EngineError::usage(
            format!(
                "column '{}' is {}, which cannot be known again by its hash: `improve` would compare models without it",
                column.name,
                with_article(column.kind.word())
            ),
            "write private = \"seal\", which `improve` can open, or \"drop\" to do without it; \"hash\" is for names and keys",
        )
        .into()),
    }
}

/// The ways in which requests may write the values that training knows of a column, as JSON, each with what is meant.
fn spellings(column: &InferredColumn) -> Vec<(String, Value)> {
    let text = |word: &str| Value::String(word.into()).to_string();
    if column.kind != Kind::Flag {
        let mut all = Vec::new();
        for name in &column.categories {
            let number =
                name.parse().ok().filter(|x: &f64| x.is_finite()).map(|x| rows::number(x).to_string());
            let written = [Some(text(name)), number].into_iter().flatten();
            all.extend(written.map(|json| (json, Value::String(name.clone()))));
        }
        return all;
    }
    let own = match &column.format {
        Format::Flag(format) => [format.no.clone(), format.yes.clone()],
        _ => Default::default(),
    };
    let usual = [["no", "false", "0"], ["yes", "true", "1"]];
    let of_flag = |flag: bool| {
        let at = usize::from(flag);
        let words = own[at].iter().map(String::as_str).chain(usual[at]);
        let cased =
            |word: &str| [word.to_string(), word.to_uppercase(), capital(word)].map(|word| text(&word));
        let bare = [flag.to_string(), at.to_string()];
        let all = words.flat_map(cased).chain(bare).collect::<Vec<_>>();
        all.into_iter().map(move |json| (json, Value::Bool(flag)))
    };
    of_flag(false).chain(of_flag(true)).collect()
}

/// Makes again what can be made again of logged values.
pub struct Revealer {
    guard: Redactor,
    /// None where sealed values stay closed.
    identities: Option<Vec<Identity>>,
    /// How many sealed values no identity opened.
    closed: AtomicUsize,
    /// For each hashed column, the values of training by their hashes.
    names: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Revealer {
    /// `identity` is the text of an age identity file, for sealed columns; it may hold several identities.
    pub fn new(guard: Redactor, plan: &InferredSchema, identity: Option<&str>) -> Result<Self> {
        let identities = identity.map(identities).transpose()?;
        let mut names = BTreeMap::new();
        for column in plan.columns.iter().filter(|c| guard.of(&c.name) == Some(Private::Hash)) {
            let mut hashes = BTreeMap::new();
            for (text, meant) in spellings(column) {
                hashes.insert(guard.hash(&column.name, &text)?, meant);
            }
            names.insert(column.name.clone(), hashes);
        }
        Ok(Revealer { guard, identities, closed: AtomicUsize::new(0), names })
    }

    /// The value behind a logged one, where it can be known; a sealed one without the identity is missing.
    pub fn open(&self, column: &str, kept: Value) -> Value {
        let Value::String(text) = &kept else { return kept };
        match self.guard.of(column) {
            Some(Private::Hash) => {
                let name = self.names.get(column).and_then(|names| names.get(text));
                name.cloned().unwrap_or(kept)
            }
            Some(Private::Seal) => match &self.identities {
                None => Value::Null,
                Some(identities) => unsealed(text, identities).unwrap_or_else(|| {
                    self.closed.fetch_add(1, Ordering::Relaxed);
                    Value::Null
                }),
            },
            _ => kept,
        }
    }

    /// Refuses an identity that did not open every sealed value so far: rows of which part is missing would teach something else.
    pub fn check(&self) -> Result<()> {
        match self.closed.load(Ordering::Relaxed) {
            0 => Ok(()),
            closed => Err(EngineError::usage(
                format!("the identity does not open {closed} sealed values of this store"),
                "give the identity of the recipe's recipient; a file may hold several, for values of several recipients",
            )
            .into()),
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
        let guard = Redactor::new(&recipe(Private::Hash, None), Some("0123456789abcdef")).unwrap();
        let kept = guard.kept("name", "\"Ada\"").unwrap();
        assert!(kept.as_str().unwrap().starts_with("hmac:") && !kept.to_string().contains("Ada"));
        let mut plan = InferredSchema::default();
        let column = InferredColumn::new("name", Kind::Category, Role::Feature, "");
        plan.columns.push(InferredColumn { categories: vec!["Ada".into()], ..column });
        let opener = Revealer::new(guard.clone(), &plan, None).unwrap();
        assert_eq!(opener.open("name", kept), "Ada");
        let other = guard.kept("name", "\"Bob\"").unwrap();
        assert_eq!(opener.open("name", other.clone()), other);
        assert!(Redactor::new(&recipe(Private::Hash, None), Some("short")).is_err());
    }

    #[test]
    fn what_a_request_may_write_otherwise_is_known_again() {
        let guard = Redactor::new(&recipe(Private::Hash, None), Some("0123456789abcdef")).unwrap();
        let reveal = |kind: Kind, categories: &[&str], said: &str| {
            let column = InferredColumn::new("name", kind, Role::Feature, "");
            let categories = categories.iter().map(|name| name.to_string()).collect();
            let mut plan = InferredSchema::default();
            plan.columns.push(InferredColumn { categories, ..column });
            let opener = Revealer::new(guard.clone(), &plan, None).unwrap();
            opener.open("name", guard.kept("name", said).unwrap())
        };
        for said in ["3", "\"3\""] {
            assert_eq!(reveal(Kind::Category, &["2", "3"], said), "3", "{said}");
        }
        assert_eq!(reveal(Kind::Category, &["2.5"], "2.5"), "2.5");
        for (said, flag) in [("true", true), ("\"Yes\"", true), ("1", true), ("\"NO\"", false), ("0", false)]
        {
            assert_eq!(reveal(Kind::Flag, &[], said), flag, "{said}");
        }
        assert!(reveal(Kind::Category, &["2"], "7").as_str().unwrap().starts_with("hmac:"));
    }

    #[test]
    fn a_number_is_not_hashed() {
        let with = |kind: Kind, role: Role, private: Private| {
            let mut plan = InferredSchema::default();
            plan.columns.push(InferredColumn::new("name", kind, role, ""));
            check_hashed(&recipe(private, None), &plan)
        };
        for kind in [Kind::Number, Kind::Time, Kind::Text, Kind::Image, Kind::Series] {
            let e = with(kind, Role::Feature, Private::Hash).unwrap_err();
            assert!(e.to_string().contains(kind.word()) && e.remedy().unwrap().contains("seal"), "{e}");
            assert!(with(kind, Role::Feature, Private::Drop).is_ok());
        }
        assert!(with(Kind::Number, Role::Key, Private::Hash).is_ok());
        assert!(with(Kind::Category, Role::Feature, Private::Hash).is_ok());
    }

    #[test]
    fn what_is_sealed_opens_with_the_identity_alone() {
        use age::secrecy::ExposeSecret;
        let identity = Identity::generate();
        let recipient = identity.to_public().to_string();
        let guard = Redactor::new(&recipe(Private::Seal, Some(recipient)), None).unwrap();
        let kept = guard.kept("name", "42.5").unwrap();
        assert!(kept.as_str().unwrap().starts_with("age:"));
        let file = format!("# made today\n{}\n", identity.to_string().expose_secret());
        let opener = Revealer::new(guard.clone(), &InferredSchema::default(), Some(&file)).unwrap();
        assert_eq!(opener.open("name", kept.clone()), 42.5);
        assert_eq!(
            Revealer::new(guard.clone(), &InferredSchema::default(), None)
                .unwrap()
                .open("name", kept.clone()),
            Value::Null
        );
        assert!(opener.check().is_ok());
        let other = Identity::generate().to_string().expose_secret().to_string();
        let wrong = Revealer::new(guard.clone(), &InferredSchema::default(), Some(&other)).unwrap();
        assert_eq!(wrong.open("name", kept.clone()), Value::Null);
        assert!(wrong.check().unwrap_err().to_string().contains("1 sealed"));
        let both =
            Revealer::new(guard, &InferredSchema::default(), Some(&format!("{other}\n{file}"))).unwrap();
        assert_eq!((both.open("name", kept), both.check().is_ok()), (42.5.into(), true));
        assert!(Redactor::new(&recipe(Private::Seal, None), None).is_err());
    }

    #[test]
    fn what_is_dropped_is_gone() {
        let guard = Redactor::new(&recipe(Private::Drop, None), None).unwrap();
        assert_eq!(guard.kept("name", "\"Ada\"").unwrap(), Value::Null);
        assert_eq!(guard.kept("age", "31").unwrap(), 31);
    }
}
