//! Pages: the next chats that pass a filter.

use crate::model::change::Place;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::label_sets::EMPTY;

impl State {
    /// The places of the first `limit` chats that pass from `start` on, and whether another one follows.
    pub(crate) fn page(&self, clauses: &ResolvedFilter, start: Place, limit: usize) -> (Vec<Place>, bool) {
        if limit == 0 {
            return (Vec::new(), false);
        }
        let mut places = self.first_places(clauses, start, limit.saturating_add(1));
        let more = places.len() > limit;
        places.truncate(limit);
        (places, more)
    }

    /// The places of the first `count` chats that pass from `start` on; the walk ends at the last of them.
    pub(crate) fn first_places(&self, clauses: &ResolvedFilter, start: Place, count: usize) -> Vec<Place> {
        /// Room for the usual page at once.
        const ROOM: usize = 64;
        let mut places = Vec::new();
        if count > 0 && !clauses.pass_nobody() {
            places.reserve(count.min(ROOM));
            let certain = clauses.only_any().is_some();
            self.candidates(clauses, start, |place| {
                if certain || clauses.pass(self.slots_at(place)) {
                    places.push(place);
                }
                places.len() < count
            });
        }
        places
    }

    /// Calls `go_on` with a superset of the chats that pass, in order of place, until it returns false.
    fn candidates(&self, clauses: &ResolvedFilter, start: Place, mut go_on: impl FnMut(Place) -> bool) {
        if let Some(slots) = self.shortest_entry(clauses) {
            self.postings.walk(slots, start, go_on);
        } else {
            let mut labelled = self.chats.taken_from(start).filter(|(_, set)| *set != EMPTY);
            labelled.all(|(place, _)| go_on(place));
        }
    }
}
