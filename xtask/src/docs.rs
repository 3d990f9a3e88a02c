//! The generated pages of `docs/`: the binary writes them from its own doc comments and schemas.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, cargo, root};

/// Writes the pages that differ.
pub(crate) fn write() -> Outcome {
    let pages = generate()?;
    for (page, text) in &pages {
        let path = root().join("docs").join(page);
        if fs::read(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        let folder = path.parent().unwrap_or(root());
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("wrote docs/{}", page.display());
    }
    Ok(())
}

/// Errors with the pages that are not what the binary would write.
pub(crate) fn check() -> Result<String, String> {
    let pages = generate()?;
    let stale: Vec<String> = pages
        .iter()
        .filter(|(page, text)| fs::read(root().join("docs").join(page)).ok().as_ref() != Some(text))
        .map(|(page, _)| format!("docs/{} is out of date", page.display()))
        .collect();
    match stale.as_slice() {
        [] => Ok(format!("{} generated pages, unchanged", pages.len())),
        stale => Err(format!("{}\nrun `cargo xtask docs` and commit what it writes", stale.join("\n"))),
    }
}

/// The pages with their paths below `docs/`, in order.
fn generate() -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let folder = target().join("xtask-docs");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut command = cargo(&["run", "--quiet", "--package", "tidemill", "--", "docs"]);
    let status = command.arg(&folder).status().map_err(|e| format!("{command:?}: {e}"))?;
    if !status.success() {
        return Err(format!("`tidemill docs` failed: {status}"));
    }
    let mut pages = Vec::new();
    collect(&folder, &folder, &mut pages).map_err(|e| format!("{}: {e}", folder.display()))?;
    pages.sort();
    Ok(pages)
}

fn collect(base: &Path, folder: &Path, pages: &mut Vec<(PathBuf, Vec<u8>)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(base, &path, pages)?;
        } else {
            let text = fs::read(&path)?;
            pages.push((path.strip_prefix(base).unwrap_or(&path).to_path_buf(), text));
        }
    }
    Ok(())
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
