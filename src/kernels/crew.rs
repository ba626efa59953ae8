//! Threads that work on one forward pass together.
//!
//! The leader does a pass step by step; each step is cut into parts, and whoever is there takes the
//! next part. Members may come and go at any time, between steps and in the middle of one, so a pass
//! never waits for a thread that has not woken up yet. A pass has about a hundred steps of less than
//! a millisecond: members spin between them, since to sleep and wake costs as much as a step.

use std::{
    cell::UnsafeCell,
    hint,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

/// A step as members see it: the function that does part `i`, with its type forgotten.
#[derive(Clone, Copy)]
struct Step {
    run: unsafe fn(*const (), usize),
    data: *const (),
    parts: usize,
}

/// Where a leader and its members meet.
pub struct Crew {
    step: UnsafeCell<Step>,
    /// Odd while a step is open; each step has a number of its own.
    number: AtomicUsize,
    /// The next part to take.
    next: AtomicUsize,
    /// Members that may look at the step.
    inside: AtomicUsize,
    /// A member panicked.
    failed: AtomicBool,
    /// The pass is over.
    closed: AtomicBool,
}

// SAFETY: `step` is written by the leader alone, while no member may look at it: see `Crew::step`.
unsafe impl Sync for Crew {}
// SAFETY: the pointer in `step` is only used while the leader keeps what it points to alive.
unsafe impl Send for Crew {}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew").finish_non_exhaustive()
    }
}

impl Default for Crew {
    fn default() -> Self {
        Self::new()
    }
}

/// How often a thread looks before it lets others have the core.
const LOOKS: usize = 4096;

impl Crew {
    /// A crew of nobody but its leader.
    pub fn new() -> Self {
        let nothing = Step { run: |_, _| {}, data: std::ptr::null(), parts: 0 };
        Self {
            step: UnsafeCell::new(nothing),
            number: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Runs `part` for each number below `parts`, here and on the members. Only the leader, a single
    /// thread, calls this.
    ///
    /// # Panics
    /// Where a part panics.
    pub(super) fn each<F: Fn(usize) + Sync>(&self, parts: usize, part: F) {
        unsafe fn run<F: Fn(usize)>(data: *const (), i: usize) {
            // SAFETY: `data` is the `F` of the step that is open, which `each` keeps alive.
            unsafe { (*data.cast::<F>())(i) }
        }
        // SAFETY: the last step was closed and nobody was inside after that; whoever comes in from
        // now on sees an even number, and leaves without a look at the step.
        unsafe {
            *self.step.get() = Step { run: run::<F>, data: (&raw const part).cast(), parts };
        }
        self.next.store(0, SeqCst);
        self.number.fetch_add(1, SeqCst);
        let open = Open(self);
        while let Some(i) = self.take(parts) {
            part(i);
        }
        drop(open);
        assert!(
            !self.failed.swap(false, SeqCst),
            "a thread panicked that helped with the forward pass"
        );
    }

    /// Members beside the leader that are at work on a step; another number at any moment.
    pub fn members(&self) -> usize {
        self.inside.load(SeqCst)
    }

    fn take(&self, parts: usize) -> Option<usize> {
        let i = self.next.fetch_add(1, SeqCst);
        (i < parts).then_some(i)
    }

    /// Helps until the pass is over, or until `leave`, which is asked between steps.
    pub fn help(&self, leave: impl Fn() -> bool) {
        let mut done = 0;
        let mut looks = 0;
        while !self.closed.load(SeqCst) {
            let number = self.number.load(SeqCst);
            if number.is_multiple_of(2) || number == done {
                wait(&mut looks);
                continue;
            }
            if leave() {
                return;
            }
            looks = 0;
            self.help_with(number);
            done = number;
        }
    }

    fn help_with(&self, number: usize) {
        self.inside.fetch_add(1, SeqCst);
        // Either this sees that the step was closed, or the leader, which closes it first and looks
        // then, sees that somebody is inside.
        if self.number.load(SeqCst) == number {
            // SAFETY: the step is open, and the leader waits for those inside before it ends it.
            let step = unsafe { *self.step.get() };
            let parts = AssertUnwindSafe(|| {
                while let Some(i) = self.take(step.parts) {
                    // SAFETY: as above.
                    unsafe { (step.run)(step.data, i) }
                }
            });
            if catch_unwind(parts).is_err() {
                self.failed.store(true, SeqCst);
            }
        }
        self.inside.fetch_sub(1, SeqCst);
    }

    /// Leads `pass`; when it ends, also by a panic, the members are told.
    pub fn lead<T>(&self, pass: impl FnOnce() -> T) -> T {
        struct Ends<'a>(&'a Crew);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.close();
            }
        }
        let _ends = Ends(self);
        self.open();
        pass()
    }

    /// Lets members in again, for the next pass.
    pub fn open(&self) {
        self.closed.store(false, SeqCst);
    }

    /// Tells the members that the pass is over.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
    }
}

/// A step that ends, also by a panic of the leader, only when nobody is inside.
struct Open<'a>(&'a Crew);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.number.fetch_add(1, SeqCst);
        let mut looks = 0;
        while self.0.inside.load(SeqCst) > 0 {
            wait(&mut looks);
        }
    }
}

fn wait(looks: &mut usize) {
    *looks += 1;
    if looks.is_multiple_of(LOOKS) {
        thread::yield_now();
    } else {
        hint::spin_loop();
    }
}

/// Numbers that are cut into parts of one length, each of which one member writes.
struct Parts<'a, T> {
    first: *mut T,
    part: usize,
    len: usize,
    _numbers: PhantomData<&'a mut [T]>,
}

// SAFETY: parts are slices that do not overlap.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    /// `numbers` in parts of `part` numbers, the last of which may be shorter.
    fn new(numbers: &'a mut [T], part: usize) -> Self {
        Self { first: numbers.as_mut_ptr(), part, len: numbers.len(), _numbers: PhantomData }
    }

    /// Part `i`.
    ///
    /// # Safety
    /// Nobody else may have part `i`.
    #[allow(clippy::mut_from_ref, reason = "parts do not overlap")]
    unsafe fn get(&self, i: usize) -> &mut [T] {
        let start = i.saturating_mul(self.part).min(self.len);
        let len = self.part.min(self.len - start);
        // SAFETY: within `numbers`; and the caller has this part alone.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }
}

impl Crew {
    /// Cuts `numbers` into parts of `part` numbers and gives each with its index to `work`, here or
    /// on a member.
    pub fn each_part<T: Send>(
        &self,
        numbers: &mut [T],
        part: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        self.each_part_of_two((numbers, part), (&mut [(); 0], 0), |i, part, _| work(i, part));
    }

    /// The same with parts of a second slice, which may have fewer: then they are empty.
    pub fn each_part_of_two<T: Send, U: Send>(
        &self,
        (numbers, part): (&mut [T], usize),
        (others, other_part): (&mut [U], usize),
        work: impl Fn(usize, &mut [T], &mut [U]) + Sync,
    ) {
        let count = numbers.len().div_ceil(part);
        let (parts, others) = (Parts::new(numbers, part), Parts::new(others, other_part));
        // SAFETY: each number below `count` is given out once.
        self.each(count, |i| work(i, unsafe { parts.get(i) }, unsafe { others.get(i) }));
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn each_part_is_done_once_however_many_help() {
        for helpers in 0..4 {
            let crew = Crew::new();
            thread::scope(|scope| {
                for _ in 0..helpers {
                    scope.spawn(|| crew.help(|| false));
                }
                for len in (0..500).step_by(7) {
                    let mut numbers = vec![0.; len];
                    crew.each_part(&mut numbers, 3, |i, part| {
                        part.iter_mut().for_each(|number| *number += 1. + i as f32);
                    });
                    let expected: Vec<f32> = (0..len).map(|i| 1. + (i / 3) as f32).collect();
                    assert_eq!(numbers, expected, "{helpers} helpers");
                }
                crew.close();
            });
        }
    }

    #[test]
    fn a_member_takes_part_and_leaves_when_it_is_wanted_elsewhere() {
        let crew = Crew::new();
        let together = Barrier::new(2);
        let wanted = AtomicBool::new(false);
        thread::scope(|scope| {
            let member = scope.spawn(|| crew.help(|| wanted.load(SeqCst)));
            // Neither part ends before both are begun, so two threads have one each.
            crew.each(2, |_| {
                together.wait();
            });
            wanted.store(true, SeqCst);
            while !member.is_finished() {
                crew.each(1, |_| {});
            }
        });
    }

    #[test]
    fn a_panic_of_a_member_is_the_leaders_and_the_next_pass_is_sound() {
        let crew = Crew::new();
        let together = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| crew.help(|| false));
            let leader = thread::current().id();
            let step = || {
                crew.each(2, |_| {
                    together.wait();
                    assert_eq!(thread::current().id(), leader, "as asked");
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(step)).is_err());
            let mut numbers = [0.; 8];
            crew.each_part(&mut numbers, 1, |_, part| part[0] += 1.);
            assert_eq!(numbers, [1.; 8]);
            crew.close();
        });
    }
}
