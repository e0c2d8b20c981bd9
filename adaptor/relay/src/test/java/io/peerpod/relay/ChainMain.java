// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import io.peerpod.relay.guest.GuestLimits;
import io.peerpod.relay.guest.GuestRelay;
import io.peerpod.relay.guest.GuestRelayConfig;
import io.peerpod.relay.guest.GuestTls;
import io.peerpod.relay.guest.RequestEditor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Parts of a relay chain as processes, to be measured and profiled by hand: {@code certificates DIR}, {@code guest DIR SOCKET PORT}, {@code open RELAY DIR SOCKET PORT}. */
final class ChainMain {
    private ChainMain() {}

    /** Runs one part. */
    public static void main(String[] arguments) throws IOException, InterruptedException, RelayException {
        Path folder = Path.of(arguments[arguments[0].equals("open") ? 2 : 1]);
        switch (arguments[0]) {
            case "certificates" -> {
                TestCertificates.Identity authority = TestCertificates.authority();
                TestCertificates.Identity server = TestCertificates.server(authority, "podvm-bench");
                TestCertificates.files(folder, TestCertificates.client(), authority);
                Files.writeString(folder.resolve("server.crt"), server.certificatePem());
                Files.writeString(folder.resolve("server.key"), server.keyPem());
            }
            case "guest" -> {
                GuestTls tls = new GuestTls(
                        Files.readString(folder.resolve("server.crt")),
                        Files.readString(folder.resolve("server.key")),
                        Optional.of(Files.readString(folder.resolve("client.crt"))),
                        false,
                        Optional.empty(),
                        List.of());
                GuestRelay relay = GuestRelay.start(
                        new GuestRelayConfig(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[3])),
                                Path.of(arguments[2]),
                                Optional.of(tls),
                                GuestLimits.DEFAULT),
                        RequestEditor.NONE);
                relay.awaitEnd();
            }
            case "open" -> {
                TlsFiles files = new TlsFiles(
                        folder.resolve("client.crt"),
                        folder.resolve("client.key"),
                        folder.resolve("ca.crt"),
                        Optional.empty(),
                        List.of());
                SessionSpec spec = new SessionSpec(
                        "bench",
                        Path.of(arguments[3]),
                        List.of(InetAddress.getLoopbackAddress()),
                        Integer.parseInt(arguments[4]),
                        Optional.of(files),
                        "podvm-bench");
                try (RelayClient client = RelayClient.connect(Path.of(arguments[1]))) {
                    long start = System.nanoTime();
                    client.open(spec, Duration.ofSeconds(10));
                    System.out.println("open took " + Duration.ofNanos(System.nanoTime() - start));
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }
}
