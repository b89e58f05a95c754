//! The repository itself: its pages, its scripts, the inputs that fuzzing has kept, and the models of its threads.

mod concurrency;
mod corpora;
mod files;
mod lists;
mod loom;
mod numbers;
mod promises;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
