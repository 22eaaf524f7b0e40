//! The program `label-index`, run as a user runs it.

mod load;
mod query;
mod strict;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::example::{self, Ran};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_label-index");

const SAMPLE: &str = include_str!("../../../examples/data/crm_sample.csv");

const SMALL: &str = "chat,label\n\
    ana,VIP\n\
    bob,Support\n\
    ana,Support\n\
    eve,vip\n\
    dan,\"Late, again\"\n\
    eve,Support\n\
    ana,VIP\n";

/// One of the program's commands.
fn program(command: &str) -> Command {
    let mut program = Command::new(BINARY);
    program.arg(command);
    program
}

/// Runs the command `query`.
fn run(arguments: &[&str]) -> Ran {
    fed(arguments, b"")
}

/// Runs the command `query` with these bytes on standard input.
fn fed(arguments: &[&str], stdin: &[u8]) -> Ran {
    example::fed(program("query").args(arguments), stdin)
}

/// A file with this content. Tests that write the same file at the same time never see a part of it.
fn file(name: &str, content: &[u8]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut new = tempfile::NamedTempFile::new_in(folder).unwrap();
    new.write_all(content).unwrap();
    let path = folder.join(name);
    new.persist(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The chat ids of an answer.
fn chats(answer: &Value) -> Vec<&str> {
    answer["chats"].as_array().unwrap().iter().map(|listed| listed["chat_id"].as_str().unwrap()).collect()
}

/// The folder of a store for one test, which is removed when this is dropped.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs the command `query` over the store.
    fn run(&self, arguments: &[&str]) -> Ran {
        self.command("query", arguments)
    }

    /// Runs a command over the store.
    fn command(&self, command: &str, arguments: &[&str]) -> Ran {
        self.fed(command, arguments, b"")
    }

    /// Runs a command over the store with these bytes on standard input.
    fn fed(&self, command: &str, arguments: &[&str], stdin: &[u8]) -> Ran {
        example::fed(program(command).arg("--store").arg(self.path()).args(arguments), stdin)
    }
}

/// Rows of a made-up account, and each chat's labels.
fn large() -> (String, BTreeMap<String, BTreeSet<String>>) {
    let mut csv = String::from("chat,label\n");
    let mut account: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut state: u64 = 7;
    for _ in 0..40_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chat = format!("{}@g.us", (state >> 33) % 9_000);
        // A product of two numbers is not uniform, so labels differ in size.
        let label = format!("label {}", ((state >> 20) % 8) * ((state >> 24) % 8));
        writeln!(csv, "{chat},{label}").unwrap();
        account.entry(chat).or_default().insert(label);
    }
    (csv, account)
}
