//! What a person sees while work goes on: a bar with the time left on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use tidemill_engine::core::Event;
use tidemill_engine::report::words::{Words, fill};

/// Shows events on standard error; bars only on a terminal, nothing at all when quiet.
pub(crate) struct Progress {
    bar: Mutex<Option<ProgressBar>>,
    terminal: bool,
    quiet: bool,
    words: &'static Words,
}

impl Progress {
    /// A watcher; `quiet` leaves only the warnings that end up in the result.
    pub(crate) fn new(quiet: bool, words: &'static Words) -> Self {
        Progress { bar: Mutex::default(), terminal: std::io::stderr().is_terminal(), quiet, words }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        if self.quiet {
            return;
        }
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begin { what, steps } if self.terminal => {
                let new = steps.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
                let style = match steps {
                    Some(_) => "{msg} {wide_bar} {pos}/{len}, {eta} left",
                    None => "{spinner} {msg} {elapsed}",
                };
                if let Ok(style) = ProgressStyle::with_template(style) {
                    new.set_style(style);
                }
                new.set_message(self.words.doing(what).into_owned());
                *bar = Some(new);
            }
            Event::Begin { .. } => {}
            Event::Step(n) => {
                if let Some(bar) = &*bar {
                    bar.inc(*n);
                }
            }
            Event::End => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
            Event::Note(text) => line(&bar, &self.words.doing(text)),
            Event::Warned(warning) => {
                let message = self.words.told(&warning.code, &warning.message);
                line(&bar, &fill(self.words.warned, &[("message", &message)]));
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place where progress is shown")]
fn line(bar: &Option<ProgressBar>, text: &str) {
    match bar {
        Some(bar) => bar.suspend(|| eprintln!("{text}")),
        None => eprintln!("{text}"),
    }
}
