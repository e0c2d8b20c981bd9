// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers GET on a port of the loopback, one request a connection. While another process has the port (an older daemon that is about to
 * end) it is tried again: a daemon does not depend on it.
 */
public final class HealthServer implements AutoCloseable {
    /** More than any probe or scraper needs at once. */
    private static final int MAX_CONNECTIONS = 16;

    private static final int MAX_REQUEST_BYTES = 8 << 10;
    private static final Duration REQUEST_LIMIT = Duration.ofSeconds(5);
    private static final Duration BIND_RETRY = Duration.ofMillis(500);
    private static final Logger log = LoggerFactory.getLogger(HealthServer.class);

    private final int port;
    private final Map<String, Supplier<Answer>> pages;
    private final Semaphore connections = new Semaphore(MAX_CONNECTIONS);
    private final Thread thread;
    private volatile @Nullable ServerSocket socket;
    private volatile boolean closed;

    /** What a page says; as plain text. */
    public record Answer(int status, String body) {}

    private HealthServer(int port, Map<String, Supplier<Answer>> pages) {
        this.port = port;
        this.pages = Map.copyOf(pages);
        this.thread = Thread.ofVirtual().name("health").unstarted(this::run);
    }

    /**
     * Serves from now on, or as soon as the port is free.
     *
     * @param port 0 serves nothing
     * @param pages by their paths
     */
    public static HealthServer start(int port, Map<String, Supplier<Answer>> pages) {
        HealthServer server = new HealthServer(port, pages);
        if (port > 0) {
            server.thread.start();
        }
        return server;
    }

    private void run() {
        try {
            ServerSocket bound = bind();
            while (!closed) {
                connections.acquire();
                try {
                    Socket client = bound.accept();
                    Thread.ofVirtual().name("health-request").start(() -> serve(client));
                } catch (IOException e) {
                    connections.release();
                    if (!closed) {
                        Thread.sleep(BIND_RETRY);
                    }
                }
            }
        } catch (InterruptedException e) {
            log.atTrace().log("health and metrics are no longer served");
        }
    }

    private ServerSocket bind() throws InterruptedException {
        boolean told = false;
        while (true) {
            try {
                ServerSocket fresh = new ServerSocket();
                fresh.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port));
                socket = fresh;
                if (closed) {
                    fresh.close();
                }
                log.atInfo().addKeyValue("port", port).log("health and metrics are served on the loopback");
                return fresh;
            } catch (IOException e) {
                if (!told) {
                    told = true;
                    log.atWarn()
                            .addKeyValue("port", port)
                            .addKeyValue("failure", e.getMessage())
                            .log("health and metrics are not served until the port is free; -probe-port names another");
                }
                Thread.sleep(BIND_RETRY);
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            client.setSoTimeout((int) REQUEST_LIMIT.toMillis());
            String head = head(client.getInputStream());
            String[] words = head.lines().findFirst().orElse("").split(" ", -1);
            Answer answer = words.length == 3 && words[2].startsWith("HTTP/1.")
                    ? answer(words[0], words[1])
                    : new Answer(400, "this is not a request of HTTP/1\n");
            byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
            String header = "HTTP/1.1 " + answer.status() + " " + reason(answer.status())
                    + "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " + body.length
                    + "\r\nConnection: close\r\n\r\n";
            client.getOutputStream().write(header.getBytes(StandardCharsets.US_ASCII));
            if (!words[0].equals("HEAD")) {
                client.getOutputStream().write(body);
            }
            client.shutdownOutput();
        } catch (IOException e) {
            log.atTrace().addKeyValue("failure", e.getMessage()).log("whoever asked went away");
        } finally {
            connections.release();
        }
    }

    private static String head(InputStream in) throws IOException {
        byte[] buffer = new byte[MAX_REQUEST_BYTES];
        long end = System.nanoTime() + REQUEST_LIMIT.toNanos();
        int length = 0;
        while (length < buffer.length && System.nanoTime() < end) {
            int read = in.read(buffer, length, buffer.length - length);
            if (read < 0) {
                break;
            }
            length += read;
            String text = new String(buffer, 0, length, StandardCharsets.ISO_8859_1);
            if (text.contains("\r\n\r\n")) {
                return text;
            }
        }
        throw new IOException("no request of at most " + MAX_REQUEST_BYTES + " bytes came in time");
    }

    private Answer answer(String method, String target) {
        if (!method.equals("GET") && !method.equals("HEAD")) {
            return new Answer(405, "only GET is answered here\n");
        }
        Supplier<Answer> page = pages.get(target.replaceFirst("\\?.*", ""));
        if (page == null) {
            return new Answer(
                    404,
                    "there are "
                            + String.join(", ", pages.keySet().stream().sorted().toList()) + "\n");
        }
        try {
            return page.get();
        } catch (RuntimeException e) {
            log.atError().addKeyValue("page", target).setCause(e).log("a page could not be made");
            return new Answer(500, "the page could not be made; the daemon's log says why\n");
        }
    }

    private static String reason(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 400 -> "Bad Request";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 503 -> "Service Unavailable";
            default -> "Internal Server Error";
        };
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        ServerSocket bound = socket;
        if (bound != null) {
            try {
                bound.close();
            } catch (IOException e) {
                log.atDebug().addKeyValue("failure", e.getMessage()).log("the health port was not closed");
            }
        }
    }
}
