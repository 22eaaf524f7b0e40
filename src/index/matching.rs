//! An iterator over the chats that pass a filter.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::vec;

use crate::model::change::Place;
use crate::query::answer::LabelledChat;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::Version;

/// The maximum number of places that are looked up at once. An iteration begins with one and doubles, so a host that takes
/// one chat pays for one.
const MOST_AT_ONCE: usize = 512;

/// The chats of one version that pass a filter, in order of place. See [`Snapshot::matching`](crate::Snapshot::matching).
#[derive(Clone)]
pub struct Matching {
    state: Version,
    clauses: Arc<ResolvedFilter>,
    /// Places that were looked up and not returned yet.
    found: vec::IntoIter<Place>,
    /// The next place; `None` at the end.
    next: Option<Place>,
    at_once: usize,
}

impl Matching {
    pub(crate) fn new(state: Version, clauses: ResolvedFilter) -> Self {
        Self { state, clauses: Arc::new(clauses), found: Vec::new().into_iter(), next: Some(0), at_once: 1 }
    }

    /// Looks up more places. Returns whether there are any.
    fn look_further(&mut self) -> bool {
        let Some(start) = self.next else { return false };
        let places = self.state.first_places(&self.clauses, start, self.at_once);
        // Fewer than requested: there are no more.
        self.next = places.last().filter(|_| places.len() == self.at_once).and_then(|last| last.checked_add(1));
        self.at_once = MOST_AT_ONCE.min(self.at_once * 2);
        self.found = places.into_iter();
        self.found.len() > 0
    }
}

impl Iterator for Matching {
    type Item = LabelledChat;

    fn next(&mut self) -> Option<LabelledChat> {
        loop {
            match self.found.next() {
                Some(place) => {
                    if let Some(chat) = self.state.labelled_chat(place) {
                        return Some(chat);
                    }
                }
                None if self.look_further() => {}
                None => return None,
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let found = self.found.len();
        (found, if self.next.is_none() { Some(found) } else { None })
    }
}

impl FusedIterator for Matching {}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matching").field("revision", &self.state.revision).finish_non_exhaustive()
    }
}
