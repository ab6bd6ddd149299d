//! What a container may do: the flags of chapter 6, and `--group-add` of chapter 4.
//!
//! The words are kept as they were written; what they mean, and whether it can be had, [`Prepared`](crate::container::Prepared)
//! finds out before anything is made.

use crate::container::Security;

/// Flags that open or close what a container may do
#[derive(clap::Args)]
pub(super) struct Privileges {
    /// Add Linux capabilities
    #[arg(long, value_name = "CAPABILITY", allow_hyphen_values = true)]
    cap_add: Vec<String>,
    /// Drop Linux capabilities
    #[arg(long, value_name = "CAPABILITY", allow_hyphen_values = true)]
    cap_drop: Vec<String>,
    /// Add a host device to the container
    #[arg(long, value_name = "HOST[:INSIDE[:rwm]]", allow_hyphen_values = true)]
    device: Vec<String>,
    /// Add additional groups to join
    #[arg(long, value_name = "GROUP", allow_hyphen_values = true)]
    pub(super) group_add: Vec<String>,
    /// Tune host's OOM preferences (-1000 to 1000)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    oom_score_adj: Option<String>,
    /// Give extended privileges to this container
    #[arg(long)]
    privileged: bool,
    /// Security options: `no-new-privileges`, `seccomp=unconfined`, `seccomp=FILE`
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    security_opt: Vec<String>,
    /// Sysctl options
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    sysctl: Vec<String>,
    /// Ulimit options
    #[arg(long, value_name = "NAME=SOFT[:HARD]", allow_hyphen_values = true)]
    ulimit: Vec<String>,
}

impl Privileges {
    /// The flags as the container keeps them.
    pub(super) fn security(self) -> Security {
        Security {
            privileged: self.privileged,
            cap_add: self.cap_add,
            cap_drop: self.cap_drop,
            security_opt: self.security_opt,
            ulimits: self.ulimit,
            devices: self.device,
            sysctls: self.sysctl,
            oom_score_adj: self.oom_score_adj,
        }
    }
}
