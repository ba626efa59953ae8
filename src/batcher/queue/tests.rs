//! The order of the queue by example, and what always holds of it by chance.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

/// A queue whose requests are numbers, with the moment at which it starts.
fn queue() -> (Queue<usize>, Instant) {
    (Queue::new(), Instant::now())
}

/// How many items each request gets, by its number.
fn taken(queue: &mut Queue<usize>, most: usize) -> Vec<(usize, usize)> {
    let shares = queue.take(most);
    shares.iter().map(|share| (*queue.get(share).unwrap(), share.items.len())).collect()
}

const LATER: Duration = Duration::from_secs(3600);

#[test]
fn a_batch_is_filled() {
    let (mut queue, now) = queue();
    for (request, items) in [(0, 2), (1, 40), (2, 3)] {
        queue.push(request, items, now, now + LATER);
    }
    let batch = taken(&mut queue, 32);
    assert_eq!(batch.iter().map(|(_, items)| items).sum::<usize>(), 32);
    assert_eq!(queue.depth(), 13);
    assert_eq!(taken(&mut queue, 32), [(1, 13)]);
    assert!(taken(&mut queue, 32).is_empty());
}

#[test]
fn a_single_photo_is_in_the_next_batch_however_many_large_requests_came_before() {
    let (mut queue, now) = queue();
    for request in 0..4 {
        queue.push(request, 32, now, now + LATER);
    }
    taken(&mut queue, 32);
    queue.push(4, 1, now, now + LATER);
    assert!(taken(&mut queue, 32).contains(&(4, 1)));
}

#[test]
fn a_large_request_is_finished_though_single_photos_keep_coming() {
    let (mut queue, now) = queue();
    queue.push(0, 32, now, now + LATER);
    let mut batches = 0;
    let mut left = 32;
    while left > 0 {
        for single in 0..8 {
            queue.push(100 + single, 1, now, now + LATER);
        }
        let shares = queue.take(8);
        for share in &shares {
            if *queue.get(share).unwrap() == 0 {
                left -= share.items.len();
            }
            queue.finish(share);
        }
        batches += 1;
    }
    assert!(batches <= 8, "{batches} batches of 8");
}

#[test]
fn batches_of_one_take_turns_between_the_oldest_and_the_newest() {
    let (mut queue, now) = queue();
    queue.push(0, 10, now, now + LATER);
    assert_eq!(taken(&mut queue, 1), [(0, 1)]);
    queue.push(1, 1, now, now + LATER);
    let next = [taken(&mut queue, 1), taken(&mut queue, 1)].concat();
    assert!(next.contains(&(1, 1)), "{next:?}");
}

#[test]
fn what_is_past_its_deadline_is_dropped_unless_it_was_begun() {
    let (mut queue, now) = queue();
    queue.push(0, 2, now, now + Duration::from_secs(10));
    queue.push(1, 1, now, now + Duration::from_secs(10));
    let begun = queue.take(1);
    let deadline = now + Duration::from_secs(10);
    assert!(queue.take_stale(deadline - Duration::from_millis(1), |_| false).is_empty());
    assert_eq!(queue.take_stale(deadline, |_| false), [(1, Stale::Expired)]);
    assert_eq!(queue.finish(&begun[0]), None);
    assert!(queue.take_stale(deadline + LATER, |_| false).is_empty());
    let rest = queue.take(1);
    assert_eq!(queue.finish(&rest[0]), Some(0));
}

#[test]
fn nobody_computes_for_a_client_that_has_gone() {
    let (mut queue, now) = queue();
    queue.push(0, 2, now, now + LATER);
    queue.push(1, 1, now, now + LATER);
    assert_eq!(queue.take_stale(now, |request| *request == 0), [(0, Stale::Abandoned)]);
    assert_eq!((queue.depth(), taken(&mut queue, 32)), (1, vec![(1, 1)]));
}

#[test]
fn a_failure_ends_its_request_and_no_other() {
    let (mut queue, now) = queue();
    queue.push(0, 40, now, now + LATER);
    let (first, second) = (queue.take(32), queue.take(4));
    queue.push(1, 1, now, now + LATER);
    assert_eq!(queue.fail(&first[0]), None, "another batch has items of it");
    assert_eq!(queue.depth(), 1, "nothing more of it is computed");
    assert_eq!(queue.finish(&second[0]), Some(0));
    assert_eq!(taken(&mut queue, 32), [(1, 1)]);
}

#[test]
fn depth_and_age_are_those_of_what_waits() {
    let (mut queue, now) = queue();
    let second = Duration::from_secs(1);
    assert_eq!((queue.depth(), queue.age(now)), (0, Duration::ZERO));
    queue.push(0, 3, now, now + LATER);
    queue.push(1, 2, now + second, now + LATER);
    assert_eq!((queue.depth(), queue.age(now + 2 * second)), (5, 2 * second));
    // Two for the oldest, two for the one that has had least.
    queue.take(4);
    assert_eq!((queue.depth(), queue.age(now + 2 * second)), (1, 2 * second));
}

/// Something that happens to a queue.
#[derive(Clone, Debug)]
enum Event {
    Arrives { items: usize, patience: u64 },
    Leaves { request: usize },
    Takes { most: usize },
    Returns { well: bool },
    Passes { seconds: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1usize..40, 0u64..30)
            .prop_map(|(items, patience)| Event::Arrives { items, patience }),
        1 => (0usize..30).prop_map(|request| Event::Leaves { request }),
        4 => (1usize..33).prop_map(|most| Event::Takes { most }),
        4 => prop::bool::weighted(0.9).prop_map(|well| Event::Returns { well }),
        2 => (0u64..10).prop_map(|seconds| Event::Passes { seconds }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Whatever comes in whatever order: no batch is too large or needlessly small, no item is
    /// computed twice, out of order, past its deadline or for a client that has gone, and each
    /// request leaves the queue exactly once.
    #[test]
    fn every_request_is_answered_once(events in prop::collection::vec(event(), 1..120)) {
        let (mut queue, start) = queue();
        let mut now = start;
        let mut deadlines = Vec::new();
        let mut gone = HashSet::new();
        let mut answered = HashSet::new();
        let mut next_image: HashMap<usize, usize> = HashMap::new();
        let mut running: Vec<Vec<Share>> = Vec::new();
        let drain = [Event::Takes { most: 32 }, Event::Returns { well: true }];
        let events = events.into_iter().chain(drain.into_iter().cycle().take(4000));
        for event in events {
            match event {
                Event::Arrives { items, patience } => {
                    let deadline = now + Duration::from_secs(patience);
                    queue.push(deadlines.len(), items, now, deadline);
                    deadlines.push(deadline);
                }
                Event::Leaves { request } => {
                    gone.insert(request);
                }
                Event::Passes { seconds } => now += Duration::from_secs(seconds),
                Event::Takes { most } => {
                    for (request, _) in queue.take_stale(now, |request| gone.contains(request)) {
                        prop_assert!(answered.insert(request));
                    }
                    let depth = queue.depth();
                    let batch = queue.take(most);
                    let items: usize = batch.iter().map(|share| share.items.len()).sum();
                    prop_assert_eq!(items, most.min(depth));
                    for share in &batch {
                        let request = *queue.get(share).unwrap();
                        prop_assert!(!answered.contains(&request));
                        let next = next_image.entry(request).or_insert(0);
                        prop_assert_eq!(share.items.start, *next);
                        if *next == 0 {
                            prop_assert!(now < deadlines[request]);
                            prop_assert!(!gone.contains(&request));
                        }
                        *next = share.items.end;
                    }
                    if !batch.is_empty() {
                        running.push(batch);
                    }
                }
                Event::Returns { well } => {
                    if running.is_empty() {
                        continue;
                    }
                    // Batches of several workers come back in any order.
                    let batch = running.swap_remove(0);
                    for share in &batch {
                        let done = if well { queue.finish(share) } else { queue.fail(share) };
                        if let Some(request) = done {
                            prop_assert!(answered.insert(request));
                        }
                    }
                }
            }
        }
        prop_assert_eq!(answered.len(), deadlines.len());
        prop_assert_eq!(queue.depth(), 0);
    }
}
