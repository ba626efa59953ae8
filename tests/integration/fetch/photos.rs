//! The photos of a request: in its order, some as they came and some fetched, a few at a time, with
//! the memory of all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use inference_service::{
    admission::{Admission, Capacity, Division, Refusal, Visit},
    fetch::Fetcher,
    upload::{Input, Photo},
};

use super::server::{Names, Server, answer, send};

const KIB: usize = 1 << 10;

/// The visit of a request whose body has been read, where all bodies share `bytes`.
async fn visit(bytes: usize) -> Visit {
    let division = |wide| Division { wide, narrow: 0 };
    let capacity = Capacity {
        bodies: division(bytes as u64),
        decodes: division(1 << 20),
        images: 300,
        small_images: 0,
        timeout: Duration::from_millis(200),
    };
    Admission::new(capacity, 1e3).enter(Some(0)).await.map(read).unwrap()
}

fn read(mut visit: Visit) -> Visit {
    visit.read(0);
    visit
}

/// A server whose `/n` has n bytes.
fn server() -> Server {
    Server::start(|path, stream| {
        let length = path[1..].parse().unwrap();
        send(stream, &answer("200 OK", "", &vec![b'x'; length]));
    })
}

fn urls(server: &Server, lengths: &[usize]) -> Vec<Photo> {
    let url = |length| Photo::Url(server.url("photos.example", &format!("/{length}")));
    lengths.iter().map(url).collect()
}

/// What became of each photo: the bytes that it has, or the code of the reason why it has none.
fn inputs(photos: Vec<Photo>) -> Vec<Input> {
    photos.into_iter().map(Input::Photo).collect()
}

fn outcomes(photos: Vec<Input>) -> Vec<Result<usize, &'static str>> {
    let outcome = |photo| match photo {
        Input::Photo(Photo::Bytes(bytes)) => Ok(bytes.len()),
        Input::Photo(Photo::Missing(missing)) => Err(missing.code),
        other => panic!("{other:?}"),
    };
    photos.into_iter().map(outcome).collect()
}

async fn fetched(
    fetcher: &Fetcher,
    photos: Vec<Photo>,
    until_one_fails: bool,
) -> Vec<Result<usize, &'static str>> {
    let mut visit = visit(64 << 20).await;
    let (photos, _memory) =
        fetcher.inputs(inputs(photos), 16 << 20, until_one_fails, &mut visit).await.unwrap();
    outcomes(photos)
}

#[tokio::test]
async fn photos_keep_their_order_and_failures_their_place() {
    let server = server();
    let fetcher = server.fetcher(&Names::public());
    let mut photos = urls(&server, &[30_000, 2 << 20, 10]);
    photos.insert(1, Photo::Bytes(Bytes::from_static(b"came")));
    photos.push(Photo::Url("https://other.example/".to_owned()));
    let all = [Ok(30_000), Ok(4), Err("url_too_large"), Ok(10), Err("url_not_allowed")];
    assert_eq!(fetched(&fetcher, photos.clone(), false).await, all);
    assert_eq!(fetched(&fetcher, photos, true).await, all[..3]);
}

#[tokio::test]
async fn photos_that_came_are_left_alone() {
    let server = server();
    let fetcher = server.fetcher(&Names::public());
    let mut visit = visit(64 << 20).await;
    let photos = vec![Photo::Base64(Bytes::from_static(b"aGVsbG8="))];
    let (photos, memory) = fetcher.inputs(inputs(photos), 1, true, &mut visit).await.unwrap();
    assert!(matches!(&photos[..], [Input::Photo(Photo::Base64(_))]) && memory.is_none());
}

#[tokio::test]
async fn a_request_has_eight_connections_at_most() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |_, stream| {
        peak.fetch_max(counted.fetch_add(1, SeqCst) + 1, SeqCst);
        // Long enough for others to come, if they do.
        std::thread::sleep(Duration::from_millis(50));
        counted.fetch_sub(1, SeqCst);
        send(stream, &answer("200 OK", "", b"a"));
    });
    let fetcher = server.fetcher(&Names::public());
    assert_eq!(fetched(&fetcher, urls(&server, &[1; 30]), false).await, [Ok(1); 30]);
    let most = most.load(SeqCst);
    assert!((2..=8).contains(&most), "{most}");
}

#[tokio::test]
async fn all_photos_of_a_request_together_are_within_its_limit() {
    let server = server();
    let fetcher = server.fetcher(&Names::public());
    let mut visit = visit(64 << 20).await;
    let photos = urls(&server, &[400 * KIB, 400 * KIB, 400 * KIB]);
    let (photos, memory) =
        fetcher.inputs(inputs(photos), KIB * KIB, false, &mut visit).await.unwrap();
    let outcomes = outcomes(photos);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(400 * KIB)).count(), 2);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err("url_too_large")).count(), 1);
    assert!(memory.is_some());
}

#[tokio::test]
async fn without_memory_the_request_is_refused() {
    let server = server();
    let fetcher = server.fetcher(&Names::public());
    let mut visit = visit(512 * KIB).await;
    let photos = urls(&server, &[400 * KIB]);
    let refused = fetcher.inputs(inputs(photos), 16 << 20, false, &mut visit).await.unwrap_err();
    assert!(matches!(refused, Refusal::NoMemory { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_url_that_nobody_fetched_has_no_bytes() {
    let error = Photo::Url("https://photos.example/".to_owned()).bytes().unwrap_err();
    assert!(error.to_string().contains("--url-hosts"), "{error}");
}
