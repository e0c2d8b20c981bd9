// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection to an echo agent: reads frames, answers each with one write. */
final class EchoConnection {
    private static final int MAX_READ_BYTES = WireFormat.MAX_DATA_BYTES - 1024;
    private static final byte[] NOTHING = {};
    private static final Logger LOG = LoggerFactory.getLogger(EchoConnection.class);

    private final SocketChannel socket;
    private final EchoProcesses processes;
    private final ReentrantLock writer = new ReentrantLock();
    private final ByteBuffer out = ByteBuffer.allocateDirect(WireFormat.HEADER_BYTES + 1024);
    private final ByteBuffer letters = ByteBuffer.allocateDirect(MAX_READ_BYTES);

    private final boolean threadPerRequest;

    EchoConnection(SocketChannel socket, EchoProcesses processes, boolean threadPerRequest) {
        this.threadPerRequest = threadPerRequest;
        this.socket = socket;
        this.processes = processes;
        for (int i = 0; i < MAX_READ_BYTES; i++) {
            letters.put(i, (byte) ('a' + i % 26));
        }
    }

    /** Serves until the peer closes. */
    void run() throws IOException {
        ByteBuffer in = ByteBuffer.allocateDirect(WireFormat.HEADER_BYTES + WireFormat.MAX_DATA_BYTES);
        while (socket.read(in) >= 0) {
            in.flip();
            while (in.remaining() >= WireFormat.HEADER_BYTES) {
                int length = in.getInt(in.position());
                if (length < 0 || length > WireFormat.MAX_DATA_BYTES) {
                    throw new IOException("a frame of " + length + " bytes came");
                }
                if (in.remaining() < WireFormat.HEADER_BYTES + length) {
                    break;
                }
                int stream = in.getInt(in.position() + 4);
                byte type = in.get(in.position() + 8);
                in.position(in.position() + WireFormat.HEADER_BYTES);
                int end = in.position() + length;
                if (type == WireFormat.REQUEST) {
                    request(stream, new WireFields(in, in.position(), end));
                }
                in.position(end);
            }
            in.compact();
        }
    }

    private void request(int stream, WireFields envelope) throws IOException {
        if (!threadPerRequest) {
            answer(stream, envelope);
            return;
        }
        WireFields copy = envelope.copy();
        Thread.startVirtualThread(() -> {
            try {
                answer(stream, copy);
            } catch (IOException e) {
                LOG.debug("an answer found its connection closed", e);
            }
        });
    }

    private void answer(int stream, WireFields envelope) throws IOException {
        String method = envelope.text(2);
        WireFields request = envelope.message(3);
        switch (method) {
            case "Check" -> send(stream, new byte[] {8, 1});
            case "Version" -> send(stream, message("echo-agent"));
            case "WriteStdin" -> send(stream, number(request.length(3)));
            case "ReadStdout", "ReadStderr" -> read(stream, method, request);
            case "WaitProcess" ->
                process(request).onEnd(code -> sendLater(stream, number(Integer.toUnsignedLong(code))));
            case "SignalProcess" -> signal(stream, request);
            case "RemoveContainer" -> {
                processes.endAll(request.text(1), 128 + 9);
                send(stream, NOTHING);
            }
            case "DestroySandbox" -> {
                processes.endAll("", 128 + 9);
                send(stream, NOTHING);
            }
            case "GetOOMEvent" -> LOG.debug("GetOOMEvent stays open");
            default -> send(stream, NOTHING);
        }
    }

    private EchoProcesses.EchoProcess process(WireFields request) {
        return processes.of(request.text(1), request.text(2));
    }

    private void read(int stream, String method, WireFields request) throws IOException {
        if (request.text(1).equals(EchoAgent.BENCH_CONTAINER)) {
            sendLetters(stream, Math.toIntExact(Math.min(request.number(3), MAX_READ_BYTES)));
            return;
        }
        EchoProcesses.EchoProcess process = process(request);
        if (method.equals("ReadStdout") && process.greet()) {
            send(stream, message("echo agent: hello from " + request.text(1) + "\n"));
            return;
        }
        process.onEnd(code -> sendLater(stream, NOTHING));
    }

    private void signal(int stream, WireFields request) throws IOException {
        long signal = request.number(3);
        if (signal == 9 || signal == 15) {
            process(request).end(128 + (int) signal);
        }
        send(stream, NOTHING);
    }

    private void sendLater(int stream, byte[] payload) {
        try {
            send(stream, payload);
        } catch (IOException e) {
            LOG.debug("an answer found its connection closed", e);
        }
    }

    /** A message whose first field is the text; short. */
    private static byte[] message(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer message = ByteBuffer.allocate(bytes.length + 6);
        message.put((byte) ((1 << 3) | 2));
        WireFields.putVarint(message, bytes.length);
        message.put(bytes);
        return java.util.Arrays.copyOf(message.array(), message.position());
    }

    /** A message whose first field is the number. */
    private static byte[] number(long value) {
        ByteBuffer message = ByteBuffer.allocate(11);
        message.put((byte) (1 << 3));
        WireFields.putVarint(message, value);
        return java.util.Arrays.copyOf(message.array(), message.position());
    }

    private void send(int stream, byte[] payload) throws IOException {
        writer.lock();
        try {
            int size = 1 + WireFields.varintBytes(payload.length) + payload.length;
            out.clear();
            WireFormat.putHeader(out, size, stream, WireFormat.RESPONSE);
            out.put((byte) ((2 << 3) | 2));
            WireFields.putVarint(out, payload.length);
            out.put(payload).flip();
            while (out.hasRemaining()) {
                socket.write(out);
            }
        } finally {
            writer.unlock();
        }
    }

    private void sendLetters(int stream, int count) throws IOException {
        writer.lock();
        try {
            int data = 1 + WireFields.varintBytes(count) + count;
            int size = 1 + WireFields.varintBytes(data) + data;
            out.clear();
            WireFormat.putHeader(out, size, stream, WireFormat.RESPONSE);
            out.put((byte) ((2 << 3) | 2));
            WireFields.putVarint(out, data);
            out.put((byte) ((1 << 3) | 2));
            WireFields.putVarint(out, count);
            out.flip();
            ByteBuffer[] pieces = {out, letters.slice(0, count)};
            while (pieces[1].hasRemaining()) {
                socket.write(pieces);
            }
        } finally {
            writer.unlock();
        }
    }
}
