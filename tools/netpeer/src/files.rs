//! How many files may be open: a connection is one, and there are to be thousands.

use rustix::process::{Resource, getrlimit, setrlimit};

/// So many more files than are open now, if the host allows it; if not, opening them fails, which says so.
pub(crate) fn allow_files(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = count.saturating_add(200);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
