//! What a model uses of the machine, read from outside: nothing in a model counts itself.

mod descriptors;
pub(crate) mod ended;
pub(crate) mod kernel;
pub(crate) mod tracer;
pub(crate) mod tree;
