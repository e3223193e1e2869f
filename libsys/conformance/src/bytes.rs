//! What was written is read.

use alloc::vec;
use alloc::vec::Vec;

use anax_fs::Failure;

use crate::context::{BOTH, Dice, READ, all, part, pattern};
use crate::{cases, is, same};

cases! {
    every_byte_there_is(c) {
        let bytes: Vec<u8> = (0..=255).collect();
        c.put("a", &bytes)?;
        same!(c.get("a")?, bytes);
    }
    one_byte_at_a_time(c) {
        let bytes = pattern(5000, 1);
        let mut file = c.new_file("a")?;
        for byte in &bytes {
            file.write_all(&[*byte])?;
        }
        same!(all(&file)?, bytes);
    }
    in_odd_pieces(c) {
        let bytes = pattern(300_000, 2);
        let mut file = c.new_file("a")?;
        let (mut rest, mut length) = (bytes.as_slice(), 1);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            file.write_all(piece)?;
            (rest, length) = (behind, (length * 3 + 1) % 20_011);
        }
        let mut reader = c.open_other("a", READ)?;
        let (mut back, mut length) = (Vec::new(), 7);
        loop {
            let mut piece = vec![0; length];
            let count = reader.read(&mut piece)?;
            if count == 0 {
                break;
            }
            back.extend_from_slice(&piece[..count]);
            length = (length * 5 + 3) % 30_011 + 1;
        }
        same!(back, bytes);
    }
    three_megabytes(c) {
        let bytes = pattern(3_000_001, 3);
        c.put("a", &bytes)?;
        is!(c.stat("a")?.size, 3_000_001);
        same!(c.get("a")?, bytes);
    }
    in_the_middle(c) {
        let mut wanted = pattern(20_000, 4);
        c.put("a", &wanted)?;
        let file = c.open("a", BOTH)?;
        for (offset, length) in [(1, 1), (100, 50), (4000, 200), (8192, 4096), (12_287, 2)] {
            let new = pattern(length, offset as u64);
            file.write_at(offset as u64, &new)?;
            wanted[offset..offset + length].copy_from_slice(&new);
        }
        is!(file.len(), 20_000);
        same!(c.get("a")?, wanted);
    }
    over_the_end(c) {
        c.put("a", b"0123456789")?;
        let file = c.open("a", BOTH)?;
        file.write_at(8, b"abcdef")?;
        same!(all(&file)?, *b"01234567abcdef");
    }
    the_same_again(c) {
        let file = c.new_file("a")?;
        for round in 0..50 {
            let bytes = pattern(5000, round);
            file.write_at(0, &bytes)?;
            same!(all(&file)?, bytes);
        }
    }
    backwards(c) {
        let bytes = pattern(40 * 4096, 5);
        let file = c.new_file("a")?;
        for page in (0..40).rev() {
            file.write_at(page as u64 * 4096, &bytes[page * 4096..(page + 1) * 4096])?;
        }
        same!(all(&c.open_other("a", READ)?)?, bytes);
    }
    every_other_page(c) {
        let mut wanted = vec![0; 128 * 4096];
        let file = c.new_file("a")?;
        for page in (0..128).step_by(2) {
            let bytes = pattern(4096, page as u64);
            file.write_at(page as u64 * 4096, &bytes)?;
            wanted[page * 4096..(page + 1) * 4096].copy_from_slice(&bytes);
        }
        wanted.truncate(127 * 4096);
        same!(all(&c.open_other("a", READ)?)?, wanted);
    }
    a_hole_that_is_filled(c) {
        let file = c.new_file("a")?;
        file.write_at(2_000_000, b"end")?;
        same!(part(&file, 1_000_000, 5000)?, vec![0; 5000]);
        file.write_at(1_001_000, b"middle")?;
        let mut wanted = vec![0; 5000];
        wanted[1000..1006].copy_from_slice(b"middle");
        same!(part(&c.open_other("a", READ)?, 1_000_000, 5000)?, wanted);
        same!(part(&file, 1_999_999, 100)?, *b"\0end");
    }
    many_holes(c) {
        let file = c.new_file("a")?;
        let mut wanted = vec![0; 2_000_000];
        let mut dice = Dice::new(6);
        for seed in 0..60 {
            let offset = dice.below(1_990_000) as usize;
            let bytes = pattern(1 + dice.below(9000) as usize, seed);
            file.write_at(offset as u64, &bytes)?;
            wanted[offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        wanted.truncate(file.len() as usize);
        same!(all(&file)?, wanted);
        same!(c.get("a")?, wanted);
    }
    too_far(c) {
        c.put("a", b"text")?;
        let file = c.open("a", BOTH)?;
        for offset in [1 << 60, u64::MAX - 1, u64::MAX] {
            is!((offset, file.write_at(offset, b"xyz")), (offset, Err(Failure::TooLarge)));
        }
        is!(file.len(), 4);
        same!(c.get("a")?, *b"text");
    }
    any_pieces_of_any_length(c) {
        let (first, second) = (c.new_file("a")?, c.open_other("a", BOTH)?);
        let mut wanted: Vec<u8> = Vec::new();
        let mut dice = Dice::new(7);
        for seed in 0..200 {
            let file = if dice.below(2) == 0 { &first } else { &second };
            let offset = dice.below(300_000) as usize;
            let bytes = pattern(dice.below(20_000) as usize, seed);
            file.write_at(offset as u64, &bytes)?;
            if !bytes.is_empty() {
                wanted.resize(wanted.len().max(offset + bytes.len()), 0);
                wanted[offset..offset + bytes.len()].copy_from_slice(&bytes);
            }
            let file = if dice.below(2) == 0 { &first } else { &second };
            let from = dice.below(300_000) as usize;
            let got = part(file, from as u64, 10_000)?;
            same!(got, wanted[from.min(wanted.len())..(from + 10_000).min(wanted.len())]);
        }
        same!(c.get("a")?, wanted);
    }
    twenty_files_in_turn(c) {
        let files = (0..20u64).map(|number| c.new_file(&alloc::format!("{number}"))).collect::<Result<Vec<_>, _>>()?;
        for round in 0..10u64 {
            for (number, file) in files.iter().enumerate() {
                file.write_at(round * 3000, &pattern(3000, round * 100 + number as u64))?;
            }
        }
        for (number, file) in files.iter().enumerate() {
            let wanted: Vec<u8> = (0..10).flat_map(|round| pattern(3000, round * 100 + number as u64)).collect();
            same!(all(file)?, wanted);
        }
    }
}
