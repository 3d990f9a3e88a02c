//! The other side of a comparison: a Python program of `bench/peers`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::Outcome;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench).to_path_buf()
}

/// A folder for generated tables and models, kept between runs.
pub(crate) fn work_folder() -> Outcome<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Writes columns of numbers into a file of the work folder, one column after the other as 64-bit floats; gives its path, for a peer.
pub(crate) fn write_columns<'a>(
    name: &str,
    columns: impl IntoIterator<Item = &'a Vec<f64>>,
) -> Outcome<String> {
    let path = work_folder()?.join(name);
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
    for x in columns.into_iter().flatten() {
        out.write_all(&x.to_le_bytes())?;
    }
    out.flush()?;
    Ok(path.display().to_string())
}

/// The Python of the peers.
pub(crate) fn python() -> Outcome<Command> {
    let python = std::env::var_os("TIDEMILL_BENCH_PYTHON")
        .ok_or("TIDEMILL_BENCH_PYTHON is not set: start benches by `cargo xtask bench`")?;
    Ok(Command::new(python))
}

/// The Python of an environment of its own, `bench/.venv-NAME`, made from `bench/requirements-NAME.txt` where it is missing: for
/// peers whose versions do not go together.
pub(crate) fn environment(name: &str) -> Outcome<PathBuf> {
    let bench = root().join("bench");
    let (folder, wanted) =
        (bench.join(format!(".venv-{name}")), bench.join(format!("requirements-{name}.txt")));
    let (program, installed) = (folder.join("bin/python"), folder.join("installed.txt"));
    let wanted_text = std::fs::read_to_string(&wanted)?;
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted_text) {
        return Ok(program);
    }
    let mut make = python()?;
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut install = Command::new(&program);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted);
    for mut command in [make, install] {
        let status = command.status()?;
        if !status.success() {
            return Err(format!("{command:?}: {status}").into());
        }
    }
    std::fs::write(&installed, wanted_text)?;
    Ok(program)
}

/// Runs `bench/peers/NAME.py ARGUMENTS` with so many threads for every library that asks the environment; gives
/// the JSON lines that it printed.
pub(crate) fn run(name: &str, arguments: &[&str], threads: usize) -> Outcome<Vec<Value>> {
    let script = root().join("bench/peers").join(format!("{name}.py"));
    let mut command = python()?;
    command.arg(script).args(arguments).stderr(Stdio::inherit());
    let pools = [
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "POLARS_MAX_THREADS",
        "LOKY_MAX_CPU_COUNT",
    ];
    command.envs(pools.map(|pool| (pool, threads.to_string())));
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("bench/peers/{name}.py: {}", output.status).into());
    }
    let lines = String::from_utf8(output.stdout)?;
    Ok(lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// As [`run`], for a peer that prints one line with `secs` and `answer`.
pub(crate) fn timed(name: &str, arguments: &[&str], threads: usize) -> Outcome<(f64, Value)> {
    let line =
        run(name, arguments, threads)?.pop().ok_or(format!("bench/peers/{name}.py printed nothing"))?;
    let secs = line["secs"].as_f64().ok_or(format!("bench/peers/{name}.py printed no 'secs'"))?;
    Ok((secs, line["answer"].clone()))
}

/// The numbers of a list.
pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// The median over 5 runs, after one that warms up, in seconds; and what the last one gave.
pub(crate) fn median_secs<T>(mut work: impl FnMut() -> Outcome<T>) -> Outcome<(f64, T)> {
    let mut result = work()?;
    let mut taken = Vec::new();
    for _ in 0..5 {
        drop(result);
        let start = Instant::now();
        result = work()?;
        taken.push(start.elapsed().as_secs_f64());
    }
    taken.sort_by(f64::total_cmp);
    Ok((taken[2], result))
}
