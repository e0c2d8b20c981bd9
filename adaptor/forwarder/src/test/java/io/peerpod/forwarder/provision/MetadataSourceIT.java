// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.Test;

class MetadataSourceIT {

    private static final String USER_DATA =
            "#cloud-config\n\nwrite_files:\n  - path: /run/peerpod/apf.json\n    content: |\n      {}\n";
    private static final Duration BUDGET = Duration.ofSeconds(20);

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Test
    void azureIsAskedWithItsHeaderAndItsBase64IsDecoded() throws Exception {
        try (var service =
                ScriptedService.answering((asked, out) -> ScriptedService.send(out, 200, base64(USER_DATA) + "\n"))) {
            assertThat(text(MetadataSource.azure(service.address()).fetch(BUDGET)))
                    .isEqualTo(USER_DATA);
            var asked = service.asked().getFirst();
            assertThat(asked.method()).isEqualTo("GET");
            assertThat(asked.target())
                    .isEqualTo("/metadata/instance/compute/userData?api-version=2021-01-01&format=text");
            assertThat(asked.header("Metadata")).isEqualTo("true");
        }
    }

    @Test
    void awsIsAskedForATokenFirst() throws Exception {
        try (var service = ScriptedService.answering(
                (asked, out) -> ScriptedService.send(out, 200, asked.method().equals("PUT") ? "t0ken==" : USER_DATA))) {
            assertThat(text(MetadataSource.aws(service.address(), false).fetch(BUDGET)))
                    .isEqualTo(USER_DATA);
            assertThat(service.asked())
                    .extracting(ScriptedService.Asked::target)
                    .containsExactly("/latest/api/token", "/latest/user-data");
            assertThat(service.asked().get(0).header("X-aws-ec2-metadata-token-ttl-seconds"))
                    .isEqualTo("60");
            assertThat(service.asked().get(1).header("X-aws-ec2-metadata-token"))
                    .isEqualTo("t0ken==");
        }
    }

    @Test
    void awsWithoutATokenIsARefusalNotADowngrade() throws Exception {
        try (var service = ScriptedService.answering(
                (asked, out) -> ScriptedService.send(out, asked.method().equals("PUT") ? 403 : 200, USER_DATA))) {
            assertThatThrownBy(
                            () -> MetadataSource.aws(service.address(), false).fetch(BUDGET))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("status 403")
                    .hasMessageContaining("--allow-imds-v1");
            assertThat(service.asked()).hasSize(1);
        }
    }

    @Test
    void awsWithoutATokenWorksWhenAllowed() throws Exception {
        try (var service = ScriptedService.answering(
                (asked, out) -> ScriptedService.send(out, asked.method().equals("PUT") ? 403 : 200, USER_DATA))) {
            assertThat(text(MetadataSource.aws(service.address(), true).fetch(BUDGET)))
                    .isEqualTo(USER_DATA);
            assertThat(service.asked().get(1).header("X-aws-ec2-metadata-token"))
                    .isEmpty();
        }
    }

    @Test
    void aTokenThatWouldBreakTheRequestIsRefused() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> ScriptedService.send(out, 200, "a\r\nHost: b"))) {
            assertThatThrownBy(
                            () -> MetadataSource.aws(service.address(), false).fetch(BUDGET))
                    .hasMessageContaining("not a session token");
        }
    }

    @Test
    void googleIsAskedWithItsHeader() throws Exception {
        try (var service =
                ScriptedService.answering((asked, out) -> ScriptedService.send(out, 200, base64(USER_DATA)))) {
            assertThat(text(MetadataSource.google(service.address()).fetch(BUDGET)))
                    .isEqualTo(USER_DATA);
            assertThat(service.asked().getFirst().target())
                    .isEqualTo("/computeMetadata/v1/instance/attributes/user-data");
            assertThat(service.asked().getFirst().header("Metadata-Flavor")).isEqualTo("Google");
        }
    }

    @Test
    void alibabaIsAskedPlainly() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> ScriptedService.send(out, 200, USER_DATA))) {
            assertThat(text(MetadataSource.alibaba(service.address()).fetch(BUDGET)))
                    .isEqualTo(USER_DATA);
            assertThat(service.asked().getFirst().target()).isEqualTo("/latest/user-data");
        }
    }

    @Test
    void anEmptyAnswerIsNoUserData() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> ScriptedService.send(out, 200, "\n"))) {
            assertThatThrownBy(() -> MetadataSource.azure(service.address()).fetch(BUDGET))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("empty");
        }
    }

    @Test
    void whatIsNotBase64IsRefusedInWords() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> ScriptedService.send(out, 200, USER_DATA))) {
            assertThatThrownBy(() -> MetadataSource.google(service.address()).fetch(BUDGET))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("not base64");
        }
    }

    @Test
    void aRedirectIsNotFollowed() throws Exception {
        try (var service = ScriptedService.answering((asked, out) ->
                out.write("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                        .getBytes(StandardCharsets.ISO_8859_1)))) {
            assertThatThrownBy(() -> MetadataSource.alibaba(service.address()).fetch(BUDGET))
                    .hasMessageContaining("status 302");
            assertThat(service.asked()).hasSize(1);
        }
    }

    @Test
    void anAnnouncedFloodIsNotRead() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> out.write(
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx".getBytes(StandardCharsets.ISO_8859_1)))) {
            assertThatThrownBy(() -> MetadataSource.alibaba(service.address()).fetch(BUDGET))
                    .hasMessageContaining("limit of " + Sources.USER_DATA_LIMIT_BYTES);
        }
    }

    @Test
    void anEndlessAnswerIsCutAtTheLimit() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> {
            out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            byte[] piece = new byte[64 << 10];
            for (int i = 0; i < 10_000; i++) {
                out.write(piece);
            }
        })) {
            assertThatThrownBy(() -> MetadataSource.alibaba(service.address()).fetch(BUDGET))
                    .hasMessageContaining("limit of " + Sources.USER_DATA_LIMIT_BYTES);
        }
    }

    @Test
    void anAnswerThatDripsEndsWithTheBudget() throws Exception {
        try (var service = ScriptedService.answering((asked, out) -> {
            out.write("HTTP/1.1 200 OK\r\nX: ".getBytes(StandardCharsets.ISO_8859_1));
            while (true) {
                out.write('x');
                out.flush();
                Thread.sleep(20);
            }
        })) {
            assertThatThrownBy(() -> MetadataSource.alibaba(service.address()).fetch(Duration.ofMillis(300)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("not answered within");
        }
    }

    @Test
    void whatIsNotHttpIsRefused() throws Exception {
        try (var service = ScriptedService.answering(
                (asked, out) -> out.write("SSH-2.0-OpenSSH\r\n".getBytes(StandardCharsets.ISO_8859_1)))) {
            assertThatThrownBy(() -> MetadataSource.alibaba(service.address()).fetch(BUDGET))
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void aTruncatedAnswerIsRefused() throws Exception {
        try (var service = ScriptedService.answering(
                (asked, out) -> out.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n#cloud-config"
                        .getBytes(StandardCharsets.ISO_8859_1)))) {
            assertThatThrownBy(() -> MetadataSource.alibaba(service.address()).fetch(BUDGET))
                    .isInstanceOf(IOException.class);
        }
    }
}
