//! Vectors of one length and L2 norm 1, one after the other in memory.

/// Why a vector cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// Another length than the others'.
    #[error(
        "vector {index} has {found} numbers, and the first has {expected}: all must have as many"
    )]
    Dimension {
        /// Which vector, from 0.
        index: usize,
        /// Numbers that it should have.
        expected: usize,
        /// Numbers that it has.
        found: usize,
    },
    /// A number is NaN or infinite.
    #[error("number {at} of vector {index} is not finite")]
    NotFinite {
        /// Which vector, from 0.
        index: usize,
        /// Which of its numbers, from 0.
        at: usize,
    },
    /// All numbers are 0, so it has no direction.
    #[error("vector {index} is all zeros: it has no cosine to any other")]
    Zero {
        /// Which vector, from 0.
        index: usize,
    },
}

impl VectorError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dimension { .. } => "wrong_dimension",
            Self::NotFinite { .. } => "vector_not_finite",
            Self::Zero { .. } => "zero_vector",
        }
    }
}

/// Vectors of L2 norm 1: what is pushed is normalised.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    dim: usize,
    numbers: Vec<f32>,
    /// The square of each one's norm, which is 1 but for the rounding to f32: with it a cosine takes one
    /// inner product, not three.
    squares: Vec<f64>,
}

impl Vectors {
    /// None yet, of `dim` numbers each.
    ///
    /// # Panics
    /// When `dim` is 0.
    pub fn new(dim: usize) -> Self {
        assert!(dim > 0, "a vector has a number");
        Self { dim, numbers: Vec::new(), squares: Vec::new() }
    }

    /// Adds a vector, of any norm but 0.
    ///
    /// # Errors
    /// [`VectorError`]; nothing is added then.
    pub fn push(&mut self, vector: &[f32]) -> Result<(), VectorError> {
        let index = self.len();
        if vector.len() != self.dim {
            return Err(VectorError::Dimension { index, expected: self.dim, found: vector.len() });
        }
        if let Some(at) = vector.iter().position(|number| !number.is_finite()) {
            return Err(VectorError::NotFinite { index, at });
        }
        let norm = dot(vector, vector).sqrt();
        if norm == 0. {
            return Err(VectorError::Zero { index });
        }
        self.numbers.extend(vector.iter().map(|&number| (f64::from(number) / norm) as f32));
        let pushed = self.get(index);
        self.squares.push(dot(pushed, pushed));
        Ok(())
    }

    /// Numbers of each vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.squares.is_empty()
    }

    /// Vector `index`.
    ///
    /// # Panics
    /// When there is none.
    pub fn get(&self, index: usize) -> &[f32] {
        &self.numbers[index * self.dim..][..self.dim]
    }

    /// The cosine of two of them, from -1 to 1, in double precision; exactly 1 for equal vectors.
    ///
    /// # Panics
    /// When there is none of one of the numbers.
    pub fn cosine(&self, a: usize, b: usize) -> f64 {
        let squares = self.squares[a] * self.squares[b];
        (dot(self.get(a), self.get(b)) / squares.sqrt()).clamp(-1., 1.)
    }

    /// The mean cosine of each of `some` of the `members`, two or more, to the other members. Follows
    /// from the sum of all, so it takes no more than a look at each.
    pub(super) fn mean_cosines(&self, members: &[usize], some: &[usize]) -> Vec<f64> {
        let mut sum = vec![0.; self.dim];
        for &member in members {
            for (sum, &number) in sum.iter_mut().zip(self.get(member)) {
                *sum += f64::from(number);
            }
        }
        let others = (members.len() - 1) as f64;
        let mean = |&index: &usize| {
            let vector = self.get(index);
            let all: f64 = vector.iter().zip(&sum).map(|(&a, &b)| f64::from(a) * b).sum();
            (all - self.squares[index]) / others
        };
        some.iter().map(mean).collect()
    }
}

/// Sums that are made side by side, so that the compiler can use wide registers.
const SUMS: usize = 8;

/// The inner product in double precision. Its order does not depend on the machine.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let (a, a_rest) = a.as_chunks::<SUMS>();
    let (b, b_rest) = b.as_chunks::<SUMS>();
    let mut sums = [0.; SUMS];
    for (a, b) in a.iter().zip(b) {
        for i in 0..SUMS {
            sums[i] += f64::from(a[i]) * f64::from(b[i]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    sums.iter().sum::<f64>() + rest
}
