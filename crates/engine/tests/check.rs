//! `check` on tables with every fault planted: each is found, with its rows, and each remedy is a recipe that can be read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::Path;

use tidemill_engine::audit::{Audit, Finding, Severity, check};
use tidemill_engine::builtin;
use tidemill_engine::core::Context;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::recipe;
use tidemill_engine::verbs::train;

fn audit(name: &str, text: &str, recipe: &Recipe) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    check(&path.display().to_string(), recipe, &Context::default()).unwrap()
}

fn target(name: &str) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.target = Some(name.into());
    recipe
}

#[track_caller]
fn find<'a>(audit: &'a Audit, code: &str, column: &str) -> &'a Finding {
    let of = |f: &&Finding| f.code == code && (column.is_empty() || f.columns.iter().any(|c| c == column));
    let told = || audit.findings.iter().map(|f| format!("{} {:?}", f.code, f.columns)).collect::<Vec<_>>();
    audit.findings.iter().find(of).unwrap_or_else(|| panic!("no '{code}' of '{column}' in {:?}", told()))
}

/// Every remedy of an audit, read as a recipe.
#[track_caller]
fn remedies_are_recipes(audit: &Audit) {
    for finding in &audit.findings {
        assert!(!finding.remedy.is_empty(), "{finding:?}");
        if let Some(lines) = &finding.recipe {
            recipe::parse(lines, "remedy.toml", &builtin::registry())
                .unwrap_or_else(|e| panic!("{}: {e}\n{lines}", finding.code));
        }
    }
}

const NAMES: [&str; 5] = ["Paris", "Lyon", "Nice", "Marseille", "Málaga"];

/// One row of the messy table, from 1, before copies are planted.
fn row(i: usize) -> Vec<String> {
    let town = match i {
        33 => "paris",
        34 => "PARIS",
        77 => "Marseile",
        35 => "Malaga",
        41 => "ZÃ¼rich",
        42 => "M\u{fffd}laga",
        _ => NAMES[(i * 7) % 5],
    };
    let when = match i % 4 {
        3 => format!("{}/0{}/2024", 13 + i % 15, 1 + i % 9),
        _ => format!("2024-0{}-{}", 1 + i % 9, 10 + i % 18),
    };
    let age = if i.is_multiple_of(10) { String::new() } else { format!("{}", 20 + (i * 37) % 50) };
    let income = if i == 57 { 5e6 } else { 1000.0 + ((i * 7919) % 4001) as f64 / 2.0 };
    let score = if i % 100 == 20 { "-999".into() } else { format!("{:.1}", ((i * 31) % 97) as f64 / 10.0) };
    let mixed = if i % 10 == 5 { "low".into() } else { format!("{}", (i * 7) % 53) };
    let place = if i % 9 == 7 {
        [String::new(), String::new()]
    } else {
        [i * 3 % 401, i * 11 % 397].map(|x| format!("{x}.5"))
    };
    let churned = if i % 20 == 9 { "yes" } else { "no" };
    let [lat, lon] = place;
    let twin = format!("{}", 2.0 * income + 1.0);
    [
        format!("c{i:04}x"),
        age,
        format!("{income}"),
        score,
        town.into(),
        mixed,
        when,
        "x".into(),
        String::new(),
        lat,
        lon,
        twin,
        churned.into(),
    ]
    .to_vec()
}

const HEAD: &str = "id,age,income,score,town,mixed,when,fixed,void,lat,lon,twin,churned";

fn messy() -> String {
    let mut rows: Vec<Vec<String>> = (1..=400).map(row).collect();
    for k in 0..5 {
        rows[300 + k] = rows[k].clone();
        let id = rows[320 + k][0].clone();
        rows[320 + k] = rows[20 + k].clone();
        rows[320 + k][0] = id;
        rows[320 + k][12] = if rows[20 + k][12] == "no" { "yes".into() } else { "no".into() };
    }
    let id = rows[339][0].clone();
    rows[339] = rows[10].clone();
    rows[339][0] = id;
    rows[339][1] = "63".into();
    let lines: Vec<String> = rows.iter().map(|r| r.join(",")).collect();
    format!("{HEAD}\n{}\n", lines.join("\n"))
}

#[test]
fn every_planted_fault_is_found_with_its_rows() {
    let audit = audit("messy.csv", &messy(), &target("churned"));
    remedies_are_recipes(&audit);
    assert!(audit.severe >= 2 && audit.verdict.starts_with("Not ready"), "{}", audit.verdict);
    let at = |code: &str, column: &str| find(&audit, code, column).rows.clone();
    assert_eq!(at("mixed_types", "mixed"), [5]);
    assert_eq!(find(&audit, "mixed_types", "mixed").severity, Severity::Severe);
    assert_eq!(find(&audit, "date_formats", "when").severity, Severity::Severe);
    assert_eq!(at("date_formats", "when"), [1, 3]);
    assert_eq!(at("far_out", "income"), [57]);
    assert_eq!(at("stand_in", "score"), [20, 120, 220, 320]);
    assert_eq!(at("misencoded_text", "town"), [41]);
    assert_eq!(at("broken_text", "town"), [42]);
    let variants = at("name_variants", "town");
    assert_eq!(variants, [33, 34, 35]);
    assert_eq!(at("misspelt", "town"), [77]);
    // The finding shows the rows of the column that misses most; each column has its own.
    assert_eq!(at("some_missing", "age"), [7, 16, 25, 34, 43]);
    let age = audit.profile.columns.iter().find(|c| c.name == "age").unwrap();
    assert_eq!(age.missing.rows, [10, 20, 30, 40, 50]);
    assert_eq!(find(&audit, "missing_together", "lat").columns, ["lat", "lon"]);
    for column in ["fixed", "void"] {
        assert_eq!(find(&audit, "constant", column).severity, Severity::Note);
    }
    assert_eq!(at("repeated_rows", ""), [301, 302, 303, 304, 305]);
    let conflicts = audit.profile.repeats.conflicts.as_ref().unwrap();
    assert_eq!((conflicts.rows, conflicts.errors_at_least), (10, 5));
    assert_eq!(conflicts.groups[0].rows, [21, 321]);
    assert_eq!(at("conflicting_labels", "churned")[..2], [21, 321]);
    let near = &audit.profile.near_repeats.pairs;
    assert!(near.iter().any(|p| p.rows == [11, 340] && p.differ == ["age"]), "{near:?}");
    find(&audit, "redundant", "twin");
    find(&audit, "imbalance", "churned");
    find(&audit, "identifier", "id");
}

#[test]
fn leaks_are_severe_and_drift_is_told() {
    let mut text = String::from("day,amount,closed,noise,left\n");
    for i in 0..600usize {
        let left = (i * 31) % 7 < 2;
        let amount = (if i < 300 { 100 } else { 400 }) + (i * 13) % 90;
        let (month, day) = (1 + i / 50, 1 + (i * 17) % 28);
        text += &format!(
            "2023-{month:02}-{day:02},{amount},{},{},{}\n",
            if left { "won" } else { "kept" },
            (i * 7) % 41,
            if left { "y" } else { "n" }
        );
    }
    let audit = audit("leak.csv", &text, &target("left"));
    remedies_are_recipes(&audit);
    let leak = find(&audit, "leak", "closed");
    assert_eq!(
        (leak.severity, leak.recipe.as_deref()),
        (Severity::Severe, Some("[data]\nignore = [\"closed\"]"))
    );
    let drift = find(&audit, "drift", "amount");
    assert_eq!((drift.severity, drift.columns.len()), (Severity::Warning, 1));
    assert_eq!(drift.recipe.as_deref(), Some("[data]\ntime = \"day\""));
}

#[test]
fn remedies_hold_for_names_that_toml_must_quote() {
    let mut text = String::from("\"a \"\"b\"\".c\",x y,t\n");
    for i in 0..100 {
        text += &format!(
            "{},{},{}\n",
            if i % 8 == 1 { "low".into() } else { i.to_string() },
            if i % 4 == 0 { String::new() } else { (i * 1.5 as usize).to_string() },
            i % 2
        );
    }
    let audit = audit("odd.csv", &text, &target("t"));
    find(&audit, "mixed_types", "a \"b\".c");
    find(&audit, "much_missing", "x y");
    remedies_are_recipes(&audit);
}

/// A number that stands for "no value" is found in a source that has types as in one that has none, and the line that the
/// remedy gives makes it missing: for the audit, and for what is learned from.
#[test]
fn what_the_remedy_says_of_a_stand_in_is_done_whatever_the_source() {
    let value = |i: usize| if i % 25 == 7 { -999.0 } else { 10.0 + (i % 31) as f64 / 2.0 };
    let csv =
        (0..200).fold(String::from("score,t\n"), |text, i| text + &format!("{:.1},{}\n", value(i), i % 2));
    let json = (0..200)
        .fold(String::new(), |text, i| text + &format!("{{\"score\": {:?}, \"t\": {}}}\n", value(i), i % 2));
    for (name, text) in [("s.csv", csv), ("s.jsonl", json)] {
        let found = audit(name, &text, &target("t"));
        let line = find(&found, "stand_in", "score").recipe.clone().unwrap();
        let mut recipe = recipe::parse(&line, "remedy.toml", &builtin::registry()).unwrap();
        assert_eq!(recipe.data.missing, ["-999"]);
        recipe.data.target = Some("t".into());
        let mended = audit(name, &text, &recipe);
        assert!(mended.findings.iter().all(|f| f.code != "stand_in"), "{name}: {:?}", mended.findings);
        let score = &mended.profile.columns[0];
        assert_eq!((score.missing.count, score.numbers.as_ref().unwrap().min), (8, 10.0), "{name}");
        assert_eq!(score.missing.rows[..2], [8, 33], "{name}");
    }
}

/// Kinds 5 and 12: dates that stand for no date, and those of another calendar.
#[test]
fn odd_dates_are_named() {
    let day = |i: usize| format!("20{:02}-{:02}-{:02}", 15 + i % 9, 1 + i % 12, 1 + i % 28);
    let table = |of: &dyn Fn(usize) -> String| {
        (0..120).fold(String::from("d,x,y\n"), |t, i| t + &format!("{},{},{}\n", of(i), i * 7 % 31, i % 2))
    };
    for stand_in in ["1900-01-01", "9999-12-31", "1970-01-01"] {
        let text = table(&|i| if i % 11 == 3 { stand_in.into() } else { day(i) });
        let found = audit("t.csv", &text, &target("y"));
        let line = find(&found, "time_stand_in", "d").recipe.clone().unwrap();
        let mut recipe = recipe::parse(&line, "remedy.toml", &builtin::registry()).unwrap();
        recipe.data.target = Some("y".into());
        let mended = audit("t.csv", &text, &recipe);
        assert!(mended.findings.iter().all(|f| f.code != "time_stand_in"), "{stand_in}");
        assert_eq!(mended.profile.columns[0].missing.count, 11, "{stand_in}");
    }
    let thai = table(&|i| format!("{:02}/{:02}/{}", 1 + i % 28, 1 + i % 12, 2558 + i % 9));
    find(&audit("t.csv", &thai, &target("y")), "other_calendar", "d");
    let births = table(&|i| format!("{:02}.{:02}.{:02}", 1 + i % 28, 1 + i % 12, 48 + i * 7 % 50));
    find(&audit("t.csv", &births, &target("y")), "short_years", "d");
    let usual = audit("t.csv", &table(&day), &target("y"));
    let odd = |code: &str| ["time_stand_in", "other_calendar"].contains(&code);
    assert!(usual.findings.iter().all(|f| !odd(&f.code)));
}

/// Kinds 10 and 12: a class that says that nobody knew is named, and the line of the remedy takes it away.
#[test]
fn classes_that_stand_for_no_answer_are_named() {
    for word in ["Unknown", "#DIV/0!", "TBD", "未知"] {
        let line =
            |i: usize| format!("{},{}\n", i * 7 % 31, if i % 9 == 4 { word } else { ["a", "b"][i % 2] });
        let text = (0..180).fold(String::from("x,y\n"), |text, i| text + &line(i));
        let found = audit("t.csv", &text, &target("y"));
        let line = find(&found, "placeholder_class", "y").recipe.clone().unwrap();
        let mut recipe = recipe::parse(&line, "remedy.toml", &builtin::registry()).unwrap();
        recipe.data.target = Some("y".into());
        let mended = audit("t.csv", &text, &recipe);
        assert!(mended.findings.iter().all(|f| f.code != "placeholder_class"), "{word}");
        assert_eq!(mended.profile.columns[1].distinct.count, 2, "{word}");
    }
    let two = (0..100)
        .fold(String::from("x,y\n"), |t, i| t + &format!("{},{}\n", i % 13, ["known", "unknown"][i % 2]));
    let found = audit("two.csv", &two, &target("y"));
    assert!(found.findings.iter().all(|f| f.code != "placeholder_class"));
    // Codes of answers: 9, 99 and -8 are none of a scale from 1 to 5; -1, 6 and 50 may be.
    let scale = |code: i64| -> bool {
        let class = |i: usize| if i % 9 == 4 { code } else { 1 + i as i64 * 7 % 5 };
        let text = (0..180).fold(String::from("x,y\n"), |t, i| t + &format!("{},{}\n", i * 7 % 31, class(i)));
        audit("scale.csv", &text, &target("y")).findings.iter().any(|f| f.code == "placeholder_class")
    };
    let found = [9, 99, 888, -8, -99, -1, 0, 6, 50].map(scale);
    assert_eq!(found, [false, true, true, true, true, false, false, false, false]);
    let short = |i: usize| ["0", "1", "9"][i % 3];
    let text = (0..180).fold(String::from("x,y\n"), |t, i| t + &format!("{},{}\n", i * 7 % 31, short(i)));
    find(&audit("short.csv", &text, &target("y")), "placeholder_class", "y");
}

/// Kind 15: what `train` refuses, `check` finds.
#[test]
fn nothing_to_learn_from_is_severe() {
    let rows = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();
    for (text, code) in [
        ("y\n".to_string() + &rows(40, &|i| format!("{}\n", i % 2)), "nothing_to_learn"),
        ("a,b,y\n".to_string() + &rows(40, &|i| format!(",k,{}\n", i % 2)), "nothing_to_learn"),
        ("a,y\n".to_string() + &rows(8, &|i| format!("{i}.5,{}\n", i % 2)), "too_few_rows"),
        (
            "a,y\n".to_string()
                + &rows(40, &|i| format!("{i}.5,{}\n", if i < 9 { ["u", "v"][i % 2] } else { "" })),
            "too_few_rows",
        ),
    ] {
        let found = audit("t.csv", &text, &target("y"));
        assert!(found.severe > 0 && found.findings.iter().any(|f| f.code == code), "{text}");
    }
    let sound = "a,y\n".to_string() + &rows(40, &|i| format!("{}.5,{}\n", i * 7 % 40, i % 2));
    assert!(audit("t.csv", &sound, &target("y")).findings.iter().all(|f| f.severity != Severity::Severe));
}

#[test]
fn the_examples_have_nothing_severe() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (name, column) in
        [("iris", "species"), ("wine", "cultivar"), ("breast_cancer", "diagnosis"), ("penguins", "species")]
    {
        let path = examples.join(format!("{name}/{name}.csv"));
        let column = header(&path, column);
        let audit = check(&path.display().to_string(), &target(&column), &Context::default()).unwrap();
        let severe: Vec<&Finding> =
            audit.findings.iter().filter(|f| f.severity == Severity::Severe).collect();
        assert!(severe.is_empty(), "{name}: {severe:?}");
        remedies_are_recipes(&audit);
    }
}

/// The column of this name, or else the last one.
fn header(path: &Path, wanted: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let names: Vec<String> =
        text.lines().next().unwrap().split(',').map(|n| n.trim_matches('"').to_string()).collect();
    names.iter().find(|n| *n == wanted).or(names.last()).unwrap().clone()
}

#[test]
fn the_audit_is_the_same_for_one_two_and_three_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, messy()).unwrap();
    let with = |threads| {
        let context = Context::new(0, threads, std::sync::Arc::new(builtin::registry()));
        let audit = check(&path.display().to_string(), &target("churned"), &context).unwrap();
        serde_json::to_string(&audit).unwrap()
    };
    let one = with(1);
    assert!(one == with(2) && one == with(3));
}

/// Kind 21: what `train` keeps together because of its content, `check` names.
#[test]
fn copies_of_texts_and_pictures_are_named() {
    let line = |i: usize| {
        let words: Vec<String> = (0..14).map(|w| format!("w{}", (i / 4 * 37 + w * 101) % 997)).collect();
        format!("{} w{},{}\n", words.join(" "), 2000 + i, ["a", "b"][i / 4 % 2])
    };
    let text: String = (0..80).map(line).collect();
    let found = audit("texts.csv", &format!("note,y\n{text}"), &target("y"));
    let copies = find(&found, "near_copies", "");
    assert_eq!((copies.severity, copies.rows.first()), (Severity::Severe, Some(&2)), "{copies:?}");
    assert!(copies.message.starts_with("60 of 80 (75%) rows are nearly equal"), "{copies:?}");

    let folder = tempfile::tempdir().unwrap();
    for i in 0..10u8 {
        for class in ["cat", "dog"] {
            std::fs::create_dir_all(folder.path().join(class)).unwrap();
            // Four rows of four pixels: that so many agree is no chance.
            let mut bmp =
                b"BM\x66\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x04\0\0\0\x04\0\0\0\x01\0\x18\0\0\0\0\0\x30\0\0\0"
                    .to_vec();
            bmp.extend([0; 16]);
            bmp.extend((0..48u8).map(|at| (i + 3).wrapping_mul(at.wrapping_mul(29).wrapping_add(7))));
            std::fs::write(folder.path().join(class).join(format!("{i}.bmp")), bmp).unwrap();
        }
    }
    let found = check(&folder.path().display().to_string(), &target("label"), &Context::default()).unwrap();
    assert_eq!(find(&found, "near_copies", "").severity, Severity::Severe);
    let conflicts = find(&found, "conflicting_labels", "label");
    assert_eq!(conflicts.severity, Severity::Severe);
    assert!(conflicts.message.starts_with("20 of 20 (100%) rows are copies of one another"), "{conflicts:?}");
}

/// Kind 10: the spellings of a class are severe, and the line that is printed mends them.
#[test]
fn the_remedy_for_spellings_mends_them() {
    let line = |i: usize| format!("{},{}\n", i as f64 * 1.37, ["Yes", "yes ", "YES", "No", "no"][i * 7 % 5]);
    let text = format!("x,left\n{}", (0..100).map(line).collect::<String>());
    let found = audit("left.csv", &text, &target("left"));
    let variants = find(&found, "name_variants", "left");
    assert_eq!(variants.severity, Severity::Severe);
    let mut mended =
        recipe::parse(variants.recipe.as_ref().unwrap(), "remedy.toml", &builtin::registry()).unwrap();
    mended.data.target = Some("left".into());
    let found = audit("left.csv", &text, &mended);
    assert!(found.findings.iter().all(|f| f.code != "name_variants"));
    assert_eq!(found.target.unwrap().task, tidemill_engine::core::recipe::Task::Binary);
}

/// What was decided in reading is given back by lines that can be pasted.
#[test]
fn remedies_of_readings_are_recipes() {
    let mut text = String::from("d,country,y\n");
    for i in 0..120 {
        let country = ["NA", "ZW", "ZA", "BW"][i * 7 % 4];
        text += &format!("{:02}-{:02}-2020,{country},{}\n", 1 + i * 5 % 12, 1 + i * 7 % 12, i * 29 % 31);
    }
    let audit = audit("read.csv", &text, &target("y"));
    remedies_are_recipes(&audit);
    let dates = find(&audit, "ambiguous_dates", "d").recipe.as_deref().unwrap();
    assert_eq!(dates, "[columns.d]\nformat = \"month_first\"");
    let word = find(&audit, "word_is_name", "country").recipe.as_deref().unwrap();
    assert_eq!(word, "[data]\nmissing = [\"NA\"]");
}

/// A value that is far out is said in few digits.
#[test]
fn far_values_are_said_in_few_digits() {
    let mut text = String::from("x,y\n");
    for i in 0..200 {
        let x = if i == 7 { "1e300".into() } else { format!("{}", f64::from(i * 29 % 101) / 8.0) };
        text += &format!("{x},{}\n", i * 17 % 13);
    }
    let audit = audit("far.csv", &text, &target("y"));
    let said = &find(&audit, "far_out", "x").message;
    assert!(said.contains("1e300 lies over a million robust deviations") && said.len() < 200, "{said}");
}

/// What the program calls its own columns is known before anything is learned.
#[test]
fn names_of_answers_are_refused_for_columns_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    for (header, target, key) in [
        ("id,x,prediction", "prediction", None),
        ("prediction,x,y", "y", Some("prediction")),
        ("probability,x,y", "y", Some("probability")),
        ("probability_b,x,y", "y", Some("probability_b")),
    ] {
        let rows: String = (0..40).map(|i| format!("k{i},{},{}\n", i * 7 % 11, ["a", "b"][i % 2])).collect();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        let mut recipe = self::target(target);
        recipe.data.key = key.map(String::from);
        let job = train::Job {
            words: &tidemill_engine::report::words::EN,
            source: path.display().to_string(),
            recipe,
            recipe_file: None,
            out: folder.path().join("m"),
        };
        let context = Context::new(0, 1, std::sync::Arc::new(builtin::registry()));
        let said = train::train(&job, &context).err().unwrap().to_string();
        assert!(said.contains("the name of a column that a model answers with"), "{header}: {said}");
    }
}

/// Kind 10: rows that sum up others are named, and so are classes that all are rare.
#[test]
fn totals_and_rare_classes_are_named() {
    let regions = (0..120).map(|i| format!("R{},{},{}\n", i % 4, i * 7 % 31, i * 3 % 17)).collect::<String>();
    let found = audit("t.csv", &format!("region,x,y\n{regions}Total,1790,960\n"), &target("y"));
    let totals = find(&found, "total_rows", "region");
    assert_eq!((totals.severity, totals.rows.as_slice()), (Severity::Warning, &[121][..]));
    let found = audit("t.csv", &format!("region,x,y\n{regions}"), &target("y"));
    assert!(found.findings.iter().all(|f| f.code != "total_rows"));
    let classes = (0..120).map(|i| format!("{},c{}\n", i * 7 % 31, i / 2)).collect::<String>();
    let found = audit("t.csv", &format!("x,y\n{classes}"), &target("y"));
    assert!(find(&found, "rare_class", "y").message.contains("60 classes"), "{found:?}");
}

/// The only value of a column is not filled in where it is missing: it would stand in every row.
#[test]
fn a_blank_beside_one_value_is_not_filled_with_it() {
    let rows = (0..60).map(|i| format!("{},{},{}\n", ["Yes", ""][i % 2], i * 7 % 31, ["a", "b"][i / 3 % 2]));
    let text = rows.fold(String::from("member,x,y\n"), |text, row| text + &row);
    let found = audit("t.csv", &text, &target("y"));
    let line = find(&found, "much_missing", "member").recipe.clone().unwrap();
    assert!(line.contains("constant") && !line.contains("mode"), "{line}");
    remedies_are_recipes(&found);
}
