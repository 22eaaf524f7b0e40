//! Bytes that claim more than follows are refused, in memory bounded by the bytes that are there.

use allocation_counter::measure;

use super::Image;
use super::damage::{part, part_count, state};
use crate::codec::bytes::put_varint;
use crate::codec::{Header, RecordFormat, RowId, RowKind, decode_record};

/// The most bytes of memory for each byte of a row: a place takes a few bits, a label or a change at least one byte.
const FACTOR: u64 = 128;

/// The bytes that a loader takes for any image.
const ALWAYS: u64 = 4_096;

/// Loads an image, which has to be refused. Returns the most bytes that were allocated meanwhile.
fn refused(image: &Image) -> u64 {
    let mut loaded = None;
    let allocated = measure(|| loaded = Some(image.load()));
    assert!(loaded.unwrap().is_err());
    allocated.bytes_max
}

fn len(image: &Image) -> u64 {
    u64::try_from(image.header.len() + image.rows.values().map(Vec::len).sum::<usize>()).unwrap()
}

#[test]
fn a_number_of_any_size_anywhere_takes_no_memory_for_what_it_promises() {
    let mut image = Image::of(&state());
    let most = ALWAYS + FACTOR * len(&image);
    let mut refusals = 0;
    for nth in 0..part_count(&image) {
        let whole = part(&mut image, nth).clone();
        for at in 0..whole.len() {
            for number in [0xff, 0xffff, 0x7fff_ffff, 0xffff_fffe, u64::from(u32::MAX), u64::MAX >> 4, u64::MAX] {
                let mut changed = whole[..at].to_vec();
                put_varint(&mut changed, number);
                changed.extend_from_slice(&whole[at + 1..]);
                *part(&mut image, nth) = changed;
                let mut loaded = None;
                let allocated = measure(|| loaded = Some(image.load().is_err()));
                refusals += u32::from(loaded.unwrap());
                assert!(allocated.bytes_max <= most, "part {nth}, byte {at}, {number}: {} bytes", allocated.bytes_max);
            }
        }
        *part(&mut image, nth) = whole;
    }
    assert!(refusals > 1_000, "{refusals}");
}

/// An image whose header claims `places` and `chats`, and whose rows of places are all `row`.
fn of_places(places: u32, chats: u32, row: &[u8]) -> Image {
    let mut image = Image::of(&state());
    let mut header = Header::decode(&image.header).unwrap();
    header.extent.places = places;
    header.chats = chats;
    header.free = (chats < places).then_some((0, 1));
    image.header = header.encode();
    image.rows.retain(|id, _| id.kind < RowKind::ChatKeys);
    for chunk in 0..header.extent.rows(RowKind::ChatKeys) {
        image.rows.insert(RowId { kind: RowKind::ChatKeys, chunk }, row.to_vec());
    }
    image
}

/// Rows of two bytes, each claiming that 9,216 places have the same chat, or none.
#[test]
fn places_of_no_bytes_take_no_memory() {
    for head in [0x00, 0x10, 0x20, 0xf0] {
        let image = of_places(100 * 9_216, if head == 0 { 1 } else { 100 * 9_216 }, &[0, head]);
        let bytes = refused(&image);
        // One row is read before it is refused.
        assert!(bytes <= 128 * 1024 + FACTOR * len(&image), "{head:#04x}: {bytes} bytes for {}", len(&image));
    }
}

#[test]
fn a_record_that_promises_changes_takes_no_memory_for_them() {
    for changes in [1_000, u64::from(u32::MAX), u64::MAX] {
        let mut record = Vec::new();
        put_varint(&mut record, 1);
        put_varint(&mut record, changes);
        let mut decoded = None;
        let allocated = measure(|| decoded = Some(decode_record(&record, 0, RecordFormat::One)));
        assert!(decoded.unwrap().is_err());
        assert!(allocated.bytes_max <= 1_024, "{} bytes", allocated.bytes_max);
    }
}
