//! The statuses of a call, as callbacks have them.

/// How far a call is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Sent,
    Delivered,
    Failed,
    InsufficientBalance,
    Stopped,
    Verified,
    Unverified,
    MachineHangup,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sent => "Sent",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
            Self::InsufficientBalance => "Insufficient Balance",
            Self::Stopped => "Stopped",
            Self::Verified => "Delivered - PIN Verified",
            Self::Unverified => "Delivered - PIN Unverified",
            Self::MachineHangup => "Machine Hangup",
        }
    }

    pub(crate) const fn is_last(self) -> bool {
        !matches!(self, Self::Sent | Self::Delivered)
    }

    /// Whether somebody, or something, has answered: only that costs money.
    pub(crate) const fn is_charged(self) -> bool {
        matches!(self, Self::Delivered | Self::Verified | Self::Unverified | Self::MachineHangup)
    }
}
