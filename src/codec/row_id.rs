//! Rows of an image: their kinds, their ids and their number.

#[cfg(test)]
use crate::codec::damage::Damage;

/// The content of a row, in the order in which rows are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RowKind {
    /// The labels of a range of slots.
    Labels = 1,
    /// A bucket of deleted ids.
    DeletedLabels = 2,
    /// A bucket of aliases.
    Aliases = 3,
    /// The members of a range of label sets.
    LabelSets = 4,
    /// The chats of a range of places.
    ChatKeys = 5,
    /// The label sets of a range of places.
    ChatSets = 6,
}

impl RowKind {
    pub(super) const ALL: [Self; 6] =
        [Self::Labels, Self::DeletedLabels, Self::Aliases, Self::LabelSets, Self::ChatKeys, Self::ChatSets];

    const fn code(self) -> u8 {
        self as u8
    }

    /// The number of slots, sets or places that a row covers, a multiple of the page size of their vector; for buckets,
    /// the most entries on average.
    ///
    /// The database stores a value that is larger than a page in a power of two of pages. So rows of a large account
    /// are just below 64 KiB: at 7 bytes a key, at 6.2, the average of the phone numbers and groups of a CRM, and with
    /// up to 4,096 label sets.
    pub(super) const fn range(self) -> u32 {
        match self {
            Self::Labels => 64,
            Self::DeletedLabels | Self::Aliases => 512,
            Self::LabelSets => 1_024,
            Self::ChatKeys => 9 * 1_024,
            Self::ChatSets => 42 * 1_024,
        }
    }
}

/// The id of a row within its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId {
    pub(crate) kind: RowKind,
    /// Counts from 0 within the kind.
    pub(crate) chunk: u32,
}

impl RowId {
    /// Five bytes that sort as the ids do.
    pub(crate) fn encode(self) -> [u8; 5] {
        let [a, b, c, d] = self.chunk.to_be_bytes();
        [self.kind.code(), a, b, c, d]
    }

    /// # Errors
    ///
    /// [`Damage`] if there is no such kind of row.
    #[cfg(test)]
    pub(crate) fn decode([kind, a, b, c, d]: [u8; 5]) -> Result<Self, Damage> {
        let known = RowKind::ALL.into_iter().find(|known| known.code() == kind);
        let kind = known.ok_or_else(|| Damage::new(format!("{kind} is no kind of row")))?;
        Ok(Self { kind, chunk: u32::from_be_bytes([a, b, c, d]) })
    }
}

/// The numbers of slots, entries, sets and places, which determine the rows of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) slots: u32,
    pub(super) deleted: u32,
    pub(super) aliases: u32,
    /// The highest number of a label set.
    pub(super) sets: u32,
    pub(super) places: u32,
}

impl Extent {
    /// The number of rows of a kind.
    pub(super) fn rows(self, kind: RowKind) -> u32 {
        let of = |number: u32| number.div_ceil(kind.range());
        let buckets = |number: u32| if number == 0 { 0 } else { number.next_power_of_two() };
        match kind {
            RowKind::Labels => of(self.slots),
            RowKind::DeletedLabels => buckets(of(self.deleted)),
            RowKind::Aliases => buckets(of(self.aliases)),
            // Number 0 is the empty set.
            RowKind::LabelSets => {
                if self.sets == 0 {
                    0
                } else {
                    self.sets / kind.range() + 1
                }
            }
            RowKind::ChatKeys | RowKind::ChatSets => of(self.places),
        }
    }
}
