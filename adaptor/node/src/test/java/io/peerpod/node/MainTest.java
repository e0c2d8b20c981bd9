// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The daemon's option table (adaptor.md 1.2). */
class MainTest {
    private final Options table = new Options("cloud-api-adaptor test");
    private final NodeOptions options = NodeOptions.declare(table, "worker-1");

    private NodeConfig read(List<String> arguments, Map<String, String> environment) throws Exception {
        Settings settings = table.resolve(arguments, environment);
        return options.read(settings);
    }

    @Test
    void defaultsAreThoseOfTheReference() throws Exception {
        NodeConfig config = read(List.of(), Map.of());
        assertThat(config.socket()).isEqualTo(Path.of("/run/peerpod/hypervisor.sock"));
        assertThat(config.podsDir()).isEqualTo(Path.of("/run/peerpod/pods"));
        assertThat(config.forwarderPort()).isEqualTo(15150);
        assertThat(config.proxyTimeout()).isEqualTo(Duration.ofMinutes(5));
        assertThat(config.vxlanPort()).isEqualTo(4789);
        assertThat(config.vxlanMinId()).isEqualTo(555_000);
        assertThat(config.stateDir()).isEqualTo(Path.of("/run/peerpod/state"));
        assertThat(config.nodeName()).isEqualTo("worker-1");
        assertThat(config.tls().disabled()).isFalse();
    }

    @Test
    void everyFlagAndVariableOfTheReferenceIsKnown() throws Exception {
        Map<String, String> flags = Map.ofEntries(
                Map.entry("socket", "REMOTE_HYPERVISOR_ENDPOINT"),
                Map.entry("pods-dir", "PODS_DIR"),
                Map.entry("pause-image", "PAUSE_IMAGE"),
                Map.entry("forwarder-port", "FORWARDER_PORT"),
                Map.entry("ca-cert-file", "CACERT_FILE"),
                Map.entry("cert-file", "CERT_FILE"),
                Map.entry("cert-key", "CERT_KEY"),
                Map.entry("tls-skip-verify", "TLS_SKIP_VERIFY"),
                Map.entry("tls-min-version", "TLS_MIN_VERSION"),
                Map.entry("tls-cipher-suites", "TLS_CIPHER_SUITES"),
                Map.entry("proxy-timeout", "PROXY_TIMEOUT"),
                Map.entry("tunnel-type", "TUNNEL_TYPE"),
                Map.entry("vxlan-port", "VXLAN_PORT"),
                Map.entry("initdata", "INITDATA"),
                Map.entry("cloud-config-verify", "CLOUD_CONFIG_VERIFY"),
                Map.entry("peerpods-limit-per-node", "PEERPODS_LIMIT_PER_NODE"),
                Map.entry("enable-scratch-space", "ENABLE_SCRATCH_SPACE"),
                Map.entry("ext-network-via-podvm", "EXTERNAL_NETWORK_VIA_PODVM"),
                Map.entry("pod-subnet-cidrs", "POD_SUBNET_CIDRS"),
                Map.entry("disable-tls", ""),
                Map.entry("host-interface", ""),
                Map.entry("vxlan-min-id", ""));
        flags.forEach((flag, variable) -> assertThat(table.rows()).as(flag).anySatisfy(row -> {
            assertThat(row.flag()).isEqualTo(flag);
            assertThat(row.variable().orElse("")).isEqualTo(variable);
        }));
        assertThat(read(List.of("-pod-subnet-cidrs", "10.1.0.0/16"), Map.of("POD_SUBNET_CIDRS", "10.0.0.0/16"))
                        .podSubnets())
                .hasSize(2);
    }

    @Test
    void everyFlagHasTheDefaultOfTheReference() {
        Map<String, String> defaults = Map.ofEntries(
                Map.entry("socket", "/run/peerpod/hypervisor.sock"),
                Map.entry("pods-dir", "/run/peerpod/pods"),
                Map.entry("pause-image", ""),
                Map.entry("forwarder-port", "15150"),
                Map.entry("ca-cert-file", ""),
                Map.entry("cert-file", ""),
                Map.entry("cert-key", ""),
                Map.entry("tls-skip-verify", "false"),
                Map.entry("tls-min-version", ""),
                Map.entry("tls-cipher-suites", ""),
                Map.entry("proxy-timeout", "5m"),
                Map.entry("tunnel-type", "vxlan"),
                Map.entry("vxlan-port", "4789"),
                Map.entry("initdata", ""),
                Map.entry("cloud-config-verify", "false"),
                Map.entry("peerpods-limit-per-node", "10"),
                Map.entry("enable-scratch-space", "false"),
                Map.entry("ext-network-via-podvm", "false"),
                Map.entry("pod-subnet-cidrs", ""),
                Map.entry("disable-tls", "false"),
                Map.entry("host-interface", ""),
                Map.entry("vxlan-min-id", "555000"));
        assertThat(table.rows())
                .filteredOn(row -> defaults.containsKey(row.flag()))
                .hasSize(defaults.size())
                .allSatisfy(row ->
                        assertThat(row.defaultText().orElse("")).as(row.flag()).isEqualTo(defaults.get(row.flag())));
    }

    @Test
    void badValuesAreRefusedAllAtOnce() {
        InvalidOptionsException refused = catchThrowableOfType(
                InvalidOptionsException.class,
                () -> read(
                        List.of(
                                "-forwarder-port",
                                "0",
                                "-tunnel-type=gre",
                                "-pods-dir",
                                "/x".repeat(50),
                                "-socket",
                                "/s".repeat(60)),
                        Map.of(
                                "PROXY_TIMEOUT",
                                "5",
                                "INITDATA",
                                "secret-but-wrong",
                                "ENABLE_SCRATCH_SPACE",
                                "perhaps")));
        assertThat(refused.problems()).hasSize(7);
        assertThat(refused.getMessage())
                .contains(
                        "-forwarder-port",
                        "-tunnel-type",
                        "-pods-dir",
                        "-socket",
                        "PROXY_TIMEOUT",
                        "INITDATA",
                        "sun_path")
                .doesNotContain("secret-but-wrong");
    }

    @Test
    void aColonInThePodsFolderIsRefusedSinceShimsSplitThere() {
        assertThat(catchThrowableOfType(
                                InvalidOptionsException.class, () -> read(List.of("-pods-dir", "/run/a:b"), Map.of()))
                        .problems())
                .singleElement()
                .asString()
                .contains("colon");
    }
}
