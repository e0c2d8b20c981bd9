// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.contract.ForwarderConfig;
import io.peerpod.relay.guest.GuestTls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsSourcesTest {

    private static final TlsSources NO_FLAGS =
            new TlsSources(false, false, false, Optional.empty(), Optional.empty(), Optional.empty());

    @TempDir
    private Path folder;

    private static ForwarderConfig config(String key, String certificate, String authority) {
        return new ForwarderConfig(
                Optional.empty(),
                "default",
                "pod",
                Optional.of(key).filter(text -> !text.isEmpty()),
                Optional.of(certificate).filter(text -> !text.isEmpty()),
                Optional.of(authority).filter(text -> !text.isEmpty()),
                Optional.of("VersionTLS12"),
                List.of("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    }

    private Path file(String name) throws IOException {
        return Files.writeString(folder.resolve(name), name);
    }

    @Test
    void theConfigurationFillsWhatTheFlagsLeaveOpen() throws Exception {
        GuestTls tls = NO_FLAGS.merge(config("k", "c", "a")).orElseThrow();
        assertThat(tls.key()).isEqualTo("k");
        assertThat(tls.certificate()).isEqualTo("c");
        assertThat(tls.clientAuthority()).contains("a");
        assertThat(tls.minVersion()).contains("VersionTLS12");
        assertThat(tls.cipherSuites()).containsExactly("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    }

    @Test
    void flagsWin() throws Exception {
        var flags = new TlsSources(
                false, false, false, Optional.of(file("cert")), Optional.of(file("key")), Optional.of(file("ca")));
        GuestTls tls = flags.merge(config("k", "c", "a")).orElseThrow();
        assertThat(tls.key()).isEqualTo("key");
        assertThat(tls.certificate()).isEqualTo("cert");
        assertThat(tls.clientAuthority()).contains("ca");
    }

    @Test
    void certificateAndKeyAreTakenAsAPairAndTheAuthorityByItself() throws Exception {
        var flags = new TlsSources(
                false, false, false, Optional.of(file("cert")), Optional.of(file("key")), Optional.empty());
        GuestTls tls = flags.merge(config("k", "c", "a")).orElseThrow();
        assertThat(tls.certificate()).isEqualTo("cert");
        assertThat(tls.clientAuthority()).contains("a");
        var half = new TlsSources(false, false, false, Optional.of(file("cert")), Optional.empty(), Optional.empty());
        assertThatThrownBy(() -> half.merge(config("k", "c", "a"))).hasMessageContaining("Only -cert-file is given");
    }

    @Test
    void withoutAnAuthorityNobodyIsServed() {
        assertThatThrownBy(() -> NO_FLAGS.merge(config("k", "c", "")))
                .isInstanceOf(ForwarderException.class)
                .hasMessageContaining("no authority")
                .hasMessageContaining("-allow-unauthenticated-clients");
    }

    @Test
    void skippingVerificationOpensNothingByItself() {
        var skip = new TlsSources(false, true, false, Optional.empty(), Optional.empty(), Optional.empty());
        assertThatThrownBy(() -> skip.merge(config("k", "c", ""))).hasMessageContaining("no authority");
        assertThatThrownBy(() -> skip.merge(config("k", "c", "a"))).hasMessageContaining("contradict");
    }

    @Test
    void theOldBehaviourMustBeAskedFor() throws Exception {
        var open = new TlsSources(false, false, true, Optional.empty(), Optional.empty(), Optional.empty());
        assertThat(open.merge(config("k", "c", "")).orElseThrow().anyClient()).isTrue();
        assertThat(open.merge(config("k", "c", "a")).orElseThrow().clientAuthority())
                .contains("a");
    }

    @Test
    void withoutACertificateTheMessageSaysWhereItComesFrom() {
        assertThatThrownBy(() -> NO_FLAGS.merge(config("", "", ""))).hasMessageContaining("tls-server-cert");
        assertThatThrownBy(() -> NO_FLAGS.merge(config("", "c", "a"))).hasMessageContaining("no key");
    }

    @Test
    void withoutTlsNothingIsNeeded() throws Exception {
        var plain = new TlsSources(true, false, false, Optional.empty(), Optional.empty(), Optional.empty());
        assertThat(plain.merge(config("", "", ""))).isEmpty();
    }

    @Test
    void aMissingFileIsNamedWithItsFlag() {
        var flags = new TlsSources(
                false, false, false, Optional.empty(), Optional.empty(), Optional.of(folder.resolve("none.pem")));
        assertThatThrownBy(() -> flags.merge(config("k", "c", "a")))
                .hasMessageContaining("-ca-cert-file")
                .hasMessageContaining("none.pem");
    }
}
