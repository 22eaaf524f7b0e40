//! The writes of an instance: each is one commit, which depends only on the index before it.

use label_index::LabelIndex;

/// So few that chats often lose their last label, and places are used again.
const CHATS: u64 = 61;

/// Makes the next commit.
pub(super) fn next(index: &LabelIndex) {
    let number = index.revision() + 1;
    let chat = |step: u64| format!("55119{:05}@c.us", (number * step) % CHATS);
    let label = ["1", "2", "3"][usize::try_from(number * 5 % 7 % 3).unwrap()];
    let named = |name: &str| format!("{name} {number}");
    let made = match number % 16 {
        // The first revision makes the three labels, which all further writes need.
        1 => {
            let mut batch = index.batch();
            for id in ["1", "2", "3"] {
                batch.upsert_label(id, named(id).as_str()).unwrap();
            }
            batch.commit().unwrap().revision
        }
        3 => {
            let mut batch = index.batch();
            let fresh: Vec<_> = (0..20).map(|chat| format!("{number} of {chat}")).collect();
            batch.link_all(label, &fresh).unwrap();
            batch.unlink_all(label, &fresh[..19]).unwrap();
            batch.commit().unwrap().revision
        }
        5 => index.create_label(named("Temporary").as_str()).unwrap().revision,
        9 => index.remove_label(format!("{}", number / 16 + 4)).unwrap().revision,
        11 => {
            let alias = format!("{}@lid", number % 97);
            // Unless it is an alias, it becomes one.
            let changed = index.unalias(&alias).unwrap() || index.merge_chats(&alias, chat(3)).unwrap().changed();
            assert!(changed);
            index.revision()
        }
        _ => {
            toggle(index, label, &chat(7));
            index.revision()
        }
    };
    assert_eq!(made, number, "one commit");
}

fn toggle(index: &LabelIndex, label: &str, chat: &str) {
    let changed = if index.contains(label, chat) { index.unlink(label, chat) } else { index.link(label, chat) };
    assert!(changed.unwrap());
}
