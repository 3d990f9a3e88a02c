//! Files: written atomically, and identified by their hashes.

use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};
use tidemill_core::{Error, Result};

/// Writes a file so that it is there whole or not at all.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    tidemill_core::replace(path, bytes).map_err(|e| Error::io(path, e))
}

/// Fails early, before hours of work, where the result could not be written.
pub(crate) fn check_folder(out: &Path) -> Result<()> {
    let existing = out.ancestors().find(|p| p.exists() || p.as_os_str().is_empty());
    let folder = existing.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tidemill_core::AtomicFile::beside(&folder.join("x")).map(drop).map_err(|e| Error::io(out, e))
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A path without `.` and without a `..` that takes back the folder before it. What is not a relative path stays as it is.
pub(crate) fn clean(path: &str) -> String {
    if !is_relative(path) {
        return path.into();
    }
    let mut kept = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(kept.components().next_back(), Some(Component::Normal(_))) => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    kept.to_string_lossy().replace('\\', "/")
}

/// A path as seen from `folder`, relative or absolute, so that where a project lies is not among the bytes of its models; what is no path of this
/// disk (a URL, `-`, another drive) as it is.
pub(crate) fn seen_from(folder: &Path, path: &str) -> String {
    if let Some((scheme, rest)) = path.split_once(':').filter(|(scheme, _)| *scheme == "sqlite") {
        return format!("{scheme}:{}", seen_from(folder, rest));
    }
    let absolute = |path: &Path| std::path::absolute(path).map(|path| clean_root(&path));
    let (Ok(folder), Ok(file), true) = (absolute(folder), absolute(Path::new(path)), is_path(path)) else {
        return path.into();
    };
    if folder.components().next() != file.components().next() {
        return path.into();
    }
    let common = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(file.components().skip(common)).collect();
    relative.to_string_lossy().replace('\\', "/")
}

/// What reports and the model file call a source: its name without the folders, so that the folder in which a training is started
/// is not among the model's bytes. Addresses stay whole.
pub(crate) fn source_name(source: &str) -> String {
    let name = Path::new(source).file_name().filter(|_| !source.contains(':'));
    name.map_or_else(|| source.into(), |name| name.to_string_lossy().into_owned())
}

/// An absolute path without `..`.
fn clean_root(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut kept, part| {
        match part {
            Component::ParentDir => drop(kept.pop()),
            Component::CurDir => {}
            part => kept.push(part),
        }
        kept
    })
}

fn is_relative(path: &str) -> bool {
    is_path(path) && Path::new(path).is_relative()
}

fn is_path(path: &str) -> bool {
    path != "-" && !path.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_folder_of_the_model() {
        assert_eq!(clean("a/../m.csv"), "m.csv");
        assert_eq!(clean("./a/./b/../m.csv"), "a/m.csv");
        assert_eq!(clean("../m.csv"), "../m.csv");
        assert_eq!(seen_from(Path::new("out"), "m.csv"), "../m.csv");
        assert_eq!(seen_from(Path::new("."), "data/*.csv"), "data/*.csv");
        assert_eq!(seen_from(Path::new("a/b"), "a/../c/m.csv"), "../../c/m.csv");
        assert_eq!(seen_from(Path::new("out"), "sqlite:x.db?table=t"), "sqlite:../x.db?table=t");
        assert_eq!(seen_from(Path::new("out"), "a/book.xlsx?sheet=May"), "../a/book.xlsx?sheet=May");
        for other in ["-", "https://data.example/m.csv", "postgres://host/shop"] {
            assert_eq!(seen_from(Path::new("out"), other), other);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_absolute_path_is_seen_from_there_too() {
        for (folder, path, wanted) in [
            ("/home/me/out", "/home/me/m.csv", "../m.csv"),
            ("/home/me", "/data/2024/*.csv", "../../data/2024/*.csv"),
            ("/home/me/out", "/home/me/out/m.csv", "m.csv"),
            ("/home/me/out", "sqlite:/home/me/x.db?table=t", "sqlite:../x.db?table=t"),
        ] {
            assert_eq!(seen_from(Path::new(folder), path), wanted);
        }
    }

    #[test]
    fn a_source_has_one_name_from_any_folder() {
        for source in ["t.csv", "../t.csv", "data/t.csv", "/home/me/t.csv"] {
            assert_eq!(source_name(source), "t.csv");
        }
        for source in ["-", "sqlite:shop.db?table=t", "postgres://host/shop", ".."] {
            assert_eq!(source_name(source), source);
        }
    }
}
