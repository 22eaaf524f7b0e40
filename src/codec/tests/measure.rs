//! Measures how large the image of a CRM's account is, and how fast it loads.
//!
//! `cargo test --release --lib codec::tests::measure -- --ignored --nocapture` measures ten million chats.

use std::time::{Duration, Instant};

use super::Image;
use crate::codec::{Header, Loader, RecordFormat, RowKind, decode_record, encode_record, open, seal};
use crate::model::change::{Change, Commit};
use crate::model::op::Op;
use crate::model::options::Limits;
use crate::state::State;
use crate::state::decide::{Rules, plan};
use crate::state::tests::{chat, commit, define, empty, label};

#[expect(dead_code, unreachable_pub, reason = "benches use more of it")]
#[path = "../../../benches/workload/mod.rs"]
mod workload;

fn crm(chats: usize) -> State {
    let workload = workload::crm(chats);
    let mut state = empty();
    commit(&mut state, (1..).zip(&workload.names).map(|(id, name)| define(id, name)));
    let rules = Rules { limits: Limits::default(), horizon: 0 };
    for labelled in &workload.chats {
        let labels = labelled.labels.iter().map(|&id| label(id)).collect();
        let op = Op::SetLabels { chat: chat(&labelled.id), labels };
        state.apply(&plan(&state, &op, rules).unwrap().changes);
    }
    state.finish_commit();
    state
}

fn per_second(chats: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(chats).unwrap()) / time.as_secs_f64() / 1e6
}

/// Returns the bytes of all rows, and the time that loading them took.
fn measure(chats: usize) -> (usize, Duration) {
    let state = crm(chats);
    let began = Instant::now();
    let image = Image::of(&state);
    println!("written: {:.1} million chats a second", per_second(chats, began.elapsed()));
    for kind in RowKind::ALL {
        let rows: Vec<usize> = image.rows.iter().filter(|(id, _)| id.kind == kind).map(|(_, row)| row.len()).collect();
        let (most, all) = (rows.iter().max().unwrap_or(&0), rows.iter().sum::<usize>());
        println!("{kind:?}: {} rows of at most {most} bytes, {all} bytes", rows.len());
    }
    let sealed: Vec<_> = image.rows.iter().map(|(&id, row)| (id, seal(&[&id.encode()], row))).collect();

    let began = Instant::now();
    let header = Header::decode(&image.header).unwrap();
    let mut loader = Loader::new(header, 99);
    for (id, sealed) in &sealed {
        loader.feed(*id, open(&[&id.encode()], sealed).unwrap()).unwrap();
    }
    let fed = began.elapsed();
    let loaded = loader.finish().unwrap();
    let time = began.elapsed();
    println!("read: {:.1} million chats a second, {:?} of {time:?} for the rows", per_second(chats, time), fed);
    assert_eq!(Header::of(&loaded), Header::of(&state));
    if chats < 100_000 {
        loaded.check_invariants().unwrap();
    }
    let bytes = image.rows.values().map(Vec::len).sum();
    println!("{bytes} bytes, {:.2} a chat", bytes as f64 / chats as f64);
    (bytes, time)
}

/// Writes and replays the links of an account in commits of 10,000 changes. Returns the bytes of the records.
fn replay(chats: usize) -> usize {
    let workload = workload::crm(chats);
    let mut state = empty();
    commit(&mut state, (1..).zip(&workload.names).map(|(id, name)| define(id, name)));
    let mut copy = state.clone();
    let links = (0..).zip(&workload.chats).flat_map(|(place, labelled)| {
        let chat = chat(&labelled.id);
        let link = move |&id: &u32| Change::ChatLinked { label: label(id), chat: chat.clone(), place };
        labelled.labels.iter().map(link)
    });
    let links: Vec<Change> = links.collect();
    let began = Instant::now();
    let records = (state.revision + 1..).zip(links.chunks(10_000)).map(|(revision, changes)| {
        let mut record = Vec::new();
        encode_record(0, &[Commit::new(0, revision, changes)], &mut record);
        record
    });
    let records: Vec<Vec<u8>> = records.collect();
    println!("links written: {:.1} million a second", per_second(links.len(), began.elapsed()));
    let began = Instant::now();
    for record in &records {
        let decoded = decode_record(record, 0, RecordFormat::Two).unwrap();
        decoded.commits.iter().for_each(|commit| copy.replay(commit, RecordFormat::Two).unwrap());
    }
    println!("links carried out: {:.1} million a second", per_second(links.len(), began.elapsed()));
    assert_eq!(copy.total_rows, u64::try_from(links.len()).unwrap());
    let bytes = records.iter().map(Vec::len).sum();
    println!("{bytes} bytes, {:.2} a link", bytes as f64 / links.len() as f64);
    bytes
}

#[test]
fn a_chat_takes_few_bytes() {
    let (bytes, _) = measure(100_000);
    assert!(bytes <= 8 * 100_000, "{bytes}");
    let bytes = replay(100_000);
    assert!(bytes <= 13 * 160_000, "{bytes}");
}

#[test]
#[ignore = "takes a minute, and 4 GB"]
fn ten_million_chats() {
    let (bytes, time) = measure(10_000_000);
    replay(1_000_000);
    assert!(bytes <= 80_000_000 && time < Duration::from_secs(2), "{bytes} bytes, {time:?}");
}
