//! What a program prints.

use core::fmt::{self, Write};

use anax_abi::Handle;
use anax_service::PortTransport;
use anax_sys::Target;
use anax_system::{OutputClient, PIECE};

/// Prints to whoever started the program, or to the log if he did not say where.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {{
        let _ = ::core::fmt::Write::write_fmt(&mut $crate::out(), ::core::format_args!($($argument)*));
    }};
}

/// The same, and ends the line.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {{
        let mut out = $crate::out();
        let _ = ::core::fmt::Write::write_fmt(&mut out, ::core::format_args!($($argument)*));
        let _ = ::core::fmt::Write::write_str(&mut out, "\n");
    }};
}

/// Where the program prints to. Bytes are gathered, and sent at the latest when this is dropped.
#[derive(Debug)]
pub struct Out {
    to: Option<Handle>,
    bytes: [u8; PIECE],
    used: usize,
}

/// Standard output.
#[must_use]
pub fn out() -> Out {
    Out { to: crate::handle("stdout"), bytes: [0; PIECE], used: 0 }
}

impl Out {
    fn send(&mut self) {
        let used = core::mem::take(&mut self.used);
        let Some(handle) = self.to else {
            let text = core::str::from_utf8(&self.bytes[..used]).unwrap_or("?").trim_end();
            return anax_sys::log::line(format_args!("{}: {text}", crate::name()));
        };
        let target = Target::from_handle(handle);
        let mut words = [0; PIECE / 8];
        for (word, bytes) in words.iter_mut().zip(self.bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        if let Ok(way) = PortTransport::unconnected(|| Ok(target)) {
            // Nobody hears it any more: that is no reason to stop.
            let _ = OutputClient::over(way).write(used as u8, words);
        }
    }
}

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.bytes[self.used] = byte;
            self.used += 1;
            if self.used == PIECE {
                self.send();
            }
        }
        Ok(())
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if self.used > 0 {
            self.send();
        }
    }
}
