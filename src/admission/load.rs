//! How fast the service works, and so how long a request would wait that came now.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What was seen longer ago than this weighs less than a third: long enough to smooth over several
/// batches, short enough to follow a change of photos.
const MEMORY: Duration = Duration::from_secs(5);

/// Whether a request may use the places that are kept for small ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// It may.
    Small,
    /// It may not.
    Large,
}

/// The work at hand and the speed at which work was done lately.
#[derive(Debug)]
pub(super) struct Load(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Requests that were let in and of which nothing has been computed.
    unbegun: usize,
    /// Images that were let in and have no answer.
    inside: usize,
    /// Images that were ever let in.
    entered: u64,
    /// Images of the requests that wait to be let in, small ones and large ones; one each while their
    /// number is not known.
    outside: [usize; 2],
    /// Images answered, each weighing less the longer ago it was.
    answered: f64,
    /// Seconds in which there was work, likewise.
    busy: f64,
    seen: Instant,
    /// Images a second that it is taken for at least: a photo that takes long to decode, or many that
    /// fail, must not make it believe that it stands still.
    least: f64,
}

/// Of the speed that the warm-up showed, the part that is always believed.
const LEAST: f64 = 0.05;

impl Load {
    /// A service that has shown in its warm-up that it can answer `rate` images a second.
    pub fn new(rate: f64) -> Self {
        let rate = if rate.is_finite() && rate > 0. { rate } else { 1. };
        Self(Mutex::new(State {
            unbegun: 0,
            inside: 0,
            entered: 0,
            outside: [0; 2],
            // Worth a fifth of a second of experience: soon outweighed.
            answered: rate * 0.2,
            busy: 0.2,
            seen: Instant::now(),
            least: rate * LEAST,
        }))
    }

    /// How long a request of `images` images would wait until the first of them is computed, when
    /// `free` places are free for it. Large requests that wait are not in the way of small ones, who
    /// have places of their own.
    pub fn wait(&self, size: Size, images: usize, free: usize) -> Duration {
        let mut state = self.state();
        state.advance();
        let [small, large] = state.outside;
        let before = match size {
            Size::Small => small,
            Size::Large => small + large,
        };
        let in_the_way = (before + images).saturating_sub(free) + state.unbegun;
        let seconds = in_the_way as f64 / state.rate();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Images that were let in and have no answer.
    pub fn inside(&self) -> usize {
        self.state().inside
    }

    /// `images` images more (or, if negative, fewer) wait to be let in.
    pub fn outside(&self, size: Size, images: isize) {
        let outside = &mut self.state().outside[size as usize];
        *outside = outside.saturating_add_signed(images);
    }

    /// A request of `images` images is let in.
    pub fn enter(&self, images: usize) {
        let mut state = self.state();
        state.advance();
        state.unbegun += 1;
        state.inside += images;
        state.entered += images as u64;
    }

    /// How many images were ever let in, if none of them is inside any more.
    pub fn idle_after(&self) -> Option<u64> {
        let state = self.state();
        (state.inside == 0).then_some(state.entered)
    }

    /// The first image of a request is being computed, or the request leaves before.
    pub fn begin(&self) {
        let mut state = self.state();
        state.unbegun = state.unbegun.saturating_sub(1);
    }

    /// `images` images leave: with an answer, or because nobody wants them any more.
    pub fn leave(&self, images: usize, answered: bool) {
        let mut state = self.state();
        state.advance();
        state.inside = state.inside.saturating_sub(images);
        if answered {
            state.answered += images as f64;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Plain numbers, which no panic leaves half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets the time pass since the last change.
    fn advance(&mut self) {
        let now = Instant::now();
        let passed = now.duration_since(self.seen).as_secs_f64();
        self.seen = now;
        if self.inside == 0 {
            // Idle time says nothing about speed.
            return;
        }
        let keeps = (-passed / MEMORY.as_secs_f64()).exp();
        // The floor keeps a rate where nothing has been answered for minutes.
        self.answered = (self.answered * keeps).max(1e-3);
        self.busy = self.busy * keeps + passed;
    }

    /// Images a second.
    fn rate(&self) -> f64 {
        (self.answered / self.busy).max(self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_follows_the_speed() {
        let load = Load::new(20.);
        assert_eq!(load.wait(Size::Large, 1, 1), Duration::ZERO);
        load.enter(100);
        // Ten images a second from now on.
        for _ in 0..40 {
            seconds(1).await;
            load.leave(10, true);
            load.enter(10);
        }
        let wait = load.wait(Size::Large, 1, 100).as_secs_f64();
        let expected = 41. / 10.;
        assert!((wait - expected).abs() < 0.5, "{wait}");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_wait_outside_are_in_the_way_and_those_begun_are_not() {
        let load = Load::new(10.);
        load.enter(32);
        load.begin();
        assert_eq!(load.wait(Size::Large, 1, 8), Duration::ZERO);
        load.outside(Size::Large, 40);
        let wait = load.wait(Size::Large, 9, 9).as_secs_f64();
        assert!((wait - 4.).abs() < 0.01, "{wait}");
        assert_eq!(load.wait(Size::Small, 1, 1), Duration::ZERO, "large ones are in nobody's way");
        load.outside(Size::Large, -40);
        assert_eq!(load.wait(Size::Large, 9, 9), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_no_slowness_and_those_who_left_are_no_speed() {
        let load = Load::new(10.);
        seconds(3600).await;
        load.enter(1);
        let wait = |images| load.wait(Size::Large, images, 0).as_secs_f64();
        assert!((wait(9) - 1.).abs() < 0.01, "{}", wait(9));
        seconds(1).await;
        load.leave(1, false);
        load.begin();
        assert!(wait(10) > 1., "{}", wait(10));
    }
}
