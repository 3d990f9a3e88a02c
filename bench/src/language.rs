//! `judge language`: the first slice of language models on a real checkpoint, asked by OpenAI's own client.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Outcome, peer};

/// Serves, asks, corrects, improves and rolls back: `bench/peers/language.py` says what must hold.
pub(crate) fn run() -> Outcome<bool> {
    let folder = peer::work_folder()?.join("language");
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let script = peer::root().join("bench/peers/language.py");
    let mut command = Command::new(peer::environment("language")?);
    let output = command.arg(script).arg(program).arg(folder).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("bench/peers/language.py: {}", output.status).into());
    }
    let found: Value = serde_json::from_slice(&output.stdout)?;
    println!("{}", serde_json::to_string_pretty(&found)?);
    Ok(found["faults"].as_array().is_some_and(Vec::is_empty))
}
