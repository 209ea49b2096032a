//! The tokens of event sources: keys of streams, and the daemon's own sources.

use mio::Token;

use crate::reactor::ADMIN_KEY_BASE;

/// Keys count up from 0, so the other tokens count down from the end.
pub(super) const SIGNALS: Token = Token(usize::MAX);
pub(super) const ADMIN: Token = Token(SIGNALS.0 - 1);
pub(super) const HAND_OVER: Token = Token(SIGNALS.0 - 2);

/// Tokens of the children's standard error begin here, above all keys and below the listeners.
pub(super) const CHILD_STDERR_BASE: usize = ADMIN_KEY_BASE << 1;
const CHILD_STDERR_MAX: usize = ADMIN_KEY_BASE;

/// The source that a token from [`CHILD_STDERR_BASE`] on names; below are the keys of streams.
pub(super) enum Source {
    ChildStderr(usize),
    Listener(usize),
    Admin,
    HandOver,
    Signals,
}

impl From<Token> for Source {
    fn from(token: Token) -> Self {
        match token {
            SIGNALS => Self::Signals,
            ADMIN => Self::Admin,
            HAND_OVER => Self::HandOver,
            Token(key) if key < CHILD_STDERR_BASE + CHILD_STDERR_MAX => {
                Self::ChildStderr(key - CHILD_STDERR_BASE)
            }
            Token(from_end) => Self::Listener(HAND_OVER.0 - 1 - from_end),
        }
    }
}

/// Returns the token of the listener with that number.
pub(super) const fn listener_token(number: usize) -> Token {
    Token(HAND_OVER.0 - 1 - number)
}
