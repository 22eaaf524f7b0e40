//! Queries that are each answered in several ways.

use std::collections::BTreeSet;

use label_index::{Answer, ChatId, Cursor, Entry, Filter, LabelIndex, Page, Place};

use super::action::{Action, Tokens};
use super::answered::Answered;
use super::bytes::Bytes;
use super::compare::{Difference, same};
use super::grounds::{Ground, WHOLE, nothing, write};
use super::keys::wide_label;
use super::operation::Operation;
use super::question::InOrder;
use super::reference::Model;
use super::script::Script;
use super::step::{filter, operation};
use super::{answer_laws, cursor_laws, list_laws};

/// After this many pages, the next page has no limit.
const MOST_PAGES: usize = 16;

/// The most chats of an answer that is listed completely.
const MOST_LISTED: u64 = 3_000;

/// The queries to an index, and the writes between them.
#[derive(Debug, Clone)]
pub(crate) struct Inquiry {
    ground: Ground,
    beginning: Vec<Action>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Write(Action),
    Ask(Question),
}

#[derive(Debug, Clone)]
struct Question {
    filter: Filter,
    /// The sizes of pages, used in turn.
    sizes: [u8; 4],
    damage: u8,
    /// Whether a snapshot is held while pages are read and writes go on.
    held: bool,
    /// Writes between the pages.
    between: Vec<Action>,
}

impl Inquiry {
    /// The bytes of one portion; a query has two portions, and one more for each write between its pages.
    pub(crate) const CHUNK: usize = Script::CHUNK;

    /// Reads which index is queried from the first portion, and a write or a query from each other one.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut chunks = bytes.chunks(Self::CHUNK);
        let options = &mut Bytes::new(chunks.next().unwrap_or_default());
        let ground = Ground::read(options);
        let mut parts = Vec::new();
        while let Some(chunk) = chunks.next() {
            let bytes = &mut Bytes::new(chunk);
            parts.push(match bytes.below(4) {
                0..=1 => Part::Write(operation(ground.space(), bytes)),
                _ => Part::Ask(question(ground, bytes, &mut chunks)),
            });
        }
        Self { ground, beginning: ground.beginning(options.byte()), parts }
    }

    /// Makes the queries, and compares the answers.
    ///
    /// # Panics
    ///
    /// If two ways to one answer differ.
    pub(crate) fn run(&self) {
        let asked = match self.ground.standing() {
            Some(standing) => {
                let questions = self.parts.iter().filter_map(|part| match part {
                    Part::Ask(question) => Some(question),
                    Part::Write(_) => None,
                });
                questions.take(2).try_for_each(|question| {
                    question.ask_in_part(&standing.index, &standing.chats)?;
                    question.ask(&standing.index, &standing.chats)
                })
            }
            None => self.run_on_its_own(),
        };
        if let Err(difference) = asked {
            panic!("{difference}\n{self:?}");
        }
    }

    fn run_on_its_own(&self) -> Result<(), Difference> {
        let (index, mut model) = nothing();
        self.beginning.iter().try_for_each(|action| write(&index, &mut model, action))?;
        for part in &self.parts {
            match part {
                Part::Write(action) => write(&index, &mut model, action)?,
                Part::Ask(question) => {
                    question.ask(&index, &model.in_order())?;
                    question.ask_while_others_write(&index, &mut model)?;
                }
            }
        }
        index.check_invariants().map_err(|violation| violation.to_string())?;
        model.compare_totals(&index)
    }
}

fn question<'a>(ground: Ground, bytes: &mut Bytes<'_>, following: &mut impl Iterator<Item = &'a [u8]>) -> Question {
    let sizes = [bytes.byte(), bytes.byte(), bytes.byte(), bytes.byte()];
    let (damage, held, writes) = (bytes.byte(), bytes.below(2) == 1, usize::from(bytes.below(7)));
    let spread = spread(ground, bytes);
    let mut filter = filter(ground.space(), &mut Bytes::new(following.next().unwrap_or_default()));
    if let Some((clause, entries)) = spread {
        filter = match clause {
            0 => filter.none_of(entries),
            1 => filter.all_of(entries),
            _ => filter.any_of(entries),
        };
    }
    let between = following.take(writes).map(|chunk| operation(ground.space(), &mut Bytes::new(chunk))).collect();
    Question { filter, sizes, damage, held, between }
}

/// Many labels, for one clause.
fn spread(ground: Ground, bytes: &mut Bytes<'_>) -> Option<(u8, Vec<Entry>)> {
    let (clause, count, first, step) = (bytes.below(8), bytes.below(96), bytes.wide(), u16::from(bytes.byte()));
    let id = |n| Entry::id(wide_label(first.wrapping_add(step.wrapping_mul(n)) % ground.labels()));
    (ground != Ground::Tiny && clause < 6).then(|| (clause, (0..u16::from(count)).map(id).collect()))
}

impl Question {
    /// The limit of a page, if the answer has `all` chats.
    fn size(&self, page: usize, all: usize) -> usize {
        let size = usize::from(self.sizes[page % self.sizes.len()]);
        if page < MOST_PAGES { 1 + size % 7 + all * size / 1024 } else { WHOLE }
    }

    /// Queries two pages.
    fn ask_in_part(&self, index: &LabelIndex, chats: &InOrder<'_>) -> Result<(), Difference> {
        let mut after = None;
        for (number, &size) in self.sizes.iter().take(2).enumerate() {
            let limit = usize::from(size);
            let page = self.page(limit, after.map(|(cursor, _)| cursor))?;
            let answer = index.query(&self.filter, page).map_err(|error| error.to_string())?;
            let (expected, last) = chats
                .query(&self.filter, limit, Ok(after.map(|(_, place)| place)))
                .map_err(|error| error.to_string())?;
            same(("part", number), &Answered::from(&answer), &expected)?;
            let next = answer.next.zip(last);
            list_laws::as_json(index, &self.filter, page, &Ok(answer))?;
            let Some(next) = next else { break };
            after = Some(next);
        }
        Ok(())
    }

    /// Queries one revision in every way; but answers with too many chats are not listed completely.
    fn ask(&self, index: &LabelIndex, chats: &InOrder<'_>) -> Result<(), Difference> {
        let totals = index.query(&self.filter, Page::first(0)).map_err(|error| error.to_string())?;
        if totals.total_chats > MOST_LISTED {
            cursor_laws::foreign(index, &self.filter)?;
            list_laws::apart(index, &self.filter, Page::first(0), &totals)?;
            return answer_laws::check(index, &self.filter, &totals);
        }
        let whole = index.query(&self.filter, Page::first(WHOLE)).map_err(|error| error.to_string())?;
        let expected = chats.query(&self.filter, WHOLE, Ok(None)).map(|(answered, _)| answered);
        same("answer", &Ok(Answered::from(&whole)), &expected)?;
        let snapshot = index.snapshot();
        same("snapshot", &snapshot.query(&self.filter, Page::first(WHOLE)), &Ok(whole.clone()))?;
        list_laws::apart(&snapshot, &self.filter, Page::first(WHOLE), &whole)?;
        list_laws::as_json(&snapshot, &self.filter, Page::first(WHOLE), &Ok(whole.clone()))?;
        list_laws::lazily(&snapshot, &self.filter, &whole)?;
        list_laws::lazily(index, &self.filter, &whole)?;
        let list = list_laws::list(index, &whole, self.damage);
        list_laws::among(index, &self.filter, chats, &list, self.sizes)?;
        list_laws::among(&snapshot, &self.filter, chats, &list, self.sizes)?;
        answer_laws::lists_what_it_counts(index, &self.filter, &whole)?;
        answer_laws::check(index, &self.filter, &whole)?;
        self.ask_page_by_page(index, &whole)?;
        cursor_laws::foreign(index, &self.filter)?;
        cursor_laws::foreign(&snapshot, &self.filter)?;
        cursor_laws::far(index, &self.filter, chats)
    }

    fn ask_page_by_page(&self, index: &LabelIndex, whole: &Answer) -> Result<(), Difference> {
        let (mut left, mut after) = (whole.chats.as_slice(), None);
        for number in 0.. {
            let limit = self.size(number, whole.chats.len());
            let page = self.page(limit, after)?;
            let answer = index.query(&self.filter, page).map_err(|error| error.to_string())?;
            list_laws::apart(index, &self.filter, page, &answer)?;
            list_laws::as_json(index, &self.filter, page, &Ok(answer.clone()))?;
            let (listed, behind) = left.split_at(limit.min(left.len()));
            same(("page", number), &answer.chats.as_slice(), &listed)?;
            let beside = [&answer, whole].map(answer_laws::besides_the_page);
            same(("besides page", number), &beside[0], &beside[1])?;
            same(("more behind page", number), &answer.next.is_some(), &!behind.is_empty())?;
            (left, after) = (behind, answer.next);
            match answer.next {
                Some(cursor) if number < 2 => cursor_laws::damage(cursor, self.damage)?,
                Some(_) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The page behind a cursor that goes through its text, as hosts hand it out.
    fn page(&self, limit: usize, after: Option<Cursor>) -> Result<Page, Difference> {
        let page = after.map_or(Ok(Page::first(limit)), |cursor| Page::after(limit, cursor.to_string()));
        page.map_err(|error| error.to_string())
    }

    /// Queries page by page, with writes between the pages. A chat that matched all the time is on one page, and no
    /// chat that kept a label and was not merged is on two.
    fn ask_while_others_write(&self, index: &LabelIndex, model: &mut Model) -> Result<(), Difference> {
        let snapshot = self.held.then(|| index.snapshot());
        model.oldest_held = snapshot.as_ref().map(|snapshot| snapshot.revision());
        let before = snapshot.as_ref().map(|snapshot| snapshot.query(&self.filter, Page::first(WHOLE)));
        let mut writes = self.between.iter();
        let mut always = matching(model, &self.filter);
        let mut listed = BTreeSet::new();
        let mut after: Option<(Cursor, Place)> = None;
        for number in 0.. {
            let limit = self.size(number, always.len());
            let (expected, last) = model
                .in_order()
                .query(&self.filter, limit, Ok(after.map(|(_, place)| place)))
                .map_err(|error| error.to_string())?;
            let page = self.page(limit, after.map(|(cursor, _)| cursor))?;
            let answer = index.query(&self.filter, page).map_err(|error| error.to_string())?;
            same(("page beside writes", number), &Answered::from(&answer), &expected)?;
            for chat in answer.chats {
                let again = listed.replace(chat.chat_id);
                same("listed before", &again, &None)?;
            }
            after = answer.next.zip(last);
            if after.is_none() {
                break;
            }
            for action in writes.by_ref().take(2) {
                for merged in merged(model, action) {
                    always.remove(&merged);
                    listed.remove(&merged);
                }
                write(index, model, action)?;
                let now = matching(model, &self.filter);
                always.retain(|chat| now.contains(chat));
                listed.retain(|chat| model.links.contains_key(chat));
            }
        }
        let missed: Vec<_> = always.difference(&listed).collect();
        same("matched all along, and on no page", &missed, &Vec::new())?;
        model.oldest_held = None;
        same("snapshot beside writes", &snapshot.map(|held| held.query(&self.filter, Page::first(WHOLE))), &before)
    }
}

fn matching(model: &Model, filter: &Filter) -> BTreeSet<ChatId> {
    model.in_order().matching(filter).into_iter().map(|(_, chat, _)| chat.clone()).collect()
}

/// The chats that an operation merges.
fn merged(model: &Model, action: &Action) -> Vec<ChatId> {
    match action.parse(&Tokens::default()) {
        Ok(Operation::Merge { from, into }) => vec![model.resolve(&into), from],
        _ => Vec::new(),
    }
}
