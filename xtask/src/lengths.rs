//! How long files may be: one that has outgrown the limit holds more than the thing that it is named after.

use std::path::Path;

/// The most lines of a file.
const MOST: usize = 500;

/// The Rust files below a folder that are longer.
pub(crate) fn too_long(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.extend(fault(&path, text.lines().count()));
            }
        }
    }
    found.sort();
    found
}

fn fault(path: &Path, lines: usize) -> Option<String> {
    let say = || format!("{}: {lines} lines, and {MOST} are the limit: divide it by subject", path.display());
    (lines > MOST).then(say)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_too_many_is_found_in_any_folder() {
        let folder = std::env::temp_dir().join(format!("xtask-lengths-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("deep")).unwrap();
        for (name, lines) in [("deep/long.rs", MOST + 1), ("deep/full.rs", MOST), ("long.csv", MOST + 1)] {
            std::fs::write(folder.join(name), "//\n".repeat(lines)).unwrap();
        }
        let found = too_long(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("long.rs: 501 lines"), "{found:?}");
    }
}
