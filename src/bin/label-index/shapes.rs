//! Texts that differ in a number alone.

/// Turns texts with a number in them into keys of eight bytes: the number, and which text stands around it.
///
/// Ids of chats are mostly of a few such shapes, `N@s.whatsapp.net` or `customer-N`. Their keys are compared and kept
/// without the texts.
#[derive(Default)]
pub(crate) struct Shapes {
    /// What stands before and behind the number.
    shapes: Vec<(String, String)>,
    /// The shape of the last text, which the next one mostly has too.
    last: usize,
}

/// A text cut around its number: from the first digit that is not 0 to the last one that follows. So the zeros before it
/// belong to the text, and the parts make up the text again.
struct Cut<'a> {
    before: &'a str,
    number: u64,
    behind: &'a str,
}

impl Shapes {
    /// Bits of the number; the shape stands above them.
    const NUMBER_BITS: u32 = 60;

    /// The most shapes, so that one fits above the number.
    const MOST: usize = 1 << (u64::BITS - Self::NUMBER_BITS);

    /// The key of a text: no other text has it. None if the text has no number, or one that is too large, or if there
    /// are too many shapes.
    pub(crate) fn key(&mut self, text: &str) -> Option<u64> {
        let Cut { before, number, behind } = Cut::of(text)?;
        let is_it = |(first, second): &(String, String)| behind == second && before == first;
        if !self.shapes.get(self.last).is_some_and(is_it) {
            self.last = match self.shapes.iter().position(is_it) {
                Some(known) => known,
                None if self.shapes.len() < Self::MOST => {
                    self.shapes.push((before.to_owned(), behind.to_owned()));
                    self.shapes.len() - 1
                }
                None => return None,
            };
        }
        Some(u64::try_from(self.last).ok()? << Self::NUMBER_BITS | number)
    }
}

impl<'a> Cut<'a> {
    /// The most digits of a number below 2^60.
    const DIGITS: usize = 18;

    fn of(text: &'a str) -> Option<Self> {
        let start = text.bytes().position(|byte| matches!(byte, b'1'..=b'9'))?;
        let (before, rest) = text.split_at_checked(start)?;
        let (mut number, mut digits) = (0_u64, 0);
        for digit in rest.bytes().map(|byte| byte.wrapping_sub(b'0')).take_while(|&digit| digit < 10) {
            digits += 1;
            if digits > Self::DIGITS {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        Some(Self { before, number, behind: rest.get(digits..)? })
    }
}
