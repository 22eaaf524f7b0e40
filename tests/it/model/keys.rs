//! The ids and names that scripts use.

use super::bytes::Bytes;

/// How many ids there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// So few that operations often meet the same ids.
    Tiny,
    /// So many that there are several blocks of everything.
    Wide,
}

/// Decimal ids, among them those that `create_label` allocates, ids that only look decimal, and texts.
const LABELS: [&str; 12] = ["1", "2", "3", "vip", "2", "1", "4", "02", "5", "10", "6", "1"];

/// The last decimal ids, and texts that are no ids.
const RARE_LABELS: [&str; 6] = ["2147483646", "2147483647", "2147483648", "", "1,2", " 1"];

/// Spellings of eleven chats.
const CHATS: [&str; 16] = [
    "5511999990001@c.us",
    "98765@lid",
    "5511999990002@c.us",
    "ana@example.com",
    "+5511999990001:12@S.WhatsApp.net",
    "120363000000000001@g.us",
    "98765:3@hosted.lid",
    "5511999990001",
    "5511999990002_1:2@hosted",
    "0012@c.us",
    "120363000000000001@G.US",
    "+0012@c.us",
    "Ana@example.com",
    "5511999990003@c.us",
    "5511999990004@c.us",
    "row 7",
];

/// Texts that are no chat ids.
const RARE_CHATS: [&str; 4] = ["@c.us", "", "a@b@lid", "row 7 "];

/// Four names in nine spellings, one of which is a name only if it is read leniently.
const NAMES: [&str; 9] = ["VIP", "vip", "Maße", "\u{200e}Vip ", "MASSE", "Ate\u{301}", "Até", "Ate", "\tVIP\u{a0}"];

/// Texts that are no names, though the last two become names when they are read leniently.
const RARE_NAMES: [&str; 5] = ["", "\u{200e}", " \u{7}", "VI\u{0}P", "a\nb"];

/// Ids in the wide space.
pub(crate) const WIDE_LABELS: u16 = 320;
pub(crate) const WIDE_CHATS: u16 = 2048;

impl Space {
    pub(crate) fn label(self, bytes: &mut Bytes<'_>) -> String {
        let choice = bytes.wide();
        if choice >= 0xfd00 {
            return pick(&RARE_LABELS, choice);
        }
        match self {
            Self::Tiny => pick(&LABELS, choice),
            Self::Wide => wide_label(choice % WIDE_LABELS),
        }
    }

    pub(crate) fn chat(self, bytes: &mut Bytes<'_>) -> String {
        let choice = bytes.wide();
        if choice >= 0xfd00 {
            return pick(&RARE_CHATS, choice);
        }
        match self {
            Self::Tiny => pick(&CHATS, choice),
            Self::Wide => wide_chat(choice % WIDE_CHATS),
        }
    }

    /// The chats of one operation over a list.
    pub(crate) fn chats(self, bytes: &mut Bytes<'_>) -> Vec<String> {
        let count = bytes.below(6);
        match self {
            Self::Tiny => bytes.many(count, |bytes| self.chat(bytes)),
            Self::Wide => {
                let (first, step) = (bytes.wide(), 1 + u16::from(bytes.below(5)));
                let chats = u16::from(count) * 100;
                (0..chats).map(|n| wide_chat(first.wrapping_add(n.wrapping_mul(step)) % WIDE_CHATS)).collect()
            }
        }
    }

    pub(crate) fn name(self, bytes: &mut Bytes<'_>) -> String {
        let choice = bytes.wide();
        match self {
            _ if choice >= 0xf800 => pick(&RARE_NAMES, choice),
            Self::Wide if !choice.is_multiple_of(4) => wide_name(choice),
            Self::Wide | Self::Tiny => pick(&NAMES, choice),
        }
    }

    /// Chat ids in every spelling: all, or some of every kind.
    pub(crate) fn some_chats(self) -> Vec<String> {
        match self {
            Self::Tiny => CHATS.iter().chain(&RARE_CHATS).map(|&chat| chat.to_owned()).collect(),
            Self::Wide => (0..WIDE_CHATS).step_by(9).map(wide_chat).collect(),
        }
    }

    /// Ids of labels, created or not.
    pub(crate) fn some_labels(self) -> Vec<String> {
        let tiny = LABELS.iter().chain(&RARE_LABELS).chain(&["7", "8", "9"]).map(|&id| id.to_owned());
        match self {
            Self::Tiny => tiny.collect(),
            Self::Wide => tiny.chain((0..WIDE_LABELS).map(wide_label)).collect(),
        }
    }

    pub(crate) fn some_names(self) -> Vec<String> {
        let tiny = NAMES.iter().chain(&RARE_NAMES).map(|&name| name.to_owned());
        match self {
            Self::Tiny => tiny.collect(),
            Self::Wide => tiny.chain((0..100).step_by(9).map(wide_name)).collect(),
        }
    }
}

fn pick(from: &[&str], choice: u16) -> String {
    from[usize::from(choice) % from.len()].to_owned()
}

pub(crate) fn wide_label(n: u16) -> String {
    if n % 5 == 4 { format!("stage_{n}") } else { n.to_string() }
}

pub(crate) fn wide_chat(n: u16) -> String {
    match n % 8 {
        0 => format!("12036300000000{n:04}@g.us"),
        1 => format!("customer-{n}"),
        2 => format!("{n}@lid"),
        3 => n.to_string(),
        _ => format!("551199990{n:04}@c.us"),
    }
}

pub(crate) fn wide_name(n: u16) -> String {
    format!("Stage {}", n % 100)
}
