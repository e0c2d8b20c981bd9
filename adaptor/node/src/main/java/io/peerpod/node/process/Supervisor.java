// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import io.peerpod.network.libc.UnixDatagram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Whoever started this process and wants to know how it does, after sd_notify(3). */
public final class Supervisor {
    private static final Logger log = LoggerFactory.getLogger(Supervisor.class);

    private final Optional<String> socket;

    private Supervisor(Optional<String> socket) {
        this.socket = socket;
    }

    /** The supervisor that NOTIFY_SOCKET names, or none. */
    public static Supervisor of(Map<String, String> environment) {
        return new Supervisor(
                Optional.ofNullable(environment.get("NOTIFY_SOCKET")).filter(path -> !path.isEmpty()));
    }

    /** Every service is ready. */
    public void ready() {
        send("READY=1");
    }

    /** The end has begun. */
    public void stopping() {
        send("STOPPING=1");
    }

    private void send(String message) {
        socket.ifPresent(path -> {
            try {
                UnixDatagram.send(path, message.getBytes(StandardCharsets.US_ASCII));
            } catch (IOException | IllegalArgumentException e) {
                log.atWarn().addKeyValue("failure", e.getMessage()).log("the supervisor was not told " + message);
            }
        });
    }
}
