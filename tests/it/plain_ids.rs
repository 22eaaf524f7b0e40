//! The rules of ids in their simplest form, for tests and fuzz targets.

use std::cmp::Ordering;

use label_index::{ChatId, LabelId, Reason};

/// Every server that makes a text a JID, and what it becomes.
pub(crate) const SERVERS: [(&str, &str); 12] = [
    ("c.us", "c.us"),
    ("s.whatsapp.net", "c.us"),
    ("hosted", "c.us"),
    ("lid", "lid"),
    ("hosted.lid", "lid"),
    ("g.us", "g.us"),
    ("newsletter", "newsletter"),
    ("broadcast", "broadcast"),
    ("bot", "bot"),
    ("msgr", "msgr"),
    ("interop", "interop"),
    ("call", "call"),
];

/// Label order.
pub(crate) fn label_order(left: &str, right: &str) -> Ordering {
    let decimal = |text: &str| text.parse::<i32>().ok().filter(|number| *number >= 0 && number.to_string() == text);
    match (decimal(left), decimal(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.as_bytes().cmp(right.as_bytes()),
    }
}

/// The normal form of a text that is a chat id.
pub(crate) fn normal_form(text: &str) -> String {
    let Some((user, server)) = text.rsplit_once('@') else { return text.to_owned() };
    let server = server.to_ascii_lowercase();
    let Some((_, server)) = SERVERS.iter().find(|(spelling, _)| *spelling == server) else { return text.to_owned() };
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let mut kept = user;
    if matches!(*server, "c.us" | "lid") {
        let unsigned = user.strip_prefix('+').unwrap_or(user);
        let (phone, device) = unsigned.split_once(':').unwrap_or((unsigned, "0"));
        let (phone, agent) = phone.split_once(['.', '_']).unwrap_or((phone, "0"));
        if digits(phone) && digits(device) && digits(agent) {
            kept = phone;
        }
    }
    format!("{kept}@{server}")
}

/// Why a text is no label id; `None` if it is one.
pub(crate) fn label_refusal(text: &str) -> Option<Reason> {
    if text.contains(',') && !text.chars().any(char::is_control) && text.len() <= LabelId::MAX_LEN {
        return Some(Reason::Comma);
    }
    refusal(text, LabelId::MAX_LEN)
}

/// Why a text is no chat id; `None` if it is one.
pub(crate) fn chat_refusal(text: &str) -> Option<Reason> {
    let of_jid = || {
        let (user, server) = text.rsplit_once('@')?;
        SERVERS.iter().find(|(spelling, _)| *spelling == server.to_ascii_lowercase())?;
        match user {
            "" => Some(Reason::EmptyUser),
            user => user.contains('@').then_some(Reason::SecondAt),
        }
    };
    refusal(text, ChatId::MAX_LEN).or_else(of_jid)
}

fn refusal(text: &str, max: usize) -> Option<Reason> {
    if text.is_empty() {
        Some(Reason::Empty)
    } else if text.len() > max {
        Some(Reason::TooLong { max, given: text.len() })
    } else if text.chars().any(char::is_control) {
        Some(Reason::ControlCharacter)
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        Some(Reason::SurroundingSpace)
    } else {
        None
    }
}

/// The digits of a text that is a phone number.
pub(crate) fn phone_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let before: Vec<char> = text.chars().take_while(|c| !c.is_ascii_digit()).filter(|c| *c == '+').collect();
    let pluses = text.matches('+').count();
    let separated = text.chars().all(|c| c.is_ascii_digit() || "+ -.()".contains(c));
    let counted = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
    (separated && counted && pluses <= 1 && before.len() == pluses).then_some(digits)
}
