// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Libc;
import io.peerpod.network.libc.SocketAddresses;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServiceManagerIT {

    @TempDir
    private Path folder;

    @Test
    void theServiceManagerIsTold() throws Exception {
        String path = folder.resolve("notify").toString();
        Libc libc = Libc.system();
        int socket = libc.socket(Constants.AF_UNIX, Constants.SOCK_DGRAM | Constants.SOCK_CLOEXEC, 0);
        try {
            libc.bind(socket, SocketAddresses.unix(path));
            var manager = new ServiceManager(Optional.of(path));
            manager.ready();
            manager.stopping();
            assertThat(receive(libc, socket)).isEqualTo("READY=1");
            assertThat(receive(libc, socket)).isEqualTo("STOPPING=1");
        } finally {
            libc.close(socket);
        }
    }

    private static String receive(Libc libc, int socket) throws Exception {
        byte[] buffer = new byte[100];
        int length = libc.recv(socket, buffer, 0);
        return new String(buffer, 0, length, StandardCharsets.US_ASCII);
    }

    @Test
    void nobodyToTellIsNoFailure() {
        assertThatCode(() -> new ServiceManager(Optional.empty()).ready()).doesNotThrowAnyException();
        assertThatCode(() -> new ServiceManager(Optional.of(folder + "/gone")).ready())
                .doesNotThrowAnyException();
        assertThatCode(() -> new ServiceManager(Optional.of("x".repeat(200))).ready())
                .doesNotThrowAnyException();
    }
}
