//! One step of a script, made of one chunk of bytes.

use label_index::{Entry, Filter};

use super::action::{Action, Fields, Report, Word};
use super::bytes::Bytes;
use super::keys::Space;
use super::told::{Told, told};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Do(Action),
    Batch(Vec<Action>),
    Query {
        filter: Filter,
        limit: Ask,
        from: From,
        of: Of,
    },
    Count {
        filter: Filter,
        of: Of,
    },
    /// A query over a list of chats. A kept cursor is used with the list for which it was made, or with this one.
    Among {
        filter: Filter,
        chats: Vec<String>,
        limit: u8,
        from: From,
        of: Of,
    },
    TakeSnapshot,
    CloneSnapshot(u8),
    DropSnapshot(u8),
    CompareAll,
    BeginRefresh,
    /// Begins a refresh, or joins the one in progress.
    JoinRefresh,
    CommitRefresh(Told),
    CancelRefresh,
    DropTicket,
    /// Gives the refresh up for this reason.
    FailTicket(&'static str),
    /// The slow subscriber receives all pending deliveries.
    CatchUp,
    /// The slow subscriber ends, and another begins after the version that is chosen here.
    Subscribe(Of),
}

/// The limit of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    Chats(u8),
    /// The limit of the index plus this number.
    Limit(u8),
}

/// The start of a page. Cursors are those of earlier pages, if there are any.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    Start,
    Kept(u8),
    /// With one character of the text changed.
    Damaged {
        choice: u8,
        damage: u8,
    },
    /// The cursor of an index with another identity.
    Foreign,
}

/// The version that is read: the newest, or one of the held snapshots, if there are any.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    Index,
    Snapshot(u8),
}

/// A first byte of a chunk that means this step, for tests that need it more often.
pub(crate) const BEGIN_REFRESH: u8 = 64;
pub(crate) const JOIN_REFRESH: u8 = 68;
pub(crate) const COMMIT_REFRESH: u8 = 71;

/// Reads a step; `following` gives the chunks of a batch's operations and of a network's records.
pub(crate) fn step<'a>(space: Space, chunk: &'a [u8], following: &mut impl Iterator<Item = &'a [u8]>) -> Step {
    let bytes = &mut Bytes::new(chunk);
    match bytes.below(96) {
        kind @ 0..=44 => Step::Do(action(space, kind, bytes)),
        45..=49 => {
            let count = usize::from(1 + bytes.below(6));
            Step::Batch(following.take(count).map(|chunk| operation(space, &mut Bytes::new(chunk))).collect())
        }
        50..=56 => {
            let limit = match bytes.byte() {
                choice @ 240.. => Ask::Limit(choice & 1),
                choice => Ask::Chats(choice % 8),
            };
            let from = match bytes.byte() {
                choice @ 0..=119 => From::Kept(choice),
                choice @ 240..=247 => From::Damaged { choice, damage: bytes.byte() },
                248.. => From::Foreign,
                _ => From::Start,
            };
            let of = of(bytes);
            Step::Query { limit, from, of, filter: filter(space, bytes) }
        }
        57 => Step::Count { of: of(bytes), filter: filter(space, bytes) },
        58 | 89..=90 => {
            let list = &mut Bytes::new(following.next().unwrap_or_default());
            let (count, limit) = (list.below(12), bytes.below(4));
            let from = match bytes.byte() {
                choice @ 0..=149 => From::Kept(choice),
                choice @ 150..=159 => From::Damaged { choice, damage: bytes.byte() },
                160..=169 => From::Foreign,
                _ => From::Start,
            };
            let chats = list.many(count, |bytes| space.chat(bytes));
            Step::Among { limit, from, of: of(bytes), chats, filter: filter(space, bytes) }
        }
        59..=60 => Step::TakeSnapshot,
        61 => Step::CloneSnapshot(bytes.byte()),
        62 => Step::DropSnapshot(bytes.byte()),
        63 => Step::CompareAll,
        BEGIN_REFRESH..JOIN_REFRESH => Step::BeginRefresh,
        JOIN_REFRESH..COMMIT_REFRESH => Step::JoinRefresh,
        COMMIT_REFRESH..=80 => Step::CommitRefresh(told(space, bytes, following)),
        81 => Step::CancelRefresh,
        82 => match bytes.below(3) {
            0 => Step::FailTicket("the session is not connected"),
            1 => Step::FailTicket(""),
            _ => Step::DropTicket,
        },
        83..=88 => Step::CatchUp,
        _ => Step::Subscribe(of(bytes)),
    }
}

fn of(bytes: &mut Bytes<'_>) -> Of {
    match bytes.byte() {
        choice @ 192.. => Of::Snapshot(choice),
        _ => Of::Index,
    }
}

/// Reads an operation of any kind.
pub(crate) fn operation(space: Space, bytes: &mut Bytes<'_>) -> Action {
    let kind = bytes.below(45);
    action(space, kind, bytes)
}

fn action(space: Space, kind: u8, bytes: &mut Bytes<'_>) -> Action {
    match kind {
        0..=9 => Action::Link { label: word(space, bytes), chat: space.chat(bytes) },
        10..=13 => Action::Unlink { label: word(space, bytes), chat: space.chat(bytes) },
        14..=17 => Action::LinkAll { label: word(space, bytes), chats: space.chats(bytes) },
        18..=19 => Action::UnlinkAll { label: word(space, bytes), chats: space.chats(bytes) },
        20..=23 => {
            let (chat, count) = (space.chat(bytes), bytes.below(4));
            Action::SetLabels { chat, labels: bytes.many(count, |bytes| word(space, bytes)) }
        }
        24..=25 => {
            let id = space.label(bytes);
            Action::Upsert { id, fields: fields(space, bytes) }
        }
        26..=27 => {
            let label = word(space, bytes);
            Action::Update { label, fields: fields(space, bytes) }
        }
        28..=29 => Action::Create { fields: named(space, bytes) },
        30..=31 => Action::Ensure { fields: named(space, bytes) },
        32 => Action::Remove { label: word(space, bytes) },
        33..=35 => Action::Merge { from: space.chat(bytes), into: space.chat(bytes) },
        36..=38 => Action::Unalias { from: space.chat(bytes) },
        _ => {
            let report = bytes.pick(&[
                Report::Labelled,
                Report::Edited,
                Report::Labelled,
                Report::Unlabelled,
                Report::Deleted,
                Report::Edited,
                Report::Labelled,
                Report::Unlabelled,
            ]);
            let (label, chat) = (space.label(bytes), space.chat(bytes));
            Action::Ingest { report, label, chat, fields: fields(space, bytes) }
        }
    }
}

fn word(space: Space, bytes: &mut Bytes<'_>) -> Word {
    match bytes.byte() {
        choice @ 160..=249 => Word::Earlier(choice),
        250.. => Word::Stale,
        _ => Word::Text(space.label(bytes)),
    }
}

pub(crate) fn fields(space: Space, bytes: &mut Bytes<'_>) -> Fields {
    let number = |bytes: &mut Bytes<'_>| match bytes.byte() {
        0..=159 => None,
        160..=200 => Some(i32::MIN),
        _ => Some(7),
    };
    let name = (bytes.byte() < 192).then(|| space.name(bytes));
    Fields { name, color: number(bytes), position: number(bytes) }
}

fn named(space: Space, bytes: &mut Bytes<'_>) -> Fields {
    let name = space.name(bytes);
    Fields { name: Some(name), ..fields(space, bytes) }
}

pub(super) fn filter(space: Space, bytes: &mut Bytes<'_>) -> Filter {
    let shape = bytes.byte();
    let mut filter = Filter::new();
    if shape & 3 != 0 {
        filter = filter.any_of(entries(space, bytes));
    }
    if shape & 12 == 12 {
        filter = filter.all_of(entries(space, bytes));
    }
    if shape & 48 == 48 {
        filter = filter.none_of(entries(space, bytes));
    }
    filter
}

/// None to three entries, so that an empty clause is not rare.
fn entries(space: Space, bytes: &mut Bytes<'_>) -> Vec<Entry> {
    let count = bytes.below(4);
    bytes.many(count, |bytes| match bytes.below(3) {
        0 => Entry::name(space.name(bytes)),
        _ => Entry::id(space.label(bytes)),
    })
}
