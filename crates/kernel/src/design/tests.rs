use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use tidemill_core::{Column, Schema, dense_vector, sparse_vector};

use super::*;
use crate::Random;

const ROWS: usize = 1203;

/// A batch of every kind of column, and the same numbers as plain rows.
fn every_kind() -> (Design, Vec<Vec<f64>>) {
    let mut random = Random::new(5, 0);
    let near: Vec<f64> = (0..ROWS).map(|_| 2.0 + random.normal()).collect();
    let far: Vec<f64> = (0..ROWS).map(|_| 1e7 + random.normal()).collect();
    let flags: Vec<bool> = (0..ROWS).map(|_| random.below(3) == 0).collect();
    let (mut offsets, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..ROWS {
        for j in (0..6).filter(|j| (i * 7 + j * 5) % 4 == 0) {
            places.push(j as u32);
            values.push((i % 9) as f32 - 2.5 + j as f32);
        }
        offsets.push(values.len() as i32);
    }
    let codes: Vec<f32> = (0..2 * ROWS).map(|_| random.normal() as f32).collect();
    let rows = (0..ROWS).map(|i| {
        let mut row = vec![near[i], f64::from(u8::from(flags[i]))];
        let mut sparse = vec![0.0; 6];
        let range = offsets[i] as usize..offsets[i + 1] as usize;
        range.for_each(|k: usize| sparse[places[k] as usize] = f64::from(values[k]));
        row.extend(sparse);
        row.extend([far[i], 4.0, f64::from(codes[2 * i]), f64::from(codes[2 * i + 1])]);
        row
    });
    let rows = rows.collect();
    let name = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
    let columns = vec![
        Column::number("near"),
        Column::new("flag", Kind::Flag),
        Column::sparse_vector("sparse", name(6)),
        Column::number("far"),
        Column::number("constant"),
        Column::vector("codes", name(2)),
    ];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from(near)),
        Arc::new(BooleanArray::from(flags)),
        sparse_vector(offsets, places, values, 6, None).unwrap(),
        Arc::new(Float64Array::from(far)),
        Arc::new(Float64Array::from(vec![4.0; ROWS])),
        dense_vector(codes, 2).unwrap(),
    ];
    let schema = Schema::new(columns).unwrap();
    let features = Features::with_sparse(&schema).unwrap();
    let batch = Batch::new(Arc::new(schema), arrays).unwrap();
    (Design::of(&batch, &features).unwrap(), rows)
}

fn close(a: &[f64], b: &[f64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() <= 1e-8 * y.abs().max(1.0), "{what} {i}: {x} {y}");
    }
}

/// The same products as plain arithmetic on centred rows gives.
fn agrees(design: &Design, rows: &[Vec<f64>], weights: &[f64]) {
    let p = rows[0].len();
    let w: Vec<f64> = (0..p).map(|j| 0.3 * j as f64 - 1.0).collect();
    let x: Vec<f64> = (0..rows.len()).map(|i| ((i * 13) % 7) as f64 - 2.0).collect();
    let times = rows.iter().map(|r| 0.5 + r.iter().zip(&w).map(|(a, b)| a * b).sum::<f64>());
    close(&design.times(&w, 0.5), &times.collect::<Vec<_>>(), "times");
    let sum = |f: &dyn Fn(&[f64], usize) -> f64| rows.iter().enumerate().map(|(i, r)| f(r, i)).sum::<f64>();
    let products: Vec<f64> = (0..p).map(|j| sum(&|r, i| r[j] * x[i])).collect();
    close(&design.transposed_times(&x), &products, "transposed times");
    for weights in [None, Some(weights)] {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let gram: Vec<f64> = (0..p * p).map(|k| sum(&|r, i| weight(i) * r[k / p] * r[k % p])).collect();
        close(&design.gram(weights), &gram, "gram");
    }
}

#[test]
fn products_are_those_of_the_centred_rows() {
    for weighted in [false, true] {
        let (mut design, mut rows) = every_kind();
        let p = rows[0].len();
        let weights: Vec<f64> = (0..ROWS).map(|i| ((i * 3) % 5) as f64).collect();
        let given = weighted.then_some(weights.as_slice());
        let weight = |i: usize| given.map_or(1.0, |w| w[i]);
        let total: f64 = (0..ROWS).map(weight).sum();
        let found = design.centre(given);
        let means: Vec<f64> = (0..p)
            .map(|j| rows.iter().enumerate().map(|(i, r)| weight(i) * r[j]).sum::<f64>() / total)
            .collect();
        close(&found.means, &means, "means");
        rows.iter_mut().for_each(|r| r.iter_mut().zip(&found.means).for_each(|(x, m)| *x -= m));
        let squares: Vec<f64> =
            (0..p).map(|j| rows.iter().enumerate().map(|(i, r)| weight(i) * r[j] * r[j]).sum()).collect();
        close(&found.squares, &squares, "squares");
        assert_eq!((found.means[9], found.squares[9]), (4.0, 0.0), "a constant column is known exactly");
        agrees(&design, &rows, &weights);
        let taken = design.thin_rows(3);
        let some: Vec<Vec<f64>> = taken.iter().map(|&i| rows[i].clone()).collect();
        agrees(&design.take(&taken), &some, &taken.iter().map(|&i| weights[i]).collect::<Vec<_>>());
        let columns = [0, 2, 5, 7, 8, 11];
        let some: Vec<Vec<f64>> = rows.iter().map(|r| columns.iter().map(|&j| r[j]).collect()).collect();
        agrees(&design.select(&columns), &some, &weights);
    }
}

#[test]
fn columns_are_read_one_by_one() {
    let (design, rows) = every_kind();
    let by_column = ByColumn::of(&design);
    let x: Vec<f64> = (0..ROWS).map(|i| (i % 4) as f64 - 1.0).collect();
    for j in 0..rows[0].len() {
        let plain: f64 = rows.iter().zip(&x).map(|(r, x)| r[j] * x).sum();
        close(&[by_column.dot(j, &x)], &[plain], "dot");
        close(&[by_column.weighted_dot(j, &x, &vec![1.0; ROWS])], &[plain], "weighted dot");
        let mut y = vec![1.0; ROWS];
        by_column.axpy(j, 2.0, &mut y);
        close(&y, &rows.iter().map(|r| 1.0 + 2.0 * r[j]).collect::<Vec<_>>(), "axpy");
    }
}
