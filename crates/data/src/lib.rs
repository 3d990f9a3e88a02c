//! Where rows come from and go to: [`source`] (files of every format), [`sink`] (the same formats, written whole
//! or not at all) and [`split`] (the test part and the folds).

mod error;
pub mod source;

pub use error::Error;
