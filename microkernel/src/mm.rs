//! Memory: where things lie, who owns each physical frame, the kernel's heap, and stacks that end in a guard page.

pub(crate) mod frames;
pub(crate) mod heap;
pub(crate) mod layout;
pub(crate) mod node;
pub(crate) mod stack;
pub(crate) mod window;
