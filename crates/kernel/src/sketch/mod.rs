//! Small summaries of long columns: quantiles, the number of different values, the most frequent ones. Each takes the
//! same memory however many values it sees, gives the same answer for the same values in the same order, and two of
//! them over two parts of a column can be merged.

mod distinct;
mod frequent;
mod hash;
mod quantiles;
mod spread;
mod tally;

pub use distinct::Distinct;
pub use frequent::{Counted, Frequent};
pub use hash::{hash_bytes, mix};
pub use quantiles::{Quantiles, Ranked};
pub use spread::{BOUNDS, Counts, counts, hash_numbers, powers, present};
pub use tally::Tally;
