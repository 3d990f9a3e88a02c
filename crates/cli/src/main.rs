//! The binary `tidemill`: arguments in, the engine's verbs, words or JSON out.

mod args;
mod progress;
mod show;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

// Preparation allocates and frees large columns over and over: returning them to the system each time costs more
// than the work on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return show::unread(&e),
    };
    match verbs::run(&cli) {
        Ok(shown) => show::done(&shown, cli.json),
        Err(error) => show::failed(&error, cli.words(), cli.json),
    }
}
