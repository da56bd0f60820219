use super::*;

fn file(name: &str, text: &str) -> ReadFile {
    ReadFile { path: PathBuf::from(name), license: LicenseFile::parse(Source::new(name, text.as_bytes())) }
}

fn planned(files: &[ReadFile]) -> (Result<Plan, PlanError>, Vec<String>) {
    let mut notes = Vec::new();
    let plan = plan(files, &Host::parse("lic1").unwrap(), Path::new("/srv"), None, &mut notes);
    (plan, notes)
}

#[test]
fn each_vendor_gets_its_files_and_the_first_values_hold() {
    let (plan, notes) = planned(&[
        file("/a.lic", "SERVER this_host ANY 27000\nVENDOR LGS port=27010\nVENDOR other\n"),
        file("/b.lic", "SERVER h2 ANY 27000\nVENDOR LGS options=o.opt port=27011\n"),
    ]);
    let plan = plan.unwrap();
    assert_eq!((plan.host.as_str(), plan.port), ("lic1", Some(27000)));
    assert_eq!(plan.vendors.len(), 2);
    let lgs = &plan.vendors[0];
    assert_eq!(lgs.files, [PathBuf::from("/a.lic"), PathBuf::from("/b.lic")]);
    assert_eq!((lgs.port, lgs.options.as_deref()), (Some(27010), Some(Path::new("/srv/o.opt"))));
    assert_eq!(plan.vendors[1].files, [PathBuf::from("/a.lic")]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("/b.lic:2:1: another VENDOR line of LGS names a different port"));
}

#[test]
fn ports_that_differ_stop_the_start_with_the_known_block() {
    let (plan, _) = planned(&[
        file("/a.lic", "SERVER h ANY 27000\nVENDOR LGS\n"),
        file("/b.lic", "SERVER h ANY\nVENDOR LGS\n"),
    ]);
    let error = plan.unwrap_err();
    assert_eq!(error, PlanError::ConflictingPorts(27000, -1));
    assert_eq!(error.messages()[..2], ["ERROR: license files have conflicting port numbers", "27000 and -1"]);
}

#[test]
fn a_file_without_a_server_is_left_out_and_the_others_go_on() {
    let (plan, notes) = planned(&[
        file("/a.lic", "VENDOR LGS\n"),
        file("/b.lic", "SERVER h ANY\nVENDOR LGS\n"),
        file("/c.lic", "SERVER a ANY 1\nSERVER b ANY 1\nVENDOR LGS\n"),
        file("/d.lic", "SERVER a ANY 1\nSERVER b ANY 1\nSERVER c ANY 1\nVENDOR LGS\n"),
    ]);
    assert_eq!(plan.unwrap().files, [PathBuf::from("/b.lic")]);
    assert_eq!(notes[0], "/a.lic: No SERVER lines in license file. (-13)");
    assert_eq!(notes.len(), 3);
    let (plan, _) = planned(&[file("/a.lic", "VENDOR LGS\n")]);
    assert_eq!(plan.unwrap_err().code(), Code::NoServerLine);
    let (plan, _) = planned(&[file("/a.lic", "SERVER h ANY\n")]);
    assert_eq!(plan.unwrap_err(), PlanError::NoVendors);
}

#[test]
fn a_damaged_vendor_line_is_named() {
    let (plan, notes) = planned(&[file("/a.lic", "SERVER h ANY\nVENDOR\nVENDOR LGS\n")]);
    assert!(plan.is_ok());
    assert!(notes[0].starts_with("/a.lic:2:"), "{notes:?}");
}

#[test]
fn directories_give_their_lic_files_in_order_and_relative_paths_start_where_lmgrd_did() {
    let place = tempfile::tempdir().unwrap();
    for name in ["b.lic", "a.lic", "a.txt"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    std::fs::create_dir(place.path().join("empty")).unwrap();
    let mut notes = Vec::new();
    let files = expand(OsStr::new(".:27000@lic1:empty:x.lic"), place.path(), &mut notes);
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.lic", "b.lic", "x.lic"]);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(read(&files[2]).unwrap_err().contains("Cannot read license file. (-30)"));
    assert!(read(place.path()).unwrap_err().contains("not a regular file"));
}
