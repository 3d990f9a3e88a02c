//! Running the program as a user does, in an empty folder.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// An empty folder and the program in it.
pub(crate) struct Desk {
    folder: TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as the one JSON document it must be.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Fails unless the program refused with exit code 2 and said each of `words`, with a remedy.
    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no '{word}' in: {}", self.err);
        }
    }

    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Desk { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file there.
    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The names of everything there.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs the program with something on standard input.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = Command::cargo_bin("tidemill").unwrap();
        // Whoever runs the tests may speak any language.
        let command = command.args(args).current_dir(self.folder.path()).env("LC_ALL", "C");
        let output = command.write_stdin(stdin).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The path of an example in the repository.
pub(crate) fn example(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    root.join(name).canonicalize().unwrap().display().to_string()
}

/// A small table of two numbers, a category, a key and a class that depends on them.
pub(crate) fn small_table(n: usize) -> String {
    let mut text = String::from("id,age,income,town,churned\n");
    for i in 0..n {
        let age = 20 + (i * 37) % 50;
        let income = 1000.0 + ((i * 7919) % 4000) as f64 / 3.0;
        let town = ["Ulm", "Bonn", "Kiel"][(i * 5) % 3];
        let churned = if age as f64 + income / 100.0 + ((i * 13) % 7) as f64 > 62.0 { "yes" } else { "no" };
        text += &format!("c{i:04}x,{age},{income:.2},{town},{churned}\n");
    }
    text
}
