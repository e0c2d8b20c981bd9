// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.contract.ContractException;
import io.peerpod.contract.ForwarderConfig;
import io.peerpod.forwarder.edit.AgentRequestEditor;
import io.peerpod.network.PodNetwork;
import io.peerpod.relay.guest.GuestRelay;
import io.peerpod.relay.guest.GuestRelayConfig;
import io.peerpod.relay.guest.GuestTls;
import io.peerpod.relay.guest.KeptSockets;
import io.peerpod.relay.guest.Survival;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The forwarder: the pod's network first, then the listener. Whoever gets an answer of the agent through it knows that the pod's
 * network stands.
 *
 * <p>Starting again after any end, also a kill, finds what is there and goes on.
 */
final class Forwarder implements AutoCloseable {

    private static final Duration AGENT_REMINDER = Duration.ofSeconds(30);
    private static final Duration AGENT_POLL = Duration.ofMillis(100);
    private static final Logger log = LoggerFactory.getLogger(Forwarder.class);

    private final ForwarderSettings settings;
    private final PodNetworkHalf networkHalf;
    private final Optional<PodNetwork> network;
    private final GuestRelay relay;

    private Forwarder(
            ForwarderSettings settings, PodNetworkHalf networkHalf, Optional<PodNetwork> network, GuestRelay relay) {
        this.settings = settings;
        this.networkHalf = networkHalf;
        this.network = network;
        this.relay = relay;
    }

    /**
     * Starts; returns when the port is open.
     *
     * @throws ForwarderException in words; then nothing is left open, but the network may be partly there for the next start
     */
    static Forwarder start(ForwarderSettings settings, PodNetworkHalf networkHalf)
            throws ForwarderException, InterruptedException {
        return start(settings, networkHalf, Optional.empty());
    }

    /**
     * The same, surviving its process.
     *
     * @param kept sockets that the service manager keeps; empty without one
     */
    static Forwarder start(ForwarderSettings settings, PodNetworkHalf networkHalf, Optional<? extends KeptSockets> kept)
            throws ForwarderException, InterruptedException {
        ForwarderConfig config = configuration(settings.configuration());
        Optional<GuestTls> tls = settings.tls().merge(config);
        FutureTask<GuestRelay.Prepared> prepared = prepare(new GuestRelayConfig(
                settings.listen(),
                settings.agentSocket(),
                tls,
                settings.limits(),
                settings.sessions(),
                kept.map(sockets -> new Survival(sockets, settings.stateFile()))));
        Optional<PodNetwork> network = Optional.empty();
        if (!settings.withoutPodNetwork()) {
            network = Optional.of(setUpNetwork(settings, networkHalf, config));
        }
        try {
            GuestRelay relay = prepared.get().start(new AgentRequestEditor(settings.podNamespace()));
            log.atInfo()
                    .addKeyValue("pod", config.podName())
                    .addKeyValue("namespace", config.podNamespace())
                    .addKeyValue("listen", relay.address())
                    .addKeyValue("clients", admission(tls))
                    .log("the forwarder is listening");
            return new Forwarder(settings, networkHalf, network, relay);
        } catch (IOException e) {
            throw new ForwarderException(
                    "Listening on " + settings.listen() + " failed: " + e.getMessage()
                            + ". Another forwarder may be running; -listen takes another port.",
                    e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new ForwarderException(
                    "The TLS material cannot be used: " + cause.getMessage() + ". It comes from the flags or from "
                            + settings.configuration() + ".",
                    cause);
        }
    }

    private static ForwarderConfig configuration(Path file) throws ForwarderException {
        byte[] json;
        try (InputStream in = Files.newInputStream(file)) {
            json = in.readNBytes(ForwarderConfig.MAX_BYTES + 1);
        } catch (NoSuchFileException e) {
            throw new ForwarderException(
                    "The configuration " + file
                            + " does not exist. process-user-data (or cloud-init) must write it before"
                            + " the forwarder starts; its log says why it did not.",
                    e);
        } catch (IOException e) {
            throw new ForwarderException("The configuration " + file + " cannot be read: " + e + ".", e);
        }
        try {
            return ForwarderConfig.parse(json);
        } catch (ContractException e) {
            throw new ForwarderException(
                    "The configuration " + file + " cannot be used: " + e.getMessage()
                            + ". The adaptor on the worker node wrote it; look at its version.",
                    e);
        }
    }

    private static PodNetwork setUpNetwork(
            ForwarderSettings settings, PodNetworkHalf networkHalf, ForwarderConfig config)
            throws ForwarderException, InterruptedException {
        PodNetwork network = config.network()
                .orElseThrow(() -> new ForwarderException("The configuration " + settings.configuration()
                        + " has no pod-network, so the pod would have no address. The adaptor on the worker node must write"
                        + " one (-without-pod-network serves without)."));
        long started = System.nanoTime();
        try {
            networkHalf.setUp(network, settings.podNamespace(), settings.hostInterface());
        } catch (IOException e) {
            throw new ForwarderException("The pod's network cannot be set up: " + e.getMessage(), e);
        }
        log.atInfo()
                .addKeyValue("took", Duration.ofNanos(System.nanoTime() - started))
                .addKeyValue("addresses", network.addresses())
                .log("the pod's network stands");
        return network;
    }

    /** Reads and tries the key material beside the work on the network; each takes about as long as the other. */
    private static FutureTask<GuestRelay.Prepared> prepare(GuestRelayConfig config) {
        var task = new FutureTask<>(() -> GuestRelay.prepare(config));
        Thread.ofPlatform().daemon().name("tls-preparation").start(task);
        return task;
    }

    private static String admission(Optional<GuestTls> tls) {
        if (tls.isEmpty()) {
            return "anybody, without TLS";
        }
        return tls.get().clientAuthority().isPresent() ? "with a certificate" : "anybody";
    }

    /** Where it listens. */
    InetSocketAddress address() {
        return relay.address();
    }

    /**
     * Waits for the agent, with a reminder in the log now and then.
     *
     * @throws ForwarderException if it did not come within the time that the settings give it
     */
    void awaitAgent() throws ForwarderException, InterruptedException {
        long started = System.nanoTime();
        Duration next = AGENT_REMINDER;
        while (!relay.agentConnected()) {
            Duration waited = Duration.ofNanos(System.nanoTime() - started);
            Duration limit = settings.agentDialTimeout();
            if (!limit.isZero() && waited.compareTo(limit) >= 0) {
                throw new ForwarderException("The agent did not open " + settings.agentSocket() + " within "
                        + limit.toSeconds() + " s. Look at the agent's log; -kata-agent-socket names its socket.");
            }
            if (waited.compareTo(next) >= 0) {
                log.atWarn()
                        .addKeyValue("socket", settings.agentSocket())
                        .addKeyValue("took", waited)
                        .log("still waiting for the agent");
                next = next.plus(AGENT_REMINDER);
            }
            Thread.sleep(AGENT_POLL);
        }
    }

    /** Blocks until {@link #close}, or until serving ended by itself. */
    void awaitEnd() throws InterruptedException {
        relay.awaitEnd();
    }

    /** Closes the listener and every connection, then takes the pod's network away. */
    @Override
    public void close() {
        relay.close();
        if (network.isEmpty()) {
            return;
        }
        try {
            networkHalf.tearDown(network.get(), settings.podNamespace());
        } catch (IOException e) {
            log.atWarn().addKeyValue("failure", e.getMessage()).log("the pod's network was not taken away completely");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
