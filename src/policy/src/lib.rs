//! What tcptune decides, and nothing else: settings and their grammar, rules, the per-socket state word.
//! Pure: time, descriptors and bytes come in as arguments. No system call, no heap, no panic.
#![no_std]
#![forbid(unsafe_code)]
