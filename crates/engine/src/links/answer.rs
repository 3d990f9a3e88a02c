//! Where a learner's answer stands in its output, for the links that change it.

pub(crate) use tidemill_kernel::Place;
pub(crate) use tidemill_kernel::answer::most_probable;
