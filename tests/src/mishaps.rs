//! Every server but init, and every driver, killed, faulted and hung again and again while clients go on: each of these gets what it asks for, or is told
//! that its peer has died, and nothing is lost over it.

use std::ffi::OsString;

use anax_vm::{Chipset, Ending, Nic, Spec};
use anyhow::ensure;

use super::disks::empty_disk;
