//! The halves of an answer, its JSON, the iterator over it, and answers over a host's own list.

use std::borrow::Cow;

use label_index::{Answer, Error, Filter, LabelledChat, Page};

use super::answer_laws::agree;
use super::answered::Answered;
use super::compare::{Difference, same};
use super::question::InOrder;
use super::view::View;

/// The most chats in a list.
const MOST: usize = 60;

/// The totals and the page, queried separately, are those of the answer.
pub(super) fn apart(view: &dyn View, filter: &Filter, page: Page, answer: &Answer) -> Result<(), Difference> {
    let (totals, listed) = (view.totals(filter), view.page(filter, page));
    let (totals, listed) = (totals.map_err(|error| error.to_string())?, listed.map_err(|error| error.to_string())?);
    same("apart", &Answered::joined(&totals, &listed), &Answered::from(answer))?;
    agree("cursors", &listed.next, &answer.next)
}

/// The answer is appended as the JSON that `serde_json` makes of it; a refusal appends nothing.
pub(super) fn as_json(
    view: &dyn View,
    filter: &Filter,
    page: Page,
    answer: &Result<Answer, Error>,
) -> Result<(), Difference> {
    let mut json = Vec::from(b"[[");
    let written = view.query_json(filter, page, &mut json);
    agree("refusals", &written.as_ref().err(), &answer.as_ref().err())?;
    let object = answer.as_ref().map(|answer| serde_json::to_string(answer).expect("texts and numbers"));
    let fields = object.as_deref().map_or("", |object| &object[1..object.len() - 1]);
    agree("JSON", &String::from_utf8_lossy(&json), &Cow::from(format!("[[{fields}")))
}

/// The iterator gives the chats of the answer and then ends, and so does a clone that is made in the middle.
pub(super) fn lazily(view: &dyn View, filter: &Filter, whole: &Answer) -> Result<(), Difference> {
    let mut chats = view.matching(filter).map_err(|error| error.to_string())?;
    let middle = whole.chats.len() / 2;
    let mut found: Vec<LabelledChat> = chats.by_ref().take(middle).collect();
    let copy = chats.clone();
    let (least, most) = chats.size_hint();
    let left = whole.chats.len() - middle;
    agree("size hint", &(least <= left && most.is_none_or(|most| left <= most)), &true)?;
    found.extend(chats.by_ref());
    agree("matching", &found, &whole.chats)?;
    agree("after the end", &chats.next(), &None)?;
    agree("a copy from the middle", &copy.collect::<Vec<_>>().as_slice(), &whole.chats.split_at(middle).1)
}

/// Some chats of the answer in another order, some of them twice, chats that are not in it, and texts that are no chat
/// ids.
pub(super) fn list(view: &dyn View, whole: &Answer, salt: u8) -> Vec<String> {
    let salt = usize::from(salt);
    let mut list: Vec<String> = whole.chats.iter().rev().map(|chat| chat.chat_id.to_string()).collect();
    list.extend(view.aliases().into_iter().map(|(alias, _)| alias.to_string()));
    list.extend(view.rows().iter().skip(salt % 7).step_by(1 + salt % 5).map(|chat| chat.chat_id.to_string()));
    list.extend(["", "nobody", "@c.us", "0012@c.us"].map(str::to_owned));
    list.truncate(MOST);
    let middle = salt % list.len();
    list.rotate_left(middle);
    list
}

/// Reads the answer over a list page by page. The list of each later page has more chats, also between the others.
pub(super) fn among(
    view: &dyn View,
    filter: &Filter,
    chats: &InOrder<'_>,
    list: &[String],
    sizes: [u8; 4],
) -> Result<(), Difference> {
    let (mut list, mut after) = (list.to_vec(), None);
    for (number, size) in sizes.into_iter().cycle().enumerate() {
        let limit = 1 + usize::from(size % 9);
        let page = match &after {
            None => Page::first(limit),
            Some((cursor, _)) => Page::after(limit, *cursor).map_err(|error| error.to_string())?,
        };
        let last = after
            .as_ref()
            .map(|(cursor, chat): &(label_index::Cursor, label_index::ChatId)| (chat.clone(), cursor.to_string()));
        let (found, expected) = (view.among(filter, &list, page), chats.among(filter, &list, limit, Ok(last)));
        let next = found.as_ref().ok().and_then(|answer| answer.next);
        let at = expected.as_ref().ok().and_then(|(_, last)| last.clone());
        same(("among", number), &found.map(|found| Answered::from(&found)), &expected.map(|(answered, _)| answered))?;
        after = next.zip(at);
        if after.is_none() {
            return Ok(());
        }
        if number % 2 == 0 {
            list.insert(list.len() / 2, format!("{number}-new"));
            list.insert(0, "nobody else".to_owned());
        }
    }
    Ok(())
}
