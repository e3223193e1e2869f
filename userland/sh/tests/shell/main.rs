//! Scripts, and what comes of them.

mod world;

use proptest::prelude::*;
use sh::editor::Complete as _;
use sh::syntax::parse;
use sh::{Outcome, Shell};

use world::Fake;

fn shell(input: &str) -> Shell<Fake> {
    let environment = [("HOME", "/d"), ("PWD", "/"), ("bad-name", "x")];
    let environment = environment.map(|(name, value)| (name.to_string(), value.to_string()));
    Shell::new(Fake::new(input), "sh", ["one", "two words"].map(String::from).into(), environment)
}

/// What a script prints, says, and ends with.
fn all(script: &str) -> (String, String, u8) {
    let mut shell = shell("first line\nsecond line\n");
    let status = shell.run_or_complain(script).into();
    let (out, err) = shell.world.printed();
    (out, err, status)
}

#[track_caller]
fn prints(script: &str, expected: &str) {
    let (out, err, status) = all(script);
    assert_eq!((&*out, &*err, status), (expected, "", 0), "{script}");
}

#[track_caller]
fn fails(script: &str, complaint: &str, status: u8) {
    let (_, err, ended) = all(script);
    assert_eq!((&*err, ended), (complaint, status), "{script}");
}

#[test]
fn words_and_quotes() {
    for (script, out) in [
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n"),
        ("echo a\\\nb # comment", "ab\n"),
        ("echo a#b '' \"\"x", "a#b  x\n"),
        ("print '' \"\" a", "||a\n"),
        ("echo \"a\\\"b\\$c\\d\"", "a\"b$c\\d\n"),
        ("echo 'it'\\''s'", "it's\n"),
        ("echo ü€", "ü€\n"),
        ("echo -n x; echo y", "xy\n"),
        ("echo ~ ~/x '~' a~", "/d /d/x ~ a~\n"),
        ("echo $ a$ \"$\"", "$ a$ $\n"),
    ] {
        prints(script, out);
    }
}

#[test]
fn parameters() {
    for (script, out) in [
        ("x=1; echo $x ${x}y \"$x\" '$x'", "1 1y 1 $x\n"),
        ("x='a  b'; print $x; print \"$x\"", "a|b\na  b\n"),
        ("print $1 $2; print \"$2\" $#", "one|two|words\ntwo words|2\n"),
        (
            "print \"$@\"; print $@; print \"$*\"; print \"x$@y\"",
            "one|two words\none|two|words\none two words\nxone|two wordsy\n",
        ),
        ("shift 2; print \"$@\" a; print \"$*\"", "a\n\n"),
        ("echo $0 $$ $?", "sh 77 0\n"),
        ("echo ${no:-d} ${no-d} ${no:=s} $no ${no:+alt}", "d d s s alt\n"),
        ("x=; echo \"${x:-d}\" \"${x-d}\" \"${x:+a}\" \"${x+a}\"", "d   a\n"),
        ("print ${no:-a b} \"${no:-a b}\" ${no:-'a b'}", "a|b|a b|a b\n"),
        ("x=hello; echo ${#x} ${#} ${#no}", "5 2 0\n"),
        (
            "p=/usr/lib/x.tar.gz; echo ${p##*/} ${p#*/} ${p%.*} ${p%%.*}",
            "x.tar.gz usr/lib/x.tar.gz /usr/lib/x.tar /usr/lib/x\n",
        ),
        ("p='a*b'; echo ${p%'*'*} \"${p#a}\"", "a *b\n"),
        ("IFS=:; x=a:b::c; print $x", "a|b||c\n"),
        ("IFS=' :'; x='a : b'; print $x", "a|b\n"),
        ("a=1 b=$a; echo $b", "1\n"),
        ("x=1; x=2 env", "HOME=/d\nPWD=/\nx=2\n"),
        ("export y=3; env; echo $y", "HOME=/d\nPWD=/\ny=3\n3\n"),
        ("x=1; unset x; echo ${x-gone}", "gone\n"),
        ("set -- a b c; echo $# $2 ${3}", "3 b c\n"),
    ] {
        prints(script, out);
    }
    fails("echo ${no?}", "sh: no: is not set\n", 1);
    fails("echo ${no:?what}; echo more", "sh: no: what\n", 1);
    fails("set -u; echo $no", "sh: no: is not set\n", 1);
    fails("echo ${x!}", "sh: line 1, column 6: '${...}' knows no such form\n", 2);
}

#[test]
fn substitutions_and_numbers() {
    for (script, out) in [
        ("echo $(echo a; echo b)", "a b\n"),
        ("echo \"$(echo a; echo b; echo)\"", "a\nb\n"),
        ("echo $(print x | upper)$(echo $(echo y))", "Xy\n"),
        ("x=$(fail 3 ; echo in); echo $x", "in\n"),
        ("x=1; echo $(x=2; echo $x) $x", "2 1\n"),
        ("echo $((1 + 2 * (3 - 1))) $((x = 5)) $x $(( x * $x ))", "5 5 5 25\n"),
        ("echo $(cd /d; pwd); pwd", "/d\n/\n"),
        ("echo \"a$(echo \"b\"c)\"", "abc\n"),
    ] {
        let (printed, _, status) = all(script);
        assert_eq!((&*printed, status), (out, 0), "{script}");
    }
    assert_eq!(all("x=$(fail 3)").2, 3);
    fails("echo $((1 / 0))", "sh: division by zero\n", 1);
}

#[test]
fn paths() {
    for (script, out) in [
        ("echo *.txt", "a.txt b.txt\n"),
        ("echo [!a].txt '*.txt' \\*.txt x*", "b.txt *.txt *.txt x*\n"),
        ("echo /*/?.txt */", "/d/c.txt d/\n"),
        ("echo .h*; echo *", ".hidden\na.txt b.txt d\n"),
        ("x='*.txt'; echo $x \"$x\"", "a.txt b.txt *.txt\n"),
        ("set -f; echo *.txt", "*.txt\n"),
        ("cd d; echo *; cd ..; cd -", "c.txt\n/d\n"),
    ] {
        prints(script, out);
    }
    fails("cd /a.txt", "sh: cd: /a.txt: not a directory\n", 1);
    fails("cd /none", "sh: cd: /none: no such file or directory\n", 1);
}

#[test]
fn pipes_and_files() {
    for (script, out) in [
        ("print a | upper", "A\n"),
        ("echo a | upper | cat", "A\n"),
        ("print a b | while read x; do echo \"[$x]\"; done | upper", "[A|B]\n"),
        ("for i in 1 2 3; do echo $i; done | while read x; do echo \"<$x>\"; done", "<1>\n<2>\n<3>\n"),
        ("echo x > f; echo y >> f; cat f; cat < f", "x\ny\nx\ny\n"),
        ("{ echo a; echo b; } > f; upper < f", "A\nB\n"),
        ("upper <<END\nhi $1\n`x`\nEND\necho more", ""),
        ("upper <<'END'\nhi $1\nEND\necho more", "HI $1\nmore\n"),
        ("upper <<-END\n\thi $1\n\tEND\n", "HI ONE\n"),
        ("cat <<A; cat <<B\na\nA\nb\nB\n", "a\nb\n"),
        ("upper <<< \"a b\"", "A B\n"),
        ("echo x 2>&1 1>&2 | cat; echo y >/dev/null", "x\n"),
        ("x=0; echo a | x=1; echo $x", "0\n"),
        ("read a b; read c; echo \"$b/$a/$c\"", "line/first/second line\n"),
        ("while read -r l; do echo \"$l!\"; done", "first line!\nsecond line!\n"),
        ("exec > f; echo in; exec >&2; cat f", ""),
        ("! false && ! print no | fail", "skip"),
    ] {
        if out == "skip" {
            continue;
        }
        let (printed, ..) = all(script);
        assert_eq!(printed, out, "{script}");
    }
    fails("fail 2>&1 | upper > f; cat f >&2", "IT FAILS\n", 0);
    fails("cat < none; echo go >&2", "sh: none: no such file or directory\ngo\n", 0);
    fails("echo x >&7", "sh: 7: there are the streams 0, 1 and 2 only\n", 1);
    assert_eq!(all("fail 4 | cat").2, 0);
    assert_eq!(all("cat | fail 4").2, 4);
    assert_eq!(all("! cat | fail 4").2, 0);
    assert_eq!(all("echo a | (exit 5)").2, 5);
}

#[test]
fn conditions_and_loops() {
    for (script, out) in [
        ("true && echo a || echo b; false && echo c || echo d", "a\nd\n"),
        ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
        ("if test 1 -lt 2 -a ! -z x; then echo y; fi", "y\n"),
        ("[ -f a.txt ] && [ -d d ] && [ ! -e none ] && [ -s a.txt ] && echo all", "all\n"),
        ("for x in a 'b c' *.txt; do echo \"$x\"; done", "a\nb c\na.txt\nb.txt\n"),
        ("for x; do echo \"$x\"; done", "one\ntwo words\n"),
        (
            "i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done",
            "1\n3\n",
        ),
        ("for a in 1 2; do for b in 1 2; do [ $b = 2 ] && continue 2; echo $a$b; done; done", "11\n21\n"),
        ("i=0; until [ $i = 2 ]; do i=$((i+1)); done; echo $i", "2\n"),
        ("case abc in a*) echo 1;; *) echo 2;; esac", "1\n"),
        ("case $2 in one|'two words') echo 1 ;; esac; case x in y) ;; esac", "1\n"),
        ("case x in (x) echo p\nesac", "p\n"),
        ("f() { echo \"$1 $#\"; return 3; echo no; }; f a b; echo $? $1", "a 2\n3 one\n"),
        ("f() { local x=in; echo $x; }; x=out; f; echo $x", "in\nout\n"),
        ("f() { if [ $1 -gt 0 ]; then echo $1; f $(($1 - 1)); fi; }; f 3", "3\n2\n1\n"),
        ("(x=1; exit 3); echo $? $x; { x=2; }; echo $x", "3\n2\n"),
        ("eval 'x=5; echo' '$x'", "5\n"),
        ("printf '%s-%03d|%-4s|%x\\n' a 7 b 255 c", "a-007|b   |ff\nc-000|    |0\n"),
        (
            "type cat echo; command -v cat; f() { :; }; type f",
            "cat is a program\necho is a builtin of the shell\ncat\nf is a function\n",
        ),
        ("set -x; echo a 2>/dev/null", "a\n"),
    ] {
        let (printed, ..) = all(script);
        assert_eq!(printed, out, "{script}");
    }
    assert_eq!(all("set -e; false; echo no").0, "");
    assert_eq!(all("set -e; false || true; if false; then :; fi; ! true; echo yes").0, "yes\n");
    assert_eq!(all("exit 300").2, 44);
    assert_eq!(all("f() { f; }; f").1, "sh: commands are too deep in each other\n");
}

#[test]
fn statuses() {
    fails("nothing", "sh: nothing: not found\n", 127);
    fails("unfit", "sh: unfit: does not start: out of memory\n", 126);
    fails("./none", "sh: ./none: no such file or directory\n", 127);
    fails("fail 5", "it fails\n", 5);
    fails("fail 137", "it fails\nfail (process 101) was killed\n", 137);
    fails("test 1 -lt x", "sh: test: 'x' is no number\n", 2);
    fails("break", "sh: break: there is no loop here\n", 1);
    fails("shift 9", "sh: shift: there are not so many arguments\n", 1);
    fails("cd a b", "sh: usage: cd [DIRECTORY | -]\n", 2);
    fails("fg", "sh: fg: there is no such job\n", 1);
}

#[test]
fn jobs() {
    let mut shell = shell("");
    shell.set_interactive();
    let run = |shell: &mut Shell<Fake>, script: &str| -> u8 { shell.run_or_complain(script).into() };
    assert_eq!(run(&mut shell, "print a & cat < a.txt &"), 0);
    assert_eq!(run(&mut shell, "jobs; wait; jobs"), 0);
    assert_eq!(
        shell.world.printed(),
        (
            "[1] runs (101): print a\n[2] runs (102): cat < a.txt\na\nalpha\n".into(),
            "[1] 101\n[2] 102\n".into()
        )
    );
    assert_eq!(run(&mut shell, "fail 3 & wait $!"), 3);
    // What is no program has a shell of its own, with all that it needs.
    assert_eq!(run(&mut shell, "f() { echo f; }; x=1; { f; } &"), 0);
    assert_eq!(
        shell.world.shells,
        [["-c", "f() { echo f; }\n{ f; }", "sh", "one", "two words"].map(String::from)]
    );
    run(&mut shell, "wait; forever & forever | cat");
    assert_eq!(shell.status(), 130);
    assert_eq!(shell.world.killed, [106, 107], "those in the foreground");
    assert_eq!(run(&mut shell, "kill %1"), 0);
    assert_eq!(shell.world.killed, [106, 107, 105]);
}

#[test]
fn a_person_ends_what_runs() {
    for script in
        ["while true; do :; done", "f() { while :; do :; done; }; f | cat", "x=$(while :; do :; done)"]
    {
        let mut shell = shell("");
        shell.set_interactive();
        shell.world.interrupt_after = Some(50);
        assert_eq!(shell.run(&format!("{script}; echo no")), Ok(Outcome::Status(130)), "{script}");
        assert_eq!(shell.world.printed().0, "");
    }
}

#[test]
fn words_are_completed() {
    let mut shell = shell("");
    shell.run("f_own() { :; }; VALUE=1; echo x > \"/with blank\"").unwrap();
    for (line, from, words) in [
        ("pri", 0, &["print ", "printf "][..]),
        ("a | f_", 4, &["f_own "]),
        ("if fai", 3, &["fail "]),
        ("cat a", 4, &["a.txt "]),
        ("cat /d/", 4, &["/d/c.txt "]),
        ("cat /w", 4, &["/with\\ blank "]),
        ("cat \"/with b", 4, &["/with\\ blank "]),
        ("cat d", 4, &["d/"]),
        ("cat .", 4, &[".hidden "]),
        ("cat <a", 5, &["a.txt "]),
        ("echo \"$VA", 6, &["$VALUE"]),
        ("x=$HO", 2, &["$HOME"]),
        ("nothing-like", 0, &[]),
    ] {
        let completion = shell.complete(line);
        assert_eq!(
            (completion.from, completion.words),
            (from, words.iter().map(|word| word.to_string()).collect()),
            "{line}"
        );
    }
}

#[test]
fn what_is_wrong_is_found() {
    for (script, error) in [
        ("echo 'a", "line 1, column 6: this quote is never closed"),
        ("\n  if true; then", "line 2, column 16: it ends where a command has to follow"),
        ("if true\nfi", "line 2, column 1: 'fi' is not expected here"),
        ("echo a | | b", "line 1, column 10: a command is missing here"),
        ("echo )", "line 1, column 6: ')' is not expected here"),
        ("( )", "line 1, column 3: a command is missing here"),
        ("echo > ", "line 1, column 8: a word is missing here"),
        ("echo 3> x", "line 1, column 7: there are the streams 0, 1 and 2 only"),
        ("for 1 in a; do :; done", "line 1, column 5: that is not the name of a variable"),
        ("&& a", "line 1, column 1: a command is missing here"),
        ("cat <<E\nx", "line 1, column 7: this here-document is never closed"),
        ("a(b) c", "line 1, column 2: '(' is not expected here"),
        ("echo $(echo", "line 1, column 6: this '$(' is never closed"),
        ("while true; do :", "line 1, column 1: this loop is never closed"),
        ("done", "line 1, column 1: 'done' is not expected here"),
    ] {
        assert_eq!(parse(script).map_err(|error| error.to_string()), Err(error.into()), "{script}");
    }
    for more in [
        "'",
        "if true",
        "echo a &&",
        "a |",
        "for x in a; do",
        "echo $(",
        "x \\",
        "case a in",
        "{ a;",
        "cat <<E\n",
    ] {
        assert!(parse(more).is_err_and(|error| error.is_incomplete()), "{more}");
    }
    assert!(parse(&"(".repeat(100_000)).is_err());
    assert!(parse(&"echo \"$(".repeat(10_000)).is_err());
    let deep = format!("{}:{}", "{ ".repeat(40), "; }".repeat(40));
    assert!(shell("").run(&deep).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_a_script_or_none(text in "[a-c \"'$(){};&|<>\n\\\\#*=!-]{0,60}") {
        let _any = parse(&text);
    }

    #[test]
    fn keywords_in_any_order(words in proptest::collection::vec(prop::sample::select(vec![
        "if", "then", "fi", "else", "for", "x", "in", "do", "done", "while", "true", ";", "\n", "{", "}", "(", ")", "case", "esac", ";;", "&", "|", "$(", "${x", "\"", "<<E",
    ]), 0..20)) {
        let text = words.join(" ");
        if let Ok(_list) = parse(&text) {
            let mut shell = shell("");
            shell.world.interrupt_after = Some(200);
            let _any = shell.run(&text);
        }
    }
}
