//! The door, in paused time.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;
const CAPACITY: Capacity =
    Capacity { bodies: 8 * MIB, decodes: 8 * MIB, images: 16, timeout: Duration::from_secs(10) };

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

/// A request of the property below.
#[derive(Clone, Copy, Debug)]
struct Guest {
    arrives: u64,
    body: u64,
    images: usize,
    /// Seconds that its images take, one after the other.
    work: u64,
    /// Seconds after which its client leaves.
    patience: u64,
}

fn guest() -> impl Strategy<Value = Guest> {
    (0u64..20, 0..5 * MIB, 1usize..20, 0u64..8, 0u64..40).prop_map(
        |(arrives, body, images, work, patience)| Guest { arrives, body, images, work, patience },
    )
}

/// Sends `guests` in; returns how many were served, refused and left.
async fn party(admission: Admission, guests: Vec<Guest>) -> (usize, usize, usize) {
    let inside = Arc::new(AtomicUsize::new(0));
    let visits = guests.into_iter().map(|guest| {
        let (admission, inside) = (admission.clone(), Arc::clone(&inside));
        tokio::spawn(async move {
            let second = Duration::from_secs(1);
            tokio::time::sleep(second * guest.arrives as u32).await;
            let visit = async {
                let arrived = Instant::now();
                let mut visit = admission.enter(Some(guest.body)).await.ok()?;
                let mut places = visit.admit(guest.images).await.ok()?;
                assert!(arrived.elapsed() <= CAPACITY.timeout, "begun past its deadline");
                let now = inside.fetch_add(guest.images, Ordering::Relaxed) + guest.images;
                let _out = Out(Arc::clone(&inside), guest.images);
                assert!(now <= CAPACITY.images, "{now} images inside");
                places.begin();
                tokio::time::sleep(second * guest.work as u32).await;
                Some(())
            };
            let patience = second * guest.patience as u32;
            tokio::time::timeout(patience, visit).await
        })
    });
    let mut ends = (0, 0, 0);
    for visit in visits.collect::<Vec<_>>() {
        match visit.await.unwrap() {
            Ok(Some(())) => ends.0 += 1,
            Ok(None) => ends.1 += 1,
            Err(_) => ends.2 += 1,
        }
    }
    ends
}

struct Out(Arc<AtomicUsize>, usize);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

fn holds(admission: &Admission) {
    let shared = &admission.0;
    assert_eq!(shared.places.available_permits(), CAPACITY.images, "a place is lost");
    let bodies = shared.bodies.try_reserve(CAPACITY.bodies);
    assert!(bodies.is_ok(), "memory is lost");
    assert_eq!(shared.load.wait(0, 0), Duration::ZERO, "somebody still counts as waiting");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whoever comes and leaves whenever: never more inside than there are places, nobody begun
    /// past his deadline, everybody answered once, and all of it given back; in paused time.
    #[test]
    fn nothing_is_lost(guests in prop::collection::vec(guest(), 1..40)) {
        let paused = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (count, admission) = (guests.len(), fast());
        let ends = paused.block_on(party(admission.clone(), guests));
        prop_assert_eq!(ends.0 + ends.1 + ends.2, count);
        holds(&admission);
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
            work: 0,
            patience: 40,
            images: guest.images.min(CAPACITY.images),
            ..guest
        };
        let guests: Vec<Guest> = guests.into_iter().map(at_once).collect();
        let (count, admission) = (guests.len(), fast());
        let ends = THREADS.block_on(party(admission.clone(), guests));
        prop_assert_eq!(ends.0 + ends.1 + ends.2, count);
        holds(&admission);
    }
}
