// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.DescriptorMessage;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.libc.UnixDatagram;
import io.peerpod.relay.guest.KeptSockets;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Descriptors that the service manager keeps ({@code FDSTORE=1}, sd_notify(3)) and hands to the next process: as {@code LISTEN_FDS} (sd_listen_fds(3)), or, where the manager cannot have its
 * children inherit any, as one message with names and descriptors over the socket that {@code PEERPOD_FDSTORE} names.
 */
final class KeptDescriptors implements KeptSockets {
    private static final Logger log = LoggerFactory.getLogger(KeptDescriptors.class);
    private static final int FIRST_DESCRIPTOR = 3;
    private static final int MAX_NAMES_BYTES = 4096;

    private final String notifySocket;
    private final Map<String, Integer> found = new HashMap<>();

    private KeptDescriptors(String notifySocket) {
        this.notifySocket = notifySocket;
    }

    /** What the manager of this process keeps; empty without a manager. */
    static Optional<KeptDescriptors> of(Map<String, String> environment) {
        String manager = environment.getOrDefault("NOTIFY_SOCKET", "");
        if (manager.isEmpty()) {
            return Optional.empty();
        }
        KeptDescriptors kept = new KeptDescriptors(manager);
        try {
            String store = environment.getOrDefault("PEERPOD_FDSTORE", "");
            if (store.isEmpty()) {
                kept.inherit(environment);
            } else {
                kept.fetch(store);
            }
        } catch (IOException e) {
            log.atError()
                    .addKeyValue("failure", e.getMessage())
                    .log("what the service manager kept for this process cannot be had");
        }
        return Optional.of(kept);
    }

    private void inherit(Map<String, String> environment) throws IOException {
        if (!environment
                .getOrDefault("LISTEN_PID", "")
                .equals(Long.toString(ProcessHandle.current().pid()))) {
            return;
        }
        String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        int count = Integer.parseInt(environment.getOrDefault("LISTEN_FDS", "0"));
        for (int i = 0; i < count; i++) {
            Libc.system().fcntl(FIRST_DESCRIPTOR + i, Constants.F_SETFD, Constants.FD_CLOEXEC);
            remember(i < names.length ? names[i] : "", FIRST_DESCRIPTOR + i);
        }
    }

    private void fetch(String store) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(store))) {
            DescriptorMessage message = Libc.system().recvmsg(AdoptedChannels.descriptor(channel), MAX_NAMES_BYTES, 0);
            String text = new String(message.data(), StandardCharsets.UTF_8).strip();
            String[] names = text.isEmpty() ? new String[0] : text.split(":", -1);
            for (int i = 0; i < message.descriptors().length; i++) {
                remember(i < names.length ? names[i] : "", message.descriptors()[i]);
            }
        }
    }

    private void remember(String name, int descriptor) throws IOException {
        Integer twice = found.put(name, descriptor);
        if (twice != null) {
            Libc.system().close(twice);
        }
    }

    private @Nullable Integer take(String name) {
        return found.remove(name);
    }

    @Override
    public Optional<SocketChannel> agent() throws IOException {
        Integer descriptor = take(AGENT);
        return descriptor == null ? Optional.empty() : Optional.of(AdoptedChannels.stream(descriptor));
    }

    @Override
    public Optional<ServerSocketChannel> listener() throws IOException {
        Integer descriptor = take(LISTENER);
        return descriptor == null ? Optional.empty() : Optional.of(AdoptedChannels.listener(descriptor));
    }

    @Override
    public void keep(String name, Channel socket) {
        forget(name);
        tell("FDSTORE=1\nFDNAME=" + name, AdoptedChannels.descriptor(socket));
    }

    @Override
    public void forget(String name) {
        tell("FDSTOREREMOVE=1\nFDNAME=" + name);
    }

    private void tell(String message, int... descriptors) {
        try {
            UnixDatagram.send(notifySocket, message.getBytes(StandardCharsets.UTF_8), descriptors);
        } catch (IOException | IllegalArgumentException e) {
            log.atWarn()
                    .addKeyValue("failure", e.toString())
                    .log("the service manager keeps no socket for this process; its end will end the pod");
        }
    }
}
