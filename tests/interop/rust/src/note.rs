// SPDX-License-Identifier: Apache-2.0
//! The one message of the playground, written out by hand so that no protoc is needed.

use protobuf::{CodedInputStream, CodedOutputStream, Error};
use ttrpc::proto::Codec;

pub const SERVICE: &str = "peerpod.playground.Playground";
pub const TYPE_URL: &str = "type.googleapis.com/peerpod.playground.Note";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Note {
    pub text: String,
    pub number: i64,
    pub blob: Vec<u8>,
}

impl Note {
    pub fn text(text: &str) -> Note {
        Note {
            text: text.to_string(),
            ..Note::default()
        }
    }

    pub fn number(number: i64) -> Note {
        Note {
            number,
            ..Note::default()
        }
    }

    pub fn blob(length: usize) -> Note {
        Note {
            blob: vec![7; length],
            ..Note::default()
        }
    }
}

impl Codec for Note {
    type E = Error;

    fn size(&self) -> u32 {
        self.encode().map(|bytes| bytes.len() as u32).unwrap_or(0)
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut output = CodedOutputStream::vec(&mut bytes);
        if !self.text.is_empty() {
            output.write_string(1, &self.text)?;
        }
        if self.number != 0 {
            output.write_int64(2, self.number)?;
        }
        if !self.blob.is_empty() {
            output.write_bytes(3, &self.blob)?;
        }
        output.flush()?;
        drop(output);
        Ok(bytes)
    }

    fn decode(bytes: impl AsRef<[u8]>) -> Result<Note, Error> {
        let mut note = Note::default();
        let mut input = CodedInputStream::from_bytes(bytes.as_ref());
        while let Some(tag) = input.read_raw_tag_or_eof()? {
            match tag {
                10 => note.text = input.read_string()?,
                16 => note.number = input.read_int64()?,
                26 => note.blob = input.read_bytes()?,
                _ => {
                    return Err(protobuf::Error::from(std::io::Error::other(format!(
                        "unexpected tag {tag}"
                    ))))
                }
            }
        }
        Ok(note)
    }
}
