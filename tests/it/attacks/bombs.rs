//! Compressed exports of a hundred kilobytes that unpack to far more.
//!
//! Deflate packs at most 1,032 to 1, so a hundred kilobytes are a hundred megabytes here, which shows the same as ten
//! gigabytes. `LABEL_INDEX_BOMB=10000 cargo test --release --test it attacks::bombs` unpacks ten gigabytes.

use std::env;
use std::io::{BufReader, Cursor, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use label_index::{Error, Store, StoreOptions};
use redb::backends::InMemoryBackend;

use crate::memory::peak;

/// The most bytes of a line.
const LINE: usize = 1 << 20;

/// The most memory that importing and unpacking may take beside the index: mainly the buffer of a line, which grows by
/// doubling.
const AT_MOST: u64 = 4 << 20;

/// The megabytes to which a bomb unpacks, one line for each.
fn megabytes() -> usize {
    env::var("LABEL_INDEX_BOMB").map_or(100, |megabytes| megabytes.parse().expect("a number of megabytes"))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A line of the greatest length that is allowed: white space between the parts of JSON means nothing.
fn padded(line: &str) -> String {
    let (head, rest) = line.split_at(1);
    format!("{head}{}{rest}\n", " ".repeat(LINE - line.len()))
}

fn unpacked(bomb: Vec<u8>) -> impl std::io::BufRead {
    BufReader::new(MultiGzDecoder::new(Cursor::new(bomb)))
}

fn store() -> Store {
    StoreOptions::new().open_on(InMemoryBackend::new()).unwrap()
}

/// The first lines of an export with one label.
const BEGIN: &str = "{\"export\":{\"version\":1}}\n\
    {\"instance\":{\"name\":\"shop\",\"revision\":2,\"refreshed\":null,\"highest_label_id\":1}}\n\
    {\"label\":{\"id\":\"1\",\"name\":\"VIP\",\"color\":null,\"position\":null}}\n";

#[test]
fn a_bomb_of_one_line_is_refused_after_a_mebibyte() {
    let endless = packed(&[b' '].repeat(LINE)).repeat(megabytes());
    let store = store();
    let input = unpacked([packed(BEGIN.as_bytes()), endless].concat());
    let mut input = BufReader::new(input.take(u64::MAX));
    let (refused, bytes) = peak(|| store.import(&mut input).unwrap_err());
    let Error::ImportRefused { line: 4, cause } = refused else { panic!("{refused}") };
    assert!(cause.to_string().ends_with("a line of more than 1048576 bytes"), "{cause}");
    assert!(bytes < AT_MOST, "{bytes} bytes");
    let unpacked = u64::MAX - input.get_ref().limit();
    assert!(unpacked < 2 << 20, "{unpacked} bytes were unpacked");
    assert!(store.instances().is_empty());
}

#[test]
fn a_bomb_of_lines_that_are_right_is_read_line_by_line() {
    let mut bomb = packed(BEGIN.as_bytes());
    let chats = megabytes();
    for chat in 0..chats {
        bomb.extend(packed(padded(&format!(r#"{{"chat":{{"id":"{chat}@c.us","labels":["1"]}}}}"#)).as_bytes()));
    }
    let counts = format!(r#""labels":1,"deleted_labels":0,"aliases":0,"chats":{chats},"rows":{chats}"#);
    let end = format!("{{\"instance_end\":{{{counts}}}}}\n{{\"export_end\":{{\"instances\":1}}}}\n");
    bomb.extend(packed(end.as_bytes()));
    assert!(bomb.len() < 1_300 * chats, "{} bytes are no bomb", bomb.len());
    let store = store();
    let (names, bytes) = peak(|| store.import(unpacked(bomb)).unwrap());
    let most = AT_MOST + 2_000 * u64::try_from(chats).unwrap();
    assert!(bytes < most, "{bytes} bytes");
    let index = store.existing(&names[0]).unwrap();
    assert_eq!(index.total_chats(), u64::try_from(chats).unwrap());
    index.check_invariants().unwrap();
}

/// The memory of another process is not counted, but limited: to 192 MiB of addresses, its threads and code included.
#[cfg(all(feature = "cli", target_os = "linux"))]
#[test]
fn the_program_reads_a_bomb_in_little_memory() {
    use std::process::Command;

    use crate::example::fed;
    use crate::program::BINARY;

    let row = format!("ana@c.us,{}VIP\n", " ".repeat(LINE - 12));
    let bomb = [packed(b"chat,label\n"), packed(row.as_bytes()).repeat(megabytes())].concat();
    let run = |end: &[u8]| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 196608 && exec \"$@\"", "sh", BINARY, "query"]);
        fed(command.args(["-", "--json"]), &[&bomb[..], &packed(end)].concat())
    };
    assert_eq!(run(b"bob@c.us,VIP\n").json()["total_chats"], 2);
    let line = megabytes() + 2;
    assert_eq!(run(&vec![b'x'; 2 * LINE]).refused(1), format!("<stdin>:{line}: a line of more than 1048576 bytes\n"));
}

#[test]
fn a_chat_with_thousands_of_labels_is_imported_in_what_they_take() {
    use std::fmt::Write as _;

    for labels in [2_500_u32, 5_000, 10_000] {
        let mut lines = String::from("{\"export\":{\"version\":1}}\n");
        writeln!(
            lines,
            r#"{{"instance":{{"name":"shop","revision":2,"refreshed":null,"highest_label_id":{labels}}}}}"#
        )
        .unwrap();
        for label in 1..=labels {
            writeln!(lines, r#"{{"label":{{"id":"{label}","name":null,"color":null,"position":null}}}}"#).unwrap();
        }
        let ids: Vec<String> = (1..=labels).map(|label| format!("\"{label}\"")).collect();
        writeln!(lines, r#"{{"chat":{{"id":"ana@c.us","labels":[{}]}}}}"#, ids.join(",")).unwrap();
        writeln!(
            lines,
            r#"{{"instance_end":{{"labels":{labels},"deleted_labels":0,"aliases":0,"chats":1,"rows":{labels}}}}}"#
        )
        .unwrap();
        lines.push_str("{\"export_end\":{\"instances\":1}}\n");
        let store = store();
        let (names, bytes) = crate::memory::asked(|| store.import(lines.as_bytes()).unwrap());
        assert_eq!(names, ["shop"]);
        assert!(bytes <= 100_000 + 4_000 * u64::from(labels), "{labels} labels: {bytes} bytes");
    }
}
