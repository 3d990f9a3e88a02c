//! The container: a stored ZIP with exactly one valid form.
//!
//! A ZIP stores everything twice (before each entry and in the directory at the end), which is how two programs can read two different
//! things from one file. Here, each header has exactly one valid form for its name, length and checksum; the reader rebuilds that form and
//! compares. There is no room for ambiguity: no compression, no gap, no overlap, no comment, no bytes before, between or after the entries.
//! Layout: PKWARE's APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (end); alignment by the extra field 0xD935
//! that Android's `zipalign` uses.

use std::collections::BTreeSet;

use crate::error::{Error, Result, Site, unwritable};
use crate::limits;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;
const DIRECTORY_BYTES: usize = 46;
const END_BYTES: usize = 22;

/// The bytes of every entry begin at a multiple of this, so that tensors can be used in place.
pub(crate) const ALIGNMENT: usize = 64;
const ALIGN_FIELD: u16 = 0xD935;
/// Id, length and the alignment itself, before the zeros.
const ALIGN_FIELD_BYTES: usize = 6;

/// The archive's own structure, in error messages.
pub(crate) const STRUCTURE: &str = "the archive";

/// What the headers contain about an entry.
struct Record<'a> {
    name: &'a str,
    crc: u32,
    bytes: u32,
    offset: u32,
}

impl Record<'_> {
    /// The fields that both headers share, without signatures: version needed (1.0), flags, method (stored), the fixed time 1980-01-01
    /// 00:00, checksum, both lengths, length of the name.
    fn shared(&self, out: &mut Vec<u8>) {
        for field in [10u16, 0, 0, 0, 0x0021] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.crc, self.bytes, self.bytes] {
            out.extend(field.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
    }

    /// The header before the entry's bytes, padded to the alignment.
    fn local(&self) -> Vec<u8> {
        let fixed = self.offset as usize + LOCAL_BYTES + self.name.len() + ALIGN_FIELD_BYTES;
        let padding = fixed.next_multiple_of(ALIGNMENT) - fixed;
        let mut out = LOCAL.to_vec();
        self.shared(&mut out);
        out.extend(((ALIGN_FIELD_BYTES + padding) as u16).to_le_bytes());
        out.extend(self.name.as_bytes());
        out.extend(ALIGN_FIELD.to_le_bytes());
        out.extend(((2 + padding) as u16).to_le_bytes());
        out.extend((ALIGNMENT as u16).to_le_bytes());
        out.resize(out.len() + padding, 0);
        out
    }

    /// The entry's record in the directory.
    fn directory(&self) -> Vec<u8> {
        let mut out = DIRECTORY.to_vec();
        out.extend([10, 3]); // Made by version 1.0 of the format, on Unix: for the permissions below.
        self.shared(&mut out);
        for field in [0u16, 0, 0, 0] {
            out.extend(field.to_le_bytes()); // No extra field, no comment, disk 0, not text.
        }
        out.extend((0o100_644u32 << 16).to_le_bytes());
        out.extend(self.offset.to_le_bytes());
        out.extend(self.name.as_bytes());
        out
    }
}

fn end(entries: u16, directory_bytes: u32, directory_offset: u32) -> [u8; END_BYTES] {
    let mut out = [0; END_BYTES];
    out[..4].copy_from_slice(&END);
    out[8..10].copy_from_slice(&entries.to_le_bytes());
    out[10..12].copy_from_slice(&entries.to_le_bytes());
    out[12..16].copy_from_slice(&directory_bytes.to_le_bytes());
    out[16..20].copy_from_slice(&directory_offset.to_le_bytes());
    out
}

/// Whether this is a valid entry name: lower-case letters, digits, `_`, `-` and `.`, beginning with a letter, at most 64 characters. No
/// name is therefore a path, and no two names differ only in case.
pub(crate) fn is_entry_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    matches!(bytes.first(), Some(b'a'..=b'z'))
        && bytes.len() <= 64
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
        && !name.contains("..")
}

/// The archive of these entries, in this order. Errors if it would exceed a reader's limits.
pub(crate) fn pack(entries: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let overhead = entries.len() * (LOCAL_BYTES + DIRECTORY_BYTES + 2 * 64 + 2 * ALIGNMENT) + END_BYTES;
    let total =
        entries.iter().fold(overhead as u64, |sum, (_, bytes)| sum.saturating_add(bytes.len() as u64));
    if total > limits::FILE_BYTES || entries.len() > limits::ENTRIES {
        return Err(unwritable(format!(
            "{} entries of {total} bytes together; at most {} entries and {} bytes fit",
            entries.len(),
            limits::ENTRIES,
            limits::FILE_BYTES
        )));
    }
    let mut out = Vec::with_capacity(total as usize);
    let mut directory = Vec::new();
    for (name, bytes) in entries {
        let record =
            Record { name, crc: crc32fast::hash(bytes), bytes: bytes.len() as u32, offset: out.len() as u32 };
        out.extend(record.local());
        out.extend(*bytes);
        directory.extend(record.directory());
    }
    let tail = end(entries.len() as u16, directory.len() as u32, out.len() as u32);
    out.extend(directory);
    out.extend(tail);
    Ok(out)
}

/// The entries of an archive, in order. Errors unless it is byte for byte what [`pack`] makes of them.
pub(crate) fn unpack<'a>(archive: &'a [u8], site: Site<'_>) -> Result<Vec<(&'a str, &'a [u8])>> {
    let damaged = |problem: String| site.damaged(STRUCTURE, problem);
    if archive.len() < 4 || archive[..4] != LOCAL {
        return Err(Error::NotAModel { file: site.file.into(), found: looks_like(archive) });
    }
    let at_end = archive.len().saturating_sub(END_BYTES);
    let tail = &archive[at_end..];
    if tail.len() != END_BYTES || tail[..4] != END {
        return Err(damaged("its end is missing, or something was added after it".into()));
    }
    let (count, bytes, offset) = (u16_at(tail, 10), u32_at(tail, 12), u32_at(tail, 16));
    if usize::from(count) > limits::ENTRIES {
        return Err(site.too_large(STRUCTURE, format!("{count} entries"), limits::ENTRIES as u64));
    }
    if u64::from(bytes) + u64::from(offset) != at_end as u64 || tail != end(count, bytes, offset) {
        return Err(damaged("its end does not fit its length".into()));
    }
    let (entries, mut directory) = (&archive[..offset as usize], &archive[offset as usize..at_end]);
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let record = directory_record(&mut directory, site)?;
        if !names.insert(record.name) {
            return Err(site.damaged(record.name, "it is there twice"));
        }
        found.push((record.name, entry(entries, &mut at, &record, site)?));
    }
    if !directory.is_empty() || at != entries.len() {
        return Err(damaged("there are bytes that belong to no entry".into()));
    }
    Ok(found)
}

/// The next record of the directory, which is then removed from the slice.
fn directory_record<'a>(directory: &mut &'a [u8], site: Site<'_>) -> Result<Record<'a>> {
    let damaged = |problem: &str| site.damaged(STRUCTURE, problem);
    if directory.len() < DIRECTORY_BYTES || directory[..4] != DIRECTORY {
        return Err(damaged("its directory ends early"));
    }
    let (fixed, rest) = directory.split_at(DIRECTORY_BYTES);
    let name = rest
        .get(..usize::from(u16_at(fixed, 28)))
        .and_then(|name| std::str::from_utf8(name).ok())
        .filter(|name| is_entry_name(name))
        .ok_or_else(|| damaged("an entry's name is not one that a model has"))?;
    if u16_at(fixed, 10) != 0 || u16_at(fixed, 8) & 1 != 0 {
        return Err(
            site.damaged(name, "it is compressed or encrypted; a model's entries are stored as they are")
        );
    }
    let record = Record { name, crc: u32_at(fixed, 16), bytes: u32_at(fixed, 24), offset: u32_at(fixed, 42) };
    let line = record.directory();
    if !directory.starts_with(&line) {
        return Err(site.damaged(name, "its line in the directory is not as tidemill writes it"));
    }
    *directory = &directory[line.len()..];
    Ok(record)
}

/// The bytes of the entry that must begin at `at`, which is moved past them.
fn entry<'a>(entries: &'a [u8], at: &mut usize, record: &Record<'_>, site: Site<'_>) -> Result<&'a [u8]> {
    if record.offset as usize != *at {
        return Err(site.damaged(record.name, "it overlaps another entry, or leaves a gap"));
    }
    let local = record.local();
    let rest = &entries[*at..];
    if !rest.starts_with(&local) {
        return Err(site.damaged(record.name, "its header disagrees with the directory"));
    }
    let bytes = rest[local.len()..]
        .get(..record.bytes as usize)
        .ok_or_else(|| site.damaged(record.name, "it is longer than the file"))?;
    if crc32fast::hash(bytes) != record.crc {
        return Err(site.damaged(record.name, "its bytes do not match their checksum"));
    }
    *at += local.len() + bytes.len();
    Ok(bytes)
}

/// The bytes of the first entry if it is intact and has this name, whatever follows it: a newer format may differ in everything else.
pub(crate) fn first<'a>(archive: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let fixed = archive.get(..LOCAL_BYTES).filter(|fixed| fixed[..4] == LOCAL)?;
    let stored = u16_at(fixed, 8) == 0 && u32_at(fixed, 18) == u32_at(fixed, 22);
    let name_end = LOCAL_BYTES + usize::from(u16_at(fixed, 26));
    let start = name_end + usize::from(u16_at(fixed, 28));
    let bytes = archive.get(start..)?.get(..u32_at(fixed, 18) as usize)?;
    let same_name = archive.get(LOCAL_BYTES..name_end)? == name.as_bytes();
    (stored && same_name && crc32fast::hash(bytes) == u32_at(fixed, 14)).then_some(bytes)
}

fn looks_like(bytes: &[u8]) -> String {
    match bytes {
        [] => "it is empty".into(),
        bytes if bytes.starts_with(&LOCAL[..bytes.len().min(4)]) => "it ends after a few bytes".into(),
        bytes if bytes.iter().take(512).all(|b| !b.is_ascii_control() || b.is_ascii_whitespace()) => {
            "it looks like text".into()
        }
        _ => "it does not begin as one".into(),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
