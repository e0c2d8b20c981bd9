// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm;

import io.peerpod.network.libc.AdoptedChannels;
import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.DescriptorMessage;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.libc.SocketAddresses;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps descriptors for a child that may be killed, as systemd's FDSTORE does: sd_notify(3) puts them in and takes them out. A child of a Java process inherits none, so the next one fetches them
 * over a second socket, in one message with their names.
 */
final class DescriptorStore {
    private static final Logger log = LoggerFactory.getLogger(DescriptorStore.class);
    private static final int MAX_MESSAGE_BYTES = 4096;
    private static final int MAX_KEPT = 16;

    private final Map<String, Integer> kept = new LinkedHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Path notifySocket;
    private final Path fetchSocket;

    private DescriptorStore(Path folder) {
        notifySocket = folder.resolve("init.notify");
        fetchSocket = folder.resolve("init.fdstore");
    }

    /** Serves both sockets in this folder for as long as this process lives. */
    static DescriptorStore serve(Path folder) throws IOException {
        Files.createDirectories(folder);
        DescriptorStore store = new DescriptorStore(folder);
        Files.deleteIfExists(store.notifySocket);
        Files.deleteIfExists(store.fetchSocket);
        Libc libc = Libc.system();
        int socket = libc.socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
        libc.bind(socket, SocketAddresses.unix(store.notifySocket.toString()));
        libc.chmod(store.notifySocket.toString(), 0600);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(store.fetchSocket));
        libc.chmod(store.fetchSocket.toString(), 0600);
        // The first waits in a call that would pin a carrier.
        Thread.ofPlatform().daemon().name("fdstore").start(() -> store.receive(socket));
        Thread.ofVirtual().name("fdstore-fetch").start(() -> store.giveOut(listener));
        return store;
    }

    /** What the child's environment has to say. */
    Map<String, String> environment() {
        return Map.of("NOTIFY_SOCKET", notifySocket.toString(), "PEERPOD_FDSTORE", fetchSocket.toString());
    }

    private void receive(int socket) {
        try {
            while (true) {
                heed(Libc.system().recvmsg(socket, MAX_MESSAGE_BYTES, 0));
            }
        } catch (ErrnoException e) {
            log.atError().addKeyValue("failure", e.getMessage()).log("descriptors are no longer kept");
        }
    }

    private void heed(DescriptorMessage message) throws ErrnoException {
        String name = "";
        boolean stores = false;
        boolean removes = false;
        for (String line : new String(message.data(), StandardCharsets.UTF_8).split("\n", -1)) {
            if (line.startsWith("FDNAME=")) {
                name = line.substring("FDNAME=".length());
            }
            stores |= line.equals("FDSTORE=1");
            removes |= line.equals("FDSTOREREMOVE=1");
        }
        lock.lock();
        try {
            Integer before = removes ? kept.remove(name) : null;
            if (before != null) {
                Libc.system().close(before);
            }
            for (int descriptor : message.descriptors()) {
                if (stores && !kept.containsKey(name) && kept.size() < MAX_KEPT) {
                    kept.put(name, descriptor);
                } else {
                    Libc.system().close(descriptor);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void giveOut(ServerSocketChannel listener) {
        while (true) {
            try (SocketChannel child = listener.accept()) {
                lock.lock();
                try {
                    int[] descriptors =
                            kept.values().stream().mapToInt(Integer::intValue).toArray();
                    byte[] names = (String.join(":", kept.keySet()) + "\n").getBytes(StandardCharsets.UTF_8);
                    Libc.system()
                            .sendmsg(
                                    AdoptedChannels.descriptor(child),
                                    names,
                                    Constants.MSG_NOSIGNAL,
                                    new byte[0],
                                    descriptors);
                } finally {
                    lock.unlock();
                }
            } catch (IOException e) {
                log.atWarn().addKeyValue("failure", e.getMessage()).log("kept descriptors were not fetched");
            }
        }
    }
}
