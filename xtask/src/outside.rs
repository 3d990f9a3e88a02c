//! `cargo xtask bench` and `judge`: our side and a peer's side in one run. Their Python packages live in a virtual
//! environment of their own, `bench/.venv`, made from `bench/requirements.txt`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, cargo, root};

/// Builds in release and runs `tidemill-bench TASK ARGUMENTS`.
pub(crate) fn run(task: &str, arguments: &[String]) -> Outcome {
    let python = environment()?;
    // Of the whole workspace, and run from where it lies: another choice of packages unites other features and would
    // compile the big dependencies anew.
    let build = ["build", "--release", "--workspace", "--bins"];
    let on_gpu = arguments.first().is_some_and(|name| name == "gpu");
    let features: &[&str] = if on_gpu { &["--features", "tidemill-bench/cuda"] } else { &[] };
    finish(cargo(&[&build, features].concat()))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let mut command = Command::new(target.join("release").join("tidemill-bench"));
    command.arg(task).args(arguments).current_dir(root()).env("TIDEMILL_BENCH_PYTHON", python);
    finish(command)
}

/// The Python of an environment that holds what `requirements.txt` says, made or brought up to date if need be.
fn environment() -> Result<PathBuf, String> {
    let bench = root().join("bench");
    let (folder, wanted) = (bench.join(".venv"), bench.join("requirements.txt"));
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let wanted_text = fs::read_to_string(&wanted).map_err(|e| format!("{}: {e}", wanted.display()))?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted_text) {
        return Ok(python);
    }
    println!("making bench/.venv from bench/requirements.txt");
    let mut make = Command::new(if cfg!(windows) { "python" } else { "python3" });
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    finish(make).map_err(|e| format!("{e}\nbenches need Python 3.11 or newer with its venv module"))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted);
    finish(install)?;
    fs::write(&installed, wanted_text).map_err(|e| format!("{}: {e}", installed.display()))?;
    Ok(python)
}

fn finish(mut command: Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(e) => Err(format!("{command:?}: {e}")),
    }
}
