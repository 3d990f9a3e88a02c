//! Links of a model that the engine puts there: saved in model files, never written in a recipe.

pub(crate) mod answer;
pub mod blend;
pub mod calibrate;
pub mod interval;
<<<<<<< HEAD
pub mod prior;
=======
pub mod smooth;
>>>>>>> 9fb679770808e1b065c7ff758c0d790a69232a98
pub mod threshold;
