//! Inputs that are no exports, and what the store has after them.

use std::io::{self, BufReader, Read};

use label_index::{Error, LabelIndex, Limit, Limits, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{exported, fill, refused, sample, store};
use crate::store::power::disk::{Disk, Trouble};
use crate::store::{Folder, Image};

fn invalid(cause: &Error) -> bool {
    matches!(cause, Error::InvalidExport { .. })
}

#[test]
fn an_export_that_ends_anywhere_is_refused() {
    let lines = sample();
    // Without its last line end it is complete.
    for len in 0..lines.len() - 1 {
        let (line, cause) = refused(&lines.as_bytes()[..len]);
        let ended = lines.as_bytes()[..len].split_inclusive(|&byte| byte == b'\n').count();
        assert!(invalid(&cause), "{len}: {cause}");
        assert!([ended, ended + 1].contains(&usize::try_from(line).unwrap()), "{len}: {line}");
    }
    assert_eq!(store().import(lines.trim_end().as_bytes()).unwrap(), ["shop"]);
}

#[test]
fn every_line_that_is_missing_doubled_or_damaged_is_noticed() {
    let sample = sample();
    let lines: Vec<&str> = sample.lines().collect();
    for at in 0..lines.len() {
        let [mut missing, mut doubled, mut swapped] = [lines.clone(), lines.clone(), lines.clone()];
        missing.remove(at);
        doubled.insert(at, lines[at]);
        refused(missing.join("\n").as_bytes());
        refused(doubled.join("\n").as_bytes());
        swapped.swap(0, at);
        if at > 0 {
            assert_eq!(refused(swapped.join("\n").as_bytes()).0, 1, "{at}");
        }
        for damaged in ["", "{}", "null", "[]", "\u{feff}", "{\"label\":{}}", "{\"chat\":{\"id\":\"a\",\"labels\":[]}}"]
        {
            let mut with = lines.clone();
            with[at] = damaged;
            let (line, cause) = refused(with.join("\n").as_bytes());
            assert!(line >= u64::try_from(at + 1).unwrap(), "{damaged}: line {line}: {cause}");
        }
    }
}

#[test]
fn errors_name_the_line_and_the_value() {
    let lines = [
        r#"{"export":{"version":1}}"#,
        r#"{"instance":{"name":"shop","revision":6,"refreshed":5,"highest_label_id":3}}"#,
        r#"{"label":{"id":"2","name":"VIP","color":-3,"position":7}}"#,
        r#"{"label":{"id":"x","name":null,"color":null,"position":null}}"#,
        r#"{"deleted_label":{"id":"3"}}"#,
        r#"{"alias":{"from":"7@lid","into":"ana@c.us"}}"#,
        r#"{"chat":{"id":"ana@c.us","labels":["2","x"]}}"#,
        r#"{"chat":{"id":"bob@c.us","labels":["2"]}}"#,
        r#"{"instance_end":{"labels":2,"deleted_labels":1,"aliases":1,"chats":2,"rows":3}}"#,
        r#"{"export_end":{"instances":1}}"#,
    ];
    assert_eq!(store().import(lines.join("\n").as_bytes()).unwrap(), ["shop"]);
    let cases = [
        (1, r#""version":1"#, r#""version":2,"more":0"#, "the format 2 of the export is unknown"),
        (2, "\"shop\"", "\"\"", "an instance needs a name"),
        (2, "\"shop\"", r#""a\u0000b""#, "invalid instance name \"a\\0b\": contains a control character"),
        (
            2,
            ":6",
            ":1152921504606846976",
            "not in an export: \"1152921504606846976\": a revision that no index reaches",
        ),
        (2, ":6", ":4", "not in an export: \"5\": refreshed after revision 4"),
        (2, ":3", ":2147483648", "not in an export: \"2147483648\": no decimal label id is that high"),
        (3, "\"2\"", "\"4\"", "not in an export: \"4\": above 3, the highest of all"),
        (3, "\"2\"", "\"2,\"", "invalid label id \"2,\": contains a comma"),
        (3, "VIP", "", "invalid label name \"\": empty"),
        (4, "\"x\"", "\"2\"", "not in an export: \"2\": a label that is there already"),
        (5, "\"3\"", "\"2\"", "not in an export: \"2\": a deleted label that is there already"),
        (6, "ana@c.us", "7@lid", "both alias and meant"),
        (6, "7@lid", " ", "invalid chat id \" \": begins or ends with white space"),
        (7, "ana@c.us", "7@lid", "not in an export: \"7@lid\": an alias with labels of its own"),
        (7, "\"2\"", "\"3\"", "unknown label \"3\""),
        (7, "\"2\"", "\"x\"", "not in an export: \"ana@c.us\": has label x twice"),
        (7, r#""2","x""#, "", "not in an export: \"ana@c.us\": a chat without a label"),
        (8, "bob@c.us", "ana@s.whatsapp.net", "not in an export: \"ana@c.us\": has label 2 twice"),
        (8, "bob", "7@lid\",\"more\":\"", "unknown field `more`"),
        (8, r#"{"chat""#, r#"{"label":{"id":"y"}}{"chat""#, "column 21: trailing characters"),
        (9, r#","rows":3"#, "", "missing field `rows`"),
        (10, ":1", ":2", "1 instances came"),
    ];
    for (line, from, to, told) in cases {
        let mut with = lines.map(str::to_owned);
        assert!(with[line - 1].contains(from), "{from}");
        with[line - 1] = with[line - 1].replace(from, to);
        let (at, cause) = refused(with.join("\n").as_bytes());
        assert_eq!(at, u64::try_from(line).unwrap(), "{told}: {cause}");
        assert!(cause.to_string().contains(told), "{told}: {cause}");
    }
}

#[test]
fn every_count_is_checked() {
    let sample = sample();
    let end = sample.lines().find(|line| line.starts_with("{\"instance_end\"")).unwrap();
    let counts: serde_json::Value = serde_json::from_str(end).unwrap();
    let names = ["labels", "deleted_labels", "aliases", "chats", "rows"];
    assert_eq!(counts["instance_end"].as_object().unwrap().len(), names.len());
    for name in names {
        for by in [-1, 1] {
            let mut wrong = counts.clone();
            wrong["instance_end"][name] = (wrong["instance_end"][name].as_i64().unwrap() + by).into();
            let (_, cause) = refused(sample.replace(end, &wrong.to_string()).as_bytes());
            assert!(invalid(&cause) && cause.to_string().contains(name), "{cause}");
        }
    }
}

#[test]
fn an_instance_that_is_there_is_left_as_it_is() {
    let store = store();
    let index = store.instance("shop").unwrap();
    fill(&index);
    let before = Image::from(&index);
    let cause = Box::new(Error::InstanceExists { name: "shop".into() });
    assert_eq!(store.import(sample().as_bytes()), Err(Error::ImportRefused { line: 2, cause }));
    assert_eq!(Image::from(&index), before);
}

#[test]
fn instances_before_a_bad_one_stay_and_nothing_of_the_bad_one() {
    let from = store();
    fill(&from.instance("a").unwrap());
    fill(&from.instance("b").unwrap());
    let lines = exported(&from);
    let second = lines.find(r#"{"instance":{"name":"b""#).unwrap();
    let damaged =
        lines[..second].to_owned() + &lines[second..].replacen(r#""deleted_labels":1"#, r#""deleted_labels":2"#, 1);

    let folder = Folder::new();
    let to = folder.open();
    assert!(matches!(to.import(damaged.as_bytes()), Err(Error::ImportRefused { .. })));
    assert_eq!(to.instances(), ["a"]);
    assert_eq!(Image::from(&to.existing("a").unwrap()), Image::from(&from.existing("a").unwrap()));
    drop(to);
    assert!(Store::verify(folder.path()).unwrap().is_sound());
    assert_eq!(folder.open().instances(), ["a"]);
}

#[test]
fn a_line_without_end_is_refused_after_a_mebibyte() {
    let mut read = 0;
    let endless = io::repeat(b'x').take(1 << 30);
    let counted = Counted { inner: endless, read: &mut read };
    let Err(Error::ImportRefused { line: 1, cause }) = store().import(BufReader::new(counted)) else { panic!("taken") };
    assert!(cause.to_string().ends_with("a line of more than 1048576 bytes"), "{cause}");
    assert!(read < 2 << 20, "{read} bytes");
}

#[test]
fn an_error_keeps_little_of_a_long_line() {
    let long = "é".repeat(500_000);
    for line in [format!("{{\"{long}\":1}}"), format!("{{\"chat\":{{\"id\":\"{long}\",\"labels\":[\"1\"]}}}}"), long] {
        let (_, cause) = refused(sample().replacen("{\"label\"", &format!("{line}\n{{\"label\""), 1).as_bytes());
        assert!(cause.to_string().len() < 1_024, "{} bytes", cause.to_string().len());
    }
}

struct Counted<'a, R> {
    inner: R,
    read: &'a mut usize,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        *self.read += read;
        Ok(read)
    }
}

/// A reader and writer that always fails.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("no line"))
    }
}

impl io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no line"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn failing_readers_and_writers_are_errors() {
    let store = store();
    let failed = Error::Stream { cause: "no line".into() };
    assert_eq!(store.export(Broken), Err(failed.clone()));
    let half = sample();
    let broken = BufReader::new(half.as_bytes()[..half.len() / 2].chain(Broken));
    let Err(Error::ImportRefused { cause, .. }) = store.import(broken) else { panic!("taken") };
    assert_eq!(*cause, failed);
    assert!(store.instances().is_empty());
}

/// Labels and deleted ids are counted separately, and as many as the options allow are accepted.
#[test]
fn no_more_labels_than_the_options_allow() {
    let import = |limit, labels: u64, deleted: u64| {
        let mut limits = Limits::default();
        limits.labels = limit;
        let store = label_index::StoreOptions::new().limits(limits).open_on(Disk::default()).unwrap();
        let mut lines = vec![
            r#"{"export":{"version":1}}"#.to_owned(),
            r#"{"instance":{"name":"shop","revision":9,"refreshed":null,"highest_label_id":0}}"#.to_owned(),
        ];
        lines.extend((0..labels).map(|nth| format!(r#"{{"label":{{"id":"live{nth}","name":"VIP"}}}}"#)));
        lines.extend((0..deleted).map(|nth| format!(r#"{{"deleted_label":{{"id":"gone{nth}"}}}}"#)));
        let counts = format!(r#""labels":{labels},"deleted_labels":{deleted},"aliases":0,"chats":0,"rows":0"#);
        lines.push(format!(r#"{{"instance_end":{{{counts}}}}}"#));
        lines.push(r#"{"export_end":{"instances":1}}"#.to_owned());
        let imported = store.import(lines.join("\n").as_bytes());
        assert_eq!(store.instances().is_empty(), imported.is_err());
        imported
    };
    assert_eq!(import(3, 3, 3).unwrap(), ["shop"]);
    for (labels, deleted, at) in [(4, 0, 6), (3, 4, 9)] {
        let cause = Box::new(Error::LimitExceeded { what: Limit::Labels, limit: 3, given: 4 });
        assert_eq!(import(3, labels, deleted), Err(Error::ImportRefused { line: at, cause }));
    }
}

#[test]
fn a_disk_that_fails_gets_no_instance() {
    let disk = Disk::default();
    let store = label_index::StoreOptions::new().open_on(disk.clone()).unwrap();
    disk.trouble_after(0, Trouble::Full);
    let Err(Error::ImportRefused { cause, .. }) = store.import(sample().as_bytes()) else { panic!("taken") };
    assert!(matches!(*cause, Error::StoreFailed { .. }), "{cause}");
    assert!(store.instances().is_empty());
    disk.heal();
    drop(store);
    let store = label_index::StoreOptions::new().open_on(Disk::from(disk.bytes())).unwrap();
    let index: LabelIndex = super::import(&store, &sample()).unwrap();
    index.check_invariants().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused_or_make_a_sound_instance(
        places in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        whole in proptest::option::of(vec(any::<u8>(), 0..200)),
    ) {
        let mut bytes = sample().into_bytes();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let store = store();
        if let Ok(names) = store.import(&whole.unwrap_or(bytes)[..]) {
            names.iter().for_each(|name| store.existing(name).unwrap().check_invariants().unwrap());
        } else {
            prop_assert!(store.instances().len() <= 1, "the end of the export may be what is damaged");
        }
    }
}
