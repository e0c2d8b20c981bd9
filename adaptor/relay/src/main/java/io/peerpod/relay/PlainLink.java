// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A link without encryption: unix sockets, and TCP where TLS is switched off. */
public final class PlainLink extends Link {
    /** A link over a connected channel; it reads nothing before it is registered. */
    public PlainLink(EventLoop loop, SocketChannel channel, Handler handler) {
        super(loop, channel, handler);
    }

    @Override
    public void send(ByteBuffer data) {
        if (isClosed()) {
            data.position(data.limit());
            return;
        }
        write(data);
    }

    @Override
    public void sendOwned(ByteBuffer data) {
        if (isClosed()) {
            loop.buffers().release(data);
        } else {
            writeOwned(data);
        }
    }

    @Override
    protected void readReady() throws IOException {
        ByteBuffer data = loop.buffers().plain();
        data.limit(LoopBuffers.HEADROOM_BYTES + LoopBuffers.READ_BYTES);
        int count = channel.read(data);
        if (count < 0) {
            end("closed by the peer");
            return;
        }
        if (count > 0) {
            data.limit(data.position()).position(LoopBuffers.HEADROOM_BYTES);
            handler.received(data);
        }
    }
}
