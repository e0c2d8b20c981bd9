// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/** What is written is read back the same; the seed is the repetition's number. */
final class RoundTripTest {
    private static final int CASES = 200;
    private static final List<String> ALPHABET = List.of(
            "a",
            "Z",
            "0",
            " ",
            "  ",
            "\t",
            "\n",
            "\n\n",
            ":",
            "#",
            "-",
            "'",
            "\"",
            "\\",
            "{",
            "%",
            "|",
            "&",
            "*",
            "\u00e9",
            "\ud83d\ude00");

    @RepeatedTest(10)
    void apfJson(RepetitionInfo repetition) throws ContractException {
        RandomGenerator random = new Random(repetition.getCurrentRepetition());
        for (int i = 0; i < CASES; i++) {
            ForwarderConfig config = new ForwarderConfig(
                    Optional.of(network(random)),
                    text(random),
                    text(random),
                    some(random, text(random) + "k"),
                    some(random, text(random) + "c"),
                    some(random, text(random) + "a"),
                    some(random, "VersionTLS12"),
                    random.nextBoolean() ? List.of() : List.of("TLS_A", "TLS_B"));
            assertThat(ForwarderConfig.parse(config.write().getBytes(StandardCharsets.UTF_8)))
                    .isEqualTo(config);
        }
    }

    @RepeatedTest(10)
    void userData(RepetitionInfo repetition) throws ContractException {
        RandomGenerator random = new Random(repetition.getCurrentRepetition());
        int written = 0;
        for (int i = 0; i < CASES; i++) {
            String content = text(random) + text(random);
            UserData data = UserData.EMPTY.with("/run/peerpod/x", content).with("/run/peerpod/y", "next");
            String document;
            try {
                document = data.write();
            } catch (ContractException e) {
                assertThat(content.stripLeading()).isNotEqualTo(content);
                continue;
            }
            written++;
            String expected = content.replaceAll("\n+\\z", "");
            UserData read = UserData.parse(document.getBytes(StandardCharsets.UTF_8));
            assertThat(read.content("/run/peerpod/x")).contains(expected.isEmpty() ? "" : expected + "\n");
            assertThat(read.content("/run/peerpod/y")).contains("next\n");
        }
        assertThat(written).isGreaterThan(CASES / 4);
    }

    @RepeatedTest(10)
    void gzip(RepetitionInfo repetition) throws ContractException {
        Random random = new Random(repetition.getCurrentRepetition());
        byte[] bytes = new byte[random.nextInt(100_000)];
        random.nextBytes(bytes);
        assertThat(Gzip.decompress("test", Gzip.compress(bytes), bytes.length)).isEqualTo(bytes);
    }

    private static PodNetwork network(RandomGenerator random) {
        List<IpPrefix> addresses = new ArrayList<>();
        List<Route> routes = new ArrayList<>();
        List<Neighbor> neighbors = new ArrayList<>();
        boolean dual = random.nextBoolean();
        for (boolean ipv4 : dual ? new boolean[] {true, false} : new boolean[] {random.nextBoolean()}) {
            addresses.add(prefix(random, ipv4));
            for (int i = random.nextInt(4); i > 0; i--) {
                routes.add(new Route(
                        prefix(random, ipv4),
                        random.nextBoolean() ? Optional.empty() : Optional.of(address(random, ipv4)),
                        some(random, "eth0"),
                        some(random, ApfNames.PROTOCOLS.get(random.nextInt(ApfNames.PROTOCOLS.size()))),
                        some(random, ApfNames.SCOPES.get(1 + random.nextInt(ApfNames.SCOPES.size() - 1)))));
            }
            for (int i = random.nextInt(3); i > 0; i--) {
                neighbors.add(new Neighbor(
                        address(random, ipv4),
                        "0a:58:0a:14:07:05",
                        some(random, "eth0"),
                        ApfNames.STATES.get(random.nextInt(ApfNames.STATES.size()))));
            }
        }
        return new PodNetwork(
                addresses,
                "0a:58:0a:14:07:05",
                "eth0",
                prefix(random, random.nextBoolean()),
                "vxlan",
                routes,
                neighbors,
                random.nextInt(68, 9_001),
                random.nextInt(Integer.MAX_VALUE),
                random.nextInt(65_536),
                random.nextInt(1 << 24),
                random.nextBoolean(),
                random.nextBoolean());
    }

    private static IpPrefix prefix(RandomGenerator random, boolean ipv4) {
        return new IpPrefix(address(random, ipv4), random.nextInt((ipv4 ? 32 : 128) + 1));
    }

    /** With runs of zeros, which IPv6 shortens; never IPv4-mapped, which Java takes for IPv4. */
    private static InetAddress address(RandomGenerator random, boolean ipv4) {
        byte[] bytes = new byte[ipv4 ? 4 : 16];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = random.nextInt(3) == 0 ? (byte) random.nextInt() : 0;
        }
        bytes[0] = 0x20;
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private static String text(RandomGenerator random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i > 0; i--) {
            text.append(ALPHABET.get(random.nextInt(ALPHABET.size())));
        }
        return text.toString();
    }

    private static Optional<String> some(RandomGenerator random, String value) {
        return random.nextBoolean() ? Optional.of(value) : Optional.empty();
    }
}
