// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import com.google.protobuf.MessageLite;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/** The agent half of a shim: calls with its deadlines over one connection. Every call that was answered is shown to the observer. */
final class AgentCalls implements AutoCloseable {
    static final String AGENT = "grpc.AgentService";
    static final String HEALTH = "grpc.Health";

    private final WireClient client;
    private final ShimHabits habits;
    private final ShimObserver observer;

    AgentCalls(WireClient client, ShimHabits habits, ShimObserver observer) {
        this.client = client;
        this.habits = habits;
        this.observer = observer;
    }

    /** Connects as a shim does: at once, and again without a pause (Go) or after 100 ms (runtime-rs) for half a minute. */
    static WireClient dial(Path socket, ShimHabits habits) throws IOException, InterruptedException {
        long end = System.nanoTime() + ShimHabits.DIAL_BUDGET.toNanos();
        while (true) {
            try {
                return WireClient.connect(socket, habits.writing());
            } catch (IOException e) {
                if (System.nanoTime() > end) {
                    throw new IOException(
                            "nobody listens on " + socket + " (" + e.getMessage() + ") although StartVM was answered",
                            e);
                }
                Thread.sleep(habits == ShimHabits.GO ? 0 : 100);
            }
        }
    }

    WireClient client() {
        return client;
    }

    ShimHabits habits() {
        return habits;
    }

    /** An agent call with the shim's usual deadline. */
    byte[] call(String method, MessageLite request) throws IOException, WireStatusException, InterruptedException {
        return call(AGENT, method, request, habits.callDeadline());
    }

    /** An agent call that may last for ever. */
    byte[] await(String method, MessageLite request) throws IOException, WireStatusException, InterruptedException {
        return call(AGENT, method, request, Duration.ZERO);
    }

    byte[] call(String service, String method, MessageLite request, Duration deadline)
            throws IOException, WireStatusException, InterruptedException {
        long before = System.nanoTime();
        byte[] answer = client.call(service, method, request, deadline);
        observer.answered(method, Duration.ofNanos(System.nanoTime() - before));
        return answer;
    }

    @Override
    public void close() {
        client.close();
    }
}
