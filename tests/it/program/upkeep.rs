//! The commands that maintain stores, and behaviour that all commands share.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{BINARY, Folder, SMALL, file, gzip, program, run};
use crate::example::Ran;

/// A store with the small file in two instances.
fn loaded() -> Folder {
    let store = Folder::new();
    let path = file("upkeep.csv", SMALL.as_bytes());
    for instance in ["default", "shop"] {
        let ran = store.command("load", &[&path, "--instance", instance]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "committed 7\n"));
    }
    store
}

#[test]
fn load_prints_the_totals_or_the_first_chats() {
    let store = Folder::new();
    let path = file("load.csv", SMALL.as_bytes());
    let ran = store.command("load", &[&path, "--batch", "4"]);
    assert_eq!(ran.stderr, "committed 4\ncommitted 7\n");
    assert_eq!(ran.stdout, "total chats    4\ntotal rows     6\nmatched rows   6\n");
    let again = store.command("load", &[&path, "--json", "--limit", "1"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again, store.run(&["--json", "--limit", "1"]).json());
    for (options, reason) in [(&["--limit", "10001"][..], "at most 10000"), (&["--batch", "0"], "--batch")] {
        assert!(store.command("load", &[&[path.as_str()], options].concat()).refused(2).contains(reason));
    }
}

#[test]
fn stats_tell_each_instance_and_the_labels_of_one() {
    let store = loaded();
    let mut all = store.command("stats", &["--json"]).json();
    for instance in all["instances"].as_array_mut().unwrap() {
        let bytes = instance.as_object_mut().unwrap().remove("bytes").unwrap();
        assert!(bytes["chats"].as_u64().unwrap() >= 48 && bytes["labels"].as_u64().unwrap() > 100, "{bytes}");
    }
    let instance = |name: &str| json!({"name": name, "labels": 4, "total_chats": 4, "total_rows": 6, "revision": 1});
    assert_eq!(all, json!({"instances": [instance("default"), instance("shop")]}));
    let table = store.command("stats", &[]).ok();
    assert_eq!(table.lines().count(), 3);
    let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(([&last[..4], &last[5..]].concat(), last.len()), (vec!["4", "4", "6", "1", "shop"], 6), "{table}");
    assert!((1_000..10_000).contains(&last[4].parse::<u32>().unwrap()), "{table}");

    let shop = store.command("stats", &["--instance", "shop", "--json"]).json();
    let counts: Vec<(&str, u64)> = shop["instances"][0]["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["label"]["name"].as_str().unwrap(), each["chats"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [("VIP", 1), ("Support", 3), ("vip", 1), ("Late, again", 1)]);
    assert!(store.command("stats", &["--instance", "shop"]).ok().ends_with("        1  4 Late, again\n"));
    assert_eq!(store.command("stats", &["--instance", "other"]).refused(1), "unknown instance \"other\"\n");
}

#[test]
fn verify_is_0_for_a_sound_store_and_1_for_a_damaged_one() {
    let store = loaded();
    assert_eq!(
        store.command("verify", &[]).ok(),
        "sound    default: 4 chats, 6 rows, revision 1\nsound    shop: 4 chats, 6 rows, revision 1\n2 instances\n"
    );
    assert_eq!(store.command("verify", &["--json"]).json()["sound"], true);
    let path = store.path().join("store.redb");
    let mut damaged = fs::read(&path).unwrap();
    let name = damaged.windows(4).rposition(|bytes| bytes == b"shop").unwrap();
    damaged[name + 6] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let ran = store.command("verify", &["--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stderr.contains("damaged"), "{}", ran.stderr);
    assert_eq!(fs::read(&path).unwrap(), damaged, "nothing is changed");
}

#[test]
fn what_is_exported_can_be_imported() {
    let store = loaded();
    let exported = store.command("export", &[]).ok();
    let one = store.command("export", &["--instance", "shop"]).ok();
    assert!(exported.contains("\"default\"") && !one.contains("\"default\""));
    let path = file("exported.jsonl.gz", &gzip(exported.as_bytes()));
    let (copy, other) = (Folder::new(), Folder::new());
    assert_eq!(copy.command("import", &[&path]).ok(), "imported default\nimported shop\n");
    assert_eq!(copy.command("export", &[]).ok(), exported);
    assert_eq!(other.fed("import", &[], one.as_bytes()).ok(), "imported shop\n");
    assert_eq!(other.command("stats", &["--json"]).json()["instances"].as_array().unwrap().len(), 1);

    let again = copy.fed("import", &["-"], one.as_bytes()).refused(1);
    assert!(again.starts_with("<stdin>:2: ") && again.contains("\"shop\""), "{again}");
    let cut = other.fed("import", &[], &one.as_bytes()[..one.len() / 2]).refused(1);
    assert!(cut.starts_with("<stdin>:"), "{cut}");
    assert!(store.command("import", &["no such file"]).refused(1).starts_with("no such file: "));
}

#[test]
fn an_export_whose_reader_is_gone_is_no_error() {
    let store = loaded();
    let mut child = program("export")
        .arg("--store")
        .arg(store.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn remove_takes_one_instance() {
    let store = loaded();
    assert_eq!(store.command("remove", &["--instance", "shop"]).ok(), "removed shop\n");
    assert_eq!(store.command("remove", &["--instance", "shop"]).refused(1), "unknown instance \"shop\"\n");
    assert!(store.command("remove", &[]).refused(2).contains("--instance"));
    assert!(store.command("remove", &["--instance", ""]).refused(2).contains("an instance needs a name"));
    assert_eq!(store.command("stats", &["--json"]).json()["instances"].as_array().unwrap().len(), 1);
}

/// A read command must not leave files in a folder of the user.
#[test]
fn commands_that_read_make_no_file() {
    let empty = Folder::new();
    let missing = empty.path().join("missing");
    let commands: [(&str, &[&str]); 5] =
        [("query", &["--json"]), ("stats", &[]), ("verify", &[]), ("export", &[]), ("remove", &["--instance", "a"])];
    for (command, options) in commands {
        for folder in [empty.path(), &missing] {
            let ran = Ran::from(program(command).arg("--store").arg(folder).args(options).output().unwrap());
            let told = ran.refused(1);
            assert_eq!(told, format!("{}: there is no store; `load` and `import` make one\n", folder.display()));
            assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "{command}");
        }
    }
    for command in ["load", "import"] {
        let told = Ran::from(program(command).arg("--store").arg(&missing).arg("no such file").output().unwrap());
        assert!(told.refused(1).starts_with("no such file: "));
        assert!(!missing.exists());
    }
}

#[test]
fn help_names_every_command_and_shows_how_each_is_called() {
    let help = Ran::from(Command::new(BINARY).arg("--help").output().unwrap()).ok();
    for command in ["query", "load", "stats", "verify", "export", "import", "remove", "completions"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        let own = Ran::from(program(command).arg("--help").output().unwrap()).ok();
        assert!(own.contains(&format!("Usage: label-index {command} ")), "{own}");
    }
    assert!(help.contains("Exit codes: 0 "), "{help}");
    assert!(Ran::from(Command::new(BINARY).arg("--version").output().unwrap()).ok().starts_with("label-index "));
    assert!(Ran::from(Command::new(BINARY).arg("ask").output().unwrap()).refused(2).contains("ask"));
}

#[test]
fn completions_know_commands_and_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Ran::from(program("completions").arg(shell).output().unwrap()).ok();
        assert!(script.contains("verify") && script.contains("none-of"), "{shell}");
    }
    assert!(run(&["--none-off", "x"]).refused(2).contains("--none-of"), "a misspelled option is guessed");
}
