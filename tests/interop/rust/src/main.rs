// SPDX-License-Identifier: Apache-2.0
//! The playground service of ../../adaptor/ttrpc/src/test/protobuf/playground.proto in Rust, as a server and as a client that
//! prints one line for each case: `ok NAME` or `FAIL NAME: why`.

mod client;
mod note;
mod server;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", socket] => server::run(socket),
        ["client", socket] => client::run(socket),
        _ => Err("usage: interop server|client SOCKET".to_string()),
    };
    if let Err(why) = done {
        eprintln!("{why}");
        std::process::exit(1);
    }
}
