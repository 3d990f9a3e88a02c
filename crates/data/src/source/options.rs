//! What a user says about a text file.

use tidemill_core::recipe::Data;
use tidemill_core::{Error, Reading, Result};

/// How much of a text is looked at to find its layout when a model is trained.
const AT_TRAINING: usize = 1 << 20;
/// The same at prediction, of files and of requests alike.
const AT_PREDICTION: usize = 1 << 16;

/// What a user says about a text file; what is not said is detected.
///
/// ```
/// let options = tidemill_data::source::ReadOptions { delimiter: Some(';'), ..Default::default() };
/// assert_eq!(options.header, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// What divides the cells of a CSV file; one ASCII character, a space for any run of spaces and tabs.
    pub delimiter: Option<char>,
    /// Whether the first row of the table in a CSV file holds the names of the columns.
    pub header: Option<bool>,
    /// How many lines of a CSV file stand above the table.
    pub skip: Option<usize>,
    /// How many lines of a CSV file stand below the table.
    pub footer: Option<usize>,
    /// The encoding of a text file: a label of the Encoding Standard, such as `windows-1252`.
    pub encoding: Option<String>,
    /// The encoding that a text is taken to be in where its bytes fit it and do not say what they are, being neither UTF-8 nor UTF-16: a few
    /// bytes say too little, so a model asks for that of the rows it learned from.
    pub usual_encoding: Option<String>,
    /// How many bytes of a text are looked at to find what is not said. What contradicts it later is an error with its line.
    pub look: usize,
    /// Names that a row of names would have: a first row with one of them is a header.
    pub known: Vec<String>,
    /// Names of columns that are not used: what is wrong within them is no fault.
    pub ignored: Vec<String>,
    /// Whether every line below the header is a row, as where each row is answered: names that come again are an error, and no line
    /// below the table is passed over.
    pub every_line: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            delimiter: None,
            header: None,
            skip: None,
            footer: None,
            encoding: None,
            usual_encoding: None,
            look: AT_TRAINING,
            known: Vec::new(),
            ignored: Vec::new(),
            every_line: false,
        }
    }
}

/// The names of columns that a recipe gives a part.
fn known(data: &Data) -> Vec<String> {
    [&data.target, &data.key, &data.time, &data.group, &data.weight].into_iter().flatten().cloned().collect()
}

impl ReadOptions {
    /// What a recipe says.
    ///
    /// # Errors
    /// A delimiter that is not one character.
    pub fn of(data: &Data) -> Result<Self> {
        let one = |text: &String| {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Ok(c),
                _ if text == "\\t" || text == "tab" => Ok('\t'),
                _ => Err(Error::parameter("data.delimiter", format!("'{text}' is not one character"))),
            }
        };
        Ok(ReadOptions {
            delimiter: data.delimiter.as_ref().map(one).transpose()?,
            header: data.header,
            skip: data.skip,
            footer: data.footer,
            encoding: data.encoding.clone(),
            known: known(data),
            ignored: data.ignore.clone(),
            ..ReadOptions::default()
        })
    }

    /// For files and requests that a model of these columns answers: each is judged by itself, from its first 64 KiB.
    pub fn at_prediction<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let known = columns.into_iter().map(String::from).collect();
        ReadOptions { look: AT_PREDICTION, known, every_line: true, ..ReadOptions::default() }
    }

    /// The same, where a text of a single-byte or multi-byte encoding is likely to be in this one.
    #[must_use]
    pub fn usually_in(mut self, encoding: Option<&str>) -> Self {
        self.usual_encoding = encoding.map(String::from);
        self
    }

    /// What was found out about a text, to read it the same way again.
    ///
    /// ```
    /// use tidemill_core::Reading;
    /// let found = Reading { delimiter: Some(';'), skip: Some(3), ..Reading::default() };
    /// assert_eq!(tidemill_data::ReadOptions::again(&found).skip, Some(3));
    /// ```
    pub fn again(found: &Reading) -> Self {
        ReadOptions {
            delimiter: found.delimiter,
            header: found.header,
            skip: found.skip,
            footer: found.footer,
            encoding: found.encoding.clone(),
            ..ReadOptions::default()
        }
    }
}
