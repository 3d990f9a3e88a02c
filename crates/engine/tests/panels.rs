//! Forecasts of panels whose series are tied to each other: what a row knows of its neighbours, and that edges help.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};
use tidemill_core::recipe::{Forecast, Graph, Recipe};
use tidemill_core::{Batch, Column, Context, Kind, Schema, Table};
use tidemill_engine::builtin;
use tidemill_engine::forecast::{HISTORY, NEIGHBORS, future, learning};
use tidemill_engine::recipe;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train;
use tidemill_kernel::Random;

const HOUR: i64 = 3_600_000_000;
const SIDE: usize = 4;
const PLACES: usize = SIDE * SIDE;

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// The crossings beside one of a square grid.
fn beside(place: usize) -> Vec<usize> {
    let (row, column) = (place / SIDE, place % SIDE);
    (0..PLACES).filter(|other| row.abs_diff(other / SIDE) + column.abs_diff(other % SIDE) == 1).collect()
}

/// Cars at each crossing hour by hour: most move on to the next crossings, some stay, some come from outside.
fn traffic(hours: usize) -> Vec<[f64; PLACES]> {
    let mut random = Random::new(3, 0);
    let mut now = [0.0; PLACES];
    let mut all = Vec::with_capacity(hours);
    for _ in 0..hours + 50 {
        let mut next = [0.0; PLACES];
        for (place, cars) in next.iter_mut().enumerate() {
            let around = beside(place);
            let coming = around.iter().map(|&other| now[other]).sum::<f64>() / around.len() as f64;
            *cars = 0.2 * now[place] + 0.7 * coming + 5.0 * random.normal();
        }
        now = next;
        all.push(next.map(|x| 100.0 + x));
    }
    all.split_off(50)
}

fn name(place: usize) -> String {
    format!("crossing {place}")
}

/// The first hours as a file.
fn csv(traffic: &[[f64; PLACES]], path: &Path) -> String {
    let mut text = String::from("crossing,at,cars\n");
    for (place, (hour, cars)) in (0..PLACES).flat_map(|p| traffic.iter().enumerate().map(move |h| (p, h))) {
        let at = tidemill_data::parse::write_iso(hour as i64 * HOUR);
        text += &format!("{},{at},{:.3}\n", name(place), cars[place]);
    }
    std::fs::write(path, text).unwrap();
    path.display().to_string()
}

fn edges(path: &Path, more: &str) {
    let mut text = String::from("from,to\n");
    for (from, to) in (0..PLACES).flat_map(|from| beside(from).into_iter().map(move |to| (from, to))) {
        if from < to {
            text += &format!("{},{}\n", name(from), name(to));
        }
    }
    std::fs::write(path, text + more).unwrap();
}

const HORIZON: usize = 3;

/// A model, the columns that it looks at, and what was said of it.
struct Model {
    file: PathBuf,
    used: Vec<String>,
    told: Vec<String>,
}

fn trained(folder: &Path, source: &str, out: &str, (graph, learner): (&str, &str)) -> Model {
    let text = format!(
        "[data]\ntarget = \"cars\"\ngroup = \"crossing\"\n[forecast]\nhorizon = \"{HORIZON}\"\nwindow = 6\nseason = 24\n{graph}\
         [[learners]]\n{learner}\n[train]\ntrials = 1\n"
    );
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source: source.into(),
        recipe: recipe::parse(&text, "test.toml", &builtin::registry()).unwrap(),
        recipe_file: None,
        out: folder.join(out),
    };
    let context = context();
    let trained = train::train(&job, &context).unwrap();
    let used = trained.outcome.columns.iter().map(|column| column.name.clone()).collect();
    let told = context.warnings().into_iter().map(|w| w.message).collect();
    Model { file: trained.model, used, told }
}

/// The mean absolute error of a model's forecasts from each origin.
fn errors(model: &Path, traffic: &[[f64; PLACES]], origins: &[usize], folder: &Path) -> Vec<f64> {
    let of = |&origin: &usize| {
        let source = csv(&traffic[..origin], &folder.join("until.csv"));
        let out = folder.join("ahead.csv").display().to_string();
        predict::predict(model, &source, &out, &context()).unwrap();
        let text = std::fs::read_to_string(&out).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.len(), PLACES * HORIZON, "all places at once");
        let mut sum = 0.0;
        let mut ahead: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &lines {
            let steps = ahead.entry(line[1]).or_default();
            let place: usize = line[1].trim_start_matches("crossing ").parse().unwrap();
            sum += (line[2].parse::<f64>().unwrap() - traffic[origin + *steps][place]).abs();
            *steps += 1;
        }
        sum / lines.len() as f64
    };
    origins.iter().map(of).collect()
}

#[test]
fn edges_help_lines_where_cars_move_along_them() {
    edges_help("kind = \"ridge\"", 240);
}

#[test]
fn edges_help_convolutions_where_cars_move_along_them() {
    edges_help("kind = \"stcn\"\nwidth = 8\nlayers = 2\nepochs = 5\nlearning_rate = 0.01", 150);
}

/// Of so many hours to learn from.
fn edges_help(learner: &str, hours: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (folder, traffic) = (folder.path(), traffic(hours + 100));
    let source = csv(&traffic[..hours], &folder.join("cars.csv"));
    let file: PathBuf = folder.join("roads.csv");
    edges(&file, "crossing 3,crossing 99\n");
    let graph = format!("[graph]\nedges = \"{}\"\n", file.display());
    let with = trained(folder, &source, "with", (&graph, learner));
    let without = trained(folder, &source, "without", ("", learner));
    let lost = |t: &String| t.contains("no row has the key 'crossing 99', line 26");
    assert!(with.told.iter().any(lost), "{:?}", with.told);
    assert_eq!(with.used, [HISTORY, NEIGHBORS, "at", "crossing", "cars"]);

    // The model knows its ties: nobody needs the file any more.
    std::fs::remove_file(&file).unwrap();
    let origins: Vec<usize> = (0..24).map(|i| hours + 4 * i).collect();
    let (a, b) =
        (errors(&with.file, &traffic, &origins, folder), errors(&without.file, &traffic, &origins, folder));
    let gains: Vec<f64> = b.iter().zip(&a).map(|(without, with)| without - with).collect();
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let spread = (gains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    // 2.07: Student's t of 23 degrees of freedom at 97.5%.
    let least = mean - 2.07 * spread / n.sqrt();
    let whole = b.iter().sum::<f64>() / n;
    println!("{learner}: MAE without edges {whole:.3}; edges save {mean:.3}, at least {least:.3}");
    assert!(least > 0.0, "edges save {mean} of {whole} ({least} at least)");
}

/// Three places of which the second is between the others; `x` of the third is known later than that of the others.
fn table(changed: Option<usize>) -> Table {
    let n = 60;
    let mut values: Vec<f64> = (0..3 * n).map(|i| (100 * (i / n) + i % n) as f64).collect();
    if let Some(at) = changed {
        values[at] = 1e6;
    }
    let times = TimestampMicrosecondArray::from_iter_values((0..3 * n).map(|i| (i % n) as i64 * HOUR));
    let columns = vec![Column::new("at", Kind::Time), Column::new("place", Kind::Text), Column::number("x")];
    let places: StringArray = (0..3 * n).map(|i| Some(["a", "b", "c"][i / n])).collect();
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(times.with_timezone("UTC")), Arc::new(places), Arc::new(Float64Array::from(values))];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn asked(ties: &[(&str, &str)]) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.target = Some("x".into());
    recipe.data.group = Some("place".into());
    recipe.forecast =
        Some(Forecast { horizon: "2".into(), season: Some(4), window: Some(8), ..Forecast::default() });
    let ties = ties.iter().map(|(key, cell)| (key.to_string(), cell.to_string())).collect();
    recipe.graph = Some(Graph { ties, ..Graph::default() });
    recipe
}

#[test]
fn neighbours_are_seen_up_to_the_origin_and_no_further() {
    let recipe = asked(&[("b", "a;c=3")]);
    let made = learning(&table(None), &recipe, &context()).unwrap();
    let batch = made.rows.collect().unwrap();
    let at = |name: &str| batch.schema().index(name).unwrap();
    let (own, around) = (batch.series(at(HISTORY)).unwrap(), batch.series(at(NEIGHBORS)).unwrap());
    let places = batch.schema().columns()[at("place")].categories().unwrap();
    let codes = batch.codes(at("place")).unwrap();
    for row in 0..batch.n_rows() {
        let ((times, _), (around_times, values)) = (own.of(row).unwrap(), around.of(row).unwrap());
        assert_eq!(times, around_times, "row {row}");
        for (time, value) in around_times.iter().zip(values) {
            let hour = (time / HOUR) as f64;
            let wanted = match places.name(codes.value(row)) {
                "b" => (hour + 3.0 * (200.0 + hour)) / 4.0,
                _ => 100.0 + hour,
            };
            assert!((value - wanted).abs() < 1e-9);
        }
    }
    // Place `b` at hour 40 is seen by its neighbours from origins at hour 40 on.
    let later = learning(&table(Some(100)), &recipe, &context()).unwrap().rows.collect().unwrap();
    let changed = later.series(at(NEIGHBORS)).unwrap();
    let mut seen = 0;
    for row in 0..batch.n_rows() {
        let origin = *own.of(row).unwrap().0.last().unwrap() / HOUR;
        let same = changed.of(row) == around.of(row);
        assert_eq!(same, origin < 40 || places.name(codes.value(row)) == "b", "row {row}");
        seen += usize::from(!same);
    }
    assert!(seen > 0);
    let ahead = future(&table(None), &made.recipe, &context()).unwrap().collect().unwrap();
    assert_eq!(ahead.series(at(NEIGHBORS)).unwrap().of(0).unwrap().0.last(), Some(&(59 * HOUR)));
}

#[test]
fn who_is_tied_to_nobody_has_no_neighbours_and_ties_to_nobody_are_refused() {
    let batch = learning(&table(None), &asked(&[("b", "a")]), &context()).unwrap().rows.collect().unwrap();
    let (around, places) = (batch.column(batch.schema().index(NEIGHBORS).unwrap()), batch.schema());
    let at = places.index("place").unwrap();
    let names = places.columns()[at].categories().unwrap();
    for row in 0..batch.n_rows() {
        assert_eq!(around.is_null(row), names.name(batch.codes(at).unwrap().value(row)) == "c");
    }
    let refused = |recipe: &Recipe| {
        let error = learning(&table(None), recipe, &context()).err().unwrap();
        format!("{error} | {}", error.remedy().unwrap_or_default())
    };
    assert!(refused(&asked(&[("b", "z"), ("y", "a")])).contains("ties no two series of 'place'"));
    let mut alone = asked(&[("b", "a")]);
    alone.data.group = None;
    assert!(refused(&alone).contains("[forecast] group"));
    let nearest = "[data]\ntarget = \"x\"\n[forecast]\nhorizon = \"2\"\n[graph]\nneighbors = 3\n";
    let error = recipe::parse(nearest, "test.toml", &builtin::registry()).err().unwrap();
    assert!(error.to_string().contains("a forecast ties its series by a file of edges"), "{error}");
    let rows = nearest.replace("neighbors = 3\n", "edges = \"e.csv\"\n[[learners]]\nkind = \"graph_net\"\n");
    let error = recipe::parse(&rows, "test.toml", &builtin::registry()).err().unwrap();
    assert!(error.to_string().contains("its learner of graphs is stcn"), "{error}");
}
