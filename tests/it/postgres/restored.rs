//! A server that lost acknowledged commits: it was restored to an earlier state, as by a fail-over to a replica that
//! was behind.

use label_index::{Delivery, LabelIndex, Store, Subscriber};

use super::disturb::{Random, rounds};
use super::process::options;
use super::server::{Server, new_schema};
use crate::store::Image;

/// Receives all pending deliveries. Returns whether commits were missed.
fn missed(feed: &mut Subscriber, index: &LabelIndex) -> bool {
    let mut missed = false;
    while let Some(delivery) = feed.try_recv() {
        match delivery {
            Delivery::Commit(commit) => assert_eq!(commit.revision, feed.revision()),
            Delivery::Missed { .. } => {
                missed = true;
                feed.resume_after(index.revision());
            }
            other => panic!("{other:?}"),
        }
    }
    missed
}

#[test]
fn lost_commits_are_noticed_and_no_store_continues_from_them() {
    let Some(server) = Server::start() else { return };
    let (schema, mut random) = (new_schema(), Random::new());
    let connect = || options(&schema).checkpoint_floor(500).connect(server.url()).unwrap();
    let stores: Vec<Store> = (0..2).map(|_| connect()).collect();
    let indexes: Vec<LabelIndex> = stores.iter().map(|store| store.instance("shop").unwrap()).collect();
    indexes[0].upsert_label("1", "VIP").unwrap();
    indexes.iter().for_each(|index| index.catch_up().unwrap());
    let mut feeds: Vec<Subscriber> = indexes.iter().map(LabelIndex::subscribe).collect();
    for round in 0..rounds().div_ceil(4) {
        let mut write = |what: &str, count: u32| {
            for chat in 0..count {
                assert!(random.one_of(&indexes).link("1", format!("{what} {round} {chat}")).unwrap());
            }
        };
        write("kept", 5);
        server.kill();
        server.await_end();
        let copy = server.copy();
        server.resume();
        let lost = 1 + u32::try_from(round % 7).unwrap();
        write("lost", lost);
        indexes.iter().for_each(|index| index.catch_up().unwrap());
        assert!(feeds.iter_mut().zip(&indexes).all(|(feed, index)| !missed(feed, index)));
        server.kill();
        server.put_back(&copy);
        server.resume();
        // Fewer commits than were lost, as many, or more: a log of equal length may still be another log.
        write("lost", lost.min(3));
        write("after", u32::try_from(round % 5).unwrap());
        indexes.iter().for_each(|index| index.catch_up().unwrap());
        let anew = Image::from(&connect().existing("shop").unwrap());
        for (index, feed) in indexes.iter().zip(&mut feeds) {
            assert_eq!(Image::from(index), anew);
            assert!(missed(feed, index), "nobody was told");
            let there = |what: &str, chat: u32| index.contains("1", format!("{what} {round} {chat}"));
            assert!((0..5).all(|chat| there("kept", chat)));
            assert!((3..lost).all(|chat| !there("lost", chat)), "what the server lost is nowhere");
        }
    }
}
