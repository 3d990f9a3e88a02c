//! Universal Binary JSON (draft 12), read within bounds: no length is believed before its bytes are there.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep arrays and objects may nest.
const DEEPEST: usize = 64;

/// What is wrong with the bytes.
#[derive(Debug)]
pub(super) struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl Error for Wrong {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Wrong(problem.to_string())
    }
}

/// Bytes, and how far they were read.
pub(super) struct Reader<'de> {
    bytes: &'de [u8],
    at: usize,
    depth: usize,
}

/// A value whose marker has been read.
pub(super) struct Value<'a, 'de> {
    reader: &'a mut Reader<'de>,
    marker: u8,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Reader { bytes, at: 0, depth: 0 }
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<Value<'_, 'de>, Wrong> {
        let marker = self.marker()?;
        Ok(Value { reader: self, marker })
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Wrong> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            n => Err(self.wrong(format!("{n} bytes follow the model"))),
        }
    }

    fn wrong(&self, problem: impl fmt::Display) -> Wrong {
        Wrong(format!("{problem} at byte {}", self.at))
    }

    fn take(&mut self, n: usize) -> Result<&'de [u8], Wrong> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.wrong("the file is cut short"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn next_is(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// The next marker that says something.
    fn marker(&mut self) -> Result<u8, Wrong> {
        while self.next_is(b'N') {}
        Ok(self.take(1)?[0])
    }

    fn integer(&mut self, marker: u8) -> Result<i64, Wrong> {
        Ok(match marker {
            b'i' => i8::from_be_bytes(self.fixed()?).into(),
            b'U' => u8::from_be_bytes(self.fixed()?).into(),
            b'I' => i16::from_be_bytes(self.fixed()?).into(),
            b'l' => i32::from_be_bytes(self.fixed()?).into(),
            b'L' => i64::from_be_bytes(self.fixed()?),
            other => {
                return Err(
                    self.wrong(format!("'{}' begins no whole number", char::from(other).escape_default()))
                );
            }
        })
    }

    /// A count of things of at least a byte each, which must be there.
    fn length(&mut self) -> Result<usize, Wrong> {
        let marker = self.take(1)?[0];
        let n = self.integer(marker)?;
        let left = self.bytes.len() - self.at;
        let fits = usize::try_from(n).ok().filter(|n| *n <= left);
        fits.ok_or_else(|| self.wrong(format!("a length of {n} where {left} bytes are left")))
    }

    fn text(&mut self) -> Result<&'de str, Wrong> {
        let n = self.length()?;
        std::str::from_utf8(self.take(n)?).map_err(|_| self.wrong("a text is not UTF-8"))
    }

    /// The type and the number of the things in a container, where it says them.
    fn head(&mut self) -> Result<(Option<u8>, Option<usize>), Wrong> {
        let kind = if self.next_is(b'$') { Some(self.take(1)?[0]) } else { None };
        if kind.is_some_and(|kind| b"ZTFN".contains(&kind)) {
            return Err(self.wrong("an array of things without bytes"));
        }
        match (self.next_is(b'#'), kind) {
            (true, _) => Ok((kind, Some(self.length()?))),
            (false, None) => Ok((None, None)),
            (false, Some(_)) => Err(self.wrong("a typed array without a length")),
        }
    }
}

/// What is in an array or an object.
struct Things<'a, 'de> {
    reader: &'a mut Reader<'de>,
    kind: Option<u8>,
    left: Option<usize>,
    end: u8,
}

impl<'de> Things<'_, 'de> {
    fn more(&mut self) -> bool {
        match &mut self.left {
            Some(0) => false,
            Some(n) => {
                *n -= 1;
                true
            }
            None => {
                while self.reader.next_is(b'N') {}
                !self.reader.next_is(self.end)
            }
        }
    }

    fn thing<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        let marker = match self.kind {
            Some(kind) => kind,
            None => self.reader.marker()?,
        };
        seed.deserialize(Value { reader: self.reader, marker })
    }
}

impl<'de> SeqAccess<'de> for Things<'_, 'de> {
    type Error = Wrong;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Wrong> {
        if self.more() { self.thing(seed).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

impl<'de> MapAccess<'de> for Things<'_, 'de> {
    type Error = Wrong;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Wrong> {
        if !self.more() {
            return Ok(None);
        }
        let key = self.reader.text()?;
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        self.thing(seed)
    }
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let Value { reader, marker } = self;
        match marker {
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'd' => visitor.visit_f32(f32::from_be_bytes(reader.fixed()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(reader.fixed()?)),
            b'S' => visitor.visit_borrowed_str(reader.text()?),
            b'C' => visitor.visit_char(char::from(reader.take(1)?[0])),
            b'[' | b'{' => {
                if reader.depth == DEEPEST {
                    return Err(reader.wrong(format!("arrays and objects nest deeper than {DEEPEST}")));
                }
                reader.depth += 1;
                let (kind, left) = reader.head()?;
                let end = if marker == b'[' { b']' } else { b'}' };
                let things = Things { reader: &mut *reader, kind, left, end };
                let value =
                    if marker == b'[' { visitor.visit_seq(things) } else { visitor.visit_map(things) };
                reader.depth -= 1;
                value
            }
            other => visitor.visit_i64(reader.integer(other)?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.marker == b'Z' { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}
