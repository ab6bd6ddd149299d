//! Too few privileges.

use crate::engine::long_world;
use crate::session::{is_as_pinned, told};
use coracle_testkit::Outcome;

pub(crate) fn a_user_without_user_namespaces() -> Outcome {
    // In a user namespace of its own, somebody with CAP_SYS_RESOURCE there sets its limit to none; then that is given up.
    let said = told(
        long_world(),
        r#"coracle images >/dev/null; find data | sort >before
        cat >limited <<'END'
echo 0 >/proc/sys/user/max_user_namespaces
exec setpriv --inh-caps=-all --ambient-caps=-all sh -c 'coracle run --rm tiny true; echo "[$?]"
    coracle run --name x1 tiny true; echo "[$?]"; coracle ps -aq'
END
        told 'unshare --user --map-user=1000 --map-group=1000 --keep-caps sh limited'
        find data | sort | cmp before -; told 'coracle run --rm tiny echo well'"#,
    )?;
    is_as_pinned("no_user_namespaces", &said)
}

pub(crate) fn root_without_capabilities() -> Outcome {
    // As in a container of Docker without --privileged.
    let said = told(
        long_world(),
        r#"coracle images >/dev/null; find data | sort >before
        none='setpriv --inh-caps=-all --bounding-set=-all'
        told '$none coracle run --rm tiny true'; told '$none coracle run --name x1 tiny true'
        told '$none coracle ps -aq'
        find data | sort | cmp before -; told 'coracle run --rm tiny echo well'"#,
    )?;
    is_as_pinned("no_capabilities", &said)
}

pub(crate) fn other_users_without_root() -> Outcome {
    let said = told(
        long_world().env("AS_USER", "unshare --user --map-user=1000 --map-group=1000"),
        r#"told '$AS_USER coracle run --rm --user 1000 tiny true'; told '$AS_USER coracle run --user 0:5 tiny true'
        mkdir root; told '$AS_USER coracle import -c "USER 33" root web'; told '$AS_USER coracle run web true'
        told '$AS_USER coracle import -c "USER www-data" root web'; told '$AS_USER coracle run web true'
        told '$AS_USER coracle run --rm --user 0:0 tiny echo well'; ls -A data/containers"#,
    )?;
    is_as_pinned("no_other_users", &said)
}

pub(crate) fn users_that_this_user_namespace_does_not_have() -> Outcome {
    // As for root in a container that another engine made for an ordinary user.
    let said = told(
        long_world().env("AS_ROOT", "unshare --user --map-root-user"),
        r#"told '$AS_ROOT coracle run --rm --user 1000 tiny true'; told '$AS_ROOT coracle run --user 0:5 tiny true'
        told '$AS_ROOT coracle run --rm -t --user 1000 tiny true'
        ls -A data/containers; told '$AS_ROOT coracle run --rm tiny echo well'"#,
    )?;
    is_as_pinned("unmapped_users", &said)
}

pub(crate) fn too_many_namespaces() -> Outcome {
    let said = told(
        long_world(),
        r#"coracle images >/dev/null
        cat >limited <<'END'
echo 0 >/proc/sys/user/max_pid_namespaces; coracle run --rm tiny true; echo "[$?]"
END
        told 'unshare --user --map-root-user sh limited'; ls -A data/containers; told 'coracle run --rm tiny echo well'"#,
    )?;
    is_as_pinned("too_many_namespaces", &said)
}
