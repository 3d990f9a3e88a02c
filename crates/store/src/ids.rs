//! Ids that increase with time.

use uuid::Uuid;

/// The smallest possible id at this timestamp; ids increase with time.
pub(crate) fn first_id(at: i64) -> Uuid {
    let millis = (at.max(0) / 1000) as u64;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}
