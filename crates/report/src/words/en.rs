//! English.

use super::catalogue;

catalogue! {
    language = "en",
    // The page itself.
    contents = "On this page",
    verdict = "Verdict",
    more = "Show {n} more",
    level_good = "Good",
    level_note = "Note",
    level_warning = "Warning",
    level_severe = "Severe",
}
