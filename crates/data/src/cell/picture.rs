//! From a raw cell to the bytes of an image. In a request a text is the image itself, in base64; in a file it is a path below the
//! file's folder. Whoever has no folder opens no path: that is what keeps a server from reading its own disk for a caller.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tidemill_kernel::picture::{self, MOST_BYTES, Unusable};

use crate::raw::{Raw, Read};

/// What the extensions of images are.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "gif", "bmp", "webp"];

/// Whether a name ends as those of images do.
pub(crate) fn is_named(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    EXTENSIONS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The bytes of a cell; what cannot be read comes with the reason.
///
/// Of a file (where there is a folder) every image is decoded once, so that a damaged one is named by its row. Of a request
/// only the header is looked at: the step that takes the pixels refuses the rest.
pub(super) fn read<'a>(raw: Raw<'a>, folder: Option<&Path>) -> Result<Read<Cow<'a, [u8]>>, String> {
    let bytes = match raw {
        Raw::Missing => return Ok(Read::Missing),
        Raw::Image(bytes) => Cow::Borrowed(bytes),
        Raw::Text(text) => Cow::Owned(match (embedded(text), folder) {
            (Some(encoded), _) => decoded(encoded)?,
            (None, Some(folder)) => opened(folder, text)?,
            (None, None) => decoded(text)?,
        }),
        Raw::Number(_) | Raw::Flag(_) | Raw::Time(_) | Raw::Points(_) | Raw::Vector(_) | Raw::Place(_) => {
            return Err("it is not an image".into());
        }
    };
    match folder {
        Some(_) => picture::decode(&bytes).map(drop),
        None => picture::size(&bytes).map(drop),
    }
    .map_err(|why| why.to_string())?;
    Ok(Read::Value(bytes))
}

/// The base64 part of a data URL (RFC 2397), as browsers give it.
fn embedded(text: &str) -> Option<&str> {
    let rest = text.trim_start().strip_prefix("data:")?;
    rest.split_once(";base64,").map(|(_, encoded)| encoded)
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    // What is too long encoded is too long decoded.
    if text.len() / 4 * 3 > MOST_BYTES {
        return Err(Unusable::TooManyBytes(text.len() / 4 * 3).to_string());
    }
    let padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&STANDARD, padding);
    // Letters and XML break base64 into lines.
    let plain: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    engine.decode(plain).map_err(|_| "it is not base64".to_string())
}

/// The path of an image below `folder`.
///
/// # Errors
/// A path that leads out of the folder: tables come from strangers.
pub(crate) fn below(folder: &Path, text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text.trim());
    let path = path.strip_prefix(folder).unwrap_or(path);
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.components().all(inside) && !path.as_os_str().is_empty() {
        return Ok(folder.join(path));
    }
    Err("it leads out of the table's folder".into())
}

fn opened(folder: &Path, text: &str) -> Result<Vec<u8>, String> {
    let path = below(folder, text)?;
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        _ => e.to_string(),
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_folder() {
        let folder = Path::new("/tables/pets");
        for sound in ["a.png", "cats/a.png", "./a.png", "/tables/pets/a.png", " a.png "] {
            assert!(below(folder, sound).unwrap().starts_with(folder), "{sound}");
        }
        for outside in ["../a.png", "cats/../../a.png", "/etc/passwd", "/tables/pets/../x", "", "/"] {
            assert!(below(folder, outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn a_text_of_a_request_is_never_a_path() {
        let here = std::env::current_dir().unwrap();
        let file = here.join("src/lib.rs");
        let told = read(Raw::Text(&file.display().to_string()), None).unwrap_err();
        assert_eq!(told, "it is not base64");
        // A path of letters and strokes is base64 of something that is not an image.
        assert!(read(Raw::Text("src"), None).is_err());
    }

    #[test]
    fn base64_comes_with_and_without_padding_breaks_and_a_prefix() {
        for text in ["aGk=", "aGk", "aG\r\n k="] {
            assert_eq!(decoded(text).unwrap(), b"hi");
        }
        assert_eq!(embedded("data:image/png;base64,aGk="), Some("aGk="));
        assert!(decoded("%%%").is_err());
        assert_eq!(read(Raw::Text(""), None).unwrap_err(), "no bytes");
    }
}
