//! The images that training saw.

use serde::{Deserialize, Serialize};
use tidemill_kernel::picture;

use super::{Unfamiliar, unfamiliar};
use crate::raw::Raw;

/// Between which sizes images lay, and in which modes they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pictures {
    width: [u32; 2],
    height: [u32; 2],
    /// Whether any was in colour, and whether any was grey.
    colour: bool,
    grey: bool,
}

impl Pictures {
    pub(super) fn of<'a>(cells: impl Iterator<Item = Raw<'a>>) -> Option<Self> {
        let mut found: Option<Pictures> = None;
        for cell in cells {
            let Raw::Image(bytes) = cell else { continue };
            let Ok(picture::Header { width, height, colour }) = picture::header(bytes) else { continue };
            let one = Pictures { width: [width; 2], height: [height; 2], colour, grey: !colour };
            found = Some(match found {
                None => one,
                Some(all) => Pictures {
                    width: wider(all.width, width),
                    height: wider(all.height, height),
                    colour: all.colour || colour,
                    grey: all.grey || !colour,
                },
            });
        }
        found
    }

    pub(super) fn judge(&self, bytes: &[u8]) -> Option<Unfamiliar> {
        let picture::Header { width, height, colour } = picture::header(bytes).ok()?;
        let inside = |[least, most]: [u32; 2], size: u32| (least..=most).contains(&size);
        if !inside(self.width, width) || !inside(self.height, height) {
            let ([w, wide], [h, high]) = (self.width, self.height);
            let usual = if (w, h) == (wide, high) {
                format!("{w} x {h}")
            } else {
                format!("{w} x {h} to {wide} x {high}")
            };
            let says = format!("the image has {width} x {height} pixels; in training they had {usual}");
            return unfamiliar("other_picture_size", says);
        }
        match colour {
            true if !self.colour => {
                unfamiliar("other_picture_mode", "the image is in colour; in training all were grey")
            }
            false if !self.grey => {
                unfamiliar("other_picture_mode", "the image is grey; in training all were in colour")
            }
            _ => None,
        }
    }
}

fn wider([least, most]: [u32; 2], size: u32) -> [u32; 2] {
    [least.min(size), most.max(size)]
}
