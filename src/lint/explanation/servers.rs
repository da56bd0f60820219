//! `L03xx` and `L04xx`: SERVER and VENDOR lines.

use super::{served, table};

table! {
    "L0301",
    "A SERVER line lacks its host or its hostid. Nothing of the file is served.",
    ["SERVER srv\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write SERVER host hostid [port]. The hostid is the one that the publisher was told; lmhostid prints this machine's.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0302",
    "A SERVER line contains a word that it does not take. Nothing of the file is served.",
    ["SERVER srv 0011aabbccdd 27000 PRIMARY_IS_MASTR\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Correct or remove the word. Behind the hostid may stand a port, PRIMARY_IS_MASTER, HEARTBEAT_INTERVAL=n and PLAT=n.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0303",
    "A value of a SERVER line is not a number in its range: a port from 1 to 65535, HEARTBEAT_INTERVAL up to 120, PLAT up to 7. Nothing of the file is served.",
    ["SERVER srv 0011aabbccdd 70000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Correct the number. Port, HEARTBEAT_INTERVAL and PRIMARY_IS_MASTER may be edited without harm to the signatures.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0304",
    "A SERVER line says the same thing twice, such as two ports. Nothing of the file is served.",
    ["SERVER srv 0011aabbccdd 27000 27001\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Remove one of the two.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0305",
    "DEMO is a hostid for uncounted feature lines. A server can't have it, so nothing of the file is served.",
    ["SERVER srv DEMO 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Ask the publisher for a file with this machine's hostid: the hostid is signed with every line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0306",
    "Clients name a server port@host, but on its SERVER line the port stands behind the hostid. Here the whole word is taken for the host's name, which no client finds.",
    ["SERVER 27000@srv 0011aabbccdd\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write SERVER host hostid port. Host names and ports are not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0311",
    "A file has one SERVER line, or three for three servers that act as one. With two, or more than three, nothing of it is served.",
    ["SERVER one 0011aabbccdd 27000\nSERVER two 0011aabbccde 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Keep each license in a file of its own with its own SERVER line.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0312",
    "The file is for three servers that act as one. That is not served yet; requests for its features are denied with -18.",
    ["SERVER one 0011aabbccdd 28000\nSERVER two 0011aabbccde 28000\nSERVER three 0011aabbccdf 28000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Ask the publisher for a file for one server.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0313",
    "Each of three SERVER lines needs a port, as the servers must find each other. Nothing of the file is served.",
    ["SERVER one 0011aabbccdd 28000\nSERVER two 0011aabbccde\nSERVER three 0011aabbccdf 28000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Add the port, the same on all three lines and outside 27000 to 27009. Ports are not signed.",
    [];

    "L0314",
    "Counted licenses are counted by a server, but the file has no SERVER line. Requests are denied with -13.",
    ["FEATURE fx acmed 1.0 permanent 3 SIGN=...\n"],
    "Restore the SERVER line that the publisher issued: its hostid is signed with every line.",
    [served!("FEATURE fx acmed 1.0 permanent 3 SIGN=...\n")];

    "L0315",
    "PRIMARY_IS_MASTER and HEARTBEAT_INTERVAL concern three servers that act as one, and stand on the first of their lines. Elsewhere they have no effect.",
    ["SERVER srv 0011aabbccdd 27000 PRIMARY_IS_MASTER\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Remove the word. It is not signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0401",
    "A VENDOR line lacks the vendor's name, or what stands there is no name. The line is not used.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nVENDOR \"other vendor\"\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write VENDOR name [path] [OPTIONS=file] [PORT=port]. A path with blanks is quoted and stands behind the name.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n")];

    "L0402",
    "A VENDOR line contains a named value that it does not take. The line is not used, so its daemon is not started.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nVENDOR acmed prot=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write OPTIONS= or PORT=, in any case.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L0403",
    "The port of a VENDOR line is not a number from 1 to 65535. The line is not used, so its daemon is not started.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nVENDOR acmed port=0\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Write a port, or leave it out for one that the system chooses.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L0404",
    "A VENDOR line names its path, options file or port twice. The line is not used, so its daemon is not started.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nVENDOR acmed port=27010 27011\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Keep one of the two. Behind the name stand path, options file and port in this order, or OPTIONS= and PORT= anywhere.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L0405",
    "Behind the vendor's name stand the path of its daemon and its options file. The second word looks like the rest of a path that has a blank in it, and is taken for the options file.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed /opt/my licenses/acmed 27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"],
    "Quote the path. If it is the options file, write OPTIONS= before it. VENDOR lines are not signed.",
    ["SERVER srv 0011aabbccdd 27000\nVENDOR acmed \"/opt/my licenses/acmed\" 27010\nINCREMENT fx acmed 1.0 permanent 2 SIGN=...\n"];

    "L0411",
    "Lines name a vendor that no VENDOR line names, in this file or another one. No daemon is started for it, so its lines are not served.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\nINCREMENT fy acmde 1.0 permanent 2 SIGN=...\n")],
    "Add VENDOR with the name as the lines write it. If one line differs from the others, it was damaged: the name is signed.",
    [served!("INCREMENT fx acmed 1.0 permanent 2 SIGN=...\nINCREMENT fy acmed 1.0 permanent 2 SIGN=...\n")];
}
