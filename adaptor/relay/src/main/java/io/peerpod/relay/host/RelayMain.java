// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

/** The relay process: {@code peerpod-relay -control-socket PATH}. */
public final class RelayMain {
    private RelayMain() {}

    /** Serves the control socket until SIGTERM. */
    public static void main(String[] arguments) {
        System.err.println("peerpod-relay: not built yet");
        System.exit(1);
    }
}
