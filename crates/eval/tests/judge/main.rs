//! What holds of every figure: agreement with the reference implementations, properties, and the way from columns.

mod agreement;
mod columns;
mod properties;
mod undefined;
