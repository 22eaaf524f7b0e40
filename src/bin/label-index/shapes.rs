//! Short keys for texts that differ only in a number.

/// Maps texts that contain a number to keys of eight bytes: the number, and an index of the text around it, the shape.
///
/// Most chat ids have one of a few shapes, such as `N@s.whatsapp.net` or `customer-N`. Their keys are stored and compared
/// in place of the texts.
#[derive(Default)]
pub(crate) struct Shapes {
    /// The text before and after the number.
    shapes: Vec<(String, String)>,
    /// The shape of the last text: the next text usually has the same.
    last: usize,
}

/// A text split around its number, which runs from the first digit other than 0 to the last digit that follows. Leading
/// zeros belong to the text before it, so the parts together are the original text.
struct Cut<'a> {
    before: &'a str,
    number: u64,
    behind: &'a str,
}

impl Shapes {
    /// The bits of the number; the shape is in the bits above.
    const NUMBER_BITS: u32 = 60;

    /// The maximum number of shapes: as many as fit in the bits above the number.
    const MOST: usize = 1 << (u64::BITS - Self::NUMBER_BITS);

    /// The key of a text, which no other text has. `None` if the text has no number or one that is too large, or if there
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
