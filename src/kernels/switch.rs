//! The functions of an instruction set: each algorithm compiled with the instructions switched on.

/// Functions `matmul`, `moments`, `normalize`, `softmax` and `activate` on registers of one type,
/// with the attribute that switches on what they need.
macro_rules! switched_on {
    ($(#[$on:meta])* $vector:ty, $across:expr, $rows:expr) => {
        /// # Safety
        /// As [`matmul::matmul`](crate::kernels::matmul::matmul).
        $(#[$on])*
        unsafe fn matmul(task: &mut crate::kernels::Matmul<'_>) {
            use crate::kernels::{matmul, product::Single};
            // SAFETY: handed on, with the instruction set.
            unsafe { matmul::matmul::<Single<$vector>, { $across }, { $rows }>(task) }
        }

        /// # Safety
        /// As [`rows::moments`](crate::kernels::rows::moments).
        $(#[$on])*
        unsafe fn moments(task: &mut crate::kernels::Moments<'_>) {
            // SAFETY: handed on, with the instruction set.
            unsafe { crate::kernels::rows::moments::<$vector, { $across }>(task) }
        }

        /// # Safety
        /// As [`rows::normalize`](crate::kernels::rows::normalize).
        $(#[$on])*
        unsafe fn normalize(task: &mut crate::kernels::Normalize<'_>) {
            // SAFETY: handed on, with the instruction set.
            unsafe { crate::kernels::rows::normalize::<$vector, { $across }>(task) }
        }

        /// # Safety
        /// As [`rows::softmax`](crate::kernels::rows::softmax).
        $(#[$on])*
        unsafe fn softmax(scores: &mut [f32], panels: usize, rows: usize) {
            // SAFETY: handed on, with the instruction set.
            unsafe { crate::kernels::rows::softmax::<$vector, { $across }>(scores, panels, rows) }
        }

        /// # Safety
        /// As [`rows::gelu`](crate::kernels::rows::gelu).
        $(#[$on])*
        unsafe fn activate(activation: crate::kernels::Activation, numbers: &mut [f32]) {
            use crate::kernels::{Activation, rows};
            // SAFETY: handed on, with the instruction set.
            unsafe {
                match activation {
                    Activation::Gelu => rows::gelu::<$vector>(numbers),
                    Activation::QuickGelu => rows::quick_gelu::<$vector>(numbers),
                }
            }
        }
    };
}

/// Functions `matmul_of_bytes`, `find_units` and `quantize`, likewise.
macro_rules! switched_on_int8 {
    ($(#[$on:meta])* $product:ty, $vector:ty, $across:expr, $rows:expr) => {
        /// # Safety
        /// As [`matmul::matmul`](crate::kernels::matmul::matmul).
        $(#[$on])*
        unsafe fn matmul_of_bytes(task: &mut crate::kernels::Matmul<'_, crate::kernels::Int8>) {
            // SAFETY: handed on, with the instruction set.
            unsafe { crate::kernels::matmul::matmul::<$product, { $across }, { $rows }>(task) }
        }

        /// # Safety
        /// As [`int8::find_units`](crate::kernels::int8::find_units).
        $(#[$on])*
        unsafe fn find_units(task: &mut crate::kernels::FindUnits<'_>) {
            // SAFETY: handed on, with the instruction set.
            unsafe { crate::kernels::int8::find_units::<$vector, { $across }>(task) }
        }

        /// # Safety
        /// As [`int8::quantize`](crate::kernels::int8::quantize).
        $(#[$on])*
        unsafe fn quantize(numbers: &[f32], units: &[f32], bytes: &mut [crate::kernels::Int8]) {
            // SAFETY: handed on, with the instruction set.
            unsafe {
                crate::kernels::int8::quantize::<$vector, { $across }>(numbers, units, bytes)
            }
        }
    };
}

pub(super) use {switched_on, switched_on_int8};
