//! The door, in paused time.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

mod order;

const MIB: u64 = 1 << 20;
const CAPACITY: Capacity = Capacity {
    bodies: Division { wide: 8 * MIB, narrow: 0 },
    decodes: Division { wide: 8 * MIB, narrow: 0 },
    images: 16,
    small_images: 0,
    timeout: Duration::from_secs(10),
};

fn fast() -> Admission {
    Admission::new(CAPACITY, 1e9)
}

#[tokio::test(start_paused = true)]
async fn what_has_room_does_not_wait() {
    let start = Instant::now();
    let mut visit = fast().enter(Some(MIB)).await.unwrap();
    let places = visit.admit(16).await.unwrap();
    assert_eq!((start.elapsed(), visit.waited()), (Duration::ZERO, Duration::ZERO));
    drop(places);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_places_until_its_time_is_over() {
    let admission = fast();
    let mut first = admission.enter(Some(1)).await.unwrap();
    let mut places = first.admit(16).await.unwrap();
    let mut second = admission.enter(Some(1)).await.unwrap();
    let start = Instant::now();
    let refusal = second.admit(1).await.unwrap_err();
    assert_eq!(refusal, Refusal::Late { timeout: CAPACITY.timeout });
    assert_eq!(start.elapsed(), CAPACITY.timeout);
    // The time is that of the request: what it waited for one thing it cannot wait for another.
    assert_eq!(second.left(), Duration::ZERO);

    let mut third = admission.enter(Some(1)).await.unwrap();
    let answers = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        places.begin();
        places.answered(3);
    };
    let (admitted, ()) = tokio::join!(third.admit(3), answers);
    assert!(admitted.is_ok());
    assert_eq!(third.waited(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn bodies_wait_for_memory_and_are_refused_without_it() {
    let admission = fast();
    let held = admission.enter(Some(4 * MIB)).await.unwrap();
    let refusal = admission.enter(Some(1)).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.retry_after()), ("memory", 1));
    drop(held);
    assert!(admission.enter(Some(4 * MIB)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_announces_much_and_sends_little_gives_way_to_those_who_wait() {
    let admission = fast();
    let slow = admission.enter(Some(4 * MIB)).await.unwrap();
    let wait = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!slow.is_in_the_way(1000), "nobody waits");
        let (next, in_the_way) = tokio::join!(admission.enter(Some(1)), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Six of ten seconds are over.
            let halves = [slow.is_in_the_way(1 << 20), slow.is_in_the_way(3 << 20)];
            drop(slow);
            halves
        });
        assert!(next.is_ok());
        in_the_way
    };
    assert_eq!(wait.await, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_reserves_as_it_grows_and_gives_the_rest_back() {
    let admission = fast();
    let mut visit = admission.enter(None).await.unwrap();
    visit.grow(3 << 20).await.unwrap();
    assert!(admission.0.bodies.try_reserve(3 * MIB).is_err());
    visit.read(1 << 20);
    assert!(admission.0.bodies.try_reserve(6 * MIB).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_hope_is_refused_at_once_and_told_when_to_come_again() {
    // One image a second, and each request that waits is ahead of those to come.
    let admission = Admission::new(CAPACITY, 1.);
    let mut inside = Vec::new();
    for _ in 0..7 {
        let mut visit = admission.enter(Some(1)).await.unwrap();
        let places = visit.admit(1).await.unwrap();
        inside.push((visit, places));
    }
    let start = Instant::now();
    // The eighth is expected to wait for seven seconds, of ten; the next for eight, which is too near.
    let mut visit = admission.enter(Some(1)).await.unwrap();
    let places = visit.admit(1).await.unwrap();
    let refusal = admission.enter(Some(1)).await.unwrap_err();
    assert_eq!((refusal.reason(), start.elapsed()), ("hopeless", Duration::ZERO));
    assert!((1..=2).contains(&refusal.retry_after()), "{refusal}");
    assert!(refusal.to_string().contains("--queue-timeout"), "{refusal}");
    drop((places, inside.pop()));
    assert!(admission.enter(Some(1)).await.is_ok(), "there is hope again");
}

#[tokio::test(start_paused = true)]
async fn a_large_request_at_the_door_does_not_count_twice() {
    let admission = Admission::new(CAPACITY, 1.);
    let mut inside = admission.enter(Some(1)).await.unwrap();
    let mut places = inside.admit(2).await.unwrap();
    places.begin();
    let mut large = admission.enter(Some(1)).await.unwrap();
    let knocks = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        // It has collected all places that are free, and lacks two: those, and one more, are in the way.
        let next = admission.enter(Some(1)).await;
        drop(places);
        next
    };
    let (large, next) = tokio::join!(large.admit(16), knocks);
    assert!(large.is_ok() && next.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_large_request_that_runs_takes_nobodys_hope() {
    let admission = Admission::new(CAPACITY, 1.);
    let mut large = admission.enter(Some(1)).await.unwrap();
    let mut places = large.admit(15).await.unwrap();
    places.begin();
    // Fifteen seconds of work are at hand, but half of each batch is for others.
    assert!(admission.enter(Some(1)).await.unwrap().admit(1).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn decodes_that_do_not_fit_together_wait_for_one_another() {
    let admission = fast();
    assert_eq!(admission.decode(9 * MIB).await.unwrap_err(), Shortage::Never);
    let first = admission.decode(5 * MIB).await.unwrap();
    let ends = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(first);
    };
    let start = Instant::now();
    let (second, ()) = tokio::join!(admission.decode(5 * MIB), ends);
    assert!(second.is_ok());
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(admission.decode(5 * MIB).await.unwrap_err(), Shortage::Late);
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_body_is_held_by_whoever_holds_a_part_of_it() {
    let admission = fast();
    let mut visit = admission.enter(Some(4 * MIB)).await.unwrap();
    let memory = visit.read(4 << 20);
    drop(visit);
    assert!(admission.enter(Some(1)).await.is_err(), "the body is still there");
    let part = memory.clone();
    drop(memory);
    assert!(admission.enter(Some(1)).await.is_err(), "a part of it is");
    drop(part);
    assert!(admission.enter(Some(1)).await.is_ok());
}

/// A request of the properties below.
#[derive(Clone, Copy, Debug)]
struct Guest {
    arrives: u64,
    body: u64,
    /// Whether the length of its body is known beforehand.
    announced: bool,
    images: usize,
    /// Seconds that each of its images takes.
    work: u64,
    /// Seconds after which its client leaves.
    patience: u64,
}

fn guest() -> impl Strategy<Value = Guest> {
    let announced = prop::bool::weighted(0.8);
    (0u64..20, 0..5 * MIB, announced, 1usize..20, 0u64..3, 0u64..40).prop_map(
        |(arrives, body, announced, images, work, patience)| Guest {
            arrives,
            body,
            announced,
            images,
            work,
            patience,
        },
    )
}

fn capacity() -> impl Strategy<Value = Capacity> {
    let bytes = || (1..12 * MIB, 0..3 * MIB).prop_map(|(wide, narrow)| Division { wide, narrow });
    (bytes(), bytes(), 1usize..40, 0usize..12).prop_map(
        |(bodies, decodes, images, small_images)| Capacity {
            bodies,
            decodes,
            images,
            small_images,
            ..CAPACITY
        },
    )
}

/// How the requests of a party ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ends {
    served: usize,
    refused: usize,
    left: usize,
}

/// What is inside.
#[derive(Debug, Default)]
struct Inside {
    images: AtomicUsize,
    bytes: AtomicUsize,
}

/// Counts `.1` of `.0` while it lives.
struct Counted<'a>(&'a AtomicUsize, usize);

impl<'a> Counted<'a> {
    fn within(counter: &'a AtomicUsize, more: usize, bound: u64) -> Self {
        let now = counter.fetch_add(more, Ordering::Relaxed) + more;
        let counted = Self(counter, more);
        assert!(now as u64 <= bound, "{now} inside, of {bound}");
        counted
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// The visit of one guest; none when it is refused.
async fn visit(admission: &Admission, guest: Guest, inside: &Inside) -> Option<()> {
    let capacity = admission.0.capacity;
    let mut visit = admission.enter(guest.announced.then_some(guest.body)).await.ok()?;
    visit.grow(guest.body as usize).await.ok()?;
    // Dropped after what counts it.
    let _memory = visit.read(guest.body as usize);
    let bytes = (guest.body * BODY_COPIES) as usize;
    let _bytes = Counted::within(&inside.bytes, bytes, capacity.bodies.all());
    let mut places = visit.admit(guest.images).await.ok()?;
    // A scheduler may be late by a moment, where time is not paused.
    let slack = Duration::from_secs(1);
    assert!(visit.waited() <= capacity.timeout + slack, "begun past its deadline");
    let all = capacity.images + capacity.small_images;
    let count = |_| Counted::within(&inside.images, 1, all as u64);
    let images: Vec<_> = (0..guest.images).map(count).collect();
    places.begin();
    for image in images {
        pass(guest.work).await;
        drop(image);
        places.answered(1);
    }
    Some(())
}

/// Lets `seconds` pass; a sleep of none would still take a millisecond of a clock that is not paused.
async fn pass(seconds: u64) {
    match seconds {
        0 => tokio::task::yield_now().await,
        _ => tokio::time::sleep(Duration::from_secs(seconds)).await,
    }
}

async fn party(admission: &Admission, guests: Vec<Guest>) -> Ends {
    let inside = Arc::new(Inside::default());
    let guests = guests.into_iter().map(|guest| {
        let (admission, inside) = (admission.clone(), Arc::clone(&inside));
        tokio::spawn(async move {
            pass(guest.arrives).await;
            let patience = Duration::from_secs(guest.patience);
            tokio::time::timeout(patience, visit(&admission, guest, &inside)).await
        })
    });
    let mut ends = Ends::default();
    for guest in guests.collect::<Vec<_>>() {
        match guest.await.unwrap() {
            Ok(Some(())) => ends.served += 1,
            Ok(None) => ends.refused += 1,
            Err(_) => ends.left += 1,
        }
    }
    ends
}

/// All that was promised was given back.
async fn is_as_new(admission: &Admission) {
    let Shared { places, small_places, capacity, load, bodies, .. } = &*admission.0;
    assert_eq!(places.available_permits(), capacity.images, "a place is lost");
    assert_eq!(small_places.available_permits(), capacity.small_images, "a place is lost");
    for bytes in [capacity.bodies.wide, capacity.bodies.narrow] {
        let rounded = bytes / GRAIN * GRAIN;
        let reserved = bodies.reserve(rounded, Instant::now()).await;
        assert!(reserved.is_ok() || rounded == 0, "memory is lost");
        drop(reserved);
    }
    assert_eq!(load.wait(Size::Large, 0, 0), Duration::ZERO, "somebody still counts as waiting");
    assert_eq!(load.inside(), 0, "somebody still counts as inside");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whoever comes and leaves whenever, to whatever capacity: never more inside than there is room
    /// for, nobody begun past his deadline, everybody answered once, and all of it given back; in
    /// paused time.
    #[test]
    fn nothing_is_lost(guests in prop::collection::vec(guest(), 1..40), capacity in capacity()) {
        let paused = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (count, admission) = (guests.len(), Admission::new(capacity, 1e9));
        paused.block_on(async {
            let Ends { served, refused, left } = party(&admission, guests).await;
            assert_eq!(served + refused + left, count);
            is_as_new(&admission).await;
        });
    }

    /// One who comes alone and fits is served.
    #[test]
    fn who_fits_is_served(guest in guest(), capacity in capacity()) {
        let paused = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let guest = Guest { patience: 3600, announced: true, ..guest };
        let Division { wide, narrow } = capacity.bodies;
        let lane = wide.max(narrow) / GRAIN * GRAIN;
        let fits = guest.body * BODY_COPIES <= lane
            && (guest.images <= capacity.images
                || guest.images <= SMALL.min(capacity.small_images));
        let admission = Admission::new(capacity, 1e9);
        let ends = paused.block_on(party(&admission, vec![guest]));
        prop_assert_eq!(ends.served == 1, fits);
    }

    /// The same on several threads, where everything happens at once, and nobody waits in vain.
    #[test]
    fn nothing_is_lost_on_threads(guests in prop::collection::vec(guest(), 1..40)) {
        static THREADS: std::sync::LazyLock<tokio::runtime::Runtime> =
            std::sync::LazyLock::new(|| {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(2).enable_time().build().unwrap()
            });
        // Those who never fit would wait for real.
        let at_once = |guest: Guest| Guest {
            arrives: 0,
            announced: true,
            body: guest.body.min(4 * MIB),
            work: 0,
            patience: 40,
            images: guest.images.min(CAPACITY.images),
        };
        let guests: Vec<Guest> = guests.into_iter().map(at_once).collect();
        let (count, admission) = (guests.len(), fast());
        THREADS.block_on(async {
            let ends = party(&admission, guests).await;
            assert_eq!(ends, Ends { served: count, ..Ends::default() });
            is_as_new(&admission).await;
        });
    }
}
