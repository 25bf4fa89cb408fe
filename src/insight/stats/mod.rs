//! Statistics: values in, values out. Two groups of durations are compared by ranks
//! ([`mann_whitney`] over the [`ranks`] of both), two groups of outcomes by their [`table`]
//! ([`fisher`], [`intervals`]); [`benjamini_hochberg`] puts right that many were compared, and
//! [`mantel_haenszel`] compares within strata. Every function is held to figures that scipy and
//! statsmodels give for published data.

pub mod benjamini_hochberg;
pub mod fisher;
pub mod intervals;
pub mod mann_whitney;
pub mod mantel_haenszel;
pub mod normal;
pub mod quantile;
pub mod ranks;
pub mod table;

pub use self::table::Table;

#[cfg(test)]
mod published;
