//! The contents of an index before the first step.

use super::action::{Action, Fields, Word};
use super::keys::{Space, WIDE_CHATS, WIDE_LABELS, wide_chat, wide_label, wide_name};

impl Space {
    /// Operations for one batch; sometimes none.
    pub(crate) fn beginning(self, choice: u8) -> Vec<Action> {
        match self {
            Self::Tiny if choice < 64 => Vec::new(),
            Self::Tiny => {
                let labels = [("1", "VIP"), ("2", "vip"), ("3", "Maße"), ("vip", "Até")];
                let chats = self.some_chats();
                let links = labels.iter().enumerate().map(|(n, (id, _))| link_all(id, &chats[n..n + 4]));
                labels.iter().map(|(id, name)| upsert(id, name)).chain(links).collect()
            }
            Self::Wide => {
                let labels = (0..WIDE_LABELS).map(|n| upsert(&wide_label(n), &wide_name(n)));
                let links = (0..WIDE_LABELS).map(|n| {
                    // Most labels on few chats, some on many, so that there are more than a thousand label sets.
                    let (step, count) = if n % 40 == 0 { (3, 500) } else { (37 + n, 10) };
                    let chat = |i: u16| wide_chat((n * 11).wrapping_add(i.wrapping_mul(step)) % WIDE_CHATS);
                    link_all(&wide_label(n), &(0..count).map(chat).collect::<Vec<_>>())
                });
                labels.chain(links).collect()
            }
        }
    }
}

pub(super) fn upsert(id: &str, name: &str) -> Action {
    Action::Upsert { id: id.to_owned(), fields: Fields { name: Some(name.to_owned()), ..Fields::default() } }
}

pub(super) fn link_all(label: &str, chats: &[String]) -> Action {
    Action::LinkAll { label: Word::Text(label.to_owned()), chats: chats.to_vec() }
}
