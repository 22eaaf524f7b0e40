//! Queries of files and of the sample.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{BINARY, SAMPLE, SMALL, chats, fed, file, gzip, large, program, run};
use crate::example::{Ran, example};

#[test]
fn the_sample_is_what_its_generator_writes() {
    let written = Command::new(example("make_sample")).output().unwrap();
    assert!(written.status.success());
    assert!(
        written.stdout == SAMPLE.as_bytes(),
        "run `cargo run --example make_sample > examples/data/crm_sample.csv`"
    );
}

#[test]
fn the_sample_has_what_an_account_has() {
    let everything = run(&["--limit", "10000", "--json"]).json();
    let chats = chats(&everything);
    assert!((200..1000).contains(&chats.len()), "a few hundred chats");
    assert!(chats.iter().any(|chat| chat.ends_with("@g.us")), "a group");
    assert!(chats.iter().any(|chat| chat.ends_with("@lid")), "a chat with a hidden number");
    let labels: BTreeSet<&str> = everything["chats"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|listed| listed["labels"].as_array().unwrap())
        .map(|label| label["name"].as_str().unwrap())
        .collect();
    for name in ["VIP", "vip", "Support", "São Paulo", "Pedido pago ✅"] {
        assert!(labels.contains(name), "{name}");
    }
}

#[test]
fn without_arguments_the_sample_shows_vip_or_support() {
    let table = run(&[]).ok();
    assert_eq!(Ran::from(Command::new(BINARY).output().unwrap()).ok(), table, "without a command too");
    let answer = run(&["--names", "VIP,Support", "--json"]).json();
    assert!(answer["next"].is_null());
    for listed in answer["chats"].as_array().unwrap() {
        let names: Vec<&str> =
            listed["labels"].as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap()).collect();
        let chat = listed["chat_id"].as_str().unwrap();
        let line = table.lines().find(|line| line.starts_with(chat)).unwrap();
        assert_eq!(line[chat.len()..].trim_start(), names.join(" · "));
    }
    assert!(table.contains(&format!("total chats    {}\n", answer["total_chats"])));
    assert!(table.contains(&format!("total rows     {}\n", answer["total_rows"])));
    assert!(table.contains(&format!("matched rows   {}\n", answer["matched_rows"])));
    assert!(table.contains("filter labels  1 VIP · 2 Support · 12 vip\n"));
}

#[test]
fn the_json_is_the_answer_field_for_field() {
    let csv = "chat,label\n447700900123@s.whatsapp.net,VIP\n";
    assert_eq!(
        fed(&["-", "--names", "vip", "--json"], csv.as_bytes()).ok(),
        concat!(
            r#"{"chats":[{"chat_id":"447700900123@c.us","labels":[{"id":"1","name":"VIP","color":null,"position":null}]}],"#,
            r#""total_chats":1,"total_rows":1,"matched_rows":1,"filter_label_ids":["1"],"#,
            r#""unresolved":{"ids":[],"names":[]},"next":null,"revision":1}"#,
            "\n"
        )
    );
}

#[test]
fn each_distinct_name_is_a_label_in_order_of_first_appearance() {
    let path = file("labels.csv", SMALL.as_bytes());
    let answer = run(&[&path, "--json"]).json();
    let expected = json!([
        {"chat_id": "ana", "labels": [{"id": "1", "name": "VIP", "color": null, "position": null}, {"id": "2", "name": "Support", "color": null, "position": null}]},
        {"chat_id": "bob", "labels": [{"id": "2", "name": "Support", "color": null, "position": null}]},
        {"chat_id": "eve", "labels": [{"id": "2", "name": "Support", "color": null, "position": null}, {"id": "3", "name": "vip", "color": null, "position": null}]},
        {"chat_id": "dan", "labels": [{"id": "4", "name": "Late, again", "color": null, "position": null}]},
    ]);
    assert_eq!(answer["chats"], expected);
    assert_eq!(answer["filter_label_ids"], json!([]));
    assert_eq!(
        (&answer["total_chats"], &answer["total_rows"], &answer["matched_rows"]),
        (&json!(4), &json!(6), &json!(6))
    );
}

#[test]
fn the_options_make_three_clauses() {
    let path = file("clauses.csv", SMALL.as_bytes());
    let cases: [(&[&str], &[&str], u64); 13] = [
        (&["--ids", "1,4"], &["ana", "dan"], 2),
        (&["--ids", "1", "--ids", "4"], &["ana", "dan"], 2),
        (&["--names", "VIP"], &["ana", "eve"], 2),
        (&["--names", " vip , late"], &["ana", "eve"], 2),
        (&["--name", "LATE, again"], &["dan"], 1),
        (&["--ids", "4", "--names", "VIP", "--name", "Support"], &["ana", "bob", "eve", "dan"], 6),
        (&["--all-of", "vip", "--all-of", "support"], &["ana", "eve"], 4),
        (&["--all-of", "vip", "--all-of", "nothing"], &[], 0),
        (&["--names", "Support", "--none-of", "VIP"], &["bob"], 1),
        (&["--none-of", "Late, again", "--none-of", "nothing"], &["ana", "bob", "eve"], 5),
        (&["--ids", ""], &[], 0),
        (&["--names", ""], &[], 0),
        (&["--ids", "", "--name", "Late, again"], &["dan"], 1),
    ];
    for (options, expected, matched_rows) in cases {
        let answer = run(&[&[path.as_str(), "--json"], options].concat()).json();
        assert_eq!(chats(&answer), expected, "{options:?}");
        assert_eq!(answer["total_chats"], expected.len(), "{options:?}");
        assert_eq!(answer["matched_rows"], matched_rows, "{options:?}");
    }
}

#[test]
fn unknown_entries_are_reported_and_no_error() {
    let path = file("unknown.csv", SMALL.as_bytes());
    let options = ["--ids", "7,1,,7", "--names", "Suport", "--name", "", "--none-of", "nothing"];
    let answer = run(&[&[path.as_str(), "--json"], &options[..]].concat()).json();
    assert_eq!(chats(&answer), ["ana"]);
    assert_eq!(answer["filter_label_ids"], json!(["1"]));
    assert_eq!(answer["unresolved"], json!({"ids": ["7", ""], "names": ["Suport", "", "nothing"]}));
    let table = run(&[&[path.as_str()], &options[..]].concat()).ok();
    assert!(table.contains("unknown ids    \"7\", \"\"\nunknown names  \"Suport\", \"\", \"nothing\"\n"), "{table}");

    let nobody = run(&[&path, "--names", "Suport", "--json"]).json();
    assert_eq!((&nobody["total_chats"], &nobody["chats"]), (&json!(0), &json!([])));
}

#[test]
fn forms_that_spreadsheets_write_are_read() {
    let expected = fed(&["-", "--json"], SMALL.as_bytes()).ok();
    let spaces = " ".repeat((1 << 20) - "bob,Support".len());
    let variants = [
        ("byte order mark", format!("\u{feff}{SMALL}")),
        ("carriage returns", SMALL.replace('\n', "\r\n")),
        ("both", format!("\u{feff}{}", SMALL.replace('\n', "\r\n"))),
        ("blank lines", format!("\n\r\n{}\n \t \n", SMALL.replace('\n', "\n\n"))),
        ("no last line end", SMALL.trim_end().to_owned()),
        ("quotes", SMALL.replace("ana,VIP", "\"ana\",\"VIP\"").replace("chat,label", "\"chat\",\"label\"")),
        ("space around a label", SMALL.replace("bob,Support", "bob, Support\u{a0}")),
        ("the longest line", SMALL.replace("bob,Support", &format!("bob,Support{spaces}"))),
        ("the longest line, CRLF", SMALL.replace("bob,Support", &format!("bob,Support{spaces}\r"))),
    ];
    for (what, csv) in variants {
        assert_eq!(fed(&["-", "--json"], csv.as_bytes()).ok(), expected, "{what}");
    }
    let no_chats = fed(&["-", "--json"], b"chat,label").json();
    assert_eq!((&no_chats["total_chats"], &no_chats["revision"]), (&json!(0), &json!(0)));
    let quoted = fed(&["-", "--json"], b"chat,label\na,\"the \"\"best\"\"\"\n").json();
    assert_eq!(quoted["chats"][0]["labels"][0]["name"], "the \"best\"");
}

#[test]
fn bad_input_is_named_by_file_line_and_reason() {
    let too_long = format!("chat,label\na,{}\n", " ".repeat(1 << 20));
    let cases: [(&[u8], u64, &str); 26] = [
        (b"", 1, "empty, expected the header chat,label"),
        (b"\xef\xbb\xbf", 2, "empty, expected the header chat,label"),
        (b"\n\n", 3, "empty, expected the header chat,label"),
        (b"label,chat\na,b\n", 1, "expected the header chat,label"),
        (b"chat\na,b\n", 1, "expected the header chat,label"),
        (b"chat,label,color\na,b,1\n", 1, "expected the header chat,label"),
        (b"chat;label\na;b\n", 1, "columns are separated by ;, see --delimiter"),
        (b"\nana,VIP\n", 2, "expected the header chat,label"),
        (b"chat,label\nana,VIP\nbob\n", 3, "expected 2 columns, chat and label, found 1"),
        (b"chat,label\n\n\nana,VIP,1\n", 4, "expected 2 columns, chat and label, found 3"),
        (b"chat,label\r\n\r\nana,Late, again\r\n", 3, "expected 2 columns, chat and label, found 3"),
        (b"chat,label\nana,V\xffP\n", 2, "invalid UTF-8 in column label"),
        (b"chat,label\n\xe9,VIP\n", 2, "invalid UTF-8 in column chat"),
        (b"chat,label\n,VIP\n", 2, "invalid chat id \"\": empty"),
        (b"chat,label\n\"\",VIP\n", 2, "invalid chat id \"\": empty"),
        (b"chat,label\nana,\n", 2, "invalid label name \"\": empty"),
        (b"chat,label\nana, \n", 2, "invalid label name \" \": empty"),
        (b"chat,label\nana,\xe2\x80\x8e\n", 2, "only characters that do not count in a name"),
        (b"chat,label\n ana,VIP\n", 2, "begins or ends with white space"),
        (b"chat,label\n@c.us,VIP\n", 2, "nothing before the server"),
        (b"chat,label\nana,V\0P\n", 2, "contains a control character"),
        (b"chat,label\nana,V\rP\n", 2, "contains a control character"),
        (b"chat,label\nana,\"VIP\nbob,VIP\n", 2, "a quote is not closed on its line"),
        (b"chat,label\nana,\"VIP", 2, "a quote is not closed on its line"),
        (b"chat,label\n\n\"ana\n\",VIP\n", 3, "a quote is not closed on its line"),
        (too_long.as_bytes(), 2, "a line of more than 1048576 bytes"),
    ];
    for (number, (csv, line, reason)) in cases.into_iter().enumerate() {
        let told = fed(&["-", "--json"], csv).refused(1);
        assert!(
            told.starts_with(&format!("<stdin>:{line}: ")) && told.trim_end().ends_with(reason),
            "{number}: {told}"
        );
        let path = file("bad.csv", csv);
        assert_eq!(run(&[&path]).refused(1), told.replacen("<stdin>", &path, 1), "{number}");
    }
}

#[test]
fn a_line_far_behind_is_counted_right() {
    let mut csv = String::from("chat,label\n");
    for number in 0..25_000 {
        writeln!(csv, "chat{number},label{}\n", number % 7).unwrap();
    }
    csv.push_str("chat,label,\n");
    let told = fed(&["-"], csv.as_bytes()).refused(1);
    assert!(told.starts_with("<stdin>:50002: "), "{told}");
}

#[test]
fn files_that_cannot_be_read_are_errors() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let missing = format!("{folder}/no such file.csv");
    for path in [folder, missing.as_str()] {
        let told = run(&[path]).refused(1);
        assert!(told.starts_with(&format!("{path}: ")), "{told}");
    }
}

#[test]
fn gzip_is_detected_by_its_content() {
    let expected = fed(&["-", "--json"], SMALL.as_bytes()).ok();
    let (start, end) = SMALL.as_bytes().split_at(25);
    let packed = gzip(SMALL.as_bytes());
    let members = [gzip(start), gzip(b""), gzip(end)].concat();
    let with_mark = gzip(format!("\u{feff}{SMALL}").as_bytes());
    for (number, packed) in [&packed, &members, &with_mark].into_iter().enumerate() {
        assert_eq!(fed(&["-", "--json"], packed).ok(), expected, "{number}");
        for name in ["packed.csv.gz", "packed.csv"] {
            assert_eq!(run(&[&file(name, packed), "--json"]).ok(), expected, "{number}: {name}");
        }
    }
    assert_eq!(run(&[&file("plain.csv.gz", SMALL.as_bytes()), "--json"]).ok(), expected);
}

#[test]
fn damaged_gzip_is_an_error() {
    let packed = gzip(SMALL.as_bytes());
    for len in 2..packed.len() {
        let told = fed(&["-"], &packed[..len]).refused(1);
        assert!(told.starts_with("<stdin>:") && told.ends_with(": the gzip data ends too early\n"), "{len}: {told}");
    }
    let members = [packed.as_slice(), &packed[..6]].concat();
    assert!(fed(&["-"], &members).refused(1).ends_with(": the gzip data ends too early\n"));
    let mut flipped = packed.clone();
    let checksum = packed.len() - 8;
    flipped[checksum] ^= 1;
    assert!(fed(&["-"], &flipped).refused(1).contains(": cannot read: "));
    let trailing = [packed.as_slice(), b"chat,label\n"].concat();
    assert!(fed(&["-"], &trailing).refused(1).contains(": cannot read: "));
}

#[test]
fn a_line_without_end_is_refused_long_before_it_ends() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"chat,label\n").unwrap();
    for _ in 0..64 {
        encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let packed = encoder.finish().unwrap();
    // The second half is missing, so reading that far would give another error.
    assert_eq!(fed(&["-"], &packed[..packed.len() / 2]).refused(1), "<stdin>:2: a line of more than 1048576 bytes\n");
}

#[test]
fn the_limit_lists_no_more_and_the_totals_stay() {
    let path = file("limits.csv", SMALL.as_bytes());
    let whole = run(&[&path, "--limit", "10000", "--json"]).json();
    for (limit, listed) in [("0", 0), ("1", 1), ("3", 3), ("4", 4), ("10000", 4)] {
        let answer = run(&[&path, "--limit", limit, "--json"]).json();
        assert_eq!(answer["chats"].as_array().unwrap()[..], whole["chats"].as_array().unwrap()[..listed]);
        assert_eq!(answer["next"].is_string(), matches!(listed, 1 | 3), "{limit}");
        for total in ["total_chats", "total_rows", "matched_rows", "filter_label_ids", "unresolved", "revision"] {
            assert_eq!(answer[total], whole[total]);
        }
    }
    let table = run(&[&path, "--limit", "0"]).ok();
    assert_eq!(table, "total chats    4\ntotal rows     6\nmatched rows   6\n");
    assert_eq!(chats(&run(&["--json"]).json()).len(), 50, "the default");
}

#[test]
fn bad_options_exit_with_2_before_anything_is_read() {
    let bad: [(&[&str], &str); 10] = [
        (&["--limit", "10001"], "limit exceeded: 10001 chats in a page, at most 10000 allowed"),
        (&["--limit", "-1"], "--limit"),
        (&["--limit", "many"], "--limit"),
        (&["--limit", "99999999999999999999999"], "--limit"),
        (&["--limit"], "--limit"),
        (&["--after", ""], "damaged cursor \"\""),
        (&["--after", "first"], "damaged cursor \"first\""),
        (&["--limit", "0", "--after", "0000001b000000000000000092c2c2e7"], "damaged cursor"),
        (&["--colour", "5"], "--colour"),
        (&["second.csv"], "second.csv"),
    ];
    for (options, reason) in bad {
        let told = run(&[&["no such file.csv"], options].concat()).refused(2);
        assert!(told.contains(reason), "{options:?}: {told}");
    }
}

#[test]
fn a_large_file_gives_what_counting_by_hand_gives() {
    let (csv, account) = large();
    let path = file("large.csv.gz", &gzip(csv.as_bytes()));
    let any = ["label 1", "label 15", "label 49"];
    let none = "label 0";
    let passing: BTreeMap<&String, &BTreeSet<String>> = account
        .iter()
        .filter(|(_, labels)| any.iter().any(|&label| labels.contains(label)) && !labels.contains(none))
        .collect();
    let answer = run(&[&path, "--names", &any.join(","), "--none-of", none, "--limit", "10000", "--json"]).json();
    assert_eq!(answer["total_chats"], passing.len());
    assert_eq!(answer["total_rows"], passing.values().map(|labels| labels.len()).sum::<usize>());
    let matched = passing.values().flat_map(|labels| labels.iter()).filter(|label| any.contains(&label.as_str()));
    assert_eq!(answer["matched_rows"], matched.count());
    let listed: BTreeMap<&str, BTreeSet<&str>> = answer["chats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| {
            let labels = listed["labels"].as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap());
            (listed["chat_id"].as_str().unwrap(), labels.collect())
        })
        .collect();
    assert_eq!(listed.len(), passing.len());
    for (chat, labels) in passing {
        assert!(listed[chat.as_str()].iter().eq(labels.iter()), "{chat}");
    }
}

#[test]
fn pages_make_up_the_whole() {
    let (csv, _) = large();
    let path = file("pages.csv", csv.as_bytes());
    let question = [path.as_str(), "--name", "label 4", "--none-of", "label 0", "--json"];
    let whole = run(&[&question[..], &["--limit", "10000"]].concat()).json();
    let mut pages: Vec<Value> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut arguments = [&question[..], &["--limit", "150"]].concat();
        arguments.extend(after.iter().flat_map(|cursor| ["--after", cursor]));
        let mut page = run(&arguments).json();
        assert_eq!(page["total_chats"], whole["total_chats"]);
        pages.append(page["chats"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(cursor) => after = Some(cursor.to_owned()),
            None => break,
        }
    }
    assert!(pages.len() > 450, "several pages");
    assert_eq!(&pages, whole["chats"].as_array().unwrap());
}

#[test]
fn the_table_says_how_to_go_on() {
    let path = file("next.csv", SMALL.as_bytes());
    let first = run(&[&path, "--limit", "2"]).ok();
    let (_, hint) = first.split_once("next page      ").unwrap();
    let second =
        run(&[&[path.as_str(), "--limit", "2"], &hint.split_whitespace().collect::<Vec<_>>()[..]].concat()).ok();
    assert_eq!(
        second,
        "CHAT  LABELS\n\
         eve   Support · vip\n\
         dan   Late, again\n\
         \n\
         total chats    4\n\
         total rows     6\n\
         matched rows   6\n"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (csv, _) = large();
    let path = file("head.csv", csv.as_bytes());
    for format in [&["--json"][..], &[]] {
        let mut child = program("query")
            .args([&[path.as_str(), "--limit", "10000"], format].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    }
}
