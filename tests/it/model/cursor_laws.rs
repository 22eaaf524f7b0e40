//! Cursors are valid for their own index, and for nothing else.

use std::sync::LazyLock;

use label_index::{Cursor, Error, Filter, Page, Place};

use super::answered::Answered;
use super::compare::{Difference, same};
use super::grounds::{nothing, write};
use super::question::InOrder;
use super::trial::{damaged, foreign_cursor};
use super::view::View;
use super::{action, beginning};

/// Requires that a text that is nearly a cursor is refused.
pub(super) fn damage(cursor: Cursor, choice: u8) -> Result<(), Difference> {
    let text = cursor.to_string();
    same("parsed", &text.parse::<Cursor>(), &Ok(cursor))?;
    let (head, tail) = text.split_at(usize::from(choice) % text.len());
    let (first, rest) = text.split_at(1);
    for bad in [
        damaged(&text, choice),
        head.to_owned(),
        tail[1..].to_owned(),
        format!("{text}{first}"),
        format!("{head}0{tail}"),
        format!("{text} "),
        format!("{head}é{}", &tail[1..]),
        format!("+{rest}"),
        format!("{}g", &text[..text.len() - 1]),
    ] {
        // Dropping or adding a zero can give the same text again.
        if bad != text {
            same("damaged", &bad.parse::<Cursor>(), &Err(Error::BadCursor { value: bad.clone() }))?;
            same("damaged page", &Page::after(3, &bad), &Err(Error::BadCursor { value: bad }))?;
        }
    }
    let upper = text.to_uppercase();
    same("upper case", &upper.parse::<Cursor>().is_ok(), &(upper == text))
}

/// Requires that the cursor of another index is refused, even with limit 0.
pub(super) fn foreign(view: &dyn View, filter: &Filter) -> Result<(), Difference> {
    static FOREIGN: LazyLock<Cursor> = LazyLock::new(foreign_cursor);
    for limit in [0, 3] {
        let page = Page::after(limit, *FOREIGN).expect("a cursor");
        same("foreign", &view.query(filter, page), &Err(Error::ForeignCursor { value: FOREIGN.to_string() }))?;
    }
    Ok(())
}

/// Requires the right answer for the cursor of an index with the same identity and more chats, which may be after all
/// places of this index.
pub(super) fn far(view: &dyn View, filter: &Filter, chats: &InOrder<'_>) -> Result<(), Difference> {
    const PLACE: Place = 700;
    static FAR: LazyLock<Cursor> = LazyLock::new(|| {
        let (index, mut model) = nothing();
        let texts: Vec<String> = (0..PLACE + 2).map(|n| n.to_string()).collect();
        let actions: [action::Action; 2] = [beginning::upsert("1", "VIP"), beginning::link_all("1", &texts)];
        actions.iter().try_for_each(|action| write(&index, &mut model, action)).expect("plain operations");
        let listed = usize::try_from(PLACE).expect("a small number") + 1;
        index.query(&Filter::new(), Page::first(listed)).expect("a plain query").next.expect("one chat is left")
    });
    let found = view.query(filter, Page::after(3, *FAR).expect("a cursor"));
    let expected = chats.query(filter, 3, Ok(Some(PLACE)));
    same("far", &found.map(|answer| Answered::from(&answer)), &expected.map(|(answered, _)| answered))
}
