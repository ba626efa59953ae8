//! Processes are replaced one after another behind a proxy that learns of it late, as in a cluster,
//! and no request fails.
//!
//! The long run takes a quarter of an hour or less and prints a line every ten seconds:
//!
//!     cargo test --release --test integration rolling -- --ignored --nocapture

mod load;
mod proxy;

use std::{
    thread,
    time::{Duration, Instant},
};

use load::Load;
use proxy::Proxy;

use crate::service::{Service, photo};

/// Processes that serve at the same time.
const PROCESSES: usize = 3;

/// Starts a service as a cluster does: with the defaults for its stop.
type Start = fn() -> Service;

/// Replaces `old` by a new process: the new one is there before the old one is told to stop, and
/// the proxy learns of both late.
fn replace(old: &mut Service, start: Start, proxy: &Proxy) {
    let new = start();
    proxy.learns_of(new.api, true).join().unwrap();
    let mut old = std::mem::replace(old, new);
    old.signal("TERM");
    proxy.learns_of(old.api, false);
    assert_eq!(old.exit().code(), Some(0));
}

/// Replaces every process in each of `rounds`, spread evenly over `requests`, and returns when all
/// of these are answered.
fn roll(
    services: &mut [Service],
    start: Start,
    proxy: &Proxy,
    load: &Load,
    rounds: usize,
    requests: usize,
) {
    let replacements = rounds * services.len();
    for replacement in 0..replacements {
        load.await_sent(requests * replacement / replacements);
        replace(&mut services[replacement % PROCESSES], start, proxy);
    }
    load.await_sent(requests);
}

fn processes(start: Start) -> (Vec<Service>, Proxy) {
    let services: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
    let proxy = Proxy::new(services.iter().map(|service| service.api));
    (services, proxy)
}

#[test]
fn replacing_every_process_fails_no_request() {
    let start: Start = || Service::tiny(&["--drain-delay", "3s"]);
    let (mut services, proxy) = processes(start);
    let load = Load::begin(proxy.address, photo("rocket-wide.jpg"), 40.0);
    roll(&mut services, start, &proxy, &load, 1, 400);
    let (answered, failed) = load.end();
    assert!(failed.is_empty(), "{} of {answered}: {failed:#?}", failed.len());
    assert!(answered >= 400);
}

#[test]
#[ignore = "takes minutes: see the top of the file"]
fn replacing_every_process_five_times_fails_none_of_ten_thousand_requests() {
    const ROUNDS: usize = 5;
    const REQUESTS: usize = 10_000;
    let start: Start = || Service::random(&["--drain-delay", "3s"]);
    let (mut services, proxy) = processes(start);
    let photo = photo("rocket-wide.jpg");
    let capacity = load::capacity(proxy.address, &photo, Duration::from_secs(15));
    let rate = 0.65 * capacity;
    eprintln!("{capacity:.1} requests a second at most; {REQUESTS} at {rate:.1} a second");
    let load = Load::begin(proxy.address, photo, rate);
    let begin = Instant::now();
    thread::scope(|scope| {
        let rolling = scope.spawn(|| roll(&mut services, start, &proxy, &load, ROUNDS, REQUESTS));
        let mut told = Instant::now();
        while !rolling.is_finished() {
            thread::sleep(Duration::from_millis(100));
            if told.elapsed() >= Duration::from_secs(10) {
                told = Instant::now();
                eprintln!("{:.0} s: {load}", begin.elapsed().as_secs_f64());
            }
        }
    });
    let (answered, failed) = load.end();
    eprintln!(
        "{:.0} s: {answered} answered, {} failed",
        begin.elapsed().as_secs_f64(),
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(answered >= REQUESTS);
}
