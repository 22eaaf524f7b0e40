//! A state with several rows of each kind.

use super::Image;
use super::view::View;
use crate::codec::{Baseline, RowId, RowKind};
use crate::model::op::{Event, Op};
use crate::state::State;
use crate::state::tests::{chat, commit, define, empty, label, link};

const CHATS: u32 = 100_000;

/// A phone, a group or a text.
fn id(number: u32) -> String {
    match number % 10 {
        0 => format!("12036303{number:010}@g.us"),
        1 => format!("customer {number}"),
        _ => format!("55119{number:08}@c.us"),
    }
}

fn deleted(number: u32) -> Op {
    Op::Ingest { event: Event::LabelDeleted { label: label(1_000 + number) } }
}

fn alias(number: u32) -> Op {
    Op::MergeChats { from: chat(&format!("{number}@lid")), into: chat(&id(number)) }
}

fn labels_of(number: u32) -> [u32; 3] {
    [1 + number % 40, 41 + number / 40 % 60, 101 + number % 40]
}

fn set<const N: usize>(number: u32, labels: [u32; N]) -> Op {
    Op::SetLabels { chat: chat(&id(number)), labels: labels.map(label).into() }
}

/// 200 labels and more than 2,048 sets of them, 700 deleted ids, 1,500 aliases, and free places in the middle of rows
/// and at their ends.
fn large() -> State {
    let mut state = empty();
    commit(&mut state, (1..=200).map(|id| define(id, &format!("label {id}"))));
    commit(&mut state, (0..CHATS).map(|number| set(number, labels_of(number))));
    commit(&mut state, (0..700).map(deleted));
    commit(&mut state, (0..1_500).map(alias));
    let gone = (9_200..9_230).chain(43_000..43_010).chain(99_990..CHATS).rev();
    commit(&mut state, gone.map(|number| set(number, [])));
    state
}

#[test]
fn a_state_of_many_rows_comes_back() {
    let state = large();
    let image = Image::of(&state);
    for kind in RowKind::ALL {
        assert!(image.rows.keys().filter(|id| id.kind == kind).count() > 1, "{kind:?}");
    }
    let loaded = image.load().unwrap();
    assert!(View::of(&loaded) == View::of(&state));
    assert!(Image::of(&loaded) == image);
}

/// A small change makes a small checkpoint.
#[test]
fn a_change_is_in_the_rows_of_what_it_touched() {
    let mut state = large();
    commit(&mut state, [link(200, &id(50_000 + 40 * 60)), link(2, "with one label")]);
    let mut image = Image::of(&state);
    let row = |kind, chunk| RowId { kind, chunk };
    let steps: Vec<(Vec<Op>, Vec<RowId>)> = vec![
        (vec![define(100, "another")], vec![row(RowKind::Labels, 1)]),
        // Another chat has these labels already.
        (vec![link(200, &id(50_000))], vec![row(RowKind::ChatSets, 1)]),
        // No other chat has these.
        (vec![set(50_000, [2, 3, 4, 5])], vec![row(RowKind::LabelSets, 2), row(RowKind::ChatSets, 1)]),
        (vec![alias(2_000)], vec![row(RowKind::Aliases, 3)]),
        (vec![deleted(700)], vec![row(RowKind::DeletedLabels, 1)]),
        // The first free place, with the labels of another chat.
        (vec![link(2, "new")], vec![row(RowKind::ChatKeys, 10), row(RowKind::ChatSets, 2)]),
        (Vec::new(), Vec::new()),
    ];
    for (nth, (ops, rows)) in steps.into_iter().enumerate() {
        let baseline = Baseline::of(&state);
        commit(&mut state, ops);
        assert_eq!(image.update(&state, &baseline), rows, "step {nth}");
        assert!(image == Image::of(&state), "step {nth}");
    }
}

/// Entries are redistributed when the number of buckets changes, and rows without entries are removed.
#[test]
fn rows_come_and_go_with_what_is_in_them() {
    let mut state = large();
    let (mut image, baseline) = (Image::of(&state), Baseline::of(&state));
    assert_eq!(image.update(&state, &baseline), []);
    commit(&mut state, (2_000..4_000).map(alias).chain((700..2_000).map(deleted)));
    image.update(&state, &baseline);
    assert!(image == Image::of(&state));
    let (more, baseline) = (image.rows.len(), Baseline::of(&state));
    commit(&mut state, (0..4_000).map(|number| Op::Unalias { from: chat(&format!("{number}@lid")) }));
    commit(&mut state, (0..2_000).map(|number| define(1_000 + number, "back")));
    image.update(&state, &baseline);
    assert!(image == Image::of(&state));
    assert!(image.rows.keys().all(|id| !matches!(id.kind, RowKind::Aliases | RowKind::DeletedLabels)));
    assert!(image.rows.len() != more);
    assert!(View::of(&image.load().unwrap()) == View::of(&state));
}
