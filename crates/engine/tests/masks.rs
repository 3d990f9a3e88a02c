//! Masks from a table of pictures to answers: learned, judged against naive answers, written as files and served from memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use tidemill_core::recipe::Task;
use tidemill_core::{Cell, Context, Error, Row};
use tidemill_engine::builtin;
use tidemill_engine::facts::TrainedMasks;
use tidemill_engine::model;
use tidemill_engine::recipe;
use tidemill_engine::report::text;
use tidemill_engine::report::words::{EN, LANGUAGES};
use tidemill_engine::serve::serving::{Prediction, Serving};
use tidemill_engine::verbs::evaluate::{self, Judged, ReportFile};
use tidemill_engine::verbs::predict::{predict, predict_into};
use tidemill_engine::verbs::train::{Done, Job, train_any};
use tidemill_kernel::Random;
use tidemill_kernel::mask::Mask;

const SIDE: usize = 32;

fn context_on(threads: usize) -> Context {
    Context::new(0, threads, Arc::new(builtin::registry()))
}

fn context() -> Context {
    context_on(2)
}

/// A disc or a square on a background that grows brighter from one side to the other, all under noise: no threshold tells them apart.
fn scene(random: &mut Random) -> (Mask, Mask) {
    let radius = 4 + random.below(5);
    let [x, y] = [0, 1].map(|_| radius + random.below(SIDE - 2 * radius));
    let (round, slope, base) = (random.below(2) == 0, random.below(2) == 0, 20.0 + 40.0 * random.unit());
    let (mut picture, mut mask) = (Vec::new(), Vec::new());
    for at in 0..SIDE * SIDE {
        let (row, column) = (at / SIDE, at % SIDE);
        let [dx, dy] = [column.abs_diff(x), row.abs_diff(y)];
        let inside = if round { dx * dx + dy * dy <= radius * radius } else { dx.max(dy) < radius };
        let along = if slope { column } else { SIDE - 1 - column } as f64 / SIDE as f64;
        let value = base + 130.0 * along + if inside { 45.0 } else { 0.0 } + 6.0 * random.normal();
        picture.push(value.clamp(0.0, 255.0).round() as u8);
        mask.push(if inside { 255 } else { 0 });
    }
    (Mask::new(SIDE, SIDE, picture).unwrap(), Mask::new(SIDE, SIDE, mask).unwrap())
}

/// So many scenes in a folder, with their table.
fn scenes(folder: &Path, n: usize, seed: u64) -> String {
    let mut random = Random::new(seed, 0);
    let mut table = String::from("picture,mask\n");
    for i in 0..n {
        let (picture, mask) = scene(&mut random);
        std::fs::write(folder.join(format!("p{i}.png")), picture.to_png()).unwrap();
        std::fs::write(folder.join(format!("m{i}.png")), mask.to_png()).unwrap();
        table += &format!("p{i}.png,m{i}.png\n");
    }
    table
}

const QUICK: &str = "[data]\ntarget = 'mask'\n[[learners]]\nkind = 'u_net'\nfilters = [8, 16]\nepochs = 30\nlearning_rate = 0.005\n";
const OTSU: &str = "[data]\ntarget = 'mask'\n[[learners]]\nkind = 'otsu'\n";

fn job(folder: &Path, csv: &str, text: &str, out: &str) -> Job {
    let source = folder.join("scenes.csv");
    std::fs::write(&source, csv).unwrap();
    let recipe = recipe::parse(text, "test.toml", &builtin::registry()).unwrap();
    Job { words: &EN, source: source.display().to_string(), recipe, recipe_file: None, out: folder.join(out) }
}

fn trained(job: &Job, context: &Context) -> Result<TrainedMasks, Error> {
    match train_any(job, context)? {
        Done::Masks(trained) => Ok(*trained),
        _ => panic!("masks"),
    }
}

fn refused_in(folder: &Path, csv: &str, text: &str) -> String {
    let e = trained(&job(folder, csv, text, "refused"), &context()).err().unwrap();
    assert!(!folder.join("refused").exists(), "nothing is half-written");
    format!("{e} | {}", e.remedy().unwrap_or_default())
}

#[test]
fn a_u_net_cuts_what_no_threshold_can_and_its_answers_go_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let csv = scenes(folder.path(), 40, 1);
    let done = trained(&job(folder.path(), &csv, QUICK, "out"), &context()).unwrap();
    let o = &done.outcome;
    assert_eq!((o.target.as_str(), &o.classes[..], o.test.pictures), ("mask", &[0, 255][..], 8));
    let best = &o.naive[0];
    assert!(o.naive.len() == 2 && best.mean_iou < 0.6, "{:?}", o.naive);
    assert!(o.test.mean_iou > best.mean_iou + 0.15 && best.gain.low > 0.0, "{:?} {:?}", o.test, o.naive);

    for words in LANGUAGES {
        let story = text::training_of_masks(words, &done);
        assert!(story.contains("IoU") && !story.contains('{'), "{story}");
    }
    let page = std::fs::read_to_string(&done.report).unwrap();
    assert_eq!(
        page.matches("data:image/png;base64,").count(),
        18,
        "six pictures, each plain and with both masks"
    );

    // As runs, as files, and judged again by other scenes.
    let answers = folder.path().join("answers.csv");
    let source = folder.path().join("scenes.csv").display().to_string();
    predict(&done.model, &source, &answers.display().to_string(), &context()).unwrap();
    let text = std::fs::read_to_string(&answers).unwrap();
    assert_eq!(text.lines().next().unwrap(), "picture,prediction");
    let first =
        text.lines().nth(1).unwrap().split_once(',').unwrap().1.trim_matches('"').replace("\"\"", "\"");
    let first = Mask::of_rle(&first).unwrap();
    let files = folder.path().join("cut");
    predict_into(&done.model, &source, &answers.display().to_string(), Some(&files), &context()).unwrap();
    assert_eq!(Mask::of_picture(&std::fs::read(files.join("1.png")).unwrap()).unwrap(), first);
    assert_eq!(std::fs::read_dir(&files).unwrap().count(), 40);

    let later = tempfile::tempdir().unwrap();
    let table = later.path().join("later.csv");
    std::fs::write(&table, scenes(later.path(), 12, 2)).unwrap();
    let page = later.path().join("page.html");
    let report = ReportFile { file: &page, words: &EN };
    let found = evaluate::model(&done.model, &table.display().to_string(), Some(report), &context()).unwrap();
    let Judged::Masks(found) = found else { panic!("masks") };
    assert!(found.judged.pictures == 12 && found.judged.mean_iou > 0.7, "{found:?}");
    assert!(std::fs::read_to_string(page).unwrap().contains(EN.masks_scores));

    // Served, a caller sends the picture itself.
    let opened = model::open(&done.model, &context()).unwrap();
    assert_eq!(opened.provenance.task, Some(Task::Masks));
    let serving = Serving::of(opened, &done.model, None, None, &context()).unwrap();
    let names: Vec<&str> = serving.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["picture"]);
    let picture =
        Mask::of_picture(&std::fs::read(folder.path().join("p0.png")).unwrap()).unwrap().to_base64();
    let answer = serving.answer(&mut [Row { cells: vec![Cell::Text(picture)] }]).unwrap().remove(0);
    assert!(answer.prediction == Prediction::Mask && !answer.is_not_finite());
    assert_eq!(Mask::of_rle(answer.mask.as_deref().unwrap()).unwrap(), first);
}

#[test]
fn threads_do_not_matter_and_the_resolved_recipe_leads_here_again() {
    let folder = tempfile::tempdir().unwrap();
    let csv = scenes(folder.path(), 12, 3);
    let text = "[data]\ntarget = 'mask'\n[[learners]]\nkind = 'u_net'\nfilters = [4, 6]\nepochs = 2\nbatch_size = 4\n[[learners]]\nkind = 'k_means'\n";
    let one = trained(&job(folder.path(), &csv, text, "one"), &context_on(1)).unwrap();
    let three = trained(&job(folder.path(), &csv, text, "three"), &context_on(3)).unwrap();
    assert_eq!(std::fs::read(&one.model).unwrap(), std::fs::read(&three.model).unwrap());
    assert_eq!(one.outcome.leaderboard.len(), 2);
    let resolved = std::fs::read_to_string(&one.recipe).unwrap();
    assert!(resolved.contains("task = \"masks\""), "{resolved}");
    let again = trained(&job(folder.path(), &csv, &resolved, "again"), &context()).unwrap();
    assert_eq!(again.hash, one.hash);
}

#[test]
fn pictures_of_any_size_are_answered_in_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = scenes(folder.path(), 12, 4);
    for (i, (width, height)) in [(21, 30), (7, 5), (50, 33)].into_iter().enumerate() {
        let picture =
            Mask::new(width, height, (0..width * height).map(|at| (at * 7 % 251) as u8).collect()).unwrap();
        std::fs::write(folder.path().join(format!("odd{i}.png")), picture.to_png()).unwrap();
        let mask = picture.map(|value| if value > 125 { 255 } else { 0 });
        std::fs::write(folder.path().join(format!("cut{i}.png")), mask.to_png()).unwrap();
        csv += &format!("odd{i}.png,cut{i}.png\n");
    }
    let text = "[data]\ntarget = 'mask'\n[[learners]]\nkind = 'u_net'\nfilters = [4, 6, 8]\nlongest_side = 24\nepochs = 1\n";
    let done = trained(&job(folder.path(), &csv, text, "out"), &context()).unwrap();
    let files = folder.path().join("files");
    let (source, out) = (folder.path().join("scenes.csv"), folder.path().join("a.csv"));
    let [source, out] = [source, out].map(|path| path.display().to_string());
    predict_into(&done.model, &source, &out, Some(&files), &context()).unwrap();
    for (row, size) in [(1, (32, 32)), (13, (21, 30)), (14, (7, 5)), (15, (50, 33))] {
        let mask = Mask::of_picture(&std::fs::read(files.join(format!("{row}.png"))).unwrap()).unwrap();
        assert_eq!((mask.width(), mask.height()), size);
    }
}

#[test]
fn bad_masks_are_named_by_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let csv = scenes(here, 12, 5);
    let small = Mask::new(4, 4, vec![0; 16]).unwrap();
    std::fs::write(here.join("small.png"), small.to_png()).unwrap();
    let cases = [
        (
            csv.replace("m4.png", "small.png"),
            ["row 5 (line 6)", "'mask'", "4 x 4 pixels, its picture 32 x 32", "same size"],
        ),
        (
            csv.replace("m4.png", "gone.png"),
            ["row 5 (line 6)", "'mask'", "no such file", "put the file there"],
        ),
        (
            csv.replace("p4.png", "gone.png"),
            ["row 5 (line 6)", "'picture'", "no such file", "give the picture"],
        ),
        (
            csv.replace("m4.png", "cat"),
            ["row 5 (line 6)", "'mask'", "('cat')", "half of the cells name masks"],
        ),
    ];
    for (csv, words) in cases {
        let said = refused_in(here, &csv, OTSU);
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    // A column that is half masks is a fault, not classes.
    let half: Vec<String> = csv
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            7.. => format!("{},{}", line.split(',').next().unwrap(), ["cat", "dog"][at % 2]),
            _ => line.to_string(),
        })
        .collect();
    let said = refused_in(here, &half.join("\n"), OTSU);
    assert!(said.contains("row 7 (line 8)") && said.contains("multiclass"), "{said}");
    // An empty mask leaves its row out.
    let empty = csv.replace("m4.png", "");
    let done = trained(&job(here, &empty, OTSU, "empty"), &context()).unwrap();
    assert_eq!(done.outcome.data.rows, 11);
    // Colours, one class only, shades.
    let colours = [
        &b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0"[..],
        &[0; 16],
        &[9, 1, 2, 0],
    ]
    .concat();
    std::fs::write(here.join("colours.bmp"), colours).unwrap();
    let said = refused_in(here, &csv.replace("m4.png", "colours.bmp"), OTSU);
    assert!(said.contains("it has colours") && said.contains("line 6"), "{said}");
    let shades = csv.replace(".png,m", ".png,p");
    let said = refused_in(here, &shades, OTSU);
    assert!(said.contains("shades of grey"), "{said}");
}

#[test]
fn a_value_that_training_never_saw_is_refused_and_other_verbs_say_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let csv = scenes(here, 12, 6);
    let done = trained(&job(here, &csv, OTSU, "out"), &context()).unwrap();
    let odd = Mask::of_picture(&std::fs::read(here.join("m3.png")).unwrap()).unwrap();
    std::fs::write(here.join("m3.png"), odd.map(|value| if value == 255 { 7 } else { 0 }).to_png()).unwrap();
    let source = here.join("scenes.csv").display().to_string();
    let said = evaluate::model(&done.model, &source, None, &context()).err().unwrap();
    let said = format!("{said} | {}", said.remedy().unwrap_or_default());
    let words = ["row 4 (line 5)", "'mask'", "the value 7", "0, 255", "train again"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");

    let opened = model::open(&done.model, &context()).unwrap();
    assert!(opened.refuse_masks("explain").unwrap_err().to_string().contains("`explain` works on answers"));
    let serving = Serving::of(opened, &done.model, None, None, &context()).unwrap();
    let row = Row { cells: vec![Cell::Missing] };
    assert!(
        serving.explain(vec![row], None, &context()).unwrap_err().to_string().contains("answers with masks")
    );

    for (text, word) in [
        ("[data]\ntarget = 'mask'\n[[learners]]\nkind = 'logistic'\n", "answer for each pixel"),
        ("[data]\ntarget = 'mask'\n[train]\nmetric = 'f1'\n", "mean IoU"),
        ("[data]\ntarget = 'mask'\n[balance]\nkind = 'random_over'\n", "brought into balance"),
    ] {
        let said = refused_in(here, &csv, text);
        assert!(said.contains(word), "{said}");
    }
    // The names of files can still be classes.
    let told = job(here, &csv, "[data]\ntarget = 'mask'\ntask = 'multiclass'\n", "told");
    assert!(!matches!(train_any(&told, &context()), Ok(Done::Masks(_))));
}
