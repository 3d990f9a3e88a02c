//! From a raw cell to a vector: `[0.5, 1, …]` as JSON, of the length that training saw.

use crate::raw::{Raw, Read};

/// The numbers of a cell; the error says why there are none.
pub(super) fn read(raw: Raw<'_>, len: usize) -> Result<Read<Vec<f32>>, String> {
    let numbers = match raw {
        Raw::Missing => return Ok(Read::Missing),
        Raw::Vector(numbers) => numbers.to_vec(),
        Raw::Text(text) => numbers(text).ok_or("it is not a list of numbers")?,
        _ => return Err("a single value is not a list of numbers".into()),
    };
    if numbers.len() != len {
        return Err(format!("it has {} numbers, not {len}", numbers.len()));
    }
    if numbers.iter().any(|x| !x.is_finite()) {
        return Err("a number in it is not finite".into());
    }
    Ok(Read::Value(numbers))
}

/// The numbers of a JSON list; `None` for anything else.
pub(crate) fn numbers(text: &str) -> Option<Vec<f32>> {
    let text = text.trim();
    // Nearly every other text is settled by its first byte.
    if !text.starts_with('[') {
        return None;
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_the_length_of_training() {
        assert_eq!(read(Raw::Text("[1, -2.5]"), 2), Ok(Read::Value(vec![1.0, -2.5])));
        assert_eq!(read(Raw::Missing, 2), Ok(Read::Missing));
        for (text, why) in [("[1]", "1 numbers"), ("[1, null]", "list"), ("7", "list"), ("[1, 1e39]", "list")]
        {
            let said = read(Raw::Text(text), 2).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(read(Raw::Number(1.0), 1).is_err());
    }
}
