//! The bytes of the examples in `docs/format.md`, which every later version has to read.

use std::fmt::Write;

use super::Image;
use crate::codec::{encode_record, seal};
use crate::model::change::{Change, Commit};
use crate::state::tests::{chat, commit, define, empty, label, link, unlink};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn rows_are_as_described() {
    let mut state = empty();
    commit(
        &mut state,
        [define(1, "VIP"), link(2, "5511999990001@c.us"), link(1, "5511999990001@c.us"), link(2, "ana")],
    );
    commit(&mut state, [link(1, "7@lid"), link(1, "8@lid")]);
    commit(&mut state, [unlink(1, "7@lid")]);
    let image = Image::of(&state);
    let rows: Vec<_> = image.rows.iter().map(|(id, row)| (hex(&id.encode()), hex(row))).collect();
    let expected = [
        ("0100000000", "0302035649500104"),
        ("0400000000", "0001020200020100"),
        ("0500000000", "03011621f18df128cd5c030503616e610308"),
        ("0600000000", "02c600"),
    ];
    assert_eq!(rows, expected.map(|(id, row)| (id.to_owned(), row.to_owned())));
    assert_eq!(hex(&image.header), "00000000000000000300040303030202030200000304");
}

#[test]
fn records_and_seals_are_as_described() {
    let linked = |id: u32, to: &str, place| Change::ChatLinked { label: label(id), chat: chat(to), place };
    let merged = Change::ChatsMerged {
        from: chat("7@lid"),
        into: chat("0"),
        removed: vec![label(1), label(300)],
        added: vec![label(300)],
    };
    let commits =
        [Commit::new(0, 300, [linked(1, "5511999990001@c.us", 200), merged]), Commit::new(0, 301, [Change::Refreshed])];
    let mut record = Vec::new();
    encode_record(300, &commits, &mut record);
    assert_eq!(hex(&record), "ac02ac0202040216f128cd5c0305c801092107a00202d80401d8040107");
    let sealed = hex(&seal(&[b"key", b"part"], &record));
    assert_eq!(sealed, "1d20aacf9a7f1577c2ac02ac0202040216f128cd5c0305c801092107a00202d80401d8040107");
}
