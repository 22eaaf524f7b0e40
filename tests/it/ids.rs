//! Parsing, writing and ordering ids.

use std::collections::{BTreeSet, HashSet};

use label_index::{ChatId, Error, LabelId};
use proptest::prelude::*;

use crate::plain_ids::{SERVERS, chat_refusal, label_order, label_refusal, normal_form, phone_digits};

fn label(text: &str) -> LabelId {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn chat(text: &str) -> ChatId {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn label_ids_are_never_rewritten() {
    let longest = "x".repeat(LabelId::MAX_LEN);
    for text in [
        "1",
        "0",
        "176",
        "2147483647",
        "2147483648",
        "00",
        "02",
        "+2",
        "-1",
        "1.0",
        "1e3",
        "label_123",
        "a b",
        "a@b",
        "é",
        "e\u{301}",
        "\u{200e}x",
        "\u{200b}",
        "VIP",
        "vip",
        "\"",
        "\\",
        "\u{661}",
        "99999999999999999999",
        &longest,
    ] {
        let id = label(text);
        assert_eq!(id.to_string(), text);
        assert_eq!(label(&id.to_string()), id);
        assert_eq!(format!("{id:?}"), format!("LabelId({text:?})"));
        assert_eq!([LabelId::try_from(text).unwrap(), LabelId::from(&id)], [id.clone(), id]);
    }
    assert_ne!(label("VIP"), label("vip"));
    assert_ne!(label("é"), label("e\u{301}"));
}

#[test]
fn label_ids_are_padded_as_texts() {
    for text in ["7", "a"] {
        let id = label(text);
        assert_eq!(format!("[{id:3}|{id:>3}|{id:03}|{id:+}|{id:.0}]"), format!("[{text}  |  {text}|{text}  |{text}|]"));
    }
}

#[test]
fn decimal_is_the_canonical_form_of_a_number_up_to_2_to_the_31_less_1() {
    for (text, number) in [
        ("0", Some(0)),
        ("2", Some(2)),
        ("10", Some(10)),
        ("2147483646", Some(2_147_483_646)),
        ("2147483647", Some(LabelId::MAX_DECIMAL)),
        ("2147483648", None),
        ("4294967295", None),
        ("4294967296", None),
        ("4294967298", None),
        ("18446744073709551618", None),
        ("00", None),
        ("02", None),
        ("+2", None),
        ("-0", None),
        ("2a", None),
        ("٢", None),
        ("２", None),
    ] {
        assert_eq!(label(text).decimal(), number, "{text}");
    }
}

#[test]
fn a_number_is_the_label_id_of_its_decimal_form() {
    for number in [0, 1, 2_147_483_646, 2_147_483_647, 2_147_483_648, u32::MAX] {
        assert_eq!(LabelId::from(number), label(&number.to_string()));
    }
}

#[test]
fn label_order_is_decimals_by_value_then_texts_by_bytes() {
    let sorted = [
        "0",
        "1",
        "2",
        "9",
        "10",
        "99",
        "100",
        "2147483647",
        "+2",
        "-1",
        "00",
        "02",
        "10a",
        "2147483648",
        "4294967296",
        "A",
        "Z",
        "a",
        "a b",
        "aa",
        "b",
        "é",
        "\u{ffff}",
        "😀",
    ];
    for (position, text) in sorted.iter().enumerate() {
        for (other_position, other) in sorted.iter().enumerate() {
            assert_eq!(label(text).cmp(&label(other)), position.cmp(&other_position), "{text} and {other}");
        }
    }
}

#[test]
fn servers_are_known_in_any_case_and_written_in_one() {
    for (server, normal) in SERVERS {
        let upper = server.to_uppercase();
        let mixed = format!("{}{}", server[..1].to_uppercase(), &server[1..]);
        for spelling in [server, &upper, &mixed] {
            for user in ["0", "5511999999999", "007", "server", "Ana"] {
                let id = chat(&format!("{user}@{spelling}"));
                assert_eq!(id.to_string(), format!("{user}@{normal}"));
                assert!(id.is_jid());
            }
        }
    }
}

#[test]
fn chats_of_several_spellings_are_one() {
    for (spellings, normal) in [
        (
            &[
                "5511999999999@c.us",
                "5511999999999@C.US",
                "5511999999999@s.whatsapp.net",
                "5511999999999@S.WhatsApp.Net",
                "5511999999999@hosted",
                "+5511999999999@c.us",
                "5511999999999:0@c.us",
                "5511999999999:12@s.whatsapp.net",
                "5511999999999.1@c.us",
                "5511999999999.1:23@s.whatsapp.net",
                "5511999999999_1@c.us",
                "5511999999999_1:2@hosted",
                "+5511999999999:99@HOSTED",
                "5511999999999:00000000000000000000000000@c.us",
            ][..],
            "5511999999999@c.us",
        ),
        (
            &[
                "120363398750933@lid",
                "120363398750933@LID",
                "120363398750933@hosted.lid",
                "+120363398750933@Hosted.Lid",
                "120363398750933:7@lid",
                "120363398750933.0@lid",
                "120363398750933.0:7@hosted.lid",
                "120363398750933_9@lid",
                "120363398750933_9:7@lid",
            ],
            "120363398750933@lid",
        ),
        (&["007@c.us", "+007@c.us", "007:1@hosted"], "007@c.us"),
        (&["0@c.us", "+0@c.us", "0:0@s.whatsapp.net"], "0@c.us"),
    ] {
        for spelling in spellings {
            assert_eq!(chat(spelling).to_string(), normal, "{spelling}");
            assert_eq!(chat(spelling), chat(normal), "{spelling}");
        }
    }
}

#[test]
fn any_other_user_part_is_kept() {
    for user in [
        "server",
        "status",
        "a:1",
        "5511999999999:",
        "5511999999999.",
        "5511999999999_",
        "5511999999999:a",
        ":1",
        "+",
        "++1",
        "-1",
        "1:2:3",
        "1.2.3",
        "1.2_3",
        "1_2.3",
        "1_2_3",
        "1:2.3",
        "1:2_3",
        "1.:2",
        "1_:2",
        "1 2",
        "1-2",
        "1:+2",
        "+1a",
        "١:2",
        "１:2",
        "1/2",
        "é",
    ] {
        for server in ["c.us", "lid"] {
            let text = format!("{user}@{server}");
            assert_eq!(chat(&text).to_string(), text);
        }
        assert_eq!(chat(&format!("{user}@S.WHATSAPP.NET")).to_string(), format!("{user}@c.us"));
        assert_eq!(chat(&format!("{user}@hosted.LID")).to_string(), format!("{user}@lid"));
    }
}

#[test]
fn other_servers_keep_the_user_part() {
    for text in [
        "120363398750933550@g.us",
        "5511996444573-1449097597@g.us",
        "120363398750933550:1@g.us",
        "120363398750933550.1:1@g.us",
        "120363398750933550_1@g.us",
        "+5511999999999@g.us",
        "120363025246125244@newsletter",
        "status@broadcast",
        "1234567890:2@broadcast",
        "13135550002@bot",
        "13135550002:1@bot",
        "7654321.1@msgr",
        "1-7654321@interop",
        "+3@interop",
        "ABCDEF0123456789@call",
    ] {
        assert_eq!(chat(text).to_string(), text);
        assert!(chat(text).is_jid(), "{text}");
        let (user, server) = text.rsplit_once('@').unwrap();
        assert_eq!(chat(&format!("{user}@{}", server.to_uppercase())), chat(text));
    }
}

#[test]
fn every_other_text_is_a_key_of_the_host_byte_for_byte() {
    let longest = "x".repeat(ChatId::MAX_LEN);
    for text in [
        "5511999999999",
        "+5511999999999",
        "0",
        "007",
        "18446744073709551615",
        "99999999999999999999999",
        "ana@example.com",
        "Ana@Example.COM",
        "@ana:matrix.org",
        "!room:Matrix.Org",
        "@",
        "@@",
        "a@b@c",
        "1@2@3",
        "1@",
        "@example.com",
        "1@c.us.",
        "1@.c.us",
        "1@c.us ß",
        "1@ c.us",
        "1@cus",
        "1@whatsapp.net",
        "1@xs.whatsapp.net",
        "1@hosted.lid.com",
        "1@\u{217c}id",
        "1@\u{212a}",
        "c.us",
        "g.us",
        "1:2",
        "row 17",
        "a,b",
        "Ação",
        "\"",
        "\\",
        "\u{200e}x",
        "e\u{301}",
        &longest,
    ] {
        let id = chat(text);
        assert_eq!(id.to_string(), text);
        assert!(!id.is_jid(), "{text}");
        assert_eq!(format!("{id:?}"), format!("ChatId({text:?})"));
    }
    assert_ne!(chat("Ana@Example.com"), chat("ana@example.com"));
    assert_ne!(chat("é"), chat("e\u{301}"));
}

#[test]
fn bare_digits_are_no_phone() {
    assert_ne!(chat("5511999999999"), chat("5511999999999@c.us"));
    assert_ne!(chat("5511999999999"), chat("+5511999999999"));
    assert_ne!(chat("5511999999999"), ChatId::from_phone("5511999999999").unwrap());
}

#[test]
fn numbers_about_the_bounds_of_the_compact_form_keep_every_digit() {
    let mut ids = HashSet::new();
    let mut sorted = BTreeSet::new();
    let mut count = 0;
    for digits in [
        "0",
        "00",
        "9",
        "09",
        "10",
        "999999999999999",
        "1152921504606846974",
        "1152921504606846975",
        "1152921504606846976",
        "1152921504606846977",
        "01152921504606846975",
        "2305843009213693951",
        "9223372036854775808",
        "9999999999999999999",
        "10000000000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "19599665578316398591",
    ] {
        for suffix in ["", "@c.us", "@lid", "@g.us", "@newsletter", "@broadcast", "@bot", "@msgr", "@interop", "@call"]
        {
            let text = format!("{digits}{suffix}");
            let id = chat(&text);
            assert_eq!(id.to_string(), text);
            assert_eq!(format!("{id:?}"), format!("ChatId({text:?})"));
            assert_eq!(id.is_jid(), !suffix.is_empty());
            count += 1;
            ids.insert(id.clone());
            sorted.insert(id);
        }
    }
    assert_eq!((ids.len(), sorted.len()), (count, count));
    let texts: Vec<String> = sorted.iter().map(ToString::to_string).collect();
    assert!(texts.is_sorted());
}

#[test]
fn chat_ids_are_small_and_padded_as_texts() {
    assert_eq!(size_of::<ChatId>(), 16);
    let id = chat("1@c.us");
    assert_eq!(format!("[{id:8}|{id:>8}|{id:.3}]"), "[1@c.us  |  1@c.us|1@c]");
}

#[test]
fn chats_are_named_by_phone() {
    for (phone, text) in [
        ("+55 11 99999-9999", "5511999999999@c.us"),
        ("55 11 99999-9999", "5511999999999@c.us"),
        ("+55 (11) 99999.9999", "5511999999999@c.us"),
        ("(+55) 11 999999999", "5511999999999@c.us"),
        (" +5511999999999 ", "5511999999999@c.us"),
        ("+1 (415) 555.0100", "14155550100@c.us"),
        ("1234567", "1234567@c.us"),
        ("+1-2-3-4-5-6-7", "1234567@c.us"),
        ("123456789012345", "123456789012345@c.us"),
        ("+999999999999999", "999999999999999@c.us"),
        // No national rule applies: a ninth digit is neither added nor removed.
        ("+55 11 9999-9999", "551199999999@c.us"),
    ] {
        let id = ChatId::from_phone(phone).unwrap();
        assert_eq!(id.to_string(), text, "{phone}");
        assert_eq!(id, chat(text), "{phone}");
    }
}

/// A label id that is likely to be similar to others.
fn label_text() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..40).prop_map(|number| number.to_string()),
        any::<u32>().prop_map(|number| number.to_string()),
        (2_147_483_640_u32..2_147_483_655).prop_map(|number| number.to_string()),
        "[+-]?0?[0-9a]{1,11}",
        "[ab0-9 ,é\n\u{85}]{0,4}",
        "[a,]{60,68}",
        r"\PC{0,20}",
    ]
}

/// A chat id of any kind, often in an unusual spelling.
fn chat_text() -> impl Strategy<Value = String> {
    let user = prop_oneof![
        r"\+?[0-9]{1,20}([._][0-9]{1,3})?(:[0-9]{1,3})?",
        r"\+?[0-9]{0,3}[:._]{0,2}[0-9]{0,2}[:._]?",
        "0?[0-9]{1,4}",
        (0_u64..20).prop_map(|offset| ((1 << 60) - 10 + offset).to_string()),
        "[0-9]{10,13}-[0-9]{10}",
        "[a-c@ \n]{0,3}",
        "[a-c@]{245,256}",
        r"\PC{0,8}",
    ];
    let server = prop_oneof![
        4 => (0..SERVERS.len(), any::<u32>()).prop_map(|(server, upper)| {
            let cased = SERVERS[server].0.char_indices().map(|(position, c)| {
                if upper >> position & 1 == 1 { c.to_ascii_uppercase() } else { c }
            });
            format!("@{}", String::from_iter(cased))
        }),
        1 => Just(String::new()),
        1 => "@[a-c.us]{0,5}",
    ];
    (user, server).prop_map(|(user, server)| user + &server)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_label_id_is_its_text_or_refused(text in label_text()) {
        match text.parse::<LabelId>() {
            Ok(id) => {
                prop_assert_eq!(label_refusal(&text), None);
                prop_assert_eq!(&id.to_string(), &text);
                prop_assert_eq!(id.to_string().parse::<LabelId>(), Ok(id.clone()));
                prop_assert!(id.decimal().is_none_or(|number| LabelId::from(number) == id));
            }
            Err(Error::InvalidLabelId { reason, .. }) => prop_assert_eq!(label_refusal(&text), Some(reason)),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn label_order_is_as_specified(left in label_text(), right in label_text()) {
        if let (Ok(left_id), Ok(right_id)) = (left.parse::<LabelId>(), right.parse::<LabelId>()) {
            let order = label_order(&left, &right);
            prop_assert_eq!(left_id.cmp(&right_id), order);
            prop_assert_eq!(left_id.partial_cmp(&right_id), Some(order));
            prop_assert_eq!(right_id.cmp(&left_id), order.reverse());
            prop_assert_eq!(left_id == right_id, left == right);
        }
    }

    #[test]
    fn label_order_is_total(mut texts in proptest::collection::vec(label_text(), 0..8)) {
        texts.retain(|text| text.parse::<LabelId>().is_ok());
        let mut ids: Vec<LabelId> = texts.iter().map(|text| label(text)).collect();
        ids.sort();
        texts.sort_by(|left, right| label_order(left, right));
        prop_assert_eq!(ids.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn a_chat_id_has_one_normal_form_or_is_refused(text in chat_text()) {
        match text.parse::<ChatId>() {
            Ok(id) => {
                prop_assert_eq!(chat_refusal(&text), None);
                let normal = id.to_string();
                prop_assert_eq!(&normal, &normal_form(&text));
                let again: ChatId = normal.parse().unwrap();
                prop_assert_eq!(&again, &id);
                prop_assert_eq!(again.to_string(), normal);
                prop_assert_eq!(again.is_jid(), id.is_jid());
            }
            Err(Error::InvalidChatId { reason, .. }) => prop_assert_eq!(chat_refusal(&text), Some(reason)),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn the_order_of_chat_ids_is_that_of_their_texts(left in chat_text(), right in chat_text()) {
        if let (Ok(left), Ok(right)) = (left.parse::<ChatId>(), right.parse::<ChatId>()) {
            let order = left.to_string().cmp(&right.to_string());
            prop_assert_eq!(left.cmp(&right), order);
            prop_assert_eq!(right.cmp(&left), order.reverse());
            prop_assert_eq!(left == right, order.is_eq());
            prop_assert_eq!(HashSet::from([left, right]).len(), if order.is_eq() { 1 } else { 2 });
        }
    }

    #[test]
    fn a_phone_is_its_digits(digits in "[1-9][0-9]{6,14}", separators in "[ ().-]{16}", plus in any::<bool>()) {
        let spaced: String = separators.chars().zip(digits.chars()).flat_map(<[char; 2]>::from).collect();
        let phone = format!("{}{spaced}", if plus { "+" } else { "" });
        prop_assert_eq!(ChatId::from_phone(&phone).unwrap().to_string(), format!("{digits}@c.us"));
    }

    #[test]
    fn a_text_is_a_phone_or_refused(phone in r"[ ]?[+]?[+0-9 ().x٣-]{0,24}|[+]?[0-9 -]{6,18}") {
        let expected = phone_digits(&phone).map(|digits| format!("{digits}@c.us"));
        prop_assert_eq!(ChatId::from_phone(&phone).ok().map(|id| id.to_string()), expected);
    }
}

/// A gateway's parameter means a JID or a phone number, and never a key of the host.
#[test]
fn a_recipient_is_a_jid_or_a_phone() {
    for (text, meant) in [
        ("5511999999999", "5511999999999@c.us"),
        ("+55 11 99999-9999", "5511999999999@c.us"),
        (" 5511999999999 ", "5511999999999@c.us"),
        ("5511999999999@s.whatsapp.net", "5511999999999@c.us"),
        ("+5511999999999:12@C.US", "5511999999999@c.us"),
        ("123@c.us", "123@c.us"),
        ("98765@hosted.lid", "98765@lid"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        ("5511996444573-1449097597@g.us", "5511996444573-1449097597@g.us"),
        ("status@broadcast", "status@broadcast"),
    ] {
        let recipient = ChatId::recipient(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(recipient.to_string(), meant, "{text:?}");
    }
    for refused in ["", " ", "ana", "ana@example.com", "123", "0119999999", "row 7", "5511999999999@", "+"] {
        let error = ChatId::recipient(refused).unwrap_err();
        assert!(matches!(&error, Error::InvalidPhone { value, .. } if value == refused), "{refused:?}: {error:?}");
    }
    for refused in ["@c.us", "a@b@lid", " 5511999999999@c.us", "1\n@g.us"] {
        let error = ChatId::recipient(refused).unwrap_err();
        assert!(matches!(&error, Error::InvalidChatId { value, .. } if value == refused), "{refused:?}: {error:?}");
    }
}

#[test]
fn a_phone_is_a_number_at_the_server_of_people() {
    for phone in ["5511999999999@c.us", "0012@c.us", "0@s.whatsapp.net", "99999999999999999999999@c.us"] {
        assert!(chat(phone).is_phone(), "{phone}");
    }
    for other in ["5511999999999", "server@c.us", "5511@lid", "5511@g.us", "551 1@c.us", "5511@example.com", "+5511"] {
        assert!(!chat(other).is_phone(), "{other}");
    }
}

#[cfg(feature = "serde")]
mod json {
    use super::*;

    #[test]
    fn ids_are_texts() {
        for text in ["1", "label \"x\"", "é"] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(serde_json::to_string(&label(text)).unwrap(), json);
            assert_eq!(serde_json::from_str::<LabelId>(&json).unwrap(), label(text));
            assert_eq!(serde_json::to_string(&chat(text)).unwrap(), json);
            assert_eq!(serde_json::from_str::<ChatId>(&json).unwrap(), chat(text));
        }
        assert_eq!(serde_json::from_str::<ChatId>(r#""1:2@S.WhatsApp.net""#).unwrap(), chat("1@c.us"));
        for refused in [r#""""#, r#"" 1""#, r#""a\u0000""#, "1.5", "-1", "null", "[]"] {
            assert!(serde_json::from_str::<LabelId>(refused).is_err(), "{refused}");
            assert!(serde_json::from_str::<ChatId>(refused).is_err(), "{refused}");
        }
        assert!(serde_json::from_str::<ChatId>("1").is_err(), "a phone, or the row of a table?");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ids_survive_json(label in label_text(), chat in chat_text()) {
            if let Ok(label) = label.parse::<LabelId>() {
                prop_assert_eq!(serde_json::from_str::<LabelId>(&serde_json::to_string(&label).unwrap()).unwrap(), label);
            }
            if let Ok(chat) = chat.parse::<ChatId>() {
                prop_assert_eq!(serde_json::from_str::<ChatId>(&serde_json::to_string(&chat).unwrap()).unwrap(), chat);
            }
        }
    }
}
