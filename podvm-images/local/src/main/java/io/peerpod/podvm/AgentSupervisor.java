// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm;

import io.peerpod.podvm.agent.GuestMachine;
import io.peerpod.podvm.agent.StandInAgent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps a stand-in agent on its socket: when one has destroyed its sandbox, the next one starts. */
final class AgentSupervisor {
    private static final Logger log = LoggerFactory.getLogger(AgentSupervisor.class);

    private final Path root;
    private final GuestMachine machine;
    private final CompletableFuture<Void> first;
    private final Thread thread;
    private volatile @Nullable StandInAgent running;

    /**
     * Starts.
     *
     * @param first completed when the first agent listens, or cannot
     */
    AgentSupervisor(Path root, GuestMachine machine, CompletableFuture<Void> first) {
        this.root = root;
        this.machine = machine;
        this.first = first;
        this.thread = Thread.ofVirtual().name("agent-supervisor").start(this::run);
    }

    private void run() {
        try {
            while (true) {
                try (StandInAgent agent = StandInAgent.start(root, machine)) {
                    log.atInfo().addKeyValue("folder", root).log("stand-in agent listens");
                    running = agent;
                    first.complete(null);
                    agent.awaitEnd();
                    log.atInfo().log("stand-in agent ended with its sandbox; the next one starts");
                }
            }
        } catch (IOException e) {
            log.atError().setCause(e).log("the stand-in agent cannot start: " + e.getMessage());
            first.completeExceptionally(e);
        } catch (InterruptedException e) {
            // Stopped; leaving the agent's block has ended its containers.
        }
    }

    /** Ends the agent as a crash would: without a word on its connections. The next one starts. */
    void crash() {
        StandInAgent agent = running;
        if (agent != null) {
            log.atWarn().log("the agent is ended as by a crash, as asked for by a signal");
            agent.close();
        }
    }

    /** Ends the agent and its containers. */
    void stop() throws InterruptedException {
        thread.interrupt();
        thread.join();
    }
}
