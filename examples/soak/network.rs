//! A simulated network: it refreshes the index now and then, and only refreshes write to its chats.

use std::collections::BTreeSet;
use std::time::Duration;

use label_index::{ChatId, Error, FullState, LabelId, LabelPatch, Snapshot};

use crate::random::Random;
use crate::scene::Scene;
use crate::trouble::{Trouble, same};
use crate::writer::Carried;

const CHATS: u32 = 200;

/// Refreshes with what the index has, except for the network's own chats. Some refreshes are dropped, some cancelled.
/// Returns what the network's chats carry at the end.
pub(crate) fn refresh(scene: &Scene) -> Result<Carried, Trouble> {
    let mut random = Random::new(scene.arguments.seed, 3_000);
    let mut carried = Carried::new();
    while scene.goes_on() {
        // A write after this line wins over the refresh; a write before it is in the snapshot.
        let ticket = scene.index.begin_refresh()?;
        let base = scene.index.snapshot();
        let told = tell(scene, &mut random, &carried)?;
        let state = full_state(&base, &told)?;
        drop(base);
        // The time that the network takes to answer.
        scene.pause(Duration::from_millis(random.below(200).into()));
        match random.below(8) {
            0 => drop(ticket),
            1 => {
                let cancelled = scene.index.cancel_refresh();
                let refused = ticket.commit(state).map(drop).map_err(|refused| refused.cause);
                let expected = (true, Err(Error::TicketCancelled));
                same(scene.index.revision(), "a cancelled refresh", &(cancelled, refused), &expected)?;
            }
            _ => {
                let done = ticket.commit(state)?;
                let is_shown = scene.index.revision() >= done.revision;
                same(done.revision, "a refresh that returned is shown", &is_shown, &true)?;
                carried = told;
                scene.counters.refreshes.add(1);
            }
        }
        look(scene, &carried)?;
        scene.pause(Duration::from_millis(random.below(500).into()));
    }
    carried.retain(|_, labels| !labels.is_empty());
    Ok(carried)
}

/// The next labels of the network's chats: some of them change.
fn tell(scene: &Scene, random: &mut Random, before: &Carried) -> Result<Carried, Error> {
    (0..CHATS)
        .map(|number| {
            let chat: ChatId = format!("1203639999{number:08}@g.us").parse()?;
            let labels = match before.get(&chat) {
                Some(labels) if !random.one_in(4) => labels.clone(),
                _ => (0..random.below(4)).map(|_| scene.label(random)).collect(),
            };
            Ok((chat, labels))
        })
        .collect()
}

fn full_state(base: &Snapshot, told: &Carried) -> Result<FullState, Error> {
    let mut state = FullState::new();
    for label in base.labels() {
        let mut fields = LabelPatch::new().color(label.color()).position(label.position());
        fields.name = label.name().cloned();
        state.label(label.id(), fields)?;
    }
    for row in base.iter().filter(|row| !told.contains_key(&row.chat_id)) {
        row.labels.iter().try_for_each(|label| state.link(label.id(), &row.chat_id))?;
    }
    for (chat, labels) in told {
        labels.iter().try_for_each(|label| state.link(label, chat))?;
    }
    Ok(state)
}

fn look(scene: &Scene, carried: &Carried) -> Result<(), Trouble> {
    for (chat, labels) in carried {
        let found: BTreeSet<LabelId> = scene.index.labels_of(chat).iter().map(|label| label.id().clone()).collect();
        same(scene.index.revision(), format_args!("labels of {chat}, as the network told"), &found, labels)?;
        scene.counters.reads.add(1);
    }
    Ok(())
}
