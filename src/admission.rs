//! Who is let in, and when: the memory and the places of a request are promised before they are
//! used, and a request that could not be served in time is refused before it costs anything.
//!
//! A request needs, in this order, so that nobody holds what another needs who holds what he needs:
//! memory for its body ([`Admission::enter`]), a place for each of its images ([`Visit::admit`]),
//! memory for each decode ([`Admission::decode`]). Each is bounded; what is not free is waited for,
//! at most for the queue timeout, first come first served, and of each a part is kept for those who
//! need little. (A body without an announced length breaks the order: it holds a part while it waits
//! for more, and so gives up after the timeout.)

mod budget;
mod lanes;
mod load;
mod refusal;

use std::{sync::Arc, time::Duration};

pub use budget::{GRAIN, Reservation, Shortage};
pub use lanes::Division;
use lanes::Lanes;
use load::{Load, Size};
use refusal::HOPE;
pub use refusal::Refusal;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::metrics;

/// Times that a body is held at most: as it came, and as what was taken from it (a form's files,
/// the bytes that base64 stands for, text without JSON's escapes).
pub const BODY_COPIES: u64 = 2;

/// Most images of a small request. The app's users send single photos, or many.
pub const SMALL: usize = 8;

/// A body without an announced length is reserved piece by piece, of this many bytes.
const PIECE: u64 = 1 << 20;

/// What may be used at the same time, and how long one may wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Bytes of all bodies together.
    pub bodies: Division,
    /// Bytes of all decodes together.
    pub decodes: Division,
    /// Images that were let in and are not embedded yet, of any request.
    pub images: usize,
    /// As many more of small requests alone ([`SMALL`]).
    pub small_images: usize,
    /// How long a request may wait before work on it begins (`--queue-timeout`).
    pub timeout: Duration,
}

/// The one door of the service.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bodies: Lanes,
    decodes: Lanes,
    places: Arc<Semaphore>,
    small_places: Arc<Semaphore>,
    capacity: Capacity,
    load: Load,
}

impl Admission {
    /// A door to `capacity`, of a service whose warm-up showed `rate` images a second.
    pub fn new(capacity: Capacity, rate: f64) -> Self {
        let places = |images: usize| Arc::new(Semaphore::new(images.min(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Shared {
            bodies: Lanes::new(metrics::Pool::Bodies, capacity.bodies),
            decodes: Lanes::new(metrics::Pool::Decodes, capacity.decodes),
            places: places(capacity.images),
            small_places: places(capacity.small_images),
            capacity,
            load: Load::new(rate),
        }))
    }

    /// Lets in a request whose body has `length` bytes, if that is known: refuses it where it would
    /// wait too long, else reserves the memory of its body.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn enter(&self, length: Option<u64>) -> Result<Visit, Refusal> {
        self.0.check(1)?;
        let mut visit = Visit {
            shared: Arc::clone(&self.0),
            length,
            body: None,
            entered: Instant::now(),
            waited: Duration::ZERO,
        };
        let bytes = length.unwrap_or(PIECE).saturating_mul(BODY_COPIES);
        visit.reserve(bytes).await?;
        visit.entered = Instant::now();
        Ok(visit)
    }

    /// Reserves the memory of a decode. Each waits by itself: of many large photos in one request all
    /// but the first wait for those before them.
    ///
    /// # Errors
    /// [`Shortage`]; nobody waits longer than the queue timeout.
    pub async fn decode(&self, bytes: u64) -> Result<Reservation, Shortage> {
        let deadline = Instant::now() + self.0.capacity.timeout;
        self.0.decodes.reserve(bytes, deadline).await
    }

    /// The same for those who cannot wait.
    ///
    /// # Errors
    /// [`Shortage`].
    pub fn try_decode(&self, bytes: u64) -> Result<Reservation, Shortage> {
        self.0.decodes.try_reserve(bytes)
    }

    /// Reserves of the memory for decodes `lasting` bytes for something that stays, and `passing` more
    /// while it is made, where `least` are left for decodes then: [`Reservation::shrink`] and
    /// [`Reservation::keep`] when it is there.
    ///
    /// # Errors
    /// [`Shortage`].
    pub async fn withhold(
        &self,
        lasting: u64,
        passing: u64,
        least: u64,
    ) -> Result<Reservation, Shortage> {
        let decodes = self.0.decodes.wide();
        if decodes.limit() < lasting.saturating_add(passing.max(least)) {
            return Err(Shortage::Never);
        }
        let deadline = Instant::now() + self.0.capacity.timeout;
        decodes.reserve(lasting.saturating_add(passing), deadline).await
    }

    /// The most bytes that one decode may have.
    pub fn decode_limit(&self) -> u64 {
        self.0.decodes.limit()
    }

    /// How many images were ever let in, if all have their answers; none while there is work.
    pub fn idle_after(&self) -> Option<u64> {
        self.0.load.idle_after()
    }

    /// How long a request may wait.
    pub fn timeout(&self) -> Duration {
        self.0.capacity.timeout
    }

    /// Images that were let in and have no answer.
    pub fn inside(&self) -> usize {
        self.0.load.inside()
    }

    /// Most of them.
    pub fn most_inside(&self) -> usize {
        self.0.capacity.images.saturating_add(self.0.capacity.small_images)
    }
}

impl Shared {
    fn size(&self, images: usize) -> Size {
        if images <= SMALL.min(self.capacity.small_images) { Size::Small } else { Size::Large }
    }

    /// Refuses a request of `images` images that could not begin in time.
    fn check(&self, images: usize) -> Result<(), Refusal> {
        let size = self.size(images);
        let free = match size {
            Size::Small => self.places.available_permits() + self.small_places.available_permits(),
            // Not the permits that are left: whoever is first at the door collects them.
            Size::Large => self.capacity.images.saturating_sub(self.load.inside()),
        };
        let (wait, timeout) = (self.load.wait(size, images, free), self.capacity.timeout);
        if wait > timeout.mul_f64(HOPE) { Err(Refusal::Hopeless { wait, timeout }) } else { Ok(()) }
    }

    /// Places for `images` images, when they are free. None says that nobody will ever have them.
    async fn places(&self, images: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(images).ok()?;
        let of = |places: &Arc<Semaphore>| Arc::clone(places);
        if self.size(images) == Size::Large {
            return of(&self.places).acquire_many_owned(wanted).await.ok();
        }
        if images > self.capacity.images {
            return of(&self.small_places).acquire_many_owned(wanted).await.ok();
        }
        // In both queues: who comes later must not find a place before.
        tokio::select! {
            biased;
            permit = of(&self.places).acquire_many_owned(wanted) => permit.ok(),
            permit = of(&self.small_places).acquire_many_owned(wanted) => permit.ok(),
        }
    }
}

/// The memory of a body, until the last clone is dropped: whoever holds a part of the body holds one.
#[derive(Clone, Debug)]
pub struct BodyMemory(Vec<Arc<Reservation>>);

impl BodyMemory {
    /// This memory and `other`, for who holds parts of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// A request that is inside.
#[derive(Debug)]
pub struct Visit {
    shared: Arc<Shared>,
    /// Bytes of its body, if it announced them.
    length: Option<u64>,
    /// The memory of the body that is being read.
    body: Option<Reservation>,
    /// When its body got its memory.
    entered: Instant,
    waited: Duration,
}

/// Bytes a second that a body without an announced length must bring while others wait for memory.
const UNANNOUNCED_RATE: f64 = 262_144.;

/// For so long the body of a request may begin slowly.
const SLOW_START: Duration = Duration::from_secs(2);

impl Visit {
    /// Whether others wait for memory while the body of this request, of which `came` bytes have
    /// come, comes too slowly to be there within the time that they may wait. Without this, few
    /// clients that announce much and send little would keep all others out.
    pub fn is_in_the_way(&self, came: usize) -> bool {
        let (time, timeout) = (self.entered.elapsed(), self.shared.capacity.timeout);
        let due = match self.length {
            Some(length) => {
                length as f64 * (time.as_secs_f64() / timeout.as_secs_f64().max(1e-3)).min(1.)
            }
            None => UNANNOUNCED_RATE * time.as_secs_f64(),
        };
        time > SLOW_START && self.shared.bodies.is_short() && (came as f64) < due
    }

    /// A body without an announced length has grown to `bytes`.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let needed = (bytes as u64).saturating_mul(BODY_COPIES);
        let held = self.body.as_ref().map_or(0, Reservation::bytes);
        if needed <= held {
            return Ok(());
        }
        let piece = (held + PIECE * BODY_COPIES).min(self.shared.bodies.limit()).max(needed);
        self.reserve(piece - held).await
    }

    /// The body has `bytes` bytes and will not grow. Gives its memory to whoever holds it now.
    pub fn read(&mut self, bytes: usize) -> Option<BodyMemory> {
        let mut body = self.body.take()?;
        body.shrink((bytes as u64).saturating_mul(BODY_COPIES));
        Some(BodyMemory(vec![Arc::new(body)]))
    }

    /// Waits for a place for each of `images` images.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn admit(&mut self, images: usize) -> Result<Places, Refusal> {
        self.shared.check(images)?;
        let (start, deadline) = self.deadline();
        let permit = {
            let _outside = Outside::new(&self.shared, self.shared.size(images), images);
            timeout_at(deadline, self.shared.places(images)).await
        };
        self.waited += start.elapsed();
        match permit {
            Ok(Some(permit)) => {
                self.shared.load.enter(images);
                Ok(Places { shared: Arc::clone(&self.shared), permit, begun: false })
            }
            Ok(None) | Err(_) => Err(Refusal::Late { timeout: self.shared.capacity.timeout }),
        }
    }

    /// How long a request may wait.
    pub fn timeout(&self) -> Duration {
        self.shared.capacity.timeout
    }

    /// How long this request has waited for memory and places.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// How long it may still wait.
    pub fn left(&self) -> Duration {
        self.shared.capacity.timeout.saturating_sub(self.waited)
    }

    fn deadline(&self) -> (Instant, Instant) {
        let now = Instant::now();
        (now, now + self.left())
    }

    async fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        let shared = Arc::clone(&self.shared);
        let (start, deadline) = self.deadline();
        let _outside = Outside::new(&shared, Size::Small, 1);
        let reserved = match &mut self.body {
            Some(body) => shared.bodies.grow(body, bytes, deadline).await,
            body => shared.bodies.reserve(bytes, deadline).await.map(|reserved| {
                *body = Some(reserved);
            }),
        };
        self.waited += start.elapsed();
        // What never fits cannot be: the configuration is refused where the largest body does not.
        reserved.map_err(|_| Refusal::NoMemory { timeout: shared.capacity.timeout })
    }
}

/// Images that wait to be let in.
struct Outside<'a>(&'a Shared, Size, isize);

impl<'a> Outside<'a> {
    fn new(shared: &'a Shared, size: Size, images: usize) -> Self {
        let images = isize::try_from(images).unwrap_or(isize::MAX);
        shared.load.outside(size, images);
        Self(shared, size, images)
    }
}

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.0.load.outside(self.1, -self.2);
    }
}

/// The places of a request's images, given back as they are done with.
#[derive(Debug)]
pub struct Places {
    shared: Arc<Shared>,
    permit: OwnedSemaphorePermit,
    begun: bool,
}

impl Places {
    /// The first image is being computed.
    pub fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.shared.load.begin();
        }
    }

    /// `images` of them have their answer.
    pub fn answered(&mut self, images: usize) {
        if let Some(permit) = self.permit.split(images) {
            self.shared.load.leave(images, true);
            drop(permit);
        }
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.begin();
        self.shared.load.leave(self.permit.num_permits(), false);
    }
}

#[cfg(test)]
mod tests;
