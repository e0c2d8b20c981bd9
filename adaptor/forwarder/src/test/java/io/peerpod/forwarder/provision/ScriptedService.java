// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A metadata service on the loopback that answers as the test says, byte by byte if need be, and remembers what it was asked. */
final class ScriptedService implements AutoCloseable {

    /** A request as it came. */
    record Asked(String method, String target, Map<String, String> headers) {
        String header(String name) {
            return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        }
    }

    /** Writes the answer to one request; the connection is closed afterwards. */
    interface Script {
        void answer(Asked asked, OutputStream out) throws IOException, InterruptedException;
    }

    private final ServerSocket server;
    private final Script script;
    private final List<Asked> asked = new CopyOnWriteArrayList<>();
    private final List<Socket> open = new ArrayList<>();

    private ScriptedService(Script script) throws IOException {
        this.script = script;
        this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    static ScriptedService answering(Script script) throws IOException {
        return new ScriptedService(script);
    }

    /** A whole answer. */
    static void send(OutputStream out, int status, byte[] body) throws IOException {
        out.write(("HTTP/1.1 " + status + " Whatever\r\nContent-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.ISO_8859_1));
        out.write(body);
        out.flush();
    }

    static void send(OutputStream out, int status, String body) throws IOException {
        send(out, status, body.getBytes(StandardCharsets.UTF_8));
    }

    URI address() {
        return URI.create("http://127.0.0.1:" + server.getLocalPort());
    }

    List<Asked> asked() {
        return asked;
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                synchronized (open) {
                    open.add(socket);
                }
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
            String first = in.readLine();
            if (first == null) {
                return;
            }
            var headers = new TreeMap<String, String>();
            for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                int colon = line.indexOf(':');
                headers.put(
                        line.substring(0, colon).toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
            String[] words = first.split(" ", 3);
            var request = new Asked(words[0], words[1], headers);
            asked.add(request);
            script.answer(request, socket.getOutputStream());
        } catch (IOException | InterruptedException e) {
            // The client went away, which some tests are about.
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        synchronized (open) {
            for (Socket socket : open) {
                socket.close();
            }
        }
    }
}
