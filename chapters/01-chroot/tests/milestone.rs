//! What the runtime of chapter 1 can do, seen from inside the new root. Each test runs `ch01` in a throwaway world,
//! where `rootfs` is a tiny root filesystem and everything beside it belongs to the host.

mod beside;

use beside::{goes_on_with_a_zero, other_path, program_with_loader, script, statuses, stopped_before, told};
use coracle_testkit::{Outcome, World, check, milestone};

milestone! { bin: "ch01", tests: {
    "1.1" => working_directory_is_the_new_root,
    "1.1" => nothing_runs_when_there_is_no_new_root,
    "1.2" => first_executable_file_of_the_new_root_is_found,
    "1.3" => arguments_arrive_as_they_are,
    "1.3" => environment_of_the_host_stays_outside,
    "1.3" => open_directory_of_the_host_stays_outside,
    "1.3" => missing_interpreter_is_named,
    "1.4" => status_says_how_the_program_ended,
    "1.4" => not_found_and_not_executable_are_two_things,
}}

fn working_directory_is_the_new_root() -> Outcome {
    for root in ["rootfs", "$PWD/rootfs"] {
        let out = script(&format!(
            "echo 'a file of the host' >secret
             exec \"$CH01\" {root} /bin/sh -c 'ls -di . /; cat secret 2>/dev/null; echo end'"
        ))?;
        if !matches!(out.code, Some(0 | 125)) {
            stopped_before(&out, "1.2 or 1.3")?;
        }
        check(out.code == Some(0))
            .observed(format!("`ch01 {root} /bin/sh -c …` {}", told(&out)))
            .means("the new root could not be entered by that path")
            .misconception(
                "a path is looked up by the root and the working directory of that moment: before chroot() the new \
                 root has its host path, after it its path is `/`",
            )?;
        check(!out.stdout.contains("a file of the host"))
            .observed(format!("inside, `cat secret` printed the file beside `{root}`: {:?}", out.stdout))
            .means(
                "the process still stands in a directory of the host, and from there `..` leads everywhere",
            )
            .misconception(
                "chroot() changes what `/` means, not where the process stands: chdir(\"/\") must follow",
            )?;
        let inode = |name: &str| {
            let lines = out.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            lines.filter(|words| words.get(1) == Some(&name)).find_map(|words| words[0].parse::<u64>().ok())
        };
        if inode(".").is_none() {
            stopped_before(&out, "1.3")?;
        }
        check(inode(".") == inode("/"))
            .observed(format!("inside `{root}`, `ls -di . /` printed {:?}", out.stdout))
            .means("the working directory is not the new root")
            .misconception("after chroot() the process must move into the new root, with chdir(\"/\")")?;
    }
    Ok(())
}

fn nothing_runs_when_there_is_no_new_root() -> Outcome {
    let out = script(
        "\"$CH01\" missing /bin/echo ran || echo \"status $?\" >&2; echo >file; exec \"$CH01\" file /bin/echo ran",
    )?;
    check(!out.stdout.contains("ran"))
        .observed(format!(
            "`ch01 missing /bin/echo ran` and `ch01 file /bin/echo ran` printed {:?}",
            out.stdout
        ))
        .means("chroot() failed, and the program ran all the same: as root, on the host")
        .misconception(
            "a failed chroot() changes nothing and stops nobody; its error must end the start, with `?`",
        )?;
    check(out.code == Some(125) && out.stderr.contains("status 125"))
        .observed(format!("with a root that is missing, and with one that is a file, ch01 {}", told(&out)))
        .means("125 says that the runtime failed, and not the program; another status accuses the program")
        .misconception("an error of chroot() is the runtime's own: return it, and main() gives it the 125")
}

fn first_executable_file_of_the_new_root_is_found() -> Outcome {
    let out = script(
        "program() { printf '#!/bin/sh\\necho %s\\n' \"$2\" >\"$1\"; chmod +x \"$1\"; }
         mkdir -p rootfs/opt/host rootfs/usr/local/bin rootfs/usr/local/sbin/hello
         program rootfs/usr/local/sbin/plain plain
         program rootfs/opt/host/stray 'the wrong one'
         echo 'a note, not a program' >rootfs/usr/local/bin/hello
         program rootfs/bin/hello 'the right one'
         program rootfs/usr/local/bin/twice first; program rootfs/bin/twice second
         echo 'not the last try' >rootfs/usr/local/sbin/notes; echo 'not the first' >rootfs/bin/letters
         ln -s . rootfs/rootfs # one relative path for both, from the new root and from beside it
         program rootfs/bin/here here
         PATH=/opt/host
         run() { if \"$CH01\" rootfs \"$@\"; then :; else echo \"status $?\"; fi; }
         run rootfs/bin/here; run plain; run stray; run hello; run notes; run letters; run twice; run ''",
    )?;
    let [path, plain, stray, hello, notes, letters, twice, empty] =
        out.stdout.lines().collect::<Vec<_>>()[..]
    else {
        return stopped_before(&out, "1.1 or 1.3");
    };
    if path == "status 1" {
        stopped_before(&out, "1.3")?;
    }
    let own = |line: &&str| line.starts_with("ch01: ");
    let said = |name| out.stderr.lines().filter(own).find(|line| line.contains(name)).unwrap_or_default();
    check(path == "here")
        .observed(format!("`ch01 rootfs rootfs/bin/here` printed {path:?}; it said {:?}", said("here")))
        .means("`rootfs/bin/here` is a path from the working directory, and was looked up in the search path")
        .misconception("a name with a slash anywhere in it is a path; it need not begin with one")?;
    check(stray.starts_with("status"))
        .observed(format!("with PATH=/opt/host on the host, `ch01 rootfs stray` ran /opt/host/stray: {stray:?}"))
        .means("the host's PATH decided which of the new root's programs ran")
        .misconception("the host's PATH (std::env) says nothing about the new root; `search_path` is the one that counts")?;
    check(plain == "plain")
        .observed(format!(
            "/usr/local/sbin/plain is a program; `ch01 rootfs plain` printed {plain:?}; it said {:?}",
            said("plain")
        ))
        .means("a program in the first directory of the search path was not found by its name")
        .misconception(
            "what is tried is a directory of the path, a slash and the name: `Path::join` puts the slash between",
        )?;
    check(hello == "the right one")
        .observed(format!(
            "along the search path there are, in this order, a directory `hello`, a text file `hello`, a program \
             `hello`; `ch01 rootfs hello` printed {hello:?}; it said {:?}",
            said("hello")
        ))
        .means("the search ended before it came to the program")
        .misconception("that a name is there does not make it a program: skip what cannot be executed, and go on")?;
    check(!twice.starts_with("status"))
        .observed(format!("`twice` is in /usr/local/bin and in /bin; `ch01 rootfs twice` printed {twice:?}"))
        .means("the search ended before it came to the program")
        .misconception("a directory without the program is no error: go on with the next one")?;
    check(twice == "first")
        .observed(format!(
            "`twice` is in two directories of the search path; the one that ran printed {twice:?}"
        ))
        .means("another program runs than the one that the order of the search path asks for")
        .misconception("the search ends at the first match; that is what lets /usr/local go before /usr")?;
    check(empty.starts_with("status") && out.stderr.lines().last().is_some_and(|line| line.contains("ENOENT")))
        .observed(format!("`ch01 rootfs ''` printed {empty:?}; it said {:?}", out.stderr.lines().last()))
        .means("an empty name names no program, and the error must be ENOENT")
        .misconception(
            "a directory of the search path with nothing behind it is the directory itself: ask for an empty name first",
        )?;
    for (name, seen, place) in [("notes", notes, "first"), ("letters", letters, "last")] {
        check(seen.starts_with("status") && said(name).contains("EACCES"))
            .observed(format!(
                "the only `{name}` is in the {place} directory of the search path, and cannot be executed; it said {:?}",
                said(name)
            ))
            .means("the error says that there is no such file, but there is one")
            .misconception(
                "a search that met EACCES and found nothing better ends with EACCES, and not with ENOENT: \
                 no other try, before or after it, changes that",
            )?;
    }
    Ok(())
}

fn arguments_arrive_as_they_are() -> Outcome {
    let out = script(
        "\"$CH01\" rootfs /bin/sh -c 'printf \"[%s]\" \"$@\"' zero one 'two  words' '$PATH' '' '*'
         echo; exec \"$CH01\" rootfs sh -c 'echo \"$0\"'",
    )?;
    if out.code == Some(125) {
        stopped_before(&out, "1.1")?;
    }
    let (arguments, name) = out.stdout.split_once('\n').unwrap_or((&out.stdout, ""));
    check(arguments == "[one][two  words][$PATH][][*]")
        .observed(format!(
            "a program started with the arguments `one`, `two  words`, `$PATH`, an empty one and `*` {}",
            told(&out)
        ))
        .means("the list of arguments that arrived is not the list that was given, or its output was closed")
        .misconception(
            "execve() takes a list, with the program's own name (argv[0]) as its first word; no shell takes part \
             that would split, join or expand anything",
        )?;
    if out.stderr.contains("sh`") {
        stopped_before(&out, "1.2")?;
    }
    check(name.trim_end() == "sh")
        .observed(format!("started as `sh`, the program found {:?} as argv[0]", name.trim_end()))
        .means("the program goes by another name than the one that was typed")
        .misconception("the path to execute and argv[0] are two arguments of execve(); busybox decides by argv[0] what it is")
}

fn environment_of_the_host_stays_outside() -> Outcome {
    let out = World::new().env("PASSWORD_OF_THE_HOST", "secret").run([BIN, "rootfs", "/bin/env"])?;
    if out.code == Some(125) {
        stopped_before(&out, "1.1")?;
    }
    let foreign: Vec<&str> = out.stdout.lines().filter(|line| !line.starts_with("PATH=")).collect();
    check(foreign.is_empty())
        .observed(format!("inside, `env` printed {foreign:?}"))
        .means("variables of the host, with whatever secrets they hold, are readable in the container")
        .misconception("the environment is no property of the machine: execve() hands over a list, and that list is all there is")?;
    check(out.stdout.trim_end() == "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .observed(format!("inside, `env` {}", told(&out)))
        .means("the program did not get the environment that was given to exec_program, or its output was closed")
        .misconception("execve() adds nothing by itself: a variable that is not in the list `env` does not exist, not even PATH")
}

fn open_directory_of_the_host_stays_outside() -> Outcome {
    let out = script(
        "exec 3<. 7<.
         exec \"$CH01\" rootfs /bin/sh -c '
             for fd in 3 4 5 6 7 8 9; do if (eval \": <&$fd\") 2>/dev/null; then echo \"open $fd\"; fi; done
             echo end; echo heard >&2'",
    )?;
    if out.code == Some(125) {
        stopped_before(&out, "1.1")?;
    }
    let open: Vec<&str> = out.stdout.lines().filter_map(|line| line.strip_prefix("open ")).collect();
    check(open.is_empty())
        .observed(format!("descriptors 3 and 7 were directories of the host; inside, these were still open: {}", open.join(", ")))
        .means("fchdir() to such a descriptor, and the process stands outside of its root")
        .misconception("chroot() closes nothing, and neither does execve(): only descriptors marked close-on-exec go, and all from 3 on must be")?;
    check(out.stdout == "end\n" && out.stderr.contains("heard"))
        .observed(format!("a program that prints `end`, and says `heard` on standard error, {}", told(&out)))
        .means("the program has lost its standard input, output or error")
        .misconception(
            "descriptors 0, 1 and 2 are the program's own connection to the world; the first to close is 3",
        )
}

fn missing_interpreter_is_named() -> Outcome {
    let foreign = "/lib/loader-of-another-system.so.1";
    let cases: [(&str, Vec<u8>, &[&str]); 3] = [
        (
            "a script that begins with `#! /opt/none/lua -x`",
            b"#! /opt/none/lua -x\n".to_vec(),
            &["/opt/none/lua"],
        ),
        (
            "a script with the line ends of Windows",
            b"#!/bin/sh\r\nexit 0\r\n".to_vec(),
            &["/bin/sh\r", "/bin/sh\\r"],
        ),
        ("a program for another system's loader", program_with_loader(foreign), &[foreign]),
    ];
    for (what, file, names) in cases {
        let world = World::new().env("CH01", BIN).stdin(file);
        let out =
            world.script("cat >rootfs/bin/app; chmod +x rootfs/bin/app; exec \"$CH01\" rootfs /bin/app")?;
        if out.code == Some(125) {
            stopped_before(&out, "1.1")?;
        }
        let said = &out.stderr;
        let seen = format!("/bin/app is {what}; `ch01 rootfs /bin/app` {}", told(&out));
        check(!names.iter().any(|name| goes_on_with_a_zero(said, name)))
            .observed(&seen)
            .means(format!("the path that it named ends with a zero byte; the file's name is {:?}", names[0]))
            .misconception(
                "the length in the header counts the zero byte at the path's end, which is no part of the path",
            )?;
        check(names.iter().any(|name| said.contains(name)) && !said.contains(" -x"))
            .observed(&seen)
            .means(match other_path(said) {
                Some(path) => format!("you named {path:?}; the file says {:?}", names[0]),
                None => format!(
                    "/bin/app is there; what the kernel did not find is {:?}, and the message does not say so",
                    names[0]
                ),
            })
            .misconception(
                "ENOENT from execve() is not always about the program: the kernel looks for its interpreter too, the \
                 first word after `#!` (up to a space or the line's end; a \\r belongs to it) or the loader in PT_INTERP",
            )?;
        check(said.contains("ENOENT"))
            .observed(seen)
            .means("a file was missing, and the error does not say so")
            .misconception("ENOENT stays ENOENT, whichever file was missing; only the text says more")?;
    }
    let out = script("echo '#!/bin/sh' >rootfs/bin/app; exec \"$CH01\" rootfs /bin/app")?;
    check(out.stderr.contains("EACCES"))
        .observed(format!("/bin/app is a script without the permission x; `ch01 rootfs /bin/app` {}", told(&out)))
        .means("no file is missing, /bin/app may not be executed, and the message sends people elsewhere")
        .misconception(
            "the interpreter explains ENOENT and no other errno: every other one is the kernel's answer, as it is",
        )
}

fn status_says_how_the_program_ended() -> Outcome {
    let own = [0, 7, 200, 255];
    let seen = statuses("", own.map(|n| format!("/bin/sh -c 'exit {n}'")).each_ref().map(String::as_str))?;
    for (expected, (status, said)) in own.into_iter().zip(seen) {
        check(status == expected)
            .observed(format!("`ch01 rootfs /bin/sh -c 'exit {expected}'` ended with {status}; it said {said:?}"))
            .means("whoever looks at the status, a script or a restart policy, sees another end than there was")
            .misconception("a program's own status is one byte and passes through unchanged: not shifted, not cut, not made 1")?;
    }
    let signals = [("TERM", 15), ("KILL", 9)];
    let seen = statuses("", ["/bin/sh -c 'kill -TERM $$'", "/bin/sh -c 'kill -KILL $$'"])?;
    for ((name, number), (status, said)) in signals.into_iter().zip(seen) {
        check(status == 128 + number)
            .observed(format!("`ch01 rootfs /bin/sh -c 'kill -{name} $$'` ended with {status}; it said {said:?}"))
            .means(format!("that signal {number} ended the program cannot be told from this status"))
            .misconception("a killed program has no status of its own; by the shell's custom it is 128 and the signal's number")?;
    }
    Ok(())
}

fn not_found_and_not_executable_are_two_things() -> Outcome {
    let setup = "echo 'echo no first line' >rootfs/bin/text; chmod +x rootfs/bin/text";
    let cases = [
        ("nosuch", 127, "no directory of the search path has that name"),
        ("/bin/nosuch", 127, "there is no such file"),
        ("/etc/passwd", 126, "the file is there, but not executable"),
        ("/bin", 126, "it is there, but it is a directory"),
        ("/bin/text", 126, "the file is executable, but neither a program nor a script with `#!`"),
    ];
    let seen = statuses(setup, cases.map(|(command, ..)| command))?;
    for ((command, expected, why), (status, said)) in cases.into_iter().zip(seen) {
        check(status == expected)
            .observed(format!("`ch01 rootfs {command}` ended with {status}: {why}; it said {said:?}"))
            .means(format!("{status} sends people to look for the wrong mistake; {expected} is right here"))
            .misconception("127 means: no such file. 126 means: there is one, and it cannot be executed")?;
    }
    Ok(())
}
