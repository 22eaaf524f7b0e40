//! Checkpoints at the same time as other operations.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use label_index::{LabelIndex, StoreOptions};

use super::power::disk::Disk;
use super::{Folder, Image, fill};

fn relabel(index: &LabelIndex, round: usize) {
    let (to, from) = if round.is_multiple_of(2) { ("2", "1") } else { ("1", "2") };
    let mut batch = index.batch();
    for chat in 0..200 {
        batch.link(to, format!("chat {chat}")).unwrap();
        batch.unlink(from, format!("chat {chat}")).unwrap();
    }
    drop(batch.commit().unwrap());
}

/// The length of the file after `rounds` rounds of relabelling the same chats.
fn len_after(rounds: usize, folder: &Folder, index: &LabelIndex, mut each: impl FnMut(usize)) -> u64 {
    index.upsert_label("1", "New").unwrap();
    index.upsert_label("2", "Won").unwrap();
    for round in 0..rounds {
        relabel(index, round);
        each(round);
    }
    fs::metadata(folder.file()).unwrap().len()
}

#[test]
fn endless_relabelling_keeps_the_file_bounded() {
    let folder = Folder::new();
    let store = StoreOptions::new().checkpoint_floor(u64::MAX).retain_changes(1_000).open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let checkpoint = |round: usize| {
        if round.is_multiple_of(10) {
            store.checkpoint().unwrap();
        }
    };
    let early = len_after(100, &folder, &index, checkpoint);
    let late = len_after(500, &folder, &index, checkpoint);
    assert_eq!(late, early);
    let image = Image::from(&index);
    drop((index, store));
    assert_eq!(Image::from(&folder.open().existing("shop").unwrap()), image);
}

#[test]
fn logs_are_trimmed_automatically() {
    const ROUNDS: usize = 600;
    let (trimmed, endless) = (Folder::new(), Folder::new());
    let [trimmed, endless] = [(trimmed, 32 << 10), (endless, u64::MAX)].map(|(folder, floor)| {
        let store = StoreOptions::new().checkpoint_floor(floor).open(folder.path()).unwrap();
        len_after(ROUNDS, &folder, &store.instance("shop").unwrap(), |_| {})
    });
    assert!(trimmed < endless / 2, "{trimmed} instead of {endless}");
}

#[test]
fn a_checkpoint_runs_beside_writes_and_reads() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    fill(&index);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..200 {
                index.link("1", format!("beside {n}")).unwrap();
                index.unlink("1", format!("beside {}", n / 2)).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                index.check_invariants().unwrap();
            }
        });
        let mut checkpoints = 0;
        while !done.load(Ordering::SeqCst) || checkpoints == 0 {
            store.checkpoint().unwrap();
            checkpoints += 1;
        }
    });
    let image = Image::from(&index);
    drop((index, store));
    assert_eq!(Image::from(&folder.open().existing("shop").unwrap()), image);
}

#[test]
fn every_checkpoint_can_be_opened() {
    let disk = Disk::default();
    let options = || StoreOptions::new().checkpoint_floor(u64::MAX);
    let mut store = options().open_on(disk.clone()).unwrap();
    let mut image = None;
    for round in 0..6 {
        let index = store.instance("shop").unwrap();
        if round == 0 {
            fill(&index);
        } else {
            assert_eq!(Some(Image::from(&index)), image, "round {round}");
        }
        index.link("1", format!("round {round}")).unwrap();
        drop(index.unlink_all("1", [format!("round {}", round / 2)]).unwrap());
        drop(index.create_label(&*format!("label {round}")).unwrap());
        index.remove_label(format!("{}", 10 + round / 2)).ok();
        store.checkpoint().unwrap();
        drop(index.merge_chats(format!("alias {round}"), "ana").unwrap());
        image = Some(Image::from(&index));
        drop((index, store));
        store = options().open_on(disk.clone()).unwrap();
    }
}

#[test]
fn an_instance_can_be_removed_during_its_checkpoint() {
    let folder = Folder::new();
    let store = StoreOptions::new().checkpoint_floor(1 << 10).open(folder.path()).unwrap();
    for round in 0..20 {
        let index = store.instance("shop").unwrap();
        if round % 10 == 0 {
            fill(&index);
        }
        index.link("1", format!("round {round}")).unwrap();
        drop(index);
        match round % 10 {
            9 => store.remove_instance("shop").unwrap(),
            _ => assert!(store.unload("shop").unwrap()),
        }
    }
    let index = store.instance("shop").unwrap();
    fill(&index);
    let image = Image::from(&index);
    drop((index, store));
    assert_eq!(Image::from(&folder.open().existing("shop").unwrap()), image);
}
