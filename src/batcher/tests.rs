//! The batcher with a stub in the place of the model.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use super::*;
use crate::{
    admission::{Admission, Capacity, Division},
    preprocess::Pixels,
};

const OPTIONS: BatchOptions =
    BatchOptions { workers: 1, most: 32, delay: Duration::ZERO, helping: false };
const PATIENCE: Duration = Duration::from_secs(60);

fn admission() -> Admission {
    let bytes = Division { wide: 1 << 20, narrow: 0 };
    let (images, small_images) = (1000, 0);
    let capacity =
        Capacity { bodies: bytes, decodes: bytes, images, small_images, timeout: PATIENCE };
    Admission::new(capacity, 1e9)
}

async fn places(images: usize) -> Places {
    admission().enter(Some(0)).await.unwrap().admit(images).await.unwrap()
}

/// Photos whose only number says which they are.
fn pixels(numbers: impl IntoIterator<Item = u8>) -> Vec<Item> {
    numbers.into_iter().map(|number| Item::Image(Pixels::from(vec![number.into()]))).collect()
}

async fn embed(batcher: &Batcher, numbers: impl IntoIterator<Item = u8>) -> Answer {
    let pixels = pixels(numbers);
    let places = places(pixels.len()).await;
    batcher.embed(pixels, places, PATIENCE).await
}

const FAILS: f32 = 255.;
const PANICS: f32 = 254.;

fn images<'a>(samples: &[Sample<'a>]) -> Vec<&'a [f32]> {
    let image = |sample: &Sample<'a>| match sample {
        Sample::Image(image) => *image,
        Sample::Text(_) => panic!("no text was sent"),
    };
    samples.iter().map(image).collect()
}

/// An "embedding" that is its photo.
fn echo(samples: &[Sample<'_>], _: &Crew) -> Result<Vec<Embedding>, ModelError> {
    let images = images(samples);
    assert!(images.len() <= OPTIONS.most);
    assert!(!images.iter().any(|image| image[0] == PANICS), "as asked");
    match images.iter().any(|image| image[0] == FAILS) {
        true => Err(ModelError::NotFinite),
        false => Ok(images.iter().map(|image| image.to_vec()).collect()),
    }
}

/// A batcher that tells of each batch and finishes none before it is released.
struct Held {
    batcher: Batcher,
    batches: mpsc::Receiver<Vec<f32>>,
    hold: Arc<AtomicBool>,
}

impl Held {
    fn start(options: BatchOptions) -> Self {
        let hold = Arc::new(AtomicBool::new(true));
        let (tell, batches) = mpsc::channel();
        let held = Arc::clone(&hold);
        let batcher = Batcher::start(
            options,
            Duration::ZERO,
            std::iter::repeat_with(|| {
                let (held, tell) = (Arc::clone(&held), tell.clone());
                move |samples: &[Sample<'_>], crew: &Crew| {
                    tell.send(images(samples).concat()).unwrap();
                    while held.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    echo(samples, crew)
                }
            }),
        );
        Self { batcher: batcher.unwrap(), batches, hold }
    }

    /// Has the worker compute a batch of one, which it holds until [`Self::release`].
    async fn busy(&self) -> tokio::task::JoinHandle<Answer> {
        let batcher = self.batcher.clone();
        let first = tokio::spawn(async move { embed(&batcher, [1]).await });
        while self.batches.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first
    }

    async fn release(&self) {
        self.hold.store(false, Ordering::Relaxed);
    }
}

fn numbers(answer: Answer) -> Vec<f32> {
    answer.unwrap().embeddings.concat()
}

#[tokio::test]
async fn each_request_gets_its_own_embeddings_in_order() {
    for workers in [1, 3] {
        let held = Held::start(BatchOptions { workers, ..OPTIONS });
        let (large, small) = (embed(&held.batcher, 0..200), embed(&held.batcher, [201, 202]));
        let (large, small, ()) = tokio::join!(large, small, held.release());
        assert_eq!(numbers(large), (0u8..200).map(f32::from).collect::<Vec<_>>());
        assert_eq!(numbers(small), [201.0, 202.0]);
    }
}

#[tokio::test]
async fn a_small_request_does_not_wait_for_a_large_one() {
    let held = Held::start(OPTIONS);
    let (large, small) = (embed(&held.batcher, [0; 250]), embed(&held.batcher, [1]));
    let (large, small, ()) = tokio::join!(large, small, held.release());
    assert_eq!((numbers(large).len(), numbers(small).len()), (250, 1));
    // The first batch may have been taken before the small request came.
    let with_small = held.batches.try_iter().position(|batch| batch.contains(&1.0));
    assert!(with_small <= Some(1), "in batch {with_small:?}");
}

#[tokio::test]
async fn a_failure_or_a_panic_costs_only_those_in_its_batch() {
    let batcher = Batcher::start(OPTIONS, Duration::ZERO, [echo]).unwrap();
    for fault in [FAILS, PANICS] {
        assert_eq!(embed(&batcher, [fault as u8]).await, Err(BatchError::Model));
        assert_eq!(numbers(embed(&batcher, [3]).await), [3.0]);
    }
}

#[tokio::test]
async fn three_failures_in_a_row_are_an_illness_that_one_success_ends() {
    let batcher = Batcher::start(OPTIONS, Duration::ZERO, [echo]).unwrap();
    for failures in 1..=3 {
        assert!(!batcher.health().failing);
        assert!(embed(&batcher, [FAILS as u8]).await.is_err(), "{failures}");
    }
    assert!(batcher.health().failing);
    embed(&batcher, [1]).await.unwrap();
    assert_eq!(batcher.health(), Health { failing: false, stuck: false });
}

#[tokio::test]
async fn a_request_past_its_deadline_is_not_computed() {
    let held = Held::start(OPTIONS);
    let first = held.busy().await;
    let late = held.batcher.embed(pixels([2]), places(1).await, Duration::ZERO);
    let (late, ()) = tokio::join!(late, held.release());
    assert_eq!(late, Err(BatchError::Late));
    first.await.unwrap().unwrap();
    assert!(held.batches.try_recv().is_err());
}

#[tokio::test]
async fn who_is_late_or_has_gone_makes_room_though_no_worker_is_free() {
    let held = Held::start(OPTIONS);
    let first = held.busy().await;
    let late = held.batcher.embed(pixels([2]), places(1).await, Duration::from_millis(10));
    assert_eq!(late.await, Err(BatchError::Late));
    let gone = held.batcher.embed(pixels([3]), places(1).await, PATIENCE);
    assert!(tokio::time::timeout(Duration::from_millis(10), gone).await.is_err());
    assert_eq!(held.batcher.0.shared.state().queue.depth(), 0);
    held.release().await;
    first.await.unwrap().unwrap();
    assert!(held.batches.try_recv().is_err(), "neither was computed");
}

#[tokio::test]
async fn a_batch_that_is_not_full_waits_for_the_delay_and_no_longer() {
    let delay = Duration::from_millis(300);
    let held = Held::start(BatchOptions { delay, most: 4, ..OPTIONS });
    held.release().await;
    let start = Instant::now();
    let second = async {
        tokio::time::sleep(delay / 4).await;
        embed(&held.batcher, [2]).await
    };
    let (first, second) = tokio::join!(embed(&held.batcher, [1]), second);
    assert!(start.elapsed() >= delay);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(held.batches.try_iter().collect::<Vec<_>>(), [[1.0, 2.0]]);
    let start = Instant::now();
    embed(&held.batcher, [3, 4, 5, 6]).await.unwrap();
    assert!(start.elapsed() < delay, "a full batch does not wait");
}

#[tokio::test]
async fn a_worker_that_is_lost_is_noticed() {
    let batcher = Batcher::start(OPTIONS, Duration::ZERO, [echo]).unwrap();
    let lost = tokio::time::timeout(Duration::from_millis(50), batcher.lost()).await;
    assert!(lost.is_err(), "nothing is lost yet");
    let Handle { shared, .. } = &*batcher.0;
    // A panic outside of the forward pass: a queue that breaks its promises.
    let broken = broken().await;
    shared.state().queue.push(broken, 7, Instant::now(), Instant::now() + PATIENCE);
    shared.changed.notify_all();
    batcher.lost().await;
}

/// A request with fewer pixels than it says.
async fn broken() -> Request {
    let (answer, receiver) = oneshot::channel();
    // Somebody waits for it, or it would be dropped.
    tokio::spawn(receiver);
    let (embeddings, since, places) = (Vec::new(), Instant::now(), places(7).await);
    Request {
        items: Vec::new(),
        counts: Counts::default(),
        embeddings,
        places,
        since,
        begun: None,
        failed: false,
        answer,
    }
}

#[tokio::test]
async fn a_worker_without_a_batch_helps_another_until_something_comes() {
    let options = BatchOptions { workers: 2, helping: true, ..OPTIONS };
    let (tell, told) = mpsc::channel();
    let embed_one = std::iter::repeat_with(|| {
        let tell = tell.clone();
        move |samples: &[Sample<'_>], crew: &Crew| {
            // The steps of a long pass, which goes on until another thread has had a part.
            let helped = AtomicBool::new(false);
            let leader = std::thread::current().id();
            let first = images(samples)[0][0];
            while first == 1. && !helped.load(Ordering::Relaxed) {
                crew.each_part(&mut [0.; 2], 1, |_, _| {
                    helped.fetch_or(std::thread::current().id() != leader, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(1));
                });
            }
            if first == 1. {
                tell.send(()).unwrap();
                // Now the helper is wanted, and only it can answer.
                while !ANSWERED.load(Ordering::Relaxed) {
                    crew.each_part(&mut [0.; 2], 1, |_, _| {
                        std::thread::sleep(Duration::from_millis(1));
                    });
                }
            } else {
                ANSWERED.store(true, Ordering::Relaxed);
            }
            echo(samples, crew)
        }
    });
    static ANSWERED: AtomicBool = AtomicBool::new(false);
    let batcher = Batcher::start(options, Duration::ZERO, embed_one).unwrap();
    let first = tokio::spawn({
        let batcher = batcher.clone();
        async move { embed(&batcher, [1]).await }
    });
    while told.try_recv().is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(numbers(embed(&batcher, [2]).await), [2.]);
    assert_eq!(numbers(first.await.unwrap()), [1.]);
}
