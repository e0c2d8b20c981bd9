// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use ttrpc::proto::Codec;
use ttrpc::r#async::{
    MethodHandler, Server, ServerStream, Service, StreamHandler, StreamInner, TtrpcContext,
};
use ttrpc::{get_status, Code, Error, Request, Response, Result};

use crate::note::{Note, SERVICE, TYPE_URL};

enum Method {
    Echo,
    Sleep,
    Fail,
    Blob,
    Metadata,
}

fn ok(note: &Note) -> Result<Response> {
    let mut response = Response::new();
    response.set_status(get_status(Code::OK, ""));
    response.payload = note.encode().map_err(|e| Error::Others(e.to_string()))?;
    Ok(response)
}

fn decode(bytes: &[u8]) -> Result<Note> {
    Note::decode(bytes).map_err(|e| Error::Others(e.to_string()))
}

#[async_trait]
impl MethodHandler for Method {
    async fn handler(&self, context: TtrpcContext, request: Request) -> Result<Response> {
        let note = decode(&request.payload)?;
        match self {
            Method::Echo => ok(&note),
            Method::Sleep => {
                tokio::time::sleep(Duration::from_millis(note.number as u64)).await;
                ok(&note)
            }
            Method::Fail => {
                let mut status = ttrpc::Status::new();
                status.code = protobuf::EnumOrUnknown::from_i32(note.number as i32);
                status.message = note.text;
                let mut detail = ttrpc::proto::Any::new();
                detail.type_url = TYPE_URL.to_string();
                detail.value = Note::text("the detail")
                    .encode()
                    .map_err(|e| Error::Others(e.to_string()))?;
                status.details.push(detail);
                let mut response = Response::new();
                response.set_status(status);
                Ok(response)
            }
            Method::Blob => ok(&Note::blob(note.number as usize)),
            Method::Metadata => {
                let mut lines: Vec<String> = context
                    .metadata
                    .iter()
                    .filter(|(key, _)| key.starts_with("x-"))
                    .flat_map(|(key, values)| {
                        values.iter().map(move |value| format!("{key}={value}"))
                    })
                    .collect();
                lines.sort();
                ok(&Note::text(&lines.join("\n")))
            }
        }
    }
}

enum Shape {
    Sum,
    Count,
    Chat,
}

#[async_trait]
impl StreamHandler for Shape {
    async fn handler(&self, _: TtrpcContext, inner: StreamInner) -> Result<Option<Response>> {
        let mut stream: ServerStream<Note, Note> = ServerStream::new(inner);
        match self {
            Shape::Sum => {
                let mut sum = 0;
                while let Some(note) = stream.recv().await? {
                    sum += note.number;
                }
                ok(&Note::number(sum)).map(Some)
            }
            Shape::Count => {
                let limit = stream.recv().await?.unwrap_or_default().number;
                for number in 1..=limit {
                    stream.send(&Note::number(number)).await?;
                }
                Ok(None)
            }
            Shape::Chat => {
                while let Some(note) = stream.recv().await? {
                    stream.send(&note).await?;
                }
                Ok(None)
            }
        }
    }
}

fn service() -> Service {
    let mut methods: HashMap<String, Box<dyn MethodHandler + Send + Sync>> = HashMap::new();
    methods.insert("Echo".into(), Box::new(Method::Echo));
    methods.insert("Sleep".into(), Box::new(Method::Sleep));
    methods.insert("Fail".into(), Box::new(Method::Fail));
    methods.insert("Blob".into(), Box::new(Method::Blob));
    methods.insert("Metadata".into(), Box::new(Method::Metadata));
    let mut streams: HashMap<String, Arc<dyn StreamHandler + Send + Sync>> = HashMap::new();
    streams.insert("Sum".into(), Arc::new(Shape::Sum));
    streams.insert("Count".into(), Arc::new(Shape::Count));
    streams.insert("Chat".into(), Arc::new(Shape::Chat));
    Service { methods, streams }
}

/// Serves until its standard input ends. One thread: on several, the library hands on the messages of a stream in any order.
pub fn run(socket: &str) -> std::result::Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut server = Server::new()
            .bind(&format!("unix://{socket}"))
            .map_err(|e| e.to_string())?
            .register_service(HashMap::from([(SERVICE.to_string(), service())]));
        server.start().await.map_err(|e| e.to_string())?;
        println!("serving");
        let mut rest = Vec::new();
        tokio::io::stdin()
            .read_to_end(&mut rest)
            .await
            .map_err(|e| e.to_string())?;
        Ok::<(), String>(())
    })?;
    runtime.shutdown_background();
    Ok(())
}
