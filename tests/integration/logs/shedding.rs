//! Refused requests are told together, once a second at most.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::service::{CAT, Service, SilentHub};

#[test]
fn refusals_are_told_together_once_a_second() {
    let hub = SilentHub::new();
    let service = Service::starting(&hub);
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < Duration::from_secs(3) {
        service.post("/embed", "image/png", &CAT).with_status(503);
        sent += 1;
        thread::sleep(Duration::from_millis(5));
    }
    let refused = |line: &Value| line["refused"].as_u64().unwrap();
    let told = |lines: &[Value]| lines.iter().map(refused).sum::<u64>();
    let lines = || {
        let lines = service.logged().into_iter();
        lines.filter(|line| line["refused"].is_u64()).collect::<Vec<_>>()
    };
    while told(&lines()) < sent && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(50));
    }
    // One line for each second that has begun, however many were refused in it.
    let lines_at_most = start.elapsed().as_secs() + 1;
    let lines = lines();
    assert_eq!(told(&lines), sent, "{lines:#?}");
    assert!(lines.len() as u64 <= lines_at_most, "{lines:#?}");
    for line in &lines {
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["why"], format!("starting {}", line["refused"]));
    }
}
