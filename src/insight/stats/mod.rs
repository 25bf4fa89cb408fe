//! Statistics: values in, values out.
pub mod quantile;
