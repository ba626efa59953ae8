//! Groups against a naive walk over all pairs, on every instruction set of this machine, and the
//! rules for representatives and order.

use proptest::prelude::*;

use super::*;
use crate::kernels::Isa;

fn all() -> impl Iterator<Item = Kernels> {
    [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable].into_iter().filter_map(Kernels::of)
}

fn vectors(rows: &[Vec<f32>]) -> Vectors {
    let mut vectors = Vectors::new(rows[0].len());
    rows.iter().for_each(|row| vectors.push(row).unwrap());
    vectors
}

fn found(rows: &[Vec<f32>], threshold: f64, quality: &[Quality]) -> Groups {
    group(&Kernels::best(), &vectors(rows), threshold.try_into().unwrap(), quality)
}

/// Vectors around a few directions, so that some are near and chains are long.
fn around(seed: u64, count: usize, dim: usize, spread: f32) -> Vec<Vec<f32>> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.
    };
    let centres: Vec<Vec<f32>> = (0..5).map(|_| (0..dim).map(|_| next()).collect()).collect();
    let near = |at: usize, next: &mut dyn FnMut() -> f32| {
        centres[at % 5].iter().map(|number| number + spread * next()).collect()
    };
    (0..count).map(|at| near(at * 7 % 11, &mut next)).collect()
}

/// Components by a walk over all pairs.
fn naive(vectors: &Vectors, threshold: f64) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = (0..vectors.len()).collect();
    let mut components = Vec::new();
    while !left.is_empty() {
        let mut component = vec![left.remove(0)];
        let mut at = 0;
        while at < component.len() {
            let of = component[at];
            component.extend(left.extract_if(.., |other| vectors.cosine(of, *other) >= threshold));
            at += 1;
        }
        component.sort_unstable();
        components.push(component);
    }
    components
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn groups_are_the_components_of_all_near_pairs(
        count in 1_usize..140,
        dim in 1_usize..70,
        spread in 0.01_f32..1.,
        threshold in 0.2_f64..1.,
        seed in any::<u64>(),
    ) {
        let vectors = vectors(&around(seed, count, dim, spread));
        let expected = naive(&vectors, threshold);
        let quality = vec![Quality::default(); count];
        for kernels in all() {
            let found = group(&kernels, &vectors, threshold.try_into().unwrap(), &quality);
            let members = |group: &Group| group.members.iter().map(|m| m.index).collect::<Vec<_>>();
            let groups: Vec<_> = found.groups.iter().map(members).collect();
            let (linked, single): (Vec<_>, Vec<_>) =
                expected.iter().cloned().partition(|component| component.len() > 1);
            prop_assert_eq!(groups, linked, "{}", kernels.isa());
            prop_assert_eq!(found.unique, single.concat(), "{}", kernels.isa());
            for group in &found.groups {
                for member in &group.members {
                    let others = group.members.iter().filter(|other| other.index != member.index);
                    let cosines: Vec<_> =
                        others.map(|other| vectors.cosine(member.index, other.index)).collect();
                    let greatest = cosines.iter().copied().fold(-1., f64::max);
                    let least = cosines.iter().copied().fold(1., f64::min);
                    prop_assert!((member.nearest - greatest).abs() < 1e-5);
                    prop_assert!((member.least - least).abs() < 1e-5);
                    prop_assert!(member.nearest >= threshold - 1e-5);
                    prop_assert!(group.least <= member.least);
                }
            }
        }
    }
}

#[test]
fn more_vectors_than_a_tile_has_are_compared_with_one_another() {
    let mut rows = around(1, 1200, 24, 1.);
    rows[3] = rows[1100].clone();
    rows[600] = rows[1100].iter().map(|number| number * 3.).collect();
    let found = found(&rows, 1., &vec![Quality::default(); 1200]);
    assert_eq!(found.groups.len(), 1);
    let members: Vec<_> = found.groups[0].members.iter().map(|member| member.index).collect();
    assert_eq!(members, [3, 600, 1100]);
    assert_eq!(found.unique.len(), 1197);
}

#[test]
fn one_group_of_all_is_found_and_measured_across_tiles() {
    let rows: Vec<_> = (0..1300).map(|i| vec![1., i as f32 * 1e-3]).collect();
    let found = found(&rows, 0.9999, &vec![Quality::default(); 1300]);
    assert_eq!((found.groups.len(), found.unique.len()), (1, 0));
    let group = &found.groups[0];
    let furthest = (1. / (1. + 1.299_f64.powi(2))).sqrt();
    assert!((group.least - furthest).abs() < 1e-6, "a chain is one group, {}", group.least);
    assert!((group.members[0].least - furthest).abs() < 1e-6);
    assert!(group.members.iter().all(|member| member.nearest > 0.999_999));
}

#[test]
fn the_representative_has_most_pixels_then_bytes_then_the_nearest_others_then_is_first() {
    let rows = vec![vec![1., 0.], vec![1., 0.1], vec![1., 0.2], vec![1., 0.1]];
    let quality = |pixels, bytes| Quality { pixels, bytes };
    let representative =
        |quality: [Quality; 4]| found(&rows, 0.9, &quality).groups[0].representative;
    let [small, large, larger] = [quality(10, 50), quality(20, 5), quality(20, 6)];
    assert_eq!(representative([small, small, large, small]), 2);
    assert_eq!(representative([larger, large, large, small]), 0);
    assert_eq!(representative([large, small, small, large]), 3, "in the middle");
    assert_eq!(representative([small; 4]), 1, "the first of two in the middle");
}

#[test]
fn a_member_tells_its_cosine_to_the_representative_and_its_link() {
    let rows = vec![vec![0., 1., 0.], vec![1., 0., 0.], vec![1., 0.2, 0.], vec![1., 0.4, 0.]];
    let mut quality = [Quality::default(); 4];
    quality[1].pixels = 9;
    let found = found(&rows, 0.95, &quality);
    assert_eq!(found.unique, [0]);
    let [group] = &found.groups[..] else { panic!("{found:?}") };
    let angle = |a: f64, b: f64| (a.atan() - b.atan()).cos();
    let expected = [
        (1, 1., angle(0., 0.2), angle(0., 0.4)),
        (2, angle(0., 0.2), angle(0.2, 0.4), angle(0., 0.2)),
        (3, angle(0., 0.4), angle(0.2, 0.4), angle(0., 0.4)),
    ];
    assert_eq!(group.representative, 1);
    for (member, (index, cosine, nearest, least)) in group.members.iter().zip(expected) {
        assert_eq!(member.index, index);
        assert!((member.cosine - cosine).abs() < 1e-6, "{member:?}");
        assert!((member.nearest - nearest).abs() < 1e-6, "{member:?}");
        assert!((member.least - least).abs() < 1e-6, "{member:?}");
    }
    assert!((group.least - angle(0., 0.4)).abs() < 1e-6);
}

#[test]
fn nothing_and_one_have_no_groups() {
    let none = group(&Kernels::best(), &Vectors::new(3), Threshold::DEFAULT, &[]);
    assert_eq!(none, Groups::default());
    assert_eq!(found(&[vec![1.]], 0.95, &[Quality::default()]).unique, [0]);
}

#[test]
fn vectors_that_cannot_be_compared_are_refused_with_their_place() {
    let mut vectors = Vectors::new(2);
    vectors.push(&[1e-30, 3e38]).unwrap();
    let codes = [&[1.][..], &[1., f32::NAN], &[0., -0.]].map(|row| {
        let error = vectors.push(row).unwrap_err();
        assert!(error.to_string().contains("vector 1 "), "{error}");
        error.code()
    });
    assert_eq!(codes, ["wrong_dimension", "vector_not_finite", "zero_vector"]);
    assert_eq!((vectors.len(), vectors.cosine(0, 0)), (1, 1.));
}

#[test]
fn only_a_cosine_is_a_threshold() {
    for bad in [1.01, -1.01, f64::NAN, 95.] {
        assert!(Threshold::try_from(bad).is_err(), "{bad}");
    }
    assert_eq!(Threshold::try_from(0.95), Ok(Threshold::DEFAULT));
}

#[test]
fn cosines_are_given_as_asked_within_the_limit() {
    let vectors = vectors(&[vec![1., 0.], vec![0., 2.], vec![3., 3.]]);
    let half = 0.5_f64.sqrt();
    let wanted = [[0, 1], [2, 0], [1, 1]];
    let found = pairs(&vectors, &wanted, 3).unwrap();
    assert!(found.iter().zip([0., half, 1.]).all(|(a, b)| (a - b).abs() < 1e-7), "{found:?}");
    let found = matrix(&vectors, 9).unwrap();
    assert_eq!((found[0][1], found[1][1], found[2][0]), (0., 1., found[0][2]));
    assert_eq!(pairs(&vectors, &wanted, 2).unwrap_err().code(), "too_many_cosines");
    assert_eq!(matrix(&vectors, 8).unwrap_err().code(), "too_many_cosines");
    let error = pairs(&vectors, &[[0, 0], [1, 3]], 9).unwrap_err();
    assert_eq!(error, CosinesError::NoVector { pair: 1, index: 3, count: 3 });
}
