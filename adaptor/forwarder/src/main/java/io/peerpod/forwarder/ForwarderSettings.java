// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.contract.GuestPaths;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import io.peerpod.relay.guest.GuestLimits;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The forwarder's settings (adaptor.md 1.4).
 *
 * @param configuration {@code apf.json}
 * @param listen where the node's relay connects
 * @param agentSocket the agent's Unix socket
 * @param podNamespace the pod's network namespace
 * @param hostInterface the VM's interface for a dedicated tunnel; empty takes the one of the default route
 * @param tls what the flags say about TLS
 * @param limits what clients can take
 * @param agentDialTimeout how long the agent is waited for; zero waits for ever
 * @param sessions whether sessions that outlive their connections are offered
 * @param stateFile what a forwarder that is started again needs to know
 * @param withoutPodNetwork serves without setting up any network
 */
record ForwarderSettings(
        Path configuration,
        InetSocketAddress listen,
        Path agentSocket,
        Path podNamespace,
        Optional<String> hostInterface,
        TlsSources tls,
        GuestLimits limits,
        Duration agentDialTimeout,
        boolean sessions,
        Path stateFile,
        boolean withoutPodNetwork) {

    /** The rows of the option table. */
    static final class Table {

        private static final int MOST_CLIENTS = 4096;

        final Options options = new Options(ForwarderMain.PROGRAM);
        private final Option<Boolean> version = options.addSwitch("version", null, false, "Prints the version.");
        private final Option<Path> configuration =
                options.add("config", null, Parsers.path(), GuestPaths.APF_JSON, "The configuration file; must exist.");
        private final Option<InetSocketAddress> listen = options.add(
                "listen", null, Parsers.listenAddress(), "0.0.0.0:15150", "Where the node's relay connects.");
        private final Option<Path> agentSocket = options.add(
                "kata-agent-socket", null, Parsers.path(), GuestPaths.AGENT_SOCKET, "The agent's Unix socket.");
        private final Option<Path> podNamespace = options.add(
                "pod-namespace",
                null,
                Parsers.path(),
                GuestPaths.POD_NETNS,
                "The pod's network namespace: the tunnel ends there, and every container joins it.");
        private final Option<String> hostInterface = options.add(
                "host-interface",
                null,
                Parsers.nonBlank(),
                null,
                "The VM's interface that carries a dedicated tunnel; not set takes the one of the default route.");
        private final Option<Path> authority = options.add(
                "ca-cert-file", null, Parsers.path(), null, "PEM certificates that clients are checked against.");
        private final Option<Path> certificate =
                options.add("cert-file", null, Parsers.path(), null, "PEM certificate of the listener.");
        private final Option<Path> key = options.add("cert-key", null, Parsers.path(), null, "PEM key of -cert-file.");
        private final Option<Boolean> skipVerify = options.addSwitch(
                "tls-skip-verify",
                null,
                false,
                "Accepted for compatibility; not together with an authority for clients.");
        private final Option<Boolean> disableTls =
                options.addSwitch("disable-tls", null, false, "Serves plain TCP, to everybody who reaches the port.");
        private final Option<Boolean> anyClient = options.addSwitch(
                "allow-unauthenticated-clients",
                null,
                false,
                "Serves clients without a certificate when no authority is known; without this flag that is refused.");
        private final Option<Duration> handshakeTimeout = options.add(
                "handshake-timeout",
                null,
                Parsers.duration(Duration.ofSeconds(1), Duration.ofMinutes(5)),
                GuestLimits.DEFAULT.handshakeTimeout().toSeconds() + "s",
                "How long a client may take for the TLS handshake.");
        private final Option<Integer> maxClients = options.add(
                "max-clients",
                null,
                Parsers.integer(1, MOST_CLIENTS),
                String.valueOf(GuestLimits.DEFAULT.maxClients()),
                "Authenticated connections at the same time.");
        private final Option<Duration> agentDialTimeout = options.add(
                "agent-dial-timeout",
                null,
                Parsers.duration(),
                "0",
                "How long the agent's socket is waited for before the forwarder gives up; 0 waits for ever.");
        private final Option<Boolean> sessions = options.addSwitch(
                "sessions",
                null,
                true,
                "Offers sessions that survive the loss of their connection, to relays that know them.");
        private final Option<Duration> sessionPatience = options.add(
                "session-patience",
                null,
                Parsers.duration(Duration.ofSeconds(1), Duration.ofHours(1)),
                GuestLimits.DEFAULT.sessions().patience().toSeconds() + "s",
                "How long a session waits for its relay; longer than relays try (their session-patience).");
        private final Option<Path> stateFile = options.add(
                "state-file",
                null,
                Parsers.path(),
                "/run/peerpod/forwarder.state",
                "What a forwarder that is started again needs to know; on a file system in memory.");
        private final Option<Boolean> withoutPodNetwork = options.addSwitch(
                "without-pod-network",
                null,
                false,
                "Sets up no network: for measurements, or when somebody else does it.");

        /** Whether only the version is wanted. */
        boolean versionRequested(Settings settings) {
            return settings.get(version);
        }

        Settings resolve(List<String> arguments) throws InvalidOptionsException, HelpRequestedException {
            return options.resolve(arguments, Map.of());
        }

        ForwarderSettings read(Settings settings) {
            GuestLimits usual = GuestLimits.DEFAULT;
            return new ForwarderSettings(
                    settings.get(configuration),
                    settings.get(listen),
                    settings.get(agentSocket),
                    settings.get(podNamespace),
                    settings.find(hostInterface),
                    new TlsSources(
                            settings.get(disableTls),
                            settings.get(skipVerify),
                            settings.get(anyClient),
                            settings.find(certificate),
                            settings.find(key),
                            settings.find(authority)),
                    new GuestLimits(
                            settings.get(maxClients),
                            usual.maxSilent(),
                            usual.maxHandshakes(),
                            settings.get(handshakeTimeout),
                            usual.maxWaitingRequests(),
                            usual.maxWaitingBytes(),
                            usual.maxLargeFrames(),
                            usual.pendingBytes(),
                            usual.stallTimeout(),
                            usual.sessions().withPatience(settings.get(sessionPatience))),
                    settings.get(agentDialTimeout),
                    settings.get(sessions),
                    settings.get(stateFile),
                    settings.get(withoutPodNetwork));
        }
    }
}
