//! Damaged bytes are refused, or give a sound state; they never panic.

use proptest::prelude::*;

use super::Image;
use super::history::{perform, steps};
use crate::codec::{Damage, Header, Loader, RecordFormat, RowId, RowKind, decode_record, encode_record, open, seal};
use crate::model::change::{Change, Commit};
use crate::model::chat_id::ChatId;
use crate::model::label::{Label, LabelPatch};
use crate::model::op::{Event, Op};
use crate::state::State;
use crate::state::tests::{chat, commit, define, empty, label, link, unlink};

/// A small state with rows of every kind, free places and free slots.
pub(super) fn state() -> State {
    let mut state = empty();
    for ops in [
        vec![define(1, "VIP"), define(2, "\u{200e}Straße"), define(5, "Old"), define(300, "Far")],
        vec![link(1, "ana@example.com"), link(2, "ana@example.com"), link(1, "5511999990001@c.us")],
        vec![link(3, "120363000000000001@g.us"), link(2, "120363000000000001@g.us"), link(300, "7@lid")],
        vec![link(5, "first gone"), link(5, "1"), link(5, "2"), link(1, "0@c.us"), link(2, "1@c.us")],
        vec![Op::MergeChats { from: chat("77@lid"), into: chat("5511999990001@c.us") }],
        vec![Op::MergeChats { from: chat("x@y"), into: chat("z@y") }],
        vec![unlink(5, "first gone"), unlink(5, "1")],
        vec![Op::RemoveLabel { label: label(5) }],
        vec![Op::Ingest { event: Event::LabelDeleted { label: "text".parse().unwrap() } }],
    ] {
        commit(&mut state, ops);
    }
    assert!(state.chats.free_list().is_some() && state.labels.free.len() > 0);
    state
}

/// Whether an image is refused. A state that loads keeps every invariant.
fn is_refused(image: &Image) -> bool {
    image.load().map(|state| state.check_invariants().unwrap()).is_err()
}

/// The header, and then each row.
pub(super) fn part(image: &mut Image, nth: usize) -> &mut Vec<u8> {
    std::iter::once(&mut image.header).chain(image.rows.values_mut()).nth(nth).unwrap()
}

pub(super) fn part_count(image: &Image) -> usize {
    1 + image.rows.len()
}

#[test]
fn a_flipped_bit_is_refused_or_means_another_sound_state() {
    let mut image = Image::of(&state());
    let (mut flipped, mut refused) = (0, 0);
    for nth in 0..part_count(&image) {
        let len = part(&mut image, nth).len();
        for at in 0..len {
            for bit in 0..8 {
                part(&mut image, nth)[at] ^= 1 << bit;
                flipped += 1;
                refused += usize::from(is_refused(&image));
                part(&mut image, nth)[at] ^= 1 << bit;
            }
        }
    }
    assert!(!is_refused(&image));
    assert!(flipped > 1_000 && refused > flipped / 2, "{refused} of {flipped}");
}

#[test]
fn a_part_that_is_cut_short_or_goes_on_is_refused() {
    let mut image = Image::of(&state());
    for nth in 0..part_count(&image) {
        let whole = part(&mut image, nth).clone();
        for len in 0..whole.len() {
            part(&mut image, nth).truncate(len);
            assert!(image.load().is_err(), "part {nth} of {} bytes cut to {len}", whole.len());
            *part(&mut image, nth) = whole.clone();
        }
        part(&mut image, nth).push(0);
        assert!(image.load().is_err(), "part {nth} with a byte more");
        *part(&mut image, nth) = whole;
    }
}

#[test]
fn a_header_of_another_state_is_refused() {
    let image = Image::of(&state());
    let header = Header::decode(&image.header).unwrap();
    let changes: &[fn(&mut Header)] = &[
        |header| header.chats += 1,
        |header| header.chats -= 1,
        |header| header.total_rows += 1,
        |header| header.total_rows = u64::MAX,
        |header| header.labels -= 1,
        |header| header.highest = 299,
        |header| header.live_sets += 1,
        |header| header.live_sets -= 1,
        |header| header.extent.slots += 1,
        |header| header.extent.slots -= 1,
        |header| header.extent.deleted += 1,
        |header| header.extent.deleted = 0,
        |header| header.extent.aliases = 600,
        |header| header.extent.aliases = u32::MAX,
        |header| header.extent.sets += 1,
        |header| header.extent.sets -= 1,
        |header| header.extent.sets = u32::MAX - 1,
        |header| header.extent.places += 1,
        |header| header.extent.places -= 1,
        |header| header.extent.places = 0x7fff_ffff,
        |header| header.free = None,
        |header| header.free = header.free.map(|(first, last)| (last, first)),
        |header| header.free = header.free.map(|(first, _)| (first, first)),
        |header| header.revision = 1,
        |header| header.revision = u64::MAX,
    ];
    for (nth, change) in changes.iter().enumerate() {
        let mut changed = header;
        change(&mut changed);
        let image = Image { header: changed.encode(), ..image.clone() };
        assert!(image.load().is_err(), "change {nth}");
    }
}

#[test]
fn rows_come_in_their_order_and_all_of_them() {
    let image = Image::of(&state());
    let header = Header::decode(&image.header).unwrap();
    assert!(header.rows().eq(image.rows.keys().copied()));
    assert!(header.rows().is_sorted_by_key(RowId::encode));
    for missing in header.rows() {
        let feed = || -> Result<State, Damage> {
            let mut loader = Loader::new(header, 7);
            for id in header.rows().filter(|&id| id != missing) {
                loader.feed(id, &image.rows[&id])?;
            }
            loader.finish()
        };
        assert!(feed().is_err(), "without {missing:?}");
    }
    for id in header.rows() {
        assert_eq!(RowId::decode(id.encode()), Ok(id));
    }
    assert!(RowId::decode([0; 5]).is_err() && RowId::decode([7, 0, 0, 0, 0]).is_err());
}

#[test]
fn a_commit_that_cannot_have_been_made_is_refused() {
    let state = state();
    let phone = || chat("5511999990001@c.us");
    let at = |id: &str| state.chats.find(&chat(id)).unwrap();
    let (free, new) = (state.chats.free_list().unwrap().0, u32::try_from(state.chats.len()).unwrap());
    let linked = |id: u32, chat, place| Change::ChatLinked { label: label(id), chat, place };
    let had = |chat: &ChatId| {
        let slots = state.chats.find(chat).map(|place| state.slots_at(place)).unwrap_or_default();
        slots.iter().map(|&slot| state.labels.at(slot).unwrap().id().clone()).collect::<Vec<_>>()
    };
    let merged = |from: ChatId, into, added: &[u32]| {
        let added = added.iter().map(|&id| label(id)).collect();
        Change::ChatsMerged { removed: had(&from), from, into, added }
    };
    let former = Change::ChatsMerged { from: chat("7@lid"), into: phone(), removed: vec![], added: vec![label(300)] };
    let created = |id: u32| Change::LabelCreated { label: Label::new(label(id), LabelPatch::new()) };
    let replay = |revision, changes: &[Change]| {
        let mut state = state.clone();
        let done = state.replay(&Commit::new(0, revision, changes), RecordFormat::Two);
        done.map(|()| state.check_invariants().unwrap()).is_ok()
    };
    let next = state.revision + 1;
    for (nth, changes) in [
        &[created(9), linked(9, phone(), at("5511999990001@c.us"))][..],
        &[linked(1, chat("new"), free), linked(1, chat("newer"), new)],
        &[merged(chat("7@lid"), phone(), &[300])],
        &[Change::LabelRemoved { label: label(300), links: 1 }],
    ]
    .iter()
    .enumerate()
    {
        assert!(replay(next, changes), "sound commit {nth}");
        assert!(!replay(next + 1, changes) && !replay(next - 1, changes), "revision of {nth}");
    }
    for (nth, changes) in [
        &[][..],
        &[created(1)],
        &[Change::LabelUpdated { label: Label::new(label(9), LabelPatch::new()) }],
        &[Change::LabelUpdated { label: state.labels.get(&label(1)).unwrap().clone() }],
        &[Change::LabelRemoved { label: label(300), links: 2 }],
        &[Change::LabelRemoved { label: label(5), links: 0 }],
        &[linked(9, phone(), at("5511999990001@c.us"))],
        &[linked(1, phone(), at("5511999990001@c.us"))],
        &[linked(2, phone(), new)],
        &[linked(1, chat("new"), new + 1)],
        &[linked(1, chat("77@lid"), new)],
        &[linked(1, chat("new"), at("0@c.us"))],
        &[Change::ChatUnlinked { label: label(2), chat: phone() }],
        &[Change::ChatUnlinked { label: label(1), chat: chat("new") }],
        &[merged(chat("7@lid"), phone(), &[])],
        std::slice::from_ref(&former),
        &[merged(chat("7@lid"), chat("7@lid"), &[])],
        &[merged(chat("77@lid"), phone(), &[])],
        &[merged(chat("7@lid"), phone(), &[300]), linked(2, chat("7@lid"), at("7@lid"))],
        &[Change::AliasRemoved { from: phone() }],
    ]
    .iter()
    .enumerate()
    {
        assert!(!replay(next, changes), "commit {nth}");
    }
    // A record of format 1 does not say what `from` had.
    let mut copy = state.clone();
    copy.replay(&Commit::new(0, next, [former]), RecordFormat::One).unwrap();
    copy.check_invariants().unwrap();
}

#[test]
fn a_record_has_the_changes_of_its_format() {
    let merged = [Change::ChatsMerged { from: chat("a"), into: chat("b"), removed: vec![label(1)], added: vec![] }];
    let mut record = Vec::new();
    encode_record(5, &[Commit::new(7, 9, merged)], &mut record);
    let decoded = decode_record(&record, 7, RecordFormat::Two).unwrap();
    assert_eq!((decoded.written, decoded.commits[0].position.revision()), (5, 9));
    assert!(decode_record(&record[1..], 7, RecordFormat::One).is_err());
    // The revision, one change, and a merge without the labels of `from`.
    let mut former = vec![9, 1, 6];
    former.extend(&record[4..record.len() - 3]);
    former.push(0);
    let decoded = decode_record(&former, 7, RecordFormat::One).unwrap();
    assert!(matches!(&decoded.commits[0].changes[..], [Change::ChatsMerged { removed, .. }] if removed.is_empty()));
    former.insert(0, 5);
    assert!(decode_record(&former, 7, RecordFormat::Two).is_err());
}

#[test]
fn a_seal_shows_every_change() {
    let key: &[&[u8]] = &[b"instance", &RowId { kind: RowKind::ChatKeys, chunk: 7 }.encode()];
    for payload in [&b""[..], b"1", &[0; 127], &[7; 300]] {
        let sealed = seal(key, payload);
        assert_eq!(open(key, &sealed), Ok(payload));
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut sealed = sealed.clone();
                sealed[at] ^= 1 << bit;
                assert!(open(key, &sealed).is_err(), "byte {at} of {}", sealed.len());
            }
            assert!(open(key, &sealed[..at]).is_err());
        }
        assert!(open(key, &[&sealed[..], &[0]].concat()).is_err());
        for other in [&[][..], &[&b"instanc"[..], key[1]], &[key[1], key[0]], &[&key.concat()]] {
            assert!(open(other, &sealed).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    /// Records with changed bytes are refused, or their commits give a sound state.
    #[test]
    fn damaged_commits_are_refused_or_can_be_done(
        before in steps(20),
        after in steps(20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut state = state();
        for step in &before {
            perform(&mut state, step);
        }
        let copy = state.clone();
        let commits: Vec<_> = after.iter().filter_map(|step| perform(&mut state, step)).collect();
        let mut record = Vec::new();
        encode_record(0, &commits, &mut record);
        prop_assume!(!record.is_empty());
        let replay = |record: &[u8]| {
            let mut state = copy.clone();
            let decoded = decode_record(record, 0, RecordFormat::Two);
            for commit in decoded.map(|decoded| decoded.commits).unwrap_or_default() {
                if state.replay(&commit, RecordFormat::Two).is_err() {
                    return;
                }
            }
            state.check_invariants().unwrap();
        };
        replay(&record[..cut.index(record.len())]);
        for (at, byte) in changes {
            let at = at.index(record.len());
            record[at] = byte;
            replay(&record);
        }
    }

    /// Images with changed bytes are refused, or give a sound state.
    #[test]
    fn damaged_images_are_refused_or_sound(
        history in steps(60),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut state = state();
        for step in &history {
            perform(&mut state, step);
        }
        let mut image = Image::of(&state);
        for (nth, at, byte) in changes {
            let nth = nth.index(part_count(&image));
            let part = part(&mut image, nth);
            if !part.is_empty() {
                let at = at.index(part.len());
                part[at] = byte;
            }
            is_refused(&image);
        }
    }
}
