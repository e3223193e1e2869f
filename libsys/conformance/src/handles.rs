//! Several who have one file open.

use alloc::format;
use alloc::vec::Vec;

use crate::context::{APPEND, BOTH, READ, WRITE, all, part, pattern};
use crate::{cases, is, same};

cases! {
    what_one_writes_the_other_reads(c) {
        let (writer, reader) = (c.new_file("a")?, c.open("a", READ)?);
        for round in 0..20u64 {
            let bytes = pattern(2500, round);
            writer.write_at(round * 2500, &bytes)?;
            is!(reader.len(), (round + 1) * 2500);
            same!(part(&reader, round * 2500, 5000)?, bytes);
        }
    }
    what_one_program_writes_another_reads(c) {
        let (writer, reader) = (c.new_file("a")?, c.open_other("a", READ)?);
        for round in 0..20u64 {
            let bytes = pattern(2500, round);
            writer.write_at(0, &bytes)?;
            same!(all(&reader)?, bytes);
        }
    }
    two_write_different_parts_of_a_page(c) {
        let (first, second) = (c.new_file("a")?, c.open_other("a", BOTH)?);
        for place in 0..50u64 {
            first.write_at(place * 20, &[1; 10])?;
            second.write_at(place * 20 + 10, &[2; 10])?;
        }
        let wanted: Vec<u8> = (0..50).flat_map(|_| [[1; 10], [2; 10]].concat()).collect();
        same!(all(&first)?, wanted);
        same!(all(&second)?, wanted);
    }
    two_write_different_pages(c) {
        let (first, second) = (c.new_file("a")?, c.open_other("a", BOTH)?);
        for page in 0..20u64 {
            if page % 2 == 0 { &first } else { &second }.write_at(page * 4096, &pattern(4096, page))?;
        }
        let wanted: Vec<u8> = (0..20).flat_map(|page| pattern(4096, page)).collect();
        same!(all(&first)?, wanted);
        same!(all(&second)?, wanted);
    }
    the_last_one_wins(c) {
        let (first, second) = (c.new_file("a")?, c.open_other("a", BOTH)?);
        first.write_at(0, b"first")?;
        second.write_at(0, b"second")?;
        first.write_at(0, b"third")?;
        same!(all(&second)?, *b"thirdd");
    }
    twenty_handles(c) {
        c.put("a", b"0")?;
        let handles = (0..20).map(|_| c.open("a", BOTH)).collect::<Result<Vec<_>, _>>()?;
        for (number, handle) in handles.iter().enumerate() {
            handle.write_at(number as u64 * 1000, &pattern(1000, number as u64))?;
        }
        let wanted: Vec<u8> = (0..20).flat_map(|number| pattern(1000, number)).collect();
        for handle in &handles {
            same!(all(handle)?, wanted);
        }
    }
    one_closes_and_the_other_goes_on(c) {
        let first = c.new_file("a")?;
        let second = c.open("a", BOTH)?;
        first.write_at(0, &pattern(10_000, 1))?;
        drop(first);
        same!(all(&second)?, pattern(10_000, 1));
        second.write_at(10_000, b"more")?;
        is!(c.stat("a")?.size, 10_004);
    }
    opened_before_there_was_anything(c) {
        c.put("a", b"")?;
        let reader = c.open_other("a", READ)?;
        is!(all(&reader)?.len(), 0);
        let mut writer = c.open("a", WRITE)?;
        writer.write_all(&pattern(100_000, 2))?;
        drop(writer);
        same!(all(&reader)?, pattern(100_000, 2));
    }
    two_append_in_turn(c) {
        c.put("a", b"")?;
        let (mut first, mut second) = (c.open("a", APPEND)?, c.open("a", APPEND)?);
        let mut wanted = Vec::new();
        for number in 0..100 {
            let line = format!("line {number}\n");
            if number % 2 == 0 { &mut first } else { &mut second }.write_all(line.as_bytes())?;
            wanted.extend_from_slice(line.as_bytes());
        }
        same!(c.get("a")?, wanted);
    }
    two_programs_append_in_turn(c) {
        c.put("a", b"")?;
        let (mut first, mut second) = (c.open("a", APPEND)?, c.open_other("a", APPEND)?);
        let mut wanted = Vec::new();
        for number in 0..60u64 {
            let bytes = pattern(1 + (number as usize * 397) % 9000, number);
            if number % 3 == 0 { &mut first } else { &mut second }.write_all(&bytes)?;
            wanted.extend_from_slice(&bytes);
        }
        same!(c.get("a")?, wanted);
    }
    appended_where_the_end_is_now(c) {
        let file = c.new_file("a")?;
        let mut appender = c.open("a", APPEND)?;
        appender.write_all(b"one")?;
        file.write_at(10, b"far")?;
        appender.write_all(b"two")?;
        same!(all(&file)?, *b"one\0\0\0\0\0\0\0fartwo");
    }
    appending_moves_the_position(c) {
        c.put("a", b"0123456789")?;
        let mut file = c.open("a", APPEND.read(true))?;
        let mut bytes = [0; 3];
        file.read(&mut bytes)?;
        file.write_all(b"end")?;
        is!((file.read(&mut bytes)?, file.len()), (0, 13));
    }
    appended_a_megabyte(c) {
        let bytes = pattern(1 << 20, 3);
        c.put("a", b"x")?;
        c.open("a", APPEND)?.write_all(&bytes)?;
        same!(c.get("a")?[1..], bytes);
    }
    a_large_file_through_two_handles(c) {
        let writer = c.new_file("a")?;
        let reader = c.open_other("a", READ)?;
        for piece in 0..20u64 {
            writer.write_at(piece * 100_000, &pattern(100_000, piece))?;
        }
        for piece in (0..20u64).rev() {
            same!(part(&reader, piece * 100_000, 100_000)?, pattern(100_000, piece));
        }
    }
    attributes_of_all_handles_agree(c) {
        let (first, second) = (c.new_file("a")?, c.open_other("a", READ)?);
        first.write_at(0, &[1; 12_345])?;
        is!(first.metadata()?, second.metadata()?);
        is!(first.metadata()?, c.stat("a")?);
    }
}
