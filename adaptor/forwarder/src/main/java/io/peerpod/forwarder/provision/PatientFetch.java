// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import io.peerpod.contract.ContractException;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a source again and again for the whole of the given time (W-H2: the time that is promised is the time that is used). What
 * answers but cannot be understood is asked again too, since it may be half an upload; but content that stays the same and
 * stays wrong ends the wait early.
 *
 * @param <T> what the content is understood as
 */
final class PatientFetch<T> {

    /** Longest time one attempt may take, all its requests together. */
    static final Duration ATTEMPT_LIMIT = Duration.ofSeconds(12);

    /** How long content may stay unchanged and wrong. */
    static final Duration MALFORMED_PATIENCE = Duration.ofSeconds(10);

    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);
    private static final Logger log = LoggerFactory.getLogger(PatientFetch.class);

    /** Understands the content. */
    interface Reader<T> {
        T read(byte[] content) throws ContractException;
    }

    /** The clock, so that tests need not wait. */
    interface Time {
        long nanos();

        void sleep(Duration pause) throws InterruptedException;

        /** The real one. */
        static Time real() {
            return new Time() {
                @Override
                public long nanos() {
                    return System.nanoTime();
                }

                @Override
                public void sleep(Duration pause) throws InterruptedException {
                    Thread.sleep(pause);
                }
            };
        }
    }

    private final UserDataSource source;
    private final Reader<T> reader;
    private final Time time;
    private String lastFailure = "nothing was asked";
    private byte @Nullable [] malformed;
    private long malformedSince;

    PatientFetch(UserDataSource source, Reader<T> reader, Time time) {
        this.source = source;
        this.reader = reader;
        this.time = time;
    }

    /**
     * Waits for content that can be understood.
     *
     * @throws ProvisionException naming the source, the time spent, the attempts and the last failure
     */
    T within(Duration timeout) throws ProvisionException, InterruptedException {
        long start = time.nanos();
        long deadline = start + timeout.toNanos();
        Duration pause = FIRST_PAUSE;
        for (int attempt = 1; ; attempt++) {
            Duration left = Duration.ofNanos(deadline - time.nanos());
            try {
                byte[] content = source.fetch(min(ATTEMPT_LIMIT, left));
                return understand(content);
            } catch (IOException e) {
                malformed = null;
                report(attempt, words(e));
            } catch (ContractException e) {
                report(attempt, words(e));
                if (Duration.ofNanos(time.nanos() - malformedSince).compareTo(MALFORMED_PATIENCE) >= 0) {
                    throw new ProvisionException(
                            "The user data from the " + source.name() + " cannot be used: " + words(e)
                                    + ". It stayed the same for " + MALFORMED_PATIENCE.toSeconds()
                                    + " s, so nothing better is expected; whoever creates the VM must correct it.",
                            e);
                }
            }
            left = Duration.ofNanos(deadline - time.nanos());
            if (!left.isPositive()) {
                throw new ProvisionException("No usable user data from the " + source.name() + " within "
                        + timeout.toSeconds() + " s (" + attempt + " attempts). The last one: " + lastFailure
                        + ". Check that the VM was created with user data and that it may reach this source.");
            }
            time.sleep(min(pause, left));
            pause = min(pause.multipliedBy(2), LONGEST_PAUSE);
        }
    }

    private T understand(byte[] content) throws ContractException {
        if (malformed == null || !Arrays.equals(malformed, content)) {
            malformed = content;
            malformedSince = time.nanos();
        }
        return reader.read(content);
    }

    private void report(int attempt, String failure) {
        if (!failure.equals(lastFailure)) {
            log.atWarn()
                    .addKeyValue("attempt", attempt)
                    .addKeyValue("failure", failure)
                    .log("no usable user data yet, asking again");
        }
        lastFailure = failure;
    }

    private static String words(Exception e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private static Duration min(Duration a, Duration b) {
        return a.compareTo(b) <= 0 ? a : b;
    }
}
