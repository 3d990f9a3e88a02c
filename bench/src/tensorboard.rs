//! `judge tensorboard`: the event files of trainings, read back by TensorBoard's own reader.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{Outcome, peer};

/// A small net and boosted trees for penguins.
const PENGUINS: &str = r#"
[data]
source = "SOURCE"
target = "species"
[[learners]]
kind = "neural_net"
epochs = 20
[[learners]]
kind = "boosted_trees"
[[learners]]
kind = "logistic"
"#;

/// A small net for pictures.
const PICTURES: &str = r#"
[data]
source = "SOURCE"
target = "shade"
[[learners]]
kind = "neural_net"
epochs = 3
"#;

/// Grey pictures of one shade each: PNG files of 8 x 8 pixels would need an encoder; a BMP needs none.
fn pictures(folder: &Path) -> Outcome<()> {
    let mut table = String::from("picture,shade\n");
    for i in 0..60u8 {
        let dark = i % 2 == 0;
        let shade = if dark { i } else { 255 - i };
        let name = format!("{i}.bmp");
        std::fs::write(folder.join(&name), bitmap(shade))?;
        table += &format!("{name},{}\n", if dark { "dark" } else { "light" });
    }
    Ok(std::fs::write(folder.join("pictures.csv"), table)?)
}

/// 8 x 8 pixels of one shade, three bytes each.
fn bitmap(shade: u8) -> Vec<u8> {
    const HEADERS: u32 = 54;
    let pixels = [shade; 8 * 8 * 3];
    let mut file = b"BM".to_vec();
    let words = [HEADERS + pixels.len() as u32, 0, HEADERS, 40, 8, 8, 1 | 24 << 16, 0, pixels.len() as u32];
    file.extend(words.iter().chain(&[0; 4]).flat_map(|word| word.to_le_bytes()));
    file.extend(pixels);
    file
}

/// Trains with `--tensorboard`, and reads what was written: `bench/peers/tensorboard.py` says what must be there.
pub(crate) fn run() -> Outcome<bool> {
    let folder = peer::work_folder()?.join("tensorboard");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    pictures(&folder)?;
    let penguins =
        judged(&folder, "penguins", PENGUINS, &peer::root().join("examples/penguins/penguins.csv"))?;
    let shades = judged(&folder, "pictures", PICTURES, &folder.join("pictures.csv"))?;
    Ok(penguins && shades)
}

fn judged(folder: &Path, name: &str, recipe: &str, table: &Path) -> Outcome<bool> {
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, recipe.replace("SOURCE", &table.to_string_lossy()))?;
    let program =
        std::env::current_exe()?.with_file_name(format!("tidemill{}", std::env::consts::EXE_SUFFIX));
    let events = folder.join(format!("{name}-events"));
    let mut command = Command::new(program);
    command.arg("train").arg(&file).args(["--trials", "1", "--quiet", "--tensorboard"]).arg(&events);
    let output = command.arg("--out").arg(folder.join(format!("{name}-model"))).output()?;
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
    println!("{name}: {found}");
    Ok(faults.is_empty())
}
