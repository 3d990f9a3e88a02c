//! `embed_text`: each text column becomes one dense vector column, by a sentence encoder.

use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, Kind, Registry,
    Result, Role, Row, Run, Schema, Slot, State, Training, dense_vector,
};

use crate::bases::{Base, Way};
use crate::checkpoint::Pooling;

/// Texts between two looks at Ctrl-C.
const TEXTS: usize = 256;

/// Replaces each text column by one dense vector column of the same name, as a sentence encoder sees it: texts of like meaning lie
/// near each other, also where they share no word.
///
/// The encoder is a folder as sentence-transformers or transformers writes it (BERT, RoBERTa, or a decoder that is made for embedding),
/// and is not learned. The model file names it by its SHA-256 and does not hold it: it must lie where the recipe names it, or beside the
/// model file, wherever the model is used. Vectors of texts that came before are kept in memory (256 MiB), so that a
/// search embeds each text once. A missing text is zeros. Vectors are those of `tidemill embed`.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_language::EmbedText;
/// assert!(EmbedText { model: "all-MiniLM-L6-v2".into(), ..EmbedText::default() }.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedText {
    /// The columns to embed; without any, every text that is a feature.
    pub columns: Columns,
    /// The encoder's folder, as seen from where Tidemill is started. Needed where there is a text.
    pub model: String,
    /// How the states of a text's tokens become its vector; without it, as the folder says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Whether vectors are scaled to length 1; without it, as the folder says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
}

impl EmbedText {
    fn way(&self) -> Way {
        Way { pooling: self.pooling, normalized: self.normalize }
    }
}

impl Estimator for EmbedText {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = self.columns.places(schema, "a text", |column| column.kind == Kind::Text)?;
        if let Some(target) = places.iter().find(|at| schema.columns()[**at].role == Role::Target) {
            let name = &schema.columns()[*target].name;
            return Err(Error::parameter("columns", format!("names '{name}', which is the target")));
        }
        let names = places.iter().map(|&at| schema.columns()[at].name.clone()).collect();
        let saved = Saved { settings: self.clone(), names, sha256: String::new(), width: 0 };
        if places.is_empty() {
            return Ok(Arc::new(FittedText { saved, base: OnceLock::new() }));
        }
        if self.model.is_empty() {
            return Err(Error::parameter("model", "is needed: the folder of a sentence encoder"));
        }
        let base = Base::open(&self.model, None, self.way())?;
        // What is embedded here is kept for when the training rows are embedded.
        let batch = training.train.collect()?;
        for &at in &places {
            let texts: Vec<&str> = batch.texts(at)?.iter().flatten().collect();
            for texts in texts.chunks(TEXTS) {
                context.check()?;
                base.vectors(texts)?;
            }
        }
        let saved = Saved { sha256: base.hash.clone(), width: base.width(), ..saved };
        Ok(Arc::new(FittedText { saved, base: OnceLock::from(base) }))
    }
}

impl Builtin for EmbedText {
    const KIND: &'static str = "embed_text";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let saved: Saved = state.params()?;
        if !saved.names.is_empty() && (saved.width == 0 || saved.sha256.len() != 64) {
            return Err(Error::state(&state.kind, "it does not name its encoder"));
        }
        Ok(Arc::new(FittedText { saved, base: OnceLock::new() }))
    }
}

impl BuiltinStep for EmbedText {
    const SLOT: Slot = Slot::Text;
    const DONE: &'static str = "embedded by a language model";
}

/// What the model file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: EmbedText,
    names: Vec<String>,
    /// Of the encoder's files.
    sha256: String,
    /// Numbers of a vector.
    width: usize,
}

struct FittedText {
    saved: Saved,
    /// Opened when it is first needed: a model can be looked at without its encoder.
    base: OnceLock<Arc<Base>>,
}

impl FittedText {
    fn base(&self) -> Result<Arc<Base>> {
        if let Some(base) = self.base.get() {
            return Ok(base.clone());
        }
        let Saved { settings, sha256, width, .. } = &self.saved;
        let base = Base::open(&settings.model, Some(sha256), settings.way())?;
        if base.width() != *width {
            let problem = format!("the encoder gives {} numbers, not {width}", base.width());
            return Err(Error::state(EmbedText::KIND, problem));
        }
        Ok(self.base.get_or_init(|| base).clone())
    }

    fn places(&self, input: &Schema) -> Result<Vec<usize>> {
        let place = |name: &String| {
            let at = input.index(name)?;
            match input.columns()[at].kind {
                Kind::Text => Ok(at),
                found => {
                    let wanted = "the text it was in training".into();
                    Err(Error::WrongKind { column: name.clone(), found, wanted })
                }
            }
        };
        self.saved.names.iter().map(place).collect()
    }
}

impl Fitted for FittedText {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut columns = input.columns().to_vec();
        for at in self.places(input)? {
            let old = &input.columns()[at];
            let parts: Vec<String> =
                (1..=self.saved.width).map(|i| format!("{}: meaning {i}", old.name)).collect();
            columns[at] = Column::vector(&old.name, parts).derived_from(old).with_role(old.role);
        }
        Schema::new(columns)
    }

    fn state(&self) -> State {
        State::new(EmbedText::KIND, EmbedText::VERSION, self.saved.clone())
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let places = self.places(input)?;
        let base = if places.is_empty() { None } else { Some(self.base()?) };
        Ok(Box::new(BoundText { output: Arc::new(self.output(input)?), places, base }))
    }
}

struct BoundText {
    output: Arc<Schema>,
    places: Vec<usize>,
    /// Where there is a text.
    base: Option<Arc<Base>>,
}

impl Run for BoundText {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let mut columns = batch.columns().to_vec();
        for &at in &self.places {
            let Some(base) = &self.base else { continue };
            let (texts, width) = (batch.texts(at)?, base.width());
            let known: Vec<usize> = (0..texts.len()).filter(|&i| texts.is_valid(i)).collect();
            let mut values = vec![0.0; texts.len() * width];
            for rows in known.chunks(TEXTS) {
                let asked: Vec<&str> = rows.iter().map(|&i| texts.value(i)).collect();
                for (&i, vector) in rows.iter().zip(base.vectors(&asked)?) {
                    values[i * width..(i + 1) * width].copy_from_slice(&vector);
                }
            }
            let array: ArrayRef = dense_vector(values, width)?;
            columns[at] = array;
        }
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        for &at in &self.places {
            let Some(base) = &self.base else { continue };
            let vector = match row.cells.get(at) {
                Some(Cell::Text(text)) => {
                    base.vectors(&[text])?.first().map_or_else(Vec::new, |v| v.to_vec())
                }
                Some(Cell::Missing) => vec![0.0; base.width()],
                other => return Err(Error::internal(format!("a text was promised, {other:?} came"))),
            };
            row.cells[at] = Cell::Vector(vector);
        }
        Ok(())
    }
}
