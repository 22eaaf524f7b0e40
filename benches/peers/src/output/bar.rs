//! The aims of label-index, as ratios within one run, and whether it reaches them.

use super::numbers::number;
use super::table::question;
use crate::engines::{BITMAPS, OURS, ROARING};
use crate::record::Record;

/// One aim and the values for it.
pub(crate) struct Demand {
    pub(crate) measure: &'static str,
    pub(crate) workload: &'static str,
    pub(crate) wanted: String,
    pub(crate) found: Vec<Found>,
}

/// The value of one query for an aim.
pub(crate) struct Found {
    pub(crate) question: String,
    pub(crate) value: f64,
    pub(crate) holds: bool,
    /// The ratio of the aim to the value; below 1 the aim is not reached.
    pub(crate) margin: f64,
}

/// The values of a run.
struct Values<'a>(&'a [Record]);

/// The queries of an aim.
type Asked = fn(&Record) -> bool;

impl Values<'_> {
    /// Our own values of a workload (all if empty).
    fn ours<'b>(&'b self, workload: &'b str, measure: &'b str) -> impl Iterator<Item = &'b Record> {
        let of_workload = move |record: &&Record| workload.is_empty() || record.workload == workload;
        self.0.iter().filter(move |record| record.engine == OURS && record.measure == measure).filter(of_workload)
    }

    /// The best value of other engines for the same query.
    fn best(&self, ours: &Record, peers: &[&str]) -> Option<f64> {
        let beside = self.0.iter().filter(|record| record.is_beside(ours) && peers.contains(&record.engine));
        beside.map(Record::value).min_by(f64::total_cmp)
    }

    /// Every peer takes at least `least` times our time.
    fn times(&self, workload: &'static str, measure: &'static str, asked: Asked, peers: &[&str], least: f64) -> Demand {
        let name = match peers {
            [one] => one,
            _ if peers == ROARING => "the faster roaring engine",
            _ => "the best bitmaps",
        };
        let found = self.ours(workload, measure).filter(|record| asked(record)).filter_map(|ours| {
            let ratio = self.best(ours, peers)? / ours.value();
            Some(Found { question: question(ours), value: ratio, holds: ratio >= least, margin: ratio / least })
        });
        Demand { measure, workload, wanted: format!("{}x of {name}", number(least)), found: found.collect() }
    }

    /// We take at most 1.25 times the time of the faster roaring engine, or 3 us more.
    fn not_behind(&self, workload: &'static str, measure: &'static str) -> Demand {
        let found = self.ours(workload, measure).filter_map(|ours| {
            let best = self.best(ours, &ROARING)?;
            let margin = (best * 1.25).max(best + 3.0) / ours.value();
            Some(Found { question: question(ours), value: best / ours.value(), holds: margin >= 1.0, margin })
        });
        let wanted = "at most 1.25x of the faster roaring engine, or 3 us more".to_owned();
        Demand { measure, workload, wanted, found: found.collect() }
    }

    /// Our own value grows at most `most`-fold from one workload to another.
    fn growth(&self, measure: &'static str, from: &'static str, to: &'static str, most: f64) -> Demand {
        let found = self.ours(to, measure).filter_map(|large| {
            let same = |small: &&Record| (small.k, small.labels) == (large.k, large.labels);
            let ratio = large.value() / self.ours(from, measure).find(same)?.value();
            Some(Found { question: question(large), value: ratio, holds: ratio <= most, margin: most / ratio })
        });
        Demand { measure, workload: to, wanted: format!("at most {most}x of {from}"), found: found.collect() }
    }

    /// Our own value is at most, or at least, the limit.
    fn limit(&self, workload: &'static str, measure: &'static str, asked: Asked, limit: Limit) -> Demand {
        let found = self.ours(workload, measure).filter(|record| asked(record)).map(|ours| {
            let margin = match limit {
                Limit::Most(most) => most / ours.value(),
                Limit::Least(least) => ours.value() / least,
            };
            let question = format!("{} {}", ours.workload, question(ours));
            Found { question, value: ours.value(), holds: margin >= 1.0, margin }
        });
        let wanted = match limit {
            Limit::Most(most) => format!("at most {}", number(most)),
            Limit::Least(least) => format!("at least {}", number(least)),
        };
        Demand { measure, workload, wanted, found: found.collect() }
    }
}

#[derive(Clone, Copy)]
enum Limit {
    Most(f64),
    Least(f64),
}

/// All aims with the values of a run; those that it did not measure have no values.
pub(crate) fn demands(records: &[Record]) -> Vec<Demand> {
    use Limit::{Least, Most};
    let values = Values(records);
    let any: Asked = |_| true;
    let several: Asked = |record| matches!(record.k, Some(3 | 8 | 20));
    let large: Asked = |record| matches!(record.workload.as_str(), "crm-1m" | "crm-10m");
    let (share, p99): (Asked, Asked) = (|record| record.unit == "share", |record| record.unit == "p99/median");
    let (bytes, time): (Asked, Asked) =
        (|record| record.unit == "bytes", |record| record.unit == "us" && record.labels == Some("p99.99"));
    let sets = ["tags-1m", "bitsets1925630", "census1881", "debtags"];
    let totals = ["totals", "totals_all_of", "totals_none_of"];
    let with_many_sets =
        sets.into_iter().flat_map(|workload| totals.map(|measure| values.not_behind(workload, measure)));
    let mut demands: Vec<Demand> = with_many_sets.collect();
    demands.extend([
        values.times("crm-10m", "totals", several, &BITMAPS, 300.0),
        values.times("crm-10m", "totals", several, &["sqlite"], 1_000.0),
        values.growth("totals", "crm-100k", "crm-10m", 2.5),
        values.growth("totals", "crm-1m", "crm-10m", 1.4),
        values.times("", "page_first", any, &ROARING, 0.5),
        values.times("", "page_middle", any, &ROARING, 0.5),
        values.times("crm-10m", "totals_all_of", any, &BITMAPS, 30.0),
        values.times("crm-10m", "totals_none_of", any, &BITMAPS, 30.0),
        values.times("crm-10m", "page_first", any, &["sqlite"], 20.0),
        values.times("crm-10m", "page_middle", any, &["sqlite"], 20.0),
        values.growth("page_first", "crm-100k", "crm-10m", 1.5),
        values.growth("page_middle", "crm-100k", "crm-10m", 1.5),
        values.times("crm-10m", "labels_of", any, &["sqlite"], 10.0),
        values.times("crm-10m", "labels_of", any, &["hashset"], 1.0 / 1.1),
        values.times("crm-10m", "link", any, &["sqlite"], 10.0),
        values.times("crm-10m", "link", any, &["hashset"], 1.0),
        values.times("crm-10m", "unlink", any, &["sqlite"], 10.0),
        values.times("crm-10m", "unlink", any, &["hashset"], 1.0),
        values.times("crm-1m", "cold_totals", any, &BITMAPS, 8.0),
        values.times("crm-10m", "cold_totals", any, &BITMAPS, 60.0),
        values.times("bitsets1925630", "cold_totals", any, &BITMAPS, 1.0),
        values.times("", "cold_labels_of", any, &["hashset"], 1.0 / 1.5),
        values.times("", "cold_link", any, &["hashset"], 1.0 / 1.5),
        values.times("", "cold_page", any, &BITMAPS, 1.0 / 1.5),
        values.times("crm-10m", "bulk_load", any, &["sqlite"], 10.0),
        values.times("crm-10m", "bulk_load", any, &["hashset"], 5.0),
        values.limit("crm-10m", "bytes_per_chat", any, Most(24.0)),
        values.limit("", "bytes_per_chat", large, Most(26.0)),
        values.times("crm-10m", "bytes_per_chat", any, &["hashset"], 10.0),
        values.times("crm-10m", "bytes_per_chat", any, &["sqlite"], 4.0),
        values.limit("many-accounts", "bytes_per_chat", any, Most(48.0)),
        values.limit("", "snapshot", any, Most(1.0)),
        values.limit("crm-10m", "worst_write_under_snapshot", bytes, Most(65_536.0)),
        values.limit("crm-10m", "worst_write_under_snapshot", time, Most(50.0)),
        values.limit("crm-1m", "reads_beside_writer", share, Least(0.5)),
        values.limit("crm-1m", "reads_beside_writer", p99, Most(10.0)),
        values.limit("crm-1m", "writes_beside_reader", share, Least(0.2)),
    ]);
    demands
}
