//! The process that works with damaged files.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use label_index::{Error, LabelIndex, Store, StoreOptions};

use super::damage::Damage;
use crate::choices::Choices;

/// How many files there are to be damaged.
pub(super) const FILES: u32 = 4;

/// The files that are damaged, and each as it was some time before.
pub(super) fn write_files(folder: &Path) {
    let small = || StoreOptions::new().checkpoint_floor(u64::MAX);
    let copy = |from: &Path, to: String| fs::copy(from.join("store.redb"), folder.join(to)).unwrap();
    for file in 0..FILES {
        let made = folder.join(format!("made {file}"));
        let store = small().quick_repair(file == 3).open(&made).unwrap();
        let chats = if file == 0 { 20 } else { 3_000 };
        let instances = if file == 2 { 150 } else { 3 };
        for n in 0..instances {
            let index = store.instance(&format!("account {n}")).unwrap();
            let chats = if n == 0 { chats } else { 10 };
            let mut batch = index.batch();
            for label in 1..=7 {
                batch.upsert_label(label, format!("label {label}")).unwrap();
                let of_label = (0..chats).filter(|chat| chat % label == 0);
                batch.link_all(label, of_label.map(|chat| format!("55{chat:09}@c.us"))).unwrap();
            }
            batch.commit().unwrap();
        }
        store.checkpoint().unwrap();
        copy(&made, format!("older {file}"));
        let index = store.existing("account 0").unwrap();
        for n in 0..40 {
            index.link(n % 7 + 1, format!("later {n}")).unwrap();
        }
        store.checkpoint().unwrap();
        for n in 0..40 {
            index.unlink(n % 7 + 1, format!("later {n}")).unwrap();
        }
        // Half of them as after a crash, the others closed.
        if file % 2 == 1 {
            copy(&made, format!("file {file}"));
        }
        drop((index, store));
        if file % 2 == 0 {
            copy(&made, format!("file {file}"));
        }
    }
}

/// One damaged file, which is opened, queried, verified, written and closed.
struct Round {
    folder: PathBuf,
    choices: Choices,
    bytes: Vec<u8>,
    older: Vec<u8>,
    log: Vec<String>,
}

/// Runs these rounds over the files in a folder, and prints the number of each before it begins.
pub(super) fn run(files: &Path, rounds: std::ops::Range<u64>) {
    for number in rounds {
        say(&format!("round {number}"));
        let mut choices = Choices(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            choices.below(2);
        }
        let file = choices.below(FILES);
        let read = |name: &str| fs::read(files.join(format!("{name} {file}"))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (bytes, older) = (read("file"), read("older"));
        let mut round = Round { folder: folder.path().into(), choices, bytes, older, log: Vec::new() };
        if catch_unwind(AssertUnwindSafe(|| round.run())).is_err() {
            say(&format!("panicked {number} {:?}", round.log));
        }
        say(&format!("done {number} {}", round.log.iter().any(|line| line.contains("Err"))));
    }
}

fn say(line: &str) {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}

impl Round {
    fn run(&mut self) {
        let at_rest = self.choices.below(2) == 0;
        if at_rest {
            self.damage(&mut self.bytes.clone());
        } else {
            fs::write(self.file(), &self.bytes).unwrap();
        }
        if self.choices.below(2) == 0 && at_rest {
            let report = Store::verify(&self.folder);
            self.note("verify", &report.map(|report| report.is_sound()));
        }
        // Often a cache so small that pages are read again.
        let cache = [32 << 20, 64 << 10, 0][usize::try_from(self.choices.below(3)).unwrap()];
        let options = StoreOptions::new().cache_bytes(cache).checkpoint_floor([1 << 20, 1 << 10][cache % 2]);
        let opened = options.quick_repair(self.choices.below(3) == 0).open(&self.folder);
        self.note("open", &opened);
        if let Ok(store) = opened {
            let before = self.choices.below(4);
            (0..before).for_each(|_| self.step(&store));
            if !at_rest {
                self.write_over();
            }
            (0..16).for_each(|_| self.step(&store));
            drop(store);
        }
        let report = Store::verify(&self.folder);
        self.note("verify", &report.map(|report| report.is_sound()));
        let again = Store::open(&self.folder);
        self.note("open", &again);
        if let Ok(store) = again {
            (0..4).for_each(|_| self.step(&store));
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("store.redb")
    }

    fn damages(&mut self, bytes: &[u8]) -> Vec<Damage> {
        Damage::random(&mut self.choices, bytes, &self.older)
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for damage in self.damages(bytes) {
            damage.apply(bytes);
        }
        fs::write(self.file(), bytes).unwrap();
    }

    /// Damages the file through a handle other than the store's.
    fn write_over(&mut self) {
        let bytes = fs::read(self.file()).unwrap();
        let mut file = OpenOptions::new().write(true).open(self.file()).unwrap();
        for damage in self.damages(&bytes) {
            match damage {
                Damage::Write { at, bytes } => {
                    file.seek(SeekFrom::Start(u64::try_from(at).unwrap())).unwrap();
                    file.write_all(&bytes).unwrap();
                }
                Damage::Truncate(len) => file.set_len(u64::try_from(len).unwrap()).unwrap(),
            }
        }
    }

    fn step(&mut self, store: &Store) {
        let names = store.instances();
        let name = match self.choices.below(4) {
            0 => "account 0".to_owned(),
            _ if names.is_empty() => "new".to_owned(),
            _ => names[usize::try_from(self.choices.below(u32::try_from(names.len()).unwrap())).unwrap()].clone(),
        };
        match self.choices.below(10) {
            0..3 => {
                let index = store.existing(&name);
                self.note("existing", &index);
                if let Ok(index) = index {
                    self.write(&index);
                }
            }
            3 => {
                let index = store.instance(&format!("new {}", self.choices.below(3)));
                self.note("instance", &index);
                if let Ok(index) = index {
                    self.write(&index);
                }
            }
            4 => {
                let checkpoint = store.checkpoint();
                self.note("checkpoint", &checkpoint);
            }
            5 => {
                let mut out = Vec::new();
                let exported = store.export(&mut out);
                self.note("export", &exported);
            }
            6 => {
                let unloaded = store.unload(&name);
                self.note("unload", &unloaded);
            }
            7 => {
                let removed = store.remove_instance(&name);
                self.note("remove", &removed);
            }
            8 => {
                let flushed = store.flush();
                self.note("flush", &flushed);
            }
            _ => names.iter().for_each(|name| drop(store.existing(name))),
        }
    }

    fn write(&mut self, index: &LabelIndex) {
        index.check_invariants().unwrap();
        let mut batch = index.batch();
        batch.upsert_label(1, "label 1").unwrap();
        let (first, many) =
            (self.choices.below(1_000), [1, 10, 2_000][usize::try_from(self.choices.below(3)).unwrap()]);
        batch.link_all(1, (first..first + many).map(|n| format!("written {n}"))).unwrap();
        let written = batch.commit();
        self.note("write", &written);
    }

    /// Prints the result of a call, which has to be an answer or an error with a reason.
    fn note<T>(&mut self, call: &str, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.log.push(format!("{call}: Ok")),
            Err(error) => {
                assert!(
                    matches!(
                        error,
                        Error::Damaged { .. }
                            | Error::UnknownFormat { .. }
                            | Error::StoreFailed { .. }
                            | Error::UnknownInstance { .. }
                            | Error::Io { .. }
                    ),
                    "{call}: {error:?}"
                );
                self.log.push(format!("{call}: Err({error})"));
            }
        }
    }
}
