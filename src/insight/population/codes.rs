//! One small number per row, in as few bytes as the greatest of them needs: nearly all keys have
//! fewer than 256 values, so that a million rows of a key are a megabyte.

/// A growing array of small numbers. What was never set is 0.
#[derive(Clone, Debug)]
pub enum Codes {
    /// All below 2^8.
    One(Vec<u8>),
    /// All below 2^16.
    Two(Vec<u16>),
    /// Any.
    Four(Vec<u32>),
}

impl Default for Codes {
    fn default() -> Self {
        Codes::One(Vec::new())
    }
}

impl Codes {
    /// The number of a row.
    pub fn get(&self, row: u32) -> u32 {
        let row = row as usize;
        match self {
            Codes::One(codes) => codes.get(row).copied().map_or(0, u32::from),
            Codes::Two(codes) => codes.get(row).copied().map_or(0, u32::from),
            Codes::Four(codes) => codes.get(row).copied().unwrap_or(0),
        }
    }

    /// Sets the number of a row, taking wider cells where it needs them.
    pub fn set(&mut self, row: u32, code: u32) {
        let row = row as usize;
        match self {
            Codes::One(codes) => match u8::try_from(code) {
                Ok(code) => put(codes, row, code),
                Err(_) => {
                    *self = Codes::Two(codes.iter().map(|code| u16::from(*code)).collect());
                    self.set(row as u32, code);
                }
            },
            Codes::Two(codes) => match u16::try_from(code) {
                Ok(code) => put(codes, row, code),
                Err(_) => {
                    *self = Codes::Four(codes.iter().map(|code| u32::from(*code)).collect());
                    self.set(row as u32, code);
                }
            },
            Codes::Four(codes) => put(codes, row, code),
        }
    }

    /// The numbers of these rows, in their order.
    pub fn gather(&self, rows: &[u32]) -> Vec<u32> {
        match self {
            Codes::One(codes) => gathered(codes, rows),
            Codes::Two(codes) => gathered(codes, rows),
            Codes::Four(codes) => gathered(codes, rows),
        }
    }

    /// How many of these rows have each number below `below`.
    pub fn count(&self, rows: &[u32], below: usize) -> Vec<usize> {
        let mut counts = vec![0; below];
        match self {
            Codes::One(codes) => counted(codes, rows, &mut counts),
            Codes::Two(codes) => counted(codes, rows, &mut counts),
            Codes::Four(codes) => counted(codes, rows, &mut counts),
        }
        counts
    }

    /// The memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Codes::One(codes) => codes.capacity(),
            Codes::Two(codes) => codes.capacity() * 2,
            Codes::Four(codes) => codes.capacity() * 4,
        }
    }
}

fn put<T: Copy + Default + PartialEq>(codes: &mut Vec<T>, row: usize, code: T) {
    if row >= codes.len() {
        // A key that no further row has costs no further memory.
        if code == T::default() {
            return;
        }
        codes.resize(row + 1, T::default());
    }
    codes[row] = code;
}

fn gathered<T: Copy + Into<u32>>(codes: &[T], rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|row| codes.get(*row as usize).copied().map_or(0, Into::into)).collect()
}

fn counted<T: Copy + Into<u32>>(codes: &[T], rows: &[u32], counts: &mut [usize]) {
    for row in rows {
        let code: u32 = codes.get(*row as usize).copied().map_or(0, Into::into);
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_widen_without_losing_what_was_there() {
        let mut codes = Codes::default();
        let given = [(3, 7), (0, 255), (9, 256), (1, 65_535), (2, 65_536), (9, 1)];
        for (row, code) in given {
            codes.set(row, code);
        }
        assert_eq!(codes.gather(&[0, 1, 2, 3, 4, 9, 100]), [255, 65_535, 65_536, 7, 0, 1, 0]);
        assert!(matches!(codes, Codes::Four(_)));
        assert_eq!(codes.count(&[0, 1, 9, 9, 100], 2), [1, 2]);
    }

    #[test]
    fn a_key_that_nobody_has_takes_no_memory() {
        let mut codes = Codes::default();
        codes.set(1_000_000, 0);
        assert_eq!(codes.bytes(), 0);
    }
}
