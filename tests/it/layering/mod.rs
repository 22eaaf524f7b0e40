//! Imports inside `src/` run one way: upward in the table of rooms in CONTRIBUTING.md, and never in a circle.

mod graph;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use graph::{circles, complaints};
use source::Source;

/// The rooms in the order of the table, which is the first one after the heading `## Layers`.
fn rooms(contributing: &str) -> Vec<String> {
    let section = contributing.split_once("\n## Layers\n").unwrap().1;
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| {
            let name = row.split('`').nth(1).unwrap_or_else(|| panic!("no room in the row {row}"));
            name.strip_suffix('/').unwrap_or_else(|| panic!("{name} is no folder")).to_owned()
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the library that are not for tests. `src/lib.rs` belongs to no room, and binaries use the public
/// interface.
fn library() -> Vec<Source> {
    let mut sources = Vec::new();
    read(&root().join("src"), "", &mut sources);
    sources
}

fn read(folder: &Path, prefix: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        let is_outside =
            matches!(name.as_str(), "lib.rs" | "bin") || name.ends_with("tests") || name.ends_with("tests.rs");
        if is_outside {
            continue;
        }
        if path.is_dir() {
            read(&path, &format!("{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.push(Source::parse(&name, &fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn imports_run_upward_and_in_no_circle() {
    let rooms = rooms(&fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap());
    let library = library();
    assert!(rooms.len() == 8 && library.len() > 100);
    let mut complaints = complaints(&rooms, &library);
    complaints.extend(circles(&library));
    assert!(complaints.is_empty(), "see the layers in CONTRIBUTING.md:\n{}", complaints.join("\n"));
}

#[test]
fn contributing_names_files_that_exist() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        ["src/", "tests/", "docs/", "benches/", "fuzz/", "examples/", "server/"].iter().any(|top| text.starts_with(top))
    };
    let paths: Vec<&str> = quoted.filter(is_path).filter(|path| !path.contains(' ')).collect();
    assert!(paths.len() > 30);
    for path in paths {
        assert!(root().join(path).exists(), "{path} is not there");
    }
}

/// So a state depends on its operations alone.
#[test]
fn the_rooms_above_the_index_know_no_lock_input_clock_or_randomness() {
    let foreign = "Atomic AtomicBool AtomicU32 AtomicU64 AtomicUsize Cell Condvar Instant LazyLock Mutex OnceLock \
        RandomState RefCell RwLock SystemTime atomic env fs net parking_lot process thread";
    let foreign: BTreeSet<&str> = foreign.split(' ').collect();
    let mut seen = 0;
    for source in library().iter().filter(|source| matches!(source.room(), "collections" | "state" | "query" | "codec"))
    {
        for word in &source.words {
            assert!(!foreign.contains(word.as_str()), "src/{} names {word}", source.file);
        }
        seen += source.words.len();
    }
    assert!(seen > 10_000);
}

/// Only the backend names its database, so another database is another folder.
#[test]
fn the_database_is_named_in_the_backend_alone() {
    let (mut inside, prefix) = (0, "store/backend/");
    for source in library() {
        let named = source.words.iter().filter(|word| *word == "redb").count();
        assert!(named == 0 || source.file.starts_with(prefix), "src/{} names redb", source.file);
        inside += named;
    }
    assert!(inside > 5);
}

/// Likewise, another shared database is another folder.
#[test]
fn the_client_of_postgresql_is_named_in_its_folder_alone() {
    let (mut inside, prefix) = (0, "store/postgres/");
    for source in library() {
        let named = source.words.iter().filter(|word| word.starts_with("tokio_postgres")).count();
        assert!(named == 0 || source.file.starts_with(prefix), "src/{} names tokio_postgres", source.file);
        inside += named;
    }
    assert!(inside > 5);
}

/// Small crates of three rooms: `model`, `state` and `index`.
fn complaints_about(files: &[(&str, &str)]) -> Vec<String> {
    let rooms = ["model", "state", "index"].map(str::to_owned);
    let mut sources: Vec<Source> = files.iter().map(|(file, source)| Source::parse(file, source)).collect();
    for file in ["model/mod.rs", "model/error.rs", "state/mod.rs", "state/labels.rs", "index/mod.rs"] {
        if !files.iter().any(|(given, _)| *given == file) {
            sources.push(Source::parse(file, ""));
        }
    }
    let mut complaints = complaints(&rooms, &sources);
    complaints.extend(circles(&sources));
    complaints
}

#[test]
fn imports_upward_are_accepted() {
    for (file, source) in [
        ("state/mod.rs", "use std::fmt; use crate::model::error::{Error, Result}; use crate::state::labels::Slot;"),
        ("state/labels.rs", "pub(in crate::index) fn f() {}"),
        ("state/labels.rs", "// use crate::index::A;\n/// [`A`](crate::index::A)\nstruct S;"),
        ("state/labels.rs", r##"const A: &str = "say \"crate::index::A\""; const B: &str = r#"" crate::index::A"#;"##),
        ("state/labels.rs", "#[cfg(test)]\n#[expect(dead_code)]\nmod tests { mod inner { use crate::index::A; } }"),
        ("state/labels.rs", "#[cfg(test)] use crate::index::A;"),
        (
            "index/mod.rs",
            "fn f<'a>(x: &'a str) -> crate::state::State { crate::model::error::f::<crate::state::Id>() }",
        ),
        ("index/mod.rs", "fn f() { assert!(matches!(x, crate::state::State)); }"),
    ] {
        assert_eq!(complaints_about(&[(file, source)]), [""; 0], "{file}: {source}");
    }
}

#[test]
fn an_import_downward_is_named() {
    for source in [
        "use crate::index::Index;",
        "use crate :: { model::error::Error , index };",
        "use crate::{model::error as e, index as i};",
        "use crate::index::*;",
        "fn f() -> u8 { 1 + crate::index::f::<u8>() }",
        "fn f(x: &[crate::index::A]) {}",
        "#[serde(with = \"crate::index::f\")] struct S;",
        "#[cfg(test)] mod tests { } use crate::index::A;",
        "#[cfg(feature = \"x\")] mod inner { use crate::index::A; }",
        "macro_rules! m { () => { $crate::index::f() } }",
        "fn f() { println!(\"{}\", crate::index::A); }",
    ] {
        let complaints = complaints_about(&[("state/labels.rs", source)]);
        let [complaint] = &complaints[..] else { panic!("{source}: {complaints:?}") };
        assert!(complaint.starts_with("src/state/labels.rs imports crate::index"), "{source}: {complaint}");
        assert!(complaint.ends_with("but index/ stands below state/ in the table"), "{source}: {complaint}");
    }
}

#[test]
fn a_file_outside_of_the_rooms_is_named() {
    let complaints = complaints_about(&[("util/mod.rs", "")]);
    assert_eq!(complaints, ["src/util/mod.rs is in no room of the table"]);
    let complaints = complaints_about(&[("state/labels.rs", "use crate::Index;")]);
    assert_eq!(complaints, ["src/state/labels.rs imports crate::Index, which is in no room of the table"]);
    for source in ["use super::error::Error;", "use self::inner::A;", "fn f() { super::g(); }"] {
        let complaints = complaints_about(&[("state/labels.rs", source)]);
        assert!(complaints[0].starts_with("src/state/labels.rs names a path from "), "{source}: {complaints:?}");
    }
}

#[test]
fn a_circle_is_named() {
    let circle = [
        ("state/labels.rs", "use crate::state::chats::Chats;"),
        ("state/chats.rs", "use crate::state::sets::Sets; use crate::model::error::Error;"),
        ("state/sets.rs", "use crate::state::labels::Slot;"),
        ("state/names.rs", "use crate::state::labels::Slot;"),
    ];
    let expected = "a circle of imports: src/state/chats.rs, src/state/labels.rs, src/state/sets.rs";
    assert_eq!(complaints_about(&circle), [expected]);
    let parent = [("state/mod.rs", "use crate::state::labels::Slot;"), ("state/labels.rs", "use crate::state::State;")];
    assert_eq!(complaints_about(&parent), ["a circle of imports: src/state/labels.rs, src/state/mod.rs"]);
}
