//! Files that are kept in a store, by `query` and by `load`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use label_index::{LabelPatch, Store};
use serde_json::{Value, json};

use super::{Folder, SMALL, chats, fed, file, gzip, large, program, run};
use crate::example::Ran;

/// The lines of standard error, and the answer as JSON.
#[track_caller]
fn told(ran: &Ran) -> (Vec<String>, Value) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    (ran.stderr.lines().map(str::to_owned).collect(), serde_json::from_str(&ran.stdout).unwrap())
}

/// An answer without its cursor, which belongs to one store.
fn without_cursor(mut answer: Value) -> Value {
    answer["next"] = Value::Null;
    answer
}

#[test]
fn the_first_answer_is_that_of_memory() {
    let store = Folder::new();
    let path = file("stored.csv", SMALL.as_bytes());
    let (lines, answer) = told(&store.run(&[&path, "--json"]));
    assert_eq!(lines, ["committed 7"]);
    assert_eq!(answer, run(&[&path, "--json"]).json());
    assert_eq!(store.run(&["--json"]).json(), answer, "without a file");
    assert_eq!(store.run(&["--names", "vip"]).ok(), run(&[&path, "--names", "vip"]).ok());
}

#[test]
fn every_batch_is_reported_and_a_second_run_changes_nothing() {
    let store = Folder::new();
    let path = file("twice.csv", SMALL.as_bytes());
    let (lines, answer) = told(&store.run(&[&path, "--batch", "3", "--json"]));
    assert_eq!(lines, ["committed 3", "committed 6", "committed 7"]);
    assert_eq!(answer["revision"], 2, "the last row was there already");
    for (batch, expected) in
        [("3", &["committed 3", "committed 6", "committed 7"][..]), ("7", &["committed 7"]), ("8", &["committed 7"])]
    {
        let (lines, again) = told(&store.run(&[&path, "--batch", batch, "--json"]));
        assert_eq!(
            (lines.as_slice(), again),
            (&expected.iter().map(|&line| line.to_owned()).collect::<Vec<_>>()[..], answer.clone())
        );
    }
}

#[test]
fn a_killed_load_that_is_run_again_gives_the_same_answer() {
    let (csv, _) = large();
    let path = file("killed.csv.gz", &gzip(csv.as_bytes()));
    let question = ["--batch", "1000", "--limit", "10000", "--json"];
    let whole = Folder::new();
    let (lines, expected) = told(&whole.run(&[&[path.as_str()], &question[..]].concat()));
    assert_eq!((lines.len(), lines.last().unwrap().as_str()), (40, "committed 40000"));

    for (rows, batches) in [(0, 0), (999, 0), (1_000, 1), (17_500, 17), (39_999, 39)] {
        let store = Folder::new();
        let mut child = program("query")
            .args(["-", "--store", store.path().to_str().unwrap()])
            .args(question)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let end = csv.match_indices('\n').nth(rows).unwrap().0 + 1;
        stdin.write_all(&csv.as_bytes()[..end]).unwrap();
        let committed = BufReader::new(child.stderr.take().unwrap()).lines().take(batches);
        let committed: Vec<String> = committed.map(Result::unwrap).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(committed, lines[..batches], "{rows}");

        let (again, answer) = told(&store.run(&[&[path.as_str()], &question[..]].concat()));
        assert_eq!(again, lines, "{rows}: rows that were there already are counted");
        assert_eq!(without_cursor(answer), without_cursor(expected.clone()), "{rows}");
    }
}

#[test]
fn a_label_is_the_stored_one_of_exactly_that_name_with_the_lowest_id() {
    let store = Folder::new();
    {
        let opened = Store::open(store.path()).unwrap();
        let index = opened.instance("default").unwrap();
        for (id, name) in [("10", "VIP"), ("9", "vip"), ("label_x", "Support"), ("11", "VIP")] {
            index.upsert_label(id, LabelPatch::named(name).unwrap()).unwrap();
        }
        index.upsert_label("30", "Late, again").unwrap();
        drop(index.remove_label("30").unwrap());
    }
    let (_, answer) = told(&store.run(&[&file("names.csv", SMALL.as_bytes()), "--batch", "1", "--json"]));
    let ids: Vec<(&str, Vec<&str>)> = answer["chats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| {
            let labels = listed["labels"].as_array().unwrap();
            (listed["chat_id"].as_str().unwrap(), labels.iter().map(|label| label["id"].as_str().unwrap()).collect())
        })
        .collect();
    let expected =
        [("ana", vec!["10", "label_x"]), ("bob", vec!["label_x"]), ("eve", vec!["9", "label_x"]), ("dan", vec!["31"])];
    assert_eq!(ids, expected);
}

#[test]
fn a_file_without_rows_makes_an_instance_and_no_batch() {
    let store = Folder::new();
    let (lines, answer) = told(&store.run(&[&file("header.csv", b"chat,label\n"), "--json"]));
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!((&answer["total_chats"], &answer["revision"]), (&json!(0), &json!(0)));
    assert_eq!(store.run(&["--json"]).json(), answer);
}

/// Rows in any order, repeated rows, and spellings of one chat.
#[test]
fn a_new_instance_is_made_at_once_and_is_what_batches_make() {
    let (mut csv, _) = large();
    csv.push_str("5511999990001@c.us,label 1\n5511999990001@s.whatsapp.net,label 4\n5511999990001@c.us,label 1\n");
    let path = file("at once.csv", csv.as_bytes());
    let question = [path.as_str(), "--limit", "10000", "--json"];
    let (at_once, by_batches) = (Folder::new(), Folder::new());
    let (lines, answer) = told(&at_once.run(&question));
    assert_eq!(lines, ["committed 40003"]);
    let (lines, expected) = told(&by_batches.run(&[&question[..], &["--batch", "15000"]].concat()));
    assert_eq!(lines, ["committed 15000", "committed 30000", "committed 40003"]);
    let without_revision = |mut answer: Value| {
        answer["revision"] = Value::Null;
        without_cursor(answer)
    };
    assert_eq!(answer["revision"], 1);
    assert_eq!(without_revision(answer.clone()), without_revision(expected));

    // An instance that is there gets batches.
    let (lines, again) = told(&at_once.run(&question));
    let batches = ["committed 10000", "committed 20000", "committed 30000", "committed 40000", "committed 40003"];
    assert_eq!(lines, batches);
    assert_eq!(again, answer);
}

#[test]
fn what_is_refused_before_the_end_makes_no_new_instance() {
    let store = Folder::new();
    let path = file("bad end.csv", b"chat,label\na,x\nb,y\n,z\n");
    let told = store.run(&[&path]).refused(1);
    assert_eq!(told, format!("{path}:4: invalid chat id \"\": empty\n"));
    let small = file("cursor.csv", SMALL.as_bytes());
    let told = store.run(&[&small, "--after", "0000001b000000000000000092c2c2e7"]).refused(2);
    assert!(told.contains("cursor"), "{told}");
    assert!(Store::open(store.path()).unwrap().instances().is_empty());
}

#[test]
fn instances_are_apart() {
    let store = Folder::new();
    let path = file("shop.csv", SMALL.as_bytes());
    assert_eq!(told(&store.run(&[&path, "--instance", "shop", "--json"])).1["total_chats"], 4);
    let other = file("other.csv", b"chat,label\nzoe,VIP\n");
    assert_eq!(chats(&told(&store.run(&[&other, "--instance", "other", "--json"])).1), ["zoe"]);
    assert_eq!(store.run(&["--instance", "shop", "--json"]).json()["total_chats"], 4);
    assert_eq!(store.run(&["--json"]).refused(1), "unknown instance \"default\"\n");
}

#[test]
fn pages_of_a_store_go_on_in_the_next_run() {
    let store = Folder::new();
    let (_, first) = told(&store.run(&[&file("paged.csv", SMALL.as_bytes()), "--limit", "3", "--json"]));
    let cursor = first["next"].as_str().unwrap();
    assert_eq!(chats(&store.run(&["--after", cursor, "--json"]).json()), ["dan"]);
    let foreign = run(&["--after", cursor]).refused(2);
    assert!(foreign.contains("belongs to another index"), "{foreign}");
}

#[test]
fn a_bad_row_is_named_and_the_batches_before_it_stay() {
    let store = Folder::new();
    let path = file("bad row.csv", b"chat,label\na,x\nb,y\nc,z\n,z\n");
    let ran = store.run(&[&path, "--batch", "2"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_eq!(ran.stderr, format!("committed 2\n{path}:5: invalid chat id \"\": empty\n"));
    assert_eq!(chats(&store.run(&["--json"]).json()), ["a", "b"]);
}

#[test]
fn what_is_no_file_makes_no_store() {
    let parent = Folder::new();
    let folder = parent.path().join("store");
    let folder = folder.to_str().unwrap();
    let missing = run(&["no such file.csv", "--store", folder]).refused(1);
    assert!(missing.starts_with("no such file.csv: "), "{missing}");
    let empty = fed(&["-", "--store", folder], b"").refused(1);
    assert_eq!(empty, "<stdin>:1: empty, expected the header chat,label\n");
    let nothing = run(&["--store", folder]).refused(1);
    assert_eq!(nothing, format!("{folder}: there is no store; `load` and `import` make one\n"));
    assert!(!Path::new(folder).exists());
}

#[test]
fn a_store_that_cannot_be_opened_is_an_error() {
    let store = Folder::new();
    let opened = Store::open(store.path()).unwrap();
    let told = store.run(&["--json"]).refused(1);
    assert!(told.ends_with("is open elsewhere\n"), "{told}");
    drop(opened);
    fs::write(store.path().join("store.redb"), b"no store").unwrap();
    let told = store.run(&["--json"]).refused(1);
    assert!(told.starts_with("the store is damaged"), "{told}");
}

#[test]
fn bad_options_of_a_store_exit_with_2() {
    let store = Folder::new();
    let long = "x".repeat(129);
    let path = file("options.csv", SMALL.as_bytes());
    let bad: [(&[&str], &str); 8] = [
        (&["--batch", "0"], "--batch"),
        (&["--batch", "-1"], "--batch"),
        (&["--batch", "many"], "--batch"),
        (&["--batch"], "--batch"),
        (&["--instance", ""], "an instance needs a name"),
        (&["--instance", &long], "invalid instance name"),
        (&["--limit", "10001"], "limit exceeded: 10001 chats in a page, at most 10000 allowed"),
        (&["--after", "0000001b000000000000000092c2c2e7"], "cursor"),
    ];
    for (options, reason) in bad {
        let told = store.run(&[&[path.as_str()], options].concat()).refused(2);
        assert!(told.contains(reason), "{options:?}: {told}");
    }
    for option in [&["--batch", "5"], &["--instance", "shop"]] {
        let told = run(&[&[path.as_str()], &option[..]].concat()).refused(2);
        assert!(told.contains("--store"), "{option:?}: {told}");
    }
}

#[test]
fn one_chat_with_20_000_labels_is_loaded_row_by_row() {
    use std::fmt::Write as _;

    let mut csv = String::from("chat,label\n");
    (0..20_000).for_each(|label| writeln!(csv, "ana,label {label}").unwrap());
    let path = file("many labels.csv", csv.as_bytes());
    let in_memory = run(&[&path, "--limit", "0", "--json"]).json();
    assert_eq!((&in_memory["total_chats"], &in_memory["total_rows"]), (&json!(1), &json!(20_000)));
    for (options, told_rows) in
        [(&[][..], &["committed 20000"][..]), (&["--batch", "10000"], &["committed 10000", "committed 20000"])]
    {
        let store = Folder::new();
        let (lines, stored) = told(&store.run(&[&[path.as_str(), "--limit", "0", "--json"], options].concat()));
        assert_eq!(lines, told_rows);
        assert_eq!((&stored["total_chats"], &stored["total_rows"]), (&json!(1), &json!(20_000)));
    }
}
