//! From a raw cell to a value: what inference, the intake and sources all stand on.

mod names;
mod picture;
mod point;
mod reader;
mod series;
mod vector;

pub(crate) use picture::{below, is_named};
pub(crate) use point::{geometry, place};
pub(crate) use reader::Reader;
pub(crate) use vector::numbers;

pub(crate) use crate::raw::{Raw, RawColumn, Read, clip, raw_cell, written_number};
