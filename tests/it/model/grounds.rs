//! The indexes that are queried.

use std::sync::LazyLock;

use label_index::{LabelIndex, Limits, Options};

use super::action::{Action, Tokens};
use super::beginning::{link_all, upsert};
use super::bytes::Bytes;
use super::compare::{Difference, same};
use super::keys::{Space, WIDE_LABELS, wide_chat, wide_label, wide_name};
use super::question::InOrder;
use super::reference::Model;

/// The largest page, so that any answer fits on one.
pub(super) const WHOLE: usize = 40_000;

/// Chats of the vast ground. A block has 32,768 places.
const VAST_CHATS: u16 = 33_500;

/// Chats of the middle ground before the first step.
const MIDDLE_CHATS: u16 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// An index of its own, over a dozen labels and chats.
    Tiny,
    /// An index of its own, with `labels` labels and some hundred chats.
    Middle { labels: u16, salt: u16 },
    /// Several blocks of labels and of label sets. Made once, since it is only read.
    Wide,
    /// Several blocks of chats as well, of which hardly two have the same labels. Made once.
    Vast,
}

/// An index and its model that are only read.
pub(super) struct Standing {
    pub(super) index: LabelIndex,
    pub(super) chats: InOrder<'static>,
}

impl Ground {
    pub(super) fn read(bytes: &mut Bytes<'_>) -> Self {
        match bytes.byte() {
            0..=191 => Self::Tiny,
            192..=239 => Self::Middle { labels: 2 + u16::from(bytes.below(78)), salt: bytes.wide() },
            240..=254 => Self::Wide,
            255 => Self::Vast,
        }
    }

    pub(super) fn space(self) -> Space {
        if self == Self::Tiny { Space::Tiny } else { Space::Wide }
    }

    /// How many labels there are before the first step.
    pub(super) fn labels(self) -> u16 {
        match self {
            Self::Middle { labels, .. } => labels,
            Self::Tiny | Self::Wide | Self::Vast => WIDE_LABELS,
        }
    }

    /// The index and the model, if they are only read.
    pub(super) fn standing(self) -> Option<&'static Standing> {
        static WIDE: LazyLock<Standing> = LazyLock::new(|| standing(&Space::Wide.beginning(0)));
        static VAST: LazyLock<Standing> = LazyLock::new(|| standing(&vast()));
        match self {
            Self::Tiny | Self::Middle { .. } => None,
            Self::Wide => Some(&WIDE),
            Self::Vast => Some(&VAST),
        }
    }

    /// The contents of an index of its own before the first step.
    pub(super) fn beginning(self, choice: u8) -> Vec<Action> {
        match self {
            Self::Middle { labels, salt } => middle(labels, salt),
            _ => self.space().beginning(choice),
        }
    }
}

/// An empty index, and its model.
pub(super) fn nothing() -> (LabelIndex, Model) {
    let mut limits = Limits::default();
    limits.page = WHOLE;
    (Options::new().limits(limits).identity(7).hash_seed(1).build(), Model::new(limits))
}

/// Makes the same write to both.
pub(super) fn write(index: &LabelIndex, model: &mut Model, action: &Action) -> Result<(), Difference> {
    let expected = action.parse(&Tokens::default()).and_then(|operation| model.commit(&operation));
    same("outcome", &action.perform(index), &expected)
}

fn standing(actions: &[Action]) -> Standing {
    let (index, mut model) = nothing();
    actions.iter().try_for_each(|action| write(&index, &mut model, action)).expect("plain operations");
    Standing { index, chats: Box::leak(Box::new(model)).in_order() }
}

/// One label in eight is on many chats.
fn middle(labels: u16, salt: u16) -> Vec<Action> {
    let made = (0..labels).map(|n| upsert(&wide_label(n), &wide_name(n)));
    let linked = (0..labels).map(|n| {
        let (count, step) = if n % 8 == 0 { (60, 3) } else { (5, 1 + salt % 11 + n) };
        let chat = |i: u16| wide_chat((salt % MIDDLE_CHATS + n * 7 + i * step) % MIDDLE_CHATS);
        link_all(&wide_label(n), &(0..count).map(chat).collect::<Vec<_>>())
    });
    made.chain(linked).collect()
}

/// Twenty labels on many chats, each on fewer than the one before, the others on a few hundred each.
fn vast() -> Vec<Action> {
    let made = (0..WIDE_LABELS).map(|n| upsert(&wide_label(n), &wide_name(n)));
    let mut random = 1_u32;
    let linked = (0..WIDE_LABELS).map(|n| {
        let among = if n < 20 { n + 2 } else { 200 };
        let mut is_linked = |_: &u16| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16).is_multiple_of(u32::from(among))
        };
        let chats: Vec<_> = (0..VAST_CHATS).filter(&mut is_linked).map(wide_chat).collect();
        link_all(&wide_label(n), &chats)
    });
    made.chain(linked).collect()
}
