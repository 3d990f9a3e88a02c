//! `judge tensorboard`: the event files of a net's training, read back by TensorBoard's own reader.

use std::process::Command;

use serde_json::Value;

use crate::{Outcome, peer};

/// A small net for penguins, alone.
const RECIPE: &str = r#"
[data]
source = "SOURCE"
target = "species"
[[learners]]
kind = "neural_net"
epochs = 20
"#;

/// Trains a net with `--tensorboard`, and reads what it wrote: `bench/peers/tensorboard.py` says what must be there.
pub(crate) fn run() -> Outcome<bool> {
    let folder = peer::work_folder()?.join("tensorboard");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let table = peer::root().join("examples/penguins/penguins.csv");
    let recipe = folder.join("net.toml");
    std::fs::write(&recipe, RECIPE.replace("SOURCE", &table.to_string_lossy()))?;
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let events = folder.join("events");
    let mut command = Command::new(program);
    command.arg("train").arg(&recipe).args(["--trials", "1", "--quiet", "--tensorboard"]).arg(&events);
    let output = command.arg("--out").arg(folder.join("model")).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let script = peer::root().join("bench/peers/tensorboard.py");
    let output = Command::new(peer::environment("tensorboard")?).arg(script).arg(&events).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let faults = found["faults"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    faults.iter().for_each(|fault| println!("{}", fault.as_str().unwrap_or_default()));
    println!(
        "runs: {}, points of curves: {}, distributions: {}, faults: {}",
        found["runs"],
        found["points"],
        found["distributions"],
        faults.len()
    );
    Ok(faults.is_empty())
}
