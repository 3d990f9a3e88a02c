//! Forecasts of dated tables: what a row may know, how they are judged, and what is refused.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};
use tidemill_core::recipe::{Forecast, Recipe};
use tidemill_core::{Batch, Column, Context, Error, Kind, Result, Schema, Table};
use tidemill_engine::builtin;
use tidemill_engine::forecast::{HISTORY, future, learning};
use tidemill_engine::recipe;
use tidemill_engine::verbs::evaluate;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train;
use tidemill_kernel::Random;

const HOUR: i64 = 3_600_000_000;

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// Hours of shops: a wave of 24 hours, noise, and a column that gives the target away an hour before.
struct Shops {
    times: Vec<i64>,
    shops: Vec<&'static str>,
    sold: Vec<Option<f64>>,
    tomorrow: Vec<f64>,
}

fn shops(hours: usize, names: &[&'static str]) -> Shops {
    let mut random = Random::new(5, 0);
    let mut all = Shops { times: vec![], shops: vec![], sold: vec![], tomorrow: vec![] };
    for (k, name) in names.iter().enumerate() {
        for i in 0..hours {
            let wave = (std::f64::consts::TAU * (i % 24) as f64 / 24.0).sin();
            all.times.push(i as i64 * HOUR);
            all.shops.push(name);
            all.sold.push(Some((100 * (k + 1)) as f64 + 30.0 * wave + 3.0 * random.normal()));
            all.tomorrow.push(0.0);
        }
    }
    for i in 0..all.sold.len() {
        all.tomorrow[i] = all.sold.get(i + 1).copied().flatten().unwrap_or(0.0);
    }
    all
}

impl Shops {
    fn table(&self) -> Table {
        let columns = vec![
            Column::new("at", Kind::Time),
            Column::new("shop", Kind::Text),
            Column::number("tomorrow"),
            Column::number("sold"),
        ];
        let times = TimestampMicrosecondArray::from(self.times.clone()).with_timezone("UTC");
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(times),
            Arc::new(StringArray::from(self.shops.clone())),
            Arc::new(Float64Array::from(self.tomorrow.clone())),
            Arc::new(Float64Array::from(self.sold.clone())),
        ];
        Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
    }
}

fn recipe(horizon: &str, group: bool) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.target = Some("sold".into());
    recipe.data.group = group.then(|| "shop".into());
    recipe.forecast = Some(Forecast { horizon: horizon.into(), ..Forecast::default() });
    recipe
}

fn rows(shops: &Shops, recipe: &Recipe) -> Result<(Batch, Recipe)> {
    let made = learning(&shops.table(), recipe, &context())?;
    Ok((made.rows.collect()?, made.recipe))
}

#[test]
fn rows_hold_the_past_and_nothing_that_comes_after() {
    let (batch, resolved) = rows(&shops(400, &["a", "b"]), &recipe("6h", true)).unwrap();
    let asked = resolved.forecast.unwrap();
    assert_eq!((asked.season, asked.window, asked.group.as_deref()), (Some(24), Some(48), Some("shop")));
    assert_eq!(resolved.split.gap.as_deref(), Some("21600s"));
    assert_eq!(batch.schema().names().collect::<Vec<_>>(), [HISTORY, "at", "shop", "sold"]);
    let (series, times, sold) =
        (batch.series(0).unwrap(), batch.times(1).unwrap(), batch.numbers(3).unwrap());
    let truth = shops(400, &["a", "b"]);
    for row in 0..batch.n_rows() {
        let (past, values) = series.of(row).unwrap();
        let ahead = (times.value(row) - past[past.len() - 1]) / HOUR;
        assert!((1..=6).contains(&ahead) && past.len() >= 48, "row {row}: {ahead}");
        // Each series keeps to itself.
        let shift = if sold.value(row) > 150.0 { 400 } else { 0 };
        let at = |time: i64| truth.sold[shift + (time / HOUR) as usize].unwrap();
        assert_eq!(sold.value(row), at(times.value(row)));
        assert!(past.iter().zip(values).all(|(&time, &value)| value == at(time)));
    }
}

#[test]
fn a_value_after_the_origin_changes_no_feature() {
    let before = shops(300, &["a"]);
    let mut recipe = recipe("12", false);
    recipe.forecast.as_mut().unwrap().season = Some(24);
    let (rows_before, _) = rows(&before, &recipe).unwrap();
    let series = rows_before.series(0).unwrap();
    let mut random = Random::new(8, 0);
    for _ in 0..20 {
        let changed = 40 + random.below(260);
        let mut after = shops(300, &["a"]);
        after.sold[changed] = Some(1e6);
        after.tomorrow[changed] = -1e6;
        let (rows_after, _) = rows(&after, &recipe).unwrap();
        assert_eq!(rows_after.n_rows(), rows_before.n_rows());
        let later = rows_after.series(0).unwrap();
        for row in 0..rows_before.n_rows() {
            let (past, values) = series.of(row).unwrap();
            let origin = *past.last().unwrap();
            if origin < changed as i64 * HOUR {
                assert_eq!(later.of(row).unwrap(), (past, values), "row {row}");
            }
        }
    }
}

#[test]
fn gaps_unsorted_and_repeated_times_are_dealt_with_by_rule() {
    let mut holes = shops(400, &["a"]);
    for i in (0..400).step_by(17) {
        holes.sold[i] = None;
    }
    // The order of the rows is of no interest.
    let order: Vec<u32> = (0..400).rev().collect();
    let shuffled = Table::new(holes.table().batch().take(&order).unwrap());
    let recipe = recipe("6", false);
    let sorted = learning(&holes.table(), &recipe, &context()).unwrap().rows.collect().unwrap();
    let unsorted = learning(&shuffled, &recipe, &context()).unwrap().rows.collect().unwrap();
    assert_eq!(sorted.column(0), unsorted.column(0));
    assert_eq!(sorted.column(2), unsorted.column(2));
    assert_eq!(sorted.column(2).null_count(), 0, "rows without a value are not learned from");

    let mut twice = shops(400, &["a"]);
    twice.times.push(0);
    twice.shops.push("a");
    twice.sold.push(Some(twice.sold[0].unwrap() + 10.0));
    twice.tomorrow.push(0.0);
    let context = context();
    let made = learning(&twice.table(), &recipe, &context).unwrap().rows.collect().unwrap();
    let first = made.series(0).unwrap().of(0).unwrap();
    assert_eq!(first.1[0], twice.sold[0].unwrap() + 5.0);
    assert_eq!(context.warnings()[0].code, "repeated_times");
}

#[test]
fn the_future_begins_after_the_last_known_value() {
    let mut open = shops(400, &["a", "b"]);
    // Of the first series the last three are not known yet.
    (397..400).for_each(|i| open.sold[i] = None);
    let (_, model) = rows(&open, &recipe("5", true)).unwrap();
    let ahead = future(&open.table(), &model, &context()).unwrap().collect().unwrap();
    let times: Vec<i64> = ahead.times(1).unwrap().values().iter().map(|t| t / HOUR).collect();
    assert_eq!(times, [397, 398, 399, 400, 401, 400, 401, 402, 403, 404]);
    assert_eq!(ahead.column(3).null_count(), 10);
    let series = ahead.series(0).unwrap();
    assert_eq!(series.of(0).unwrap().0.last(), Some(&(396 * HOUR)));
    assert_eq!(series.of(9).unwrap().0.last(), Some(&(399 * HOUR)));
}

#[test]
fn what_cannot_be_forecast_is_refused_with_a_remedy() {
    let refused = |shops: &Shops, recipe: &Recipe| -> Error {
        let e = rows(shops, recipe).err().unwrap();
        assert!(
            e.remedy().is_some()
                || e.code() == "parameter"
                || ["missing_column", "wrong_kind"].contains(&e.code()),
            "{e}"
        );
        e
    };
    assert!(refused(&shops(30, &["a"]), &recipe("28", false)).to_string().contains("too short"));
    assert!(
        refused(&shops(1, &["a"]), &recipe("1", false)).to_string().contains("'at' is the same in every row")
    );
    assert_eq!(refused(&shops(300, &["a"]), &recipe("soon", false)).code(), "parameter");
    let mut other = recipe("6", false);
    other.split.kind = Some(tidemill_core::recipe::SplitKind::Random);
    assert_eq!(refused(&shops(300, &["a"]), &other).code(), "parameter");
    other = recipe("6", false);
    other.data.time = Some("sold".into());
    assert!(refused(&shops(300, &["a"]), &other).to_string().contains("sold"));
    other = recipe("6", false);
    other.forecast.as_mut().unwrap().known = vec!["holidays".into()];
    assert_eq!(refused(&shops(300, &["a"]), &other).code(), "missing_column");
    let mut unknown = shops(300, &["a"]);
    unknown.sold.iter_mut().for_each(|x| *x = None);
    refused(&unknown, &recipe("6", false));
}

/// Trees know no answer beyond those they have seen; and months that came once are not a season.
#[test]
fn what_grows_is_followed() {
    let mut grows = shops(700, &["a"]);
    for i in 0..700 {
        let growth = 1.004f64.powi(i as i32);
        grows.sold[i] = grows.sold[i].map(|x| x * growth);
    }
    let folder = tempfile::tempdir().unwrap();
    let source = csv(&grows, &folder.path().join("shops.csv"));
    let mut asked = recipe("12", false);
    asked.data.time = Some("at".into());
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source,
        recipe: asked,
        recipe_file: None,
        out: folder.path().join("m"),
    };
    let outcome = train::train(&job, &context()).unwrap().outcome;
    let all = &outcome.forecast.as_ref().unwrap().backtest.as_ref().unwrap().all;
    // One season before lacks a day's growth, a tenth.
    assert!(all.mase < 0.5 * all.naive_mase, "{all:?}");
    let best = |kind: &str| outcome.leaderboard.iter().find(|s| s.learner == kind).and_then(|s| s.mean);
    assert!(best("relative") < best("boosted_trees"), "{:?}", outcome.leaderboard);
    assert!(best("local_forecast") < best("boosted_trees"), "{:?}", outcome.leaderboard);
}

fn csv(shops: &Shops, path: &Path) -> String {
    let mut text = String::from("at,shop,tomorrow,sold\n");
    for i in 0..shops.times.len() {
        let at = tidemill_data::parse::write_iso(shops.times[i]);
        let sold = shops.sold[i].map_or(String::new(), |x| x.to_string());
        text += &format!("{at},{},{},{sold}\n", shops.shops[i], shops.tomorrow[i]);
    }
    std::fs::write(path, text).unwrap();
    path.display().to_string()
}

#[test]
fn from_a_table_to_forecasts_and_their_figures() {
    let folder = tempfile::tempdir().unwrap();
    let source = csv(&shops(500, &["a", "b"]), &folder.path().join("shops.csv"));
    let toml = "[data]\ntarget = \"sold\"\ngroup = \"shop\"\n[forecast]\nhorizon = \"12h\"\n[[learners]]\nkind = \"ridge\"\n";
    let asked = recipe::parse(toml, "test.toml", &builtin::registry()).unwrap();
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source: source.clone(),
        recipe: asked,
        recipe_file: None,
        out: folder.path().join("m"),
    };
    let trained = train::train(&job, &context()).unwrap();
    let facts = trained.outcome.forecast.as_ref().unwrap();
    let backtest = facts.backtest.as_ref().unwrap();
    assert_eq!((facts.season, backtest.by_step.len()), (Some(24), 12));
    // What was read are the rows of the file, not the examples made of them.
    assert_eq!(facts.table, [1000, 3]);
    let said = tidemill_engine::report::text::training(&tidemill_engine::report::words::EN, &trained);
    assert!(
        said.contains("Read 1000 rows and 3 columns from") && said.contains("examples of a past"),
        "{said}"
    );
    assert!(backtest.origins > 20 && backtest.all.n > 200, "{backtest:?}");
    // Noise of 3 around a wave: one season before is off by its noise too, the mean of the past by less.
    assert!(backtest.all.mase < 0.95 && backtest.all.mase < backtest.all.naive_mase, "{backtest:?}");
    assert!((2.0..4.5).contains(&backtest.all.rmse), "{backtest:?}");
    let used: Vec<&str> = trained.outcome.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(used, [HISTORY, "at", "shop", "sold"], "what is known only later is not looked at");

    // The resolved recipe leads to the same model again, byte for byte.
    let written = recipe::read(&trained.recipe, &builtin::registry()).unwrap();
    let job = train::Job { recipe: written, out: folder.path().join("again"), ..job };
    let again = train::train(&job, &context()).unwrap();
    assert_eq!(std::fs::read(&again.model).unwrap(), std::fs::read(&trained.model).unwrap());
    let again = again.outcome;
    assert_eq!(again.test.to_string(), trained.outcome.test.to_string());
    assert_eq!(format!("{:?}", again.forecast), format!("{:?}", trained.outcome.forecast));

    let out = folder.path().join("ahead.csv").display().to_string();
    assert_eq!(predict::predict(&trained.model, &source, &out, &context()).unwrap().rows, 24);
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.starts_with("at,shop,prediction,lower_80,upper_80\n"), "{text}");
    let truth = |i: usize| 30.0 * (std::f64::consts::TAU * (i % 24) as f64 / 24.0).sin();
    for (i, line) in text.lines().skip(1).enumerate() {
        let said: Vec<f64> = line.split(',').skip(2).map(|x| x.parse().unwrap()).collect();
        let level = if i < 12 { 100.0 } else { 200.0 };
        assert!((said[0] - level - truth(500 + i % 12)).abs() < 12.0, "{line}");
        // Noise of 3 has 80% of its values within 3.84.
        assert!(
            said[1] < said[0] && said[0] < said[2] && (4.0..16.0).contains(&(said[2] - said[1])),
            "{line}"
        );
    }
    let judged = evaluate::model(&trained.model, &source, None, &context()).unwrap();
    let evaluate::Judged::One(judged) = judged else { panic!("one target") };
    assert!(judged.report.value("rmse").unwrap() < 4.5);
}

/// A file of one series, and what a model of it says next.
fn ahead(
    name: &str,
    lines: impl Iterator<Item = String>,
    horizon: &str,
    toml: &str,
) -> (Vec<String>, Vec<f64>, train::Job) {
    let folder = tempfile::tempdir().unwrap().keep();
    let source = folder.join(format!("{name}.csv"));
    std::fs::write(&source, format!("when,sold\n{}", lines.map(|l| l + "\n").collect::<String>())).unwrap();
    let text = format!(
        "[data]\ntarget = \"sold\"\n{toml}[forecast]\nhorizon = \"{horizon}\"\n[train]\nblend = false\n"
    );
    let asked = recipe::parse(&text, "test.toml", &builtin::registry()).unwrap();
    let source = source.display().to_string();
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source: source.clone(),
        recipe: asked,
        recipe_file: None,
        out: folder.join("m"),
    };
    let trained = train::train(&job, &context()).unwrap();
    let out = folder.join("ahead.csv").display().to_string();
    predict::predict(&trained.model, &source, &out, &context()).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let cells = |at: usize| text.lines().skip(1).map(move |l| l.split(',').nth(at).unwrap().to_string());
    let values = cells(1).map(|x| x.parse().unwrap()).collect();
    (cells(0).map(|d| d[..10].to_string()).collect(), values, job)
}

fn wave(i: usize, season: usize) -> f64 {
    100.0
        + 20.0 * (std::f64::consts::TAU * (i % season) as f64 / season as f64).sin()
        + 0.2 * (i * 7 % 11) as f64
}

#[test]
fn time_is_a_calendar() {
    let month = |i: usize| format!("{}-{:02}-01,{}", 2015 + i / 12, i % 12 + 1, wave(i, 12));
    let (dates, values, _) = ahead("months", (0..60).map(month), "5", "");
    assert_eq!(dates, ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01", "2020-05-01"]);
    assert!(values.iter().enumerate().all(|(i, x)| (x - wave(60 + i, 12)).abs() < 5.0), "{values:?}");

    let ends = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let end = |i: usize| {
        let leap = usize::from((2015 + i / 12usize).is_multiple_of(4) && i % 12 == 1);
        format!("{}-{:02}-{},{}", 2015 + i / 12, i % 12 + 1, ends[i % 12] + leap, wave(i, 12))
    };
    let (dates, _, _) = ahead("ends", (0..60).map(end), "3", "");
    assert_eq!(dates, ["2020-01-31", "2020-02-29", "2020-03-31"]);

    let quarter = |i: usize| format!("{} Q{},{}", 1970 + i / 4, i % 4 + 1, wave(i, 4));
    let (dates, _, _) = ahead("quarters", (0..41).map(quarter), "3", "time = \"when\"\n");
    assert_eq!(dates, ["1980-04-01", "1980-07-01", "1980-10-01"]);

    let year = |i: usize| format!("{},{}", 1900 + i, wave(i, 9));
    let (dates, _, _) = ahead("years", (0..80).map(year), "2", "time = \"when\"\n");
    assert_eq!(dates, ["1980-01-01", "1981-01-01"]);

    // 2024-01-01 was a Monday.
    let weekday = |i: usize| {
        let day = 1_704_067_200_000_000 + (i / 5 * 7 + i % 5) as i64 * 24 * HOUR;
        format!("{},{}", &tidemill_data::parse::write_iso(day)[..10], wave(i, 5))
    };
    let (dates, values, _) = ahead("weekdays", (0..200).map(weekday), "6", "");
    assert_eq!(dates, ["2024-10-07", "2024-10-08", "2024-10-09", "2024-10-10", "2024-10-11", "2024-10-14"]);
    assert!(values.iter().enumerate().all(|(i, x)| (x - wave(200 + i, 5)).abs() < 5.0), "{values:?}");
}

#[test]
fn a_short_series_gets_what_can_be_fitted() {
    let day = |i: usize| format!("2024-01-{:02},{}", i + 1, 5 + i * i % 3);
    for (points, horizon) in [(8, 1), (8, 3), (8, 5), (12, 2), (12, 3), (12, 8)] {
        let (dates, values, _) = ahead("short", (0..points).map(day), &horizon.to_string(), "");
        let sound = values.iter().all(|x| (3.0..9.0).contains(x));
        assert_eq!((dates.len(), sound), (horizon, true), "{points} points: {values:?}");
    }
    let month = |i: usize| format!("{}-{:02}-01,{}", 2020 + i / 12, i % 12 + 1, wave(i, 12));
    let (_, values, _) = ahead("seasons", (0..24).map(month), "12", "");
    assert!(values.iter().enumerate().all(|(i, x)| (x - wave(24 + i, 12)).abs() < 12.0), "{values:?}");
}

/// Years, quarters and months are times without being named, where no other column is one.
#[test]
fn a_column_of_years_or_quarters_is_found_by_itself() {
    let rows = |time: &dyn Fn(usize) -> String, head: &str| {
        let lines = (0..60).map(|i| format!("{},{}\n", time(i), 100 + (i * i * 7) % 31));
        format!("{head}\n{}", lines.collect::<String>())
    };
    let read = |text: &str| -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let mut recipe = Recipe::default();
        recipe.data.target = Some("y".into());
        recipe.forecast = Some(Forecast { horizon: "2".into(), ..Forecast::default() });
        let source = tidemill_engine::rows::open_to_learn(&path.display().to_string(), &recipe)?;
        let made = learning(&*source, &recipe, &context())?;
        Ok(made.recipe.forecast.unwrap().step.unwrap())
    };
    for (text, step) in [
        (rows(&|i| (1950 + i).to_string(), "year,y"), "1 year"),
        (rows(&|i| format!("{} Q{}", 1990 + i / 4, 1 + i % 4), "quarter,y"), "3 months"),
        (rows(&|i| format!("{}{:02}", 2010 + i / 12, 1 + i % 12), "month,y"), "1 month"),
        (rows(&|i| format!("Q{}/{}", 1 + i % 4, 1990 + i / 4), "when,y"), "3 months"),
    ] {
        assert_eq!(read(&text).unwrap(), step, "{text}");
    }
    let apart = rows(&|i| format!("{},{}", 2010 + i / 12, 1 + i % 12), "year,month,y");
    let error = read(&apart).unwrap_err();
    assert!(error.to_string().contains("'year' says the year alone, and 'month' a part of it"), "{error}");
    let none = rows(&|i| (i * 37 % 101).to_string(), "height,y");
    assert!(read(&none).unwrap_err().to_string().contains("no column holds timestamps"));
}

/// On noise around a level no method beats the mean of all that was, whatever the time: nothing worse than it is shipped.
#[test]
fn what_loses_to_the_mean_of_all_that_was_is_not_shipped() {
    let mut random = Random::new(3, 0);
    let lines = (0..300)
        .map(|i| format!("2022-{:02}-{:02},{:.3}\n", 1 + i / 28, 1 + i % 28, 50.0 + 5.0 * random.normal()));
    let text = format!("day,y\n{}", lines.collect::<String>());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    for limit in [None, Some(std::time::Duration::from_secs(2))] {
        let mut recipe = Recipe::default();
        recipe.data.target = Some("y".into());
        recipe.forecast = Some(Forecast { horizon: "14".into(), ..Forecast::default() });
        let job = train::Job {
            words: &tidemill_engine::report::words::EN,
            source: path.display().to_string(),
            recipe,
            recipe_file: None,
            out: folder.path().join("m"),
        };
        let context = context().with_deadline(limit.map(|limit| std::time::Instant::now() + limit));
        let outcome = train::train(&job, &context).unwrap().outcome;
        let [ours, base] = [&outcome.test, &outcome.baseline].map(|found| found.value("mae").unwrap());
        assert!(ours <= base, "{ours} against {base}");
        let all = outcome.forecast.unwrap().backtest.unwrap().all;
        assert!(all.mase <= all.naive_mase, "{all:?}");
    }
}
