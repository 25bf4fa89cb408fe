//! Columns made ready for pairs: small codes for the values that matter, and each item's rank among
//! the items of its own value. With these, one pass over two columns is enough to test all their
//! pairs of values in all the ways that are needed, without sorting anything again.

use super::levels::Levels;
use super::measured::{Measured, Whole};
use super::singles::{Candidate, Total};
use crate::insight::stats::ranks;

/// The code of items that have none of the values that matter.
const UNTRACKED: u16 = 0;

/// A value with a code of its own: the code is its position plus one.
pub(super) struct Tracked {
    pub value: u32,
    /// The items that have it.
    pub whole: Whole,
    /// The candidate that it is, as an index.
    pub candidate: Option<usize>,
}

/// An item with several of the values that matter.
pub(super) struct Mixed {
    pub item: u32,
    /// The codes, each with twice the item's middle rank among that value's items.
    pub codes: Vec<(u16, u32)>,
}

/// A column ready for pairs.
pub(super) struct Track {
    /// The values that matter: candidates, and every level if the key's strata can be looked into.
    pub tracked: Vec<Tracked>,
    /// Whether all levels are tracked.
    pub stratifies: bool,
    /// For each item its code; [`Track::mixed_code`] if it has several.
    pub codes: Vec<u16>,
    /// For each item with one code, twice its middle rank among the items of that value (latency
    /// only).
    pub within: Vec<u32>,
    /// The items with several, in order.
    pub mixed: Vec<Mixed>,
}

impl Track {
    /// How many codes there are, with those of items with none and with several.
    pub fn width(&self) -> usize {
        self.tracked.len() + 2
    }

    /// The code of items that have several.
    pub fn mixed_code(&self) -> u16 {
        self.tracked.len() as u16 + 1
    }

    /// The tracked value of a code.
    pub fn code_of(&self, value: u32) -> Option<u16> {
        let position = self.tracked.iter().position(|tracked| tracked.value == value)?;
        Some(position as u16 + 1)
    }

    /// Makes a column ready.
    pub fn new(
        index: usize,
        levels: &Levels<'_>,
        totals: &[Total],
        candidates: &[Candidate],
        measured: &Measured<'_>,
    ) -> Self {
        let stratifies = levels.stratifies();
        let candidate_of = |value: u32| candidates.iter().position(|c| (c.column, c.value) == (index, value));
        let tracked: Vec<Tracked> = levels
            .present()
            .filter_map(|value| {
                let total = totals[value as usize];
                let candidate = candidate_of(value);
                let failed = match measured {
                    Measured::Latency(_) => 0,
                    Measured::Failure(_) => total.sum,
                };
                let whole = Whole { n: total.n, failed, ties: 0.0 };
                (stratifies || candidate.is_some()).then_some(Tracked { value, whole, candidate })
            })
            .take(usize::from(u16::MAX) - 2)
            .collect();
        let mut track =
            Self { tracked, stratifies, codes: Vec::new(), within: Vec::new(), mixed: Vec::new() };
        track.encode(levels);
        if let Measured::Latency(ranks) = measured {
            track.rank(ranks);
        }
        track
    }

    fn encode(&mut self, levels: &Levels<'_>) {
        let mut code_of = vec![UNTRACKED; levels.values.len()];
        for (code, tracked) in (1..).zip(&self.tracked) {
            code_of[tracked.value as usize] = code;
        }
        let codes_of_set = |set: &Vec<u32>| {
            let codes = set.iter().map(|id| code_of[*id as usize]);
            codes.filter(|code| *code != UNTRACKED).map(|code| (code, 0)).collect()
        };
        let sets: Vec<Vec<(u16, u32)>> = levels.sets.iter().map(codes_of_set).collect();
        let several = self.mixed_code();
        let code_of_set = |codes: &Vec<(u16, u32)>| match &codes[..] {
            [] => UNTRACKED,
            [(code, _)] => *code,
            _ => several,
        };
        let set_codes: Vec<u16> = sets.iter().map(code_of_set).collect();
        self.codes = levels.codes.iter().map(|code| set_codes[*code as usize]).collect();
        if set_codes.contains(&several) {
            let items = levels.codes.iter().zip(0..).filter(|(code, _)| sets[**code as usize].len() > 1);
            self.mixed =
                items.map(|(code, item)| Mixed { item, codes: sets[*code as usize].clone() }).collect();
        }
    }

    /// Ranks each item among those of its own value, in one walk over items in ascending order.
    fn rank(&mut self, global: &[u32]) {
        self.within = vec![0; self.codes.len()];
        let several = self.mixed_code();
        // Of each code, items before the current run of ties and items in it.
        let mut before = vec![0_u32; self.width()];
        let mut in_run = vec![0_u32; self.width()];
        let mut mixed = 0;
        let mut start = 0;
        while start < global.len() {
            let end = start + global[start..].iter().take_while(|rank| **rank == global[start]).count();
            if end == start + 1 && self.codes[start] != several {
                let code = usize::from(self.codes[start]);
                before[code] += 1;
                self.within[start] = 2 * before[code];
                start = end;
                continue;
            }
            let run = start..end;
            let mixed_in_run =
                mixed..mixed + self.mixed[mixed..].iter().take_while(|m| (m.item as usize) < end).count();
            for code in &self.codes[run.clone()] {
                in_run[usize::from(*code)] += 1;
            }
            for (code, _) in self.mixed[mixed_in_run.clone()].iter().flat_map(|mixed| &mixed.codes) {
                in_run[usize::from(*code)] += 1;
            }
            let twice_mid_rank = |code: u16| {
                let code = usize::from(code);
                2 * before[code] + in_run[code] + 1
            };
            for (within, code) in self.within[run.clone()].iter_mut().zip(&self.codes[run.clone()]) {
                *within = twice_mid_rank(*code);
            }
            for (code, within) in
                self.mixed[mixed_in_run.clone()].iter_mut().flat_map(|mixed| &mut mixed.codes)
            {
                *within = twice_mid_rank(*code);
            }
            let mut close = |code: u16| {
                let count = std::mem::take(&mut in_run[usize::from(code)]);
                before[usize::from(code)] += count;
                if let Some(tracked) = usize::from(code).checked_sub(1).and_then(|c| self.tracked.get_mut(c))
                {
                    tracked.whole.ties += ranks::tie(count as usize);
                }
            };
            self.codes[run].iter().for_each(|code| close(*code));
            self.mixed[mixed_in_run.clone()].iter().flat_map(|m| &m.codes).for_each(|(code, _)| close(*code));
            mixed = mixed_in_run.end;
            start = end;
        }
    }

    /// The codes of the mixed item at this position of [`Self::mixed`] or, if the item is not mixed,
    /// its one code.
    pub fn codes_at<'a>(
        &'a self,
        item: usize,
        mixed: Option<&'a Mixed>,
        one: &'a mut [(u16, u32); 1],
    ) -> &'a [(u16, u32)] {
        if let Some(mixed) = mixed {
            return &mixed.codes;
        }
        *one = [(self.codes[item], self.within.get(item).copied().unwrap_or_default())];
        if one[0].0 == UNTRACKED { &[] } else { one }
    }
}
