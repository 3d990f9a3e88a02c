//! The project's own tasks: `cargo xtask help` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its user")]

mod answers;
mod docs;
mod layers;
mod lengths;
mod modules;
mod outside;
mod stages;
mod test_files;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test                every check and every test: what CI runs
cargo xtask layers              checks dependencies of crates and imports of modules against their tables, and finds cycles and long files
cargo xtask docs                writes the generated pages of docs/ (a test compares them with the code)
cargo xtask answers OLD NEW [..] compares two builds of the program: trains both on the example tables
cargo xtask bench [NAME] [...]  measures our speed next to that of other tools; writes bench/RESULTS.md
cargo xtask judge NAME [...]    compares our answers with outside references: api, beyond, contest, language, page, postgres, quality, report, soak, tensorboard
";

/// What a task that failed says.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let outcome = match arguments.first().map(String::as_str) {
        Some("test") => stages::run(),
        Some("layers") => layers::check().map(|summary| println!("{summary}")),
        Some("docs") if rest.is_empty() => docs::write(),
        Some("answers") => answers::compare(rest),
        Some(task @ ("bench" | "judge")) => outside::run(task, rest),
        Some("help" | "--help" | "-h") | None => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("there is no task '{other}'; the tasks are\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> &'static std::path::Path {
    let xtask = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The cargo that runs us, in the root of the repository.
fn cargo(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(arguments).current_dir(root());
    command
}
