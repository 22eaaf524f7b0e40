//! CSV that could be misread is refused, with an error that names what was found.

use super::{SMALL, fed, file, gzip, program, run};
use crate::example;

/// UTF-16 with a byte order mark, little-endian and big-endian.
fn utf_16(text: &str) -> [Vec<u8>; 2] {
    let units: Vec<u16> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).collect();
    [
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
    ]
}

#[test]
fn malformed_quotes_are_refused_with_their_line() {
    const GOES_ON: &str = "a quoted field goes on behind its closing quote; a quote inside is written twice";
    const INSIDE: &str = "a quote in a field that does not begin with one; such a field is quoted as a whole";
    let cases = [
        (r#"ana,"say \"hi\"""#, GOES_ON),
        (r#"ana,"VIP"x"#, GOES_ON),
        (r#"ana,"VIP" "#, GOES_ON),
        (r#""ana"x,VIP"#, GOES_ON),
        (r#"ana, "VIP""#, INSIDE),
        (r#"ana,VIP "gold""#, INSIDE),
        (r#"a"na,VIP"#, INSIDE),
        (r#"ana,"VIP"""#, "a quote is not closed on its line"),
        (r#"ana,""""#, "a quote is not closed on its line"),
        (r#"ana,VIP,"x"#, "a quote is not closed on its line"),
    ];
    for (row, reason) in cases {
        let csv = format!("chat,label\nbob,VIP\n{row}\n");
        assert_eq!(fed(&["-"], csv.as_bytes()).refused(1), format!("<stdin>:3: {reason}\n"), "{row}");
    }
}

#[test]
fn quotes_that_are_right_are_read_as_the_csv_crate_reads_them() {
    let rows = [r#""ana","VIP""#, r#"ana,"""""#, r#"ana,"a ""b"" c""#, r#""a,na",",""#, r#"ana,"""a""""#, "ana,'b'"];
    for row in rows {
        let csv = format!("chat,label\n{row}\n");
        let read = csv::Reader::from_reader(csv.as_bytes()).into_records().next().unwrap().unwrap();
        let answer = fed(&["-", "--json"], csv.as_bytes()).json();
        assert_eq!(answer["chats"][0]["chat_id"], read[0], "{row}");
        assert_eq!(answer["chats"][0]["labels"][0]["name"], read[1], "{row}");
    }
}

#[test]
fn a_file_of_another_kind_is_named() {
    let [little, big] = utf_16(SMALL);
    let cases: [(&[u8], &str); 10] = [
        (&little, "looks like UTF-16, expected UTF-8"),
        (&big, "looks like UTF-16, expected UTF-8"),
        (&little[2..], "looks like UTF-16, expected UTF-8"),
        (&big[2..], "looks like UTF-16, expected UTF-8"),
        (b"chat;label\nana;VIP\n", "columns are separated by ;, see --delimiter"),
        (b"chat\tlabel\r\nana\tVIP\r\n", "columns are separated by tab, see --delimiter"),
        (b"\"chat\"|\"label\"\n", "columns are separated by |, see --delimiter"),
        (b"chat,label\rana,VIP\rbob,VIP\r", "lines end in CR alone, expected LF or CRLF"),
        (b"PK\x03\x04\x14\0\x06\0", "looks like a ZIP archive or a spreadsheet, expected CSV"),
        (b"phone,tag\n", "expected the header chat,label"),
    ];
    for (csv, reason) in cases {
        assert_eq!(fed(&["-"], csv).refused(1), format!("<stdin>:1: {reason}\n"));
    }
    let long = format!("chat,label\r{}", "ana,VIP\r".repeat(200_000));
    let told = fed(&["-"], long.as_bytes()).refused(1);
    assert_eq!(told, "<stdin>:1: lines end in CR alone, expected LF or CRLF\n", "more than the longest line");
}

#[test]
fn other_delimiters_are_taken_when_they_are_named() {
    let expected = fed(&["-", "--json"], SMALL.as_bytes()).ok();
    for (delimiter, named) in [(";", &[";"][..]), ("\t", &["tab", "\t", "\\t"]), ("|", &["|"]), (" ", &[" "])] {
        // With another delimiter, the comma inside a field needs no quotes; a space as delimiter does.
        let csv = SMALL.replace(',', delimiter).replace(&format!("Late{delimiter} again"), "Late, again");
        for name in named {
            assert_eq!(fed(&["-", "--json", "--delimiter", name], csv.as_bytes()).ok(), expected, "{name}");
        }
    }
    let told = fed(&["-", "--delimiter", ";"], SMALL.as_bytes()).refused(1);
    assert_eq!(told, "<stdin>:1: columns are separated by ,, see --delimiter\n");
    let told = fed(&["-", "--delimiter", ";"], b"phone;tag\n").refused(1);
    assert_eq!(told, "<stdin>:1: expected the header chat;label\n");
    let path = file("delimiters.csv", SMALL.as_bytes());
    for delimiter in ["", ";;", "\"", "\n", "a", "é", "0"] {
        assert!(run(&[&path, "--delimiter", delimiter]).refused(2).contains("--delimiter"), "{delimiter:?}");
    }
    assert!(run(&["--delimiter", ";"]).refused(2).contains("FILE"));
}

#[test]
fn joined_files_have_a_header_each_and_lines_are_counted_on() {
    let expected = fed(&["-", "--json"], SMALL.as_bytes()).ok();
    let with_mark = format!("\u{feff}{SMALL}");
    let joined = [SMALL, &with_mark, SMALL].concat();
    let members = [gzip(SMALL.as_bytes()), gzip(with_mark.as_bytes()), gzip(SMALL.as_bytes())].concat();
    for csv in [joined.as_bytes(), &joined.replace('\n', "\r\n").into_bytes(), &members] {
        assert_eq!(fed(&["-", "--json"], csv).ok(), expected);
    }
    let told = fed(&["-"], format!("{joined}bob\n").as_bytes()).refused(1);
    assert!(told.starts_with("<stdin>:25: "), "{told}");
    // If it is written in another way, it is a row.
    let row = fed(&["-", "--json"], b"chat,label\n\"chat\",label\n").json();
    assert_eq!(row["chats"][0]["chat_id"], "chat");
}

#[test]
fn rows_in_any_order_give_the_same_chats() {
    use std::fmt::Write as _;

    let mut rows: Vec<(u32, u32)> = (0..3_000).flat_map(|chat| (0..chat % 7).map(move |label| (chat, label))).collect();
    let expected = rows.len();
    rows.extend_from_within(..);
    rows.sort_by_key(|&(chat, label)| (chat.wrapping_mul(2_654_435_761) ^ label.wrapping_mul(40_503)) % 65_537);
    let mut csv = String::from("chat,label\n");
    for (chat, label) in &rows {
        // Two spellings of each chat, and keys of the host that look similar.
        let server = if label % 2 == 0 { "s.whatsapp.net" } else { "C.US" };
        match chat % 4 {
            0 => writeln!(csv, "{chat}@{server},label {label}").unwrap(),
            1 => writeln!(csv, "chat-{chat:05},label {label}").unwrap(),
            2 => writeln!(csv, "{chat}-x{}@mail,label {label}", chat % 50).unwrap(),
            _ => writeln!(csv, "12345678901234567890{chat},label {label}").unwrap(),
        }
    }
    let in_memory = fed(&["-", "--json", "--limit", "10000"], csv.as_bytes()).json();
    assert_eq!(in_memory["total_rows"], expected);
    assert_eq!(in_memory["total_chats"], 3_000 - 3_000_usize.div_ceil(7));
    for batch in ["700", "1000000"] {
        let store = super::Folder::new();
        let loaded = example::fed(
            program("load").args(["-", "--json", "--limit", "10000", "--batch", batch, "--store"]).arg(store.path()),
            csv.as_bytes(),
        );
        assert_eq!(loaded.code, Some(0), "{}", loaded.stderr);
        let loaded: serde_json::Value = serde_json::from_str(&loaded.stdout).unwrap();
        assert_eq!(loaded["chats"], in_memory["chats"], "{batch}");
    }
}
