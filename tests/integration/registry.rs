//! The registry's promises: every file of `models/` is embedded and sound, the tables are
//! open_clip's, names are accepted as open_clip accepts them, a wrong one leads to the right one,
//! and the activation follows the checkpoint.

mod configs;
mod model_files;
mod resolution;
