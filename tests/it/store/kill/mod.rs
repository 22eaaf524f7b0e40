//! A process that writes to a store is killed at any moment, again and again, with one folder.
//!
//! The process reports by a pipe what its store acknowledged. Then each instance in the folder has to have no less than
//! that, no more than was begun, and exactly the contents of its revision.

mod writer;
mod writes;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use label_index::{LabelIndex, Store};

use super::{Folder, Image, in_another_process};
use crate::amounts::amount;
use crate::choices::Choices;
use writer::{BURST, FOLDER, INSTANCES, PASSING, QUICK, WITHIN, Word};

/// The number of processes that are killed, unless `LABEL_INDEX_KILL_ROUNDS` is set.
const ROUNDS: u64 = 50;

/// The expected state of an instance.
struct Known {
    /// The index in memory with the same writes up to the same revision.
    expected: LabelIndex,
    /// The last revision that a writer or a subscriber got, and the one up to which writes were begun.
    told: u64,
    begun: u64,
}

impl Known {
    fn new() -> Self {
        Self { expected: LabelIndex::new(), told: 0, begun: 0 }
    }

    /// Records a line of the process, which wrote in bursts of this length.
    fn note(&mut self, word: Word, burst: u64) {
        match word {
            Word::Returned(revision) => {
                self.told = self.told.max(revision);
                self.begun = revision + burst;
            }
            Word::Seen(revision) => self.told = self.told.max(revision),
        }
    }

    /// Compares with the found index, which is expected from then on.
    fn compare(&mut self, found: &LabelIndex) {
        let revision = found.revision();
        assert!(
            (self.told..=self.begun).contains(&revision),
            "told {}, begun {}, there are {revision}",
            self.told,
            self.begun
        );
        while self.expected.revision() < revision {
            writes::next(&self.expected);
        }
        assert_eq!(Image::from(found), Image::from(&self.expected));
        self.told = revision;
    }
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    if let Some(folder) = env::var_os(FOLDER) {
        return writer::write(Path::new(&folder));
    }
    let rounds = amount("LABEL_INDEX_KILL_ROUNDS", ROUNDS);
    let (folder, mut choices) = (Folder::new(), Choices(0x2545_f491));
    let mut known = INSTANCES.map(|_| Known::new());
    for _ in 0..rounds {
        let within = choices.below(2) == 1;
        run_and_kill(&folder, within, &mut choices, &mut known);
        if choices.below(2) == 1 {
            // A copy is opened, so that the next process finds the file as the killed one left it.
            let copy = Folder::new();
            fs::copy(folder.file(), copy.file()).unwrap();
            compare(&copy, &mut known);
        } else {
            compare(&folder, &mut known);
        }
    }
    let revisions = known.map(|known| known.told);
    assert!(revisions.iter().sum::<u64>() > 10 * rounds, "hardly anything was written: {revisions:?}");
}

/// Runs the process until it has reported a random number of lines, and a moment longer.
fn run_and_kill(folder: &Folder, within: bool, choices: &mut Choices, known: &mut [Known]) {
    let mut command = in_another_process("store::kill::what_was_acknowledged_survives_being_killed");
    command.env(FOLDER, folder.path()).stdout(Stdio::piped());
    if within {
        command.env(WITHIN, "");
    }
    if choices.below(4) == 0 {
        command.env(QUICK, "");
    }
    let burst = if within { BURST } else { 1 };
    known.iter_mut().for_each(|known| known.begun = known.told + burst);
    let mut process = command.spawn().unwrap();
    let mut words = Words(BufReader::new(process.stdout.take().unwrap()));
    // Sometimes before it has opened the store.
    let (count, moment) = match choices.below(8) {
        0 => (0, choices.below(30_000)),
        _ => (choices.below(200), choices.below(3_000)),
    };
    let mut take = |(instance, word): (usize, Word)| known[instance].note(word, burst);
    (&mut words).take(usize::try_from(count).unwrap()).for_each(&mut take);
    thread::sleep(Duration::from_micros(moment.into()));
    assert_eq!(process.try_wait().unwrap(), None, "the process ended by itself");
    process.kill().unwrap();
    words.for_each(&mut take);
    process.wait().unwrap();
}

fn compare(folder: &Folder, known: &mut [Known]) {
    if folder.file().exists() {
        let report = Store::verify(folder.path()).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
    let store = folder.open();
    for (name, known) in INSTANCES.iter().zip(known) {
        known.compare(&store.instance(name).unwrap());
    }
    if let Ok(passing) = store.existing(PASSING) {
        assert!(passing.revision() <= 1, "it was removed after one write");
        passing.check_invariants().unwrap();
    }
}

/// The reports of the process, line by line. It prints other lines too, and the last may be cut short.
struct Words(BufReader<ChildStdout>);

impl Iterator for Words {
    type Item = (usize, Word);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if !line.ends_with('\n') {
                return None;
            }
            let word = Word::parse(&line);
            if word.is_some() {
                return word;
            }
        }
    }
}
