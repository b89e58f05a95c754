//! What is said of wrong use, as users meet it: docs/errors.md is made from what the command says here, and compared with it.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::{image, one_line, text};
use crate::support::cli::{ended, tcptune};
use crate::support::library;

const HEAD: &str = "\
# What the command says when it is used wrongly

<!-- Made by tests/cli/errors/table.rs from what the command says; it fails when this page is not up to date. -->

An error is one line on stderr, and nothing is on stdout. The line names the option or the operand as it was typed, its value, and
what is allowed. Behind `#` stands the exit status; [exit-status.md](exit-status.md) says what it means.
";

/// Exit status, variables of the environment, arguments.
type Case = (i32, &'static str, &'static str);

const SECTIONS: [(&str, &[Case]); 8] = [
    (
        "Words",
        &[
            (125, "", "run --nodelay maybe -- ./client"),
            (125, "", "run --nodelay=maybe -- ./client"),
            (125, "", "attach --nodelay force 1"),
            (125, "", "ab --count sometimes -- ./client"),
            (125, "", "ab --count evry -- ./client"),
            (125, "", "ab --tune client --serve ./server --ready-port 80 --load ./client"),
            (125, "", "demo --client perl"),
            (125, "", "doctor --fail-on stall,slow -- true"),
            (125, "", "generate completions tcsh"),
            (125, "", "run --cork '' --bpf= -- ./client"),
        ],
    ),
    (
        "Numbers and shares",
        &[
            (125, "", "ab -n ten -- ./client"),
            (125, "", "ab -nten -- ./client"),
            (125, "", "ab --runs 0 -- ./client"),
            (125, "", "ab --runs 10001 -- ./client"),
            (125, "", "ab --warmup -1 -- ./client"),
            (125, "", "ab --seed 4294967296 -- ./client"),
            (125, "", "ab --equal-within 0 -- ./client"),
            (125, "", "ab --between-sessions -1 -- ./client"),
            (125, "", "ab --until-decided --at-most 0 -- ./client"),
            (125, "", "ab --fail-if-slower=much -- ./client"),
            (125, "", "ab --fail-if-slower -n 4 -- true"),
            (125, "", "ls --port 0"),
            (125, "", "ls --port 65536"),
            (125, "", "attach --port http"),
            (125, "", "attach --fd -1 1"),
            (125, "", "doctor --budget 200%"),
            (125, "", "export --max-services 0 /run"),
            (125, "", "export --listen localhost:80 /run"),
            (125, "", "export --listen unix:metrics.sock /run"),
        ],
    ),
    (
        "Times",
        &[
            (125, "", "doctor --duration soon"),
            (125, "", "doctor --duration 5sec"),
            (125, "", "doctor --duration 2d"),
            (125, "", "doctor --interval 1s"),
            (125, "", "attach --watch --interval 5 1"),
            (125, "", "top --interval 2h /run"),
            (125, "", "top -i 50ms /run"),
            (125, "", "export --textfile /tmp/x.prom --every 0 /run"),
            (125, "", "detach --wait forever 1"),
        ],
    ),
    (
        "Settings",
        &[
            (125, "", "run --set 'keepalive=60 ttl=300' -- ./client"),
            (125, "", "run --set user_timeout=30 -- ./client"),
            (125, "", "run --rule 'port=143 crok=off' -- ./client"),
            (125, "", "run --rule 'peer=10.0.0.0/33 off' -- ./client"),
            (125, "", "run --split 50% -- ./client"),
            (125, "", "run --tuned-share 101 -- ./client"),
            (125, "", "run --mode sideways -- ./client"),
            (125, "", "run --quickack sometimes -- ./client"),
            (125, "TCPTUNE_CORK=maybe", "run -- true"),
            (125, "TCPTUNE_CORK=maybe TCPTUNE_SPLIT=all", "run -- true"),
            (125, "", "ab --setting cork=maybe -- true"),
            (125, "", "ab --setting crok=off -- true"),
            (125, "", "ab --vs cork -- true"),
            (125, "", "ab 'crok=off true' false"),
            (125, "", "ab --setting cork=off true false"),
            (125, "", "attach --set ttl=0 1"),
            (125, "", "attach --set crok=1 1"),
            (125, "", "systemd install --release never legacyd"),
        ],
    ),
    (
        "Options and operands",
        &[
            (125, "", ""),
            (125, "", "rum -- ./client"),
            (125, "", "systemd"),
            (125, "", "systemd status legacyd"),
            (125, "", "help everything"),
            (125, "", "run"),
            (125, "", "run --librar /usr/lib/libtcptune.so -- ./client"),
            (125, "", "run --json -- ./client"),
            (125, "", "run -x -- ./client"),
            (125, "", "run --set"),
            (125, "", "run --bpf=yes -- ./client"),
            (125, "", "run --bpf --supervise -- ./client"),
            (125, "", "run --supervise --no-supervise -- ./client"),
            (125, "", "run --nodelay on --nodelay off -- ./client"),
            (125, "", "check"),
            (125, "", "check curl wget"),
            (125, "", "attach"),
            (125, "", "detach"),
            (125, "", "attach --port 80 1"),
            (125, "", "attach --user 1"),
            (125, "", "attach --revert --watch 1"),
            (125, "", "attach --revert --set ttl=64 1"),
            (125, "", "attach --dry-run --watch 1"),
            (125, "", "attach --fd 3 --children 1"),
            (125, "", "doctor --pid 1 -- ./client"),
            (125, "", "doctor --all --unit nginx"),
            (125, "", "doctor --unit nginx --pid 1"),
            (125, "", "doctor --follow --pid 1"),
            (125, "", "doctor --backtrace"),
            (125, "", "doctor --pcap web.pcap --duration 30"),
            (125, "", "doctor --json --issue -- ./client"),
            (125, "", "doctor --issue"),
            (125, "", "doctor --fail-on stall"),
            (125, "", "doctor --write-baseline -- true"),
            (125, "", "ab"),
            (125, "", "ab --serve ./server"),
            (125, "", "ab --until-decided -n 10 -- ./client"),
            (125, "", "ab --metric 'rate=[0-9]+ requests' -- true"),
            (125, "", "ab --metric 'rate=(' -- true"),
            (125, "", "ab --metric 'time_s=(.*)' -- true"),
            (125, "", "ab -n 1 --warmup 0 --count off --seed 1 --metric 'rate=([0-9]+)' -- true"),
            (125, "", "ab --at-most 1m -- ./client"),
            (125, "", "ab --arm old=true"),
            (125, "", "ab --arm './old' --arm './new'"),
            (125, "", "ab --arm 'old=sleep \"1' --arm new=true"),
            (125, "", "ab --prepare true --prepare true --prepare true true false"),
            (125, "", "ab --serve ./server --ready-port 80 --load ./load -- ./client"),
            (125, "", "ab --export xml=report.xml -- true"),
            (125, "", "ab --serve './server \"x' --ready-port 80 --load true"),
            (125, "", "env PATH"),
            (125, "", "export --textfile /tmp/x --listen 9919 /run"),
            (125, "", "export --every 15 /run"),
            (125, "", "export --budget 2 /run"),
            (125, "", "report --json --clean /run"),
            (125, "", "systemd install"),
            (125, "", "systemd install --user --root /srv/image legacyd"),
            (125, "", "systemd install --restart --root /srv/image legacyd"),
            (125, "", "systemd install --socket --library /usr/lib/libtcptune.so legacyd"),
            (125, "", "generate"),
            (125, "", "generate man"),
        ],
    ),
    (
        "Files and directories",
        &[
            (125, "", "run --library /nonexistent/libtcptune.so -- true"),
            (125, "", "run --library /etc/passwd -- true"),
            (125, "", "run --library / -- true"),
            (125, "", "run --stats /nonexistent -- true"),
            (125, "", "check --library /bin/true curl"),
            (125, "TMPDIR=/nonexistent", "run --summary -- true"),
            (125, "", "doctor --output /nonexistent/report.txt -- true"),
            (125, "", "doctor -o /nonexistent/report.txt -- true"),
            (125, "", "doctor --html / -- true"),
            (125, "", "doctor --baseline /nonexistent/known.json -- true"),
            (125, "", "doctor --baseline /etc/passwd -- true"),
            (125, "", "doctor --junit /nonexistent/found.xml -- true"),
            (125, "", "doctor --sarif /nonexistent/found.sarif -- true"),
            (125, "", "doctor --pcap /nonexistent/web.pcap"),
            (125, "", "doctor --pcap /etc/passwd"),
            (125, "", "ab --html /nonexistent/page.html -- true"),
            (125, "", "ab --export json=/nonexistent/ab.json -- true"),
            (125, "", "attach --state /nonexistent/state 1"),
            (125, "", "attach --state /tmp 1"),
            (125, "", "report /nonexistent"),
            (125, "", "report /etc/passwd"),
            (125, "", "top"),
            (125, "", "export --textfile /nonexistent/tcptune.prom /run"),
            (125, "", "export --ended /etc/passwd /run"),
            (125, "", "export --listen 192.0.2.1:80 /run"),
            (125, "", "generate man /nonexistent"),
        ],
    ),
    (
        "Programs and processes",
        &[
            (127, "", "run -- nosuch"),
            (127, "", "doctor -- nosuch"),
            (127, "", "ab -- nosuch"),
            (127, "", "ab true nosuch"),
            (127, "", "ab --arm old=true --arm new=nosuch"),
            (127, "", "check nosuch"),
            (127, "", "run -- /nonexistent/client"),
            (126, "", "run -- /"),
            (126, "", "doctor -- /etc/passwd"),
            (127, "", "ab --serve nosuch --ready-port 80 --load true"),
            (127, "", "ab --serve true --ready-port 80 --load 'nosuch --fast'"),
            (127, "", "ab --shell=nosuch -- true"),
            (125, "", "ab --setup 'exit 3' -- true"),
            (125, "", "ab -n 1 --warmup 0 --count off --seed 1 -- false"),
            (127, "", "check 4194304"),
            (125, "", "attach nginx"),
            (125, "", "ls nginx"),
            (125, "", "detach nginx"),
            (127, "", "detach 4194304"),
            (125, "", "doctor --pid nginx"),
            (127, "", "attach 4294967296"),
            (127, "", "ls 4194304"),
            (127, "", "doctor --pid 4194304"),
            (126, "", "attach --fd 99999 SELF"),
            (127, "", "attach --port 1"),
        ],
    ),
    (
        "Units",
        &[
            (125, "", "systemd show --root /nonexistent legacyd"),
            (125, "", "systemd show --root /etc/passwd legacyd"),
            (127, "", "systemd show --root IMAGE nosuch"),
            (125, "", "systemd show --root IMAGE a/b"),
            (125, "", "systemd install --root IMAGE --library libtcptune.so legacyd"),
            (125, "", "systemd install --root IMAGE --library /nonexistent/libtcptune.so legacyd"),
            (1, "", "doctor --unit nosuch"),
        ],
    ),
];

/// As the page calls an image.
const IMAGE: &str = "/srv/image";

/// Subcommands that load or judge the library: it is named for them, since it need not be installed where tests run.
const WITH_LIBRARY: [&str; 4] = ["run", "ab", "check", "doctor"];

fn words(line: &str) -> Vec<String> {
    // Quotes as a shell has them, no more.
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) if c == '\'' => (quote, word) = (Some(c), Some(word.unwrap_or_default())),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn said((code, variables, line): &Case, image: &str) -> String {
    let mut arguments = words(line);
    let own = std::process::id().to_string();
    arguments.iter_mut().filter(|word| *word == "SELF").for_each(|word| word.clone_from(&own));
    arguments.iter_mut().filter(|word| *word == "IMAGE").for_each(|word| image.clone_into(word));
    let judged = |words: &[String]| {
        words.iter().take_while(|word| *word != "--").any(|word| word == "--library" || word == "--pid")
    };
    let host = ["--unit", "--budget", "--pcap"];
    if let Some(name) = arguments.first()
        && WITH_LIBRARY.contains(&name.as_str())
        && !judged(&arguments)
        && !arguments.iter().any(|word| host.contains(&word.as_str()))
        && arguments.len() > 1
    {
        let library = library().to_str().expect("text").to_owned();
        arguments.splice(1..1, ["--library".to_owned(), library]);
    }
    let name = fs::read_to_string("/proc/self/comm").expect("a name");
    let mut command = tcptune();
    command.args(&arguments).stdin(Stdio::null()).current_dir("/");
    command.envs(variables.split(' ').filter_map(|pair| pair.split_once('=')));
    let (found, out, err) = ended(&mut command);
    let all = format!("tcptune {line}: {found} {out}{err}");
    assert!(found == *code && out.is_empty(), "{all}");
    one_line(&err)
        .unwrap_or_else(|| panic!("{all}"))
        .replace(image, IMAGE)
        .replace(&own, "4711")
        .replace(name.trim(), "app")
}

#[test]
fn the_page_of_errors_is_what_the_command_says() {
    let mut page = HEAD.to_owned();
    let mut count = 0;
    let image = image("errors-table");
    for (title, cases) in &SECTIONS {
        let _ = write!(page, "\n## {title}\n\n```console\n");
        for case in *cases {
            let (code, variables, line) = case;
            let gap = if variables.is_empty() { "" } else { " " };
            let typed = format!("{variables}{gap}tcptune {}", line.replace("SELF", "4711").replace("IMAGE", IMAGE));
            let _ = writeln!(page, "$ {}  # {code}\n{}", typed.trim_end(), said(case, text(image.path())));
            count += 1;
        }
        page.push_str("```\n");
    }
    assert!(count >= 120, "{count}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = fs::read_to_string(root.join("docs/errors.md")).unwrap_or_default();
    if page != committed {
        let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("errors.md");
        fs::write(&now, &page).expect("the new page");
        let first = page.lines().zip(committed.lines()).find(|(now, before)| now != before);
        panic!("docs/errors.md is out of date: cp {} docs/errors.md; first: {first:?}", now.display());
    }
}
