//! API keys: shown once, stored as hashes.
//!
//! A token is `tm_ID_SECRET` with 256 random bits of secret. Guessing is hopeless, so a plain SHA-256 is sufficient for storage; slow
//! hashes are for passwords. Hashes are compared with `subtle`, in a time that does not depend on where they differ. This is the only
//! comparison of secret values, and both sides are always 32 bytes.

use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::database::{Database, Datum, Value};
use crate::{Error, Result, now};

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its public name, part of the token.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// SHA-256 of the token.
    #[serde(skip)]
    pub hash: [u8; 32],
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was created, in microseconds since 1970.
    pub created_at: i64,
    /// When it expires.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl Key {
    /// Whether it is still valid.
    pub fn is_live(&self, at: i64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}

/// The public part of a token.
pub fn id_of(token: &str) -> Option<&str> {
    token.strip_prefix("tm_")?.split_once('_').map(|(id, _)| id)
}

/// Whether this is the token of that key, in constant time.
pub fn matches(key: &Key, token: &str) -> bool {
    hash(token).ct_eq(&key.hash).into()
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

pub(crate) fn create(name: &str, scopes: &[String], expires_at: Option<i64>) -> Result<(Key, String)> {
    let mut random = [0u8; 38];
    getrandom::fill(&mut random).map_err(|e| Error::Failed(format!("no random numbers: {e}")))?;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let id = hex(&random[..6]);
    let token = format!("tm_{id}_{}", hex(&random[6..]));
    let key = Key {
        id,
        name: name.into(),
        hash: hash(&token),
        scopes: scopes.to_vec(),
        created_at: now(),
        expires_at,
        revoked_at: None,
    };
    Ok((key, token))
}

pub(crate) fn insert(database: &mut dyn Database, key: &Key) -> Result<()> {
    database
        .execute(
            "INSERT INTO keys (id, name, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            &[
                Value::Text(&key.id),
                Value::Text(&key.name),
                Value::Bytes(&key.hash),
                Value::Text(&key.scopes.join(" ")),
                Value::Int(key.created_at),
                key.expires_at.into(),
            ],
        )
        .map(drop)
}

pub(crate) fn all(database: &mut dyn Database) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let sql =
        "SELECT id, name, hash, scopes, created_at, expires_at, revoked_at FROM keys ORDER BY created_at, id";
    database.query(sql, &[], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        keys.push(Key {
            id: next().text().unwrap_or_default(),
            name: next().text().unwrap_or_default(),
            hash: next().bytes().try_into().map_err(|_| Error::Failed("a key's hash is damaged".into()))?,
            scopes: next().text().unwrap_or_default().split_whitespace().map(String::from).collect(),
            created_at: next().int(),
            expires_at: next().maybe_int(),
            revoked_at: next().maybe_int(),
        });
        Ok(())
    })?;
    Ok(keys)
}

pub(crate) fn revoke(database: &mut dyn Database, id: &str) -> Result<bool> {
    let sql = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
    Ok(database.execute(sql, &[Value::Int(now()), Value::Text(id)])? > 0)
}

#[cfg(test)]
mod tests {
    use super::{create, id_of, matches};

    /// Anything but the token itself is rejected: shorter, longer, one character off, the hash in its place.
    #[test]
    fn only_the_whole_token_matches() {
        let (key, token) = create("app", &[], None).unwrap();
        assert!(matches(&key, &token));
        assert_eq!(id_of(&token), Some(key.id.as_str()));
        for end in 0..token.len() {
            assert!(!matches(&key, &token[..end]), "the first {end} characters open");
            assert!(!matches(&key, &token[end + 1..]), "what follows character {end} opens");
            let mut other = token.clone().into_bytes();
            other[end] ^= 1;
            assert!(!matches(&key, &String::from_utf8(other).unwrap()), "another character {end} opens");
        }
        let hash = key.hash.iter().map(|b| format!("{b:02x}")).collect::<String>();
        for longer in [format!("{token}0"), format!("{token}\0"), format!(" {token}"), token.repeat(2), hash]
        {
            assert!(!matches(&key, &longer), "'{longer}' opens");
        }
        let (another, _) = create("app", &[], None).unwrap();
        assert!(!matches(&another, &token), "it opens for another key");
    }
}
