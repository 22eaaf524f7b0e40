//! Many links from many connections while the server is killed again and again: each link that was made has one event,
//! and each acknowledged one is there.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use crate::receiver::{Receiver, SECRET};
use crate::server::{SHOP, Server, chats};
use crate::sse::Stream;

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 64;
/// The connections that do not repeat a request without an answer: their link may or may not be made.
const NOT_AGAIN: usize = 8;
const KILLS: usize = 7;
const LABELS: usize = 4;

/// A label and a chat.
type Link = (String, String);

/// The link of a request; about every fifth is that of another request too.
fn link(number: usize) -> Link {
    let number = if number % 5 == 4 { number / 5 } else { number };
    let label = (number % LABELS + 1).to_string();
    (label, format!("55119{:08}", number))
}

/// The requests, and those that were acknowledged.
#[derive(Default)]
struct Asked {
    next: AtomicUsize,
    answered: AtomicUsize,
    attempted: Mutex<BTreeSet<Link>>,
    acknowledged: Mutex<BTreeSet<Link>>,
}

/// Sends requests for links, one by one, to the newest server.
async fn ask(caller: usize, asked: &Asked, mut server: watch::Receiver<String>) {
    // A client of its own has a connection of its own.
    let client = Client::builder().no_proxy().build().unwrap();
    loop {
        let number = asked.next.fetch_add(1, Ordering::Relaxed);
        if number >= REQUESTS {
            return;
        }
        let (label, chat) = link(number);
        asked.attempted.lock().unwrap().insert((label.clone(), chat.clone()));
        loop {
            let url = server.borrow_and_update().clone();
            let request = client.put(format!("{url}/v2/labels/{label}/chats/{chat}"));
            let request = request.query(&[("instance_id", "shop"), ("access_token", SHOP)]);
            match request.send().await {
                Ok(response) => {
                    assert_eq!(response.status(), StatusCode::OK);
                    asked.answered.fetch_add(1, Ordering::Relaxed);
                    asked.acknowledged.lock().unwrap().insert((label, chat));
                    break;
                }
                // The server was killed; the address of the next one will follow.
                Err(_) => server.changed().await.unwrap(),
            }
            if caller < NOT_AGAIN {
                break;
            }
        }
    }
}

/// The links in events, in order.
fn added<'a>(events: impl IntoIterator<Item = &'a Value>) -> Vec<Link> {
    let events = events.into_iter().filter(|event| event["event"] == "label.chat.added");
    let text = |value: &Value| value.as_str().unwrap().trim_end_matches("@c.us").to_owned();
    events.map(|event| (text(&event["label"]), text(&event["chat"]))).collect()
}

/// Every link of a server.
async fn links(server: &Server) -> BTreeSet<Link> {
    let mut links = BTreeSet::new();
    for label in 1..=LABELS {
        let mut after = String::new();
        loop {
            let answer = server.ask(Method::GET, &format!("/v2/labels/{label}/chats?limit=1000{after}")).await.ok();
            let page = chats(&answer);
            links.extend(page.iter().map(|chat| (label.to_string(), chat.trim_end_matches("@c.us").to_owned())));
            match answer["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
    }
    links
}

#[tokio::test]
async fn each_link_of_many_connections_has_one_event_over_kills() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let start = || Server::start_in(folder.path(), &["--webhook", &receiver.url, "--webhook-secret", SECRET]);
    let mut server = start();
    let mut stream = Stream::open(&server, None).await;
    let beginning = stream.next().await.unwrap().id;
    for number in 1..=LABELS {
        assert_eq!(server.label(&format!("Label {number}")).await, number.to_string());
    }

    let (asked, url) = (Asked::default(), watch::Sender::new(server.url.clone()));
    let callers = join_all((0..CONNECTIONS).map(|caller| ask(caller, &asked, url.subscribe())));
    let answered = async |number: usize| {
        while asked.answered.load(Ordering::Relaxed) < number {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let kills = async {
        for kill in 1..=KILLS {
            let number = REQUESTS * kill / (KILLS + 1);
            if kill % 2 == 0 {
                // The receiver is slow, so that a delivery is open.
                answered(number - REQUESTS / 50).await;
                receiver.answer(None);
            }
            answered(number).await;
            server.kill();
            receiver.answer(Some(204));
            server = start();
            url.send_replace(server.url.clone());
        }
    };
    tokio::join!(callers, kills);

    let links = links(&server).await;
    let (attempted, acknowledged) = (asked.attempted.into_inner().unwrap(), asked.acknowledged.into_inner().unwrap());
    assert!(attempted.len() < REQUESTS * 9 / 10, "some were asked for more than once");
    assert!(acknowledged.is_subset(&links), "lost: {:?}", acknowledged.difference(&links));
    assert!(links.is_subset(&attempted), "invented: {:?}", links.difference(&attempted));
    assert!(
        acknowledged.len() + KILLS * NOT_AGAIN >= attempted.len(),
        "{} are open",
        attempted.len() - acknowledged.len()
    );

    // A label after all links, whose event comes after theirs.
    let end = server.label("End").await;
    receiver.until(|receiver| receiver.last().is_some_and(|event| event["label"]["id"] == *end)).await;
    let posted = added(&receiver.taken_once());
    assert_eq!(posted.iter().cloned().collect::<BTreeSet<_>>(), links);
    assert_eq!(posted.len(), links.len(), "each link has one event");

    let mut stream = Stream::open(&server, Some(&beginning)).await;
    let mut streamed = Vec::new();
    while streamed.last().is_none_or(|event: &Value| event["label"]["id"] != *end) {
        streamed.push(stream.next().await.expect("the rest of the events").data);
    }
    assert_eq!(added(&streamed), posted, "streams and webhooks tell the same in the same order");
}
