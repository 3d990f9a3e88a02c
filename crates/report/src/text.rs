//! Texts with user-supplied names, which are escaped when they are written.

use std::fmt::Write;

use crate::words::{form, forms};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Plain words.
    Plain(String),
    /// Emphasised words.
    Strong(String),
    /// A name supplied by the user, of a column, a class or a file. Isolated from the writing direction around it.
    Name(String),
    /// Something to type or to look up in a file.
    Code(String),
}

impl Span {
    fn text(&self) -> &str {
        match self {
            Span::Plain(text) | Span::Strong(text) | Span::Name(text) | Span::Code(text) => text,
        }
    }
}

/// A text of spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Span>);

impl Text {
    /// Plain words.
    pub fn plain(text: impl Into<String>) -> Self {
        Text(vec![Span::Plain(text.into())])
    }

    /// A name supplied by the user.
    pub fn name(text: impl Into<String>) -> Self {
        Text(vec![Span::Name(text.into())])
    }

    /// Something to type.
    pub fn code(text: impl Into<String>) -> Self {
        Text(vec![Span::Code(text.into())])
    }

    /// Emphasised words.
    pub fn strong(text: impl Into<String>) -> Self {
        Text(vec![Span::Strong(text.into())])
    }

    /// The text of `template` with each `{key}` replaced by its span, and each `{key|one|many}` by the form that goes with
    /// its count; an unknown key stays as it is.
    ///
    /// ```
    /// use tidemill_report::{Span, Text};
    /// let text = Text::fill("The model predicts {what}.", &[("what", Span::Name("price".into()))]);
    /// assert_eq!(text.to_string(), "The model predicts price.");
    /// let text = Text::fill("{n} {n|row|rows}", &[("n", Span::Plain("1".into()))]);
    /// assert_eq!(text.to_string(), "1 row");
    /// ```
    pub fn fill(template: &str, values: &[(&str, Span)]) -> Self {
        let mut spans = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}') else { break };
            let key = &rest[open + 1..open + close];
            let (name, forms) = forms(key);
            let found = values.iter().find(|(known, _)| *known == name).map(|(_, span)| match forms {
                Some(forms) => Span::Plain(form(forms, span.text()).to_string()),
                None => span.clone(),
            });
            let upto = if found.is_some() { open } else { open + close + 1 };
            if upto > 0 {
                spans.push(Span::Plain(rest[..upto].to_string()));
            }
            spans.extend(found);
            rest = &rest[open + close + 1..];
        }
        if !rest.is_empty() {
            spans.push(Span::Plain(rest.to_string()));
        }
        Text(spans)
    }

    /// Appends another text.
    pub fn then(mut self, more: Text) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As HTML.
    pub(crate) fn html(&self) -> String {
        let mut out = String::new();
        for span in &self.0 {
            let (before, text, after) = match span {
                Span::Plain(text) => ("", text, ""),
                Span::Strong(text) => ("<strong>", text, "</strong>"),
                Span::Name(text) => ("<bdi class=\"name\">", text, "</bdi>"),
                Span::Code(text) => ("<code>", text, "</code>"),
            };
            let text = match span {
                // Long names break after the characters that join their words, not within a word.
                Span::Name(_) => escaped(text).replace('_', "_<wbr>"),
                _ => escaped(text),
            };
            let _ = write!(out, "{before}{text}{after}");
        }
        out
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|span| match span {
            Span::Plain(text) | Span::Strong(text) | Span::Name(text) | Span::Code(text) => f.write_str(text),
        })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text::plain(text)
    }
}

/// The text with every character that has a meaning in HTML or SVG escaped, and those that are invalid in XML replaced.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_write_stays_text() {
        let text = Text::fill("{a} and {b}", &[("a", Span::Name("<script>\u{0}\"'&".into()))]);
        assert_eq!(text.html(), "<bdi class=\"name\">&lt;script&gt;\u{fffd}&quot;&#39;&amp;</bdi> and {b}");
        // A value is never interpreted as a template.
        let text = Text::fill("{a}", &[("a", Span::Plain("{a}".into()))]);
        assert_eq!(text.to_string(), "{a}");
    }
}
