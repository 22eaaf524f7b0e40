//! When two label names are the same, and what a name keeps of its text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use label_index::{Error, LabelIndex, LabelName};
use proptest::prelude::*;

use crate::plain_names;

fn name(text: &str) -> LabelName {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Whether two texts are the same name: as values and in an index.
fn same(left: &str, right: &str) -> bool {
    thread_local! {
        /// One label, which is renamed again and again.
        static INDEX: LabelIndex = LabelIndex::new();
    }
    let (left, right) = (name(left), name(right));
    let same = left.is_same_as(&right);
    assert_eq!(right.is_same_as(&left), same, "{left:?} and {right:?}");
    INDEX.with(|index| {
        let _: bool = index.upsert_label("1", left.clone()).unwrap().changed();
        assert_eq!(index.ids_named(left.as_str()).len(), 1, "{left:?} does not find itself");
        assert_eq!(!index.ids_named(right.as_str()).is_empty(), same, "{left:?} and {right:?}");
    });
    same
}

/// A text in the middle of a name, where the rules for the ends of a name do not apply.
fn wrapped(text: &str) -> String {
    format!("a{text}b")
}

/// A file of Unicode's database, from the folder that `LABEL_INDEX_UNICODE_DATA` names or from where Debian's package
/// `unicode-data` puts it. Without it a test is skipped, but never where `CI` is set.
fn unicode_data(file: &str) -> Option<String> {
    let folder =
        std::env::var_os("LABEL_INDEX_UNICODE_DATA").map_or_else(|| "/usr/share/unicode".into(), PathBuf::from);
    let text = read_text(&folder.join(file));
    if text.is_none() {
        let absent = format!("no {file} in {}: install unicode-data and bzip2", folder.display());
        assert!(std::env::var_os("CI").is_none(), "{absent}");
        eprintln!("skipped, {absent}");
    }
    text
}

/// The text of a file that is there, as it is or compressed by bzip2.
fn read_text(path: &Path) -> Option<String> {
    if path.exists() {
        return Some(std::fs::read_to_string(path).expect("a readable file"));
    }
    let compressed = path.with_added_extension("bz2");
    if !compressed.exists() {
        return None;
    }
    let output = Command::new("bzip2").arg("--decompress").arg("--stdout").arg(compressed).output().ok()?;
    assert!(output.status.success(), "bzip2: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The fields of each line that has data, without the comment behind them.
fn lines(data: &str) -> impl Iterator<Item = Vec<&str>> {
    data.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && !line.starts_with('@'))
        .map(|line| line.split(';').map(str::trim).collect())
}

/// The text of code points in hexadecimal with spaces between them.
fn text_of(code_points: &str) -> String {
    code_points.split(' ').map(|hex| char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap()).collect()
}

#[test]
fn a_name_is_found_by_its_case_folding() {
    let Some(data) = unicode_data("CaseFolding.txt") else { return };
    let mut checked = 0;
    for fields in lines(&data).filter(|fields| matches!(fields[1], "C" | "F")) {
        let (text, folding) = (wrapped(&text_of(fields[0])), wrapped(&text_of(fields[2])));
        assert!(same(&text, &folding), "{text:?} and {folding:?}");
        checked += 1;
    }
    assert!(checked >= 1_530, "only {checked} lines of type C and F; Unicode 15.0 has 1,530");
}

#[test]
fn a_name_is_found_by_its_canonical_equivalents() {
    let Some(data) = unicode_data("NormalizationTest.txt") else { return };
    let mut checked = 0;
    for fields in lines(&data) {
        let forms: Vec<String> = fields[..3].iter().map(|form| wrapped(&text_of(form))).collect();
        for form in &forms {
            for other in &forms {
                assert!(same(form, other), "{form:?} and {other:?}");
            }
        }
        checked += 1;
    }
    assert!(checked >= 19_074, "only {checked} lines; Unicode 15.0 has 19,074");
}

#[test]
fn names_that_are_only_compatible_differ() {
    let (Some(foldings), Some(data)) = (unicode_data("CaseFolding.txt"), unicode_data("NormalizationTest.txt")) else {
        return;
    };
    let folded: BTreeSet<String> = lines(&foldings).map(|fields| text_of(fields[0])).collect();
    let mut checked = 0;
    for fields in lines(&data) {
        let (text, canonical, compatible) = (text_of(fields[0]), text_of(fields[2]), text_of(fields[4]));
        if canonical != compatible && !text.chars().any(|c| folded.contains(c.encode_utf8(&mut [0; 4]))) {
            assert!(!same(&wrapped(&text), &wrapped(&compatible)), "{text:?} and {compatible:?}");
            checked += 1;
        }
    }
    assert!(checked > 3_500, "only {checked} lines");
}

#[test]
fn turkish_rules_do_not_apply() {
    let Some(data) = unicode_data("CaseFolding.txt") else { return };
    let mut checked = 0;
    for fields in lines(&data).filter(|fields| fields[1] == "T") {
        let (text, folding) = (wrapped(&text_of(fields[0])), wrapped(&text_of(fields[2])));
        assert!(!same(&text, &folding), "{text:?} and {folding:?}");
        checked += 1;
    }
    assert_eq!(checked, 2);
}

#[test]
fn every_scalar_value_but_controls_can_stand_in_a_name() {
    for c in '\0'..=char::MAX {
        let text = wrapped(c.encode_utf8(&mut [0; 4]));
        let lenient = LabelName::lenient(&text).unwrap();
        if c.is_control() {
            assert!(text.parse::<LabelName>().is_err(), "{c:?}");
            assert_eq!(lenient.as_str(), "a b", "{c:?}");
        } else {
            let name = name(&text);
            assert_eq!((name.as_str(), lenient.as_str()), (text.as_str(), text.as_str()), "{c:?}");
            assert!(name.is_same_as(&lenient), "{c:?}");
        }
    }
}

#[test]
fn names_with_equal_keys_are_the_same() {
    for (left, right) in [
        ("VIP", "vip"),
        ("Maße", "MASSE"),
        ("Maße", "MAẞE"),
        ("Straße", "strasse"),
        ("é", "e\u{301}"),
        ("Atenção", "ATENÇÃO"),
        ("Atenção", "Atenc\u{327}a\u{303}o"),
        ("\u{212a}", "k"),
        ("\u{212b}ngström", "a\u{30a}NGSTRO\u{308}M"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("ﬁn", "FIN"),
        ("\u{130}stanbul", "i\u{307}STANBUL"),
        ("ᾳ", "ΑΙ"),
        ("\u{3b1}\u{345}\u{301}", "\u{3ac}\u{345}"),
        ("각", "\u{1100}\u{1161}\u{11a8}"),
        ("ПРИВЕТ", "привет"),
        ("Ꭰ", "ꭰ"),
        ("q\u{323}\u{307}", "Q\u{307}\u{323}"),
        ("\u{1e69}", "s\u{323}\u{307}"),
        ("  VIP\t", "vip"),
        ("\u{3000}VIP\u{a0}", "vip"),
        ("\u{85}VIP\u{2028}", "vip"),
    ] {
        assert!(same(left, right), "{left:?} and {right:?}");
    }
}

#[test]
fn names_with_different_keys_differ() {
    for (left, right) in [
        ("é", "e"),
        ("Atenção", "Atencao"),
        ("Atenção", "Ateno"),
        ("I", "ı"),
        ("i", "ı"),
        ("i", "\u{130}"),
        ("I", "\u{130}"),
        ("Maße", "Mase"),
        ("❤\u{fe0f}", "❤"),
        ("👍", "👍🏽"),
        ("👩\u{200d}💻", "👩💻"),
        ("a b", "a  b"),
        ("a b", "a\u{a0}b"),
        ("ab", "a\u{200b}b"),
        ("ab", "a\u{ad}b"),
        ("\u{feff}VIP", "VIP"),
        ("②", "2"),
        ("Ａ", "A"),
        ("٢", "2"),
        ("ä", "ae"),
        ("Å", "Ä"),
        ("VIP", "V.I.P"),
    ] {
        assert!(!same(left, right), "{left:?} and {right:?}");
    }
}

#[test]
fn bidi_controls_count_for_nothing() {
    let controls: Vec<char> = ['\u{61c}', '\u{200e}', '\u{200f}']
        .into_iter()
        .chain('\u{202a}'..='\u{202e}')
        .chain('\u{2066}'..='\u{2069}')
        .collect();
    assert_eq!(controls.len(), 12);
    for control in &controls {
        for text in [format!("{control}VIP"), format!("V{control}IP"), format!("VIP{control}")] {
            assert!(same(&text, "vip"), "{text:?}");
            assert_eq!(name(&text).as_str(), text);
        }
        // The key drops them and then trims white space; the display name keeps both.
        let inside = format!("{control} VIP {control}");
        assert!(same(&inside, "vip"), "{inside:?}");
        assert_eq!(name(&inside).as_str(), inside);
    }
    for other in ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{2065}', '\u{206a}', '\u{2029}', '\u{202f}'] {
        let text = wrapped(other.encode_utf8(&mut [0; 4]));
        assert!(!same(&text, "ab"), "{text:?}");
    }
}

#[test]
fn bidi_controls_are_those_of_the_database() {
    let Some(data) = unicode_data("PropList.txt") else { return };
    let mut controls = BTreeSet::new();
    for fields in lines(&data).filter(|fields| fields[1] == "Bidi_Control") {
        let (first, last) = fields[0].split_once("..").unwrap_or((fields[0], fields[0]));
        controls.extend(text_of(first).chars().next().unwrap()..=text_of(last).chars().next().unwrap());
    }
    assert_eq!(controls.len(), 12);
    for c in '\u{80}'..=char::MAX {
        if !c.is_control() {
            assert_eq!(same(&wrapped(c.encode_utf8(&mut [0; 4])), "ab"), controls.contains(&c), "{c:?}");
        }
    }
}

#[test]
fn the_display_name_is_kept_trimmed_and_otherwise_as_given() {
    for (text, kept) in [
        ("VIP", "VIP"),
        ("\t VIP \r\n", "VIP"),
        ("\u{3000}VIP\u{2003}", "VIP"),
        ("a  b", "a  b"),
        ("e\u{301}", "e\u{301}"),
        ("\u{e9}", "\u{e9}"),
        ("\u{200e}Unread", "\u{200e}Unread"),
        ("❤\u{fe0f}", "❤\u{fe0f}"),
        ("\u{200b}", "\u{200b}"),
        ("a,b", "a,b"),
        ("\"quoted\"", "\"quoted\""),
    ] {
        let name = name(text);
        assert_eq!(name.as_str(), kept);
        assert_eq!(name.to_string(), kept);
        assert_eq!(name.as_ref(), kept);
        assert_eq!(format!("{name:?}"), format!("LabelName({kept:?})"));
    }
    assert_eq!(name("x").to_string().len(), 1);
    assert_eq!(name(&format!(" {} ", "x".repeat(1_024))).as_str().len(), 1_024);
    assert_eq!(format!("[{:>5}]", name("VIP")), "[  VIP]");
}

#[test]
fn equality_is_that_of_the_display_names() {
    assert_ne!(name("VIP"), name("vip"));
    assert_ne!(name("é"), name("e\u{301}"));
    assert_eq!(name(" VIP"), name("VIP"));
    assert!(name("A") < name("a"));
}

#[test]
fn the_lenient_constructor_refuses_only_texts_without_a_name() {
    let long = "x".repeat(1_024);
    for (text, kept) in [
        ("VIP", Some("VIP")),
        ("  VIP  ", Some("VIP")),
        ("VIP\ncustomers\t", Some("VIP customers")),
        ("\0\u{7f}\u{80}VIP\u{9f}\u{85}", Some("VIP")),
        ("a\u{1}\u{2}b", Some("a  b")),
        ("\u{200e}\tVIP", Some("\u{200e} VIP")),
        ("VIP\u{200e}\n", Some("VIP\u{200e}")),
        ("", None),
        ("   ", None),
        ("\n\0\u{9f}", None),
        ("\u{200e}", None),
        ("\u{200e} \u{7} \u{2069}", None),
        (&long, Some(&long)),
        (&format!("{long}y"), Some(&long)),
        (&format!("\n \n{long}y"), Some(&long)),
        // A character that would go past the end is left out whole.
        (&format!("{}é", &long[1..]), Some(&long[1..])),
        (&format!("{}😀", &long[3..]), Some(&long[3..])),
        (&format!("{}😀!", &long[4..]), Some(&format!("{}😀", &long[4..]))),
        // A space before the cut is removed too.
        (&format!("{} yy", &long[1..]), Some(&long[1..])),
        // Control characters of two bytes become spaces of one before the cut.
        (&format!("{}b", "a\u{80}".repeat(511)), Some(&format!("{}b", "a ".repeat(511)))),
        // A text whose kept part has nothing that counts is no name, whatever follows.
        (&format!("{}VIP", "\u{200e}".repeat(342)), None),
    ] {
        assert_eq!(LabelName::lenient(text).as_ref().map(LabelName::as_str), kept, "{text:?}");
    }
}

/// Characters with special rules, and any others.
fn text() -> impl Strategy<Value = String> {
    let special = "aAbBkK éÉßẞİıſςΣﬁΐᾳ\u{212a}\u{301}\u{307}\u{323}\u{345}\u{fe0f}\u{200e}\u{2066}\t\n\u{85}\u{9f}\u{a0}\u{3000}각";
    let c = prop_oneof![3 => proptest::sample::select(special.chars().collect::<Vec<_>>()), 1 => any::<char>()];
    proptest::collection::vec(c, 0..12).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_a_name_that_parses_again_as_itself_or_refused(text in text()) {
        match text.parse::<LabelName>() {
            Ok(name) => {
                prop_assert_eq!(plain_names::refusal(&text), None);
                prop_assert_eq!(name.as_str(), text.trim());
                prop_assert_eq!(name.to_string().parse::<LabelName>(), Ok(name));
            }
            Err(error) => {
                let reason = plain_names::refusal(&text).unwrap();
                prop_assert_eq!(error, Error::InvalidLabelName { value: text, reason });
            }
        }
    }

    #[test]
    fn ascii_case_and_white_space_around_do_not_matter(text in text()) {
        if let Ok(name) = text.parse::<LabelName>() {
            for other in [text.to_ascii_uppercase(), text.to_ascii_lowercase(), format!("\t{text}\u{3000}")] {
                prop_assert!(name.is_same_as(&other.parse().unwrap()), "{:?}", other);
            }
        }
    }

    #[test]
    fn being_the_same_is_an_equivalence(a in text(), b in text(), c in text()) {
        if let (Ok(a), Ok(b), Ok(c)) = (a.parse::<LabelName>(), b.parse::<LabelName>(), c.parse::<LabelName>()) {
            prop_assert!(a.is_same_as(&a));
            prop_assert_eq!(a.is_same_as(&b), b.is_same_as(&a));
            prop_assert!(!(a.is_same_as(&b) && b.is_same_as(&c)) || a.is_same_as(&c));
        }
    }

    #[test]
    fn the_lenient_constructor_does_its_steps(text in text(), times in prop_oneof![Just(1_usize), 50_usize..400]) {
        let text = text.repeat(times);
        let name = LabelName::lenient(&text);
        prop_assert_eq!(name.as_ref().map(LabelName::to_string), plain_names::lenient(&text));
        if let Some(name) = name {
            prop_assert!(name.as_str().len() <= LabelName::MAX_LEN);
            prop_assert_eq!(name.as_str().parse::<LabelName>(), Ok(name.clone()));
            prop_assert_eq!(LabelName::lenient(name.as_str()), Some(name));
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_name_is_its_text_in_json() {
    let json = r#""Atenção, \"VIP\"""#;
    let name: LabelName = serde_json::from_str(json).unwrap();
    assert_eq!(name.as_str(), "Atenção, \"VIP\"");
    assert_eq!(serde_json::to_string(&name).unwrap(), json);
    assert!(serde_json::from_str::<LabelName>(r#""a\u0007b""#).is_err());
    assert!(serde_json::from_str::<LabelName>("7").is_err());
}
