//! Files of every format as [`Source`]s of raw columns.
//!
//! Requests are read by the same code: [`open_body`].
//!
//! Text formats give text columns exactly as written (an empty cell is an empty text: what counts as missing is
//! decided later; a word such as `NA` that a CSV file quotes keeps its quotes, which make it a value: see [`crate::parse::unquoted`]); typed formats give numbers, flags, texts and times, with their nulls.

mod array;
mod arrow;
mod chunks;
mod classes;
mod convert;
mod csv;
mod encoding;
mod geojson;
mod gzip;
mod input;
mod jsonl;
mod many;
mod nested;
mod object;
mod options;
mod pipeline;
mod sqlite;
mod text;
mod typed;
mod workbook;

pub(crate) use convert::plain;
pub(crate) use csv::is_total;

use std::path::Path;

use serde::Serialize;
use tidemill_core::{Batch, Error as CoreError, Result, Source};

use crate::Error;
pub use arrow::from_arrow;
use chunks::CHUNK;
use classes::ImageFolder;
pub use classes::default_target;
pub use encoding::encoding_name;
pub use gzip::{gunzip, unzstd};
use input::{Input, Packing};
pub use jsonl::without_nan;
pub use options::ReadOptions;

/// Where rows came from and how they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// As the user gave it.
    pub location: String,
    /// `CSV`, `JSON`, `JSON lines`, `GeoJSON`, `Parquet`, `Arrow IPC`, `workbook`, `SQLite` or `pictures`.
    pub format: String,
    /// How many files.
    pub n_files: usize,
    /// How many bytes they have together, as stored.
    pub bytes: u64,
    /// What divides the cells (CSV).
    pub delimiter: Option<char>,
    /// What encloses cells (CSV).
    pub quote: Option<char>,
    /// Whether the first row holds names (CSV); if not, columns are called `column_1`, `column_2`, ….
    pub header: Option<bool>,
    /// The encoding of the text (CSV).
    pub encoding: Option<String>,
}

impl Provenance {
    fn new(location: &str, format: &str) -> Self {
        Provenance {
            location: location.into(),
            format: format.into(),
            n_files: 1,
            bytes: 0,
            delimiter: None,
            quote: None,
            header: None,
            encoding: None,
        }
    }
}

/// Opens a location: a file, a pattern (`data/*.csv`: files with the same columns, one below the other), a folder of images
/// (columns `image`, the path, and `label`, the folder within it that it lies in: its class) or `-`
/// (standard input, copied to a temporary file because sources are passed over more than once).
///
/// The format is found from the first bytes and the name: CSV and TSV, JSON (lines, or an array of objects) and GeoJSON (all also packed with gzip or
/// zstd), Parquet, Arrow IPC (file and stream), workbooks of Excel and OpenDocument (`book.xlsx`, or `book.xlsx?sheet=Sales`), and
/// tables of SQLite (`sqlite:shop.db?table=orders`). Opening CSV reads its first MiB; opening JSON lines reads the
/// whole file once, to know every key and its kind. Scans use bounded memory, but for workbooks.
///
/// # Errors
/// A file that is missing, empty, of another format, damaged, with nested or repeated columns; files of one
/// pattern whose columns differ.
///
/// ```
/// # fn main() -> tidemill_core::Result<()> {
/// use tidemill_core::Source;
/// # let folder = std::env::temp_dir().join(format!("tidemill-open-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// let path = folder.join("people.csv");
/// std::fs::write(&path, "name;age\nAda;36\nAlan;41\n").unwrap();
/// let people = tidemill_data::source::open(&path.display().to_string(), &Default::default())?;
/// let rows = people.collect()?;
/// assert_eq!(rows.texts(1)?.value(0), "36");
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok(())
/// # }
/// ```
pub fn open(location: &str, options: &ReadOptions) -> Result<Box<dyn Source>> {
    Ok(open_described(location, options)?.0)
}

/// As [`open`], with what was found out about the files (of several, about the first).
pub fn open_described(location: &str, options: &ReadOptions) -> Result<(Box<dyn Source>, Provenance)> {
    open_in_chunks(location, options, CHUNK)
}

pub(crate) fn open_in_chunks(
    location: &str,
    options: &ReadOptions,
    chunk: usize,
) -> Result<(Box<dyn Source>, Provenance)> {
    if let Some(folder) = ImageFolder::find(location)? {
        let provenance = folder.provenance(location);
        return Ok((Box::new(folder), provenance));
    }
    if let Some(error) = not_a_file(location) {
        return Err(error.into());
    }
    if let Some(table) = location.strip_prefix("sqlite:") {
        return sqlite::open(table, location, chunk);
    }
    if let Some(book) = workbook::Sheet::of(location) {
        return book.open(location, options, chunk);
    }
    let files = Input::find(location)?;
    let mut bytes = 0;
    for file in &files {
        bytes += file.n_bytes()?;
    }
    let n_files = files.len();
    let (first, rest) = match files.split_first() {
        Some(parts) => parts,
        None => return Err(Error::NoFiles { pattern: location.into() }.into()),
    };
    let (source, provenance) = open_file(first.clone(), location, options, chunk)?;
    let provenance = Provenance { n_files, bytes, ..provenance };
    if rest.is_empty() {
        return Ok((source, provenance));
    }
    // One header, all headers: a file whose rows happen to look like names must not lose one.
    let options = ReadOptions { header: options.header.or(provenance.header), ..options.clone() };
    let mut parts = vec![(first.name.clone(), source)];
    for file in rest {
        parts.push((file.name.clone(), open_file(file.clone(), location, &options, chunk)?.0));
    }
    Ok((Box::new(many::Concat::new(parts)?), provenance))
}

/// How the bytes of a request are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// CSV and its kin.
    Csv,
    /// The same, with tabs where nothing else tells what divides the cells.
    Tsv,
    /// JSON lines.
    JsonLines,
}

/// The rows of a request: read by the code that reads files, so that the same bytes give the same rows or the same refusal, on the
/// thread that asks. `name` is what errors call it. The layout is judged as `options` say; for what a model answers that is
/// [`ReadOptions::at_prediction`].
///
/// Memory is bounded by the bytes themselves, also where they are packed with gzip or zstd: rows are unpacked as they are read.
///
/// # Errors
/// Those of [`open`] for a file of these bytes.
///
/// ```
/// use tidemill_core::Source;
/// use tidemill_data::source::{BodyFormat, ReadOptions, open_body};
/// let body = b"name;age\nAda;36\n";
/// let rows = open_body(body, "the body", BodyFormat::Csv, &ReadOptions::at_prediction(["age"]))?.collect()?;
/// assert_eq!(rows.texts(1)?.value(0), "36");
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub fn open_body(
    bytes: impl AsRef<[u8]> + Send + Sync + 'static,
    name: &str,
    format: BodyFormat,
    options: &ReadOptions,
) -> Result<Box<dyn Source>> {
    let chunk = CHUNK.min(bytes.as_ref().len() + 1);
    let mut input = Input::memory(name, bytes);
    if format == BodyFormat::Tsv {
        input.path.set_file_name("body.tsv");
    }
    // What is not text at all says what it is.
    by_magic(&input)?;
    Ok(match format {
        BodyFormat::Csv | BodyFormat::Tsv => Box::new(csv::Csv::open(input, options, chunk)?),
        BodyFormat::JsonLines => Box::new(jsonl::JsonLines::open(input, options, chunk)?),
    })
}

/// Sources of the same columns, one below the other.
///
/// # Errors
/// Columns that differ, by name or by kind, named.
pub fn stack(parts: Vec<(String, Box<dyn Source>)>) -> Result<Box<dyn Source>> {
    Ok(Box::new(many::Concat::new(parts)?))
}

/// Whether a file that is there already is one of those from which a location is read: to write to it would destroy the rows.
pub fn is_read_from(file: &str, location: &str) -> bool {
    let sheet = workbook::Sheet::of(location);
    let path = match (location.strip_prefix("sqlite:"), &sheet) {
        _ if location == "-" => return false,
        (Some(table), _) => sqlite::path(table),
        (None, Some(sheet)) => sheet.path(),
        _ => location,
    };
    let Ok(file) = Path::new(file).canonicalize() else { return false };
    let inputs = Input::find(path).unwrap_or_default();
    inputs.iter().any(|input| input.path.canonicalize().is_ok_and(|path| path == file))
}

/// SHA-256 over the bytes of the files of a location, in the order of their names, as 64 hexadecimal digits.
///
/// # Errors
/// A file that is missing or cannot be read; `-`, which can be read but once.
pub fn fingerprint(location: &str) -> Result<String> {
    if location == "-" {
        return Err(CoreError::parameter("location", "standard input has no bytes to come back to"));
    }
    let sheet = workbook::Sheet::of(location);
    let path = match (location.strip_prefix("sqlite:"), &sheet) {
        (Some(table), _) => sqlite::path(table),
        (None, Some(sheet)) => sheet.path(),
        _ => location,
    };
    match ImageFolder::find(path)? {
        Some(folder) => folder.sha256(),
        None => input::sha256(&Input::find(path)?),
    }
}

fn open_file(
    file: Input,
    location: &str,
    options: &ReadOptions,
    chunk: usize,
) -> Result<(Box<dyn Source>, Provenance)> {
    let format = format(&file)?;
    if matches!(format, Format::JsonLines)
        && let Some(lines) = object::lines(&file)?
    {
        let rows = jsonl::JsonLines::open(Input::memory(&file.name, lines), options, chunk)?;
        return Ok((Box::new(rows), Provenance::new(location, "JSON")));
    }
    Ok(match format {
        Format::Csv => {
            let csv = csv::Csv::open(file, options, chunk)?;
            let provenance = csv.provenance(location);
            (Box::new(csv), provenance)
        }
        Format::JsonLines => {
            let lines = jsonl::JsonLines::open(file, options, chunk)?;
            (Box::new(lines), Provenance::new(location, "JSON lines"))
        }
        Format::GeoJson => {
            let rows = Input::memory(&file.name, geojson::lines(&file)?);
            let rows = jsonl::JsonLines::open(rows, options, chunk)?;
            (Box::new(rows), Provenance::new(location, "GeoJSON"))
        }
        Format::JsonArray => {
            let rows = Input::memory(&file.name, array::lines(&file)?);
            let rows = jsonl::JsonLines::open(rows, options, chunk)?;
            (Box::new(rows), Provenance::new(location, "JSON"))
        }
        Format::Parquet => (Box::new(typed::Parquet::open(file)?), Provenance::new(location, "Parquet")),
        Format::ArrowFile => {
            (Box::new(typed::Ipc::open(file, false)?), Provenance::new(location, "Arrow IPC"))
        }
        Format::ArrowStream => {
            (Box::new(typed::Ipc::open(file, true)?), Provenance::new(location, "Arrow IPC"))
        }
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
    JsonArray,
    GeoJson,
    Parquet,
    ArrowFile,
    ArrowStream,
}

/// The typed format that the first bytes of a file tell; `None` for text, packed or not.
fn by_magic(file: &Input) -> Result<Option<Format>> {
    let head = file.head(64)?;
    let other = |found: &str, remedy: &str| {
        Err(Error::Format { file: file.name.clone(), found: found.into(), remedy: remedy.into() }.into())
    };
    Ok(match &*head {
        [] => return Err(Error::Empty { file: file.name.clone() }.into()),
        [b'P', b'A', b'R', b'1', ..] => Some(Format::Parquet),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(Format::ArrowFile),
        [0xff, 0xff, 0xff, 0xff, ..] => Some(Format::ArrowStream),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return other("text in UTF-32, which is not read", "save it as UTF-8");
        }
        [b'P', b'K', 3, 4, ..] => {
            let remedy = "name it .xlsx or .ods where it is a workbook, unpack it where it is an archive";
            return other("an Excel or OpenDocument workbook, or another ZIP archive", remedy);
        }
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', ..] => {
            let remedy = format!("name its table: sqlite:{}?table=NAME", file.name);
            return other("an SQLite database", &remedy);
        }
        [b'%', b'P', b'D', b'F', ..] => return other("a PDF document", "give the table behind it as CSV"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            return other("an old Excel workbook", "name it .xls, or save the sheet as CSV");
        }
        [b'B', b'Z', b'h', ..] => {
            return other("packed with bzip2", "unpack it, or pack it with gzip or zstd");
        }
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            return other("packed with xz", "unpack it, or pack it with gzip or zstd");
        }
        _ => None,
    })
}

/// The format of a file, by its first bytes, then by its name, then by its first letter.
fn format(file: &Input) -> Result<Format> {
    if let Some(typed) = by_magic(file)? {
        return Ok(typed);
    }
    let mut name = file.path.clone();
    let packed = Packing::of(&file.head(4)?) != Packing::Plain;
    if packed && matches!(&*extension(&name), "gz" | "zst" | "gzip" | "zstd") {
        name.set_extension("");
    }
    match &*extension(&name) {
        "csv" | "tsv" | "txt" | "tab" => return Ok(Format::Csv),
        "jsonl" | "ndjson" => return Ok(Format::JsonLines),
        "parquet" => return Err(corrupt(file, "Parquet")),
        "arrow" | "feather" | "ipc" => return Err(corrupt(file, "Arrow IPC")),
        _ => {}
    }
    let mut head = vec![0; geojson::LOOK];
    let n = input::fill(&mut file.unpacked()?, &mut head).map_err(|e| file.failed(e))?;
    let head = head[..n].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head[..n]);
    match head.trim_ascii_start() {
        head @ [b'{', ..] if geojson::is_collection(head) => Ok(Format::GeoJson),
        [b'{', ..] => Ok(Format::JsonLines),
        [b'[', ..] if extension(&name) == "json" => Ok(Format::JsonArray),
        _ => Ok(Format::Csv),
    }
}

/// What names no file of this machine.
fn not_a_file(location: &str) -> Option<Error> {
    let (scheme, _) = location.split_once("://")?;
    let (found, remedy) = match scheme {
        "http" | "https" | "ftp" | "s3" | "gs" | "az" | "abfs" => {
            ("an address, and nothing is fetched from the network", "download the file first, then name it")
        }
        "postgres" | "postgresql" | "mysql" => {
            ("a database server, which is not read", "export the table as CSV or Parquet first")
        }
        "sqlite" => ("an SQLite address", "write sqlite:FILE?table=NAME"),
        _ => return None,
    };
    Some(Error::Format { file: location.into(), found: found.into(), remedy: remedy.into() })
}

fn corrupt(file: &Input, format: &'static str) -> CoreError {
    let problem = "its first bytes are those of another format".into();
    Error::Corrupt { file: file.name.clone(), format, problem }.into()
}

/// A batch in pieces of at most so many rows.
pub(crate) fn pieces(batch: Result<Batch>, most: usize) -> Vec<Result<Batch>> {
    match batch {
        Ok(batch) if batch.n_rows() > most => (0..batch.n_rows())
            .step_by(most)
            .map(|at| Ok(batch.slice(at, most.min(batch.n_rows() - at))))
            .collect(),
        other => vec![other],
    }
}

/// The extension in lower case; empty where there is none.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Rows of a source that can only be passed over: one pass, keeping what is wanted.
pub(crate) fn take_by_scan(source: &dyn Source, rows: &[u32]) -> Result<Batch> {
    let mut wanted = rows.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let (mut kept, mut base, mut next) = (Vec::new(), 0, 0);
    for batch in source.scan()? {
        if next == wanted.len() {
            break;
        }
        let batch = batch?;
        let end = base + batch.n_rows() as u64;
        let here = wanted[next..].iter().take_while(|&&row| u64::from(row) < end).count();
        let local: Vec<u32> =
            wanted[next..next + here].iter().map(|&row| (u64::from(row) - base) as u32).collect();
        if !local.is_empty() {
            kept.push(batch.take(&local)?);
        }
        (next, base) = (next + here, end);
    }
    if next < wanted.len() {
        return Err(CoreError::internal(format!("row {} of a source of {base}", wanted[next])));
    }
    // Every row was found, so the search below always ends well.
    let places: Vec<u32> =
        rows.iter().map(|row| wanted.binary_search(row).unwrap_or_default() as u32).collect();
    Batch::concat(source.schema(), &kept)?.take(&places)
}

#[cfg(test)]
mod tests;
