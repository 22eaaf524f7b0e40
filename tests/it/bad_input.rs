//! Texts that are refused, and with which error.

use std::fmt::Debug;
use std::str::FromStr;

use label_index::{ChatId, Cursor, Error, LabelId, LabelName, Page, Reason};

/// Asserts that every conversion refuses a text with this error.
fn refused<'a, T>(text: &'a str, error: &Error)
where
    T: FromStr<Err = Error> + TryFrom<&'a str, Error = Error> + TryFrom<String, Error = Error> + Debug,
{
    assert_eq!(text.parse::<T>().as_ref().unwrap_err(), error, "{text:?}");
    assert_eq!(T::try_from(text).as_ref().unwrap_err(), error, "{text:?}");
    assert_eq!(T::try_from(text.to_owned()).as_ref().unwrap_err(), error, "{text:?}");
}

#[test]
fn invalid_label_ids_are_refused() {
    use Reason::{Comma, ControlCharacter, Empty, SurroundingSpace, TooLong};
    let too_long = "x".repeat(65);
    let too_long_digits = "1".repeat(65);
    for (text, reason) in [
        ("", Empty),
        (" ", SurroundingSpace),
        (" 1", SurroundingSpace),
        ("1 ", SurroundingSpace),
        ("\u{a0}1", SurroundingSpace),
        ("1\u{3000}", SurroundingSpace),
        ("1\u{2028}", SurroundingSpace),
        ("1\n", ControlCharacter),
        ("\t1", ControlCharacter),
        ("a\0b", ControlCharacter),
        ("a\u{7f}", ControlCharacter),
        ("a\u{9f}b", ControlCharacter),
        ("\u{85}", ControlCharacter),
        ("1,2", Comma),
        (",", Comma),
        ("VIP,", Comma),
        (&too_long, TooLong { max: 64, given: 65 }),
        (&too_long_digits, TooLong { max: 64, given: 65 }),
        (&"é".repeat(33), TooLong { max: 64, given: 66 }),
    ] {
        let error = Error::InvalidLabelId { value: text.to_owned(), reason };
        assert_eq!(LabelId::try_from(&text.to_owned()).as_ref().unwrap_err(), &error);
        refused::<LabelId>(text, &error);
    }
}

#[test]
fn invalid_chat_ids_are_refused() {
    use Reason::{ControlCharacter, Empty, EmptyUser, SecondAt, SurroundingSpace, TooLong};
    let too_long = "x".repeat(256);
    for (text, reason) in [
        ("", Empty),
        (" ", SurroundingSpace),
        (" 5511999999999@c.us", SurroundingSpace),
        ("5511999999999@c.us ", SurroundingSpace),
        ("\u{3000}a", SurroundingSpace),
        ("a\u{2029}", SurroundingSpace),
        ("5511999999999@c.us\n", ControlCharacter),
        ("a\0", ControlCharacter),
        ("a\u{80}b", ControlCharacter),
        ("\u{7f}", ControlCharacter),
        ("@c.us", EmptyUser),
        ("@C.US", EmptyUser),
        ("@s.whatsapp.net", EmptyUser),
        ("@hosted", EmptyUser),
        ("@lid", EmptyUser),
        ("@hosted.lid", EmptyUser),
        ("@g.us", EmptyUser),
        ("@newsletter", EmptyUser),
        ("@broadcast", EmptyUser),
        ("@bot", EmptyUser),
        ("@msgr", EmptyUser),
        ("@interop", EmptyUser),
        ("@call", EmptyUser),
        ("1@2@c.us", SecondAt),
        ("@1@lid", SecondAt),
        ("1@@c.us", SecondAt),
        ("@@g.us", SecondAt),
        ("1@c.us@c.us", SecondAt),
        ("ana@example.com@S.WhatsApp.Net", SecondAt),
        (&too_long, TooLong { max: 255, given: 256 }),
        (&"1".repeat(256), TooLong { max: 255, given: 256 }),
        (&format!("{}@s.whatsapp.net", "1".repeat(241)), TooLong { max: 255, given: 256 }),
    ] {
        let error = Error::InvalidChatId { value: kept(text), reason };
        assert_eq!(ChatId::try_from(&text.to_owned()).as_ref().unwrap_err(), &error);
        refused::<ChatId>(text, &error);
    }
}

#[test]
fn invalid_phones_are_refused() {
    use Reason::{DigitCount, LeadingZero, UnexpectedCharacter};
    for (text, reason) in [
        ("", DigitCount(0)),
        ("+", DigitCount(0)),
        ("() -.", DigitCount(0)),
        ("123456", DigitCount(6)),
        ("+12 34-56", DigitCount(6)),
        ("1234567890123456", DigitCount(16)),
        (&"9".repeat(40), DigitCount(40)),
        ("0123456789", LeadingZero),
        ("+0123456789", LeadingZero),
        ("(0) 123456789", LeadingZero),
        ("000", LeadingZero),
        ("++5511999999999", UnexpectedCharacter('+')),
        ("55+11999999999", UnexpectedCharacter('+')),
        ("5511999999999+", UnexpectedCharacter('+')),
        ("5511999999999@c.us", UnexpectedCharacter('@')),
        ("5511999999999:2", UnexpectedCharacter(':')),
        ("1-800-FLOWERS", UnexpectedCharacter('F')),
        ("55/11/999999999", UnexpectedCharacter('/')),
        ("55\u{a0}11999999999", UnexpectedCharacter('\u{a0}')),
        ("55\t11999999999", UnexpectedCharacter('\t')),
        ("5511999999999\n", UnexpectedCharacter('\n')),
        ("55\u{2011}11999999999", UnexpectedCharacter('\u{2011}')),
        ("٥٥١١٩٩٩٩٩٩٩", UnexpectedCharacter('٥')),
        ("１２３４５６７８", UnexpectedCharacter('１')),
    ] {
        let error = Error::InvalidPhone { value: text.to_owned(), reason };
        assert_eq!(ChatId::from_phone(text), Err(error), "{text:?}");
    }
}

#[test]
fn invalid_label_names_are_refused() {
    use Reason::{ControlCharacter, Empty, EmptyKey, TooLong};
    for (text, reason) in [
        ("", Empty),
        (" ", Empty),
        ("\t\r\n\u{85}\u{a0}\u{3000}", Empty),
        ("\0", ControlCharacter),
        ("a\nb", ControlCharacter),
        ("a\tb", ControlCharacter),
        ("VIP\u{7}", ControlCharacter),
        ("a\u{85}b", ControlCharacter),
        ("a\u{9f}b", ControlCharacter),
        // White space that is not at an end of the text is not trimmed.
        ("\u{200e}\tVIP", ControlCharacter),
        ("\u{200e}", EmptyKey),
        ("\u{61c}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}", EmptyKey),
        ("\u{200e} \u{200e}", EmptyKey),
        (" \u{200e}\u{3000}", EmptyKey),
        (&"x".repeat(1_025), TooLong { max: 1_024, given: 1_025 }),
        (&format!(" {} ", "x".repeat(1_025)), TooLong { max: 1_024, given: 1_025 }),
        (&"é".repeat(513), TooLong { max: 1_024, given: 1_026 }),
        (&"\u{200e}".repeat(342), TooLong { max: 1_024, given: 1_026 }),
    ] {
        let error = Error::InvalidLabelName { value: kept(text), reason };
        assert_eq!(LabelName::try_from(&text.to_owned()).as_ref().unwrap_err(), &error);
        refused::<LabelName>(text, &error);
    }
}

/// The part of a long text that an error keeps: its first 128 bytes, and an ellipsis.
fn kept(text: &str) -> String {
    if text.len() <= 128 {
        return text.to_owned();
    }
    let end = (0..=128).rev().find(|&end| text.is_char_boundary(end)).unwrap();
    format!("{}…", &text[..end])
}

#[test]
fn a_long_text_is_cut_in_the_error() {
    let value_of = |text: &str| match text.parse::<LabelId>() {
        Err(Error::InvalidLabelId { value, .. }) => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(value_of(&"x".repeat(128)), "x".repeat(128));
    assert_eq!(value_of(&"x".repeat(129)), format!("{}…", "x".repeat(128)));
    assert_eq!(value_of(&"x".repeat(1_000_000)), format!("{}…", "x".repeat(128)));
    assert_eq!(value_of(&format!("x{}", "é".repeat(100))), format!("x{}…", "é".repeat(63)));
    assert_eq!(value_of(&"😀".repeat(100)), format!("{}…", "😀".repeat(32)));
}

#[test]
fn an_error_says_what_was_refused_and_why() {
    for (error, text) in [
        (LabelId::try_from("1,2").unwrap_err(), r#"invalid label id "1,2": contains a comma"#),
        (ChatId::try_from("1@2@c.us").unwrap_err(), r#"invalid chat id "1@2@c.us": a second @ before the server"#),
        (ChatId::from_phone("12").unwrap_err(), r#"invalid phone number "12": 2 digits, 7 to 15 required"#),
        (
            LabelName::try_from("\u{200e}").unwrap_err(),
            r#"invalid label name "\u{200e}": only characters that do not count in a name"#,
        ),
        (LabelName::try_from("a\nb").unwrap_err(), r#"invalid label name "a\nb": contains a control character"#),
        (Cursor::try_from("x").unwrap_err(), r#"damaged cursor "x""#),
    ] {
        assert_eq!(error.to_string(), text);
        assert!(std::error::Error::source(&error).is_none());
    }
}

/// Cursors of the identity 0 after the places 0, 1 and 2^32-1, and one of another identity.
const CURSORS: [&str; 4] = [
    "00000000000000000000000048218226",
    "000000010000000000000000cd73fe3d",
    "ffffffff000000000000000029436c2c",
    "000000070123456789abcdef014abe89",
];

#[test]
fn repeated_digits_are_no_cursor() {
    for digit in "0123456789abcdef".chars() {
        let text = digit.to_string().repeat(32);
        assert_eq!(text.parse::<Cursor>(), Err(Error::BadCursor { value: text }));
    }
}

#[test]
fn damaged_cursors_are_refused() {
    for text in CURSORS {
        let cursor: Cursor = text.parse().expect("a cursor that was handed out once is good for ever");
        assert_eq!(cursor.to_string(), text);
        let mut damaged = vec![
            String::new(),
            "0".to_owned(),
            format!("{text}0"),
            format!("0{text}"),
            format!(" {text}"),
            format!("{text}\n"),
            text[1..].to_owned(),
            text[..31].to_owned(),
            text.to_uppercase(),
            "é".repeat(16),
            format!("+{}", &text[1..]),
            "z".repeat(1_000),
        ];
        damaged.retain(|other| other != text);
        for position in 0..text.len() {
            for digit in "0123456789abcdefg".chars().filter(|&digit| !text[position..].starts_with(digit)) {
                damaged.push(format!("{}{digit}{}", &text[..position], &text[position + 1..]));
            }
            if position > 0 && text[position - 1..position] != text[position..=position] {
                let (head, tail) = (&text[..position - 1], &text[position + 1..]);
                damaged.push(format!("{head}{}{}{tail}", &text[position..=position], &text[position - 1..position]));
            }
        }
        for damaged in damaged {
            let error = Error::BadCursor { value: kept(&damaged) };
            refused::<Cursor>(&damaged, &error);
            assert_eq!(Page::after(10, damaged.as_str()).as_ref().unwrap_err(), &error);
        }
    }
}
