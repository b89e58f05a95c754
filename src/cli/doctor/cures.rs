//! The fix to send upstream: the option of the program itself, of its language, or of the system around it. One row each.

use crate::stalls::evidence::Side;
use crate::stalls::finding::{Finding, Kind};
use crate::stalls::program::{Language, Program};

/// A program that has an option of its own.
struct Knob {
    /// The program's file, or the beginning of it.
    file: &'static str,
    /// A word of the command line, where the file is an interpreter.
    word: &'static str,
    kinds: &'static [Kind],
    text: &'static str,
}

const fn knob(file: &'static str, kinds: &'static [Kind], text: &'static str) -> Knob {
    Knob { file, word: "", kinds, text }
}

const fn script(file: &'static str, word: &'static str, text: &'static str) -> Knob {
    Knob { file, word, kinds: NAGLE, text }
}

/// What TCP_NODELAY cures.
const NAGLE: &[Kind] = &[Kind::Nagle, Kind::Paced];

const KNOBS: &[Knob] = &[
    knob("nginx", NAGLE, "nginx: `tcp_nodelay on;` (its default) and `tcp_nopush on;` beside `sendfile on;`"),
    knob("nginx", &[Kind::Runts], "nginx: `tcp_nopush on;` beside `sendfile on;`"),
    knob(
        "haproxy",
        &[Kind::Cork, Kind::Nagle, Kind::Paced],
        "HAProxy: `option http-no-delay` in the defaults, frontend or backend section",
    ),
    knob("mosquitto", NAGLE, "mosquitto: `set_tcp_nodelay true` in mosquitto.conf"),
    knob("proftpd", NAGLE, "ProFTPD: `TCPNoDelay on`"),
    knob(
        "rsync",
        NAGLE,
        "rsync: `--sockopts=TCP_NODELAY`, for the daemon `socket options = TCP_NODELAY` in rsyncd.conf",
    ),
    knob("smbd", NAGLE, "Samba: `socket options = TCP_NODELAY` (its default) in smb.conf"),
    knob("stunnel", NAGLE, "stunnel: `socket = l:TCP_NODELAY=1` and `socket = r:TCP_NODELAY=1`"),
    knob("socat", NAGLE, "socat: the address option `nodelay`, as in `TCP:host:port,nodelay`"),
    knob("openvpn", NAGLE, "OpenVPN: `tcp-nodelay` (server) or `socket-flags TCP_NODELAY`"),
    knob("uwsgi", NAGLE, "uWSGI: `tcp-nodelay = true`"),
    knob("curl", NAGLE, "curl: leave out --no-tcp-nodelay; libcurl: CURLOPT_TCP_NODELAY 1 (its default)"),
    knob("redis-server", NAGLE, "Redis: `repl-disable-tcp-nodelay no` (its default), for the connection to a replica"),
    knob("distcc", &[Kind::Cork], "distcc: DISTCC_TCP_CORK=0 in its environment"),
    script(
        "python",
        "http.server",
        "Python's http.server: `disable_nagle_algorithm = True` in the handler class (socketserver.StreamRequestHandler)",
    ),
    script("java", "httpserver", "the JDK's own web server: `-Dsun.net.httpserver.nodelay=true`"),
];

/// What a programmer writes: to send once, which is best, for then no rule of the kernel's matters; and the option.
struct Code {
    language: Language,
    once: &'static str,
    option: &'static str,
}

const fn code(language: Language, once: &'static str, option: &'static str) -> Code {
    Code { language, once, option }
}

const LANGUAGES: &[Code] = &[
    code(
        Language::C,
        "C: send once: one writev() for all pieces, or one buffer and one write()",
        "C: `int one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);` once per connection or on the listener",
    ),
    code(
        Language::DotNet,
        ".NET: send once: a BufferedStream over the NetworkStream, and Flush() where the message is complete",
        ".NET: `socket.NoDelay = true`",
    ),
    code(
        Language::Erlang,
        "Erlang: send once: `gen_tcp:send(Socket, [A, B])` takes a list",
        "Erlang: `{nodelay, true}` among the options of gen_tcp",
    ),
    code(
        Language::Go,
        "Go: send once: a bufio.Writer over the connection, and Flush() where the message is complete",
        "Go: leave out `SetNoDelay(false)`: the net package sets the option by itself",
    ),
    code(
        Language::Java,
        "Java: send once: a BufferedOutputStream over socket.getOutputStream(), and flush() where the message is complete",
        "Java: `socket.setTcpNoDelay(true)`; for the JDK's own web server `-Dsun.net.httpserver.nodelay=true`",
    ),
    code(
        Language::Lua,
        "Lua: send once: `connection:send(a .. b)`",
        "Lua: `connection:setoption(\"tcp-nodelay\", true)`",
    ),
    code(
        Language::Nim,
        "Nim: send once: `socket.send(a & b)`",
        "Nim: `socket.setSockOpt(OptNoDelay, true, level = IPPROTO_TCP.cint)`",
    ),
    code(
        Language::Node,
        "Node.js: send once: `socket.write(Buffer.concat([a, b]))`, or `socket.cork()` before and `socket.uncork()` after the pieces",
        "Node.js: `socket.setNoDelay(true)`, or `noDelay: true` among the options of net.createServer and net.connect",
    ),
    code(
        Language::Perl,
        "Perl: send once: `print $socket $a . $b;` with autoflush, or no autoflush and one `$socket->flush`",
        "Perl: `use Socket qw(IPPROTO_TCP TCP_NODELAY); setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);`",
    ),
    code(
        Language::Php,
        "PHP: send once: `fwrite($stream, $a . $b)`",
        "PHP: `socket_set_option($socket, SOL_TCP, TCP_NODELAY, 1)`; for streams the context option `'socket' => ['tcp_nodelay' => true]`",
    ),
    code(
        Language::Python,
        "Python: send once: `sock.sendall(a + b)`",
        "Python: `sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)` (imaplib, smtplib, ftplib: on their `.sock`)",
    ),
    code(
        Language::Ruby,
        "Ruby: send once: `socket.write(a, b)` takes several",
        "Ruby: `socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)`",
    ),
    code(
        Language::Rust,
        "Rust: send once: a BufWriter over the stream, and flush() where the message is complete",
        "Rust: `stream.set_nodelay(true)`",
    ),
    code(
        Language::Tcl,
        "Tcl: send once: `chan configure $socket -buffering full`, and `flush $socket` where the message is complete",
        "Tcl 8.7 and later: `chan configure $socket -nodelay 1`",
    ),
];

pub const CORK: &str = "leave out MSG_MORE or TCP_CORK on data that must arrive at once, or turn TCP_CORK off as soon as the last piece is \
                    written";
const BATCH: &str = "write what is due together in one call; without TCP_NODELAY what is due later waits all the same";
pub const FLOOD: &str = "write each answer in one call (a buffer, writev), or put MSG_MORE or TCP_CORK around its pieces; \
                     TCP_NODELAY can stay on";
const UNIT: &str =
    "a server that systemd starts by a .socket unit: `NoDelay=yes` there, accepted connections inherit it";
pub const ROUTE: &str = "where only the receiving end can be changed, as root there: `ip route change <its route to here> quickack 1`, or \
                     TCP_QUICKACK after each receive";

/// What to propose to those who can change the program, best first.
pub fn upstream(finding: &Finding) -> Vec<String> {
    let program = &finding.program;
    let mut texts: Vec<&str> = KNOBS.iter().filter(|k| k.fits(program, finding.kind)).map(|k| k.text).collect();
    let known = !texts.is_empty();
    match finding.kind {
        Kind::Nagle | Kind::Paced => {
            texts.extend((finding.kind == Kind::Paced).then_some(BATCH));
            if !known || program.language() != Language::C {
                texts.extend(of_language(program).into_iter().flat_map(|code| [code.once, code.option]));
            }
            if finding.side == Side::Server && !known {
                texts.push(UNIT);
            }
            if finding.kind == Kind::Nagle && finding.delayed() {
                texts.push(ROUTE);
            }
        }
        Kind::Cork if !known => texts.push(CORK),
        Kind::Flood => {
            texts.extend(of_language(program).map(|code| code.once));
            texts.push(FLOOD);
        }
        Kind::Runts if !known => texts.push(FLOOD),
        Kind::Peer => texts.push(
            "on the other end, which writes twice: TCP_NODELAY, once per connection (`tcptune doctor` there names the option)",
        ),
        // The cure is the library's own.
        Kind::Cork | Kind::Runts | Kind::Held => {}
    }
    if finding.kind == Kind::Peer {
        texts.push("here, as root: `ip route change <the route to the other end> quickack 1`");
    }
    texts.into_iter().map(str::to_owned).collect()
}

fn of_language(program: &Program) -> Option<&'static Code> {
    let language = program.language();
    LANGUAGES.iter().find(|code| code.language == language)
}

impl Knob {
    fn fits(&self, program: &Program, kind: Kind) -> bool {
        let file = program.base();
        let named = match self.word {
            "" => file == self.file,
            word => file.starts_with(self.file) && program.command.contains(word),
        };
        named && self.kinds.contains(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOBS, LANGUAGES, of_language};
    use crate::stalls::finding::Kind;
    use crate::stalls::program::{Language, Program};

    fn program(file: &str, command: &str) -> Program {
        Program { file: file.into(), command: command.into(), ..Program::default() }
    }

    #[test]
    fn programs_get_their_own_option() {
        let of = |file: &str, command: &str, kind| -> Vec<&str> {
            KNOBS.iter().filter(|k| k.fits(&program(file, command), kind)).map(|k| k.text).collect()
        };
        assert!(of("/usr/sbin/nginx", "", Kind::Nagle)[0].contains("tcp_nodelay on"));
        assert!(of("/usr/sbin/nginx", "", Kind::Paced)[0].contains("tcp_nodelay on"));
        assert!(of("/usr/sbin/haproxy", "", Kind::Cork)[0].contains("option http-no-delay"));
        assert!(
            of("/usr/bin/python3.11", "python3 -m http.server", Kind::Nagle)[0].contains("disable_nagle_algorithm")
        );
        assert!(of("/usr/bin/python3.11", "python3 job.py", Kind::Nagle).is_empty());
        assert!(of("/usr/sbin/nginx-thing", "", Kind::Nagle).is_empty());
    }

    #[test]
    fn every_language_has_one_row() {
        for (n, code) in LANGUAGES.iter().enumerate() {
            assert!(LANGUAGES.iter().skip(n + 1).all(|other| other.language != code.language), "{:?}", code.language);
            assert!(code.once.contains(": send once: ") && !code.option.is_empty(), "{}", code.once);
        }
        assert!(of_language(&program("/usr/bin/ruby3.1", "")).is_some_and(|code| code.once.starts_with("Ruby")));
        assert!(LANGUAGES.iter().any(|code| code.language == Language::C));
    }
}
