//! Texts of unusual shape brought into the usual one while they are read: lines that end with a carriage return alone, cells that
//! are divided by runs of spaces, quotes behind a backslash.

use std::io::Read;

/// What is unusual about a text. Neither changes the number of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Lines end with a carriage return alone, as on old Macs.
    pub(super) lone_returns: bool,
    /// Cells are divided by runs of spaces and tabs: each run becomes one tab, and those at the ends of a line go.
    pub(super) spaces: bool,
    /// Where spaces stand between a delimiter and the quote that opens a cell: the delimiter; 0 elsewhere. These spaces go.
    pub(super) gapped: u8,
    /// A backslash stands before a quote that is part of a quoted cell: the quote is doubled instead.
    pub(super) backslashes: bool,
}

impl Shape {
    /// Whether the lines of a sample end with carriage returns alone.
    pub(super) fn has_lone_returns(sample: &[u8]) -> bool {
        memchr::memchr(b'\n', sample).is_none()
            && memchr::memchr(b'\r', sample).is_some_and(|at| at + 1 < sample.len())
    }

    /// Whether a backslash stands before quotes within quoted cells of a sample: a quote behind one, at which the cell cannot end.
    pub(super) fn has_backslashes(sample: &[u8], delimiter: u8) -> bool {
        let ends = |b: &u8| [delimiter, b'\n', b'\r', b'"'].contains(b);
        let within = |at: usize| {
            let before = sample[..at].iter().rev().take_while(|b| **b == b'\\').count();
            let quoted = sample[..at - 1]
                .iter()
                .rposition(|b| *b == b'"')
                .is_some_and(|open| open == 0 || ends(&sample[open - 1]) || sample[open - 1] == b'\\');
            before % 2 == 1 && quoted && sample.get(at + 1).is_some_and(|next| !ends(next))
        };
        memchr::memchr_iter(b'"', sample)
            .filter(|at| *at > 1 && sample[at - 1] == b'\\')
            .take(LOOKED_AT)
            .any(within)
    }

    /// The text in the usual shape.
    pub(super) fn reader(self, bytes: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        if self == Shape::default() {
            return bytes;
        }
        Box::new(Shaped { bytes, pen: Pen::new(self), raw: vec![0; 1 << 16], text: Vec::new(), unread: 0 })
    }

    /// The sample in the usual shape.
    pub(super) fn apply(self, sample: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(sample.len());
        let mut pen = Pen::new(self);
        pen.write(sample, &mut text);
        pen.end(&mut text);
        text
    }
}

/// So many quotes behind a backslash are looked at.
const LOOKED_AT: usize = 1000;

/// Writes the text anew.
struct Pen {
    shape: Shape,
    /// Whether a backslash came that is not written yet.
    held: bool,
    /// Whether spaces came that are not written yet.
    gap: bool,
    /// Whether a line begins here, or a cell where spaces may stand before quotes.
    begins_line: bool,
    quoted: bool,
    /// How many spaces came that are not written yet.
    spaces: usize,
    /// The last byte that was written.
    last: u8,
}

impl Pen {
    fn new(shape: Shape) -> Self {
        Pen { shape, held: false, gap: false, begins_line: true, quoted: false, spaces: 0, last: 0 }
    }

    /// Writes what was held back.
    fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            self.put(b"\\", out);
        }
        out.extend(std::iter::repeat_n(b' ', std::mem::take(&mut self.spaces)));
    }

    fn write(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        if !self.shape.backslashes {
            return self.put(raw, out);
        }
        for &byte in raw {
            match (std::mem::take(&mut self.held), byte) {
                (false, b'\\') => self.held = true,
                (true, b'"') => self.put(b"\"\"", out),
                (true, b'\\') => self.put(b"\\", out),
                (true, _) => self.put(&[b'\\', byte], out),
                (false, _) => self.put(&[byte], out),
            }
        }
    }

    /// Writes a byte, but for the spaces between a delimiter and an opening quote.
    fn put_without_gap(&mut self, byte: u8, out: &mut Vec<u8>) {
        let begins_cell = self.begins_line && !self.quoted;
        if byte == b' ' && begins_cell {
            self.spaces += 1;
            return;
        }
        let opens = byte == b'"' && begins_cell;
        let kept = if opens { 0 } else { self.spaces };
        out.extend(std::iter::repeat_n(b' ', kept));
        self.spaces = 0;
        // A doubled quote within a quoted cell closes and opens again.
        if byte == b'"' && (opens || self.quoted || self.last == b'"') {
            self.quoted = !self.quoted;
        }
        out.push(byte);
        self.begins_line = !self.quoted && (byte == self.shape.gapped || byte == b'\n');
        self.last = byte;
    }

    fn put(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        for &byte in raw {
            let byte = if self.shape.lone_returns && byte == b'\r' { b'\n' } else { byte };
            if self.shape.gapped != 0 {
                self.put_without_gap(byte, out);
                continue;
            }
            if !self.shape.spaces {
                out.push(byte);
                continue;
            }
            match byte {
                b' ' | b'\t' if !self.quoted => (self.gap, self.last) = (true, byte),
                b'\r' if !self.quoted => {}
                b'\n' if !self.quoted => {
                    out.push(byte);
                    (self.gap, self.begins_line) = (false, true);
                    self.last = byte;
                }
                _ => {
                    let begins_cell = self.gap || self.begins_line;
                    if self.gap && !self.begins_line {
                        out.push(b'\t');
                    }
                    // A doubled quote within a quoted cell closes and opens again.
                    if byte == b'"' && (self.quoted || begins_cell || self.last == b'"') {
                        self.quoted = !self.quoted;
                    }
                    out.push(byte);
                    (self.gap, self.begins_line, self.last) = (false, false, byte);
                }
            }
        }
    }
}

struct Shaped {
    bytes: Box<dyn Read + Send>,
    pen: Pen,
    raw: Vec<u8>,
    text: Vec<u8>,
    unread: usize,
}

impl Read for Shaped {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.unread == self.text.len() {
            let n = self.bytes.read(&mut self.raw)?;
            self.text.clear();
            self.unread = 0;
            match n {
                0 => self.pen.end(&mut self.text),
                n => self.pen.write(&self.raw[..n], &mut self.text),
            }
            if n == 0 && self.text.is_empty() {
                return Ok(0);
            }
        }
        let n = out.len().min(self.text.len() - self.unread);
        out[..n].copy_from_slice(&self.text[self.unread..self.unread + n]);
        self.unread += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_spaces_are_one_tab_but_within_quotes() {
        let spaces = Shape { spaces: true, ..Shape::default() };
        for (text, wanted) in [
            ("  a  b\t c \n1   2 3\n", "a\tb\tc\n1\t2\t3\n"),
            ("\"x  y\" 1\r\n", "\"x  y\"\t1\n"),
            ("\"a\"\"  b\"  2\n", "\"a\"\"  b\"\t2\n"),
            ("5\" wide\n", "5\"\twide\n"),
        ] {
            assert_eq!(String::from_utf8(spaces.apply(text.as_bytes())).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn a_quote_behind_a_backslash_is_part_of_its_cell() {
        let escaped = Shape { backslashes: true, ..Shape::default() };
        for (text, wanted) in [
            (r#""He said \"hi\", twice",5"#, r#""He said ""hi"", twice",5"#),
            (r#""C:\\dir\\",5"#, r#""C:\dir\",5"#),
            (r"a\nb\", r"a\nb\"),
        ] {
            assert_eq!(String::from_utf8(escaped.apply(text.as_bytes())).unwrap(), wanted, "{text}");
            let mut read = String::new();
            let bytes = std::io::Cursor::new(text.as_bytes().to_vec());
            escaped.reader(Box::new(bytes)).read_to_string(&mut read).unwrap();
            assert_eq!(read, wanted);
        }
        for (text, wanted) in [
            (
                r#"a,b
"He said \"hi\", twice",5
"#,
                true,
            ),
            (r#""say \"x\" now";5"#, true),
            // A path that ends with a backslash, doubled quotes, a quote of an unquoted cell.
            (r#""C:\dir\",5"#, false),
            (r#""say ""x"" now",5"#, false),
            (r#"5\"wide,5"#, false),
        ] {
            assert_eq!(Shape::has_backslashes(text.as_bytes(), b','), wanted, "{text}");
        }
    }

    #[test]
    fn lone_returns_are_line_breaks() {
        assert!(Shape::has_lone_returns(b"a,b\r1,2\r"));
        assert!(!Shape::has_lone_returns(b"a,b\r\n1,2\r\n") && !Shape::has_lone_returns(b"a,b\r"));
        let mac = Shape { lone_returns: true, ..Shape::default() };
        assert_eq!(mac.apply(b"a,b\r1,2\r"), b"a,b\n1,2\n");
    }
}
