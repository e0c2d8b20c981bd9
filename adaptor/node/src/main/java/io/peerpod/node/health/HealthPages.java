// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.health;

import io.peerpod.node.health.HealthServer.Answer;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.node.recorder.Words;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.SessionStatus;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The pages of the health port. None depends on tenants' pods: one that crashes for ever changes nothing here (W-J1). */
public final class HealthPages {
    private static final Duration RELAY_PATIENCE = Duration.ofSeconds(1);

    /** Each of them always has a number, so that an alarm can rest on a zero. */
    private static final List<String> STATES =
            List.of("prepared", "launching", "awaiting-landing", "connecting", "ready", "stopping");

    private HealthPages() {}

    /**
     * The pages by path.
     *
     * @param unready why the daemon cannot serve shims at the moment, empty when it can
     * @param configuration what the last reload came to
     */
    public static Map<String, Supplier<Answer>> of(
            Metrics metrics, Supplier<Optional<String>> unready, Supplier<String> configuration) {
        Supplier<Answer> readiness =
                () -> unready.get().map(why -> new Answer(503, why + "\n")).orElseGet(() -> new Answer(200, "ready\n"));
        return Map.of(
                "/healthz", () -> new Answer(200, "ok\n"),
                "/readyz", readiness,
                "/startup", readiness,
                "/configz", () -> new Answer(200, configuration.get()),
                "/metrics", () -> new Answer(200, metrics.text()));
    }

    /** Lets the metrics count sandboxes and sessions when they are asked for. */
    public static void count(Metrics metrics, Sandboxes sandboxes, RelayControl relay) {
        metrics.sandboxes(() -> {
            Map<String, Double> counts = new TreeMap<>();
            STATES.forEach(state -> counts.put(state, 0.0));
            sandboxes.all().stream()
                    .map(mailbox -> Words.state(mailbox.state()))
                    .filter(counts::containsKey)
                    .forEach(state -> counts.merge(state, 1.0, Double::sum));
            return counts;
        });
        metrics.sessions(() -> sessions(relay));
    }

    private static Map<String, Double> sessions(RelayControl relay) {
        FutureTask<List<SessionStatus>> asked = new FutureTask<>(relay::list);
        Thread.ofVirtual().name("relay-sessions").start(asked);
        try {
            return asked.get(RELAY_PATIENCE.toMillis(), TimeUnit.MILLISECONDS).stream()
                    .collect(Collectors.groupingBy(
                            session -> session.state().name().toLowerCase(Locale.ROOT),
                            TreeMap::new,
                            Collectors.summingDouble(_ -> 1)));
        } catch (ExecutionException | TimeoutException e) {
            return Map.of();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Map.of();
        }
    }
}
