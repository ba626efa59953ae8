//! The sum of all memory that the process may use at once, and what of it requests share.
//!
//! What does not depend on the load is taken off first: weights, the process itself, connections,
//! the largest batches and a full queue. Of the rest, bodies get a quarter, and at least what the
//! largest body needs; decodes get what is left. Of both a part is kept for small ones.

use std::fmt;

use super::cgroup::MemoryLimit;
use crate::{
    admission::{BODY_COPIES, Division, GRAIN},
    embedder::TextMemory,
    model::{
        architecture::{Architecture, TextConfig},
        cpu::{scratch_bytes, text_scratch_bytes},
    },
};

/// Of the limit, the part that the sum may fill, in hundredths. What is left is for what no sum
/// knows: pages that the allocator keeps, page tables, and the kernel's buffers of connections,
/// which a control group counts too.
const USABLE: u64 = 85;

/// The program, its tables, its threads' stacks and what is allocated in small pieces.
const BASE: u64 = 64 << 20;

/// A connection with its task and, at most, 32 KiB of a head or 64 KiB of bodies that nobody has
/// asked for yet (`http::connection`).
const CONNECTION: u64 = 96 << 10;

/// The vocabulary of the tokenizer, and its merges.
const TOKENIZER: u64 = 16 << 20;

/// What TLS keeps of a connection beside: a record of 18 KiB that is coming in, 16 KiB of it
/// decrypted, 32 KiB of an answer (`http::connection::handshake`), its state.
const TLS: u64 = 72 << 10;

/// What is kept for small bodies, where there is enough: six photos of twelve megapixels as base64.
const SMALL_BODIES: u64 = 64 << 20;

/// What is kept for small decodes, where there is enough: twelve megapixels of a baseline JPEG take
/// 75 MB.
const SMALL_DECODES: u64 = 96 << 20;

/// What must be left for other decodes, or no ordinary photo could be read.
const LEAST_DECODES: u64 = 80 << 20;

/// What the sum is made from.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Bytes of a number of the weights.
    pub weight_bytes: u64,
    /// Whether the text tower is there from the start.
    pub text: bool,
    /// Forward passes at the same time.
    pub workers: u64,
    /// The largest batch (`--max-batch`).
    pub batch: u64,
    /// Images that may wait (`--max-queued-images`).
    pub queued_images: u64,
    /// Connections that may be open (`--max-connections`).
    pub connections: u64,
    /// Whether they are within TLS.
    pub tls: bool,
    /// The largest body (`--max-body-bytes`).
    pub body_bytes: u64,
}

/// The sum, part by part, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// What the process may use.
    pub limit: MemoryLimit,
    /// The model.
    pub weights: u64,
    /// The text tower, where it is there from the start.
    pub text: u64,
    /// The process.
    pub base: u64,
    /// All connections.
    pub connections: u64,
    /// The images of the batches, and what the forward passes write on their way.
    pub activations: u64,
    /// Decoded images that wait for the model.
    pub queue: u64,
    /// What all bodies share.
    pub bodies: Division,
    /// What all decodes share.
    pub decodes: Division,
}

/// The parts do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the memory does not suffice: {missing} MiB are missing\n{plan}\nraise the limit, or lower \
     --max-body-bytes, --max-queued-images, --max-batch or --max-connections"
)]
pub struct Overcommitted {
    missing: u64,
    plan: Box<MemoryPlan>,
}

impl MemoryPlan {
    /// The plan for a model of `architecture`.
    ///
    /// # Errors
    /// [`Overcommitted`], with the sum.
    pub fn new(
        limit: MemoryLimit,
        architecture: &Architecture,
        demands: &Demands,
    ) -> Result<Self, Overcommitted> {
        let image = 3 * square(architecture.vision.image_size) * size_of::<f32>() as u64;
        let mut plan = Self {
            limit,
            weights: weights(architecture).saturating_mul(demands.weight_bytes),
            text: match demands.text {
                true => text(architecture, demands.weight_bytes, demands.workers).lasting,
                false => 0,
            },
            base: BASE,
            connections: demands.connections.saturating_mul(connection(demands.tls)),
            activations: demands.workers.saturating_mul(activations(architecture, demands.batch)),
            queue: image.saturating_mul(demands.queued_images),
            bodies: Division { wide: 0, narrow: 0 },
            decodes: Division { wide: 0, narrow: 0 },
        };
        let rest = plan.usable().saturating_sub(plan.sum());
        let largest = demands.body_bytes.saturating_mul(BODY_COPIES);
        let largest = largest.checked_next_multiple_of(GRAIN).unwrap_or(u64::MAX);
        let small = SMALL_BODIES.min(rest / 8).max(rest / 32);
        plan.bodies = Division { wide: (rest / 32 * 7).max(largest), narrow: small };
        let small = SMALL_DECODES.min(rest / 8);
        let left = rest.saturating_sub(plan.bodies.all()).saturating_sub(small);
        plan.decodes = Division { wide: left.max(LEAST_DECODES), narrow: small };
        let missing = plan.sum().saturating_sub(plan.usable());
        if missing > 0 {
            let missing = missing.div_ceil(1 << 20);
            return Err(Overcommitted { missing, plan: Box::new(plan) });
        }
        Ok(plan)
    }

    /// All parts together.
    pub fn sum(&self) -> u64 {
        let parts = [
            self.weights,
            self.text,
            self.base,
            self.connections,
            self.activations,
            self.queue,
            self.bodies.all(),
            self.decodes.all(),
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// What the sum may come to.
    pub fn usable(&self) -> u64 {
        self.limit.bytes / 100 * USABLE
    }
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        write!(
            f,
            "weights {} + text {} + process {} + connections {} + batches {} + queue {} + bodies {} + \
             decodes {} = {} MiB, of {} MiB ({USABLE} % of {} MiB, {})",
            mib(self.weights),
            mib(self.text),
            mib(self.base),
            mib(self.connections),
            mib(self.activations),
            mib(self.queue),
            mib(self.bodies.all()),
            mib(self.decodes.all()),
            mib(self.sum()),
            mib(self.usable()),
            mib(self.limit.bytes),
            self.limit.origin,
        )
    }
}

/// Bytes of a connection.
const fn connection(tls: bool) -> u64 {
    if tls { CONNECTION + TLS } else { CONNECTION }
}

fn square(side: usize) -> u64 {
    (side as u64).saturating_mul(side as u64)
}

/// Tokens of an image: its patches and the class token.
fn tokens(architecture: &Architecture) -> u64 {
    let vision = &architecture.vision;
    square(vision.image_size / vision.patch_size) + 1
}

/// Numbers of the tower's weights, with the names of its state dict.
fn weights(architecture: &Architecture) -> u64 {
    let vision = &architecture.vision;
    let (width, mlp) = (vision.width as u64, vision.mlp_width as u64);
    let conv1 = 3 * square(vision.patch_size) * width;
    let embeddings = (tokens(architecture) + 1) * width;
    let layer_norm = 2 * width;
    let block = block(width, mlp);
    let proj = width * architecture.embed_dim as u64;
    conv1 + embeddings + 2 * layer_norm + vision.layers as u64 * block + proj
}

/// Numbers of a block's weights.
fn block(width: u64, mlp: u64) -> u64 {
    let layer_norm = 2 * width;
    let attention = 4 * width * width + 4 * width;
    let mlp = 2 * width * mlp + width + mlp;
    2 * layer_norm + attention + mlp
}

/// What the text tower takes whose layers have numbers of `weight_bytes` bytes, with as many `workers`
/// to compute it.
pub(super) fn text(architecture: &Architecture, weight_bytes: u64, workers: u64) -> TextMemory {
    let Some(text) = &architecture.text else { return TextMemory::default() };
    let embed_dim = architecture.embed_dim;
    let TextConfig { context_length, vocab_size, width, layers, mlp_width, .. } = *text;
    let (width, single) = (width as u64, size_of::<f32>() as u64);
    let vectors = vocab_size as u64 * width * single;
    let layers = layers as u64 * block(width, mlp_width as u64) * weight_bytes;
    let rest = (context_length as u64 + 2 + embed_dim as u64) * width * single;
    let scratch = workers.saturating_mul(text_scratch_bytes(text, embed_dim));
    TextMemory {
        lasting: (vectors + layers + rest + TOKENIZER).saturating_add(scratch),
        // The largest tensor is there twice while it is copied.
        loading: vectors,
        least_decodes: LEAST_DECODES,
    }
}

/// Bytes of a worker: a batch of images and its embeddings, and what the forward pass writes.
fn activations(architecture: &Architecture, batch: u64) -> u64 {
    let numbers = 3 * square(architecture.vision.image_size) + 2 * architecture.embed_dim as u64;
    let images = batch.saturating_mul(numbers * size_of::<f32>() as u64);
    images.saturating_add(scratch_bytes(architecture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::cgroup::LimitOrigin, model::registry};

    const DEMANDS: Demands = Demands {
        weight_bytes: 4,
        text: false,
        workers: 2,
        batch: 32,
        queued_images: 288,
        connections: 2048,
        tls: false,
        body_bytes: 256 << 20,
    };

    fn plan(limit: u64, demands: &Demands) -> Result<MemoryPlan, Overcommitted> {
        let spec = registry::resolve("ViT-B-32", "random").unwrap();
        let architecture = spec.with_config(None).unwrap().architecture;
        let limit = MemoryLimit { bytes: limit, origin: LimitOrigin::Setting };
        MemoryPlan::new(limit, &architecture, demands)
    }

    #[test]
    fn the_weights_of_vit_b_32_are_those_of_its_checkpoint() {
        // 87,849,216 numbers: open_clip's `visual` tower, counted in PyTorch.
        assert_eq!(plan(3 << 30, &DEMANDS).unwrap().weights, 87_849_216 * 4);
    }

    #[test]
    fn the_text_tower_counts_where_it_is_there_from_the_start() {
        let with = Demands { text: true, ..DEMANDS };
        let (with, without) = (plan(3 << 30, &with).unwrap(), plan(3 << 30, &DEMANDS).unwrap());
        assert_eq!(without.text, 0);
        // 63,428,097 numbers: open_clip's text tower, with the temperature.
        assert!(with.text > 63_428_097 * 4, "{with}");
        assert!(with.text < 63_428_097 * 4 + (64 << 20), "{with}");
    }

    #[test]
    fn the_defaults_fit_in_two_and_three_gibibytes_with_the_largest_photo() {
        for limit in [2 << 30, 3 << 30] {
            let plan = plan(limit, &DEMANDS).unwrap();
            assert!(plan.sum() <= plan.usable(), "{plan}");
            assert!(plan.bodies.wide >= 512 << 20, "{plan}");
        }
        // 178,956,970 pixels of a baseline JPEG take six bytes each, and what is read around them.
        assert!(plan(3 << 30, &DEMANDS).unwrap().decodes.wide > 1041 << 20, "3 GiB");
    }

    #[test]
    fn connections_over_tls_take_more_and_the_defaults_still_fit_in_two_gibibytes() {
        let over_tls = plan(2 << 30, &Demands { tls: true, ..DEMANDS }).unwrap();
        let more = over_tls.connections - plan(2 << 30, &DEMANDS).unwrap().connections;
        assert_eq!(more, 2048 * TLS);
        assert!(over_tls.sum() <= over_tls.usable(), "{over_tls}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_sum_and_what_to_lower() {
        let message = plan(1 << 30, &DEMANDS).unwrap_err().to_string();
        for part in ["are missing", "weights 336 +", "bodies 521", "--max-body-bytes"] {
            assert!(message.contains(part), "{message}");
        }
        let small = Demands { body_bytes: 16 << 20, connections: 256, ..DEMANDS };
        let plan = plan(1 << 30, &small).unwrap();
        assert!(plan.sum() <= plan.usable(), "{plan}");
    }

    #[test]
    fn absurd_demands_are_refused_and_do_not_wrap() {
        let absurd = Demands { queued_images: u64::MAX, connections: u64::MAX, ..DEMANDS };
        assert!(plan(u64::MAX, &absurd).is_err());
    }
}
