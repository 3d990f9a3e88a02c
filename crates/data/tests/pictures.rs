//! Images from files to typed columns: folders of classes, tables of paths, bytes in Parquet.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop the test")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, BinaryArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use tempfile::TempDir;
use tidemill_core::recipe::{ColumnSpec, Recipe};
use tidemill_core::{Batch, Column, Context, Kind, Result, Role, Schema, Table};
use tidemill_data::source::default_target;
use tidemill_data::{InferredSchema, Ingest, ReadOptions, fingerprint, infer, open};

/// A BMP of one grey pixel.
fn dot(grey: u8) -> Vec<u8> {
    let head = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0";
    [head.as_slice(), &[0; 16], &[grey, grey, grey, 0]].concat()
}

fn put(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn location(path: &Path) -> String {
    path.display().to_string()
}

/// A folder with images `a/0.bmp`, `a/1.bmp`, … and the table `t.csv` that names them.
fn table(n: usize, line: impl Fn(usize) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    (0..n).for_each(|i| put(&folder, &format!("a/{i}.bmp"), dot(i as u8)));
    let lines: String = (0..n).map(|i| format!("{},{}\n", line(i), i % 3)).collect();
    put(&folder, "t.csv", format!("photo,y\n{lines}"));
    folder
}

fn recipe() -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.target = Some("y".into());
    recipe
}

fn read(folder: &TempDir, recipe: &Recipe) -> Result<(InferredSchema, Table, Context)> {
    let context = Context::default();
    let source = open(&location(&folder.path().join("t.csv")), &ReadOptions::default())?;
    let plan = infer(&*source, recipe, &context)?;
    let (intake, table) = Ingest::fit(&*source, plan, &context)?;
    Ok((intake.plan().clone(), table, context))
}

#[test]
fn a_folder_of_folders_is_a_table_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, grey) in [("cats/1.bmp", 1), ("cats/old/2.BMP", 2), ("dogs/3.bmp", 3), ("4.bmp", 4)] {
        put(&folder, name, dot(grey));
    }
    put(&folder, "cats/notes.txt", "no image");
    put(&folder, ".hidden/5.bmp", dot(5));
    let place = location(folder.path());
    let source = open(&place, &ReadOptions::default()).unwrap();
    let rows = source.collect().unwrap();
    let column = |i| rows.texts(i).unwrap().iter().map(|t| t.map(String::from)).collect::<Vec<_>>();
    assert_eq!(rows.schema().names().collect::<Vec<_>>(), ["image", "label"]);
    assert_eq!(
        column(0),
        ["4.bmp", "cats/1.bmp", "cats/old/2.BMP", "dogs/3.bmp"].map(|t| Some(t.to_string()))
    );
    assert_eq!(column(1), [None, Some("cats"), Some("cats"), Some("dogs")].map(|t| t.map(String::from)));
    assert_eq!(source.take(&[3, 0]).unwrap().texts(0).unwrap().value(0), "dogs/3.bmp");
    assert_eq!(default_target(&place).unwrap(), Some("label"));
    assert_eq!(default_target(&location(&folder.path().join("cats/old"))).unwrap(), None);
    // An image that changes its class changes the table.
    let before = fingerprint(&place).unwrap();
    std::fs::rename(folder.path().join("cats/1.bmp"), folder.path().join("dogs/1.bmp")).unwrap();
    assert_ne!(fingerprint(&place).unwrap(), before);

    let empty = tempfile::tempdir().unwrap();
    let e = open(&location(empty.path()), &ReadOptions::default()).err().unwrap();
    assert!(e.remedy().unwrap().contains("a folder per class"), "{e}");
}

#[test]
fn paths_that_are_there_are_pictures_and_are_read() {
    let folder = table(30, |i| format!("a/{i}.bmp"));
    let (plan, table, context) = read(&folder, &recipe()).unwrap();
    assert_eq!((plan.columns[0].kind, plan.columns[0].role), (Kind::Image, Role::Feature));
    assert!(plan.columns[0].why.contains("15 of 15 looked for are there"), "{}", plan.columns[0].why);
    assert_eq!(table.batch().images(0).unwrap().value(7), dot(7));
    assert!(context.warnings().is_empty());
    // In memory there is no folder, and what looks like a path is a word.
    let source = open(&location(&folder.path().join("t.csv")), &ReadOptions::default()).unwrap();
    let loose = Table::new(source.collect().unwrap());
    assert_ne!(infer(&loose, &recipe(), &context).unwrap().columns[0].kind, Kind::Image);
}

#[test]
fn a_picture_that_cannot_be_read_is_missing_and_named() {
    let folder = table(60, |i| if i == 4 { "a/none.bmp".into() } else { format!("a/{i}.bmp") });
    std::fs::write(folder.path().join("a/9.bmp"), &dot(9)[..50]).unwrap();
    let (_, table, context) = read(&folder, &recipe()).unwrap();
    let images = table.batch().images(0).unwrap();
    assert!(images.is_null(4) && images.is_null(9) && images.null_count() == 2);
    let warning = &context.warnings()[0].message;
    assert!(warning.contains("2 values are not of kind image") && warning.contains("in row 5"), "{warning}");
    assert!(warning.contains("a/none.bmp: there is no such file"), "{warning}");
}

#[test]
fn many_that_cannot_be_read_are_an_error() {
    for (line, why) in [
        ((&|i: usize| format!("a/{}.bmp", 2 * i)) as &dyn Fn(usize) -> String, "there is no such file"),
        (
            &|i| if i % 9 == 3 { "../../secret.png".into() } else { format!("a/{i}.bmp") },
            "leads out of the table's folder",
        ),
        (
            &|i| if i % 9 == 3 { "/etc/hosts.png".into() } else { format!("a/{i}.bmp") },
            "leads out of the table's folder",
        ),
    ] {
        let folder = table(60, line);
        let mut recipe = recipe();
        let told = ColumnSpec { kind: Some(Kind::Image), ..Default::default() };
        recipe.columns.insert("photo".into(), told);
        let e = read(&folder, &recipe).err().unwrap();
        assert!(e.to_string().contains("column 'photo'") && e.to_string().contains(why), "{e}");
        assert!(e.remedy().is_some());
    }
    // Text files with the names of images.
    let folder = table(30, |i| format!("a/{i}.bmp"));
    (0..30).for_each(|i| put(&folder, &format!("a/{i}.bmp"), "not an image"));
    let e = read(&folder, &recipe()).err().unwrap();
    assert!(e.to_string().contains("30 of 30 images cannot be read, the first in row 1"), "{e}");
}

#[test]
fn bytes_of_parquet_are_pictures_or_texts_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = BinaryArray::from_iter_values((0..30).map(dot));
    let keys = BinaryArray::from_iter_values((0..30u8).map(|i| [i; 16]));
    let towns = BinaryArray::from_iter((0..30).map(|i| (i != 4).then_some(["Oslo", "Zürich", ""][i % 3])));
    let labels = StringArray::from_iter_values((0..30).map(|i| ["x", "y", "z"][i % 3]));
    let schema = arrow_schema::Schema::new(vec![
        Field::new("photo", DataType::Binary, true),
        Field::new("hash", DataType::Binary, true),
        Field::new("y", DataType::Utf8, true),
        // Older writers of Parquet do not mark texts.
        Field::new("town", DataType::Binary, true),
    ]);
    let columns: [arrow_array::ArrayRef; 4] =
        [Arc::new(pictures), Arc::new(keys), Arc::new(labels), Arc::new(towns)];
    let rows = RecordBatch::try_new(Arc::new(schema), columns.into()).unwrap();
    let file = std::fs::File::create(folder.path().join("t.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let source = open(&location(&folder.path().join("t.parquet")), &ReadOptions::default()).unwrap();
    let context = Context::default();
    let plan = infer(&*source, &recipe(), &context).unwrap();
    assert_eq!((plan.columns[0].kind, plan.columns[0].role), (Kind::Image, Role::Feature));
    assert_eq!(plan.columns[1].role, Role::Ignore, "{}", plan.columns[1].why);
    assert_eq!((plan.columns[3].kind, plan.columns[3].role), (Kind::Category, Role::Feature));
    let in_memory = tidemill_data::from_arrow(std::slice::from_ref(&rows)).unwrap();
    assert_eq!(in_memory.batch().texts(3).unwrap().value(1), "Zürich");
    let (_, table) = Ingest::fit(&*source, plan, &context).unwrap();
    assert_eq!(table.batch().images(0).unwrap().value(29), dot(29));
}

#[test]
fn pictures_are_no_numbers() {
    let schema = Arc::new(Schema::new(vec![Column::number("photo"), Column::new("y", Kind::Text)]).unwrap());
    let numbers = arrow_array::Float64Array::from_iter_values((0..30).map(f64::from));
    let labels = StringArray::from_iter_values((0..30).map(|i| ["x", "y"][i % 2]));
    let table = Table::new(Batch::new(schema, vec![Arc::new(numbers), Arc::new(labels)]).unwrap());
    let mut recipe = recipe();
    recipe.columns.insert("photo".into(), ColumnSpec { kind: Some(Kind::Image), ..Default::default() });
    assert_eq!(infer(&table, &recipe, &Context::default()).unwrap_err().code(), "wrong_kind");
}
