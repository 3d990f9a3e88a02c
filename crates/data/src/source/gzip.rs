//! Gzip as `gzip -d` reads it: one member after the other.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

use flate2::bufread::GzDecoder;

/// The content of all members. Zeros after the last member are padding, as tape drives and some tools leave it; any other bytes
/// there are an error, since rows may be lost.
pub(crate) struct Members<R>(State<R>);

enum State<R> {
    Within(Box<GzDecoder<R>>),
    Between(R),
    Done,
}

impl<R: BufRead> Members<R> {
    pub(crate) fn new(reader: R) -> Self {
        Members(State::Within(Box::new(GzDecoder::new(reader))))
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            self.0 = match std::mem::replace(&mut self.0, State::Done) {
                State::Within(mut member) => {
                    let n = member.read(out)?;
                    if n > 0 {
                        self.0 = State::Within(member);
                        return Ok(n);
                    }
                    State::Between(member.into_inner())
                }
                State::Between(mut reader) => match reader.fill_buf()? {
                    [] => return Ok(0),
                    [0x1f, ..] => State::Within(Box::new(GzDecoder::new(reader))),
                    [0, rest @ ..] => {
                        let zeros = 1 + rest.iter().take_while(|b| **b == 0).count();
                        reader.consume(zeros);
                        State::Between(reader)
                    }
                    _ => {
                        let problem = "there are other bytes after the last gzip member";
                        return Err(Error::new(ErrorKind::InvalidData, problem));
                    }
                },
                State::Done => return Ok(0),
            };
        }
    }
}

/// The content of a body packed with gzip, all members of it; `None` where it has more than `most` bytes.
///
/// # Errors
/// Bytes that are not gzip, a member that is damaged or cut off, bytes after the last member.
///
/// ```
/// assert!(tidemill_data::source::gunzip(b"a,b\n1,2\n", 100).is_err());
/// ```
pub fn gunzip(packed: &[u8], most: usize) -> Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    Members::new(packed).take(most as u64 + 1).read_to_end(&mut out)?;
    Ok((out.len() <= most).then_some(out))
}

/// The same of a body packed with zstd, all frames of it.
///
/// # Errors
/// Bytes that are not zstd, a frame that is damaged or cut off.
///
/// ```
/// assert!(tidemill_data::source::unzstd(b"a,b\n1,2\n", 100).is_err());
/// ```
pub fn unzstd(packed: &[u8], most: usize) -> Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    zstd::Decoder::new(packed)?.take(most as u64 + 1).read_to_end(&mut out)?;
    Ok((out.len() <= most).then_some(out))
}
