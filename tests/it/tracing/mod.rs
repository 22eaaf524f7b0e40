//! The calls that a subscriber of `tracing` gets: each span and each event with its fields, and no data of chats and
//! labels.

pub(crate) mod collector;
mod host;

use std::fs;
use std::time::Duration;

use label_index::{Delivery, Error, FullState, LabelIndex, Limits, Options, Store, StoreOptions};
use tracing::subscriber::set_global_default;

use crate::store::power::disk::{Disk, Trouble};
use crate::store::{Folder, fill};
use collector::{Collector, listen};

const LABEL: &str = "Pagamento pendente";
const PHONE: &str = "5511987654321";

/// Runs one test of this module again in another process, all threads of which have one subscriber. `None` in that
/// process.
fn in_a_process_of_its_own(test: &str) -> Option<()> {
    crate::store::in_a_process_of_its_own(&format!("tracing::{test}"))
}

/// The state of the network.
fn fetched() -> FullState {
    let mut state = FullState::new();
    state.label("7", LABEL).unwrap();
    state.link("7", format!("{PHONE}@c.us")).unwrap();
    state
}

#[test]
fn a_session_of_a_store_is_traced_span_by_span() {
    let (folder, collector) = (Folder::new(), Collector::default());
    let path = folder.path().display().to_string();
    listen(collector.clone(), || {
        let store = Store::open(folder.path()).unwrap();
        let opened = ["INFO begin open store=PATH", "enter open", "exit open", "close open"];
        assert_eq!(collector.take(), opened.map(|line| line.replace("PATH", &path)));

        let index = store.instance("shop").unwrap();
        let loaded = ["DEBUG begin load instance=\"shop\"", "enter load", "exit load", "close load"];
        assert_eq!(collector.take(), loaded);
        let _same = store.existing("shop").unwrap();
        let vip = index.create_label("VIP").unwrap();
        index.link(&vip, format!("{PHONE}@c.us")).unwrap();
        index.query(&label_index::Filter::new(), label_index::Page::first(10)).unwrap();
        assert_eq!(collector.take(), [""; 0], "reads and writes are not told");

        let ticket = index.begin_refresh().unwrap();
        let begun = [
            "DEBUG begin begin_refresh instance=\"shop\"",
            "enter begin_refresh",
            "exit begin_refresh",
            "close begin_refresh",
        ];
        assert_eq!(collector.take(), begun);
        assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress);
        assert_eq!(collector.take()[2], "begin_refresh error=\"refresh_in_progress\"");
        let refused = ticket.commit(FullState::new()).unwrap_err();
        let empty = [
            "INFO begin refresh instance=\"shop\"",
            "enter refresh",
            "refresh error=\"empty_refresh\"",
            "exit refresh",
            "close refresh",
        ];
        assert_eq!(collector.take(), empty);
        assert!(refused.ticket.commit(fetched()).unwrap().changed());
        let refreshed = [
            "INFO begin refresh instance=\"shop\"",
            "enter refresh",
            "INFO refreshed revision=3 linked=1 unlinked=0 labels_created=1 labels_updated=0 labels_removed=1 changed=true",
            "exit refresh",
            "close refresh",
        ];
        assert_eq!(collector.take(), refreshed);

        store.checkpoint().unwrap();
        let checkpointed = [
            "DEBUG begin checkpoint",
            "enter checkpoint",
            "DEBUG a checkpoint is in force instance=\"shop\"",
            "exit checkpoint",
            "close checkpoint",
        ];
        assert_eq!(collector.take(), checkpointed);

        drop((index, _same));
        assert!(store.unload("shop").unwrap());
        assert_eq!(collector.take(), ["DEBUG unloaded instance=\"shop\" reason=\"call\""]);
        store.export(std::io::sink()).unwrap();
        let exported = [&loaded[..], &["DEBUG unloaded instance=\"shop\" reason=\"export\""]].concat();
        assert_eq!(collector.take(), exported);
        drop(store.existing("shop").unwrap());
        assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), ["shop"]);
        assert_eq!(collector.take()[4..], ["DEBUG unloaded instance=\"shop\" reason=\"idle\""]);

        assert!(StoreOptions::new().open(folder.path()).is_err());
        let in_use =
            ["INFO begin open store=PATH", "enter open", "open error=\"store_in_use\"", "exit open", "close open"];
        assert_eq!(collector.take(), in_use.map(|line| line.replace("PATH", &path)));
    });
    assert_eq!(collector.open_spans(), [""; 0]);
}

#[test]
fn an_index_in_memory_has_no_name() {
    let collector = Collector::default();
    listen(collector.clone(), || {
        let index = LabelIndex::new();
        let done = index.begin_refresh().unwrap().commit(fetched()).unwrap();
        assert!(done.changed());
    });
    let told = collector.take();
    assert_eq!((&*told[0], &*told[4]), ("DEBUG begin begin_refresh", "INFO begin refresh"));
    assert_eq!(told.len(), 9, "{told:#?}");
}

#[test]
fn missed_commits_are_traced_once_for_a_subscriber() {
    let collector = Collector::default();
    let mut limits = Limits::default();
    limits.feed_changes = 2;
    let index = Options::new().limits(limits).build();
    let mut feeds = [index.subscribe(), index.subscribe(), index.subscribe()];
    for number in 0..9 {
        index.upsert_label(number, LABEL).unwrap();
    }
    listen(collector.clone(), || {
        let missed = Delivery::Missed { after: 0 };
        let told = "WARN a subscriber missed commits after=0";
        for _ in 0..3 {
            assert_eq!(feeds[0].try_recv(), Some(missed.clone()));
        }
        assert_eq!(collector.take(), [told]);
        assert_eq!(feeds[1].recv(), missed);
        assert_eq!(collector.take(), [told]);
        let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(feeds[2].poll_recv(context), std::task::Poll::Ready(missed));
        assert_eq!(collector.take(), [told]);
        feeds[0].resume_after(1);
        assert_eq!(feeds[0].try_recv(), Some(Delivery::Missed { after: 1 }));
        assert_eq!(collector.take(), ["WARN a subscriber missed commits after=1"]);
        feeds[0].resume_after(9);
        assert_eq!(feeds[0].try_recv(), None);
        assert_eq!(collector.take(), [""; 0]);
    });
}

/// A closed file of which the name of a label is damaged, on disk.
fn damaged() -> Folder {
    let folder = Folder::new();
    let store = folder.open();
    fill(&store.instance("shop").unwrap());
    store.instance("other").unwrap().upsert_label("1", LABEL).unwrap();
    drop(store);
    let mut bytes = fs::read(folder.file()).unwrap();
    let name = LABEL.as_bytes();
    let places: Vec<usize> = (0..bytes.len()).filter(|&place| bytes[place..].starts_with(name)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|place| bytes[place] ^= 1);
    fs::write(folder.file(), bytes).unwrap();
    folder
}

#[test]
fn damage_is_traced_with_its_instance_and_without_the_damaged_data() {
    let (folder, collector) = (damaged(), Collector::default());
    listen(collector.clone(), || {
        let store = folder.open();
        collector.take();
        assert!(matches!(store.existing("other"), Err(Error::Damaged { .. })));
        let told = [
            "DEBUG begin load instance=\"other\"",
            "enter load",
            "load error=\"damaged\"",
            "ERROR what was read is damaged instance=\"other\"",
            "exit load",
            "close load",
        ];
        assert_eq!(collector.take(), told);
        drop(store.existing("shop").unwrap());
        drop(store);
        collector.take();
        assert!(!Store::verify(folder.path()).unwrap().is_sound());
        let verified = ["ERROR what was read is damaged", "ERROR what was read is damaged instance=\"other\""];
        assert_eq!(collector.take(), verified);
    });
}

#[test]
fn a_failure_and_its_end_are_traced() {
    if in_a_process_of_its_own("a_failure_and_its_end_are_traced").is_some() {
        return;
    }
    let collector = Collector::default();
    set_global_default(collector.clone()).unwrap();
    let disk = Disk::default();
    let opened = disk.clone();
    let store = StoreOptions::new().open_by(move || Ok(opened.clone())).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", LABEL).unwrap();
    collector.take();
    disk.trouble_after(0, Trouble::Full);
    assert!(matches!(index.link("1", PHONE), Err(Error::StoreFailed { .. })));
    let told = collector.wait_for("takes no more");
    assert_eq!(told.len(), 1, "{told:#?}");
    let begins = "ERROR a write failed: the store takes no more store=\"backend\" cause=\"";
    assert!(told[0].starts_with(begins) && told[0].contains("no storage space"), "{told:#?}");
    assert!(matches!(index.link("1", PHONE), Err(Error::StoreFailed { .. })));
    assert!(store.resume().is_err());
    assert_eq!(collector.take(), [""; 0], "once");
    disk.heal();
    store.resume().unwrap();
    store.resume().unwrap();
    assert_eq!(collector.take(), ["INFO the store takes writes again store=\"backend\""]);
    disk.trouble_after(0, Trouble::Full);
    assert!(store.flush().is_ok());
    assert!(index.link("1", "another chat").is_err());
    collector.wait_for("takes no more");
}

#[test]
fn the_work_of_the_threads_of_a_store_is_traced() {
    if in_a_process_of_its_own("the_work_of_the_threads_of_a_store_is_traced").is_some() {
        return;
    }
    let collector = Collector::default();
    set_global_default(collector.clone()).unwrap();
    let folder = Folder::new();
    let options = StoreOptions::new().checkpoint_floor(0).checkpoint_percent(0).unload_after(Duration::from_millis(20));
    let store = options.open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", LABEL).unwrap();
    index.link("1", PHONE).unwrap();
    let mut told = collector.wait_for("a checkpoint is in force instance=\"shop\"");
    drop(index);
    told.extend(collector.wait_for("unloaded instance=\"shop\" reason=\"idle\""));
    store.existing("shop").unwrap();
    told.extend(collector.wait_for("close load"));
    store.close().unwrap();
    told.extend(collector.take());
    assert_eq!(collector.open_spans(), [""; 0]);
    let leaks = |line: &&String| line.contains(PHONE) || line.contains(LABEL);
    assert_eq!(told.iter().find(leaks), None);
}
