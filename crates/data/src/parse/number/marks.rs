//! Marks of footnotes and of significance behind numbers: `4.2*`, `0.03 **`, `17†`, `8.1 [2]`.

const MARKS: [char; 6] = ['*', '†', '‡', '§', '¶', '∗'];
/// The most characters between brackets.
const REFERENCE: usize = 3;

/// A text without the marks behind it; as it is where nothing with a digit is left.
pub(crate) fn unmarked(text: &str) -> &str {
    let mut body = text.trim_end();
    loop {
        let bare = body.trim_end_matches(MARKS).trim_end();
        let bare = without_reference(bare).unwrap_or(bare);
        if bare.len() == body.len() {
            break;
        }
        body = bare;
    }
    if body.len() < text.trim_end().len() && super::has_digit(body) { body } else { text }
}

/// A text without a number or a letter in square brackets at its end.
fn without_reference(text: &str) -> Option<&str> {
    let (body, inner) = text.strip_suffix(']')?.rsplit_once('[')?;
    let sound = (1..=REFERENCE).contains(&inner.len()) && inner.bytes().all(|b| b.is_ascii_alphanumeric());
    sound.then(|| body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::unmarked;

    #[test]
    fn marks_are_taken_off_numbers() {
        for (text, wanted) in [
            ("4.2*", "4.2"),
            ("0.03 **", "0.03"),
            ("17†", "17"),
            ("8.1 [2]", "8.1"),
            ("8.1[a]*", "8.1"),
            ("5 kg*", "5 kg"),
            ("[1]", "[1]"),
            ("*", "*"),
            ("[0.1, 12]", "[0.1, 12]"),
            ("4.2", "4.2"),
        ] {
            assert_eq!(unmarked(text), wanted, "{text}");
        }
    }
}
