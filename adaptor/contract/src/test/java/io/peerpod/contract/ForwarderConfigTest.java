// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.network.PodNetwork.Neighbor;
import io.peerpod.network.PodNetwork.Route;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ForwarderConfigTest {

    @Test
    void aPodWithIpv4HasExactlyTheReferencesKeys() throws ContractException {
        Golden.assertEquals("apf-ipv4.json", Samples.ipv4().write());
        assertThat(parse(Samples.ipv4().write())).isEqualTo(Samples.ipv4());
    }

    @Test
    void ipv6OfADualStackPodStandsUnderKeysThatTheReferenceSkips() throws ContractException {
        String written = Samples.dualStack().write();
        Golden.assertEquals("apf-dual-stack.json", written);
        assertThat(parse(written)).isEqualTo(Samples.dualStack());
        assertThat(written).contains("\"podip\": \"10.20.7.5/32\"", "\"fd00:20:7::5/64\"");
    }

    @Test
    void aPodWithIpv6OnlyIsWrittenAndRead() throws ContractException {
        Golden.assertEquals("apf-ipv6.json", Samples.ipv6().write());
        assertThat(parse(Samples.ipv6().write())).isEqualTo(Samples.ipv6());
    }

    @Test
    void whatIsAbsentIsLeftOutAsInGo() throws ContractException {
        PodNetwork plain = Samples.network(List.of("10.20.7.5/24"), List.of(), List.of());
        PodNetwork network = new PodNetwork(
                plain.addresses(),
                plain.macAddress(),
                "eth0",
                plain.workerAddress(),
                "vxlan",
                List.of(),
                List.of(),
                1400,
                0,
                0,
                0,
                true,
                true);
        ForwarderConfig config = new ForwarderConfig(
                Optional.of(network),
                "",
                "",
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.of("VersionTLS13"),
                List.of("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
        Golden.assertEquals("apf-bare.json", config.write());
        assertThat(parse(config.write())).isEqualTo(config);
    }

    @Test
    void theFileOfTheReferenceAsSeenRunningIsRead() throws ContractException {
        ForwarderConfig config = ForwarderConfig.parse(Golden.bytes("apf-as-the-reference-writes.json"));
        PodNetwork network = config.network().orElseThrow();
        assertThat(network.addresses()).containsExactly(IpPrefix.parse("10.42.3.17/24"));
        assertThat(network.routes().getFirst())
                .isEqualTo(new Route(
                        IpPrefix.parse("0.0.0.0/0"),
                        Optional.of(IpPrefix.parseAddress("10.42.3.1")),
                        Optional.of("eth0"),
                        Optional.of("boot"),
                        Optional.empty()));
        assertThat(network.neighbors()).isEmpty();
        assertThat(network.vxlanId()).isEqualTo(555_001);
    }

    @Test
    void theOldSpellingOfKeysIsRead() throws ContractException {
        ForwarderConfig config = ForwarderConfig.parse(Golden.bytes("apf-old-spelling.json"));
        assertThat(config.network().orElseThrow().routes())
                .containsExactly(new Route(
                        IpPrefix.parse("0.0.0.0/0"),
                        Optional.of(IpPrefix.parseAddress("10.9.0.1")),
                        Optional.of("eth0"),
                        Optional.empty(),
                        Optional.empty()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"0.0.0.0/0\"", "\"::ffff:0.0.0.0/0\"", "\"\"", "null"})
    void everyFormOfTheDefaultRouteIsRead(String dst) throws ContractException {
        ForwarderConfig config = parse(Samples.ipv4().write().replace("\"0.0.0.0/0\"", dst));
        assertThat(config).isEqualTo(Samples.ipv4());
    }

    @Test
    void unknownKeysRemovedKeysAndWhatFollowsAreIgnored() throws ContractException {
        String written = Samples.ipv4().write();
        String more =
                written.replaceFirst("\\{", "{\"sc-pp-prv\": 7, \"sc-wn-pub\": [], \"new\": {\"a\": [1.5e3, {}]},")
                        + "\n{broken behind";
        assertThat(parse(more)).isEqualTo(Samples.ipv4());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"pod-network\": null}", "{\"pod-name\": null, \"tls-cipher-suites\": null}"})
    void aMissingNetworkIsEmpty(String json) throws ContractException {
        assertThat(parse(json).network()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"protocol\": \"kernel\" | \"protocol\": \"bird\"  | pod-network.routes[0].protocol | kernel, boot, static, dhcp",
                "\"scope\": \"link\"      | \"scope\": \"wide\"     | pod-network.routes[0].scope    | universe, site, link",
                "\"gw\": \"10.20.7.1\"    | \"gw\": \"gateway\"     | pod-network.routes[1].gw       | an IP address",
                "\"gw\": \"10.20.7.1\"    | \"gw\": 7               | pod-network.routes[1].gw       | a text",
                "\"dst\": \"0.0.0.0/0\"   | \"dst\": \"0.0.0.0/33\" | pod-network.routes[1].dst      | prefix length",
                "\"mtu\": 1450            | \"mtu\": \"1450\"       | pod-network.mtu                | whole number",
                "\"mtu\": 1450            | \"mtu\": 1450.5         | pod-network.mtu                | whole number",
                "\"mtu\": 1450            | \"mtu\": 1e9            | pod-network.mtu                | whole number",
                "\"mtu\": 1450            | \"mtu\": 99999999999999999999999 | pod-network.mtu       | whole number",
                "\"mtu\": 1450            | \"m\": 1                | pod-network.mtu                | MTU in bytes",
                "\"vxlan-id\": 555003     | \"vxlan-id\": 16777216  | pod-network.vxlan-id           | 16777215",
                "\"vxlan-port\": 4789     | \"vxlan-port\": -1      | pod-network.vxlan-port         | 65535",
                "\"dedicated\": false     | \"dedicated\": 0        | pod-network.dedicated          | true or false",
                "\"interface\": \"eth0\"  | \"interface\": \"../x\" | pod-network.interface          | device name",
                "\"interface\": \"eth0\"  | \"interface\": \"a b\"  | pod-network.interface          | device name",
                "\"pod-hw-addr\": \"0a:58:0a:14:07:05\" | \"pod-hw-addr\": \"0a\" | pod-network.pod-hw-addr | hardware address",
                "\"podip\": \"10.20.7.5/24\" | \"podip\": \"localhost/24\" | pod-network.podip       | prefix length",
                "\"podip\": \"10.20.7.5/24\" | \"podip\": \"\"         | pod-network.podip           | prefix length",
                "\"tunnel-type\": \"vxlan\" | \"tunnel-type\": \"\"    | pod-network.tunnel-type     | tunnel type",
                "\"neighbors\": null      | \"neighbors\": {}       | pod-network.neighbors          | a list",
                "\"neighbors\": null      | \"neighbors\": [7]      | pod-network.neighbors[0]       | an object",
                "\"pod-name\": \"basket-7d4f\" | \"pod-name\": {}   | pod-name                       | a text",
                "\"pod-name\": \"basket-7d4f\" | \"tls-min-version\": \"VersionTLS11\" | tls-min-version | VersionTLS12",
                "\"pod-name\": \"basket-7d4f\" | \"tls-cipher-suites\": [null] | tls-cipher-suites[0] | a text",
                "\"pod-name\": \"basket-7d4f\" | \"POD-Namespace\": \"x\" | pod-namespace           | one spelling",
            })
    void aWrongValueIsRefusedWithItsPath(String good, String bad, String path, String expected) {
        String json = Samples.ipv4().write().replace(good, bad);
        assertThat(json).contains(bad);
        assertThatThrownBy(() -> parse(json)).isInstanceOfSatisfying(ContractException.class, e -> {
            assertThat(e.place()).isEqualTo(path);
            assertThat(e.getMessage()).startsWith("apf.json, " + path).contains(expected);
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "[]",
                "7",
                "null",
                "\"x\"",
                "{",
                "{\"pod-network\":",
                "{\"a\" 1}",
                "{'a': 1}",
                "{\"pod-network\": []}",
                "\ufeff{}",
                "\u0000",
                "{\"a\": 1, \"a\": 2}",
                "{\"pod-name\": \"a\nb\"}",
                "{\"pod-network\": {}}"
            })
    void whatIsNoSuchFileIsRefused(String json) {
        assertThatThrownBy(() -> parse(json))
                .isInstanceOf(ContractException.class)
                .hasMessageStartingWith("apf.json");
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] whole = Samples.dualStack().write().getBytes(StandardCharsets.UTF_8);
        for (int length = 0; length < whole.length; length++) {
            byte[] piece = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> ForwarderConfig.parse(piece)).isInstanceOf(ContractException.class);
        }
    }

    @Test
    void deepNestingLongTextsAndLargeFilesAreRefused() {
        assertThatThrownBy(() -> parse("{\"x\": " + "[".repeat(10_000) + "]".repeat(10_000) + "}"))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("nested");
        assertThatThrownBy(() -> parse("{\"pod-name\": \"" + "x".repeat(300_000) + "\"}"))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("characters a text");
        assertThatThrownBy(() -> ForwarderConfig.parse(new byte[ForwarderConfig.MAX_BYTES + 1]))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("at most 1048576 bytes");
        assertThatThrownBy(() -> parse(Samples.ipv4()
                        .write()
                        .replace("\"neighbors\": null", "\"neighbors\": [" + "7,".repeat(2_000) + "7]")))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("at most 1024 elements");
        assertThatThrownBy(() -> ForwarderConfig.parse(new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'}))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("UTF-8");
    }

    @Test
    void noMessageQuotesTheKey() {
        String json = Samples.ipv4().write().replace("-----END PRIVATE KEY-----\\n\"", "-----END PRIVATE KEY-----\\n");
        assertThatThrownBy(() -> parse(json))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("MIGH"));
        assertThat(Samples.ipv4().toString()).doesNotContain("MIGH");
    }

    @Test
    void theWriterEmitsNothingThatTheReferenceRefuses() {
        Route bird = Samples.route("10.0.0.0/8", "10.20.7.1", "bird", "universe");
        PodNetwork network = Samples.network(List.of("10.20.7.5/24"), List.of(bird), List.of());
        assertThat(Samples.config(network).write()).doesNotContain("bird").doesNotContain("universe");

        Route strange = Samples.route("10.0.0.0/8", "10.20.7.1", "boot", "everywhere");
        assertThatThrownBy(() -> Samples.config(Samples.network(List.of("10.20.7.5/24"), List.of(strange), List.of()))
                        .write())
                .hasMessageContaining("scope 'everywhere'");
        Neighbor neighbor =
                new Neighbor(IpPrefix.parseAddress("10.0.0.1"), "ee:ee:ee:ee:ee:ee", Optional.empty(), "old");
        assertThatThrownBy(() -> Samples.config(Samples.network(List.of("10.20.7.5/24"), List.of(), List.of(neighbor)))
                        .write())
                .hasMessageContaining("state 'old'");
    }

    private static ForwarderConfig parse(String json) throws ContractException {
        return ForwarderConfig.parse(json.getBytes(StandardCharsets.UTF_8));
    }
}
