//! Bytes at the edges of pages, windows and pieces: each check at each of them.

use crate::context::{APPEND, BOTH, READ, all, part, pattern};
use crate::{Case, Context, Outcome, is, same};

/// More than any edge.
const LARGE: usize = 1_100_000;

/// A file of so many bytes.
fn whole(c: &Context, edge: usize) -> Outcome {
    let bytes = pattern(edge, 1);
    c.put("a", &bytes)?;
    is!(c.stat("a")?.size, edge as u64);
    same!(c.get("a")?, bytes);
    let file = c.open_other("a", READ)?;
    is!(part(&file, edge as u64, 10)?.len(), 0);
    if edge > 0 {
        same!(part(&file, edge as u64 - 1, 10)?, bytes[edge - 1..]);
    }
    Ok(())
}

/// Some bytes behind so many that nobody has written.
fn behind_a_hole(c: &Context, edge: usize) -> Outcome {
    let file = c.new_file("a")?;
    file.write_at(edge as u64, b"end")?;
    let mut wanted = alloc::vec![0; edge];
    wanted.extend_from_slice(b"end");
    same!(all(&file)?, wanted);
    same!(all(&c.open_other("a", READ)?)?, wanted);
    Ok(())
}

/// Cut there, and made longer again: what was behind is zero.
fn cut(c: &Context, edge: usize) -> Outcome {
    let bytes = pattern(LARGE, 2);
    let file = c.new_file("a")?;
    file.write_at(0, &bytes)?;
    let reader = c.open_other("a", READ)?;
    is!(part(&reader, 0, LARGE)?.len(), LARGE);
    file.set_len(edge as u64)?;
    is!((file.len(), reader.len()), (edge as u64, edge as u64));
    same!(all(&reader)?, bytes[..edge]);
    file.set_len(LARGE as u64)?;
    let mut wanted = bytes;
    wanted[edge..].fill(0);
    same!(all(&reader)?, wanted);
    same!(all(&file)?, wanted);
    Ok(())
}

/// Made longer up to there.
fn grown(c: &Context, edge: usize) -> Outcome {
    let file = c.new_file("a")?;
    file.write_at(0, b"x")?;
    file.set_len(1 + edge as u64)?;
    let mut wanted = alloc::vec![0; 1 + edge];
    wanted[0] = b'x';
    same!(all(&c.open_other("a", READ)?)?, wanted);
    file.write_at(edge as u64, b"y")?;
    wanted[edge] = b'y';
    same!(all(&c.open("a", READ)?)?, wanted);
    Ok(())
}

/// Bytes appended over it.
fn appended(c: &Context, edge: usize) -> Outcome {
    let bytes = pattern(edge, 3);
    c.put("a", &bytes)?;
    let mut writer = c.open("a", APPEND)?;
    let mut wanted = bytes;
    for seed in 0..3 {
        let more = pattern(1 + 30 * seed as usize, 10 + seed);
        writer.write_all(&more)?;
        wanted.extend_from_slice(&more);
    }
    same!(c.get("a")?, wanted);
    Ok(())
}

/// Bytes overwritten over it, before the end.
fn overwritten(c: &Context, edge: usize) -> Outcome {
    let mut wanted = pattern(LARGE, 4);
    c.put("a", &wanted)?;
    let file = c.open_other("a", BOTH)?;
    let from = edge.saturating_sub(50);
    let new = pattern(100, 5);
    file.write_at(from as u64, &new)?;
    wanted[from..from + 100].copy_from_slice(&new);
    is!(file.len(), LARGE as u64);
    same!(c.get("a")?, wanted);
    Ok(())
}

/// The end lies in what is read, and moves.
fn read_over_the_end(c: &Context, edge: usize) -> Outcome {
    let bytes = pattern(edge + 20, 6);
    let writer = c.new_file("a")?;
    writer.write_at(0, &bytes[..edge])?;
    let reader = c.open_other("a", READ)?;
    let from = edge.saturating_sub(10);
    same!(part(&reader, from as u64, 100)?, bytes[from..edge]);
    writer.write_at(edge as u64, &bytes[edge..])?;
    same!(part(&reader, from as u64, 100)?, bytes[from..]);
    Ok(())
}

macro_rules! edges {
    ($($check:ident: $($name:ident = $edge:expr),+;)+) => {
        pub(crate) const CASES: &[Case] = &[$($(Case { name: stringify!($name), run: $name }),+),+];

        $($(
            fn $name(c: &Context) -> Outcome {
                $check(c, $edge)
            }
        )+)+
    };
}

edges! {
    whole: whole_0 = 0, whole_1 = 1, whole_4095 = 4095, whole_4096 = 4096, whole_4097 = 4097, whole_8192 = 8192, whole_65536 = 65_536,
        whole_65537 = 65_537, whole_262143 = 262_143, whole_262144 = 262_144, whole_262145 = 262_145, whole_1048576 = 1 << 20;
    behind_a_hole: hole_1 = 1, hole_4093 = 4093, hole_4095 = 4095, hole_4096 = 4096, hole_4097 = 4097, hole_65535 = 65_535, hole_65536 = 65_536,
        hole_262142 = 262_142, hole_262144 = 262_144, hole_1048575 = (1 << 20) - 1, hole_1048576 = 1 << 20;
    cut: cut_0 = 0, cut_1 = 1, cut_4095 = 4095, cut_4096 = 4096, cut_4097 = 4097, cut_65536 = 65_536, cut_65539 = 65_539, cut_262143 = 262_143,
        cut_262144 = 262_144, cut_262145 = 262_145, cut_1048576 = 1 << 20;
    grown: grown_0 = 0, grown_4094 = 4094, grown_4095 = 4095, grown_4096 = 4096, grown_65535 = 65_535, grown_262143 = 262_143,
        grown_262144 = 262_144, grown_1048575 = (1 << 20) - 1;
    appended: appended_0 = 0, appended_4095 = 4095, appended_4096 = 4096, appended_65530 = 65_530, appended_262140 = 262_140, appended_262144 = 262_144,
        appended_1048575 = (1 << 20) - 1;
    overwritten: overwritten_0 = 0, overwritten_4096 = 4096, overwritten_65536 = 65_536, overwritten_262144 = 262_144, overwritten_524288 = 524_288,
        overwritten_1048576 = 1 << 20;
    read_over_the_end: end_0 = 0, end_4095 = 4095, end_4096 = 4096, end_65536 = 65_536, end_262144 = 262_144, end_1048576 = 1 << 20;
}
