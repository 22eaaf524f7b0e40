//! Kinds of damage to the bytes of a file.

use std::ops::Range;

use crate::choices::Choices;

/// The length of the database's pages.
const PAGE: usize = 4_096;

/// One damage: bytes are written at an offset, or the file ends there.
#[derive(Debug)]
pub(super) enum Damage {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Damage {
    /// Damages of a random kind at random places. `older` is the file as it was some time before.
    pub(super) fn random(choices: &mut Choices, bytes: &[u8], older: &[u8]) -> Vec<Self> {
        let mut damages = Vec::new();
        let many = [1, 1, 1, 2, 8, 40][index(choices, 6)];
        let kind = choices.below(12);
        for _ in 0..many {
            damages.extend(Self::of_kind(kind, choices, bytes, older));
        }
        damages
    }

    fn of_kind(kind: u32, choices: &mut Choices, bytes: &[u8], older: &[u8]) -> Option<Self> {
        let len = bytes.len();
        let page = PAGE * used_page(choices, bytes)?;
        let write = |at: usize, bytes: Vec<u8>| Some(Self::Write { at, bytes });
        match kind {
            // A bit, in a page that is not empty or in the header.
            0 => {
                let at = if choices.below(4) == 0 { index(choices, 512) } else { page + index(choices, PAGE) };
                write(at, vec![bytes.get(at)? ^ (1 << choices.below(8))])
            }
            // The beginning of a page, which has the kind of the page, the number of its rows and where they end.
            1 => write(page, random(choices, 16)),
            2 => write(page + 4 * index(choices, 32), [0, 1, 2, 255][index(choices, 4)..][..1].repeat(4)),
            3 => write(page + 2, (u16::try_from(choices.below(2_000)).ok()?).to_le_bytes().into()),
            // A whole page, or a stretch.
            4 => write(page, random(choices, PAGE)),
            5 => write(page, vec![[0, 255][index(choices, 2)]; PAGE]),
            6 => {
                let (at, len) = (page + index(choices, PAGE), 1 + index(choices, 3 * PAGE));
                write(at, random(choices, len))
            }
            // One page in the place of another; and a page as it was some time before.
            7 => {
                let other = PAGE * used_page(choices, bytes)?;
                write(page, bytes.get(other..other + PAGE)?.to_vec())
            }
            8 => write(page, older.get(page..page + PAGE)?.to_vec()),
            // Numbers of pages that point to other pages, or to the page itself: circles.
            9 => {
                let at = page + 8 * index(choices, PAGE / 8);
                let to = [page / PAGE, used_page(choices, bytes)?][index(choices, 2)];
                // Page numbers do not count the header.
                let number = u64::try_from(to.saturating_sub(index(choices, 3))).ok()?;
                write(at, number.to_le_bytes().into())
            }
            10 => Some(Self::Truncate(match choices.below(4) {
                0 => index(choices, PAGE),
                1 => page,
                2 => len - 1,
                _ => index(choices, len),
            })),
            _ => {
                let (at, len) = (index(choices, 320), 1 + index(choices, 8));
                write(at, random(choices, len))
            }
        }
    }

    /// Damages bytes in memory.
    pub(super) fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[Range { start: *at, end }].copy_from_slice(bytes);
            }
            Self::Truncate(len) => file.truncate(*len),
        }
    }
}

fn index(choices: &mut Choices, len: usize) -> usize {
    usize::try_from(choices.below(u32::try_from(len).unwrap())).unwrap()
}

fn random(choices: &mut Choices, len: usize) -> Vec<u8> {
    (0..len).map(|_| u8::try_from(choices.below(256)).unwrap()).collect()
}

/// A page that is not all zeros.
fn used_page(choices: &mut Choices, bytes: &[u8]) -> Option<usize> {
    let pages = bytes.len() / PAGE;
    (0..64).map(|_| index(choices, pages)).find(|page| bytes[page * PAGE..][..PAGE].iter().any(|&byte| byte != 0))
}
