//! Placeholder of the skeleton commit; filled next.
#![no_std]
