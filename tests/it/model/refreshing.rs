//! Refresh tickets in a trial.

use label_index::{Change, Committed, Delivery, FullState, Refreshed};

use super::compare::{Difference, same};
use super::joins::End;
use super::refresh::{Differs, Target};
use super::told::Told;
use super::trial::Trial;

impl Trial {
    pub(super) fn begin_refresh(&mut self) -> Result<(), Difference> {
        let begun = self.index.begin_refresh();
        same("begin", &begun.as_ref().map(drop), &self.model.begin_refresh().as_ref().map(drop))?;
        if let Ok(ticket) = begun {
            // A cancelled ticket is dropped only now, and must not close this one.
            self.ticket = Some(ticket);
        }
        Ok(())
    }

    pub(super) fn cancel_refresh(&mut self) -> Result<(), Difference> {
        let is_cancelled = self.model.cancel_refresh();
        same("cancel", &self.index.cancel_refresh(), &is_cancelled)?;
        if is_cancelled { self.refresh_ended(&End::Cancelled) } else { Ok(()) }
    }

    pub(super) fn drop_ticket(&mut self) -> Result<(), Difference> {
        self.ticket = None;
        self.ticket_ended(None)
    }

    pub(super) fn fail_ticket(&mut self, why: &str) -> Result<(), Difference> {
        let Some(ticket) = self.ticket.take() else { return Ok(()) };
        ticket.fail(why);
        self.ticket_ended(Some(End::Failed(why.to_owned())))
    }

    /// The ticket was dropped without a commit. If it was cancelled, those who joined know that already.
    fn ticket_ended(&mut self, end: Option<End>) -> Result<(), Difference> {
        if self.model.written.is_none() {
            return Ok(());
        }
        let end = end.or(self.model.noted.take()).unwrap_or(End::GivenUp);
        self.refresh_ended(&end)
    }

    pub(super) fn commit_refresh(&mut self, told: &Told) -> Result<(), Difference> {
        let records = told.records(&self.model);
        let expected = self.model.target(&records, told.even_if_empty);
        let room = self.model.limits.feed_changes;
        if expected.as_ref().is_ok_and(|target| self.model.differences(target).len() >= room) {
            // The model learns the order of new chats from the feed, which would not deliver this commit.
            self.drop_ticket()?;
        }
        let Some(ticket) = self.ticket.take() else { return Ok(()) };
        let mut state = FullState::new();
        records.iter().for_each(|record| record.add_to(&mut state));
        let committed =
            if told.even_if_empty { ticket.commit_even_if_empty(state.clone()) } else { ticket.commit(state.clone()) };
        match (committed, expected) {
            (Err(refused), Err(cause)) => {
                same("cause", &refused.cause, &cause)?;
                same("state", &refused.state, &state)?;
                self.ticket = Some(refused.ticket);
                // The holder may commit again, so those who joined are told only if it does not.
                self.model.noted = self.model.written.as_ref().map(|_| End::Refused(cause));
                Ok(())
            }
            (Ok(committed), Ok(target)) => {
                self.refresh_ended(&End::from(&committed))?;
                self.took_over(&committed, &target)
            }
            (committed, expected) => Err(format!("refresh\n  the crate: {committed:?}\n  the model: {expected:?}")),
        }
    }

    fn took_over(&mut self, committed: &Committed<Refreshed>, target: &Target) -> Result<(), Difference> {
        let expected = self.model.differences(target);
        let changed = !expected.is_empty() || self.model.refreshed.is_none();
        same("changed", &committed.changed(), &changed)?;
        same("revision", &committed.revision, &(self.model.revision + u64::from(changed)))?;
        same("counts", &counted(committed), &counts(&expected))?;
        if !changed {
            return Ok(());
        }
        let Some(Delivery::Commit(commit)) = self.prompt.next() else { return Err("no commit in the feed".into()) };
        same("last change", &commit.changes.last(), &Some(&Change::Refreshed))?;
        let differs = self.model.take_over(&commit);
        same("number of changes", &differs.len(), &(commit.changes.len() - 1))?;
        same("changes", &sorted(differs), &sorted(expected))?;
        same("labels", &self.model.labels.known, &target.labels)?;
        same("pairs", &self.model.pairs(), &target.links)
    }
}

/// The number of changes of each kind, in the refresh's own summary.
pub(super) fn counted(refreshed: &Refreshed) -> [usize; 5] {
    [refreshed.labels_created, refreshed.labels_updated, refreshed.labels_removed, refreshed.linked, refreshed.unlinked]
}

fn counts(differs: &[Differs]) -> [usize; 5] {
    let count = |is: fn(&Differs) -> bool| differs.iter().filter(|differs| is(differs)).count();
    [
        count(|differs| matches!(differs, Differs::Created(_))),
        count(|differs| matches!(differs, Differs::Updated(_))),
        count(|differs| matches!(differs, Differs::Removed(..))),
        count(|differs| matches!(differs, Differs::Linked(..))),
        count(|differs| matches!(differs, Differs::Unlinked(..))),
    ]
}

fn sorted(mut differs: Vec<Differs>) -> Vec<Differs> {
    differs.sort_by_cached_key(Differs::key);
    differs
}
