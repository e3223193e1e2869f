//! Log records come back as they were written; backtraces find names.

use alloc::format;

use microkernel_core::logring::{LogRecord, Read};

use super::{Context, Held, Verdict};
use crate::{backtrace, check, ktest, percpu};

ktest!(log_records_are_readable, addresses_have_names);

fn log_records_are_readable(_: &Context) -> Verdict {
    let ring = percpu::this().log;
    let first = ring.written();
    for number in 0..5 {
        log::debug!("record {number} of the test");
    }
    let mut reader = ring.reader();
    let mut record = LogRecord::empty();
    let mut found = 0;
    loop {
        match reader.read(ring, &mut record) {
            Read::Record if record.sequence >= first => {
                let expected = format!("record {found} of the test");
                check!(record.message() == expected, "{:?} instead of {expected:?}", record.message());
                check!(record.target() == "ktest::records", "target {:?}", record.target());
                found += 1;
            }
            Read::Record | Read::Lost(_) => {}
            Read::Nothing => break,
        }
    }
    check!(found == 5, "{found} of 5 records found");
    Ok(Held::Passed)
}

fn addresses_have_names(_: &Context) -> Verdict {
    let function: fn(&Context) -> Verdict = addresses_have_names;
    let text = format!("{}", backtrace::Place(function as *const () as u64 + 1));
    check!(text.ends_with("microkernel::ktest::records::addresses_have_names+0x1"), "{text}");
    Ok(Held::Passed)
}
