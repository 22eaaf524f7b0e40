//! Which file imports which.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// The faults in where files are and in the direction of their imports, as sentences.
pub(super) fn complaints(rooms: &[String], sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    let place_of = |room: &str| rooms.iter().position(|known| known == room);
    for source in sources {
        let file = &source.file;
        let Some(own) = place_of(source.room()) else {
            complaints.push(format!("src/{file} is in no room of the table"));
            continue;
        };
        for path in &source.relative {
            complaints.push(format!("src/{file} names a path from {path}; write it from crate"));
        }
        for path in &source.paths {
            let text = format!("crate::{}", path.join("::"));
            match path.first().and_then(|room| place_of(room)) {
                None => complaints.push(format!("src/{file} imports {text}, which is in no room of the table")),
                Some(of) if of > own => complaints.push(format!(
                    "src/{file} imports {text}, but {}/ stands below {}/ in the table",
                    rooms[of], rooms[own]
                )),
                Some(_) => {}
            }
        }
    }
    complaints
}

/// The circles of imports, as sentences. A file belongs to one if it can be reached from itself.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let files: BTreeMap<Vec<String>, &str> =
        sources.iter().map(|source| (source.module(), source.file.as_str())).collect();
    let file_of = |path: &[String]| (1..=path.len()).rev().find_map(|len| files.get(&path[..len]).copied());
    let imports: BTreeMap<&str, BTreeSet<&str>> = sources
        .iter()
        .map(|source| {
            let imported = source.paths.iter().filter_map(|path| file_of(path)).filter(|&file| file != source.file);
            (source.file.as_str(), imported.collect())
        })
        .collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|&file| (file, reached_from(file, &imports))).collect();
    let circle_of = |file: &str| -> BTreeSet<&str> {
        reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
    };
    let circles: BTreeSet<BTreeSet<&str>> = imports.keys().map(|file| circle_of(file)).collect();
    circles
        .into_iter()
        .filter(|circle| !circle.is_empty())
        .map(|circle| {
            let files: Vec<String> = circle.into_iter().map(|file| format!("src/{file}")).collect();
            format!("a circle of imports: {}", files.join(", "))
        })
        .collect()
}

fn reached_from<'a>(file: &'a str, imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports[file].iter().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(&imports[file]);
        }
    }
    reached
}
