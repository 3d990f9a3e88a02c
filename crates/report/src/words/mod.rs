//! What reports say, a catalogue for each language.
//!
//! [`EN`] is the first: the fields of [`Words`] are made from it, so that another language is one more constant of this
//! type and lacks nothing. `{name}` is a place that [`crate::Text::fill`] fills.

mod en;

pub use en::{EN, Words};

/// Makes the catalogue's type and its first language from one list.
macro_rules! catalogue {
    ($($key:ident = $text:literal,)*) => {
        /// The sentences and words of one language. The comment of each is its English text.
        #[derive(Debug, PartialEq, Eq)]
        pub struct Words {
            $(#[doc = concat!("“", $text, "”")] pub $key: &'static str,)*
        }

        /// English.
        pub const EN: Words = Words { $($key: $text,)* };
    };
}
pub(crate) use catalogue;
