//! Numbers with units, held against 128-bit arithmetic that cannot overflow.

mod support;

use proptest::prelude::*;
use support::read;

/// The value of the only option in the set, as the kernel is to see it; `None` when it is refused.
fn value(entry: &str, name: i32) -> Option<u32> {
    let settings = read("TCPTUNE_SET", entry.as_bytes()).ok()?;
    let option = settings.base.set.iter().find(|option| option.name == name).expect("it was given");
    Some(u32::from_ne_bytes(option.bytes().try_into().expect("an int")))
}

/// What is right: the number in the option's unit if it is whole and lies between the limits.
fn expected(number: u64, scale: u128, own: u128, limits: (u128, u128)) -> Option<u32> {
    let scaled = u128::from(number) * scale;
    let whole = scaled / own;
    (scaled.is_multiple_of(own) && (limits.0..=limits.1).contains(&whole))
        .then(|| whole.try_into().expect("limits are below 2^32"))
}

const TIMES: [(&str, u128); 5] = [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];
const SIZES: [(&str, u128); 4] = [("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)];

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..300, 0u64..100_000, 0u64..5_000_000_000, any::<u64>(), (0u64..5_000).prop_map(|n| n * 1_000)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times(number in numbers(), unit in prop::sample::select(TIMES.as_slice()), upper in any::<bool>()) {
        let (name, scale) = unit;
        let name = if upper { name.to_uppercase() } else { name.to_owned() };
        let milliseconds = value(&format!("user_timeout={number}{name}"), libc::TCP_USER_TIMEOUT);
        prop_assert_eq!(milliseconds, expected(number, scale, 1_000, (100, 86_400_000)));
        let seconds = value(&format!("keepalive={number}{name}"), libc::TCP_KEEPIDLE);
        prop_assert_eq!(seconds, expected(number, scale, 1_000_000, (1, 32_767)));
        let microseconds = value(&format!("busy_poll={number}{name}"), libc::SO_BUSY_POLL);
        prop_assert_eq!(microseconds, expected(number, scale, 1, (0, 1_000_000)));
    }

    #[test]
    fn bare_times_are_in_the_options_own_unit(number in numbers()) {
        let milliseconds = value(&format!("user_timeout={number}"), libc::TCP_USER_TIMEOUT);
        prop_assert_eq!(milliseconds, expected(number, 1, 1, (100, 86_400_000)));
        let seconds = value(&format!("defer_accept={number}"), libc::TCP_DEFER_ACCEPT);
        prop_assert_eq!(seconds, expected(number, 1, 1, (0, 3_600)));
    }

    #[test]
    fn sizes(number in numbers(), unit in prop::sample::select(SIZES.as_slice())) {
        let (name, scale) = unit;
        let size = value(&format!("sndbuf={number}{name}"), libc::SO_SNDBUF);
        prop_assert_eq!(size, expected(number, scale, 1, (2_048, 1 << 30)));
    }

    #[test]
    fn plain_numbers_in_both_bases(number in numbers()) {
        let mark = expected(number, 1, 1, (0, u32::MAX.into()));
        prop_assert_eq!(value(&format!("mark={number}"), libc::SO_MARK), mark);
        prop_assert_eq!(value(&format!("mark={number:#x}"), libc::SO_MARK), mark);
        prop_assert_eq!(value(&format!("mark=0X{number:X}"), libc::SO_MARK), mark);
    }

    #[test]
    fn rates_have_64_bits(number in numbers(), unit in prop::sample::select(SIZES.as_slice())) {
        let (name, scale) = unit;
        let rate = u128::from(number) * scale;
        let read = read("TCPTUNE_SET", format!("max_pacing_rate={number}{name}").as_bytes());
        prop_assert_eq!(read.is_ok(), (1 << 10..=1 << 40).contains(&rate));
        if let Ok(settings) = read {
            let option = settings.base.set.iter().next().expect("it was given");
            prop_assert_eq!(u128::from(u64::from_ne_bytes(option.bytes().try_into().expect("64 bits"))), rate);
        }
    }
}
