//! Random faults while stores write.
//!
//! `LABEL_INDEX_POSTGRES_ROUNDS` is the number of faults of each test, `LABEL_INDEX_POSTGRES_SEED` where they begin.

use std::thread;
use std::time::Duration;

use super::proxy::Proxy;
use super::server::Server;
use crate::amounts::amount;
use crate::choices::Choices;

pub(super) fn rounds() -> u64 {
    amount("LABEL_INDEX_POSTGRES_ROUNDS", 8)
}

/// Random numbers from a seed.
pub(super) struct Random(Choices);

impl Random {
    pub(super) fn new() -> Self {
        let seed = amount("LABEL_INDEX_POSTGRES_SEED", 1);
        eprintln!("LABEL_INDEX_POSTGRES_SEED={seed}");
        Self(Choices(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1))
    }

    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0.below(end)
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.position(all)]
    }

    pub(super) fn position<T>(&mut self, all: &[T]) -> usize {
        usize::try_from(self.below(u32::try_from(all.len()).unwrap())).unwrap()
    }

    pub(super) fn pause(&mut self, up_to: u32) {
        thread::sleep(Duration::from_millis(self.below(up_to).into()));
    }
}

/// Causes one fault for a while: connections that are cut, also at any byte, or that stall and continue; answers that
/// are lost; a server that is killed. Calls `meanwhile` during the fault, and ends the fault before it returns.
pub(super) fn disturb(random: &mut Random, proxies: &[Proxy], server: &Server, meanwhile: impl FnOnce(&mut Random)) {
    let proxy = random.one_of(proxies);
    let fault = random.below(5);
    match fault {
        0 => proxy.cut(),
        1 => proxy.cut_after(random.below(4_000)),
        2 => proxy.swallow_answers(),
        3 => proxy.stall(),
        _ => server.kill(),
    }
    random.pause(400);
    meanwhile(random);
    match fault {
        3 => proxy.release(),
        4 => server.resume(),
        _ => {
            proxy.cut();
            proxy.resume();
        }
    }
    random.pause(200);
}
