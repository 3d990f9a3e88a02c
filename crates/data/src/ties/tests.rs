use std::path::PathBuf;

use tidemill_core::recipe::Graph;
use tidemill_core::{Context, Role};

use super::*;
use crate::source::{ReadOptions, open};

const TOWNS: &str = "town,size\nAu,3\nBo,5\nCy,2\nDa,8\nEl,1\n";

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        Files(folder)
    }

    fn path(&self, name: &str) -> String {
        PathBuf::from(self.0.path()).join(name).display().to_string()
    }

    fn tied(&self, table: &str, graph: Graph) -> Result<Box<dyn Source>> {
        let mut recipe = Recipe { graph: Some(graph), ..Recipe::default() };
        recipe.data.key = Some("town".into());
        tie(open(&self.path(table), &ReadOptions::default())?, &recipe)
    }
}

fn edges(files: &Files, name: &str) -> Graph {
    Graph { edges: Some(files.path(name)), ..Graph::default() }
}

fn cells(source: &dyn Source) -> Vec<Option<String>> {
    let batch = source.collect().unwrap();
    let at = batch.schema().index("neighbors").unwrap();
    batch.texts(at).unwrap().iter().map(|cell| cell.map(String::from)).collect()
}

fn refused(files: &Files, table: &str, graph: Graph) -> String {
    let error = files.tied(table, graph).err().unwrap();
    format!("{error} | {}", error.remedy().unwrap_or_default())
}

#[test]
fn edges_become_a_column_and_what_is_odd_about_them_is_told() {
    let text = "from,to,weight\nAu,Bo,2\nBo,Au,3\nAu,Cy,1\nDa,Da,1\nCy,Xi,1\nAu,Cy,1\n";
    let files = Files::new(&[("towns.csv", TOWNS), ("edges.csv", text)]);
    let source = files.tied("towns.csv", edges(&files, "edges.csv")).unwrap();
    let cell = |text: &str| Some(text.to_string());
    assert_eq!(cells(&*source), [cell("Bo=2;Cy"), cell("Au=3"), None, None, None]);
    assert_eq!(source.take(&[1, 0]).unwrap().texts(2).unwrap().value(1), "Bo=2;Cy");
    let reading = source.reading().unwrap();
    assert!(reading.warnings[0].starts_with("1 of 6 edges of"), "{:?}", reading.warnings);
    assert!(reading.warnings[0].contains("no row has the key 'Xi', line 6"), "{:?}", reading.warnings);
    assert!(reading.warnings[1].starts_with("2 of 5 rows have no neighbour, the first is 'Da'"));
    assert!(reading.notes.iter().any(|n| n.contains("tie a row to itself, first in line 5")));
    assert!(reading.notes.iter().any(|n| n.contains("come again, first in line 7")));
    let mut recipe = Recipe { graph: Some(Graph::default()), ..Recipe::default() };
    recipe.data.key = Some("town".into());
    let context = Context::default();
    let plan = crate::infer(&*source, &recipe, &context).unwrap();
    assert_eq!((plan.columns[2].role, plan.columns[2].kind), (Role::Neighbors, Kind::Text));
    assert!(context.warnings().iter().any(|w| w.code == "graph" && w.message.contains("lead nowhere")));
}

#[test]
fn a_gal_file_names_rows_or_counts_them() {
    let counted = "5\n0 2\n1 2\n1 1\n0\n2 1\n0\n3 0\n\n4 0\n\n";
    let named = "0 5 towns town\nAu 1\nBo\nBo 1\nAu\n";
    let files = Files::new(&[("towns.csv", TOWNS), ("a.gal", counted), ("b.gal", named)]);
    let of = |name| cells(&*files.tied("towns.csv", edges(&files, name)).unwrap());
    let cell = |text: &str| Some(text.to_string());
    assert_eq!(of("a.gal"), [cell("Bo;Cy"), cell("Au"), cell("Au"), None, None]);
    assert_eq!(of("b.gal"), [cell("Bo"), cell("Au"), None, None, None]);
}

#[test]
fn cells_that_rows_bring_stay() {
    let table = "town,neighbors\nAu,Cy\nBo,\nCy,\n";
    let files = Files::new(&[("t.csv", table), ("edges.csv", "from,to\nAu,Bo\nBo,Cy\n")]);
    let own = files.tied("t.csv", Graph::default()).unwrap();
    assert_eq!(cells(&*own)[0].as_deref(), Some("Cy"));
    let both = files.tied("t.csv", edges(&files, "edges.csv")).unwrap();
    assert_eq!(cells(&*both), [Some("Cy".into()), Some("Cy".into()), None]);
}

#[test]
fn what_cannot_be_a_graph_is_refused_with_its_line() {
    let files = Files::new(&[
        ("towns.csv", TOWNS),
        ("nowhere.csv", "from,to\nx,y\n"),
        ("loops.csv", "from,to\nAu,Au\n"),
        ("ends.csv", "a,b\nAu,Bo\n"),
        ("weights.csv", "from,to,weight\nAu,Bo,1\nAu,Cy,-2\n"),
        ("short.gal", "5\n0 2\n1\n"),
        ("odd.gal", "5\n0 2 7\n1 2\n"),
    ]);
    for (name, said) in [
        ("none.csv", "there is no file"),
        ("none.gal", "there is no file"),
        ("nowhere.csv", "none of the 1 edges of"),
        ("nowhere.csv", "no row has the key 'x', line 2 | name the column of keys that the edges use"),
        ("nowhere.csv", "such as 'Au'"),
        ("loops.csv", "none of the 1 edges of"),
        ("ends.csv", "has no column 'from'; its columns are 'a', 'b' | call the columns"),
        ("weights.csv", "line 3: the weight of the edge is '-2' | weights are numbers above 0"),
        ("short.gal", "line 3: row '0' should have 2 neighbours, and has 1 | a row is a line"),
        ("odd.gal", "line 2: '0 2 7' is not the name of a row and its number of neighbours"),
    ] {
        let text = refused(&files, "towns.csv", edges(&files, name));
        assert!(text.contains(said), "{name}: {text}");
    }
    let text = refused(&files, "towns.csv", Graph::default());
    assert!(text.contains("there is no column 'neighbors' | name a file, edges ="), "{text}");
    let recipe = Recipe { graph: Some(Graph::default()), ..Recipe::default() };
    let error = tie(open(&files.path("towns.csv"), &ReadOptions::default()).unwrap(), &recipe).err().unwrap();
    assert!(error.remedy().unwrap().contains("[data] key"));
}
