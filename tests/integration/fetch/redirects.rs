//! Each redirect is checked as the URL of a client is, and leads nowhere else.

use super::server::{Names, PRIVATE, Server, answer, fetch, redirect, send};

const PHOTO: &[u8] = b"a photo";

/// A server that redirects from `/` to what `to` makes of its port, and has a photo everywhere else.
fn redirecting(status: &'static str, to: impl Fn(u16) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |path, stream| {
        let port = stream.get_ref().sock.local_addr().unwrap().port();
        match path {
            "/" => {
                send(stream, &answer(status, &format!("location: {}\r\n", to(port)), b"no photo"))
            }
            _ => send(stream, &answer("200 OK", "", PHOTO)),
        }
    })
}

/// What comes of following a redirect to `to`, in which `PORT` stands for the server's, and how many
/// requests that took.
async fn follow(to: &'static str, names: &Names) -> (Result<Vec<u8>, &'static str>, usize) {
    let server = redirecting("302 Found", move |port| to.replace("PORT", &port.to_string()));
    let fetcher = server.fetcher(names);
    let fetched = fetch(&fetcher, &server.url("photos.example", "/")).await;
    let fetched = fetched.map_err(|(code, words)| {
        assert!(!words.contains("s3cret") && !words.contains("127."), "{words}");
        code
    });
    (fetched, server.seen().len())
}

#[tokio::test]
async fn a_redirect_to_a_listed_host_is_followed() {
    for to in [
        "/photo",
        "photo",
        "?photo",
        "//cdn.example:PORT/photo",
        "https://cdn.example:PORT/photo",
        "HTTPS://CDN.example.:PORT/photo#fragment",
    ] {
        let names = Names::public();
        assert_eq!(follow(to, &names).await, (Ok(PHOTO.to_vec()), 2), "{to}");
        let last = if to.to_lowercase().contains("cdn") { "cdn.example" } else { "photos.example" };
        assert_eq!(names.asked(), ["photos.example", last], "one lookup for each connection");
    }
}

#[tokio::test]
async fn a_redirect_to_anything_else_is_not() {
    for to in [
        "http://photos.example:PORT/photo",
        "http://cdn.example:PORT/photo",
        "ftp://photos.example:PORT/photo",
        "file:///etc/passwd",
        "//s3cret.example/photo",
        "https://s3cret.example/photo",
        "https://photos.example.s3cret.example:PORT/photo",
        "https://s3cret-photos.example:PORT/photo",
        "https://photos.example/photo",
        "https://photos.example:22/photo",
        "https://user:s3cret@photos.example:PORT/photo",
        "https://photos.example:PORT@s3cret.example/photo",
        "https://127.0.0.1:PORT/photo",
        "https://[::1]:PORT/photo",
        "https://[::ffff:127.0.0.1]:PORT/photo",
        "https://2130706433:PORT/photo",
        "https://169.254.169.254/latest/meta-data/",
    ] {
        let names = Names::public();
        assert_eq!(follow(to, &names).await, (Err("url_not_allowed"), 1), "{to}");
        assert_eq!(names.asked(), ["photos.example"], "{to}");
    }
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_not_followed() {
    let names = Names::public();
    names.set("inside.example", &[&[PRIVATE]]);
    let followed = follow("https://inside.example:PORT/photo", &names).await;
    assert_eq!(followed, (Err("url_not_allowed"), 1));
    assert_eq!(names.asked(), ["photos.example", "inside.example"]);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_no_photo() {
    for to in ["", "https:///photo", "https://photos.example:x/"] {
        let (followed, requests) = follow(to, &Names::public()).await;
        assert!(matches!(followed, Err("url_bad_answer" | "url_invalid")), "{to}: {followed:?}");
        assert_eq!(requests, 1);
    }
    for bytes in
        [&b"HTTP/1.1 302 Found\r\n\r\n"[..], b"HTTP/1.1 302 Found\r\nlocation: \xFF\r\n\r\n"]
    {
        let server = Server::answering(bytes);
        let fetcher = server.fetcher(&Names::public());
        let (code, _) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!(code, "url_bad_answer");
    }
}

#[tokio::test]
async fn every_status_that_redirects_is_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let server = redirecting(status, |_| "/photo".to_owned());
        let fetcher = server.fetcher(&Names::public());
        let fetched = fetch(&fetcher, &server.url("photos.example", "/")).await;
        assert_eq!(fetched, Ok(PHOTO.to_vec()), "{status}");
    }
}

#[tokio::test]
async fn three_redirects_are_followed_and_no_more() {
    // `/n` redirects n times.
    let server = Server::start(|path, stream| match path[1..].parse::<u32>() {
        Ok(0) | Err(_) => send(stream, &answer("200 OK", "", PHOTO)),
        Ok(left) => send(stream, &redirect(&format!("/{}", left - 1))),
    });
    let fetcher = server.fetcher(&Names::public());
    assert_eq!(fetch(&fetcher, &server.url("photos.example", "/3")).await, Ok(PHOTO.to_vec()));
    assert_eq!(server.seen().len(), 4);
    let (code, words) = fetch(&fetcher, &server.url("photos.example", "/4")).await.unwrap_err();
    assert_eq!(code, "url_bad_answer");
    assert!(words.contains("more than 3 times"), "{words}");
    assert_eq!(server.seen().len(), 8);
}
