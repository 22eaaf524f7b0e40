//! Writers whose database may be unreachable, and the checks of their answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Error, LabelIndex};

use crate::store::Image;

/// Each chat that was linked, and whether the link was acknowledged.
pub(super) type Answers = BTreeMap<String, bool>;

pub(super) fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Links chats of its own until it is stopped.
pub(super) fn write(index: &LabelIndex, writer: usize, stop: &AtomicBool) -> Answers {
    let mut answers = Answers::new();
    for chat in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let chat = format!("chat {writer} {chat}");
        let acknowledged = match index.link("1", &*chat) {
            Ok(linked) => {
                assert!(linked, "{chat} was linked by nobody else");
                true
            }
            Err(Error::Unavailable { .. }) => false,
            Err(other) => panic!("{other}"),
        };
        answers.insert(chat, acknowledged);
    }
    answers
}

/// Requires that every acknowledged write is there, that none counts twice, and that all indexes show the same as one
/// that was loaded `anew`. The instance has one label, which its first commit created.
pub(super) fn require_all(answers: &Answers, indexes: &[LabelIndex], anew: &LabelIndex) {
    for (chat, was_acknowledged) in answers {
        assert!(anew.contains("1", chat.as_str()) || !was_acknowledged, "{chat} was acknowledged");
    }
    assert!(answers.values().filter(|acknowledged| **acknowledged).count() > 20, "hardly anything was written");
    let whole = Image::from(anew);
    for index in indexes {
        index.catch_up().unwrap();
        assert_eq!(Image::from(index), whole);
    }
    assert_eq!(anew.revision(), anew.total_chats() + 1, "no write counts twice");
}
