// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.HypervisorGrpc.HypervisorBlockingStub;
import io.peerpod.ttrpc.TtrpcChannel;
import io.peerpod.ttrpc.TtrpcServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The daemon that took the socket over from this one. A call that reached this one, or was waiting here, is asked again there and gets its answer from there: a second StartVM joins the sandbox that the
 * first one began, and the other calls may be repeated.
 */
public final class NewerDaemon {
    /** What a daemon that is asked to end says to whoever still waits. */
    public static final String ENDING = "the daemon is ending; the call can be made again";

    /** For a caller without a deadline of its own. */
    private static final Duration LIMIT = Duration.ofMinutes(10);

    private static final Duration PAUSE = Duration.ofMillis(50);

    private final Path socket;
    private volatile boolean here;

    /** One that may come to this socket. */
    public NewerDaemon(Path socket) {
        this.socket = socket;
    }

    /** It has come, and this daemon lets go of everything. */
    public void tookOver() {
        here = true;
    }

    /** Whether it has. */
    public boolean isHere() {
        return here;
    }

    /**
     * Asks it. While it is being restarted, or replaced in turn, it is waited for.
     *
     * @throws StatusRuntimeException its answer, when that is an error
     */
    public <T> T ask(Function<HypervisorBlockingStub, T> call) throws InterruptedException {
        Deadline given = TtrpcServer.CALL_DEADLINE.get(Context.current());
        Deadline deadline = given == null ? Deadline.after(LIMIT.toNanos(), TimeUnit.NANOSECONDS) : given;
        while (true) {
            try (TtrpcChannel channel = TtrpcChannel.connect(socket)) {
                try {
                    return call.apply(HypervisorGrpc.newBlockingStub(channel).withDeadline(deadline));
                } catch (StatusRuntimeException e) {
                    if (deadline.isExpired() || !isUnanswered(e.getStatus(), channel)) {
                        throw e;
                    }
                }
            } catch (IOException e) {
                if (deadline.isExpired()) {
                    throw Status.UNAVAILABLE
                            .withDescription("this daemon was replaced, and the newer one does not serve " + socket
                                    + ": " + e.getMessage())
                            .withCause(e)
                            .asRuntimeException();
                }
            }
            Thread.sleep(PAUSE);
        }
    }

    /** A pod that did not start is UNAVAILABLE too, and an answer. */
    private static boolean isUnanswered(Status status, TtrpcChannel channel) {
        boolean ending = ENDING.equals(status.getDescription());
        return status.getCode() == Status.Code.UNAVAILABLE && (ending || !channel.isOpen());
    }
}
