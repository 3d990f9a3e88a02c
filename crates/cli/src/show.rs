//! Output: text for people or one JSON document, and the exit code.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::ErrorKind;
use serde_json::{Value, json};
use tidemill_engine::core::Error;
use tidemill_engine::report::words::{self, Words, fill};

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

/// Whether the one JSON document is out.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows something before the verb has ended.
pub(crate) fn early(shown: &Shown, json: bool) {
    done(shown, json);
    SHOWN.store(true, Ordering::Relaxed);
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
        Err(e) => failed(&Error::io("standard output", e), &words::EN, false),
    }
}

/// Shows an error: what, where, and what to do. Exit code 2, or 130 after Ctrl-C as shells expect.
#[expect(clippy::print_stderr, reason = "the one place where errors are shown")]
pub(crate) fn failed(error: &Error, words: &Words, json: bool) -> ExitCode {
    let message = error.to_string();
    eprintln!("{}", fill(words.failed, &[("message", &words.told(error.code(), &message))]));
    if let Some(remedy) = error.remedy().filter(|r| !r.is_empty()) {
        eprintln!("  {}", fill(words.help, &[("remedy", &words.advised(&remedy))]));
    }
    // A reader of one document would not understand a second one.
    if json && !SHOWN.load(Ordering::Relaxed) {
        let document = json!({ "error": {
            "code": error.code(), "message": error.to_string(), "remedy": error.remedy() } });
        // Standard output may be what failed; the message above stands either way.
        let _ = std::io::stdout().lock().write_all(pretty(&document).as_bytes());
    }
    ExitCode::from(if matches!(error, Error::Cancelled) { 130 } else { 2 })
}

/// Shows what is wrong with the arguments, or the help that was asked for. With `--json` among them, standard output gets one document.
pub(crate) fn unread(e: &clap::Error) -> ExitCode {
    let json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| is_json(&arg));
    let code = ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
    if !json {
        // A reader that is gone is not a reason to fail otherwise.
        let _ = e.print();
        return code;
    }
    let text = e.render().to_string();
    let document = if e.use_stderr() {
        let _ = e.print();
        let (problem, rest) = match e.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                ("a verb or an argument is missing", text.as_str())
            }
            _ => text.split_once("\n").unwrap_or((&text, "")),
        };
        let problem = problem.strip_prefix("error: ").unwrap_or(problem);
        json!({ "error": { "code": "usage", "message": problem.trim(), "remedy": rest.trim() } })
    } else {
        json!({ "text": text })
    };
    let _ = std::io::stdout().lock().write_all(pretty(&document).as_bytes());
    code
}

/// Whether an argument asks for JSON; `--json=true` is an error, which is told as JSON all the same.
fn is_json(argument: &std::ffi::OsStr) -> bool {
    let text = argument.to_string_lossy();
    text == "--json" || text.starts_with("--json=")
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text + "\n"
}
