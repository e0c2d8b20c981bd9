// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * The stand-in agent on its socket, from its start to the end of its sandbox: like the real one, it is gone after DestroySandbox and a
 * supervisor starts a new one.
 */
public final class StandInAgent implements AutoCloseable {
    /** What it says it is. */
    public static final String VERSION = "peerpods stand-in agent, not a Kata agent";

    /** Where a shim's forwarder looks for it. */
    public static final Path FOLDER = Path.of("/run/kata-containers");

    /** How long calls that are still open after DestroySandbox may take for their answer. */
    private static final Duration LAST_ANSWERS = Duration.ofSeconds(2);

    private final Sandbox sandbox;
    private final TtrpcServer server;
    private final CountDownLatch ended = new CountDownLatch(1);

    private StandInAgent(Sandbox sandbox, Path socket) throws IOException {
        this.sandbox = sandbox;
        this.server = TtrpcServer.builder()
                .name("stand-in-agent")
                .addService(new StandInAgentService(sandbox, this::endSoon))
                .addService(new StandInHealth())
                .listen(socket);
    }

    /**
     * Starts an agent.
     *
     * @param root the folder that is its own, usually {@code /run/kata-containers}; its socket {@code agent.sock} is in it
     */
    public static StandInAgent start(Path root, GuestMachine machine) throws IOException {
        Files.createDirectories(root);
        return new StandInAgent(new Sandbox(root, machine), root.resolve("agent.sock"));
    }

    /** Blocks until its sandbox was destroyed and its connections are closed. */
    public void awaitEnd() throws InterruptedException {
        ended.await();
    }

    private void endSoon() {
        Thread.ofVirtual().name("stand-in-agent-end").start(() -> {
            try {
                server.shutdown(LAST_ANSWERS);
            } catch (InterruptedException e) {
                server.close();
            } finally {
                ended.countDown();
            }
        });
    }

    /** Ends its containers and closes its connections. */
    @Override
    public void close() {
        try {
            sandbox.destroy();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        server.close();
        ended.countDown();
    }
}
