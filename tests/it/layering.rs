//! Imports run upward in the table of layers, which stands in CONTRIBUTING.md and nowhere else.

use std::fs;
use std::path::Path;

/// What the crate's source is made of, as far as paths go.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// The text of a string literal without escapes.
    Text(String),
    Sign(char),
}

use Token::{Sign, Text, Word};

/// Splits Rust source; comments and white space are dropped.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            i += chars[i..].iter().take_while(|&&c| c != '\n').count();
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if is_word(c) {
            let len = chars[i..].iter().take_while(|&&c| is_word(c)).count();
            let word: String = chars[i..i + len].iter().collect();
            i += len;
            let hashes = chars[i.min(chars.len())..].iter().take_while(|&&c| c == '#').count();
            if matches!(word.as_str(), "r" | "br" | "cr") && at(i + hashes) == '"' {
                i += hashes + 1;
                let is_end = |i: usize| at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#');
                let len = (i..chars.len()).take_while(|&i| !is_end(i)).count();
                tokens.push(Text(chars[i..i + len].iter().collect()));
                i += len + 1 + hashes;
            } else if !(matches!(word.as_str(), "b" | "c") && at(i) == '"') {
                tokens.push(Word(word));
            }
        } else if c == '"' {
            let mut text = String::new();
            i += 1;
            while i < chars.len() && chars[i] != '"' {
                i += usize::from(chars[i] == '\\');
                text.push(at(i));
                i += 1;
            }
            tokens.push(Text(text));
            i += 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character; every other quote begins a lifetime.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            i += chars[i.min(chars.len())..].iter().take_while(|&&c| c != '\'').count() + 1;
        } else {
            if !c.is_whitespace() {
                tokens.push(Sign(c));
            }
            i += 1;
        }
    }
    tokens
}

fn is(tokens: &[Token], at: usize, sign: char) -> bool {
    tokens.get(at) == Some(&Sign(sign))
}

fn is_path_sign(tokens: &[Token], at: usize) -> bool {
    is(tokens, at, ':') && is(tokens, at + 1, ':')
}

/// The position behind the bracket that closes the one at `at`.
fn behind(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token {
            Sign('(' | '[' | '{') => depth += 1,
            Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// The position behind a `#[cfg(test)] mod name { .. }` that begins at `at`.
fn behind_test_module(tokens: &[Token], at: usize) -> Option<usize> {
    let words = |tokens: &[Token]| -> String {
        let word = |token: &Token| match token {
            Word(word) | Text(word) => word.clone(),
            Sign(sign) => sign.to_string(),
        };
        tokens.iter().map(word).collect()
    };
    let mut i = at;
    let mut for_tests = false;
    while is(tokens, i, '#') && is(tokens, i + 1, '[') {
        let end = behind(tokens, i + 1);
        for_tests |= words(&tokens[i..end]) == "#[cfg(test)]";
        i = end;
    }
    let is_module = tokens.get(i) == Some(&Word("mod".into())) && is(tokens, i + 2, '{');
    (for_tests && is_module).then(|| behind(tokens, i + 2))
}

/// Every path of this crate that the source of a module names, from the root: in imports, in the code, and as the whole
/// text of an attribute. What is only for tests is left out.
fn paths(source: &str, module: &[String]) -> Vec<Vec<String>> {
    let tokens = tokens(source);
    let mut paths = Vec::new();
    // The module that the code is in, and where each inner one ends.
    let (mut module, mut ends) = (module.to_vec(), Vec::new());
    let mut i = 0;
    while i < tokens.len() {
        if ends.last() == Some(&i) {
            ends.pop();
            module.pop();
        }
        if let Some(end) = behind_test_module(&tokens, i) {
            i = end;
            continue;
        }
        // `pub(in path)` imports nothing.
        let is_path = is_path_sign(&tokens, i + 1) && (i == 0 || tokens[i - 1] != Word("in".into()));
        match &tokens[i] {
            Word(word) if word == "mod" && is(&tokens, i + 2, '{') => {
                if let Word(name) = &tokens[i + 1] {
                    module.push(name.clone());
                    ends.push(behind(&tokens, i + 2));
                }
            }
            Word(word) if word == "crate" && is_path => i = tree(&tokens, i + 3, &[], &mut paths) - 1,
            Word(word) if word == "self" && is_path => i = tree(&tokens, i + 3, &module, &mut paths) - 1,
            Word(word) if word == "super" && is_path => {
                let mut parent = &module[..module.len().saturating_sub(1)];
                i += 3;
                while tokens.get(i) == Some(&Word("super".into())) && is_path_sign(&tokens, i + 1) {
                    parent = &parent[..parent.len().saturating_sub(1)];
                    i += 3;
                }
                i = tree(&tokens, i, parent, &mut paths) - 1;
            }
            Text(text) if text.starts_with("crate::") => {
                paths.push(text.split("::").skip(1).map(str::to_owned).collect());
            }
            _ => {}
        }
        i += 1;
    }
    paths
}

/// Reads what follows a `::`: a name and so on, a group, or a star. Gives the position behind it.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(Word(word)) => {
                at += 1;
                if word != "self" {
                    path.push(word.clone());
                }
                if is_path_sign(tokens, at) && matches!(tokens.get(at + 2), Some(Word(_) | Sign('{' | '*'))) {
                    at += 2;
                    continue;
                }
                paths.push(path);
                return at;
            }
            Some(Sign('{')) => {
                let end = behind(tokens, at);
                at += 1;
                while at + 1 < end {
                    at = tree(tokens, at, &path, paths);
                    // `as name`, and the comma.
                    while at + 1 < end && !is(tokens, at, ',') {
                        at += 1;
                    }
                    at += 1;
                }
                return end;
            }
            _ => {
                paths.push(path);
                return at + 1;
            }
        }
    }
}

/// One row of the table: a file, or a folder with all that is in it.
struct Layer {
    /// As the table has it.
    name: String,
    module: Vec<String>,
    is_folder: bool,
}

/// The module of a file, from the root: `state/mod.rs` is `state`.
fn module_of(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches('/').trim_end_matches(".rs");
    let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
    module.pop_if(|last| last == "mod");
    module
}

/// The first table behind the heading `## Layers`.
fn layers(contributing: &str) -> Vec<Layer> {
    let section = contributing.split_once("\n## Layers\n").unwrap().1;
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| {
            let name = row.split('`').nth(1).unwrap_or_else(|| panic!("no file in the row {row}")).to_owned();
            Layer { module: module_of(&name), is_folder: name.ends_with('/'), name }
        })
        .collect()
}

/// The layer that a path of this crate leads to.
fn layer_of(layers: &[Layer], path: &[String]) -> Option<usize> {
    let fits = layers.iter().enumerate().filter(|(_, layer)| path.starts_with(&layer.module));
    fits.max_by_key(|(_, layer)| layer.module.len()).map(|(nth, _)| nth)
}

/// What is wrong with these files, by path in `src/`, in words.
fn complaints(layers: &[Layer], files: &[(String, String)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for layer in layers {
        let is_it = |file: &str| file == layer.name || (layer.is_folder && file.starts_with(&layer.name));
        if !files.iter().any(|(file, _)| is_it(file)) {
            complaints.push(format!("the table has {}, which is not in src/", layer.name));
        }
    }
    for (file, source) in files.iter().filter(|(file, _)| file != "lib.rs" && !is_for_tests(file)) {
        let own = layer_of(layers, &module_of(file));
        let Some(own) = own.filter(|&own| layers[own].is_folder || layers[own].name == *file) else {
            complaints.push(format!("src/{file} is not in the table"));
            continue;
        };
        for path in paths(source, &module_of(file)) {
            let text = format!("crate::{}", path.join("::"));
            match layer_of(layers, &path) {
                None => complaints.push(format!("src/{file} imports {text}, which is no module of the table")),
                Some(of) if of > own => complaints.push(format!(
                    "src/{file} imports {text}, but {} stands below {} in the table",
                    layers[of].name, layers[own].name
                )),
                Some(_) => {}
            }
        }
    }
    complaints
}

fn is_for_tests(file: &str) -> bool {
    file.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// Every Rust file below a folder, by its path from there.
fn sources(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            files.extend(sources(&path, &format!("{name}/")));
        } else if name.ends_with(".rs") {
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

#[test]
fn imports_run_upward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layers = layers(&fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap());
    let files = sources(&root.join("src"), "");
    assert!(layers.len() == 8 && files.len() > 10 * layers.len());
    let complaints = complaints(&layers, &files);
    assert!(complaints.is_empty(), "see the layers in CONTRIBUTING.md:\n{}", complaints.join("\n"));
}

/// The words of the files that are not for tests and whose path begins so, each with its file.
fn words(prefix: &str) -> impl Iterator<Item = (String, String)> {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "").into_iter();
    let files = files.filter(move |(file, _)| file.starts_with(prefix) && !is_for_tests(file));
    files.flat_map(|(file, source)| {
        let words =
            tokens(&source).into_iter().filter_map(|token| if let Word(word) = token { Some(word) } else { None });
        words.map(|word| (file.clone(), word)).collect::<Vec<_>>()
    })
}

/// So what a state does is a function of what it was told.
#[test]
fn the_state_knows_no_lock_input_clock_or_randomness() {
    let foreign = "Atomic AtomicBool AtomicU32 AtomicU64 AtomicUsize Cell Condvar Instant LazyLock Mutex OnceLock \
        RandomState RefCell RwLock SystemTime atomic env fs io net parking_lot process thread time";
    let (mut seen, mut arcs) = (0, 0);
    for (file, word) in words("state/") {
        assert!(!foreign.split(' ').any(|foreign| foreign == word), "src/{file} names {word}");
        seen += 1;
        arcs += usize::from(word == "Arc");
    }
    assert!(seen > 5_000 && arcs > 10);
}

const TABLE: &str = "# Title\n\n## Layers\n\nText.\n\n| file | what |\n| --- | --- |\n| `error.rs` | a |\n| `id.rs` | b |\n\
    | `state/pages.rs` | c |\n| `state/mod.rs` | d |\n| `state/query/` | e |\n| `index.rs` | f |\n\nMore.\n\n| `no.rs` |\n";

/// The complaints about one file of a small crate.
fn complaints_about(file: &str, source: &str) -> Vec<String> {
    let layers = layers(TABLE);
    let mut files: Vec<(String, String)> = layers
        .iter()
        .map(|layer| (format!("{}{}", layer.name, if layer.is_folder { "mod.rs" } else { "" }), String::new()))
        .filter(|(name, _)| name != file)
        .collect();
    files.push((file.to_owned(), source.to_owned()));
    complaints(&layers, &files)
}

#[test]
fn what_runs_upward_is_let_through() {
    for (file, source) in [
        ("lib.rs", "pub use crate::index::Index;"),
        ("id.rs", "use std::fmt;\nuse crate::error::{Error, Result};"),
        ("id.rs", "pub(in crate::index) fn f() {}"),
        ("id.rs", "// use crate::index::A;\n/// [`A`](crate::index::A)\n/* /* crate::index::A */ crate::index::A */"),
        ("id.rs", r##"const A: &str = "say \"crate::index::A\""; const B: &str = r#"" crate::index::A"#;"##),
        ("id.rs", r#"const A: char = '"'; const B: &[u8] = b"; crate::index::A"; const C: char = '\'';"#),
        ("id.rs", "#[cfg(test)]\n#[expect(dead_code)]\nmod tests { mod inner { use crate::index::A; } }"),
        ("id.rs", "mod inner { use super::super::error::Error; use super::A; }"),
        ("id.rs", "use self::inner::A;"),
        ("state/mod.rs", "use self::pages::Pages; use super::error::Error;"),
        ("state/query/plan.rs", "use crate::state::{State, pages::Pages}; use super::run;"),
        ("state/query/tests.rs", "use crate::index::Index;"),
        ("index.rs", "fn f<'a>(x: &'a str) -> crate::state::State { crate::error::f::<crate::id::Id>() }"),
    ] {
        assert_eq!(complaints_about(file, source), [""; 0], "{file}: {source}");
    }
}

#[test]
fn what_runs_downward_is_named() {
    let below = |file: &str, path: &str, of: &str, own: &str| {
        vec![format!("src/{file} imports crate::{path}, but {of} stands below {own} in the table")]
    };
    let of_id = |path: &str, of: &str| below("id.rs", path, of, "id.rs");
    for (file, source, expected) in [
        ("id.rs", "use crate::index::Index;", of_id("index::Index", "index.rs")),
        ("id.rs", "use crate :: { error::Error , index };", of_id("index", "index.rs")),
        ("id.rs", "use crate::{error as e, state::{self as s, pages}};", {
            let mut both = of_id("state", "state/mod.rs");
            both.extend(of_id("state::pages", "state/pages.rs"));
            both
        }),
        ("id.rs", "use super::index::*;", of_id("index", "index.rs")),
        ("id.rs", "mod inner { use super::super::index; } use super::error;", of_id("index", "index.rs")),
        ("id.rs", "fn f() -> u8 { 1 + crate::index::f::<u8>() }", of_id("index::f", "index.rs")),
        ("id.rs", "#[serde(with = \"crate::index::f\")]", of_id("index::f", "index.rs")),
        ("id.rs", "const A: char = '\"'; use crate::index::A; const B: char = '\"';", of_id("index::A", "index.rs")),
        ("id.rs", "#[cfg(test)] mod tests { } use crate::index::A;", of_id("index::A", "index.rs")),
        ("id.rs", "#[cfg(feature = \"x\")] mod inner { use crate::index::A; }", of_id("index::A", "index.rs")),
        ("id.rs", "macro_rules! m { () => { $crate::index::f() } }", of_id("index::f", "index.rs")),
        (
            "state/pages.rs",
            "use crate::state::State;",
            below("state/pages.rs", "state::State", "state/mod.rs", "state/pages.rs"),
        ),
        (
            "state/mod.rs",
            "use self::query::run;",
            below("state/mod.rs", "state::query::run", "state/query/", "state/mod.rs"),
        ),
        (
            "state/query/mod.rs",
            "use crate::index::A;",
            below("state/query/mod.rs", "index::A", "index.rs", "state/query/"),
        ),
        ("id.rs", "use crate::Index;", vec!["src/id.rs imports crate::Index, which is no module of the table".into()]),
        ("new.rs", "", vec!["src/new.rs is not in the table".into()]),
        ("state/new.rs", "", vec!["src/state/new.rs is not in the table".into()]),
    ] {
        assert_eq!(complaints_about(file, source), expected, "{file}: {source}");
    }
    let without_id: Vec<(String, String)> = Vec::from([("error.rs".into(), String::new())]);
    assert_eq!(complaints(&layers(TABLE), &without_id)[0], "the table has id.rs, which is not in src/");
}
