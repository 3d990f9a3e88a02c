//! What may stand where a plan wants a number: a number, a range, or a formula over the plan's assumptions.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::range::Range;

/// A number (`12`), a share (`"5%"`), a range (`"8 to 12"`), or a formula (`"companies * (5% to 10%)"`).
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity(pub(crate) Expr);

/// A formula.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    Range(Range),
    Name(String),
    Negative(Box<Expr>),
    Binary(char, Box<Expr>, Box<Expr>),
}

/// Formulas nested deeper than this are refused.
const DEEPEST: usize = 64;

impl Quantity {
    /// Just this number.
    pub const fn number(x: f64) -> Self {
        Quantity(Expr::Number(x))
    }

    /// Reads a formula; the problem in words where it is none.
    ///
    /// ```
    /// use tidemill_value::Quantity;
    /// assert!(Quantity::parse("20k * (5% to 10%)").is_ok());
    /// assert!(Quantity::parse("12 to 8").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let expr = parser.sum()?;
        match parser.tokens.get(parser.at) {
            None => Ok(Quantity(expr)),
            Some(token) => Err(format!("'{text}' has an unexpected {} after its formula", token.word())),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A number, and whether it was written as a percentage.
    Number(f64, bool),
    Name(String),
    To,
    Sign(char),
}

impl Token {
    fn word(&self) -> String {
        match self {
            Token::Number(x, _) => format!("'{x}'"),
            Token::Name(name) => format!("'{name}'"),
            Token::To => "'to'".into(),
            Token::Sign(c) => format!("'{c}'"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_whitespace() {
            c.len_utf8()
        } else if c.is_ascii_digit() || c == '.' {
            let (token, taken) = number(rest)?;
            found.push(token);
            taken
        } else if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = &rest[..end];
            found.push(if word == "to" { Token::To } else { Token::Name(word.into()) });
            end
        } else if "+-*/()".contains(c) {
            found.push(Token::Sign(c));
            1
        } else {
            return Err(format!(
                "'{text}' holds '{c}', which no formula has: write 12, 5%, 8 to 12 or a * b"
            ));
        };
        rest = &rest[taken..];
    }
    Ok(found)
}

/// Digits with `_` and commas are not told from lists, so only `_` may group them; then `%`, `k`, `M` or `bn`.
fn number(text: &str) -> Result<(Token, usize), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let value: f64 = text[..digits]
        .replace('_', "")
        .parse()
        .map_err(|_| format!("'{}' is not a number", &text[..digits]))?;
    let unit = text[digits..].trim_start_matches(' ');
    let gap = text.len() - digits - unit.len();
    if unit.starts_with('%') {
        return Ok((Token::Number(value / 100.0, true), digits + gap + 1));
    }
    let end = text[digits..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - digits);
    let factor = match &text[digits..digits + end] {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "bn" => 1e9,
        other => return Err(format!("'{other}' after a number is no unit: k, M, bn and % are")),
    };
    Ok((Token::Number(value * factor, false), digits + end))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn takes(&mut self, signs: &str) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Sign(c)) if signs.contains(*c) => {
                self.at += 1;
                Some(*c)
            }
            _ => None,
        }
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        while let Some(sign) = self.takes("+-") {
            left = Expr::Binary(sign, left.into(), self.product()?.into());
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.factor()?;
        while let Some(sign) = self.takes("*/") {
            left = Expr::Binary(sign, left.into(), self.factor()?.into());
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!(
                "a formula is nested more than {DEEPEST} deep: give a part of it a name of its own"
            ));
        }
        let found = self.factor_within();
        self.depth -= 1;
        found
    }

    fn factor_within(&mut self) -> Result<Expr, String> {
        if self.takes("-").is_some() {
            return match self.signed_range(-1.0)? {
                Some(range) => Ok(range),
                None => Ok(Expr::Negative(self.factor()?.into())),
            };
        }
        if self.takes("(").is_some() {
            let inner = self.sum()?;
            return match self.takes(")") {
                Some(_) => Ok(inner),
                None => Err("a bracket is never closed".into()),
            };
        }
        if let Some(range) = self.signed_range(1.0)? {
            return Ok(range);
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Number(x, _)) => Ok(Expr::Number(x)),
            Some(Token::Name(name)) => Ok(Expr::Name(name)),
            Some(other) => Err(format!("a number or a name is missing before {}", other.word())),
            None => Err("the formula ends where a number or a name is missing".into()),
        }
    }

    /// `8 to 12`, `5 to 10%`, `-3 to 4`, if that is what comes next.
    fn signed_range(&mut self, sign: f64) -> Result<Option<Expr>, String> {
        let (Some(Token::Number(low, low_share)), Some(Token::To)) =
            (self.tokens.get(self.at).cloned(), self.tokens.get(self.at + 1))
        else {
            return Ok(None);
        };
        self.at += 2;
        let high_sign = if self.takes("-").is_some() { -1.0 } else { 1.0 };
        let Some(Token::Number(high, share)) = self.tokens.get(self.at).cloned() else {
            return Err("the upper end of a range must be a number".into());
        };
        self.at += 1;
        // "5 to 10%" means 5% to 10%.
        let low = if share && !low_share { low / 100.0 } else { low };
        Range::new(sign * low, high_sign * high, share || low_share).map(|range| Some(Expr::Range(range)))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Quantity;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, a share such as \"5%\", a range such as \"8 to 12\" or a formula")
            }
            fn visit_f64<E: Error>(self, x: f64) -> Result<Quantity, E> {
                Ok(Quantity::number(x))
            }
            fn visit_i64<E: Error>(self, x: i64) -> Result<Quantity, E> {
                Ok(Quantity::number(x as f64))
            }
            fn visit_u64<E: Error>(self, x: u64) -> Result<Quantity, E> {
                Ok(Quantity::number(x as f64))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
                Quantity::parse(text).map_err(E::custom)
            }
        }
        from.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: f64, high: f64, share: bool) -> Quantity {
        Quantity(Expr::Range(Range { low, high, share }))
    }

    #[test]
    fn ranges_as_people_write_them() {
        assert_eq!(Quantity::parse("8 to 12"), Ok(range(8.0, 12.0, false)));
        assert_eq!(Quantity::parse("5 to 10%"), Ok(range(0.05, 0.1, true)));
        assert_eq!(Quantity::parse("18k to 1.5M"), Ok(range(18e3, 1.5e6, false)));
        assert_eq!(Quantity::parse("-3 to 4"), Ok(range(-3.0, 4.0, false)));
        assert_eq!(Quantity::parse("20_000"), Ok(Quantity::number(2e4)));
    }

    #[test]
    fn what_is_no_formula_is_said_to_be_none() {
        for (text, word) in [
            ("12 to 8", "upside down"),
            ("(1 + 2", "never closed"),
            ("1 +", "ends where"),
            ("5 apples", "unexpected 'apples'"),
            ("5x", "no unit"),
            ("1 $", "'$'"),
            ("", "ends where"),
        ] {
            let problem = Quantity::parse(text).unwrap_err();
            assert!(problem.contains(word), "{text}: {problem}");
        }
        assert!(Quantity::parse(&"(".repeat(5000)).unwrap_err().contains("nested"));
    }
}
