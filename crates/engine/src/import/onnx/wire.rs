//! The wire format of protocol buffers: fields one after the other, each with its number and how it is written. Nothing is set
//! aside that the bytes do not hold.

use super::super::fault::Fault;

/// Some bytes of a file, and where they begin in it.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    bytes: &'a [u8],
    start: usize,
}

/// What a field holds.
pub(super) enum Value<'a> {
    Varint(u64),
    Bits32(u32),
    /// Sixty-four bits, which nothing here reads.
    Bits64,
    Bytes(Span<'a>),
}

/// The fields of a message, as they come.
pub(super) struct Fields<'a> {
    span: Span<'a>,
    at: usize,
}

impl<'a> Span<'a> {
    pub(super) fn of_file(bytes: &'a [u8]) -> Self {
        Span { bytes, start: 0 }
    }

    pub(super) fn fields(self) -> Fields<'a> {
        Fields { span: self, at: 0 }
    }

    pub(super) fn text(self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes)
            .map_err(|e| Fault::broken("no UTF-8 text").at(byte(self.start + e.valid_up_to())))
    }

    /// Whole numbers one after the other.
    pub(super) fn ints(self, into: &mut Vec<i64>) -> Result<(), Fault> {
        let mut fields = self.fields();
        while fields.at < self.bytes.len() {
            into.push(fields.varint()? as i64);
        }
        Ok(())
    }

    /// Numbers of 32 bits one after the other.
    pub(super) fn floats(self, into: &mut Vec<f32>) -> Result<(), Fault> {
        let (numbers, rest) = self.bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(Fault::broken("a list of 32-bit numbers is cut short").at(byte(self.start)));
        }
        into.extend(numbers.iter().map(|number| f32::from_le_bytes(*number)));
        Ok(())
    }
}

impl<'a> Fields<'a> {
    /// The next field: its number, and what it holds.
    ///
    /// # Errors
    /// Bytes that end in the middle of a field, or that no field begins with.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Fault> {
        if self.at >= self.span.bytes.len() {
            return Ok(None);
        }
        let begin = self.at;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Bits64
            }
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| self.cut())?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                let bits = self.take(4)?.bytes.first_chunk().copied().unwrap_or_default();
                Value::Bits32(u32::from_le_bytes(bits))
            }
            other => {
                let problem = format!("a field is written in the way {other}, which there is not");
                return Err(Fault::broken(problem).at(byte(self.span.start + begin)));
            }
        };
        Ok(Some((key >> 3, value)))
    }

    fn take(&mut self, length: usize) -> Result<Span<'a>, Fault> {
        let end = self.at.checked_add(length).ok_or_else(|| self.cut())?;
        let bytes = self.span.bytes.get(self.at..end).ok_or_else(|| self.cut())?;
        let taken = Span { bytes, start: self.span.start + self.at };
        self.at = end;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let next = *self.span.bytes.get(self.at).ok_or_else(|| self.cut())?;
            self.at += 1;
            let bits = u64::from(next & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if next & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Fault::broken("a whole number has more than 64 bits").at(byte(self.span.start + self.at)))
    }

    fn cut(&self) -> Fault {
        Fault::broken("the file is cut short: a field goes on beyond its end")
            .at(byte(self.span.start + self.at))
    }
}

fn byte(at: usize) -> String {
    format!("byte {at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_broken_ones_refused() {
        // Field 1 is 150 (the example of the format's documentation), field 2 is "hi", field 3 is 1.0.
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f];
        let mut fields = Span::of_file(&bytes).fields();
        assert!(matches!(fields.next(), Ok(Some((1, Value::Varint(150))))));
        assert!(matches!(fields.next(), Ok(Some((2, Value::Bytes(span)))) if span.text() == Ok("hi")));
        assert!(matches!(fields.next(), Ok(Some((3, Value::Bits32(bits)))) if f32::from_bits(bits) == 1.0));
        assert!(matches!(fields.next(), Ok(None)));
        for broken in
            [&[0x08][..], &[0x12, 200, 1], &[0x0b], &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2]]
        {
            assert!(Span::of_file(broken).fields().next().is_err(), "{broken:?}");
        }
        let mut ints = Vec::new();
        assert!(Span::of_file(&[1, 0x80]).ints(&mut ints).is_err());
        assert!(Span::of_file(&[1, 2, 3]).floats(&mut Vec::new()).is_err());
    }
}
