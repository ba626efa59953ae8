//! A connection goes to a public address that was looked up for it, and to no other.

use std::{
    net::{IpAddr, TcpListener},
    time::Duration,
};

use inference_service::fetch::{FetchOptions, Fetcher, Network, address};

use super::server::{Names, PRIVATE, PUBLIC, Server, answer, fetch, redirect, send};

const PHOTO: &[u8] = b"a photo";

fn server() -> Server {
    Server::start(|path, stream| match path {
        "/again" => send(stream, &redirect("/photo")),
        _ => send(stream, &answer("200 OK", "", PHOTO)),
    })
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_each_connection() {
    let (server, names) = (server(), Names::public());
    // Whoever looked twice, to check and then to connect, would connect to the second.
    names.set("photos.example", &[&[PUBLIC], &[PRIVATE]]);
    // Linux alone has this address without being told.
    let trap = TcpListener::bind((PRIVATE, server.port)).ok();
    let fetcher = server.fetcher(&names);
    let url = server.url("photos.example", "/photo");
    assert_eq!(fetch(&fetcher, &url).await, Ok(PHOTO.to_vec()));
    assert_eq!(names.asked().len(), 1);
    // The next one sees the second answer, and goes nowhere.
    let (code, words) = fetch(&fetcher, &url).await.unwrap_err();
    assert_eq!((code, names.asked().len()), ("url_not_allowed", 2));
    assert!(words.contains("not on the public Internet") && !words.contains("127."), "{words}");
    // Neither does a redirect to the very same host.
    names.set("photos.example", &[&[PUBLIC], &[PRIVATE]]);
    let (code, _) = fetch(&fetcher, &server.url("photos.example", "/again")).await.unwrap_err();
    assert_eq!((code, names.asked().len()), ("url_not_allowed", 4));
    assert_eq!(server.seen().len(), 2);
    if let Some(trap) = trap {
        trap.set_nonblocking(true).unwrap();
        assert!(trap.accept().is_err(), "somebody connected to the private address");
    }
}

#[tokio::test]
async fn one_private_address_among_public_ones_is_enough() {
    for addresses in [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC]] {
        let (server, names) = (server(), Names::public());
        names.set("photos.example", &[&addresses]);
        let fetcher = server.fetcher(&names);
        let (code, _) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!((code, server.seen().len()), ("url_not_allowed", 0), "{addresses:?}");
    }
}

#[tokio::test]
async fn an_address_is_refused_in_every_spelling_and_never_looked_up() {
    let (server, names) = (server(), Names::public());
    let fetcher = server.fetcher(&names);
    for host in "
        127.0.0.1 127.0.0.1. 127.1 127.0.1 0 0.0.0.0 2130706433 017700000001 0177.0.0.1 0177.0.0.01
        0x7f000001 0x7F.0x0.0x0.0x1 0x7f.1 4294967297 10.0.0.1 192.168.0.1 169.254.169.254
        2852039166 0xa9fea9fe 0251.0376.0251.0376 8.8.8.8 [::1] [::] [0:0:0:0:0:0:0:1]
        [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::127.0.0.1]
        [2002:7f00:1::] [fe80::1%25eth0] [fe80::1%eth0] [fd00:ec2::254] [2606:4700:4700::1111]"
        .split_whitespace()
    {
        let url = server.url(host, "/");
        assert_eq!(fetch(&fetcher, &url).await.unwrap_err().0, "url_not_allowed", "{url}");
    }
    for host in ["①②⑦.⓪.⓪.①", "%31%32%37.0.0.%31x", "localhost", "127.0.0.1\\@photos.example"]
    {
        let (code, _) = fetch(&fetcher, &server.url(host, "/")).await.unwrap_err();
        assert!(matches!(code, "url_invalid" | "url_not_allowed"), "{host}: {code}");
    }
    assert!(names.asked().is_empty() && server.seen().is_empty());
}

#[tokio::test]
async fn only_listed_names_are_looked_up() {
    let (server, names) = (server(), Names::public());
    let fetcher = server.fetcher(&names);
    for host in "
        other.example evil-photos.example photos.example.evil.example a.photos.example
        user@photos.example photos.example@evil.example xn--bcher-kva.example.evil.example"
        .split_whitespace()
    {
        let url = server.url(host, "/");
        assert_eq!(fetch(&fetcher, &url).await.unwrap_err().0, "url_not_allowed", "{url}");
    }
    for url in ["https://photos.example/", "https://photos.example:22/", "http://photos.example/"] {
        assert_eq!(fetch(&fetcher, url).await.unwrap_err().0, "url_not_allowed", "{url}");
    }
    assert!(names.asked().is_empty());
    for host in ["PHOTOS.example", "photos.example.", "XN--Bcher-KVA.example"] {
        assert_eq!(fetch(&fetcher, &server.url(host, "/")).await, Ok(PHOTO.to_vec()), "{host}");
    }
    assert_eq!(names.asked(), ["photos.example", "photos.example", "xn--bcher-kva.example"]);
}

#[tokio::test]
async fn a_name_without_an_address_cannot_be_reached() {
    let (server, names) = (server(), Names::default());
    let fetcher = server.fetcher(&names);
    for answers in [None, Some([&[][..]])] {
        if let Some(answers) = answers {
            names.set("photos.example", &answers);
        }
        let (code, _) = fetch(&fetcher, &server.url("photos.example", "/")).await.unwrap_err();
        assert_eq!(code, "url_unreachable");
    }
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_takes_no_connection() {
    let (server, names) = (server(), Names::public());
    let closed: IpAddr = "127.0.0.3".parse().unwrap();
    names.set("photos.example", &[&[closed, PUBLIC]]);
    let mut network = names.network();
    network.may_connect = |_| true;
    let hosts = format!("photos.example:{}", server.port).parse().unwrap();
    let timeout = Duration::from_secs(60);
    let options = FetchOptions { hosts, timeout, max_bytes: 1 << 20 };
    let fetcher = Fetcher::on(network.clone(), options.clone());
    let url = server.url("photos.example", "/");
    assert_eq!(fetch(&fetcher, &url).await, Ok(PHOTO.to_vec()));
    // What may be connected to by default is nothing of this machine's.
    let network = Network { may_connect: address::is_public, ..network };
    let fetcher = Fetcher::on(network, options);
    assert_eq!(fetch(&fetcher, &url).await.unwrap_err().0, "url_not_allowed");
    assert_eq!(server.seen().len(), 1);
}
