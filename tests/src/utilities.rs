//! The utilities and the shell's language, in the running system: scripts, and what they print.

use std::time::Duration;

use anax_vm::Spec;
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

const fn test(name: &'static str, seconds: u64, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest {
        name,
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(seconds),
        run,
    }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("utilities.files", 15, files),
    test("utilities.text", 15, text),
    test("utilities.the-machine", 20, the_machine),
    test("utilities.say-what-is-wrong", 15, say_what_is_wrong),
    test("utilities.scripts", 15, scripts),
];

/// Bytes of scripts that one command line carries.
const MAX_LINE: usize = 1000;

/// Runs each script in a shell of its own, and compares what they print: in one machine as many as fit into a line.
fn judge(context: &Context<'_>, cases: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut rest = cases;
    while !rest.is_empty() {
        let (mut line, mut count) = (String::new(), 0);
        for (script, _) in rest {
            let next = format!("sh -c '{script}\necho = $?'; ");
            if count > 0 && line.len() + next.len() > MAX_LINE {
                break;
            }
            line.push_str(&next);
            count += 1;
        }
        let (now, later) = rest.split_at(count);
        judge_line(context, line.trim_end_matches("; "), now)?;
        rest = later;
    }
    Ok(())
}

fn judge_line(context: &Context<'_>, line: &str, cases: &[(&str, &str)]) -> anyhow::Result<()> {
    let spec = Spec { cpus: 2, memory_mib: 128, ..guest::user_spec(context, "guest") };
    let seen = guest::run(&spec, line)?;
    let out = String::from_utf8_lossy(&seen.result.out).into_owned();
    let err = String::from_utf8_lossy(&seen.result.err).into_owned();
    std::fs::write(context.folder.join("printed"), format!("{out}\n-- errors --\n{err}"))?;
    let mut rest = &out[..];
    for (script, expected) in cases {
        let expected = format!("{expected}\n");
        let is_right = rest.starts_with(&expected);
        ensure!(is_right, "{script}\nprints {rest:?}\ninstead of {expected:?}\n{err}");
        rest = &rest[expected.len()..];
    }
    ensure!(rest.is_empty(), "something more: {rest:?}");
    Ok(())
}

fn files(context: &Context<'_>) -> anyhow::Result<()> {
    judge(
        context,
        &[
            (
                r#"mkdir -p /t/a/b && cd /t && printf "one\ntwo\nthree\n" > f && cat f && pwd"#,
                "one\ntwo\nthree\n/t\n= 0",
            ),
            ("cd /t; cp f a/g; mv f h; ls; ls a; cat a/g | wc -l", "a\nh\nb\ng\n      3\n= 0"),
            ("cd /t; cp -r a c; ls c; rm c; rm -r c; ls", "b\ng\na\nh\n= 0"),
            (
                "cd /t; echo more >> h; tail -n 2 h; cat < h | head -1; : > h; wc -c h",
                "three\nmore\none\n      0 h\n= 0",
            ),
            (
                "cd /t; touch x y; ls -1; rm x y; echo *; echo a/*; rmdir a/b; ls a",
                "a\nh\nx\ny\na h\na/b a/g\ng\n= 0",
            ),
            (
                "cd /t; ls -l a | grep -c \"^file \"; ls -ld a | grep -c \"^directory .*a/$\"; ls -a /nowhere",
                "1\n1\n= 1",
            ),
            (
                "cd /t; ln -s a/g l; cat l | head -1; ls -l | grep -c \"^link .* l -> a/g\"; rm l; cat a/g | tail -1",
                "one\n1\nthree\n= 0",
            ),
            (
                "cd /t; echo x | tee p q; cat p q; [ -f p ] && [ -s p ] && [ -d a ] && [ ! -e z ]",
                "x\nx\nx\n= 0",
            ),
            ("mount | grep -c \" at /$\"; df / | wc -l; df | grep -c \"/$\"; sync", "1\n      2\n1\n= 0"),
            (
                "mkdir /m; mount tmpfs /m | cat; echo in > /m/f; cat /m/f; mount | grep -c \" at /m$\"; ps | grep -c tmpfs; umount /m; ls /m; \
                 until ps | grep -c tmpfs | grep 1; do sleep 0.1; done",
                "in\n1\n2\n1\n= 0",
            ),
            ("rm -rf /t /m; ls -d /t /m", "= 1"),
        ],
    )
}

fn text(context: &Context<'_>) -> anyhow::Result<()> {
    judge(
        context,
        &[
            (
                r#"printf "b 2\na 10\nc 1\na 10\n" > /f; sort /f; sort -u /f | wc; sort -n -k 2 /f; sort -r /f | head -n 1"#,
                "a 10\na 10\nb 2\nc 1\n      3       6      13\nc 1\nb 2\na 10\na 10\nc 1\n= 0",
            ),
            (
                r#"grep a /f; grep -c a /f; grep -vn a /f; grep -E "^[bc] [0-9]$" /f; grep -q z /f"#,
                "a 10\na 10\n2\n1:b 2\n3:c 1\nb 2\nc 1\n= 1",
            ),
            (
                r#"cp /f /g; grep -l a /f /g; grep -i "A 1" /f | wc -l; grep -F "." /f; grep -w 1 /f /g"#,
                "/f\n/g\n      2\n/f:c 1\n/g:c 1\n= 0",
            ),
            (r#"mkdir /d; echo needle > /d/x; grep -r need /d; rm -r /d"#, "/d/x:needle\n= 0"),
            (
                r#"printf "0123456789abcdef0123456789abcdef\n" | hexdump"#,
                "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n*\n00000020  0a                                                |.|\n00000021\n= 0",
            ),
            (
                r#"printf "a\nb\nc" | cat -n; printf "abc" | head -c 2; printf "abc" | tail -c 2; echo"#,
                "     1  a\n     2  b\n     3  c\nabbc\n= 0",
            ),
            (
                r#"printf "ü€x y\n" | wc -m; head -n 1 /f /g"#,
                "      6\n==> /f <==\nb 2\n\n==> /g <==\nb 2\n= 0",
            ),
            (
                "filters pattern 300000 | cat | tee /big | filters check 300000; wc -c /big; filters check < /big",
                "300000 bytes are right\n 300000 /big\n300000 bytes are right\n= 0",
            ),
            ("filters pattern 99999999999 | head -c 5 | wc -c", "      5\n= 0"),
        ],
    )
}

fn the_machine(context: &Context<'_>) -> anyhow::Result<()> {
    judge(context, &[
        (r#"date -d @951782400; date -d @951782400 +%F; date +%Y | grep -cx "20[0-9][0-9]""#, "Tue Feb 29 00:00:00 UTC 2000\n2000-02-29\n1\n= 0"),
        (r#"uptime | grep -c "^up 00:"; free | grep -c "^free  *[0-9][0-9]*$"; free -h -p | grep -c "^names""#, "1\n1\n1\n= 0"),
        ("ps names | wc -l; ps -r sh | grep -c runs; ps nobody | wc -l", "      2\n1\n      1\n= 0"),
        ("sleep 100 & kill $!; wait $!; echo $?; sleep 100 & kill sleep; wait; sleep 0.05", "137\n= 0"),
        (r#"dmesg | grep -c "clock: ""#, "1\n= 0"),
        (r#"svc | grep -c "^vfs  *runs"; svc stop rtc && svc | grep "^rtc" | wc -w; date; svc start rtc && date +%s | wc -l; svc restart tmpfs-nobody"#, "1\n      5\n      1\n= 1"),
        (r#"top -b -n 2 -d 0.1 -l 3 | grep -c CPUs; lspci | head -n 1 | grep -c driver"#, "2\n1\n= 0"),
        (TOP, "1\n1\n2\n= 0"),
        (r#"drvctl list | head -n 1 | grep -c driver; drvctl info nothing; echo $?"#, "1\ndrvctl: there is no such device, or no such driver for it\n1\n= 0"),
        (r#"A=1 env | grep -c "^A=1$"; env -i B=2 env; export C=3; env -u C env | grep -c C=3"#, "1\nB=2\n0\n= 1"),
        ("true && ! false; echo a b; sh -c \"echo \\$0 \\$1\" x y", "a b\nx y\n= 0"),
        (HELP, "= 0"),
    ])
    .context("of the machine")
}

/// Two programs that talk to each other are seen to do so: each of the messages is init's and the VFS server's work, and the shell has more than one thread.
const TOP: &str = "while true; do [ -e /f ]; done & top -b -n 2 -d 1 -l 30 > /t; kill $!; wait; \
                   grep -c \"threads, .* messages a second\" /t | grep -cx 2; tail -n 30 /t | grep \" sh \" | sort -rn -k 5 | head -n 1 | grep -cE \"^ *[0-9]+ +sh +[0-9]+ +[0-9.]+ +[0-9]{3,} \"; \
                   grep -c \"program  *threads  *CPU %  *messages/s\" /t";

/// Each has a text that says how it is used.
const HELP: &str = "for p in cat cp date df dmesg drvctl env fetch free grep head hexdump httpd ip kill ln ls lspci mkdir mount mv nc netperf netstat nslookup ping poweroff ps reboot rm \
                    rmdir sh sleep sort svc sync tail tee top touch umount uptime wc; do env $p --help > /h || echo $p fails; grep -q \"^  $p\" /h || echo $p has no help; done";

fn say_what_is_wrong(context: &Context<'_>) -> anyhow::Result<()> {
    judge(
        context,
        &[
            ("cat /nowhere 2>&1", "cat: /nowhere: no such file or directory\n= 1"),
            (
                "ls -x 2>&1; cp a 2>&1",
                "ls: there is no option -x; 'ls --help' says more\ncp: usage: cp [-r] FILE... NAME; 'cp --help' says more\n= 2",
            ),
            (
                "mkdir /x; mkdir /x 2>&1; cat /x 2>&1; rm /x 2>&1; rmdir /x /y 2>&1",
                "mkdir: /x: it exists already\ncat: /x: it is a directory\nrm: /x: it is a directory\nrmdir: /y: no such file or directory\n= 1",
            ),
            (
                "grep \"(\" /f 2>&1; sleep x 2>&1; kill 99999 2>&1; kill nobody 2>&1",
                "grep: the pattern is none: unclosed group; 'grep --help' says more\nsleep: 'x' is no time; 'sleep --help' says more\nkill: 99999: there is no such process\nkill: nobody: does not run\n= 1",
            ),
            (
                "nothing 2>&1; echo $?; /nowhere/x 2>&1; echo $?; { echo x > /no/where; } 2>&1",
                "sh: nothing: not found\n127\nsh: /nowhere/x: no such file or directory\n127\nsh: /no/where: no such file or directory\n= 1",
            ),
            (
                "svc stop names 2>&1; svc start vfs 2>&1; umount /nowhere 2>&1",
                "svc: names does not start with the system\nsvc: vfs: runs already\numount: /nowhere: no such file or directory\n= 1",
            ),
        ],
    )
}

fn scripts(context: &Context<'_>) -> anyhow::Result<()> {
    judge(
        context,
        &[
            (
                "printf \"echo \\$# \\$1; exit 3\\n\" > /s; sh /s a b; echo $?; /s c; echo $?; (. /s)",
                "2 a\n3\n1 c\n3\n0\n= 3",
            ),
            ("x=$(echo a; echo b); echo $x; echo $((6 * 7)) ${x#a}", "a b\n42 b\n= 0"),
            (
                "for i in 1 2 3; do echo $i; done | while read x; do echo \"<$x>\"; done | cat | tail -n 2",
                "<2>\n<3>\n= 0",
            ),
            (
                "i=0; while [ $i -lt 3 ]; do i=$((i + 1)); echo $i; done > /o; cat /o | sort -r | head -n 1; wc -l < /o",
                "3\n      3\n= 0",
            ),
            (
                "f() { if [ $1 -gt 0 ]; then echo $1; f $(($1 - 1)); fi; }; f 3; f 30 | tail -n 1",
                "3\n2\n1\n1\n= 0",
            ),
            ("cat <<E | tr\nE", "= 127"),
            ("upper <<E\nhere $((1 + 1))\nE", "HERE 2\n= 0"),
            (
                "{ echo a; echo b >&2; } 2>/e | cat; cat /e; (exit 4); echo $?; (cd /; x=1); echo $x$?",
                "a\nb\n4\n0\n= 0",
            ),
            ("{ sleep 0.2; echo late; } & echo early; wait; echo $(jobs)", "early\nlate\n\n= 0"),
            (
                "echo \"echo in\" | sh; printf \"if true\nthen echo more\nfi\n\" | sh; sh -e -c \"false; echo no\"",
                "in\nmore\n= 1",
            ),
            (
                "cd /nowhere 2>/e || cat /e; cd /; pwd; echo /h*p /s",
                "sh: cd: /nowhere: no such file or directory\n/\n/h*p /s\n= 0",
            ),
        ],
    )
}
