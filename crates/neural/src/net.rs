//! A net: its encoders side by side, the body behind them, the head.

use std::ops::Range;

use burn::tensor::Tensor;
use tidemill_core::{Batch, Result, Row, Schema};

use crate::body::{Body, PlainBody};
use crate::dense::Dense;
use crate::encoders::{Encoder, Places, Plain, Read};
use crate::graph::Pass;
use crate::head::Head;
use crate::ops::linear::linear;
use crate::parameters::{Declared, Parameters};

/// The shape of a net; its numbers are [`Parameters`].
pub(crate) struct Net {
    pub encoders: Vec<Box<dyn Encoder>>,
    pub body: Body,
    pub head: Head,
    /// The number of the first parameter of each encoder, then of the body, then of the head.
    firsts: Vec<usize>,
}

impl Net {
    /// These parts, one behind the other.
    pub(crate) fn new(encoders: Vec<Box<dyn Encoder>>, body: Body, head: Head) -> Self {
        let lengths = encoders.iter().map(|e| e.declare().len()).chain([body.declare().len()]);
        let mut firsts = vec![0];
        for n in lengths {
            firsts.push(firsts[firsts.len() - 1] + n);
        }
        Net { encoders, body, head, firsts }
    }

    /// All parameters in order: those of each encoder, of the body, of the head.
    pub(crate) fn declare(&self) -> Vec<Declared> {
        let mut declared: Vec<Declared> = self.encoders.iter().flat_map(|e| e.declare()).collect();
        declared.extend(self.body.declare());
        declared.extend(self.head.declare());
        declared
    }

    /// Multiplications that a row takes.
    pub(crate) fn operations(&self) -> usize {
        let matrices = |declared: Vec<Declared>| declared.iter().map(Declared::len).sum::<usize>();
        let encoders: usize = self.encoders.iter().map(|encoder| encoder.operations()).sum();
        encoders + matrices(self.body.declare()) + matrices(self.head.declare())
    }

    /// The number of the first parameter of encoder `e`; of the body one beyond the last encoder, of the head two.
    pub(crate) fn first(&self, e: usize) -> usize {
        self.firsts[e]
    }

    /// Whether encoder `e` learns by a graph of burn's.
    pub(crate) fn is_graph(&self, e: usize) -> bool {
        self.encoders[e].by_hand().is_none() && self.firsts[e + 1] > self.firsts[e]
    }

    /// Whether any encoder does.
    pub(crate) fn has_graphs(&self) -> bool {
        (0..self.encoders.len()).any(|e| self.is_graph(e))
    }

    /// The outputs for some rows, `[rows, outputs]`, as one graph.
    pub(crate) fn forward(&self, reads: &[Read], pass: &Pass<'_>) -> Result<Tensor<2>> {
        let encoders = self.encoders.iter().zip(reads).enumerate().filter(|(_, (e, _))| e.width() > 0);
        let encoded = encoders.map(|(e, (encoder, read))| encoder.forward(read, &pass.part(self.first(e))));
        let encoded = encoded.collect::<Result<Vec<_>>>()?;
        let joined = match encoded.is_empty() {
            true => pass.numbers(Vec::new(), [reads.first().map_or(0, |read| read.n_rows), 0]),
            false => Tensor::cat(encoded, 1),
        };
        let n = self.encoders.len();
        let hidden = self.body.forward(joined, &pass.part(self.first(n)))?;
        let head = pass.part(self.first(n + 1));
        Ok(linear(hidden, head.parameter(0)?, head.parameter(1)?, None))
    }

    /// The net with these parameters, in plain Rust.
    pub(crate) fn plain(&self, parameters: &Parameters) -> PlainNet {
        let firsts = &self.firsts;
        let n = self.encoders.len();
        let encoders = self.encoders.iter().zip(firsts);
        let head = parameters.part(firsts[n + 1]);
        PlainNet {
            encoders: encoders.map(|(e, &first)| (e.width(), e.plain(parameters.part(first)))).collect(),
            body: self.body.plain(parameters.part(firsts[n])),
            head: Dense::new(head.array(0), head.array(1), self.head.inputs),
        }
    }

    /// The places of each encoder's columns in a schema.
    pub(crate) fn bind(&self, schema: &Schema) -> Result<Vec<Vec<usize>>> {
        self.encoders.iter().map(|e| e.bind(schema)).collect()
    }

    /// What each encoder reads of some rows.
    pub(crate) fn read(&self, batch: &Batch, places: &[Vec<usize>], rows: Range<usize>) -> Result<Vec<Read>> {
        let pairs = self.encoders.iter().zip(places);
        let reads = pairs.map(|(encoder, places)| {
            let mut read = Read { n_rows: rows.len(), ..Read::default() };
            encoder.read(batch, places, rows.clone(), &mut read)?;
            Ok(read)
        });
        reads.collect()
    }

    /// What each encoder reads of one row, into `reads` (one for each encoder).
    pub(crate) fn read_row(&self, row: &Row, places: &[Vec<usize>], reads: &mut [Read]) -> Result<()> {
        for ((encoder, places), read) in self.encoders.iter().zip(places).zip(reads) {
            read.clear();
            encoder.read_row(row, places, read)?;
            read.n_rows = 1;
        }
        Ok(())
    }
}

/// A net in plain Rust.
pub(crate) struct PlainNet {
    encoders: Vec<(usize, Box<dyn Plain>)>,
    body: PlainBody,
    head: Dense,
}

impl PlainNet {
    /// Numbers that come out for a row.
    pub(crate) fn outputs(&self) -> usize {
        self.head.outputs()
    }

    /// The outputs for `n_rows` rows, row after row.
    pub(crate) fn run(&self, reads: &[Read], n_rows: usize) -> Vec<f32> {
        self.of_joined(self.join(reads, n_rows), n_rows)
    }

    /// The outputs for rows of what the encoders give.
    pub(crate) fn of_joined(&self, joined: Vec<f32>, n_rows: usize) -> Vec<f32> {
        self.of_hidden(&self.body.run(joined, n_rows), n_rows)
    }

    /// The outputs for rows of what the body gives.
    pub(crate) fn of_hidden(&self, hidden: &[f32], n_rows: usize) -> Vec<f32> {
        let mut out = vec![0.0; n_rows * self.outputs()];
        self.head.apply(hidden, &mut out);
        out
    }

    /// For each encoder that attends to tokens, its place, and of each row the share of each token.
    pub(crate) fn attention(&self, reads: &[Read]) -> Vec<(usize, Vec<Vec<f32>>)> {
        let encoders = self.encoders.iter().zip(reads).enumerate();
        encoders.filter_map(|(e, ((_, encoder), read))| Some((e, encoder.attention(read)?))).collect()
    }

    /// For each encoder of images, its place, that of its first number in what the encoders give, and what it says of the images.
    pub(crate) fn places(&self, reads: &[Read]) -> Vec<(usize, usize, Places)> {
        let starts = self.encoders.iter().scan(0, |next, (width, _)| {
            *next += width;
            Some(*next - width)
        });
        let encoders = self.encoders.iter().zip(reads).zip(starts).enumerate();
        encoders
            .filter_map(|(e, (((_, encoder), read), start))| Some((e, start, encoder.places(read)?)))
            .collect()
    }

    /// What the encoders give, side by side.
    pub(crate) fn join(&self, reads: &[Read], n_rows: usize) -> Vec<f32> {
        if let ([(width, encoder)], [read]) = (self.encoders.as_slice(), reads) {
            let mut out = vec![0.0; n_rows * width];
            encoder.run(read, &mut out);
            return out;
        }
        let total: usize = self.encoders.iter().map(|(width, _)| width).sum();
        let mut joined = vec![0.0; n_rows * total];
        let mut own = Vec::new();
        let mut at = 0;
        for ((width, encoder), read) in self.encoders.iter().zip(reads) {
            if *width == 0 {
                continue;
            }
            own.clear();
            own.resize(n_rows * width, 0.0);
            encoder.run(read, &mut own);
            for (row, from) in joined.chunks_exact_mut(total).zip(own.chunks_exact(*width)) {
                row[at..at + width].copy_from_slice(from);
            }
            at += width;
        }
        joined
    }
}
