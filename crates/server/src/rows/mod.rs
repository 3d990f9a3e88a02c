//! Callers' rows: JSON, CSV or XML in, cells out. Nothing passes through a tree of values.

mod json;
mod table;
mod xml;

pub(crate) use json::without_mark;

pub use xml::XSD;

use axum::http::{HeaderMap, StatusCode, header};
use hashbrown::HashMap;
use tidemill_core::{Cell, Kind, Role, Row, nearest};
use tidemill_data::parse::is_missing_word;
use tidemill_data::source::encoding_name;
use tidemill_engine::explain::Method;
use tidemill_engine::serve::serving::Serving;

use crate::fault::ApiError;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`
    Json,
    /// `application/x-ndjson`: a JSON object per line.
    JsonLines,
    /// `text/csv`
    Csv,
    /// `text/tab-separated-values`
    Tsv,
    /// `application/xml`
    Xml,
}

impl Format {
    /// The format of a media type such as `text/csv; charset=utf-8`.
    pub fn of(media: &str) -> Option<Self> {
        match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            // The last is what curl says of any `--data`.
            "application/json" | "text/json" | "application/x-www-form-urlencoded" => Some(Format::Json),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Some(Format::JsonLines),
            "text/csv" | "application/csv" => Some(Format::Csv),
            "text/tab-separated-values" => Some(Format::Tsv),
            "application/xml" | "text/xml" => Some(Format::Xml),
            _ => None,
        }
    }

    /// The format of a request's body; JSON where nothing is said.
    pub fn of_request(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(said) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Json) };
        said.to_str().ok().and_then(Format::of).ok_or_else(|| {
            ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body is in none of the formats that are read",
            )
            .help(format!("send {FORMATS}"))
        })
    }

    /// The format that the caller wants most, by the weights of `Accept` (RFC 9110, 12.5.1), of those that are known and not refused
    /// (`q=0`); that of the request where any will do or nothing is said.
    pub fn of_answer(headers: &HeaderMap, request: Format) -> Result<Self, ApiError> {
        let said: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|a| a.to_str().ok()).collect();
        if said.is_empty() {
            return Ok(request);
        }
        let parts: Vec<(&str, f32)> =
            said.iter().flat_map(|one| one.split(',')).filter_map(weighted).collect();
        let refused =
            |format: &Format| parts.iter().any(|(media, q)| *q <= 0.0 && Format::of(media) == Some(*format));
        let mut wanted: Vec<(f32, Format)> = parts
            .iter()
            .filter(|(_, q)| *q > 0.0)
            .filter_map(|(media, q)| Some((*q, meant(media, request).into_iter().find(|f| !refused(f))?)))
            .collect();
        // Of equals the first.
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let found = wanted.first().map(|(_, format)| *format);
        found.ok_or_else(|| {
            ApiError::new(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "none of the accepted formats is written",
            )
            .help(format!("accept {FORMATS}"))
        })
    }
}

/// The encoding that a request says its text is in, by its name in the Encoding Standard. ASCII says nothing: UTF-8 and all others begin
/// with it, and some clients say it of every text.
///
/// # Errors
/// 415 for one that is not known.
pub fn charset(headers: &HeaderMap) -> Result<Option<&'static str>, ApiError> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let mut parameters = said.split(';').skip(1).filter_map(|one| one.split_once('='));
    let label = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let Some(label) = label.map(|(_, label)| label.trim().trim_matches('"')) else { return Ok(None) };
    if ["us-ascii", "ascii", ""].iter().any(|plain| label.eq_ignore_ascii_case(plain)) {
        return Ok(None);
    }
    encoding_name(label).map(Some).ok_or_else(|| {
        let message = "the charset of the body is not known";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_charset", message)
            .help("send UTF-8, or name a charset of the Encoding Standard such as windows-1252")
    })
}

/// One part of `Accept` and its weight.
fn weighted(one: &str) -> Option<(&str, f32)> {
    let mut parts = one.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    Some((media, weight.map_or(Some(1.0), |q| q.trim().parse().ok())?))
}

/// The formats that one part of `Accept` stands for, the best first: that of the request where it is among them.
fn meant(media: &str, request: Format) -> Vec<Format> {
    const ALL: [Format; 5] = [Format::Json, Format::Csv, Format::JsonLines, Format::Tsv, Format::Xml];
    let is_text = |format: &Format| matches!(format, Format::Csv | Format::Tsv);
    let fits = |format: &Format| match media {
        "*/*" | "" => true,
        "application/*" => !is_text(format),
        "text/*" => is_text(format),
        known => Format::of(known) == Some(*format),
    };
    std::iter::once(request).chain(ALL).filter(fits).collect()
}

/// The formats, for people.
const FORMATS: &str =
    "application/json, application/x-ndjson, text/csv, text/tab-separated-values or application/xml";

/// The columns of a model, ready for reading rows.
pub struct Columns {
    names: Vec<String>,
    required: Vec<bool>,
    places: HashMap<String, usize>,
    passed_over: Vec<String>,
    kinds: Vec<Kind>,
    lists: Vec<bool>,
    /// Of each column, the names that would mean "no value" as bare words.
    words: Vec<Vec<String>>,
    /// Whether a column is a field within an object, such as `user.age`.
    nested: bool,
    /// The encoding of the rows that the model learned from.
    encoding: Option<String>,
}

impl Columns {
    /// The columns of a model.
    pub fn of(serving: &Serving) -> Self {
        let names: Vec<String> = serving.columns.iter().map(|c| c.name.clone()).collect();
        Columns {
            required: serving.columns.iter().map(|c| c.required).collect(),
            places: names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect(),
            passed_over: serving.passed_over.clone(),
            kinds: serving.columns.iter().map(|c| c.kind).collect(),
            lists: serving.columns.iter().map(|c| is_list(c.kind, c.role)).collect(),
            words: serving.columns.iter().map(|c| words(&c.categories)).collect(),
            nested: names.iter().any(|name| name.contains('.')),
            encoding: serving.recipe.data.encoding.clone(),
            names,
        }
    }

    /// A cell of JSON, which tells a text from nothing: a word such as `NA` that training learned as a name is one, as if it were quoted
    /// in a CSV file.
    fn said(&self, place: usize, cell: Cell) -> Cell {
        match (cell, self.words.get(place)) {
            (Cell::Text(text), Some(words)) if words.iter().any(|word| *word == text.trim()) => {
                Cell::Text(format!("\"{}\"", text.trim()))
            }
            (cell, _) => cell,
        }
    }

    /// Whether a name is that of an object of which fields are columns.
    fn is_object(&self, name: &str) -> bool {
        self.nested && self.fields(name).next().is_some()
    }

    /// The places of the columns that are fields of the object of this name.
    fn fields(&self, name: &str) -> impl Iterator<Item = usize> {
        let within =
            move |column: &String| column.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        (0..self.names.len()).filter(move |&place| within(&self.names[place]))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of a column.
    pub fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }

    /// Whether a value of the column at a place is a list: a series, a vector, or neighbours.
    pub fn is_list(&self, place: usize) -> bool {
        self.lists.get(place).is_some_and(|is| *is)
    }

    /// Whether the column at a place holds names, such as keys.
    fn is_name(&self, place: usize) -> bool {
        matches!(self.kinds.get(place), Some(Kind::Text | Kind::Category))
    }

    /// The place of a name, looked for first where the last row had it.
    fn find(&self, name: &str, guess: usize) -> Option<usize> {
        match self.names.get(guess) {
            Some(guessed) if guessed == name => Some(guess),
            _ => self.places.get(name).copied(),
        }
    }
}

/// Whether the values of a column are lists: series, vectors, and neighbours, of which a list in JSON is read as such a cell is.
fn is_list(kind: Kind, role: Role) -> bool {
    matches!(kind, Kind::Series | Kind::Vector { .. }) || role == Role::Neighbors
}

/// The names among these that would mean "no value" as bare words.
fn words(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| is_missing_word(name)).cloned().collect()
}

/// The rows of a request.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The rows, a cell per column.
    pub rows: Vec<Row>,
    /// Columns that came and that the model does not know.
    pub unknown: Vec<String>,
    /// How the answers are to be explained, where they are.
    pub explain: Option<Explain>,
}

/// How answers are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// By the best Shapley values that the model allows.
    Shap,
    /// By integrated gradients: nets alone.
    Gradients,
}

impl Explain {
    /// What is asked for by this word.
    ///
    /// # Errors
    /// 400 for a word that names no explanation.
    pub fn of(word: &str) -> Result<Option<Self>, ApiError> {
        match word {
            "shap" => Ok(Some(Explain::Shap)),
            "gradients" => Ok(Some(Explain::Gradients)),
            "none" => Ok(None),
            _ => Err(ApiError::bad("unknown_explanation", "'explain' names no explanation")
                .help("ask for 'shap', 'gradients' (nets alone) or 'none'")),
        }
    }

    /// The method, where it is not for the model to choose.
    pub(crate) fn method(self) -> Option<Method> {
        match self {
            Explain::Shap => None,
            Explain::Gradients => Some(Method::Gradients),
        }
    }
}

/// Reads the rows of a body, at most `most` of them.
///
/// # Errors
/// 400 for a body that is not what it says, a column that is missing, comes twice or holds no single value, each with
/// its place; 413 for too many rows.
pub fn read(body: &[u8], format: Format, columns: &Columns, most: usize) -> Result<Parsed, ApiError> {
    read_in(None, body, format, columns, most)
}

/// The same of a text that is said to be in this encoding.
pub fn read_in(
    charset: Option<&str>,
    body: &[u8],
    format: Format,
    columns: &Columns,
    most: usize,
) -> Result<Parsed, ApiError> {
    let mut gathered = Gathered::new(columns, most);
    match format {
        Format::Json => json::read(body, &mut gathered)?,
        Format::JsonLines | Format::Csv | Format::Tsv => table::read(body, format, charset, &mut gathered)?,
        Format::Xml => xml::read(body, &mut gathered)?,
    }
    if gathered.rows.is_empty() {
        return Err(ApiError::bad("no_rows", "the request has no rows"));
    }
    Ok(Parsed { rows: gathered.rows, unknown: gathered.unknown, explain: gathered.explain })
}

/// Rows as they come in.
struct Gathered<'a> {
    columns: &'a Columns,
    most: usize,
    rows: Vec<Row>,
    unknown: Vec<String>,
    explain: Option<Explain>,
    /// Which columns of the row at hand have come.
    present: Vec<bool>,
}

/// What the rows stand under in requests to other servers: of TensorFlow, KServe and MLflow.
const WRAPPERS: [&str; 6] =
    ["instances", "inputs", "dataframe_records", "dataframe_split", "data", "records"];

/// The most unknown columns that are named.
const UNKNOWN: usize = 20;

impl<'a> Gathered<'a> {
    fn new(columns: &'a Columns, most: usize) -> Self {
        Gathered { columns, most, rows: Vec::new(), unknown: Vec::new(), explain: None, present: Vec::new() }
    }

    /// Forgets all that has come.
    fn restart(&mut self) {
        *self = Gathered::new(self.columns, self.most);
    }

    /// The number, from 1, of the row at hand.
    fn number(&self) -> usize {
        self.rows.len() + 1
    }

    fn begin(&mut self) -> Result<Row, ApiError> {
        if self.rows.len() >= self.most {
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_many_rows",
                format!("more than {} rows in one request", self.most),
            )
            .help("send several requests"));
        }
        self.present.clear();
        self.present.resize(self.columns.len(), false);
        Ok(Row::missing(self.columns.len()))
    }

    fn set(&mut self, row: &mut Row, place: usize, cell: Cell) -> Result<(), ApiError> {
        if std::mem::replace(&mut self.present[place], true) {
            return Err(self.fault(place, "repeated_column", "comes twice"));
        }
        row.cells[place] = cell;
        Ok(())
    }

    fn end(&mut self, row: Row) -> Result<(), ApiError> {
        let absent =
            self.present.iter().zip(&self.columns.required).position(|(here, asked)| *asked && !here);
        if let Some(place) = absent {
            let name = self.columns.name(place);
            let near = nearest(name, self.unknown.iter().map(String::as_str));
            let wrapped = self.unknown.iter().find(|came| WRAPPERS.contains(&came.as_str()));
            let help = match (wrapped, near) {
                (Some(came), _) => format!(
                    "'{came}' came, as other servers want it: send the rows themselves, [{{\"{name}\": …}}, …], or {{\"rows\": [{{…}}, …]}}"
                ),
                (None, Some(near)) => format!("'{near}' came: is '{name}' meant?"),
                (None, None) => "send it, or null where the value is not known".into(),
            };
            return Err(self.fault(place, "missing_column", "is missing").help(help));
        }
        self.rows.push(row);
        Ok(())
    }

    fn note_unknown(&mut self, name: &str) {
        let known = |list: &[String]| list.iter().any(|n| n == name);
        if self.unknown.len() < UNKNOWN && !known(&self.unknown) && !known(&self.columns.passed_over) {
            self.unknown.push(name.chars().take(80).collect());
        }
    }

    fn fault(&self, place: usize, code: &'static str, what: &str) -> ApiError {
        let (number, name) = (self.number(), self.columns.name(place));
        ApiError::bad(code, format!("row {number}: column '{name}' {what}")).at_row(number).in_column(name)
    }
}

#[cfg(test)]
impl Columns {
    pub(crate) fn for_test(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|n| n.to_string()).collect();
        Columns {
            required: vec![true; names.len()],
            places: names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect(),
            passed_over: vec!["target".into()],
            kinds: vec![Kind::Text; names.len()],
            lists: vec![false; names.len()],
            words: vec![Vec::new(); names.len()],
            nested: names.iter().any(|name| name.contains('.')),
            encoding: None,
            names,
        }
    }
}
