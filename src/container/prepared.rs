//! What is worked out on the host before anything is made.
//!
//! A wrong flag must cost nothing: no directory, no group, no process. So everything that can be read, parsed or looked
//! up is done here, while the container is only a description: whether its limits can be kept (chapter 5), who is
//! who in its user namespace (chapter 4), and its capabilities, its filter, its limits and its devices (chapter 6).
//!
//! It is also the last moment at which it can be done. Init has no right to read the host's files, and later none to
//! allocate much: it only takes the steps.

use super::filter::Filtering;
use super::{Container, Groups, Network, Security, Shared};
use anyhow::{Result, anyhow, ensure};
use coracle_ground::{sys, trace};
use coracle_privileges::{
    Access, Capability, CapabilitySet, Device, DeviceRequest, DeviceRule, Limit, Privileges, Seccomp,
    SecurityOptions, Sysctl, filter_for, impossible, parse_oom_score_adj, rules_for, wanted,
};
use coracle_users::{Maps, maps_for_caller};
use nix::unistd::geteuid;

/// All that the two sides of [`run`](super::run) need besides the container's description.
pub(crate) struct Prepared {
    /// Where its control group goes.
    pub(super) groups: Groups,
    /// Who is who in its user namespace; `None` for root, whose containers have none.
    pub(super) maps: Option<Maps>,
    /// What its program may do, but for the filter.
    pub(super) privileges: Privileges,
    /// Which system calls it may make.
    pub(super) filtering: Filtering,
    /// Limits of each of its processes.
    pub(super) limits: Vec<Limit>,
    /// Devices besides the usual ones.
    pub(super) devices: Vec<Device>,
    /// Which devices may be opened; `None` when nothing is to be kept from it, or nobody can.
    pub(super) rules: Option<Vec<DeviceRule>>,
    /// The kernel's settings in its namespaces.
    pub(super) sysctls: Vec<Sysctl>,
    /// Whom the kernel kills first when memory ends.
    pub(super) oom_score_adj: Option<i32>,
}

impl Prepared {
    /// Reads the flags, looks at this machine, and says what cannot be had, in one sentence.
    pub(crate) fn for_container(container: &mut Container) -> Result<Prepared> {
        trace::step(6, "What the container may do, worked out before anything is made");
        ensure!(
            !geteuid().is_root() || may_administer()?,
            "this root has no CAP_SYS_ADMIN, and without it nobody makes a container (likely: we are in a container \
             ourselves; start it with --privileged)"
        );
        let groups = Groups::for_container(container)?;
        let maps = if geteuid().is_root() { None } else { Some(maps_for_caller()?) };
        if let Some(maps) = &maps {
            container.user =
                maps.admit(container.user.clone()).map_err(|error| anyhow!("{}", error.doing))?;
        }
        let security = &container.security;
        let limits = security.ulimits.iter().map(|word| Limit::parse(word)).collect::<Result<Vec<_>, _>>()?;
        if let Some(refused) = impossible(&limits)? {
            return Err(refused.into());
        }
        let own_network = container.network != Network::Host;
        let own_ipc = !container.shared.contains(&Shared::Ipc);
        let sysctl = |word: &String| Sysctl::parse(word, own_network, own_ipc);
        let devices = devices(security)?;
        let (privileges, filtering) = privileges(security)?;
        Ok(Prepared {
            groups,
            maps,
            privileges,
            filtering,
            limits,
            rules: (!security.privileged && sys::is_root_of_the_machine()).then(|| rules_for(&devices)),
            devices,
            sysctls: security.sysctls.iter().map(sysctl).collect::<Result<_, _>>()?,
            oom_score_adj: security.oom_score_adj.as_deref().map(parse_oom_score_adj).transpose()?,
        })
    }
}

/// Namespaces and mounts need CAP_SYS_ADMIN. Where there is a new user namespace, init has it in there.
fn may_administer() -> Result<bool> {
    Ok(CapabilitySet(sys::capabilities()?.effective).has(Capability::parse("SYS_ADMIN")?))
}

/// Capabilities, no_new_privs, and which filter.
fn privileges(security: &Security) -> Result<(Privileges, Filtering)> {
    let available = CapabilitySet::available()?;
    let capabilities = wanted(&security.cap_add, &security.cap_drop, security.privileged, available)?;
    let options = SecurityOptions::parse(&security.security_opt)?;
    let default = if security.privileged { Seccomp::Unconfined } else { Seccomp::Default };
    let seccomp = options.seccomp.unwrap_or(default);
    let filtering = match seccomp {
        Seccomp::Default => Filtering::Default(capabilities),
        _ => match seccomp.profile()? {
            Some(profile) => Filtering::Given(filter_for(&profile, capabilities)?),
            None => Filtering::Nothing,
        },
    };
    let no_new_privileges = options.no_new_privileges;
    Ok((Privileges { capabilities, no_new_privileges, filter: None }, filtering))
}

/// The devices that were asked for. With `--privileged` all of the host's.
fn devices(security: &Security) -> Result<Vec<Device>> {
    let mut devices = Vec::new();
    for word in &security.devices {
        devices.extend(DeviceRequest::parse(word)?.find()?);
    }
    if security.privileged {
        let all = DeviceRequest { host: "/dev".into(), inside: "/dev".into(), access: Access::ALL };
        devices.extend(all.find()?);
    }
    Ok(devices)
}
