//! Explanations of one model on both sides, which LightGBM learns and `tidemill import` takes over: exact values of trees against
//! LightGBM and shap, LIME against lime, Kernel SHAP against shap. And what a served explanation costs beside its prediction.
//!
//! LightGBM uses two threads, and so do we against it. The other peers use one, and so do we against them. A peer's work that takes more
//! than 3 seconds runs once, so that all of it ends in about two minutes.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::{Context, Row as Cells, Trees};
use tidemill_engine::explain::{self, Asked, LimeSettings, Method};
use tidemill_engine::import;
use tidemill_engine::model::{self, Opened};
use tidemill_engine::serve::serving::Serving;
use tidemill_engine::{builtin, verbs};
use tidemill_eval::explain::{InterventionalTreeShap, TreeShap};
use tidemill_kernel::Random;

use crate::row::Row;
use crate::{Outcome, one_row, peer};

const FEATURES: usize = 20;
const LEARN: usize = 50_000;
const EXPLAIN: usize = 10_000;
/// Rows of the interventional values and their background.
const AGAINST: (usize, usize) = (1000, 100);
/// Rows that are explained by sampling, and their background.
const SAMPLED: (usize, usize) = (20, 20);

pub(crate) fn run() -> Outcome<Vec<Row>> {
    let bench = Bench::new()?;
    Ok(vec![
        bench.path_dependent("LightGBM pred_contrib", "lightgbm", 2)?,
        bench.path_dependent("shap", "shap", 1)?,
        bench.interventional()?,
        bench.lime()?,
        bench.kernel()?,
        served()?,
    ])
}

/// One explanation as the server gives it, of 500 trees, beside the prediction of the same row: their ratio is one over what it costs.
fn served() -> Outcome<Row> {
    const ROWS: usize = 200;
    let context = Context::new(0, 1, Arc::new(builtin::registry()));
    let (_, file, batch) = one_row::trained("trees", one_row::many_trees(), &context)?;
    let serving = Serving::open(&file, None, None, &context)?;
    let rows = (0..ROWS).map(|i| Cells::of(&batch, i)).collect::<Result<Vec<_>, _>>()?;
    let (ours_secs, _) = on(1, || {
        for row in &rows {
            serving.explain(vec![row.clone()], None, &context)?;
        }
        Ok(())
    })?;
    let (peer_secs, _) = on(1, || {
        for row in &rows {
            serving.answer(&mut [row.clone()])?;
        }
        Ok(())
    })?;
    Ok(Row {
        name: "one served explanation, 500 trees, beside its prediction".into(),
        peer: "its prediction".into(),
        ours_secs: ours_secs / ROWS as f64,
        peer_secs: peer_secs / ROWS as f64,
        goal_at_least: 0.05,
        reach: 0.1,
        same_answer: "exact values, which sum to the margin".into(),
    })
}

/// The table, row after row with the target last, and the model in both forms.
struct Bench {
    table: Vec<f64>,
    opened: Opened,
    context: Context,
}

impl Bench {
    fn new() -> Outcome<Self> {
        let folder = peer::work_folder()?;
        let (file, ours) = (folder.join("explain.txt"), folder.join("explain.tidemill"));
        let table = table();
        let bytes: Vec<u8> = table.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(folder.join("explain.bin"), bytes)?;
        let (_, predicted) = ask("learn", EXPLAIN, 0, 2)?;
        let context = Context::new(0, 1, Arc::new(builtin::registry()));
        let columns = (0..FEATURES).map(|j| format!("x{j}")).collect();
        let asked = import::Asked { columns, ..import::Asked::default() };
        verbs::import::file(&file, &ours, &asked, &context)?;
        let bench = Bench { table, opened: model::open(&ours, &context)?, context };
        let mut answers = vec![0.0; EXPLAIN];
        bench.trees()?.rows(&bench.rows(LEARN, EXPLAIN), &mut answers);
        close("predictions", &answers, &predicted)?;
        Ok(bench)
    }

    fn trees(&self) -> Outcome<&Trees> {
        let links = &self.opened.model.chain.0;
        Ok(links.iter().find_map(|link| link.as_trees()).ok_or("the imported model has no trees")?)
    }

    /// The features of so many rows of the table.
    fn rows(&self, first: usize, n: usize) -> Vec<f64> {
        let rows = self.table.chunks_exact(FEATURES + 1).skip(first).take(n);
        rows.flat_map(|row| &row[..FEATURES]).copied().collect()
    }

    /// The same as a CSV file.
    fn csv(&self, path: &Path, first: usize, n: usize) -> Outcome<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        let names: Vec<String> = (0..FEATURES).map(|j| format!("x{j}")).collect();
        writeln!(out, "{}", names.join(","))?;
        for row in self.rows(first, n).chunks_exact(FEATURES) {
            let cells: Vec<String> = row.iter().map(f64::to_string).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
        Ok(out.flush()?)
    }

    fn path_dependent(&self, peer_name: &str, work: &str, threads: usize) -> Outcome<Row> {
        let (peer_secs, theirs) = ask(work, EXPLAIN, 0, threads)?;
        let rows = self.rows(LEARN, EXPLAIN);
        let (ours_secs, ours) = on(threads, || {
            Ok(TreeShap::new(self.trees()?)?.explain(&rows, &self.context)?.values().to_vec())
        })?;
        Ok(Row {
            name: format!("TreeSHAP path-dependent, 10k rows, 200 trees, beside {peer_name}"),
            peer: peer_name.into(),
            ours_secs,
            peer_secs,
            goal_at_least: 4.0,
            reach: 10.0,
            same_answer: close("path-dependent values", &ours, &theirs)?,
        })
    }

    fn interventional(&self) -> Outcome<Row> {
        let (n, n_background) = AGAINST;
        let (peer_secs, theirs) = ask("interventional", n, n_background, 1)?;
        let (rows, background) = (self.rows(LEARN, n), self.rows(0, n_background));
        let (ours_secs, ours) = on(1, || {
            let explainer = InterventionalTreeShap::new(self.trees()?, &background)?;
            Ok(explainer.explain(&rows, &self.context)?.values().to_vec())
        })?;
        Ok(Row {
            name: "TreeSHAP interventional, 1k rows x 100 background, 200 trees".into(),
            peer: "shap".into(),
            ours_secs,
            peer_secs,
            goal_at_least: 5.0,
            reach: 20.0,
            same_answer: close("interventional values", &ours, &theirs)?,
        })
    }

    /// The whole of `tidemill explain` on rows of a file, per row, in the order of the columns.
    fn sampled(&self, method: Method, n_background: usize) -> Outcome<(f64, Vec<f64>)> {
        let folder = peer::work_folder()?;
        let (rows, background) = (folder.join("explain-rows.csv"), folder.join("explain-background.csv"));
        self.csv(&rows, LEARN, SAMPLED.0)?;
        self.csv(&background, 0, n_background)?;
        let read = |path: &Path| {
            let options = tidemill_data::ReadOptions::default();
            tidemill_data::open(&path.display().to_string(), &options).map_err(|e| e.to_string())
        };
        let (rows, background) = (read(&rows)?, read(&background)?);
        let lime = LimeSettings { n_repeats: 1, ..LimeSettings::default() };
        let asked = Asked { method: Some(method), lime, ..Asked::default() };
        let (secs, found) =
            on(1, || Ok(explain::explain(&self.opened, &*rows, Some(&*background), &asked, &self.context)?))?;
        let at = |j: usize| found.columns.iter().position(|name| *name == format!("x{j}"));
        let order: Vec<usize> = (0..FEATURES).filter_map(at).collect();
        let values = found.rows.iter().flat_map(|row| order.iter().map(|&at| row.values[0][at]));
        Ok((secs / SAMPLED.0 as f64, values.collect()))
    }

    fn lime(&self) -> Outcome<Row> {
        let (peer_secs, theirs) = ask("lime", SAMPLED.0, 0, 1)?;
        let (ours_secs, ours) = self.sampled(Method::Lime, 5000)?;
        let pairs = ours.chunks_exact(FEATURES).zip(theirs.chunks_exact(FEATURES));
        let mean = pairs.map(|(ours, theirs)| correlation(ours, theirs)).sum::<f64>() / SAMPLED.0 as f64;
        if mean.is_nan() || mean < 0.95 {
            return Err(format!("LIME: coefficients correlate by {mean} only").into());
        }
        Ok(Row {
            name: "LIME, 5000 samples, 20 columns, per row of 20".into(),
            peer: "lime".into(),
            ours_secs,
            peer_secs,
            goal_at_least: 10.0,
            reach: 50.0,
            same_answer: format!("coefficients of a row correlate by {mean:.3}"),
        })
    }

    /// Both sides are held against the exact values.
    fn kernel(&self) -> Outcome<Row> {
        let (n, n_background) = SAMPLED;
        let (peer_secs, theirs) = ask("kernel", n, n_background, 1)?;
        let (ours_secs, ours) = self.sampled(Method::KernelShap, n_background)?;
        let background = self.rows(0, n_background);
        let exact = InterventionalTreeShap::new(self.trees()?, &background)?;
        let exact = exact.explain(&self.rows(LEARN, n), &self.context)?;
        let off = |values: &[f64]| {
            let of_each = values.iter().zip(exact.values()).map(|(a, b)| (a - b).abs());
            of_each.sum::<f64>() / exact.values().iter().map(|x| x.abs()).sum::<f64>()
        };
        let (ours, theirs) = (off(&ours), off(&theirs));
        if ours.is_nan() || ours > 1.1 * theirs {
            return Err(format!("Kernel SHAP: off by {ours} here, by {theirs} there").into());
        }
        Ok(Row {
            name: "Kernel SHAP, 20 columns x 20 background, per row".into(),
            peer: "shap".into(),
            ours_secs,
            peer_secs,
            goal_at_least: 10.0,
            reach: 50.0,
            same_answer: format!(
                "off the exact values by {:.1}%, theirs by {:.1}%",
                100.0 * ours,
                100.0 * theirs
            ),
        })
    }
}

/// The median time on so many threads.
fn on<T: Send>(threads: usize, work: impl Fn() -> Outcome<T> + Sync) -> Outcome<(f64, T)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    peer::median_secs(|| Ok(pool.install(|| work().map_err(|e| e.to_string()))?))
}

/// What the peer says: seconds and values.
fn ask(work: &str, explain: usize, background: usize, threads: usize) -> Outcome<(f64, Vec<f64>)> {
    let folder = peer::work_folder()?;
    let files = ["explain.bin", "explain.txt"].map(|name| folder.join(name).display().to_string());
    let counts = [FEATURES, LEARN, explain, background, threads].map(|n| n.to_string());
    let mut arguments = vec![work, &files[0], &files[1]];
    arguments.extend(counts.iter().map(String::as_str));
    let (secs, values) = peer::timed("explain", &arguments, threads)?;
    Ok((secs, values.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()))
}

/// In words, how near two lists of numbers are; an error beyond 1e-6.
fn close(what: &str, ours: &[f64], theirs: &[f64]) -> Outcome<String> {
    if ours.len() != theirs.len() {
        return Err(format!("{what}: {} numbers here, {} there", ours.len(), theirs.len()).into());
    }
    let off = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
    match off <= 1e-6 {
        true => Ok(format!("values within {off:.0e}")),
        false => Err(format!("{what}: off by {off}").into()),
    }
}

/// Pearson's correlation.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product = |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| {
        a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>()
    };
    product(a, mean_a, b, mean_b) / (product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b)).sqrt()
}

/// Features, and a target that depends on them by steps, curves and products.
fn table() -> Vec<f64> {
    let mut random = Random::new(20, 0);
    let mut table = Vec::with_capacity((LEARN + EXPLAIN) * (FEATURES + 1));
    for _ in 0..LEARN + EXPLAIN {
        let x: [f64; FEATURES] = std::array::from_fn(|_| random.normal());
        let line: f64 = x[7..].iter().enumerate().map(|(j, x)| x * (j as f64 - 6.0) / 10.0).sum();
        let step = if x[3] > 0.3 { x[4] } else { 0.0 };
        table.extend(x);
        let curves = 1.5 * (2.0 * x[2]).sin() + 0.5 * x[5].abs() - 0.3 * x[6] * x[6];
        table.push(x[0] * x[1] + curves + step + line + 0.5 * random.normal());
    }
    table
}
