//! A budget of which a part is kept for those who need little, so that they do not wait for those
//! who need much.

use tokio::time::Instant;

use super::budget::{Budget, Reservation, Shortage};
use crate::metrics::Pool;

/// Bytes that are divided into two lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    /// For everybody.
    pub wide: u64,
    /// For those alone who need no more than all of this, when the wide lane is taken.
    pub narrow: u64,
}

impl Division {
    /// Bytes of both lanes.
    pub fn all(self) -> u64 {
        self.wide.saturating_add(self.narrow)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    wide: Budget,
    narrow: Budget,
}

impl Lanes {
    /// Both lanes, told to the metrics together as `pool`.
    pub fn new(pool: Pool, division: Division) -> Self {
        Self { wide: Budget::new(pool, division.wide), narrow: Budget::new(pool, division.narrow) }
    }

    /// The lane for everybody.
    pub fn wide(&self) -> &Budget {
        &self.wide
    }

    /// The most that one reservation may have.
    pub fn limit(&self) -> u64 {
        self.wide.limit().max(self.narrow.limit())
    }

    /// Reserves `bytes` if they are free and nobody waits for them.
    ///
    /// # Errors
    /// [`Shortage::Never`], or [`Shortage::Late`] where one would have to wait.
    pub fn try_reserve(&self, bytes: u64) -> Result<Reservation, Shortage> {
        match self.wide.try_reserve(bytes) {
            Ok(reserved) => Ok(reserved),
            Err(shortage) => self.narrow.try_reserve(bytes).map_err(|narrow| match narrow {
                Shortage::Never => shortage,
                Shortage::Late => Shortage::Late,
            }),
        }
    }

    /// Reserves `bytes`, after all who wait in the same lane, or gives up at `deadline`. Who needs little
    /// waits in both, since who comes later must not find room before.
    ///
    /// # Errors
    /// [`Shortage`].
    pub async fn reserve(&self, bytes: u64, deadline: Instant) -> Result<Reservation, Shortage> {
        if bytes > self.narrow.limit() {
            return self.wide.reserve(bytes, deadline).await;
        }
        if bytes > self.wide.limit() {
            return self.narrow.reserve(bytes, deadline).await;
        }
        tokio::select! {
            biased;
            reserved = self.wide.reserve(bytes, deadline) => reserved,
            reserved = self.narrow.reserve(bytes, deadline) => reserved,
        }
    }

    /// `bytes` more for `held`: from the lane that it is in, or all of it from the wide one when that
    /// is too narrow.
    ///
    /// # Errors
    /// [`Shortage`].
    pub async fn grow(
        &self,
        held: &mut Reservation,
        bytes: u64,
        deadline: Instant,
    ) -> Result<(), Shortage> {
        match held.budget().reserve(bytes, deadline).await {
            Ok(more) => held.merge(more),
            Err(Shortage::Late) => return Err(Shortage::Late),
            Err(Shortage::Never) => {
                *held = self.wide.reserve(held.bytes().saturating_add(bytes), deadline).await?;
            }
        }
        Ok(())
    }

    /// Whether somebody waits for a part.
    pub fn is_short(&self) -> bool {
        self.wide.is_short() || self.narrow.is_short()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KIB: u64 = 1024;

    #[tokio::test(start_paused = true)]
    async fn those_who_need_little_do_not_wait_for_those_who_need_much() {
        let lanes = Lanes::new(Pool::Decodes, Division { wide: 10 * KIB, narrow: 2 * KIB });
        let soon = || Instant::now() + Duration::from_secs(10);
        let large = lanes.reserve(10 * KIB, soon()).await.unwrap();
        let start = Instant::now();
        let small = lanes.reserve(2 * KIB, soon()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(lanes.reserve(3 * KIB, soon()).await.unwrap_err(), Shortage::Late);
        drop(large);
        // Where the wide lane is free, all may use it.
        let second = lanes.try_reserve(2 * KIB).unwrap();
        assert_eq!(lanes.try_reserve(8 * KIB).unwrap().bytes(), 8 * KIB);
        drop((small, second));
        assert_eq!(lanes.try_reserve(11 * KIB).unwrap_err(), Shortage::Never);
    }

    #[tokio::test(start_paused = true)]
    async fn who_needs_little_and_waits_is_before_who_comes_later() {
        let lanes = Lanes::new(Pool::Decodes, Division { wide: 10 * KIB, narrow: 2 * KIB });
        let soon = || Instant::now() + Duration::from_secs(10);
        let wide = lanes.reserve(10 * KIB, soon()).await.unwrap();
        let _narrow = lanes.reserve(2 * KIB, soon()).await.unwrap();
        let later = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(wide);
            let _all = lanes.reserve(10 * KIB, soon()).await;
            Instant::now()
        };
        let first = async {
            let reserved = lanes.reserve(KIB, soon()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(reserved);
            Instant::now()
        };
        let (first, later) = tokio::join!(first, later);
        assert!(first <= later, "the one that came first was passed over");
    }
}
