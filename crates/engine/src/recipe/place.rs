//! Where the files are that a recipe names. The recipe in a model file names them without their folders, so that where a project lies, and where
//! its model is written, is not among the model's bytes; the resolved recipe beside the model says where they are.

use std::path::Path;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Registry, Result};

use super::file::{locate, parse};
use super::resolve;

/// The resolved recipe in the folder of a model; the second where the first is the user's own.
pub const RESOLVED: [&str; 2] = ["tidemill.toml", "tidemill.resolved.toml"];

/// The paths in a recipe that are seen from its folder.
fn paths(recipe: &mut Recipe) -> [Option<&mut String>; 3] {
    let edges = recipe.graph.as_mut().and_then(|graph| graph.edges.as_mut());
    [recipe.data.source.as_mut(), edges, recipe.train.start.as_mut()]
}

/// The recipe as a model file holds it.
pub(crate) fn in_model(recipe: &Recipe) -> Result<String> {
    let mut recipe = recipe.clone();
    paths(&mut recipe).into_iter().flatten().for_each(|path| *path = bare(path));
    resolve::to_toml(&recipe)
}

/// A path without the folders before its file or pattern; what is no path of this disk as it is.
fn bare(path: &str) -> String {
    if let Some(rest) = path.strip_prefix("sqlite:") {
        return format!("sqlite:{}", bare(rest));
    }
    if path == "-" || path.contains(':') {
        return path.into();
    }
    let (file, part) = match path.find("?sheet=").or_else(|| path.find("?table=")) {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let fixed = file.find(['*', '?', '[', '{']).unwrap_or(file.trim_end_matches('/').len());
    let from = file[..fixed].rfind('/').map_or(0, |at| at + 1);
    format!("{}{part}", &file[from..])
}

/// The recipe of a model with its files where they are: as the resolved recipe beside the model says, where it names files of these
/// names; else beside the model, or in the current folder.
pub fn located(mut recipe: Recipe, model: &Path, registry: &Registry) -> Recipe {
    let mut beside = RESOLVED.iter().filter_map(|name| {
        let file = model.with_file_name(name);
        let text = std::fs::read_to_string(&file).ok()?;
        // Whoever changed it in the meantime may have left a mistake in it: the model's own recipe stands.
        Some((parse(&text, name, registry).ok()?, file))
    });
    let names = |recipe: &mut Recipe| paths(recipe).map(|path| path.map(|path| bare(path)));
    let wanted = names(&mut recipe.clone());
    let found = beside.find_map(|(mut other, file)| (names(&mut other) == wanted).then_some((other, file)));
    let (mut said, file) = found.unwrap_or_else(|| (recipe.clone(), model.to_path_buf()));
    for (path, said) in paths(&mut recipe).into_iter().zip(paths(&mut said)) {
        if let (Some(path), Some(said)) = (path, said) {
            *path = locate(said, &file);
        }
    }
    recipe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_names_files_without_their_folders() {
        for (path, wanted) in [
            ("../m.csv", "m.csv"),
            ("m.csv", "m.csv"),
            ("/data/all/m.csv.gz", "m.csv.gz"),
            ("../../images/", "images/"),
            ("../data/**/*.csv", "**/*.csv"),
            ("a/part-?.csv", "part-?.csv"),
            ("sqlite:../x.db?table=t", "sqlite:x.db?table=t"),
            ("../a/book.xlsx?sheet=May/June", "book.xlsx?sheet=May/June"),
            ("postgres://me@host/db?table=t", "postgres://me@host/db?table=t"),
            ("-", "-"),
        ] {
            assert_eq!(bare(path), wanted, "{path}");
        }
    }

    #[test]
    fn the_recipe_beside_the_model_says_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("out/deep")).unwrap();
        std::fs::write(at("m.csv"), "a\n1\n").unwrap();
        let registry = crate::builtin::registry();
        let of = |source: &str| {
            let mut recipe = Recipe::default();
            recipe.data.source = Some(source.into());
            recipe
        };
        let model = at("out/deep/model.tidemill");
        let source = |recipe: Recipe| located(recipe, &model, &registry).data.source.unwrap();
        let is_found = |source: &str| Path::new(source).exists();
        assert!(!is_found(&source(of("m.csv"))), "nothing says where it is");
        assert!(is_found(&source(of("../../m.csv"))), "as earlier versions wrote it");
        std::fs::write(at("out/deep/tidemill.toml"), "[data]\nsource = \"other.csv\"\n").unwrap();
        assert!(!is_found(&source(of("m.csv"))));
        std::fs::write(at("out/deep/tidemill.resolved.toml"), "[data]\nsource = \"../../m.csv\"\n").unwrap();
        assert!(is_found(&source(of("m.csv"))));
        std::fs::write(at("out/deep/tidemill.resolved.toml"), "[data\n").unwrap();
        assert!(!is_found(&source(of("m.csv"))), "a broken one is passed over");
    }
}
