// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NetworkNamespaceIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void needRights() {
        Privileges.assumeNetworkAdministrator();
    }

    private static Object number(Path path) throws IOException {
        return Files.getAttribute(path, "unix:ino");
    }

    @Test
    void aNamedNamespaceIsCreatedOnceAndRemovedTwice() throws Exception {
        Path path = folder.resolve("a/ns");
        Files.createDirectories(path.getParent());
        // What a kill before the mount leaves behind.
        Files.createFile(path);
        assertThatThrownBy(() -> NetworkNamespace.open(path)).isInstanceOf(NoSuchFileException.class);
        try (NetworkNamespace first = NetworkNamespace.create(path);
                NetworkNamespace second = NetworkNamespace.create(path);
                RouteNetlink netlink = second.routeNetlink()) {
            Path own = Path.of("/proc/thread-self/ns/net");
            assertThat(first.call(() -> number(own))).isEqualTo(second.call(() -> number(own)));
            assertThat(first.call(() -> number(own))).isNotEqualTo(number(own));
            assertThat(netlink.link("lo").orElseThrow().isUp()).isTrue();
        } finally {
            NetworkNamespace.remove(path);
            NetworkNamespace.remove(path);
        }
        assertThat(path).doesNotExist();
        assertThatThrownBy(() -> NetworkNamespace.open(path)).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void workInsideThrowsToTheCallerAndLeavesItsThreadWhereItWas() throws Exception {
        try (NetworkNamespace namespace = NetworkNamespace.createUnnamed()) {
            Path own = Path.of("/proc/thread-self/ns/net");
            Object before = number(own);
            assertThatThrownBy(() -> namespace.call(() -> {
                        throw new IllegalArgumentException("mine");
                    }))
                    .hasMessage("mine");
            assertThatThrownBy(() -> namespace.run(() -> {
                        throw new IOException("also mine");
                    }))
                    .isInstanceOf(IOException.class)
                    .hasMessage("also mine");
            assertThat(number(own)).isEqualTo(before);
        }
    }

    @Test
    void anInterruptReachesTheWorkAndTheWorkIsWaitedFor() throws Exception {
        try (NetworkNamespace namespace = NetworkNamespace.createUnnamed()) {
            CountDownLatch started = new CountDownLatch(1);
            AtomicReference<Exception> seen = new AtomicReference<>();
            Thread caller = Thread.ofVirtual().start(() -> {
                try {
                    namespace.call(() -> {
                        started.countDown();
                        Thread.sleep(600_000);
                        return "never";
                    });
                } catch (Exception e) {
                    seen.set(e);
                }
            });
            started.await();
            caller.interrupt();
            caller.join();
            assertThat(seen.get()).isInstanceOf(InterruptedException.class);
        }
    }

    @Test
    void netlinkOpenedInsideStaysInside() throws Exception {
        RouteNetlink netlink;
        try (NetworkNamespace namespace = NetworkNamespace.createUnnamed()) {
            netlink = namespace.routeNetlink();
        }
        try (netlink) {
            netlink.createVeth("only-here", "peer");
            try (NetworkNamespace own = NetworkNamespace.current();
                    RouteNetlink outside = own.routeNetlink()) {
                assertThat(outside.link("only-here")).isEmpty();
            }
            assertThat(netlink.link("only-here")).map(Link::name).contains("only-here");
        }
    }
}
