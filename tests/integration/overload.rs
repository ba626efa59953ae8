//! More work than can be done: some of it is refused at once and the rest is done, and nobody who
//! only asks how the service is notices.

use std::{
    collections::BTreeMap,
    sync::{Barrier, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::service::{CAT, Reply, Service, assert_near, base64, shared};

/// What clients got who sent `photo` one after the other for `time`: how many answers of each
/// status.
fn closed_loop(service: &Service, clients: usize, time: Duration) -> BTreeMap<u16, usize> {
    let (answers, start) = (Mutex::new(BTreeMap::new()), Instant::now());
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while start.elapsed() < time {
                    let reply = service.post("/embed", "image/png", &CAT);
                    assert_answered(&reply);
                    if reply.status == 429 {
                        // A client that comes back sooner than it was told to, but not at once.
                        thread::sleep(Duration::from_millis(50));
                    }
                    *answers.lock().unwrap().entry(reply.status).or_default() += 1;
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

/// An embedding, or a refusal that says when to come again.
fn assert_answered(reply: &Reply) {
    match reply.status {
        200 => drop(reply.embeddings()),
        429 => {
            let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=61).contains(&seconds), "{seconds}");
            let error = reply.json();
            assert_eq!(error["code"], "busy");
            assert!(error["detail"].as_str().unwrap().contains("--queue-timeout"), "{error}");
        }
        status => panic!("{status}: {}", reply.text()),
    }
}

#[test]
fn overload_is_refused_while_work_goes_on_and_probes_are_answered() {
    let service = Service::random(&["--queue-timeout", "500ms"]);
    let time = Duration::from_secs(4);
    let peak = closed_loop(&service, 3, time);
    let refused_at_peak = peak.get(&429).copied().unwrap_or(0);
    let peak = peak[&200];
    let (overload, probes) = thread::scope(|scope| {
        let overload = scope.spawn(|| closed_loop(&service, 64, time));
        let mut probes = 0;
        while !overload.is_finished() {
            for path in ["/livez", "/readyz", "/health"] {
                assert_eq!(service.get(path).status, 200, "{path}");
                probes += 1;
            }
            thread::sleep(Duration::from_millis(50));
        }
        (overload.join().unwrap(), probes)
    });
    assert!(probes >= 30, "{probes} probes");
    let refused = overload.get(&429).copied().unwrap_or(0);
    assert!(refused > 0, "{overload:?}");
    // The clients share the cores with the service, so this has slack; without admission nearly
    // nothing would be answered in time.
    assert!(overload[&200] * 2 >= peak, "{overload:?}, the peak is {peak}");
    let metrics = service.get("/metrics");
    let counted: f64 = ["hopeless", "queue_timeout"]
        .iter()
        .map(|reason| {
            let series = format!("inference_refusals_total{{reason=\"{reason}\"}} ");
            let line = metrics.text().lines().find(|line| line.starts_with(&series)).unwrap();
            line[series.len()..].parse::<f64>().unwrap()
        })
        .sum();
    assert_eq!(counted as usize, refused + refused_at_peak);
    // Afterwards it is as if nothing had been.
    assert_eq!(closed_loop(&service, 1, Duration::from_secs(1)).keys().collect::<Vec<_>>(), [&200]);
}

/// A request of `images` photos.
fn photos(images: usize) -> Value {
    json!({"images": vec![base64(&CAT); images]})
}

#[test]
fn a_single_photo_does_not_wait_for_large_requests() {
    let service = Service::random(&[]);
    let start = Barrier::new(5);
    let (single, large) = thread::scope(|scope| {
        let large: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let sent = Instant::now();
                    let embeddings = service.post_json("/embed", &photos(32)).embeddings();
                    assert_eq!(embeddings.len(), 32);
                    sent.elapsed()
                })
            })
            .collect();
        start.wait();
        // They are decoded by then, and the first batch runs.
        thread::sleep(Duration::from_millis(500));
        let sent = Instant::now();
        service.post_json("/embed", &photos(1)).embeddings();
        let single = sent.elapsed();
        (single, large.into_iter().map(|large| large.join().unwrap()).max().unwrap())
    });
    // Four batches in all: the photo is in the first or the second after it came.
    assert!(single * 10 < large * 7, "{single:?} beside {large:?}");
}

#[test]
fn answers_do_not_depend_on_load() {
    let service = Service::random(&[]);
    let alone = service.post("/embed", "image/png", &CAT).embeddings().remove(0);
    thread::scope(|scope| {
        for images in [1, 2, 3, 5, 8, 13, 32] {
            let (service, alone) = (&service, &alone);
            scope.spawn(move || {
                for embedding in service.post_json("/embed", &photos(images)).embeddings() {
                    assert_near(&embedding, alone);
                }
            });
        }
    });
}

/// The value of a series of `/metrics`.
fn metric(service: &Service, series: &str) -> usize {
    let metrics = service.get("/metrics");
    let line = metrics.text().lines().find(|line| line.starts_with(series)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_client_has_left_is_not_computed() {
    let service = Service::random(&[]);
    let body = photos(64).to_string();
    for requests in 1..=4 {
        let mut client = service.connect();
        client.write(format!(
            "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ));
        // It hangs up when its photos are known.
        let parsed = "inference_stage_duration_seconds_count{stage=\"parse\"}";
        wait_until("the body is in", || metric(&service, parsed) >= requests);
    }
    // How much has been computed by then depends on the machine, but it is not all.
    let abandoned = "inference_images_total{outcome=\"abandoned\"}";
    wait_until("what was left is dropped", || metric(&service, abandoned) >= 32);
    service.embeds_as_ever();
}

#[test]
fn an_answer_says_where_its_time_went() {
    let reply = shared().post("/embed", "image/png", &CAT);
    let timing = reply.header("server-timing").unwrap();
    let times: BTreeMap<&str, f64> = timing
        .split(", ")
        .map(|part| part.split_once(";dur=").unwrap())
        .map(|(name, milliseconds)| (name, milliseconds.parse().unwrap()))
        .collect();
    assert_eq!(times.keys().copied().collect::<Vec<_>>(), ["decode", "forward", "queue", "total"]);
    assert!(times["forward"] > 0., "{timing}");
    assert!(
        times["total"] + 0.2 >= times["queue"] + times["decode"] + times["forward"],
        "{timing}"
    );
}

#[test]
fn a_single_photo_is_served_beside_a_request_that_fills_the_queue() {
    // All places but those that are kept for small requests.
    let places = ["--max-queued-images", "72", "--max-images", "64", "--max-batch", "4"];
    let service = Service::random(&[&places[..], &["--queue-timeout", "60s"]].concat());
    let many = json!({"images": vec![base64(&CAT); 64]});
    thread::scope(|scope| {
        let many = scope.spawn(|| service.post_json("/embed", &many));
        wait_until("the queue fills", || metric(&service, "inference_queue_depth ") >= 30);
        let reply = service.post("/embed", "image/png", &CAT);
        assert!(!many.is_finished());
        assert_eq!(reply.embeddings().len(), 1);
        assert_eq!(many.join().unwrap().embeddings().len(), 64);
    });
}
