//! Columns that give the target away.

use tidemill_core::{Batch, Context, Result};

use crate::plan::{Leak, Plan};

pub(super) fn find(_plan: &Plan, _rows: &Batch, _context: &Context) -> Result<Vec<Leak>> {
    Ok(Vec::new())
}
