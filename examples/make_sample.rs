//! Writes the bundled sample of the program `label-index` to standard output:
//! `cargo run --example make_sample > examples/data/crm_sample.csv`.
//!
//! The account is invented and always the same. Its phone numbers are of the ranges that are set aside for fiction
//! (+1 xxx 555 01xx and +44 7700 900xxx), its other ids are far from any that a network gives.

use std::error::Error;
use std::io;

const CHATS: u64 = 280;
const SEED: u64 = 0x1abe_1025;

/// Names, and the percentages of people and of groups that have the label.
const LABELS: [(&str, u64, u64); 12] = [
    ("VIP", 4, 2),
    ("Support", 4, 8),
    ("Novo cliente", 22, 0),
    ("Orçamento enviado", 15, 0),
    ("Pagamento pendente", 12, 0),
    ("Pedido pago ✅", 20, 0),
    ("Atenção", 7, 10),
    ("São Paulo", 16, 16),
    ("Reclamação, urgente", 3, 0),
    // Another label than `VIP`, although a query for either name finds both.
    ("vip", 2, 2),
    ("Fornecedor", 4, 20),
    ("Equipe", 0, 55),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Random(SEED);
    let mut csv = csv::Writer::from_writer(io::stdout().lock());
    csv.write_record(["chat", "label"])?;
    for number in 0..CHATS {
        let kind = if number == 0 { 0 } else { random.below(100) };
        let chat = match kind {
            0..70 => person(number),
            70..80 => format!("{}@lid", 100_000_000_000_000 + number),
            80..92 => format!("{}@g.us", 120_363_000_000_000_000 + number),
            92..96 => format!("14155550123-{}@g.us", 1_000_000_000 + number),
            _ => format!("webchat:visitor-{number:04}"),
        };
        let group = chat.ends_with("@g.us");
        let mut labels: Vec<&str> = LABELS
            .iter()
            .filter(|&&(_, people, groups)| random.below(100) < if group { groups } else { people })
            .map(|&(name, ..)| name)
            .collect();
        if number == 0 {
            // Gives the two labels of the first query the ids 1 and 2.
            labels = vec!["VIP", "Support"];
        } else if labels.is_empty() {
            labels.push(if group { "Equipe" } else { "Novo cliente" });
        }
        for label in labels {
            csv.write_record([chat.as_str(), label])?;
        }
    }
    csv.flush()?;
    Ok(())
}

fn person(number: u64) -> String {
    let last = number % 100;
    match number / 100 {
        0 => format!("120255501{last:02}@c.us"),
        1 => format!("131255501{last:02}@c.us"),
        _ => format!("447700900{number}@c.us"),
    }
}

/// The generator SplitMix64: the sample must not change when a random number library does.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
