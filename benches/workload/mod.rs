//! Workloads by name. The same name and size give the same data on every machine.

/// An account's labels, and its chats in the order in which they got their first label.
#[derive(Debug)]
pub struct Workload {
    /// Display names; the id of a label is its position plus one.
    pub names: Vec<String>,
    pub chats: Vec<Chat>,
}

#[derive(Debug)]
pub struct Chat {
    pub id: String,
    /// In ascending order, never empty.
    pub labels: Vec<u32>,
}

/// The labels up to this id are stages: each chat has one of them.
pub const STAGES: u32 = 6;

/// The percentage of the chats in each stage, from the first on.
const CHATS_IN_STAGES: [usize; 6] = [40, 25, 15, 10, 6, 4];

/// The percentage of the chats with no tag, one tag, and so on.
const CHATS_WITH_TAGS: [usize; 4] = [60, 27, 10, 3];

/// Stages, and then tags from the most common to the rarest: the nth is n times as rare as the first.
const NAMES: [&str; 20] = [
    "New",
    "Contacted",
    "Offer sent",
    "Negotiation",
    "Won",
    "Perdido",
    "Cliente",
    "VIP",
    "Pending payment",
    "Support",
    "Atenção",
    "Wholesale",
    "Revendedor",
    "Birthday ★",
    "São Paulo",
    "Complaint",
    "Newsletter",
    "Supplier",
    "Imprensa",
    "Blocked",
];

/// The chats of a CRM's account: twenty labels, of which each chat has a stage and up to three tags. Nine in ten
/// are people in Brazil or the United States by phone number, the others groups and `@lid` ids.
pub fn crm(chats: usize) -> Workload {
    let mut random = Random(0x6c61_6265_6c73);
    let tags: Vec<usize> = (1..NAMES.len() - CHATS_IN_STAGES.len() + 1).map(|rank| 1_000_000 / rank).collect();
    let chats = (0..chats).map(|nth| {
        let mut labels = vec![1 + random.weighted(&CHATS_IN_STAGES)];
        let tagged = random.weighted(&CHATS_WITH_TAGS);
        while labels.len() <= tagged {
            let tag = 1 + CHATS_IN_STAGES.len() + random.weighted(&tags);
            if !labels.contains(&tag) {
                labels.push(tag);
            }
        }
        labels.sort_unstable();
        let labels = labels.into_iter().map(|label| u32::try_from(label).unwrap()).collect();
        Chat { id: jid(nth, &mut random), labels }
    });
    Workload { names: NAMES.map(str::to_owned).into(), chats: chats.collect() }
}

/// An id that no other chat has.
fn jid(nth: usize, random: &mut Random) -> String {
    // The factor is coprime to 10^8, so the first 10^8 ids are distinct.
    let unique = nth * 61_803_399 % 100_000_000;
    match random.below(100) {
        0..5 => format!("1203634{:03}{unique:08}@g.us", random.below(1_000)),
        5..10 => format!("{}{unique:08}{:05}@lid", 1 + random.below(2), random.below(100_000)),
        10..80 => format!("55{}9{unique:08}@c.us", 11 + random.below(89)),
        _ => format!("1{}{unique:08}@c.us", 20 + random.below(79)),
    }
}

/// SplitMix64.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 32).unwrap() % bound
    }

    /// A random position, with probability proportional to its weight.
    fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        let mut position = 0;
        for weight in weights {
            if left < *weight {
                break;
            }
            left -= weight;
            position += 1;
        }
        position
    }
}
