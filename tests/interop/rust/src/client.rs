// SPDX-License-Identifier: Apache-2.0

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::time::Duration;

use tokio::net::UnixStream;
use ttrpc::proto::{Codec, GenMessage, MessageHeader, MESSAGE_TYPE_RESPONSE};
use ttrpc::r#async::{Client, ClientStream, ClientStreamReceiver, ClientStreamSender};
use ttrpc::{Code, Error, Request, Response, Status};

use crate::note::{Note, SERVICE, TYPE_URL};

type Outcome = Result<(), String>;

const MIB: usize = 1 << 20;

fn request(method: &str, note: &Note) -> Result<Request, String> {
    let mut request = Request::new();
    request.service = SERVICE.to_string();
    request.method = method.to_string();
    request.payload = note.encode().map_err(|e| e.to_string())?;
    Ok(request)
}

async fn call(client: &Client, method: &str, note: &Note) -> Result<Note, Error> {
    let request = request(method, note).map_err(Error::Others)?;
    let response = client.request(request).await?;
    Note::decode(response.payload).map_err(|e| Error::Others(e.to_string()))
}

fn same<T: PartialEq + Debug>(seen: T, expected: T) -> Outcome {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("expected {expected:?}, seen {seen:?}"))
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

fn status<T: Debug>(result: Result<T, Error>) -> Result<Status, String> {
    match result {
        Err(Error::RpcStatus(status)) => Ok(status),
        other => Err(format!("expected a status, seen {other:?}")),
    }
}

async fn unary(client: &Client) -> Outcome {
    let note = Note {
        text: "h\u{e9}".into(),
        number: -5,
        blob: vec![0, 255],
    };
    same(call(client, "Echo", &note).await.map_err(text)?, note)?;
    same(
        call(client, "Echo", &Note::default()).await.map_err(text)?,
        Note::default(),
    )
}

async fn status_with_details(client: &Client) -> Outcome {
    let note = Note {
        number: 13,
        ..Note::text("ESRCH: No such process")
    };
    let status = status(call(client, "Fail", &note).await)?;
    same(status.code(), Code::INTERNAL)?;
    same(status.message(), "ESRCH: No such process")?;
    same(status.details.len(), 1)?;
    same(status.details[0].type_url.as_str(), TYPE_URL)?;
    same(
        Note::decode(&status.details[0].value).map_err(|e| e.to_string())?,
        Note::text("the detail"),
    )
}

async fn unknown_method(client: &Client) -> Outcome {
    same(
        status(call(client, "Nothing", &Note::default()).await)?.code(),
        Code::UNIMPLEMENTED,
    )
}

async fn unknown_service(client: &Client) -> Outcome {
    let mut request = request("Echo", &Note::default())?;
    request.service = "no.such.Service".into();
    same(
        status(client.request(request).await)?.code(),
        Code::UNIMPLEMENTED,
    )
}

/// The library's client gives up by itself at the deadline; the server's own answer is seen on a plain socket.
async fn deadline(client: &Client, socket: &str) -> Outcome {
    let mut slow = request("Sleep", &Note::number(30_000))?;
    slow.timeout_nano = 50_000_000;
    match client.request(slow.clone()).await {
        Err(Error::RpcStatus(status)) if status.code() == Code::DEADLINE_EXCEEDED => {}
        Err(Error::Others(why)) if why.contains("timeout") => {}
        other => return Err(format!("expected the deadline to pass, seen {other:?}")),
    }
    let mut stream = UnixStream::connect(socket)
        .await
        .map_err(|e| e.to_string())?;
    send(&mut stream, 1, slow).await?;
    let (_, answer) = receive(&mut stream).await?;
    same(answer.status().code(), Code::DEADLINE_EXCEEDED)
}

async fn far_deadline(client: &Client) -> Outcome {
    let mut request = request("Echo", &Note::number(1))?;
    request.timeout_nano = 10_000_000_000_000;
    client.request(request.clone()).await.map_err(text)?;
    request.timeout_nano = i64::MAX;
    client.request(request).await.map_err(text).map(|_| ())
}

async fn metadata(client: &Client) -> Outcome {
    let mut request = request("Metadata", &Note::default())?;
    let pairs = HashMap::from([
        (
            "x-trace".to_string(),
            vec!["one".to_string(), "two".to_string()],
        ),
        ("x-other".to_string(), vec![String::new()]),
    ]);
    request.metadata = ttrpc::context::to_pb(pairs);
    let response = client.request(request).await.map_err(text)?;
    let note = Note::decode(response.payload).map_err(|e| e.to_string())?;
    same(note.text.as_str(), "x-other=\nx-trace=one\nx-trace=two")
}

async fn large(client: &Client) -> Outcome {
    let note = Note::blob(4 * MIB - 200);
    same(
        call(client, "Echo", &note).await.map_err(text)? == note,
        true,
    )
}

async fn oversized_response(client: &Client) -> Outcome {
    let status = status(call(client, "Blob", &Note::number(4 * MIB as i64)).await)?;
    same(status.code(), Code::RESOURCE_EXHAUSTED)?;
    same(
        call(client, "Echo", &Note::number(3)).await.map_err(text)?,
        Note::number(3),
    )
}

/// The library refuses to send such a request, so this one goes over a plain socket.
async fn oversized_request(socket: &str) -> Outcome {
    let mut stream = UnixStream::connect(socket)
        .await
        .map_err(|e| e.to_string())?;
    send(&mut stream, 1, request("Echo", &Note::blob(4 * MIB))?).await?;
    let (id, answer) = receive(&mut stream).await?;
    same(id, 1)?;
    same(answer.status().code(), Code::RESOURCE_EXHAUSTED)?;
    send(&mut stream, 3, request("Echo", &Note::number(3))?).await?;
    let (id, answer) = receive(&mut stream).await?;
    same(id, 3)?;
    same(
        Note::decode(answer.payload).map_err(|e| e.to_string())?,
        Note::number(3),
    )
}

async fn many_callers(client: &Client) -> Outcome {
    let mut tasks = Vec::new();
    for caller in 0..64i64 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..50 {
                let note = Note::number(caller * 1000 + round);
                same(call(&client, "Echo", &note).await.map_err(text)?, note)?;
            }
            Ok::<(), String>(())
        }));
    }
    for task in tasks {
        task.await.map_err(|e| e.to_string())??;
    }
    Ok(())
}

async fn ids_out_of_order(socket: &str) -> Outcome {
    let mut stream = UnixStream::connect(socket)
        .await
        .map_err(|e| e.to_string())?;
    let ids = [9u32, 1, 7, 3, 5, 2001, 11];
    for id in ids {
        send(
            &mut stream,
            id,
            request("Echo", &Note::number(i64::from(id)))?,
        )
        .await?;
    }
    let mut seen = HashSet::new();
    for _ in ids {
        let (id, answer) = receive(&mut stream).await?;
        same(
            Note::decode(answer.payload).map_err(|e| e.to_string())?,
            Note::number(i64::from(id)),
        )?;
        seen.insert(id);
    }
    same(seen, HashSet::from(ids))
}

async fn client_stream(client: &Client) -> Outcome {
    let inner = client
        .new_stream(request("Sum", &Note::default())?, true, false)
        .await
        .map_err(text)?;
    let mut stream: ClientStreamSender<Note, Note> = ClientStreamSender::new(inner);
    for number in 1..=100 {
        stream.send(&Note::number(number)).await.map_err(text)?;
    }
    same(
        stream.close_and_recv().await.map_err(text)?,
        Note::number(5050),
    )
}

async fn server_stream(client: &Client) -> Outcome {
    let inner = client
        .new_stream(request("Count", &Note::number(500))?, false, true)
        .await
        .map_err(text)?;
    let mut stream: ClientStreamReceiver<Note> = ClientStreamReceiver::new(inner, client.clone());
    for number in 1..=500 {
        same(
            stream.recv().await.map_err(text)?,
            Some(Note::number(number)),
        )?;
    }
    same(stream.recv().await.map_err(text)?, None)
}

async fn chat(client: &Client) -> Outcome {
    let inner = client
        .new_stream(request("Chat", &Note::default())?, true, true)
        .await
        .map_err(text)?;
    let mut stream: ClientStream<Note, Note> = ClientStream::new(inner);
    for number in 0..50 {
        stream.send(&Note::number(number)).await.map_err(text)?;
        same(stream.recv().await.map_err(text)?, Note::number(number))?;
    }
    stream.close_send().await.map_err(text)?;
    match stream.recv().await {
        Err(Error::Eof) => Ok(()),
        other => Err(format!("expected the end, seen {other:?}")),
    }
}

async fn send(stream: &mut UnixStream, id: u32, request: Request) -> Outcome {
    let payload = request.encode().map_err(|e| e.to_string())?;
    let header = MessageHeader::new_request(id, payload.len() as u32);
    GenMessage { header, payload }
        .write_to(stream)
        .await
        .map_err(text)
}

async fn receive(stream: &mut UnixStream) -> Result<(u32, Response), String> {
    let message = GenMessage::read_from(stream)
        .await
        .map_err(|e| format!("{e:?}"))?;
    same(message.header.type_, MESSAGE_TYPE_RESPONSE)?;
    let response = Response::decode(message.payload).map_err(|e| e.to_string())?;
    Ok((message.header.stream_id, response))
}

fn print(failures: &mut u32, name: &str, outcome: Outcome) {
    match outcome {
        Ok(()) => println!("ok {name}"),
        Err(why) => {
            *failures += 1;
            println!("FAIL {name}: {}", why.chars().take(500).collect::<String>());
        }
    }
}

async fn cases(socket: &str, failures: &mut u32) -> Outcome {
    let client = Client::connect(&format!("unix://{socket}"))
        .await
        .map_err(text)?;
    print(failures, "unary", unary(&client).await);
    print(
        failures,
        "statusWithDetails",
        status_with_details(&client).await,
    );
    print(failures, "unknownMethod", unknown_method(&client).await);
    print(failures, "unknownService", unknown_service(&client).await);
    print(failures, "deadline", deadline(&client, socket).await);
    print(failures, "farDeadline", far_deadline(&client).await);
    print(failures, "metadata", metadata(&client).await);
    print(failures, "largeMessage", large(&client).await);
    print(
        failures,
        "oversizedResponse",
        oversized_response(&client).await,
    );
    print(
        failures,
        "oversizedRequest",
        oversized_request(socket).await,
    );
    print(failures, "idsOutOfOrder", ids_out_of_order(socket).await);
    print(failures, "clientStream", client_stream(&client).await);
    print(failures, "serverStream", server_stream(&client).await);
    print(failures, "chat", chat(&client).await);
    Ok(())
}

/// Most cases run on one thread: on several, the library hands on the messages of a stream in any order. The callers' case is the
/// other way round, since only then do ids leave out of order.
pub fn run(socket: &str) -> Outcome {
    let mut failures = 0;
    let one = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    one.block_on(cases(socket, &mut failures))?;
    one.shutdown_timeout(Duration::from_millis(100));
    let many = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    many.block_on(async {
        let client = Client::connect(&format!("unix://{socket}"))
            .await
            .map_err(text)?;
        print(
            &mut failures,
            "sixtyFourCallers",
            many_callers(&client).await,
        );
        Ok::<(), String>(())
    })?;
    many.shutdown_timeout(Duration::from_millis(100));
    if failures == 0 {
        Ok(())
    } else {
        Err(format!("{failures} cases failed"))
    }
}
