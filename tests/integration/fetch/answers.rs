//! What servers answer: taken as it is, or refused in words of ours alone.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use inference_service::fetch::{FetchOptions, Fetcher};
use rustls::RootCertStore;

use super::server::{Names, Noted, Server, answer, await_close, fetch, send, tls};

const PHOTO: &[u8] = b"a photo";

#[tokio::test]
async fn a_photo_comes_as_it_is_and_its_memory_is_asked_for_before() {
    let photo = vec![7; 300_000];
    let server = Server::answering(answer("200 OK", "content-type: text/html\r\n", &photo));
    let fetcher = server.fetcher(&Names::public());
    assert!(fetcher.is_on());
    let mut memory = Noted::default();
    let url = server.url("Photos.EXAMPLE.", "/a%20b/c.jpg?d=e#f");
    assert_eq!(fetcher.get(&url, &mut memory).await.unwrap(), photo);
    assert!(memory.0.is_sorted());
    assert_eq!(memory.0.last(), Some(&photo.len()));
}

#[tokio::test]
async fn what_is_asked_says_nothing_of_the_client() {
    let server = Server::answering(answer("200 OK", "", PHOTO));
    let fetcher = server.fetcher(&Names::public());
    fetch(&fetcher, &server.url("photos.example", "/a.jpg?b=c")).await.unwrap();
    let head = server.seen().remove(0);
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /a.jpg?b=c HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: photos.example:{}", server.port);
    let agent = format!("user-agent: inference-service/{}", env!("CARGO_PKG_VERSION"));
    let accept = "accept: image/*, */*;q=0.5";
    assert_eq!(lines, ["accept-encoding: identity", accept, "connection: close", &host, &agent]);
}

#[tokio::test]
async fn nothing_is_fetched_where_no_host_is_named() {
    let hosts = "".parse().unwrap();
    let timeout = Duration::from_secs(1);
    let fetcher = Fetcher::new(FetchOptions { hosts, timeout, max_bytes: 1 }).unwrap();
    assert!(!fetcher.is_on());
    for url in ["https://photos.example/", "no url"] {
        let (code, words) = fetch(&fetcher, url).await.unwrap_err();
        assert_eq!(code, "url_disabled");
        assert!(words.contains("--url-hosts"), "{words}");
    }
}

#[tokio::test]
async fn only_the_status_200_has_a_photo() {
    const SECRET: &[u8] = b"s3cret of the server at 10.0.0.1";
    for status in [
        "201 Created",
        "204 No Content",
        "206 Partial Content",
        "300 Multiple Choices",
        "304 Not Modified",
        "305 Use Proxy",
        "401 Unauthorized",
        "404 Not Found",
        "500 Oh",
        "999 X",
    ] {
        let server = Server::answering(answer(status, "location: /elsewhere\r\n", SECRET));
        let fetcher = server.fetcher(&Names::public());
        let (code, words) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!(code, "url_status", "{status}");
        assert!(words.contains(&status[..3]) && !words.contains("s3cret"), "{words}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_not_echoed() {
    for bytes in [
        &b"s3cret\r\n\r\n"[..],
        b"SSH-2.0-s3cret\r\n",
        b"HTTP/0.9 200 s3cret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: s3cret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\ns3cret",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: identity, br\r\n\r\ns3cret",
        &[&b"HTTP/1.1 200 OK\r\n"[..], &b"x-s3cret: y\r\n".repeat(5000), b"\r\n"].concat(),
    ] {
        let server = Server::answering(bytes);
        let fetcher = server.fetcher(&Names::public());
        let (code, words) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!(code, "url_bad_answer", "{words}");
        assert!(!words.contains("s3cret"), "{words}");
    }
}

#[tokio::test]
async fn a_photo_that_breaks_off_is_none() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na photo",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\na photo\r\n",
    ] {
        let server = Server::answering(bytes);
        let fetcher = server.fetcher(&Names::public());
        let (code, words) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!(code, "url_unreachable", "{words}");
    }
}

/// The head of an answer of unknown length and its body, in each of the two ways.
fn without_length(body: &[u8]) -> [Vec<u8>; 2] {
    let until_close = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", body].concat();
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(1000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend([chunk, b"\r\n"].concat());
    }
    chunked.extend(b"0\r\n\r\n");
    [until_close, chunked]
}

#[tokio::test]
async fn a_photo_has_at_most_the_bytes_that_it_may_have() {
    const LIMIT: usize = 50_000;
    for (length, fits) in [(LIMIT, true), (LIMIT + 1, false), (10 * LIMIT, false)] {
        let photo = vec![7; length];
        let [until_close, chunked] = without_length(&photo);
        for bytes in [answer("200 OK", "", &photo), until_close, chunked] {
            let server = Server::answering(bytes);
            let fetcher =
                server.fetcher_with(&Names::public(), |options| options.max_bytes = LIMIT);
            let mut memory = Noted::default();
            let fetched = fetcher.get(&server.url("photos.example", "/"), &mut memory).await;
            assert!(memory.0.iter().all(|&bytes| bytes <= LIMIT));
            match fetched {
                Ok(fetched) => assert!(fits && fetched == photo),
                Err(error) => {
                    assert_eq!((fits, error.code()), (false, "url_too_large"));
                    assert!(error.to_string().contains("50000 bytes (--url-max-bytes)"), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_announces_too_much_is_refused_before_it_is_read() {
    let server = Server::start(|_, stream| {
        send(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000000000\r\n\r\n");
        await_close(stream);
    });
    let fetcher = server.fetcher(&Names::public());
    let mut memory = Noted::default();
    let refused = fetcher.get(&server.url("photos.example", "/"), &mut memory).await.unwrap_err();
    assert_eq!(refused.code(), "url_too_large");
    assert!(memory.0.is_empty());
}

#[tokio::test]
async fn a_server_that_takes_too_long_is_left() {
    const SLOW: [&[u8]; 3] =
        [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na"];
    for begun in SLOW {
        let (closed, close) = mpsc::channel();
        let server = Server::start(move |_, stream| {
            send(stream, begun);
            await_close(stream);
            closed.send(()).unwrap();
        });
        let fetcher = server
            .fetcher_with(&Names::public(), |options| options.timeout = Duration::from_millis(500));
        let (code, words) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!(code, "url_timeout");
        assert!(words.contains("0.5 s (--url-timeout)"), "{words}");
        close.recv().unwrap();
    }
}

#[tokio::test]
async fn the_limit_of_time_is_over_redirects_and_names_too() {
    // Each hop is fast; all of them together never end.
    let server = Server::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(300));
        send(stream, &super::server::redirect("/again"));
    });
    let short = |options: &mut FetchOptions| options.timeout = Duration::from_millis(700);
    let fetcher = server.fetcher_with(&Names::public(), short);
    let (code, _) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
    assert_eq!(code, "url_timeout");

    let mut network = Names::public().network();
    network.resolver = Arc::new(|_| Box::pin(std::future::pending()));
    let hosts = "photos.example".parse().unwrap();
    let mut options = FetchOptions { hosts, timeout: Duration::ZERO, max_bytes: 1 };
    short(&mut options);
    let fetcher = Fetcher::on(network, options);
    let (code, _) = fetch(&fetcher, "https://photos.example/").await.unwrap_err();
    assert_eq!(code, "url_timeout");
}

#[tokio::test]
async fn who_leaves_takes_the_connection_along() {
    let (came, comes) = tokio::sync::oneshot::channel();
    let (closed, close) = mpsc::channel();
    let came = std::sync::Mutex::new(Some(came));
    let server = Server::start(move |_, stream| {
        send(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na");
        came.lock().unwrap().take().unwrap().send(()).unwrap();
        await_close(stream);
        closed.send(()).unwrap();
    });
    let fetcher = server.fetcher(&Names::public());
    let url = server.url("photos.example", "/");
    tokio::select! {
        fetched = fetch(&fetcher, &url) => panic!("{fetched:?}"),
        come = comes => come.unwrap(),
    }
    close.recv().unwrap();
}

#[tokio::test]
async fn a_server_has_to_show_that_it_is_the_one() {
    let server = Server::answering(answer("200 OK", "", PHOTO));
    let names = Names::public();
    // Its certificate is for other names.
    names.set("other.example", &[&[super::server::PUBLIC]]);
    let port = server.port;
    let other = |options: &mut FetchOptions| {
        options.hosts = format!("other.example:{port}").parse().unwrap();
    };
    let fetcher = server.fetcher_with(&names, other);
    let (code, words) = fetch(&fetcher, &server.url("other.example", "/")).await.unwrap_err();
    assert_eq!(code, "url_unreachable");
    assert!(words.contains("certificate"), "{words}");
    // Nobody vouches for it.
    let mut network = names.network();
    network.tls = Arc::new(tls(RootCertStore::empty()));
    let hosts = format!("photos.example:{port}").parse().unwrap();
    let options = FetchOptions { hosts, timeout: Duration::from_secs(60), max_bytes: 1 << 20 };
    let fetcher = Fetcher::on(network, options);
    let (code, _) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
    assert_eq!(code, "url_unreachable");
    assert!(server.seen().is_empty());
}
