//! Text as UTF-8, whatever encoding it came in.

use std::io::Read;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use tidemill_core::Result;

use super::input::Input;

/// What the reader of a file in another encoding says when its bytes do not fit.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: bytes that are not of the encoding")]
pub(crate) struct Malformed {
    pub(crate) line: u64,
}

/// The encoding of a sample: by its byte order mark or the NULs of UTF-16, else UTF-8 where it is valid, else by the frequencies of
/// letters (chardetng, as browsers guess), unless they fit the `usual` encoding: of a few letters that guess is often wrong. `whole` says that
/// the sample is all there is.
pub(crate) fn detect(sample: &[u8], whole: bool, usual: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(sample) {
        return encoding;
    }
    if let Some(encoding) = utf16(sample) {
        return encoding;
    }
    match std::str::from_utf8(sample) {
        Ok(_) => return UTF_8,
        // The sample may end within a character.
        Err(e) if e.error_len().is_none() && !whole => return UTF_8,
        Err(_) => {}
    }
    let usual = usual.and_then(|label| Encoding::for_label(label.as_bytes()));
    if let Some(usual) = usual.filter(|usual| fits(sample, whole, usual)) {
        return usual;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, whole);
    detector.guess(None, Utf8Detection::Deny)
}

/// The name of an encoding by one of its labels in the Encoding Standard; nothing for a label that is not known.
///
/// ```
/// use tidemill_data::source::encoding_name;
/// assert_eq!(encoding_name("latin1"), Some("windows-1252"));
/// assert_eq!(encoding_name("utf-9"), None);
/// ```
pub fn encoding_name(label: &str) -> Option<&'static str> {
    Encoding::for_label(label.as_bytes()).map(Encoding::name)
}

/// Whether a sample is text in this encoding, one of UTF-8 and UTF-16 excepted: those are told by themselves.
fn fits(sample: &[u8], whole: bool, encoding: &'static Encoding) -> bool {
    if [UTF_8, UTF_16LE, UTF_16BE].contains(&encoding) {
        return false;
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = vec![0; 3 * sample.len() + 16];
    let (result, ..) = decoder.decode_to_utf8_without_replacement(sample, &mut text, whole);
    matches!(result, DecoderResult::InputEmpty)
}

/// The encoding a user names: any label of the Encoding Standard, such as `utf-8`, `latin1` or `windows-1252`.
pub(crate) fn named(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        let known = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-1", "shift_jis", "gb18030"];
        let near = tidemill_core::nearest(label, known).unwrap_or("utf-8 or windows-1252");
        tidemill_core::Error::parameter("encoding", format!("'{label}' is not known; try {near}"))
    })
}

/// The line, from 1, of the first byte that no text of this encoding has, where the bytes as a whole cannot be text: more than one
/// byte in ten is a control character, one in a hundred is NUL, or there is a NUL and the rest is not UTF-8. A stray NUL in a text
/// is found later, with its line.
pub(crate) fn binary_line(sample: &[u8], encoding: &'static Encoding) -> Option<u64> {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        return None;
    }
    let control = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c);
    let n_nul = memchr::memchr_iter(0, sample).count();
    let n_control = sample.iter().filter(|b| control(b)).count();
    let foreign = n_nul > 0 && encoding != UTF_8;
    if n_control * 10 <= sample.len() && n_nul * 100 <= sample.len() && !foreign {
        return None;
    }
    let first = sample.iter().position(|b| if foreign { *b == 0 } else { control(b) }).unwrap_or_default();
    Some(1 + memchr::memchr_iter(b'\n', &sample[..first]).count() as u64)
}

/// UTF-16 without a byte order mark: every second byte of plain letters, digits and line breaks is NUL, and the whole decodes to text.
fn utf16(sample: &[u8]) -> Option<&'static Encoding> {
    let sample = &sample[..sample.len() / 2 * 2];
    let nul_at = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (nul_at(0), nul_at(1));
    let encoding = match (even, odd) {
        (0, 1..) => UTF_16LE,
        (1.., 0) => UTF_16BE,
        _ => return None,
    };
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        if encoding == UTF_16LE { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    let units: Vec<u16> = sample.chunks_exact(2).map(unit).collect();
    let breaks = units.iter().filter(|u| matches!(**u, 10 | 13)).count();
    // Of a text of single bytes with a stray NUL, most line breaks are within other pairs.
    let raw = sample.iter().filter(|b| matches!(**b, 10 | 13)).count();
    let control = units.iter().any(|u| *u < 0x20 && !matches!(*u, 9 | 10 | 13));
    (breaks * 2 > raw && !control && (even + odd) * 20 > units.len()).then_some(encoding)
}

/// A text without the byte order mark at its beginning.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The file as UTF-8, without byte order mark. UTF-8 itself is passed on unchecked: chunks are checked later.
pub(crate) fn reader(input: &Input, encoding: &'static Encoding) -> Result<Box<dyn Read + Send>> {
    let mut bytes = input.unpacked()?;
    if encoding != UTF_8 {
        return Ok(Box::new(Transcoder::new(bytes, encoding)));
    }
    let mut start = [0; 3];
    let n = super::input::fill(&mut bytes, &mut start).map_err(|e| input.failed(e))?;
    let kept = if start[..n] == [0xef, 0xbb, 0xbf] { 0 } else { n };
    Ok(Box::new(std::io::Cursor::new(start).take(kept as u64).chain(bytes)))
}

struct Transcoder {
    bytes: Box<dyn Read + Send>,
    decoder: encoding_rs::Decoder,
    raw: Vec<u8>,
    /// What of `raw` is not decoded yet.
    undecoded: std::ops::Range<usize>,
    text: Vec<u8>,
    /// What of `text` is not handed out yet.
    unread: std::ops::Range<usize>,
    ended: bool,
    finished: bool,
    line: u64,
}

impl Transcoder {
    fn new(bytes: Box<dyn Read + Send>, encoding: &'static Encoding) -> Self {
        Transcoder {
            bytes,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; 1 << 16],
            undecoded: 0..0,
            text: vec![0; 3 << 16],
            unread: 0..0,
            ended: false,
            finished: false,
            line: 1,
        }
    }

    fn decode(&mut self) -> std::io::Result<()> {
        if self.undecoded.is_empty() && !self.ended {
            let n = super::input::fill(&mut self.bytes, &mut self.raw)?;
            self.undecoded = 0..n;
            self.ended = n < self.raw.len();
        }
        let raw = &self.raw[self.undecoded.clone()];
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.ended);
        self.undecoded.start += read;
        self.unread = 0..written;
        self.line += memchr::memchr_iter(b'\n', &self.text[..written]).count() as u64;
        match result {
            DecoderResult::Malformed(..) => Err(std::io::Error::other(Malformed { line: self.line })),
            DecoderResult::InputEmpty => {
                self.finished = self.ended;
                Ok(())
            }
            DecoderResult::OutputFull => Ok(()),
        }
    }
}

impl Read for Transcoder {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.unread.is_empty() && !self.finished {
            self.decode()?;
        }
        let n = out.len().min(self.unread.len());
        out[..n].copy_from_slice(&self.text[self.unread.start..self.unread.start + n]);
        self.unread.start += n;
        Ok(n)
    }
}
