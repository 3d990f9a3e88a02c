//! Rows in files and in memory.

use tidemill_core::{Result, Source};
use tidemill_data::ReadOptions;

pub use tidemill_data::{from_arrow, to_arrow};

/// The rows of a path, a glob, a folder of images or `-`.
pub fn open(location: &str) -> Result<Box<dyn Source>> {
    tidemill_data::open(location, &ReadOptions::default())
}
