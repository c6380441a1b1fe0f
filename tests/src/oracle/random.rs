//! Numbers that look random and are the same for the same seed, on every machine (splitmix64).

/// The generator.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// One for a seed and a number below it: neighbours have nothing in common.
    #[must_use]
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0xD134_2543_DE82_EF95));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of several.
    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }

    /// One of several, each as often as its weight says.
    pub fn weighted<'a, T>(&mut self, of: &'a [(usize, T)]) -> Option<&'a T> {
        let mut at = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in of {
            if at < *weight {
                return Some(item);
            }
            at -= weight;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_same_seed_gives_the_same_and_another_something_else() {
        let draw = |seed, number| {
            let mut random = Random::new(seed, number);
            (0..20).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn weights_are_kept() {
        let mut random = Random::new(7, 0);
        let drawn = (0..1000).filter(|_| random.weighted(&[(9, true), (1, false)]) == Some(&true)).count();
        assert!((850..950).contains(&drawn), "{drawn}");
    }
}
