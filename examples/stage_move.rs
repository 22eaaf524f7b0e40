//! Moves chats from one stage of a sale to the next: link, then unlink, in one batch. Readers on other threads query
//! all the time and never see a chat without a stage or with two.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use label_index::{ChatId, Filter, LabelId, LabelIndex, Page, Result};

const STAGES: [&str; 5] = ["Novo", "Em conversa", "Proposta", "Fechado", "Entregue"];
const CHATS: u32 = 500;
const ROUNDS: usize = 25;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let index = LabelIndex::new();
    let stages = STAGES.iter().map(|&name| Ok(index.create_label(name)?.outcome)).collect::<Result<Vec<_>>>()?;
    let chats =
        (0..CHATS).map(|number| format!("447700900{number:03}@c.us").parse()).collect::<Result<Vec<ChatId>>>()?;
    let pipeline = Pipeline { index, stages, chats };
    pipeline.enter()?;

    let done = AtomicBool::new(false);
    let ready = Barrier::new(3);
    let (moved, by_chat, by_answer) = thread::scope(|scope| {
        let by_chat = scope.spawn(|| watch(&ready, &done, || pipeline.chats_out_of_step()));
        let by_answer = scope.spawn(|| watch(&ready, &done, || pipeline.answer_out_of_step()));
        ready.wait();
        let moved = pipeline.run();
        done.store(true, Ordering::Release);
        (moved, by_chat.join(), by_answer.join())
    });
    let moved = moved?;
    let by_chat = by_chat.map_err(|_| "a reader panicked")??;
    let by_answer = by_answer.map_err(|_| "a reader panicked")??;

    println!("{moved} moves of {CHATS} chats through {} stages", STAGES.len());
    println!("looked at the labels of each chat {} times: {} without exactly one stage", by_chat.looks, by_chat.wrong);
    println!("asked for the chats in any stage {} times: {} wrong answers", by_answer.looks, by_answer.wrong);
    Ok(if by_chat.wrong + by_answer.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Pipeline {
    index: LabelIndex,
    stages: Vec<LabelId>,
    chats: Vec<ChatId>,
}

impl Pipeline {
    /// Links every chat to the first stage.
    fn enter(&self) -> Result<usize> {
        self.stages.iter().take(1).map(|first| self.move_all_to(first)).sum()
    }

    /// Moves the chats one after the other; after the last stage comes the first. Returns the number of moves.
    fn run(&self) -> Result<usize> {
        self.stages.iter().cycle().skip(1).take(ROUNDS).map(|next| self.move_all_to(next)).sum()
    }

    fn move_all_to(&self, stage: &LabelId) -> Result<usize> {
        self.chats.iter().map(|chat| Ok(usize::from(self.move_to(chat, stage)?))).sum()
    }

    /// Links the new stage and unlinks all others in one batch, so readers see both at once.
    fn move_to(&self, chat: &ChatId, stage: &LabelId) -> Result<bool> {
        let mut batch = self.index.batch();
        batch.link(stage, chat)?;
        for other in self.stages.iter().filter(|&other| other != stage) {
            batch.unlink(other, chat)?;
        }
        Ok(batch.commit()?.changed())
    }

    /// How many chats have no stage, or more than one.
    fn chats_out_of_step(&self) -> Result<usize> {
        Ok(self.chats.iter().filter(|&chat| self.index.labels_of(chat).len() != 1).count())
    }

    /// 1 if an answer lacks a chat or has a chat whose number of stages is not one.
    fn answer_out_of_step(&self) -> Result<usize> {
        let answer = self.index.query(&Filter::new().any_of_ids(&self.stages), Page::first(self.chats.len()))?;
        let whole = answer.chats.len() == self.chats.len()
            && answer.chats.iter().all(|listed| listed.labels.len() == 1)
            && answer.total_chats == answer.total_rows
            && answer.total_chats == u64::from(CHATS);
        Ok(usize::from(!whole))
    }
}

/// What a reader saw.
#[derive(Default)]
struct Seen {
    looks: usize,
    wrong: usize,
}

/// Queries until the moves are done.
fn watch(ready: &Barrier, done: &AtomicBool, look: impl Fn() -> Result<usize>) -> Result<Seen> {
    let mut seen = Seen::default();
    ready.wait();
    while !done.load(Ordering::Acquire) {
        seen.wrong += look()?;
        seen.looks += 1;
    }
    Ok(seen)
}
