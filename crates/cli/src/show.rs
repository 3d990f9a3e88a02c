//! Output: text for people or one JSON document, and the exit code.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};
use tidemill_engine::core::Error;

/// What a verb has to show.
pub(crate) struct Shown {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// Whether the answer is 'no': done, but the exit code says so.
    pub no: bool,
}

impl Shown {
    /// Something done.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Shown { text: text.into(), json, no: false }
    }
}

/// Shows something before the verb has ended.
pub(crate) fn early(shown: &Shown, json: bool) {
    done(shown, json);
    // A reader that is gone is not a reason to stop.
    let _ = std::io::stdout().lock().flush();
}

/// Shows a result on standard output. A reader that goes away early (`| head`) is not a failure.
pub(crate) fn done(shown: &Shown, json: bool) -> ExitCode {
    let text = if json && shown.json.is_null() {
        String::new()
    } else if json {
        pretty(&shown.json)
    } else {
        shown.text.clone()
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(u8::from(shown.no)),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => failed(&Error::io("standard output", e), false),
    }
}

/// Shows an error: what, where, and what to do. Exit code 2, or 130 after Ctrl-C as shells expect.
#[expect(clippy::print_stderr, reason = "the one place where errors are shown")]
pub(crate) fn failed(error: &Error, json: bool) -> ExitCode {
    eprintln!("error: {error}");
    if let Some(remedy) = error.remedy().filter(|r| !r.is_empty()) {
        eprintln!("  help: {remedy}");
    }
    if json {
        let document = json!({ "error": {
            "code": error.code(), "message": error.to_string(), "remedy": error.remedy() } });
        // Standard output may be what failed; the message above stands either way.
        let _ = std::io::stdout().lock().write_all(pretty(&document).as_bytes());
    }
    ExitCode::from(if matches!(error, Error::Cancelled) { 130 } else { 2 })
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text + "\n"
}
