//! By what the row itself says: a column that names its part, or a hash of its key.

use sha2::{Digest, Sha256};
use tidemill_core::recipe::Split;
use tidemill_core::{Batch, Error as CoreError, Result, Role};

use crate::Error;

/// The rows marked `test`; those marked `train` or `valid` are trained on.
pub(super) fn given(batch: &Batch, split: &Split) -> Result<(Vec<u32>, String)> {
    let name = split.column.as_deref().ok_or_else(|| {
        CoreError::parameter("split.column", "is missing: 'given' needs the column that says train or test")
    })?;
    let column = batch.schema().index(name)?;
    let mut test = Vec::new();
    let (mut missing, mut others) = (0, Vec::new());
    for row in 0..batch.n_rows() {
        let Some(mark) = super::text_of(batch, column, row)? else {
            missing += 1;
            continue;
        };
        match &*mark.trim().to_lowercase() {
            "test" => test.push(row as u32),
            "train" | "valid" | "validation" => {}
            "" => missing += 1,
            _ if others.len() < 5 && !others.contains(&mark) => others.push(mark),
            _ => {}
        }
    }
    let remedy = "write train, valid or test in every row";
    if !others.is_empty() {
        let found = others.join("', '");
        return Err(
            Error::split(format!("'{name}' should say train or test, it says '{found}'"), remedy).into()
        );
    }
    if missing > 0 {
        return Err(Error::split(format!("'{name}' says nothing in {missing} rows"), remedy).into());
    }
    Ok((test, format!("as '{name}' says")))
}

/// The two halves of the hash of a row's key: which part, and which fold.
fn hash(batch: &Batch, row: u32) -> Result<(u64, u64)> {
    let column = super::needed(batch, Role::Key, "hash", "key")?;
    let Some(key) = super::text_of(batch, column, row as usize)? else {
        let name = &batch.schema().columns()[column].name;
        let problem = format!("key '{name}' is missing in row {}", row + 1);
        return Err(Error::split(problem, "give every row a key, or choose another split.kind").into());
    };
    let digest = Sha256::digest(key.as_bytes());
    let half = |at: usize| digest[at..at + 8].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    Ok((half(0), half(8)))
}

/// The rows whose key's hash falls below `share`: the same key is in the same part in every table.
pub(super) fn hashed(batch: &Batch, share: f64) -> Result<(Vec<u32>, String)> {
    let mut test = Vec::new();
    for row in super::all(batch)? {
        if (hash(batch, row)?.0 as f64) < share * 2f64.powi(64) {
            test.push(row);
        }
    }
    Ok((test, "by a hash of the key, so that a row stays in its part when the table grows".into()))
}

/// The fold of each row by the second half of its key's hash.
pub(super) fn hash_folds(batch: &Batch, rows: &[u32], n: usize) -> Result<Vec<Vec<u32>>> {
    let mut folds = vec![Vec::new(); n];
    for &row in rows {
        folds[(hash(batch, row)?.1 % n as u64) as usize].push(row);
    }
    Ok(folds)
}
