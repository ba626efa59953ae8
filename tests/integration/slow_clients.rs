//! Clients that send their bodies slowly are told so, and those that take their time with anything
//! harm nobody else.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::service::{CAT, Connection, Service, form};

/// Kinds of bodies, as (path, content type, a beginning).
fn bodies() -> [(&'static str, String, Vec<u8>); 4] {
    let (multipart, form) = form(&[("files", Some("a"), &CAT)]);
    [
        ("/embed/base64", "application/json".to_owned(), b"{\"images\": [\"".to_vec()),
        ("/embed/batch", multipart, form[..200].to_vec()),
        ("/embed", "image/png".to_owned(), CAT[..200].to_vec()),
        ("/embed", "application/json".to_owned(), Vec::new()),
    ]
}

fn assert_timed_out(mut connection: Connection, path: &str) {
    let reply = connection.read();
    assert_eq!(reply.with_status(408)["code"], "body_timeout", "{path}");
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("2048 bytes in 2s (--body-timeout)"), "{detail}");
    assert_eq!(reply.header("connection"), Some("close"), "{path}");
    assert!(reply.header("x-request-id").is_some());
    assert!(connection.await_close() < Duration::from_secs(30));
}

#[test]
fn a_body_that_stalls_is_a_408_on_every_route() {
    let service = Service::tiny(&["--body-timeout", "2s"]);
    let connections = bodies().map(|(path, content_type, begin)| {
        let mut connection = service.connect();
        connection.begin(path, &content_type, 100_000);
        connection.write(begin);
        (connection, path)
    });
    for (connection, path) in connections {
        assert_timed_out(connection, path);
    }
    assert_eq!(service.post("/embed", "image/png", &CAT).embeddings().len(), 1);
}

#[test]
fn a_body_that_drips_is_a_408_although_something_always_comes() {
    let service = Service::tiny(&["--body-timeout", "2s"]);
    for (path, content_type, begin) in bodies() {
        let mut connection = service.connect();
        connection.begin(path, &content_type, 100_000);
        connection.write(begin);
        let start = Instant::now();
        while connection.is_silent_for(Duration::from_millis(200)) {
            assert!(start.elapsed() < Duration::from_secs(30), "{path}");
            connection.write(b" ");
        }
        assert_timed_out(connection, path);
    }
}

#[test]
fn a_body_that_is_slow_but_steady_is_taken() {
    let service = Service::tiny(&["--body-timeout", "3s"]);
    let mut connection = service.connect();
    connection.begin("/embed", "image/png", CAT.len());
    let start = Instant::now();
    for piece in CAT.chunks(CAT.len() / 10) {
        thread::sleep(Duration::from_millis(600));
        connection.write(piece);
    }
    // Twice as long as the whole of it may stall.
    assert!(start.elapsed() > Duration::from_secs(6));
    assert_eq!(connection.read().embeddings().len(), 1);
}

/// Lets this process have as many descriptors open as it may.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

#[test]
fn a_thousand_slow_clients_harm_nobody_and_leave_nothing_behind() {
    allow_descriptors();
    let service = Service::tiny(&["--header-timeout", "8s", "--body-timeout", "8s"]);
    let good = || {
        assert_eq!(service.post("/embed", "image/png", &CAT).embeddings().len(), 1);
        assert_eq!(service.get("/readyz").status, 200);
    };
    good();
    let before = service.descriptors();
    let start = Instant::now();
    let heads: Vec<_> = (0..1000)
        .map(|_| {
            let mut connection = service.connect();
            connection.write("GET /livez HTTP/1.1\r\nhost: a\r\nx-");
            connection
        })
        .collect();
    let mut bodies: Vec<_> = (0..200)
        .map(|_| {
            let mut connection = service.connect();
            connection.begin("/embed", "image/png", 1 << 20);
            connection
        })
        .collect();
    assert!(service.descriptors() >= before + 200, "{}", service.descriptors());
    // A byte a second of each body, until it is refused.
    let dripping = thread::spawn(move || {
        while !bodies.is_empty() {
            thread::sleep(Duration::from_secs(1));
            bodies.retain_mut(|connection| {
                let waits = connection.is_silent_for(Duration::from_millis(1));
                match waits {
                    true => connection.write(b"x"),
                    false => assert_eq!(connection.read().status, 408),
                }
                waits
            });
        }
    });
    // Good clients are served as long as any of the others is there.
    let mut served = 0;
    while service.descriptors() > before + 5 {
        good();
        served += 1;
        assert!(start.elapsed() < Duration::from_secs(120), "{}", service.descriptors());
    }
    assert!(served >= 5, "{served}");
    dripping.join().unwrap();
    for mut connection in heads {
        assert!(connection.await_close() < Duration::from_secs(5));
    }
}

#[test]
fn who_announces_all_the_memory_and_sends_little_does_not_keep_others_out() {
    let flags = ["--memory-limit", "1GiB", "--max-body-bytes", "32MiB", "--max-connections", "256"];
    let waits = ["--max-batch", "16", "--queue-timeout", "10s"];
    let service = Service::random(&[&flags[..], &waits].concat());
    // Twice the largest body is all the memory that there is for large bodies.
    let mut slow = service.connect();
    slow.begin("/embed", "image/png", 32 << 20);
    thread::scope(|scope| {
        let drip = scope.spawn(move || {
            for _ in 0..120 {
                slow.write([0; 1024]);
                thread::sleep(Duration::from_millis(250));
                if !slow.is_silent_for(Duration::from_millis(1)) {
                    return slow.read();
                }
            }
            panic!("nobody minds");
        });
        // It does not fit beside the other, waits for it, and is served.
        let mut photo = CAT.to_vec();
        photo.resize(20 << 20, 0);
        let embeddings = service.post("/embed", "image/png", &photo).embeddings();
        assert_eq!(embeddings.len(), 1);
        let refusal = drip.join().unwrap().with_status(408);
        assert_eq!(refusal["code"], "body_timeout");
        let detail = refusal["detail"].as_str().unwrap();
        assert!(detail.contains("fewer than 33554432 bytes"), "{detail}");
        assert!(detail.contains("--queue-timeout"), "{detail}");
    });
}
