//! How a guest's run ended, and the exit status that stands for it.

/// Exit status for a guest that ended, or was ended, without saying how.
pub const LOST: u8 = 125;

/// Exit status for a kernel panic.
pub const PANICKED: u8 = 101;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The last command ended with this status.
    Exited {
        /// Its exit status.
        status: u8,
    },
    /// The kernel refused what it was booted with.
    Refused {
        /// The status it asked for.
        status: u8,
        /// Why.
        reason: String,
    },
    /// The kernel panicked; details are on the console.
    Panicked {
        /// Why.
        reason: String,
    },
    /// The emulator ended, as it should where nobody waits for a status.
    Ended {
        /// Its exit status; `None` if a signal ended it.
        code: Option<i32>,
    },
    /// The guest's control server died over the commands. It was started again, and takes others.
    Forgotten,
    /// The user quit.
    Quit,
    /// The emulator itself hangs: it does not answer at its own control socket, whatever the guest does.
    Stuck {
        /// One line.
        complaint: String,
    },
    /// No status can be believed: dead emulator, silent guest, damaged line, wrong version.
    Lost {
        /// One line.
        complaint: String,
    },
}

impl Ending {
    /// The exit status for the tool to end with.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Exited { status } | Self::Refused { status, .. } => *status,
            Self::Panicked { .. } => PANICKED,
            Self::Quit | Self::Ended { code: Some(0) } => 0,
            // isa-debug-exit turns a value v into the status 2v + 1; 3 is the kernel's "refused".
            Self::Ended { code: Some(3) } => 3,
            Self::Ended { .. } | Self::Forgotten | Self::Stuck { .. } | Self::Lost { .. } => LOST,
        }
    }

    /// One line for people, if there is more to say than the status does.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        match self {
            Self::Exited { .. } | Self::Quit | Self::Ended { .. } => None,
            Self::Refused { reason, .. } => Some(format!("the kernel refused to boot: {reason}")),
            Self::Panicked { reason } => Some(format!("the kernel panicked: {reason}")),
            Self::Forgotten => Some(
                "the guest's control server died over the commands, and was started again without them"
                    .to_owned(),
            ),
            Self::Stuck { complaint } | Self::Lost { complaint } => Some(complaint.clone()),
        }
    }
}

/// What a command line did.
#[derive(Clone, Debug)]
pub struct ExecResult {
    /// How it ended.
    pub ending: Ending,
    /// All it printed to standard output.
    pub out: Vec<u8>,
    /// All it printed to standard error.
    pub err: Vec<u8>,
}

impl ExecResult {
    /// The exit status: the last command's, or what stands for its absence.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.ending.status()
    }
}
