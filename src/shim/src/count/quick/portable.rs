//! The least that counts a call on a simple connection.

/// A call that sends, on a simple connection, and neither held nor to be held by the program's own word.
macro_rules! count_sent {
    ($name:ident([$fd:ident], $($arg:ident),*) flags $flags:expr, bytes |$sent:ident| $bytes:expr; in machine code $lines:expr) => {{
        if let Some(record) = record::simple($fd)
            && $flags & libc::MSG_MORE == 0
        {
            // SAFETY: the caller's arguments.
            let $sent = unsafe { next($fd, $($arg),*) };
            return sent_simply($sent as isize, record, $bytes) as _;
        }
        // SAFETY: the caller's arguments.
        unsafe { otherwise($fd, $($arg),*) }
    }};
}

/// A call that receives, on a simple connection.
macro_rules! count_received {
    ($name:ident([$fd:ident], $($arg:ident),*)) => {{
        if let Some(record) = record::simple($fd) {
            // SAFETY: the caller's arguments.
            let got = unsafe { next($fd, $($arg),*) };
            return received_simply(got, record);
        }
        // SAFETY: the caller's arguments.
        unsafe { otherwise($fd, $($arg),*) }
    }};
}

/// On other machines what is corked goes the rarer way.
macro_rules! count_in_cork {
    () => {};
}
