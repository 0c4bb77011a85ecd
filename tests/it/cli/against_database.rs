//! What people at the command line are told about a PostgreSQL database: passwords, certificates, keys.

use std::{fs, os::unix::fs::PermissionsExt as _};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{Ran, Shell};
use crate::support::postgres::{Cluster, database, give};

const SECRET: &str = "hunter22-and-more";

/// A server that wants TLS and a password, and the certificate of its authority.
fn guarded() -> (Cluster, String) {
    let key = || KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, key()).unwrap();
    let own = key();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &ca).unwrap();
    let flags =
        ["fsync=off", "ssl=on", "ssl_cert_file=own.crt", "ssl_key_file=own.key", "password_encryption=scram-sha-256"];
    let cluster = Cluster::on_loopback(&flags, |data| {
        let hba = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        for (name, text) in
            [("own.crt", certificate.pem()), ("own.key", own.serialize_pem()), ("pg_hba.conf", hba.to_owned())]
        {
            let path = data.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            give(&path);
        }
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        cluster.shell("postgres", format!("CREATE ROLE deck LOGIN PASSWORD '{SECRET}'")).await.unwrap();
        cluster.shell("postgres", "CREATE DATABASE deck OWNER deck TEMPLATE template0").await.unwrap();
    });
    (cluster, ca.pem())
}

fn no_secret(ran: Ran) -> Ran {
    assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{ran:?}");
    ran
}

#[test]
fn a_server_that_wants_tls_and_a_password_gets_both_and_neither_is_shown() {
    let (cluster, authority) = guarded();
    let shell = Shell::new();
    let ca = shell.file("ca.pem", &authority);
    let place = format!("postgres://127.0.0.1:{}/deck", cluster.port());
    let trusted = format!("sslmode=verify-full&sslrootcert={}", ca.display());
    let url = format!("postgres://deck@127.0.0.1:{}/deck?{trusted}", cluster.port());
    let tokens = |url: &str, name: &str, value: &str| {
        let mut command = shell.command(&["token", "list", "--database", url]);
        command.env(name, value);
        no_secret(shell.finish(command))
    };
    tokens(&url, "NONE", "").exits(6).says("PGPASSWORD").says(&place);
    tokens(&url, "PGPASSWORD", "wrong").exits(6).says("password authentication failed");
    tokens(&url, "PGPASSWORD", SECRET).exits(0);
    let passfile = shell.file("pgpass", &format!("not a line of it {SECRET}\n127.0.0.1:*:deck:deck:{SECRET}\n"));
    tokens(&url, "PGPASSFILE", passfile.to_str().unwrap()).exits(0);
    // The URL of a variable may have it, and stands in for the option.
    let whole = url.replace("deck@", &format!("deck:{SECRET}@"));
    let mut command = shell.command(&["token", "add", "--role", "commander", "--name", "mira"]);
    command.env("ROLLDECK_DATABASE", &whole);
    no_secret(shell.finish(command)).exits(0).says("ROLLDECK_DATABASE").says(&place);
    let mut command = shell.command(&["audit", "verify"]);
    command.env("ROLLDECK_DATABASE", &whole);
    no_secret(shell.finish(command)).exits(0).says(&place).tells("ok");

    // A certificate that nobody vouches for, one of another name, and a server that refuses to go without.
    let untrusted = url.replace(&trusted, "sslmode=verify-full");
    tokens(&untrusted, "PGPASSWORD", SECRET).exits(1).says("sslrootcert");
    let renamed = url.replace("127.0.0.1", "localhost");
    tokens(&renamed, "PGPASSWORD", SECRET).exits(1).says("sslrootcert");
    let clear = url.replace(&trusted, "sslmode=disable");
    tokens(&clear, "PGPASSWORD", SECRET).exits(6).says("pg_hba.conf");
}

#[test]
fn a_server_that_is_away_or_none_is_told_by_its_exit_code() {
    let shell = Shell::new();
    for command in [&["serve"][..], &["token", "list"], &["audit", "verify"]] {
        let away = [command, &["--database", "postgres://deck@127.0.0.1:1/deck"]].concat();
        shell.run(&away).exits(7).says("postgres://127.0.0.1:1/deck does not answer").says("is PostgreSQL running");
    }
}

#[test]
fn two_trails_are_not_signed_with_one_key() {
    let shell = Shell::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(database()).url();
    // Here is a SQLite database, with its key.
    shell.run(&["token", "list", "--data", shell.path("data").to_str().unwrap()]).exits(0);
    shell.run(&["token", "list", "--database", &url]).exits(1).says("name another directory").says("--data DIR");
    let other = shell.path("key");
    shell.run(&["token", "list", "--database", &url, "--data", other.to_str().unwrap()]).exits(0);
    // And with another key than that of its trail it does not start.
    let error = shell.run(&["token", "list", "--database", &url]).exits(1);
    assert!(error.err.contains("not the key"), "{error:?}");

    let (url, key) = (url.as_str(), other.to_str().unwrap());
    let reason = ["--reason", "somebody may have read the old one"];
    shell.run(&[&["audit", "rotate-key", "--database", url, "--data", key][..], &reason[..]].concat()).exits(0);
    shell.run(&["audit", "expire", "--database", url, "--data", key, "--reason", "older than a year"]).exits(0);
    shell.run(&["audit", "verify", "--database", url, "--data", key]).exits(0);
    let file = shell.path("trail.jsonl").to_str().unwrap().to_owned();
    shell.run(&["audit", "export", &file, "--database", url, "--data", key]).exits(0).says("proven by the checkpoint");
    shell.run(&["audit", "verify", &file]).exits(0);
    shell.run(&["audit", "rotate-key", "--data", key, "--reason", "there is no database here"]).exits(1);
}
