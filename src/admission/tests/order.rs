//! Who waits at the door comes in before those who come later.

use super::*;

#[tokio::test(start_paused = true)]
async fn small_requests_that_wait_are_let_in_before_those_that_come_later() {
    let capacity = Capacity { small_images: 2, ..CAPACITY };
    let admission = Admission::new(capacity, 1e9);
    let mut visits = Vec::new();
    let mut inside = Vec::new();
    for _ in 0..18 {
        let mut visit = admission.enter(Some(1)).await.unwrap();
        inside.push(visit.admit(1).await.unwrap());
        visits.push(visit);
    }
    let mut waiting = admission.enter(Some(1)).await.unwrap();
    let newcomers = async {
        // One place at a time becomes free, and somebody new is at the door at once.
        let mut let_in = Vec::new();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(inside.remove(0));
            let mut visit = admission.enter(Some(1)).await.unwrap();
            let wait = Duration::from_millis(500);
            let_in.extend(tokio::time::timeout(wait, visit.admit(1)).await.ok());
        }
        let_in
    };
    let start = Instant::now();
    let first = async {
        let places = waiting.admit(1).await;
        (places, start.elapsed())
    };
    let ((places, waited), _let_in) = tokio::join!(first, newcomers);
    assert!(places.is_ok());
    assert_eq!(waited, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_small_request_does_not_wait_for_large_ones_at_the_door() {
    let capacity = Capacity { small_images: 4, ..CAPACITY };
    let admission = Admission::new(capacity, 1e9);
    let mut first = admission.enter(Some(1)).await.unwrap();
    let places = first.admit(16).await.unwrap();
    let mut second = admission.enter(Some(1)).await.unwrap();
    let knocks = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut small = admission.enter(Some(1)).await.unwrap();
        let start = Instant::now();
        let place = small.admit(1).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        // Five images are more than are kept for small requests.
        assert!(small.admit(5).await.is_err());
        drop((place, places));
    };
    let (second, ()) = tokio::join!(second.admit(16), knocks);
    // It came first, and its time was over first.
    assert_eq!(second.unwrap_err(), Refusal::Late { timeout: CAPACITY.timeout });
}
