//! `ch04 [--user USER[:GROUP]] [--group-add GROUP]… [--uidmap INSIDE:OUTSIDE:COUNT]… [--gidmap …]… ROOTFS COMMAND…`:
//! runs a command in a container of its own user namespace. `ch04 --who … ROOTFS` only says who the user would be.
//! Chapter 4's runtime.

use coracle_chroot::{DEFAULT_PATH, exec_program, exit_code, find_program};
use coracle_ground::{End, Errno, Error, InitEnd, Result, Start, sys};
use coracle_mounts::{
    MASKED, READ_ONLY, cgroup_hierarchies, make_dev, mount_cgroups, mount_sys, pivot_into, protect,
};
use coracle_namespaces::{Namespace, isolate_mounts, mount_proc, set_hostname, start_in};
use coracle_users::{
    IdRange, Identity, Maps, become_root, become_user, maps_for_caller, resolve_user, write_maps,
};
use std::convert::Infallible;
use std::path::Path;
use std::process::ExitCode;

/// What the command line asks for.
#[derive(Default)]
struct Plan {
    only_say_who: bool,
    user: String,
    group_add: Vec<String>,
    /// What `--uidmap` and `--gidmap` say; both empty: the caller's own.
    maps: Maps,
    root: String,
    argv: Vec<String>,
}

fn main() -> ExitCode {
    let Some(plan) = parse(std::env::args().skip(1)) else {
        eprintln!(
            "usage: ch04 [--user USER[:GROUP]] [--group-add GROUP]… [--uidmap INSIDE:OUTSIDE:COUNT]… \
             [--gidmap INSIDE:OUTSIDE:COUNT]… ROOTFS COMMAND…\n       ch04 --who [--user …] [--group-add …]… ROOTFS"
        );
        return ExitCode::from(125);
    };
    match run(&plan) {
        Ok(end) => ExitCode::from(exit_code(end)),
        Err(error) => {
            eprintln!("ch04: {error}");
            ExitCode::from(125)
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Option<Plan> {
    let mut plan = Plan::default();
    loop {
        match args.next()?.as_str() {
            "--who" => plan.only_say_who = true,
            "--user" => plan.user = args.next()?,
            "--group-add" => plan.group_add.push(args.next()?),
            "--uidmap" => plan.maps.uids.push(range(&args.next()?)?),
            "--gidmap" => plan.maps.gids.push(range(&args.next()?)?),
            unknown if unknown.starts_with('-') => return None,
            root => {
                plan.root = root.to_string();
                plan.argv = args.collect();
                let wanted = plan.only_say_who == plan.argv.is_empty();
                return (wanted && plan.maps.uids.is_empty() == plan.maps.gids.is_empty()).then_some(plan);
            }
        }
    }
}

/// `0:100000:65536`, in the order of a line of the map.
fn range(text: &str) -> Option<IdRange> {
    let numbers: Option<Vec<u32>> = text.split(':').map(|number| number.parse().ok()).collect();
    let [inside, outside, count] = numbers?[..] else { return None };
    Some(IdRange { inside, outside, count })
}

/// The host's side.
fn run(plan: &Plan) -> Result<End> {
    let root = Path::new(&plan.root);
    if !root.is_dir() {
        let doing = format!("use `{}` as the root: there is no such directory", plan.root);
        return Err(Error::new(doing, Errno::ENOENT));
    }
    let identity = who(plan, root)?;
    if plan.only_say_who {
        let Identity { uid, gid, groups, added, home } = identity;
        println!("uid={uid} gid={gid} groups={groups:?} added={added:?} home={home}");
        return Ok(End::Exited(0));
    }
    let maps = if plan.maps.uids.is_empty() { maps_for_caller()? } else { plan.maps.clone() };
    let identity = maps.admit(identity)?;

    let namespaces = [&[Namespace::User], &Namespace::ALL[..]].concat();
    let (init, host) = start_in(&namespaces, |link| be_container(plan, &identity, link))?;
    // Init waits for this: until it is done, init is nobody.
    write_maps(init.pid(), &maps)?;
    let (host, _) = host.go()?.prepared()?;
    match host.exec()? {
        Start::Running => init.wait(),
        Start::Failed(error) => {
            eprintln!("ch04: {error}");
            Ok(End::NotStarted(error.errno))
        }
    }
}

/// Who the program shall be: root, unless something else is asked for.
fn who(plan: &Plan, root: &Path) -> Result<Identity> {
    if plan.only_say_who || !plan.user.is_empty() || !plan.group_add.is_empty() {
        return resolve_user(root, &plan.user, &plan.group_add);
    }
    Ok(Identity { home: "/root".into(), ..Identity::default() })
}

/// Init's side. The command itself becomes PID 1.
fn be_container(plan: &Plan, identity: &Identity, link: InitEnd) -> Result<Infallible> {
    let root = Path::new(&plan.root);
    let link = link.wait_for_go()?;
    become_root()?;
    isolate_mounts()?;
    set_hostname("box")?;
    sys::loopback_up()?;
    make_dev(root)?;
    mount_proc(root)?;
    mount_sys(root)?;
    mount_cgroups(root, &cgroup_hierarchies()?)?;
    pivot_into(root)?;
    protect(&MASKED, &READ_ONLY)?;
    become_user(identity)?;
    link.prepared()?.wait_for_exec()?;
    let env = [format!("PATH={DEFAULT_PATH}"), format!("HOME={}", identity.home)];
    exec_program(&find_program(&plan.argv[0], DEFAULT_PATH)?, &plan.argv, &env)
}
