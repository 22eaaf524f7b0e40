//! An index whose log others write to as well, as its committer sees it.
//!
//! Writes are queued and planned by the committer on the newest version that it knows. If another process was first,
//! the committer undoes the plan, applies the commits of the other process, and plans the same writes again: no caller
//! has an answer yet.

use crate::codec::{Damage, RecordFormat};
use crate::index::journal::{Awaited, Group};
use crate::index::label_index::LabelIndex;
use crate::index::writer_lock::{Answer, Found, Work};
use crate::model::change::Commit;
use crate::model::error::Error;
use crate::state::Version;

/// The most changes that are planned together, unless one write has more.
const CHANGES_IN_GROUP: usize = 1 << 16;

/// Writes that were planned, their commits, and their answers, which the callers do not have yet.
pub(crate) struct Planned {
    works: Vec<(u64, Work)>,
    answers: Vec<(u64, Answer)>,
    group: Group,
}

impl Planned {
    /// The commits that have to be written before the answers are true; none if no write changes anything.
    pub(crate) fn commits(&self) -> &[Commit] {
        &self.group.commits
    }

    /// How many operations wait for it.
    pub(crate) fn operations(&self) -> usize {
        self.works.len()
    }
}

/// # For the committer of a connected store
///
/// One thread calls these for one index. They do nothing for an index without a journal.
impl LabelIndex {
    /// Plans writes that were planned before, then the queued ones. `None` if there are none.
    pub(crate) fn plan_line(&self, again: Vec<(u64, Work)>) -> Option<Planned> {
        let journal = self.journal()?;
        let (mut works, mut answers): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
        let mut again = again.into_iter();
        let mut writer = self.writer();
        writer.begin_plan();
        while let Some((number, work)) = again.next().or_else(|| {
            let is_full = journal.queued_changes() >= CHANGES_IN_GROUP;
            if is_full { None } else { writer.next_queued() }
        }) {
            let answer = if let Work::Refresh(attempt) = &work {
                drop(writer);
                let found = Found::Refreshed((attempt.0)());
                writer = self.writer();
                self.answer(found, self.life())
            } else {
                self.carry_out(&mut writer, work.clone())
            };
            answers.push((number, answer));
            works.push((number, work));
        }
        drop(writer);
        let group = journal.take(self.visible());
        (!works.is_empty()).then_some(Planned { works, answers, group })
    }

    /// Publishes a group that is written, and gives the answers.
    pub(crate) fn settle_planned(&self, planned: Planned) {
        let Planned { works, answers, group } = planned;
        // Before the answers, since a caller may take its arguments back with the answer.
        drop(works);
        if group.commits.is_empty() {
            drop(group);
        } else {
            self.settle_group(group);
        }
        self.writer().settle_plan();
        self.give(answers);
    }

    /// Undoes a plan. The writes can be planned again.
    pub(crate) fn undo_planned(&self, planned: Planned) -> Vec<(u64, Work)> {
        if let Some(journal) = self.journal() {
            journal.restart(self.visible());
        }
        self.writer().undo_plan();
        planned.works
    }

    /// Answers every planned write with an error, and undoes the plan.
    pub(crate) fn refuse_planned(&self, planned: Planned, why: &Error) {
        let works = self.undo_planned(planned);
        self.refuse_works(works, why);
    }

    /// Answers every write that was to be planned again with an error.
    pub(crate) fn refuse_works(&self, works: Vec<(u64, Work)>, why: &Error) {
        let refused = |(number, work): (u64, Work)| {
            let answer = Answer { depends_on: Awaited::default(), found: work.refused(why.clone()) };
            (number, answer)
        };
        let answers = works.into_iter().map(refused).collect();
        self.give(answers);
    }

    /// Whether there are queued writes.
    pub(crate) fn has_queued(&self) -> bool {
        !self.writer_lock().is_queue_empty()
    }

    fn give(&self, answers: Vec<(u64, Answer)>) {
        let mut writer = self.writer();
        answers.into_iter().for_each(|(number, answer)| writer.answer(number, answer, 0));
    }

    /// Publishes commits of another process. Nothing may be planned.
    ///
    /// # Errors
    ///
    /// [`Damage`] if they do not follow the visible version. Nothing has changed then.
    pub(crate) fn take_in(&self, commits: Vec<Commit>) -> Result<(), Damage> {
        let Some(journal) = self.journal() else { return Ok(()) };
        let mut version = self.version();
        let mut writer = self.writer();
        for commit in &commits {
            if let Some(notes) = writer.notes() {
                commit.changes.iter().for_each(|change| notes.note_change(&version, change));
            }
            Version::make_mut(&mut version).replay(commit, RecordFormat::Two)?;
        }
        drop(writer);
        self.settle_group(Group { version, commits });
        journal.restart(self.visible());
        Ok(())
    }

    /// Publishes a version that was loaded again in place of the visible one. Nothing may be planned. Every subscriber
    /// is told that it missed commits, and an open ticket is cancelled, since the writes that it would have to protect
    /// are unknown.
    pub(crate) fn read_again(&self, version: Version) {
        let Some(journal) = self.journal() else { return };
        let revision = version.revision;
        let mut writer = self.writer();
        writer.cancel_ticket();
        let former = self.visible().write(|visible| std::mem::replace(visible, version));
        journal.restart(self.visible());
        journal.mark_durable(revision);
        journal.acknowledge(revision, 0);
        writer.wake_after(self.feed().begin_anew(revision));
        drop(writer);
        drop(former);
    }

    /// Accepts no further writes, fails those without an answer, and tells subscribers that nothing follows.
    pub(crate) fn end_remote(&self, why: &Error) {
        self.end_journal(why.clone());
        self.refuse_queued(why);
        self.feed().close();
    }
}
