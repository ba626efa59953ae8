//! What was inferred so far, as the protocol tells it: the same numbers as `nv_*` of `/metrics`.

use std::time::Duration;

use super::{
    messages::{InferStatistics, ModelStatistics, ModelStatisticsResponse, StatisticDuration},
    models::{MODELS, Served},
};
use crate::metrics::{self, Inferred, TRITON_VERSION};

/// Of one model, or of all.
pub(in crate::http) fn statistics(of: Option<&Served>) -> ModelStatisticsResponse {
    let wanted = MODELS.iter().filter(|served| of.is_none_or(|of| of.slot == served.slot));
    ModelStatisticsResponse { model_stats: wanted.map(model).collect() }
}

fn model(served: &Served) -> ModelStatistics {
    let inferred = metrics::inferred(served.slot);
    let Inferred { successes, success, failures, failure, inferences, times, last } = inferred;
    let stages = |time: Duration| Some(duration(successes, time));
    ModelStatistics {
        name: served.name.into(),
        version: TRITON_VERSION.into(),
        last_inference: last,
        inference_count: inferences,
        execution_count: successes,
        inference_stats: Some(InferStatistics {
            success: stages(success),
            fail: Some(duration(failures, failure)),
            queue: stages(times.queue),
            compute_input: stages(times.input),
            compute_infer: stages(times.infer),
            compute_output: stages(times.output),
            cache_hit: Some(StatisticDuration::default()),
            cache_miss: Some(StatisticDuration::default()),
        }),
        batch_stats: Vec::new(),
    }
}

fn duration(count: u64, time: Duration) -> StatisticDuration {
    StatisticDuration { count, ns: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) }
}
