//! One column of a batch, typed: all that a step sees that works column by column.

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, PrimitiveArray, StringArray, UInt32Array,
};
use tidemill_core::{Batch, Column, Result, Sparse};

/// One column of a batch.
#[derive(Clone, Copy)]
pub(crate) struct ColumnOf<'a> {
    pub(super) batch: &'a Batch,
    pub(super) at: usize,
}

impl<'a> ColumnOf<'a> {
    pub(crate) fn column(&self) -> &'a Column {
        &self.batch.schema().columns()[self.at]
    }

    pub(crate) fn array(&self) -> &'a ArrayRef {
        self.batch.column(self.at)
    }

    pub(crate) fn numbers(&self) -> Result<&'a Float64Array> {
        self.batch.numbers(self.at)
    }

    pub(crate) fn flags(&self) -> Result<&'a BooleanArray> {
        self.batch.flags(self.at)
    }

    pub(crate) fn codes(&self) -> Result<&'a UInt32Array> {
        self.batch.codes(self.at)
    }

    pub(crate) fn texts(&self) -> Result<&'a StringArray> {
        self.batch.texts(self.at)
    }

    pub(crate) fn sparse(&self) -> Result<Sparse<'a>> {
        self.batch.sparse(self.at)
    }

    /// The numbers of a dense vector column, row after row.
    pub(crate) fn vector(&self) -> Result<&'a [f32]> {
        self.batch.vector(self.at)
    }

    pub(crate) fn images(&self) -> Result<&'a BinaryArray> {
        self.batch.images(self.at)
    }

    /// Microseconds since 1970, and which of them are missing.
    pub(crate) fn times(&self) -> Result<&'a PrimitiveArray<TimestampMicrosecondType>> {
        self.batch.times(self.at)
    }
}
