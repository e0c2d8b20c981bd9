// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.peerpod.ttrpc.playground.PlaygroundGrpc;
import io.peerpod.ttrpc.wire.Request;
import io.peerpod.ttrpc.wire.Response;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Objects;

/** The other end of a connection, with no manners of its own. */
final class RawPeer implements AutoCloseable {
    private final SocketChannel channel;
    private final FrameReader reader;

    RawPeer(SocketChannel channel) {
        this.channel = channel;
        this.reader = new FrameReader(channel, FrameHeader.MAX_DATA_BYTES);
    }

    static RawPeer connect(Path socket) throws IOException {
        return new RawPeer(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    }

    void bytes(byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    void frame(int id, int type, int flags, ByteString data) throws IOException {
        bytes(Envelopes.frame(id, type, flags, data));
    }

    void frame(int id, int type, int flags, MessageLite data) throws IOException {
        bytes(Envelopes.frame(id, type, flags, data));
    }

    void request(int id, int flags, String method, MessageLite message) throws IOException {
        frame(id, FrameHeader.TYPE_REQUEST, flags, envelope(method, message).build());
    }

    static Request.Builder envelope(String method, MessageLite message) {
        return Request.newBuilder()
                .setService(PlaygroundGrpc.SERVICE_NAME)
                .setMethod(method)
                .setPayload(message.toByteString());
    }

    /** The next frame, which has to be there. */
    Frame.Whole next() throws IOException {
        return (Frame.Whole) Objects.requireNonNull(reader.next(), "the connection was closed");
    }

    boolean isClosedByPeer() throws IOException {
        try {
            return reader.next() == null;
        } catch (IOException e) {
            if (e instanceof java.io.EOFException) {
                throw e;
            }
            return true;
        }
    }

    /** The next frame, which has to be the response of this stream. */
    Response response(int id) throws IOException {
        Frame.Whole frame = next();
        assertThat(frame.header().type()).isEqualTo(FrameHeader.TYPE_RESPONSE);
        assertThat(frame.header().streamId()).isEqualTo(id);
        return Envelopes.response(frame.data());
    }

    /** The status in the next frame, which has to be the response of this stream. */
    com.google.rpc.Status status(int id) throws IOException {
        return com.google.rpc.Status.parseFrom(response(id).getStatus());
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
