//! What is to last, and how much room there is.

use anax_fs::Failure;

use crate::context::{BOTH, READ, all, pattern};
use crate::{cases, is, same};

cases! {
    synced_and_read(c) {
        let bytes = pattern(300_000, 1);
        let file = c.new_file("a")?;
        file.write_at(0, &bytes)?;
        file.sync_all()?;
        file.sync_all()?;
        same!(all(&file)?, bytes);
        same!(c.get("a")?, bytes);
    }
    synced_and_written_again(c) {
        let file = c.new_file("a")?;
        for round in 0..20 {
            let bytes = pattern(10_000, round);
            file.write_at(round * 5000, &bytes)?;
            file.sync_all()?;
            is!(file.len(), round * 5000 + 10_000);
        }
        same!(all(&file)?[95_000..], pattern(10_000, 19));
    }
    synced_by_who_only_reads(c) {
        c.put("a", b"text")?;
        c.open("a", READ)?.sync_all()?;
    }
    synced_with_nothing_in_it(c) {
        c.new_file("a")?.sync_all()?;
        is!(c.stat("a")?.size, 0);
    }
    synced_with_holes(c) {
        let file = c.new_file("a")?;
        file.write_at(500_000, b"x")?;
        file.sync_all()?;
        file.set_len(600_000)?;
        file.sync_all()?;
        let mut wanted = alloc::vec![0; 600_000];
        wanted[500_000] = b'x';
        same!(all(&c.open_other("a", READ)?)?, wanted);
    }
    synced_after_a_cut(c) {
        let bytes = pattern(50_000, 2);
        c.put("a", &bytes)?;
        let file = c.open("a", BOTH)?;
        file.set_len(20_001)?;
        file.sync_all()?;
        same!(all(&file)?, bytes[..20_001]);
    }
    everything_is_synced(c) {
        for number in 0..20u64 {
            c.put(&alloc::format!("{number}"), &pattern(5000, number))?;
        }
        c.session.sync()?;
        for number in 0..20u64 {
            same!(c.get(&alloc::format!("{number}"))?, pattern(5000, number));
        }
    }
    usage_is_plausible(c) {
        let usage = c.session.usage(&c.directory)?;
        is!((usage.free_bytes <= usage.bytes, usage.bytes > 0), (true, true));
    }
    usage_of_a_file_is_its_file_systems(c) {
        c.put("a", b"text")?;
        is!(c.session.usage(&c.path("a"))?.bytes, c.session.usage(&c.directory)?.bytes);
    }
    usage_of_what_is_missing(c) {
        is!(c.session.usage(&c.path("a")).map(drop), Err(Failure::NotFound));
    }
    usage_goes_and_comes(c) {
        // What others have removed may be given back a little later.
        let mut before = 0;
        for _ in 0..20 {
            c.session.sync()?;
            let now = c.session.usage(&c.directory)?.free_bytes;
            if now == before {
                break;
            }
            before = now;
        }
        c.put("a", &pattern(512 << 10, 3))?;
        c.session.sync()?;
        let with = c.session.usage(&c.directory)?.free_bytes;
        is!((before, with, with + (512 << 10) <= before), (before, with, true));
        c.remove("a")?;
        c.session.sync()?;
        let after = c.session.usage(&c.directory)?.free_bytes;
        is!((before, after, after + (64 << 10) >= before), (before, after, true));
    }
    the_root_is_mounted(c) {
        let mounts = c.session.mounts()?;
        is!(mounts.first().is_some_and(|mount| mount.path == "/"), true);
    }
}
