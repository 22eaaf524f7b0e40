//! The folder of a store: which files are made in it, who may read them, and what happens when it is moved.

#[cfg(unix)]
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::{env, fs};

use label_index::{Durability, Error, Store, StoreOptions};

use super::{Folder, Image, fill, in_another_process};

/// The names in a folder, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The working folder of the other process of [`an_empty_path_makes_no_file`].
const ELSEWHERE: &str = "LABEL_INDEX_TEST_EMPTY_PATH";

#[test]
fn an_empty_path_makes_no_file() {
    if env::var_os(ELSEWHERE).is_some() {
        assert_eq!(Store::open("").unwrap_err(), Error::StorePathRequired);
        assert_eq!(Store::open_existing("").unwrap_err(), Error::StorePathRequired);
        assert_eq!(Store::verify("").unwrap_err(), Error::StorePathRequired);
        println!("refused.");
        return;
    }
    let folder = Folder::new();
    let mut command = in_another_process("store::folder::an_empty_path_makes_no_file");
    let output = command.env(ELSEWHERE, "").current_dir(folder.path()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("refused."));
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn a_question_makes_no_file() {
    let folder = Folder::new();
    let unknown = Error::UnknownStore { path: folder.file() };
    assert_eq!(Store::open_existing(folder.path()).unwrap_err(), unknown);
    assert_eq!(Store::verify(folder.path()).unwrap_err(), unknown);
    assert_eq!(names_in(folder.path()), [""; 0]);
    let missing = folder.path().join("not made");
    assert!(matches!(Store::open_existing(&missing), Err(Error::UnknownStore { .. })));
    assert!(!missing.exists());
    drop(folder.open().instance("shop").unwrap());
    assert_eq!(Store::open_existing(folder.path()).unwrap().instances(), ["shop"]);
}

#[test]
fn a_refusal_makes_no_file() {
    let folder = Folder::new();
    fs::write(folder.file(), "somebody's notes").unwrap();
    for refused in [Store::open(folder.path()), Store::open_existing(folder.path())] {
        let Err(Error::Damaged { instance: None, what }) = refused else { panic!("{refused:?}") };
        assert!(what.contains(folder.file().to_str().unwrap()), "{what}");
    }
    assert!(matches!(Store::verify(folder.path()), Err(Error::Damaged { .. })));
    assert_eq!(names_in(folder.path()), ["store.redb"]);
    assert_eq!(fs::read(folder.file()).unwrap(), b"somebody's notes");
    // A lock file that was there before stays.
    fs::write(folder.path().join("lock"), "").unwrap();
    assert!(Store::open(folder.path()).is_err());
    assert_eq!(names_in(folder.path()), ["lock", "store.redb"]);
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_to_nothing_is_an_error_and_stays() {
    let (folder, volume) = (Folder::new(), Folder::new());
    let there = volume.path().join("volume").join("store.redb");
    let elsewhere = Folder::new();
    drop(elsewhere.open().instance("shop").unwrap());
    symlink(&there, folder.file()).unwrap();
    for refused in [
        Store::open(folder.path()).map(drop),
        Store::open_existing(folder.path()).map(drop),
        Store::verify(folder.path()).map(drop),
    ] {
        assert!(matches!(&refused, Err(Error::Io { path, .. }) if *path == folder.file()), "{refused:?}");
    }
    assert_eq!(names_in(folder.path()), ["store.redb"]);
    assert_eq!(fs::read_link(folder.file()).unwrap(), there);
    // As when the volume is mounted.
    fs::create_dir(there.parent().unwrap()).unwrap();
    fs::copy(elsewhere.file(), &there).unwrap();
    assert_eq!(folder.open().instances(), ["shop"]);
    assert_eq!(fs::read_link(folder.file()).unwrap(), there);
    // The same for a link in place of the whole folder.
    let link = elsewhere.path().join("link");
    symlink(volume.path().join("nothing"), &link).unwrap();
    assert!(matches!(Store::open(&link), Err(Error::Io { path, .. }) if path == link));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
#[cfg(unix)]
fn a_link_under_the_name_of_a_new_store_is_not_followed() {
    let (folder, other) = (Folder::new(), Folder::new());
    let notes = other.path().join("notes");
    fs::write(&notes, "somebody's notes").unwrap();
    symlink(&notes, folder.path().join("store.new")).unwrap();
    drop(folder.open());
    assert_eq!(fs::read(&notes).unwrap(), b"somebody's notes");
}

#[test]
#[cfg(unix)]
fn files_can_be_read_by_their_owner_alone() {
    let folder = Folder::new();
    let modes = || {
        let mode = |name: &String| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        names_in(folder.path()).iter().map(mode).collect::<Vec<_>>()
    };
    drop(folder.open());
    assert_eq!(names_in(folder.path()), ["lock", "store.redb"]);
    assert_eq!(modes(), [0o600, 0o600]);
    // Files of an earlier version.
    for name in names_in(folder.path()) {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o664)).unwrap();
    }
    drop(folder.open());
    assert_eq!(modes(), [0o600, 0o600]);
}

/// A store that was moved, removed or replaced fails; acknowledged writes are where it was moved to.
fn fails_once(gone: impl Fn(&Path, &Path), within: bool) {
    let (folder, other) = (Folder::new(), Folder::new());
    let (path, elsewhere) = (folder.path().join("app"), other.path().join("moved"));
    let mut options = StoreOptions::new();
    if within {
        options = options.durability(Durability::Within(std::time::Duration::from_secs(3_600)));
    }
    let store = options.open(&path).unwrap();
    let index = store.instance("shop").unwrap();
    fill(&index);
    store.flush().unwrap();
    let image = Image::from(&index);
    gone(&path, &elsewhere);
    let failure = if within {
        index.link("1", "after").unwrap();
        store.checkpoint().unwrap_err()
    } else {
        index.link("1", "after").unwrap_err()
    };
    let Error::StoreFailed { cause, .. } = &failure else { panic!("{failure:?}") };
    assert!(cause.contains("store.redb") && cause.contains("while the store was open"), "{cause}");
    assert_eq!(index.link("1", "again"), Err(failure.clone()));
    assert_eq!(store.checkpoint(), Err(failure));
    drop((index, store));
    if elsewhere.exists() {
        let store = Store::open(&elsewhere).unwrap();
        assert!(store.existing("shop").unwrap().revision() >= image.revision);
    }
}

#[test]
#[cfg(unix)]
fn a_store_that_is_moved_or_removed_while_open_fails() {
    for within in [false, true] {
        fails_once(|from, to| fs::rename(from, to).unwrap(), within);
        fails_once(|from, _| fs::remove_dir_all(from).unwrap(), within);
        fails_once(|from, _| fs::remove_file(from.join("store.redb")).unwrap(), within);
        let replace = |from: &Path, to: &Path| {
            fs::rename(from, to).unwrap();
            drop(Store::open(from).unwrap());
        };
        fails_once(replace, within);
    }
}

#[test]
#[cfg(unix)]
fn a_checkpoint_notices_that_the_store_is_gone_with_nothing_to_write() {
    let folder = Folder::new();
    let store = folder.open();
    drop(store.instance("shop").unwrap());
    store.checkpoint().unwrap();
    fs::remove_file(folder.file()).unwrap();
    assert!(matches!(store.checkpoint(), Err(Error::StoreFailed { .. })));
}

/// The working folder of the other process of [`a_relative_path_is_that_of_the_opening`].
const RELATIVE: &str = "LABEL_INDEX_TEST_RELATIVE_PATH";

#[test]
fn a_relative_path_is_that_of_the_opening() {
    if env::var_os(RELATIVE).is_some() {
        let store = Store::open("relative").unwrap();
        env::set_current_dir("..").unwrap();
        let index = store.instance("shop").unwrap();
        drop(index.create_label("VIP").unwrap());
        store.checkpoint().unwrap();
        println!("written.");
        return;
    }
    let folder = Folder::new();
    let mut command = in_another_process("store::folder::a_relative_path_is_that_of_the_opening");
    let output = command.env(RELATIVE, "").current_dir(folder.path()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("written."));
    let store = Store::open(folder.path().join("relative")).unwrap();
    assert_eq!(store.existing("shop").unwrap().labels().len(), 1);
}
