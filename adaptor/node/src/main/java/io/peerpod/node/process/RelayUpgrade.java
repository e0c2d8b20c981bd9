// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import io.peerpod.relay.RelayBuild;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayInfo;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that the relay is of this daemon's own build: one that another release started is asked to hand everything over to a new one. Until it does, it is worked with as it is: its control protocol only grows. The
 * daemon that started last decides; nobody is replaced twice.
 */
public final class RelayUpgrade {
    /** Between two attempts, when something keeps the older relay. */
    private static final Duration RETRY = Duration.ofMinutes(1);

    private static final Logger log = LoggerFactory.getLogger(RelayUpgrade.class);

    private final RelayLink relay;
    private final RelayProcess process;

    private RelayUpgrade(RelayLink relay, RelayProcess process) {
        this.relay = relay;
        this.process = process;
    }

    /** Begins, beside everything else; ends with the link to the relay, or when nothing is left to do. */
    public static void start(RelayLink relay, RelayProcess process) {
        Thread.ofVirtual().name("relay-upgrade").start(new RelayUpgrade(relay, process)::run);
    }

    private void run() {
        try {
            while (!relay.isClosed()) {
                if (isDone()) {
                    return;
                }
                Thread.sleep(RETRY);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isDone() throws InterruptedException {
        try {
            RelayInfo running = relay.info();
            if (running.build().equals(RelayBuild.current())) {
                return true;
            }
            Optional<String> obstacle = running.protocol() < RelayInfo.HAND_OVER_PROTOCOL
                    ? Optional.of("it is of a release that cannot hand over")
                    : running.obstacle();
            if (obstacle.isPresent()) {
                log.atWarn()
                        .addKeyValue("pid", running.processId())
                        .addKeyValue("version", running.version())
                        .addKeyValue("build", running.build())
                        .addKeyValue("failure", obstacle.get())
                        .addKeyValue("retry", RETRY)
                        .log("the relay is of another build and stays for now; pods are served through it");
                return false;
            }
            log.atInfo()
                    .addKeyValue("pid", running.processId())
                    .addKeyValue("build", running.build())
                    .addKeyValue("sessions", running.sessions())
                    .log("the relay is of another build; a new one takes over from it");
            process.takeOver();
            log.atInfo().addKeyValue("build", RelayBuild.current()).log("the relay was replaced");
            return true;
        } catch (RelayException e) {
            if (!relay.isClosed()) {
                log.atWarn()
                        .addKeyValue("failure", e.getMessage())
                        .addKeyValue("retry", RETRY)
                        .log("the relay was not replaced; pods are served through the one that runs");
            }
            return false;
        }
    }
}
