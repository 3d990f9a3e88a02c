//! Signs and codes of currencies around a number.

const SIGNS: &[char] = &['$', '€', '£', '¥', '₹', '₽', '₩', '₺', '₴', '₪', '₫', '฿', '₦', '¢'];
const CODES: &[&str] = &[
    "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK",
    "HUF", "RUB", "BRL", "MXN", "ZAR", "KRW", "SGD", "HKD", "TRY", "US$", "R$", "kr.", "kr", "zł", "Kč",
    "Fr.", "Rs.", "Rs", "A$", "C$", "NZ$", "HK$", "S$", "руб.", "руб",
];
/// Writings of one currency; the first is what they are compared by.
const SAME: &[&[&str]] = &[
    &["$", "USD", "US$"],
    &["€", "EUR"],
    &["£", "GBP"],
    &["¥", "JPY", "CNY"],
    &["₹", "INR", "Rs.", "Rs"],
    &["₽", "RUB", "руб.", "руб"],
    &["₩", "KRW"],
    &["₺", "TRY"],
    &["kr", "kr.", "SEK", "NOK", "DKK"],
    &["zł", "PLN"],
    &["Kč", "CZK"],
    &["CHF", "Fr."],
    &["R$", "BRL"],
    &["A$", "AUD"],
    &["C$", "CAD"],
    &["NZ$", "NZD"],
    &["HK$", "HKD"],
    &["S$", "SGD"],
];
/// What stands for cents of which there are none: `5,-`, and in India `5/-`.
pub(super) const NO_CENTS: &[&str] = &[",-", ".-", ",–", ".–", ",—", ".—", "/-"];

/// A text without a currency before or behind it.
pub(super) fn without_currency(text: &str) -> &str {
    let text = text.trim_start_matches(SIGNS).trim_end_matches(SIGNS).trim();
    match code_of(text) {
        Some((code, true)) => text[code.len()..].trim_start(),
        Some((code, false)) => text[..text.len() - code.len()].trim_end(),
        None => text,
    }
}

/// The code at the beginning (`true`) or the end of a text.
fn code_of(text: &str) -> Option<(&'static str, bool)> {
    CODES.iter().find_map(|&code| {
        // Within a word it is none: `5 stars` has no rupees.
        let begins = text.split_at_checked(code.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(code) && !rest.starts_with(char::is_alphabetic)
        });
        let at = text.len().checked_sub(code.len());
        let ends = || {
            at.and_then(|at| text.split_at_checked(at)).is_some_and(|(rest, end)| {
                end.eq_ignore_ascii_case(code) && !rest.ends_with(char::is_alphabetic)
            })
        };
        (begins || ends()).then_some((code, begins))
    })
}

/// The currency that stands with a number, in one writing for all that mean the same: `$` for `5 USD`.
pub(crate) fn currency_of(text: &str) -> Option<&'static str> {
    let text = text.trim().trim_matches(['-', '−', '+', '(', ')']).trim();
    let code = code_of(text).map(|(code, _)| code);
    let sign = || {
        let sign = text.chars().find(|c| SIGNS.contains(c))?;
        SAME.iter().flat_map(|all| all.iter()).find(|one| one.chars().eq([sign])).copied()
    };
    let found = code.or_else(sign)?;
    SAME.iter().find(|all| all.contains(&found)).map_or(Some(found), |all| all.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_currency_are_one() {
        for (text, wanted) in [
            ("$5", Some("$")),
            ("-5.00 USD", Some("$")),
            ("US$ 7", Some("$")),
            ("(€12)", Some("€")),
            ("12 eur", Some("€")),
            ("NZ$4", Some("NZ$")),
            ("Rs. 12,34,567", Some("₹")),
            ("120 kr", Some("kr")),
            ("12.5", None),
            ("abc", None),
            ("5 stars", None),
            ("3 years", None),
        ] {
            assert_eq!(currency_of(text), wanted, "{text}");
        }
        assert_eq!((without_currency("CHF 12.50"), without_currency("12 zł")), ("12.50", "12"));
    }
}
