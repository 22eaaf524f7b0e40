//! Histories of a store, made of the bytes of a seed or of a fuzzer.

use super::random::Random;
use crate::model::Space;
use crate::model::action::{Action, Fields, Word};
use crate::model::bytes::Bytes;
use crate::model::step::operation;

/// The steps of a run, and the options of its store.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Whether writes wait for the disk; else only `flush` does.
    pub(crate) synced: bool,
    pub(crate) quick_repair: bool,
    /// The bytes of a log from which on the store writes a checkpoint by itself.
    pub(crate) checkpoint_floor: u64,
    /// The changes that are retained for subscribers; `None` for more than the history makes.
    pub(crate) retain: Option<usize>,
    pub(crate) steps: Vec<Step>,
    /// The seed of the choices which changes survive power cuts.
    pub(crate) seed: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Do(u8, Action),
    Batch(u8, Vec<Action>),
    Submit(u8, Vec<Action>),
    Wait(u8),
    /// A refresh by the present contents without every n-th link.
    Refresh(u8, usize),
    /// Keeps the cursor after this many chats.
    Page(u8, usize),
    Flush,
    Checkpoint,
    Unload(u8),
    Remove(u8),
    /// Plans an outage after some calls of the disk.
    Plan(Outage),
}

/// The end of a process, perhaps with the loss of unsynced changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) after: u64,
    /// Whether the power is cut, or only the process is killed.
    pub(crate) power: bool,
    /// After how many calls the power is cut again while the store is opened; `None` if it is not.
    pub(crate) again: Option<u64>,
}

impl History {
    /// The bytes of one step.
    pub(crate) const CHUNK: usize = 24;

    /// The history of a seed.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let steps = 2 + random.below(40);
        Self::decode(&random.bytes(steps * Self::CHUNK))
    }

    /// A short history without random choices, with a step of every kind except an outage.
    pub(crate) fn of_everything(synced: bool) -> Self {
        let label = |id: &str| {
            let fields = Fields { name: Some(format!("label {id}")), ..Fields::default() };
            Action::Upsert { id: id.to_owned(), fields }
        };
        let link = |chat: &str| Action::Link { label: Word::Text("1".to_owned()), chat: chat.to_owned() };
        let merge = Action::Merge { from: "row 1".to_owned(), into: "row 2".to_owned() };
        let steps = vec![
            Step::Do(0, label("1")),
            Step::Batch(0, vec![link("row 1"), link("row 3"), label("2")]),
            Step::Submit(1, vec![label("1"), link("row 1")]),
            Step::Wait(1),
            Step::Checkpoint,
            Step::Do(0, merge),
            Step::Page(0, 1),
            Step::Refresh(0, 3),
            Step::Flush,
            Step::Unload(1),
            Step::Do(1, link("row 4")),
            Step::Checkpoint,
            Step::Do(2, label("3")),
            Step::Remove(2),
            Step::Do(0, link("row 5")),
        ];
        Self { synced, quick_repair: false, checkpoint_floor: 1 << 20, retain: None, steps, seed: 0 }
    }

    /// Reads the options from the first chunk, and a step from each other one.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut chunks = bytes.chunks(Self::CHUNK);
        let options = &mut Bytes::new(chunks.next().unwrap_or_default());
        let synced = options.below(4) != 3;
        let quick_repair = options.below(4) == 3;
        let checkpoint_floor = options.pick(&[1 << 20, 1 << 20, 400, 0]);
        // Snapshots show only commits on disk if writes wait for the disk; otherwise retention cannot be checked.
        let retain = options.pick(&[None, None, None, Some(6), Some(0)]).filter(|_| synced);
        let seed = (0..8).fold(0, |seed, _| seed << 8 | u64::from(options.byte()));
        let mut steps = Vec::new();
        while let Some(chunk) = chunks.next() {
            steps.push(step(chunk, &mut chunks));
        }
        Self { synced, quick_repair, checkpoint_floor, retain, steps, seed }
    }
}

fn step<'a>(chunk: &'a [u8], following: &mut impl Iterator<Item = &'a [u8]>) -> Step {
    let bytes = &mut Bytes::new(chunk);
    let (kind, account) = (bytes.below(64), bytes.below(3));
    let mut several = |bytes: &mut Bytes<'_>| {
        let first = operation(Space::Tiny, bytes);
        let more = following.take(usize::from(bytes.below(4)));
        std::iter::once(first).chain(more.map(|chunk| operation(Space::Tiny, &mut Bytes::new(chunk)))).collect()
    };
    match kind {
        0..=19 => Step::Do(account, operation(Space::Tiny, bytes)),
        20..=24 => Step::Batch(account, several(bytes)),
        25..=35 => Step::Submit(account, several(bytes)),
        36..=38 => Step::Wait(account),
        39..=41 => Step::Refresh(account, 1 + usize::from(bytes.below(8))),
        42..=45 => Step::Page(account, usize::from(1 + bytes.below(4))),
        46..=49 => Step::Flush,
        50..=53 => Step::Checkpoint,
        54 => Step::Unload(account),
        55 => Step::Remove(account),
        _ => Step::Plan(Outage {
            after: u64::from(bytes.wide() % 256),
            power: bytes.below(4) != 3,
            again: (bytes.below(2) == 1).then(|| u64::from(bytes.byte())),
        }),
    }
}
