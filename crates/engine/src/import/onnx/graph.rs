//! What is read of an ONNX file: its inputs, and its operators with their attributes (`onnx.proto` gives the numbers of the fields).

use std::collections::BTreeMap;

use super::super::fault::Fault;
use super::wire::{Span, Value};

/// A file.
#[derive(Default)]
pub(super) struct Graph<'a> {
    pub(super) producer: &'a str,
    pub(super) version: &'a str,
    pub(super) inputs: Vec<Input<'a>>,
    /// In an order in which each comes after those that it reads.
    pub(super) operators: Vec<Operator<'a>>,
}

/// An input of the graph.
#[derive(Default)]
pub(super) struct Input<'a> {
    pub(super) name: &'a str,
    /// What its numbers are, by ONNX's code.
    pub(super) element: u64,
    /// How many a row has, where the file says it.
    pub(super) width: Option<usize>,
}

/// An operator.
#[derive(Default)]
pub(super) struct Operator<'a> {
    pub(super) kind: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    attributes: BTreeMap<&'a str, Attribute<'a>>,
}

/// An attribute, whichever of these it holds.
#[derive(Default)]
struct Attribute<'a> {
    int: Option<i64>,
    text: Option<&'a str>,
    ints: Vec<i64>,
    floats: Vec<f32>,
    texts: Vec<&'a str>,
}

impl<'a> Graph<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut graph = Graph::default();
        let mut found = false;
        let mut fields = Span::of_file(bytes).fields();
        while let Some(field) = fields.next()? {
            match field {
                (2, Value::Bytes(span)) => graph.producer = span.text()?,
                (3, Value::Bytes(span)) => graph.version = span.text()?,
                (7, Value::Bytes(span)) => {
                    graph.fill(span)?;
                    found = true;
                }
                _ => {}
            }
        }
        if found { Ok(graph) } else { Err(Fault::broken("the file holds no graph")) }
    }

    fn fill(&mut self, span: Span<'a>) -> Result<(), Fault> {
        let mut fields = span.fields();
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(span)) => self.operators.push(Operator::read(span)?),
                (11, Value::Bytes(span)) => self.inputs.push(Input::read(span)?),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> Input<'a> {
    fn read(span: Span<'a>) -> Result<Self, Fault> {
        let mut input = Input::default();
        let mut fields = span.fields();
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(span)) => input.name = span.text()?,
                (2, Value::Bytes(span)) => input.of_type(span)?,
                _ => {}
            }
        }
        Ok(input)
    }

    /// A type, of which the first field is that of a tensor: its elements, and its shape.
    fn of_type(&mut self, span: Span<'a>) -> Result<(), Fault> {
        let mut fields = span.fields();
        while let Some((number, value)) = fields.next()? {
            let (1, Value::Bytes(tensor)) = (number, value) else { continue };
            let mut fields = tensor.fields();
            while let Some(field) = fields.next()? {
                match field {
                    (1, Value::Varint(element)) => self.element = element,
                    (2, Value::Bytes(shape)) => self.width = width(shape)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The second of two dimensions, where it is a number above 0.
fn width(shape: Span<'_>) -> Result<Option<usize>, Fault> {
    let mut dimensions = Vec::new();
    let mut fields = shape.fields();
    while let Some(field) = fields.next()? {
        if let (1, Value::Bytes(dimension)) = field {
            let mut size = None;
            let mut fields = dimension.fields();
            while let Some(field) = fields.next()? {
                if let (1, Value::Varint(n)) = field {
                    size = usize::try_from(n).ok().filter(|n| *n > 0);
                }
            }
            dimensions.push(size);
        }
    }
    Ok(if let [_, width] = *dimensions.as_slice() { width } else { None })
}

impl<'a> Operator<'a> {
    fn read(span: Span<'a>) -> Result<Self, Fault> {
        let mut operator = Operator::default();
        let mut fields = span.fields();
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(span)) => operator.inputs.push(span.text()?),
                (2, Value::Bytes(span)) => operator.outputs.push(span.text()?),
                (4, Value::Bytes(span)) => operator.kind = span.text()?,
                (5, Value::Bytes(span)) => {
                    let (name, attribute) = attribute(span)?;
                    operator.attributes.insert(name, attribute);
                }
                _ => {}
            }
        }
        Ok(operator)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.attributes.get(name)?.int
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.attributes.get(name)?.text
    }

    /// The whole numbers of an attribute; none where it is not there.
    pub(super) fn ints(&self, name: &str) -> &[i64] {
        self.attributes.get(name).map_or(&[], |attribute| &attribute.ints)
    }

    pub(super) fn floats(&self, name: &str) -> &[f32] {
        self.attributes.get(name).map_or(&[], |attribute| &attribute.floats)
    }

    pub(super) fn texts(&self, name: &str) -> &[&'a str] {
        self.attributes.get(name).map_or(&[], |attribute| &attribute.texts)
    }

    /// Whether there is an attribute of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

fn attribute(span: Span<'_>) -> Result<(&str, Attribute<'_>), Fault> {
    let (mut name, mut attribute) = ("", Attribute::default());
    let mut fields = span.fields();
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(span)) => name = span.text()?,
            (3, Value::Varint(int)) => attribute.int = Some(int as i64),
            (4, Value::Bytes(span)) => attribute.text = Some(span.text()?),
            // Lists are packed, or a field for each number.
            (7, Value::Bytes(span)) => span.floats(&mut attribute.floats)?,
            (7, Value::Bits32(bits)) => attribute.floats.push(f32::from_bits(bits)),
            (8, Value::Bytes(span)) => span.ints(&mut attribute.ints)?,
            (8, Value::Varint(int)) => attribute.ints.push(int as i64),
            (9, Value::Bytes(span)) => attribute.texts.push(span.text()?),
            _ => {}
        }
    }
    Ok((name, attribute))
}
