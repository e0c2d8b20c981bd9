// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.contract.ContractException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PatientFetchTest {

    private static final class FakeTime implements PatientFetch.Time {
        private long nanos;
        private final List<Duration> pauses = new ArrayList<>();

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public void sleep(Duration pause) {
            pauses.add(pause);
            nanos += pause.toNanos();
        }

        Duration elapsed() {
            return Duration.ofNanos(nanos);
        }
    }

    private interface Attempt {
        String fetch(int number, Duration budget) throws IOException;
    }

    private final FakeTime time = new FakeTime();
    private int attempts;

    private PatientFetch<String> fetch(Attempt attempt) {
        var source = new UserDataSource() {
            @Override
            public String name() {
                return "test source";
            }

            @Override
            public byte[] fetch(Duration budget) throws IOException {
                return attempt.fetch(++attempts, budget).getBytes(StandardCharsets.UTF_8);
            }
        };
        return new PatientFetch<>(
                source,
                content -> {
                    String text = new String(content, StandardCharsets.UTF_8);
                    if (text.startsWith("bad")) {
                        throw new ContractException("user data", "", "something good", text);
                    }
                    return text;
                },
                time);
    }

    @Test
    void theFirstGoodAnswerIsTaken() throws Exception {
        assertThat(fetch((number, budget) -> "good").within(Duration.ofMinutes(3)))
                .isEqualTo("good");
        assertThat(time.pauses).isEmpty();
    }

    @Test
    void theWholeTimeoutIsUsed() {
        assertThatThrownBy(() -> fetch((number, budget) -> {
                            throw new IOException("connection refused");
                        })
                        .within(Duration.ofMinutes(3)))
                .isInstanceOf(ProvisionException.class)
                .hasMessageContaining("test source")
                .hasMessageContaining("180 s")
                .hasMessageContaining("connection refused")
                .hasMessageContaining(attempts + " attempts");
        assertThat(time.elapsed()).isEqualTo(Duration.ofMinutes(3));
        assertThat(attempts).isGreaterThan(80);
    }

    @Test
    void anAnswerInTheLastSecondsIsStillTaken() throws Exception {
        assertThat(fetch((number, budget) -> {
                            if (time.elapsed().compareTo(Duration.ofSeconds(178)) < 0) {
                                throw new IOException("not yet");
                            }
                            return "late";
                        })
                        .within(Duration.ofMinutes(3)))
                .isEqualTo("late");
    }

    @Test
    void noAttemptMayTakeMoreThanItsShare() throws Exception {
        fetch((number, budget) -> {
                    assertThat(budget).isEqualTo(PatientFetch.ATTEMPT_LIMIT);
                    return "good";
                })
                .within(Duration.ofMinutes(3));
        fetch((number, budget) -> {
                    assertThat(budget).isEqualTo(Duration.ofSeconds(3));
                    return "good";
                })
                .within(Duration.ofSeconds(3));
    }

    @Test
    void halfAnUploadIsReadAgain() throws Exception {
        assertThat(fetch((number, budget) -> number < 5 ? "bad" + number : "good")
                        .within(Duration.ofMinutes(3)))
                .isEqualTo("good");
    }

    @Test
    void contentThatStaysWrongEndsTheWaitEarly() {
        assertThatThrownBy(() -> fetch((number, budget) -> "bad for ever").within(Duration.ofMinutes(3)))
                .isInstanceOf(ProvisionException.class)
                .hasMessageContaining("cannot be used")
                .hasMessageContaining("something good");
        assertThat(time.elapsed()).isBetween(PatientFetch.MALFORMED_PATIENCE, Duration.ofSeconds(20));
    }

    @Test
    void contentThatKeepsChangingIsWaitedFor() {
        assertThatThrownBy(() -> fetch((number, budget) -> "bad" + number).within(Duration.ofMinutes(1)))
                .isInstanceOf(ProvisionException.class)
                .hasMessageContaining("60 s");
    }
}
