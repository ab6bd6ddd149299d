//! Where the engine keeps images and containers. The engine decides; this repeats its rule, because the workbook uses no crate of the workspace.

use std::{
    env,
    path::{Path, PathBuf},
};

/// `CORACLE_ROOT`, else `/var/lib/coracle` for root, else `coracle` in the XDG data directory.
pub(crate) fn path(root: bool) -> PathBuf {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    choose(variable("CORACLE_ROOT"), root, variable("XDG_DATA_HOME"), variable("HOME"))
}

/// The rule itself. The XDG specification tells programs to ignore a relative `XDG_DATA_HOME`.
fn choose(
    coracle_root: Option<PathBuf>,
    root: bool,
    data_home: Option<PathBuf>,
    home: Option<PathBuf>,
) -> PathBuf {
    if let Some(path) = coracle_root {
        return path;
    }
    if root {
        return "/var/lib/coracle".into();
    }
    let data_home = data_home.filter(|path| path.is_absolute());
    let data_home = data_home.unwrap_or_else(|| home.unwrap_or_else(|| "/".into()).join(".local/share"));
    data_home.join("coracle")
}

/// The nearest directory upward that exists: where the data root would be made.
pub(crate) fn nearest_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_order() {
        let path = |text: &str| Some(PathBuf::from(text));
        let cases = [
            (path("/elsewhere"), true, path("/x"), path("/home/a"), "/elsewhere"),
            (None, true, path("/x"), path("/root"), "/var/lib/coracle"),
            (None, false, path("/x"), path("/home/a"), "/x/coracle"),
            (None, false, path("relative"), path("/home/a"), "/home/a/.local/share/coracle"),
            (None, false, None, path("/home/a"), "/home/a/.local/share/coracle"),
        ];
        for (coracle_root, root, data_home, home, expected) in cases {
            assert_eq!(choose(coracle_root, root, data_home, home), Path::new(expected));
        }
    }
}
