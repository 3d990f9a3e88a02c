//! The step that reads images against Pillow's answers, stored in `reference/pictures.json` by `reference/pictures.py`.

#![expect(clippy::unwrap_used, reason = "a test: what cannot be read fails it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::BinaryArray;
use base64::Engine;
use serde::Deserialize;
use serde_json::Value;
use tidemill_core::{
    Batch, Cell, Column, Context, Entry, Error, Kind, Layout, Registry, Result, Row, Schema, Table, Training,
};
use tidemill_kernel::picture::{self, Unusable};
use tidemill_prep::{EncodePixels, UNUSABLE_PICTURE};

#[derive(Deserialize)]
struct Reference {
    pictures: BTreeMap<String, String>,
    bad: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    picture: String,
    frame: Value,
    pixels: String,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/pictures.json")).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

fn table(pictures: &[Option<&[u8]>]) -> Table {
    let schema = Arc::new(Schema::new(vec![Column::new("photo", Kind::Image)]).unwrap());
    Table::new(Batch::new(schema, vec![Arc::new(BinaryArray::from(pictures.to_vec()))]).unwrap())
}

fn encode(table: &Table, params: Value) -> Result<Batch> {
    let registry = Arc::new(Registry::new([Entry::step::<EncodePixels>()]));
    let context = Context::new(0, 1, registry.clone());
    let (fitted, output) =
        registry.build("encode_pixels", params)?.fit_apply(Training::on(table), &context)?;
    // A row alone is answered as in the batch.
    let mut run = fitted.bind(table.batch().schema())?;
    for i in 0..table.batch().n_rows() {
        let mut row = Row::of(table.batch(), i)?;
        run.row(&mut row)?;
        assert_eq!(row, Row::of(output.batch(), i)?);
    }
    Ok(output.batch().clone())
}

/// The greatest and the mean distance, in steps of 255.
fn distance(found: &[f32], expected: &[u8]) -> (f32, f32) {
    assert_eq!(found.len(), expected.len());
    let apart = found.iter().zip(expected).map(|(a, &b)| (a * 255.0 - f32::from(b)).abs());
    let apart: Vec<f32> = apart.collect();
    (apart.iter().copied().fold(0.0, f32::max), apart.iter().sum::<f32>() / apart.len() as f32)
}

#[test]
fn pictures_are_decoded_turned_and_resized_as_by_pillow() {
    let reference = reference();
    for case in &reference.cases {
        let picture = bytes(&reference.pictures[&case.picture]);
        let batch = encode(&table(&[Some(&picture)]), case.frame.clone()).unwrap();
        let (most, mean) = distance(batch.vector(0).unwrap(), &bytes(&case.pixels));
        // Decoders of JPEG may round the cosine transform and the colours each in their own way.
        let bound = if case.picture.ends_with(".jpg") { (6.0, 1.0) } else { (2.0, 0.3) };
        assert!(
            most <= bound.0 && mean <= bound.1,
            "{} {}: {most} at most, {mean} on average",
            case.picture,
            case.frame
        );
    }
    assert!(reference.cases.len() > 100);
}

#[test]
fn the_frame_follows_the_pictures() {
    let reference = reference();
    let layout = |names: &[&str]| {
        let pictures: Vec<Vec<u8>> = names.iter().map(|name| bytes(&reference.pictures[*name])).collect();
        let pictures: Vec<Option<&[u8]>> = pictures.iter().map(|p| Some(p.as_slice())).collect();
        encode(&table(&pictures), Value::Null).unwrap().schema().columns()[0].layout.unwrap()
    };
    let frame = |channels, height, width| Layout::Image { channels, height, width };
    assert_eq!(layout(&["grey.png", "grey.jpg"]), frame(1, 28, 40));
    assert_eq!(layout(&["grey.png", "rgb.bmp"]), frame(3, 28, 40));
    // An image that was turned has other sides.
    assert_eq!(layout(&["rgb.jpg", "turned6.jpg"]), frame(3, 64, 64));
    assert_eq!(encode(&table(&[None]), Value::Null).unwrap().vector(0).unwrap(), [1.0; 64 * 64]);
}

#[test]
fn a_missing_picture_is_white() {
    let reference = reference();
    let grey = bytes(&reference.pictures["grey.png"]);
    let batch = encode(&table(&[None, Some(&grey)]), Value::Null).unwrap();
    assert_eq!(batch.vector(0).unwrap()[..28 * 40], [1.0; 28 * 40]);
    assert_eq!(Row::of(&batch, 0).unwrap().cells[0], Cell::Vector(vec![1.0; 28 * 40]));
}

#[test]
fn what_is_no_picture_is_refused_with_its_row() {
    let reference = reference();
    let sound = bytes(&reference.pictures["rgb.png"]);
    for (name, text) in &reference.bad {
        let bad = bytes(text);
        let e: Error = encode(&table(&[Some(&sound), Some(&bad)]), Value::Null).unwrap_err();
        assert_eq!(e.code(), UNUSABLE_PICTURE, "{name}: {e}");
        assert!(e.to_string().starts_with("column 'photo', row 2: ") && e.remedy().is_some(), "{name}: {e}");
    }
    let why = |name: &str| picture::decode(&bytes(&reference.bad[name])).unwrap_err();
    assert_eq!(why("empty"), Unusable::Empty);
    assert_eq!(why("text"), Unusable::NoPicture);
    // Refused by its header, before any memory is set aside.
    assert_eq!(
        picture::size(&bytes(&reference.bad["huge header"])),
        Err(Unusable::TooManyPixels(100_000_000))
    );
    assert_eq!(
        picture::decode(&vec![0; picture::MOST_BYTES + 1]),
        Err(Unusable::TooManyBytes(picture::MOST_BYTES + 1))
    );
}

#[test]
fn any_damage_is_an_error_or_a_picture() {
    let reference = reference();
    for (name, text) in &reference.pictures {
        let whole = bytes(text);
        for at in (0..whole.len()).step_by(7) {
            let _ = picture::decode(&whole[..at]);
            let mut bent = whole.clone();
            bent[at] ^= 0x55;
            if let Ok(found) = picture::decode(&bent) {
                assert_eq!(
                    found.pixels.len(),
                    found.width as usize * found.height as usize * found.channels,
                    "{name}, byte {at}"
                );
            }
        }
    }
}
