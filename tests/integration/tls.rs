//! Over TLS everything is as without it: both versions of HTTP, the limits, the stop. Certificates are
//! changed without a restart, and who speaks no TLS costs himself alone.

mod certificate;

use std::{
    io::ErrorKind,
    process::Output,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::rustls::version;

use crate::{
    connections::status,
    service::{CAT, Connection, Service, binary},
};
use certificate::{Client, Files, Made, service};

/// Longer than anything may take here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time within which what waits for nothing must have happened.
const PROMPT: Duration = Duration::from_secs(5);

/// What the log says when a changed certificate is in force.
fn await_reload(service: &Service) {
    service.await_log("the new certificate", |line| {
        line["message"] == "changed files are in force" && line["what"] == "TLS certificate"
    });
}

#[tokio::test]
async fn http1_is_served_over_tls_1_2_and_1_3() {
    let made = Made::new();
    let certificate = made.certificate();
    let service = service(&Files::new(&made), &[]);
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        for offers in [&[][..], &["http/1.1"], &["h3", "http/1.1"]] {
            let client = Client { versions, offers, ..Client::of(&certificate) };
            let stream = client.connect(&service).await.unwrap();
            let agreed = stream.get_ref().1.alpn_protocol();
            assert_eq!(agreed, (!offers.is_empty()).then_some(&b"http/1.1"[..]), "{offers:?}");
            let mut http = client.http1(&service).await;
            assert_eq!(http.ask("/health", None).await, (200, None));
            assert_eq!(http.ask("/embed", Some(&CAT)).await, (200, None));
        }
    }
    assert_eq!(service.logged().iter().filter(|line| line["tls"] == true).count(), 1);
}

#[tokio::test]
async fn http2_is_agreed_on_where_the_client_offers_it() {
    let made = Made::new();
    let certificate = made.certificate();
    let service = service(&Files::new(&made), &["--max-connection-age", "1s"]);
    let client = Client { offers: &["http/1.1", "h2"], ..Client::of(&certificate) };
    let stream = client.connect(&service).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    assert_eq!(status(&mut sender, &service, "/embed", Some(&CAT)).await, 200);
    // An old connection is told to go, in HTTP/2's own way.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(status(&mut sender, &service, "/livez", None).await, 200);
    timeout(PATIENCE, connection).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_new_certificate_is_used_by_new_handshakes_and_open_connections_go_on() {
    let (old, new) = (Made::new(), Made::new());
    let files = Files::new(&old);
    let service = service(&files, &[]);
    let (old_certificate, new_certificate) = (old.certificate(), new.certificate());
    let mut open = Client::of(&old_certificate).http1(&service).await;
    assert_eq!(open.ask("/livez", None).await.0, 200);
    files.write(&new.certificate_pem(), &new.key_pem());
    await_reload(&service);
    assert_eq!(Client::of(&new_certificate).http1(&service).await.ask("/livez", None).await.0, 200);
    assert!(Client::of(&old_certificate).connect(&service).await.is_err());
    assert_eq!(open.ask("/livez", None).await.0, 200);
}

#[tokio::test]
async fn a_broken_pair_is_kept_out_and_told() {
    let (old, other) = (Made::new(), Made::new());
    let files = Files::new(&old);
    let service = service(&files, &[]);
    let certificate = old.certificate();
    for (new_certificate, new_key, told) in [
        (other.certificate_pem(), old.key_pem(), "is not the key of the certificate"),
        ("no certificate".to_owned(), old.key_pem(), "holds no certificate"),
        (old.certificate_pem(), "no key".to_owned(), "holds no private key"),
    ] {
        files.write(&new_certificate, &new_key);
        service.await_log(told, |line| {
            let error = line["error"].as_str().unwrap_or_default();
            line["level"] == "WARN" && error.contains(told)
        });
        assert_eq!(Client::of(&certificate).http1(&service).await.ask("/livez", None).await.0, 200);
    }
    files.write(&other.certificate_pem(), &other.key_pem());
    await_reload(&service);
    let certificate = other.certificate();
    assert_eq!(Client::of(&certificate).http1(&service).await.ask("/livez", None).await.0, 200);
}

#[tokio::test]
async fn a_slow_handshake_is_ended_and_holds_nobody_up() {
    let made = Made::new();
    let certificate = made.certificate();
    let service = service(&Files::new(&made), &["--header-timeout", "2s"]);
    let start = Instant::now();
    // Nothing, the head of a record, half a greeting that the record announces.
    let stalled: [&[u8]; 3] =
        [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"];
    let mut connections: Vec<Connection> = stalled
        .iter()
        .cycle()
        .take(30)
        .map(|bytes| {
            let mut connection = service.connect();
            connection.write(bytes);
            connection
        })
        .collect();
    // One that has shaken hands, and then says nothing.
    let mut silent = Client::of(&certificate).connect(&service).await.unwrap();
    assert_eq!(Client::of(&certificate).http1(&service).await.ask("/livez", None).await.0, 200);
    for connection in &mut connections {
        connection.await_close();
        assert!(start.elapsed() >= Duration::from_millis(1900), "{:?}", start.elapsed());
    }
    let ended = timeout(PATIENCE, silent.read_u8()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn handshakes_count_as_connections() {
    let made = Made::new();
    let certificate = made.certificate();
    let service = service(&Files::new(&made), &["--max-connections", "2"]);
    let mut stalled: Vec<Connection> = (0..2).map(|_| service.connect()).collect();
    for connection in &mut stalled {
        connection.write(b"\x16");
    }
    let waiting = async { Client::of(&certificate).http1(&service).await };
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    service.await_log("the limit", |line| line["connections"] == 2);
    stalled.pop();
    let mut let_in = timeout(PATIENCE, waiting).await.unwrap();
    assert_eq!(let_in.ask("/livez", None).await.0, 200);
}

#[test]
fn who_speaks_no_tls_is_told_or_left() {
    let made = Made::new();
    let service = service(&Files::new(&made), &[]);
    let plain = service.get("/health");
    assert_eq!(plain.status, 400);
    assert_eq!(plain.header("connection"), Some("close"));
    assert!(plain.text().contains("use https://"), "{}", plain.text());
    let mut with_body = service.connect();
    with_body.write("POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n");
    with_body.write(vec![b'x'; 100_000]);
    assert_eq!(with_body.read().status, 400);
    assert!(with_body.await_close() < PROMPT);
    let garbage: [&[u8]; 4] = [
        b"\0\0\0\0\0\0\0\0",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x16\x16\x16\x16\x16\x16\x16\x16\x16\x16\x16",
        b"\x16\x03\x01\x00\x05hello",
    ];
    for garbage in garbage {
        let mut connection = service.connect();
        connection.write(garbage);
        assert!(connection.await_close() < PROMPT, "{garbage:?}");
    }
    assert_eq!(service.get("/health").status, 400);
}

#[tokio::test]
async fn a_connection_over_tls_ends_in_time_and_with_a_farewell() {
    let made = Made::new();
    let certificate = made.certificate();
    let service = service(&Files::new(&made), &["--keep-alive", "1s", "--header-timeout", "2s"]);
    let client = Client::of(&certificate);
    let mut idle = client.http1(&service).await;
    assert_eq!(idle.ask("/livez", None).await.0, 200);
    timeout(PATIENCE, idle.connection).await.unwrap().unwrap().unwrap();
    // The limit of a second head: half of it comes.
    let mut stream = client.connect(&service).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\nGET /li").await.unwrap();
    let mut answers = Vec::new();
    // Closed without more ado, as without TLS.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answers)).await.unwrap();
    assert_eq!(String::from_utf8(answers).unwrap().matches("HTTP/1.1 ").count(), 1);
}

#[tokio::test]
async fn a_stop_finishes_what_has_begun_and_says_farewell_to_the_rest() {
    let made = Made::new();
    let certificate = made.certificate();
    let mut service = service(&Files::new(&made), &["--drain-delay", "1s"]);
    let client = Client::of(&certificate);
    let mut idle = client.http1(&service).await;
    assert_eq!(idle.ask("/livez", None).await, (200, None));
    // A request whose body comes after the signal.
    let mut begun = client.connect(&service).await.unwrap();
    let head = format!(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        CAT.len()
    );
    begun.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    timeout(PATIENCE, begun.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    // Who has not shaken hands has asked for nothing.
    let mut stalled = service.connect();
    stalled.write(b"\x16\x03\x01");
    service.signal("TERM");
    service.await_log("closing", |line| line["message"] == "closing the ports");
    timeout(PATIENCE, idle.connection).await.unwrap().unwrap().unwrap();
    begun.write_all(&CAT).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, begun.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert_eq!(service.exit().code(), Some(0));
}

fn run(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    binary().args(arguments).envs(env.iter().copied()).output().unwrap()
}

fn told(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn the_programs_beside_the_service_speak_tls() {
    let made = Made::new();
    let files = Files::new(&made);
    let service = service(&files, &[]);
    let port = service.api.port().to_string();
    let (certificate, key) = (files.certificate(), files.key());
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let settings =
        [("PORT", port.as_str()), ("ADMIN_PORT", "0"), ("TLS_CERT", certificate), ("TLS_KEY", key)];
    let health = run(&["health"], &settings);
    assert!(health.status.success(), "{}", told(&health));
    let url = format!("https://localhost:{port}");
    let load = ["--requests", "4", "--clients", "2", "--probe", "/livez", "--probe-rate", "1"];
    let bench = |more: &[&str], env: &[(&str, &str)]| {
        run(&[&["bench", "--url", &url], &load[..], more].concat(), env)
    };
    for (more, env) in [(&["--insecure"][..], &[][..]), (&[], &[("SSL_CERT_FILE", certificate)])] {
        let output = bench(more, env);
        assert!(output.status.success(), "{}", told(&output));
    }
    let output = bench(&[], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("--insecure"), "{}", told(&output));
}

#[test]
fn a_pair_that_cannot_be_used_is_a_mistake_of_the_settings() {
    let (made, other) = (Made::new(), Made::new());
    let files = Files::new(&made);
    let refused = |certificate: Option<&str>, key: Option<&str>, parts: &[&str]| {
        let given = [("TLS_CERT", certificate), ("TLS_KEY", key)];
        let env: Vec<_> =
            given.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
        let output = run(&["config"], &env);
        assert_eq!(output.status.code(), Some(64), "{}", told(&output));
        for part in ["1 wrong value:"].iter().chain(parts) {
            assert!(told(&output).contains(part), "{part} is not in {}", told(&output));
        }
    };
    let (certificate, key) = (files.certificate(), files.key());
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    assert!(run(&["config", "--tls-cert", certificate, "--tls-key", key], &[]).status.success());
    refused(Some(certificate), None, &["--tls-cert", "give --tls-key too"]);
    refused(None, Some(key), &["--tls-key", "give --tls-cert too"]);
    refused(Some("/no/such.crt"), Some(key), &["--tls-cert", "/no/such.crt cannot be read"]);
    refused(Some(certificate), Some("/no/such.key"), &["--tls-key", "/no/such.key cannot be read"]);
    refused(Some(key), Some(key), &["--tls-cert", "holds no certificate"]);
    refused(Some(certificate), Some(certificate), &["--tls-key", "holds no private key"]);
    files.write(&other.certificate_pem(), &made.key_pem());
    refused(Some(certificate), Some(key), &["--tls-key", "is not the key of the certificate in"]);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    files.write(broken, &made.key_pem());
    refused(Some(certificate), Some(key), &["--tls-cert", "cannot be used"]);
}

#[test]
fn keys_of_sec1_are_read_too() {
    let made = Made::new();
    let pkcs8 = made.key();
    // PKCS#8 of a key of P-256 has within it what SEC1 writes: an ECPrivateKey (RFC 5915).
    let begin = pkcs8.windows(5).position(|bytes| bytes == [0x30, 0x6b, 0x02, 0x01, 0x01]).unwrap();
    let sec1 = STANDARD.encode(&pkcs8[begin..begin + 0x6d]);
    let files = Files::new(&made);
    let pem = format!("-----BEGIN EC PRIVATE KEY-----\n{sec1}\n-----END EC PRIVATE KEY-----\n");
    files.write(&made.certificate_pem(), &pem);
    let flags = files.flags(&[]);
    let mut arguments = vec!["config"];
    arguments.extend(flags.iter().map(String::as_str));
    let output = run(&arguments, &[]);
    assert!(output.status.success(), "{}", told(&output));
}
