//! Where a net's transformers look: the share of each token of a text.

use tidemill_core::{Batch, Context, Error, Result};
use tidemill_kernel::reduce::in_chunks;

use crate::FittedNet;

/// Rows that one thread takes at a time.
const CHUNK: usize = 64;

/// Where a net looks in the texts of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionShares {
    /// The column of tokens.
    pub column: String,
    /// By row: the share of each token up to the first that is none. They sum to 1; there are none in an empty text.
    pub rows: Vec<Vec<f64>>,
}

impl FittedNet {
    /// Attention rollout (Abnar and Zuidema 2020) of every transformer of the net: how much of each token is in the mean of what comes out
    /// of the last layer, if attention passes on what it attends to. It does not say whether a token raises or lowers the answer.
    ///
    /// # Errors
    /// Rows that lack a column; cancellation.
    pub fn attention_shares(&self, rows: &Batch, context: &Context) -> Result<Vec<AttentionShares>> {
        let places = self.net().bind(rows.schema())?;
        let parts = in_chunks(rows.n_rows(), CHUNK, |range| {
            context.check()?;
            Ok::<_, Error>(self.plain().attention(&self.net().read(rows, &places, range)?))
        });
        let mut found: Vec<AttentionShares> = Vec::new();
        for part in parts {
            for (at, (encoder, rows)) in part?.into_iter().enumerate() {
                if found.len() == at {
                    let column = self.net().encoders[encoder].column_of(0).to_string();
                    found.push(AttentionShares { column, rows: Vec::new() });
                }
                let rows = rows.into_iter().map(|row| row.into_iter().map(f64::from).collect());
                found[at].rows.extend(rows);
            }
        }
        Ok(found)
    }
}
