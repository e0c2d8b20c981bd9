// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudFailure;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Ends a call to the cloud that takes longer than the provider says that one can: the grace of the orphan sweep rests on it. */
public final class CallLimit {
    /** How long a call that was interrupted has to end before it is left to itself. */
    private static final Duration END = Duration.ofSeconds(5);

    private CallLimit() {}

    /** A call of a provider. */
    @FunctionalInterface
    public interface Call<T> {
        T run() throws CloudException, InterruptedException;
    }

    /**
     * Runs the call on a virtual thread of its own.
     *
     * @param what the call in words, for the failure
     * @throws CloudException the call's own, or {@link CloudFailure.OutcomeUnknown} when it took too long
     */
    public static <T> T run(Duration limit, String what, Call<T> call) throws CloudException, InterruptedException {
        FutureTask<T> task = new FutureTask<>(call::run);
        Thread thread = Thread.ofVirtual().name("cloud-call").start(task);
        try {
            return task.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            end(thread);
            throw new CloudException(
                    new CloudFailure.OutcomeUnknown(what + " had no answer for " + limit.toSeconds()
                            + " s and was given up; it may have been done"),
                    e);
        } catch (InterruptedException e) {
            end(thread);
            throw e;
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case CloudException own -> throw own;
                case InterruptedException own -> throw own;
                case RuntimeException own -> throw own;
                case Error own -> throw own;
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    private static void end(Thread thread) {
        thread.interrupt();
        boolean interrupted = false;
        try {
            thread.join(END);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
