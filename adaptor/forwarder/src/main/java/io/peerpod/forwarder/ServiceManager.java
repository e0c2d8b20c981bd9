// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.network.libc.UnixDatagram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the service manager how far we are: {@code sd_notify(3)}.
 *
 * @param socket the value of {@code NOTIFY_SOCKET}; empty tells nobody
 */
record ServiceManager(Optional<String> socket) {

    private static final Logger log = LoggerFactory.getLogger(ServiceManager.class);

    /** The one that started this process, if any did. */
    static ServiceManager ofThisProcess() {
        return new ServiceManager(
                Optional.ofNullable(System.getenv("NOTIFY_SOCKET")).filter(path -> !path.isEmpty()));
    }

    void ready() {
        tell("READY=1");
    }

    void stopping() {
        tell("STOPPING=1");
    }

    private void tell(String state) {
        if (socket.isEmpty()) {
            return;
        }
        try {
            UnixDatagram.send(socket.get(), state.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException | IllegalArgumentException e) {
            log.atWarn().addKeyValue("failure", e.toString()).log("the service manager cannot be told: " + state);
        }
    }
}
