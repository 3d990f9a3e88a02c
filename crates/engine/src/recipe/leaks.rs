//! Warnings about columns that give the target away.

use tidemill_core::Context;
use tidemill_data::Leak;

/// Warns of every leak, once each.
pub fn warn_about_leaks(leaks: &[Leak], dropped: bool, context: &Context) {
    for leak in leaks {
        let advice = if dropped {
            "dropped, as asked"
        } else {
            "KEPT, but the score will be too good to be true if they are not known when predicting; --drop-leaks drops them"
        };
        context.warn("leak", format!("the target leaks: {} ({advice})", leak.how));
    }
}
